"""Rules of ECS, Lambda, launch templates, auto scaling groups and volumes."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

from nautilus.sandbox.simulation.rules import Finding, RuleContext, arn, listed, number, rule, truth
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown

_SERVICE = "aws:ecs/service:Service"
_TASK = "aws:ecs/taskDefinition:TaskDefinition"
STRATEGIES = ("ROLLING", "BLUE_GREEN", "LINEAR", "CANARY")
STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)
_NO_PAUSE = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")


def _minutes(owner: Mapping[str, Any], name: str, path: str, low: int = 0, high: int = 1440) -> Iterator[Finding]:
    value = owner.get(name)
    if value is None or value is UNKNOWN:
        return
    found = number(value)
    if found is None or not found.is_integer() or not low <= found <= high:
        yield path, f"is {shown(value)}, but must be {low} to {high} whole minutes"


@rule(
    "ecs-deployment",
    "ECS DeploymentConfiguration: strategies, bake times 0 to 1440 min, canary 0.1 to 100 %, linear steps 3 to 100 %",
    _SERVICE,
)
def deployment(ctx: RuleContext) -> Iterator[Finding]:
    """Native deployment settings of a service."""
    config = ctx.get("deploymentConfiguration")
    if not is_map(config):
        return
    base = "deploymentConfiguration"
    strategy = config.get("strategy") or "ROLLING"
    if strategy is UNKNOWN:
        ctx.later(f"{base}.strategy")
        return
    if strategy not in STRATEGIES:
        yield f"{base}.strategy", f"is {shown(strategy)}, but ECS accepts {', '.join(STRATEGIES)}"
        return
    yield from _minutes(config, "bakeTimeInMinutes", f"{base}.bakeTimeInMinutes")
    if strategy == "BLUE_GREEN" and config.get("bakeTimeInMinutes") is None:
        yield f"{base}.bakeTimeInMinutes", "is missing, but BLUE_GREEN needs it"
    parts = (
        ("linearConfiguration", "LINEAR", "stepPercent", 3.0, "stepBakeTimeInMinutes"),
        ("canaryConfiguration", "CANARY", "canaryPercent", 0.1, "canaryBakeTimeInMinutes"),
    )
    for name, owner, percent, low, bake in parts:
        sub = config.get(name)
        if not is_map(sub):
            continue
        if strategy != owner:
            yield f"{base}.{name}", f"goes with {owner} only, but the strategy is {strategy}"
        value = number(sub.get(percent))
        if value is not None and not low <= value <= 100:
            yield f"{base}.{name}.{percent}", f"is {value:g} %, but ECS accepts {low:g} to 100"
        yield from _minutes(sub, bake, f"{base}.{name}.{bake}")
    yield from _hooks(config, f"{base}.lifecycleHooks")


def _hooks(config: Mapping[str, Any], base: str) -> Iterator[Finding]:
    hooks = config.get("lifecycleHooks")
    for index, hook in enumerate(hooks if is_list(hooks) else []):
        if not is_map(hook):
            continue
        path = f"{base}[{index}]"
        stages = hook.get("lifecycleStages")
        if stages is None or stages == []:
            yield f"{path}.lifecycleStages", "names no stage"
        pause = hook.get("targetType") == "PAUSE"
        for position, stage in enumerate(stages if is_list(stages) else []):
            if isinstance(stage, str) and stage not in STAGES:
                yield f"{path}.lifecycleStages[{position}]", f"is {shown(stage)}, but ECS knows {', '.join(STAGES)}"
            elif pause and stage in _NO_PAUSE:
                yield f"{path}.lifecycleStages[{position}]", f"is {stage}, where ECS refuses a PAUSE hook"
        if hook.get("targetType") in {None, "AWS_LAMBDA"}:
            for name in ("hookTargetArn", "roleArn"):
                if hook.get(name) is None:
                    yield f"{path}.{name}", "is missing, but a Lambda hook needs it"
            target = arn(hook.get("hookTargetArn"))
            if isinstance(hook.get("hookTargetArn"), str) and (target is None or target.service != "lambda"):
                yield f"{path}.hookTargetArn", f"is {shown(hook.get('hookTargetArn'))}, but must be the ARN of a Lambda function"
        timeout = hook.get("timeoutConfiguration")
        if pause and is_map(timeout):
            yield from _minutes(timeout, "timeoutInMinutes", f"{path}.timeoutConfiguration.timeoutInMinutes", 1, 20160)
        details = hook.get("hookDetails")
        if isinstance(details, str):
            try:
                json.loads(details)
            except ValueError as error:
                yield f"{path}.hookDetails", f"is no JSON ({error})"


def _document(value: Any, path: str, waiting: set[str]) -> Any:
    """A value as ECS's API has it: what is not known yet is left out (its path goes to `waiting`), and numbers in strings are numbers."""
    if is_map(value):
        out: dict[str, Any] = {}
        for key, item in value.items():
            here = f"{path}.{key}"
            if item is UNKNOWN:
                waiting.add(here)
            elif item is not None and not key.startswith("__"):
                out[key] = _document(item, here, waiting)
        return out
    if is_list(value):
        return [_document(item, f"{path}[{index}]", waiting) for index, item in enumerate(value) if item is not UNKNOWN]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _minutes_as_numbers(value: Any) -> Any:
    """Pulumi has minutes as strings, the API as whole numbers; what is no number stays as it is and is found."""
    if is_map(value):
        return {
            key: int(item) if key.endswith("InMinutes") and isinstance(item, str) and item.isdecimal() else _minutes_as_numbers(item)
            for key, item in value.items()
        }
    return [_minutes_as_numbers(item) for item in value] if is_list(value) else value


@rule(
    "ecs-deployment-model",
    "ECS's service model (botocore): DeploymentConfiguration, DeploymentAlarms, DeploymentCircuitBreaker and LoadBalancer, member by member",
    _SERVICE,
)
def deployment_model(ctx: RuleContext) -> Iterator[Finding]:
    """Types, enums, ranges and required members of what a service says about its deployments and load balancers."""
    parts: list[tuple[str, str, Any]] = [
        ("DeploymentConfiguration", "deploymentConfiguration", ctx.get("deploymentConfiguration")),
        ("DeploymentAlarms", "alarms", ctx.get("alarms")),
        ("DeploymentCircuitBreaker", "deploymentCircuitBreaker", ctx.get("deploymentCircuitBreaker")),
    ]
    for index, balancer in enumerate(ctx.items("loadBalancers")):
        named = (
            {("loadBalancerName" if key == "elbName" else key): item for key, item in balancer.items()} if is_map(balancer) else balancer
        )
        parts.append(("LoadBalancer", f"loadBalancers[{index}]", named))
    for shape, path, value in parts:
        if not is_map(value):
            continue
        waiting: set[str] = set()
        document = _minutes_as_numbers(_document(value, path, waiting))
        for hook in listed(document.get("lifecycleHooks")):
            if is_map(hook):
                # JSON of its own, which the API does not look into.
                hook.pop("hookDetails", None)
        for where, reason in ctx.api.document("ecs", shape, document, path):
            if where not in waiting:
                yield where, reason


@rule(
    "ecs-traffic-shift",
    "ECS blue/green: two target groups, a production listener rule and a role for every load balancer of the service",
    _SERVICE,
)
def traffic_shift(ctx: RuleContext) -> Iterator[Finding]:
    """What traffic shifting needs of a service's load balancers."""
    config = ctx.get("deploymentConfiguration")
    strategy = config.get("strategy") if is_map(config) else None
    if strategy in {None, "ROLLING"} or strategy not in STRATEGIES:
        return
    controller = ctx.get("deploymentController")
    kind = controller.get("type") if is_map(controller) else None
    if kind not in {None, "ECS"} and kind is not UNKNOWN:
        yield "deploymentController.type", f"is {shown(kind)}, but {strategy} needs the ECS controller"
    if ctx.text("schedulingStrategy") == "DAEMON":
        yield "schedulingStrategy", f"is DAEMON, but {strategy} needs REPLICA"
    for index, balancer in enumerate(ctx.items("loadBalancers")):
        if not is_map(balancer):
            continue
        base = f"loadBalancers[{index}].advancedConfiguration"
        advanced = balancer.get("advancedConfiguration")
        if advanced is None:
            yield base, f"is missing, but {strategy} needs an alternate target group, a production listener rule and a role"
        if not is_map(advanced):
            continue
        for name in ("alternateTargetGroupArn", "productionListenerRule", "roleArn"):
            if advanced.get(name) is None:
                yield f"{base}.{name}", f"is missing, but {strategy} needs it"
        for name in ("productionListenerRule", "testListenerRule"):
            value = advanced.get(name)
            if isinstance(value, str) and ":listener-rule/" not in value and ":listener/net/" not in value:
                yield (
                    f"{base}.{name}",
                    f"is {shown(value)}, but must be the ARN of a listener rule (or of a Network Load Balancer's listener)",
                )
        test = advanced.get("testListenerRule")
        if isinstance(test, str) and test == advanced.get("productionListenerRule"):
            yield f"{base}.testListenerRule", "is the same rule as productionListenerRule"
        for owner, name, path in (
            (balancer, "targetGroupArn", f"loadBalancers[{index}].targetGroupArn"),
            (advanced, "alternateTargetGroupArn", f"{base}.alternateTargetGroupArn"),
        ):
            value = owner.get(name)
            if isinstance(value, str) and ":targetgroup/" not in value:
                yield path, f"is {shown(value)}, but must be the ARN of a target group"
        role = advanced.get("roleArn")
        if isinstance(role, str) and ":role/" not in role:
            yield f"{base}.roleArn", f"is {shown(role)}, but must be the ARN of a role"
        other = advanced.get("alternateTargetGroupArn")
        if isinstance(other, str) and other == balancer.get("targetGroupArn"):
            yield f"{base}.alternateTargetGroupArn", "is the same target group as targetGroupArn"


@rule(
    "ecs-service",
    "ECS CreateService: launch type or capacity providers, awsvpc settings on Fargate, a grace period with a load balancer",
    _SERVICE,
)
def service(ctx: RuleContext) -> Iterator[Finding]:
    """Combinations that ECS refuses."""
    if not ctx.absent("launchType") and ctx.inputs.get("capacityProviderStrategies"):
        yield "launchType", "is given together with capacityProviderStrategies; give one"
    if ctx.text("launchType") == "FARGATE" and ctx.absent("networkConfiguration"):
        yield "networkConfiguration", "is missing, but Fargate needs subnets"
    network = ctx.get("networkConfiguration")
    if is_map(network) and network.get("subnets") == []:
        yield "networkConfiguration.subnets", "is empty"
    if (
        not ctx.absent("healthCheckGracePeriodSeconds")
        and ctx.inputs.get("loadBalancers") in (None, [])
        and ctx.absent("serviceRegistries")
    ):
        yield "healthCheckGracePeriodSeconds", "is given, but the service has no load balancer"
    low, high = ctx.number("deploymentMinimumHealthyPercent"), ctx.number("deploymentMaximumPercent")
    if low == 100 and high == 100:
        yield "deploymentMaximumPercent", "is 100 with a minimum of 100: no deployment could make progress"
    rebalancing = ctx.text("availabilityZoneRebalancing")
    if rebalancing == "ENABLED" and high is not None and high <= 100:
        yield "availabilityZoneRebalancing", f"is ENABLED, but needs deploymentMaximumPercent above 100 (it is {high:g})"
    strategies = ctx.items("capacityProviderStrategies")
    bases = [each for each in strategies if is_map(each) and number(each.get("base"))]
    if len(bases) > 1:
        yield "capacityProviderStrategies", "has a base on more than one provider"
    for index, balancer in enumerate(ctx.items("loadBalancers")):
        if is_map(balancer):
            port = number(balancer.get("containerPort"))
            if port is not None and not 1 <= port <= 65535:
                yield f"loadBalancers[{index}].containerPort", f"is {port:g}, but a port is 1 to 65535"
    breaker = ctx.get("deploymentCircuitBreaker")
    if is_map(breaker) and truth(breaker.get("rollback")) and truth(breaker.get("enable")) is False:
        yield "deploymentCircuitBreaker.rollback", "is set, but the circuit breaker is not enabled"
    alarms = ctx.get("alarms")
    if is_map(alarms) and alarms.get("alarmNames") == []:
        yield "alarms.alarmNames", "is empty"


# CPU units → MiB of memory that Fargate offers.
_FARGATE: dict[int, list[int]] = {
    256: [512, 1024, 2048],
    512: list(range(1024, 4097, 1024)),
    1024: list(range(2048, 8193, 1024)),
    2048: list(range(4096, 16385, 1024)),
    4096: list(range(8192, 30721, 1024)),
    8192: list(range(16384, 61441, 4096)),
    16384: list(range(32768, 122881, 8192)),
}


def _units(value: Any, factor: int, words: tuple[str, ...]) -> int | None:
    """CPU units or MiB, from a number or a text such as `4 vCPU`, `16GB`."""
    if isinstance(value, bool) or value is None or value is UNKNOWN:
        return None
    text = str(value).strip().lower().replace(" ", "")
    for word in words:
        if text.endswith(word):
            try:
                return int(float(text.removesuffix(word)) * factor)
            except ValueError:
                return None
    found = number(text)
    return int(found) if found is not None else None


@rule("ecs-fargate-size", "ECS task definition parameters: CPU and memory that Fargate offers", _TASK)
def fargate_size(ctx: RuleContext) -> Iterator[Finding]:
    """Sizes that Fargate does not have."""
    kinds = ctx.get("requiresCompatibilities")
    if not is_list(kinds) or "FARGATE" not in kinds:
        return
    for name in ("cpu", "memory"):
        if ctx.absent(name):
            yield name, "is missing, but Fargate needs it for the task"
    if ctx.text("networkMode") not in {"awsvpc"} and ctx.inputs.get("networkMode") is not UNKNOWN:
        yield "networkMode", f"is {shown(ctx.text('networkMode'))}, but Fargate needs awsvpc"
    if ctx.absent("executionRoleArn"):
        document = containers(ctx)
        if any(
            is_map(each) and (each.get("secrets") or _log_driver(each) == "awslogs" or ".dkr.ecr." in str(each.get("image")))
            for each in document or []
        ):
            yield "executionRoleArn", "is missing, but pulling from ECR, secrets and awslogs need it"
    storage = ctx.get("ephemeralStorage")
    size = number(storage.get("sizeInGib")) if is_map(storage) else None
    if size is not None and not 21 <= size <= 200:
        yield "ephemeralStorage.sizeInGib", f"is {size:g}, but Fargate takes 21 to 200 GiB (20 are there without it)"
    cpu, memory = _units(ctx.inputs.get("cpu"), 1024, ("vcpu",)), _units(ctx.inputs.get("memory"), 1024, ("gb",))
    if cpu is None or memory is None:
        return
    if cpu not in _FARGATE:
        yield "cpu", f"is {cpu}, but Fargate offers {', '.join(str(each) for each in _FARGATE)} units"
    elif memory not in _FARGATE[cpu]:
        choices = _FARGATE[cpu]
        yield (
            "memory",
            f"is {memory} MiB, but Fargate offers {choices[0]} to {choices[-1]} MiB in steps of {choices[1] - choices[0]} for {cpu} CPU units",
        )


def _log_driver(container: Mapping[str, Any]) -> str | None:
    config = container.get("logConfiguration")
    return config.get("logDriver") if is_map(config) else None


def containers(ctx: RuleContext) -> list[Any] | None:
    """The container definitions of a task definition, where they are known JSON."""
    text = ctx.text("containerDefinitions")
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if is_list(found) else None


@rule("ecs-containers", "ECS RegisterTaskDefinition, ContainerDefinition: members, health checks, stop time-outs, ports", _TASK)
def container_definitions(ctx: RuleContext) -> Iterator[Finding]:
    """The JSON of container definitions, member by member."""
    text = ctx.text("containerDefinitions")
    base = "containerDefinitions"
    if text is None:
        if ctx.inputs.get(base) is UNKNOWN:
            ctx.later(base)
        return
    try:
        parsed = json.loads(text)
    except ValueError as error:
        yield base, f"is no JSON ({error})"
        return
    if not is_list(parsed) or not parsed:
        yield base, "must be a JSON list of at least one container"
        return
    yield from ctx.api.document("ecs", "ContainerDefinitions", parsed, base)
    items = [each for each in parsed if is_map(each)]
    names = [each.get("name") for each in items]
    for index, each in enumerate(items):
        path = f"{base}[{index}]"
        for name in ("name", "image"):
            if not each.get(name):
                yield f"{path}.{name}", "is missing"
        if names.count(each.get("name")) > 1:
            yield f"{path}.name", f"is {shown(each.get('name'))}, which another container has too"
        elif isinstance(each.get("name"), str) and not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", each["name"]):
            yield f"{path}.name", f"is {shown(each['name'])}, but must be letters, digits, hyphens and underscores"
        yield from _container(ctx, each, path, {name for name in names if isinstance(name, str)})
    if not any(each.get("essential", True) is not False for each in items):
        yield base, "has no essential container"
    yield from _order(items, base)
    yield from _routers(items, base)
    if ctx.text("networkMode") == "awsvpc":
        yield from _ports(items, base)
    yield from _sums(ctx, items, base)


def _order(items: list[dict[str, Any]], base: str) -> Iterator[Finding]:
    """Containers that wait for what never comes."""
    by_name = {each["name"]: each for each in items if isinstance(each.get("name"), str)}
    needs: dict[str, set[str]] = {name: set() for name in by_name}
    for index, each in enumerate(items):
        for position, need in enumerate(listed(each.get("dependsOn"))):
            wanted = need.get("containerName") if is_map(need) else None
            other = by_name.get(wanted) if isinstance(wanted, str) else None
            if other is None:
                continue
            path = f"{base}[{index}].dependsOn[{position}].condition"
            condition = need.get("condition")
            if condition == "HEALTHY" and not is_map(other.get("healthCheck")):
                yield path, f"is HEALTHY, but {other['name']} has no health check"
            if condition in {"COMPLETE", "SUCCESS"} and other.get("essential", True) is not False:
                yield path, f"is {condition}, but {other['name']} is essential: the task would end with it"
            if isinstance(each.get("name"), str):
                needs[each["name"]].add(other["name"])
    while needs:
        free = [name for name, others in needs.items() if not others & needs.keys()]
        if not free:
            yield base, f"has containers that wait for each other: {', '.join(sorted(needs))}"
            return
        for name in free:
            del needs[name]


def _routers(items: list[dict[str, Any]], base: str) -> Iterator[Finding]:
    """FireLens: one router at most, and one where output is routed; never its own."""
    routers = [index for index, each in enumerate(items) if each.get("firelensConfiguration") is not None]
    for index in routers[1:]:
        yield f"{base}[{index}].firelensConfiguration", "is the second of the task, which takes one"
    for index, each in enumerate(items):
        if _log_driver(each) != "awsfirelens":
            continue
        path = f"{base}[{index}].logConfiguration.logDriver"
        if index in routers:
            yield path, "is awsfirelens in the log router itself"
        elif not routers:
            yield path, "is awsfirelens, but no container of the task has a firelensConfiguration"


def _ports(items: list[dict[str, Any]], base: str) -> Iterator[Finding]:
    """Two containers of a task share one address."""
    seen: dict[tuple[int, str], str] = {}
    for index, each in enumerate(items):
        for position, port in enumerate(listed(each.get("portMappings"))):
            if not is_map(port) or not isinstance(port.get("containerPort"), int):
                continue
            key = (port["containerPort"], str(port.get("protocol") or "tcp"))
            path = f"{base}[{index}].portMappings[{position}].containerPort"
            if key in seen:
                yield path, f"is {key[0]}/{key[1]}, which {seen[key]} takes already"
            seen.setdefault(key, str(each.get("name")))


def _container(ctx: RuleContext, each: Mapping[str, Any], path: str, names: set[str]) -> Iterator[Finding]:
    fargate = "FARGATE" in (listed(ctx.get("requiresCompatibilities")))
    ranges: tuple[tuple[Any, str, float, float, str], ...] = ()
    health = each.get("healthCheck")
    if is_map(health):
        ranges = (
            (health.get("interval"), "healthCheck.interval", 5, 300, "s"),
            (health.get("timeout"), "healthCheck.timeout", 2, 120, "s"),
            (health.get("retries"), "healthCheck.retries", 1, 10, "times"),
            (health.get("startPeriod"), "healthCheck.startPeriod", 0, 300, "s"),
        )
        command = health.get("command")
        if is_list(command) and command and command[0] not in {"CMD", "CMD-SHELL", "NONE"}:
            yield f"{path}.healthCheck.command", f"starts with {shown(command[0])}, but must start with CMD or CMD-SHELL"
    if fargate:
        ranges += ((each.get("stopTimeout"), "stopTimeout", 0, 120, "s on Fargate"),)
        if each.get("privileged") is True:
            yield f"{path}.privileged", "is true, which Fargate refuses"
    for value, name, low, high, unit in ranges:
        found = number(value)
        if found is not None and not low <= found <= high:
            yield f"{path}.{name}", f"is {found:g}, but ECS accepts {low:g} to {high:g} {unit}"
    if ctx.text("networkMode") == "awsvpc":
        for index, port in enumerate(listed(each.get("portMappings"))):
            if is_map(port) and port.get("hostPort") is not None and port.get("hostPort") != port.get("containerPort"):
                yield (
                    f"{path}.portMappings[{index}].hostPort",
                    f"is {port.get('hostPort')}, but awsvpc maps no ports: it must be {port.get('containerPort')}",
                )
    for index, need in enumerate(listed(each.get("dependsOn"))):
        if is_map(need) and need.get("containerName") not in names:
            yield f"{path}.dependsOn[{index}].containerName", f"is {shown(need.get('containerName'))}, which is no container of the task"
    for index, mount in enumerate(listed(each.get("mountPoints"))):
        volumes = {volume.get("name") for volume in ctx.items("volumes") if is_map(volume)}
        if (
            is_map(mount)
            and mount.get("sourceVolume") not in volumes
            and ctx.inputs.get("volumes") is not UNKNOWN
            and UNKNOWN not in volumes
        ):
            yield f"{path}.mountPoints[{index}].sourceVolume", f"is {shown(mount.get('sourceVolume'))}, which is no volume of the task"
    for name in ("environment", "secrets"):
        keys = [pair.get("name") for pair in listed(each.get(name)) if is_map(pair)]
        for key in sorted({key for key in keys if isinstance(key, str) and keys.count(key) > 1}):
            yield f"{path}.{name}", f"has {key} twice"
    config = each.get("logConfiguration")
    if is_map(config) and config.get("logDriver") == "awslogs":
        options = config.get("options") or {}
        for need in ("awslogs-group", "awslogs-region", *(("awslogs-stream-prefix",) if fargate else ())):
            if is_map(options) and need not in options:
                yield f"{path}.logConfiguration.options.{need}", "is missing, but the awslogs driver needs it"


def _sums(ctx: RuleContext, items: list[dict[str, Any]], base: str) -> Iterator[Finding]:
    for name, factor, words in (("cpu", 1024, ("vcpu",)), ("memory", 1024, ("gb",))):
        total = _units(ctx.inputs.get(name), factor, words)
        parts = [
            int(found)
            for each in items
            if (found := number(each.get("memoryReservation" if name == "memory" and each.get("memory") is None else name))) is not None
        ]
        if total is not None and sum(parts) > total:
            yield base, f"asks for {sum(parts)} of {name} in all, but the task has {total}"


@rule(
    "ecs-cluster",
    "ECS ClusterConfiguration: an overridden log needs its place; keys of scratch disks by id or ARN",
    "aws:ecs/cluster:Cluster",
)
def cluster(ctx: RuleContext) -> Iterator[Finding]:
    """Clusters whose sessions are logged nowhere, or whose key Fargate cannot use."""
    config = ctx.get("configuration")
    if not is_map(config):
        return
    command = config.get("executeCommandConfiguration")
    if is_map(command) and command.get("logging") == "OVERRIDE" and command.get("logConfiguration") is None:
        yield "configuration.executeCommandConfiguration.logConfiguration", "is missing, but logging is OVERRIDE"
    storage = config.get("managedStorageConfiguration")
    key = storage.get("fargateEphemeralStorageKmsKeyId") if is_map(storage) else None
    if isinstance(key, str) and (key.startswith("alias/") or ":alias/" in key or "mrk-" in key):
        yield (
            "configuration.managedStorageConfiguration.fargateEphemeralStorageKmsKeyId",
            f"is {shown(key)}, but Fargate takes neither an alias nor a multi-Region key",
        )


@rule("ecs-task-volumes", "ECS EFSVolumeConfiguration: an access point and IAM need transit encryption", _TASK)
def task_volumes(ctx: RuleContext) -> Iterator[Finding]:
    """EFS volumes without encryption in transit."""
    for index, volume in enumerate(ctx.items("volumes")):
        config = volume.get("efsVolumeConfiguration") if is_map(volume) else None
        if not is_map(config):
            continue
        path = f"volumes[{index}].efsVolumeConfiguration"
        authorization = config.get("authorizationConfig")
        if (
            is_map(authorization)
            and (authorization.get("accessPointId") is not None or authorization.get("iam") == "ENABLED")
            and config.get("transitEncryption") != "ENABLED"
        ):
            yield f"{path}.transitEncryption", "is not ENABLED, but an access point or IAM authorization needs it"
        if is_map(authorization) and authorization.get("accessPointId") is not None and config.get("rootDirectory") not in {None, "/", ""}:
            yield f"{path}.rootDirectory", "is given, but an access point has its own root directory"


# ------------------------------------------------------------------ lambda

_RETIRED = frozenset(
    [
        "nodejs",
        "nodejs4.3",
        "nodejs4.3-edge",
        "nodejs6.10",
        "nodejs8.10",
        "nodejs10.x",
        "nodejs12.x",
        "nodejs14.x",
        "nodejs16.x",
        "nodejs18.x",
        "python2.7",
        "python3.6",
        "python3.7",
        "python3.8",
        "python3.9",
        "dotnetcore1.0",
        "dotnetcore2.0",
        "dotnetcore2.1",
        "dotnetcore3.1",
        "dotnet6",
        "go1.x",
        "java8",
        "ruby2.5",
        "ruby2.7",
        "ruby3.2",
        "provided",
    ]
)


_LAMBDA_OWN = frozenset(
    [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_EXECUTION_ENV",
        "_HANDLER",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    ]
)


@rule(
    "lambda-package",
    "Lambda CreateFunction: runtime and handler go with a zip package, an image URI with an image; retired runtimes are refused",
    "aws:lambda/function:Function",
)
def lambda_package(ctx: RuleContext) -> Iterator[Finding]:
    """Packages that do not fit their settings."""
    image = ctx.text("packageType") == "Image"
    if image:
        for name in ("runtime", "handler", "layers"):
            if ctx.inputs.get(name):
                yield name, "is given, but an image brings its own"
        if ctx.absent("imageUri"):
            yield "imageUri", "is missing, but packageType is Image"
    else:
        for name in ("runtime", "handler"):
            if ctx.absent(name):
                yield name, "is missing, but a zip package needs it"
        if ctx.absent("code") and ctx.absent("s3Bucket"):
            yield "code", "is missing: give code or s3Bucket and s3Key"
    runtime = ctx.text("runtime")
    if runtime in _RETIRED:
        yield "runtime", f"is {runtime}, which Lambda creates no functions of any more"
    layers = ctx.get("layers")
    if is_list(layers) and len(layers) > 5:
        yield "layers", f"names {len(layers)}, but a function takes 5 at most"


@rule("lambda-environment", "Lambda quotas: environment variables take 4 KiB in all; reserved names", "aws:lambda/function:Function")
def lambda_environment(ctx: RuleContext) -> Iterator[Finding]:
    """Environment variables that Lambda refuses."""
    environment = ctx.get("environment")
    variables = environment.get("variables") if is_map(environment) else None
    if not is_map(variables):
        return
    size = sum(len(key) + len(value) for key, value in variables.items() if isinstance(value, str))
    if size > 4096:
        yield "environment.variables", f"takes {size} bytes, but Lambda accepts 4096 in all"
    for key in variables:
        if key in _LAMBDA_OWN:
            yield f"environment.variables.{key}", "is a name that Lambda sets itself"
        elif not re.fullmatch(r"[A-Za-z]\w+", key):
            yield f"environment.variables.{key}", "must be a letter and at least one more letter, digit or underscore"


# ------------------------------------------------------------------ ec2


@rule("autoscaling-sizes", "EC2 Auto Scaling: least ≤ desired ≤ most; one template", "aws:autoscaling/group:Group")
def autoscaling_sizes(ctx: RuleContext) -> Iterator[Finding]:
    """Groups whose sizes contradict, or that have nothing to launch."""
    low, high, want = ctx.number("minSize"), ctx.number("maxSize"), ctx.number("desiredCapacity")
    if low is not None and high is not None and low > high:
        yield "minSize", f"is {low:g}, above maxSize {high:g}"
    if want is not None and ((low is not None and want < low) or (high is not None and want > high)):
        yield "desiredCapacity", f"is {want:g}, outside minSize {low} to maxSize {high}"
    given = [name for name in ("launchTemplate", "mixedInstancesPolicy", "launchConfiguration") if not ctx.absent(name)]
    if len(given) != 1:
        yield (
            "launchTemplate",
            f"{len(given)} of launchTemplate, mixedInstancesPolicy and launchConfiguration are given, but a group takes one",
        )
    if ctx.absent("vpcZoneIdentifiers") and ctx.absent("availabilityZones"):
        yield "vpcZoneIdentifiers", "is missing: name subnets (or availabilityZones)"
    if ctx.inputs.get("vpcZoneIdentifiers") and ctx.inputs.get("availabilityZones"):
        yield "availabilityZones", "is given together with vpcZoneIdentifiers; give one"


@rule("launch-template-data", "EC2 RunInstances: base64 user data of 16 KiB at most", "aws:ec2/launchTemplate:LaunchTemplate")
def launch_template(ctx: RuleContext) -> Iterator[Finding]:
    """User data that EC2 cannot read."""
    import base64
    import binascii

    text = ctx.text("userData")
    if text:
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            yield "userData", "is no base64; encode it"
        else:
            if len(raw) > 16384:
                yield "userData", f"is {len(raw)} bytes, but EC2 accepts 16384"
    if ctx.inputs.get("vpcSecurityGroupIds") and any(is_map(each) for each in ctx.items("networkInterfaces")):
        yield "vpcSecurityGroupIds", "is given together with networkInterfaces; put the groups on the interface"


@rule("ebs-volume", "EC2 CreateVolume: sizes, IOPS and throughput by type; a key goes with encryption", "aws:ebs/volume:Volume")
def ebs_volume(ctx: RuleContext) -> Iterator[Finding]:
    """Volumes that EBS does not offer."""
    kind = ctx.chosen("type", "gp2")
    if kind is None:
        return
    size, iops, throughput = ctx.number("size"), ctx.number("iops"), ctx.number("throughput")
    if size is None and ctx.absent("size") and ctx.absent("snapshotId"):
        yield "size", "is missing: give size or snapshotId"
    if kind == "gp3":
        if iops is not None and not 3000 <= iops <= 80000:
            yield "iops", f"is {iops:g}, but gp3 takes 3000 to 80000"
        if iops is not None and size is not None and iops > max(3000, 500 * size):
            yield "iops", f"is {iops:g}, but gp3 takes 500 a GiB at most ({500 * size:g} for {size:g} GiB)"
        if throughput is not None and not 125 <= throughput <= 2000:
            yield "throughput", f"is {throughput:g} MiB/s, but gp3 takes 125 to 2000"
        if throughput is not None and throughput > 0.25 * (iops or 3000):
            yield "throughput", f"is {throughput:g} MiB/s, but takes 0.25 for each of {iops or 3000:g} IOPS at most"
    else:
        if throughput is not None:
            yield "throughput", f"is given, but {kind} has none to set (gp3 has)"
        if iops is not None and kind not in {"io1", "io2"}:
            yield "iops", f"is given, but {kind} has none to set"
        if iops is None and ctx.absent("iops") and kind in {"io1", "io2"}:
            yield "iops", f"is missing, but {kind} needs it"
    if not ctx.absent("kmsKeyId") and truth(ctx.inputs.get("encrypted")) is not True and ctx.inputs.get("encrypted") is not UNKNOWN:
        yield "encrypted", "is not set, but kmsKeyId is given"


@rule(
    "appautoscaling-target",
    "Application Auto Scaling RegisterScalableTarget: least ≤ most, resource ids by namespace",
    "aws:appautoscaling/target:Target",
)
def scaling_target(ctx: RuleContext) -> Iterator[Finding]:
    """Scalable targets that contradict themselves."""
    low, high = ctx.number("minCapacity"), ctx.number("maxCapacity")
    if low is not None and high is not None and low > high:
        yield "minCapacity", f"is {low:g}, above maxCapacity {high:g}"
    forms = {
        "ecs": r"service/[^/]+/[^/]+",
        "dynamodb": r"table/.+",
        "rds": r"cluster:.+",
        "elasticache": r"(replication-group|cache-cluster)/.+",
        "lambda": r"function:.+:.+",
    }
    space, resource, dimension = ctx.text("serviceNamespace"), ctx.text("resourceId"), ctx.text("scalableDimension")
    if space in forms and resource is not None and not re.fullmatch(forms[space], resource):
        yield "resourceId", f"is {shown(resource)}, but {space} wants the form {forms[space]}"
    if space is not None and dimension is not None and not dimension.startswith(f"{space}:"):
        yield "scalableDimension", f"is {shown(dimension)}, which is none of namespace {space}"


@rule("appautoscaling-policy", "Application Auto Scaling PutScalingPolicy: settings by policy type", "aws:appautoscaling/policy:Policy")
def scaling_policy(ctx: RuleContext) -> Iterator[Finding]:
    """Policies without their settings."""
    kind = ctx.chosen("policyType", "StepScaling")
    needs = {
        "TargetTrackingScaling": "targetTrackingScalingPolicyConfiguration",
        "StepScaling": "stepScalingPolicyConfiguration",
        "PredictiveScaling": "predictiveScalingPolicyConfiguration",
    }
    need = needs.get(kind or "")
    if need is not None and ctx.absent(need):
        yield need, f"is missing, but policyType is {kind}"
    tracking = ctx.get("targetTrackingScalingPolicyConfiguration")
    if is_map(tracking):
        value = number(tracking.get("targetValue"))
        if value is not None and value <= 0:
            yield "targetTrackingScalingPolicyConfiguration.targetValue", f"is {value:g}, but must be above 0"
        metrics = [name for name in ("predefinedMetricSpecification", "customizedMetricSpecification") if tracking.get(name) is not None]
        if len(metrics) != 1:
            yield "targetTrackingScalingPolicyConfiguration", f"names {len(metrics)} metrics, but takes exactly one"
        yield from _customized(
            tracking.get("customizedMetricSpecification"), "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification"
        )


def _customized(spec: Any, base: str) -> Iterator[Finding]:
    """Metric math of a target-tracking policy: one series comes out, and every name in an expression is there."""
    if not is_map(spec):
        return
    plain = [name for name in ("metricName", "namespace", "statistic", "dimensions", "unit") if spec.get(name) is not None]
    metrics = spec.get("metrics")
    if not is_list(metrics):
        if metrics is None:
            for name in ("metricName", "namespace", "statistic"):
                if spec.get(name) is None:
                    yield f"{base}.{name}", "is missing: a customized metric has a name, a namespace and a statistic, or `metrics`"
        return
    if plain:
        yield f"{base}.{plain[0]}", "is given together with metrics; give one"
    if len(metrics) > 10:
        yield f"{base}.metrics", f"has {len(metrics)} entries, but takes 10 at most"
    known = [each for each in metrics if is_map(each)]
    ids = [each.get("id") for each in known]
    shown_ones = sum(truth(each.get("returnData")) is not False for each in known)
    if len(known) == len(metrics) and not any(each.get("returnData") is UNKNOWN for each in known) and shown_ones != 1:
        yield f"{base}.metrics", f"returns {shown_ones} series, but exactly one entry may have returnData (true unless it says otherwise)"
    for index, each in enumerate(metrics):
        if not is_map(each):
            continue
        path = f"{base}.metrics[{index}]"
        name, expression = each.get("id"), each.get("expression")
        if isinstance(name, str) and not re.fullmatch(r"[a-z][A-Za-z0-9_]*", name):
            yield f"{path}.id", f"is {shown(name)}, but must be a small letter, then letters, digits and underscores"
        elif ids.count(name) > 1:
            yield f"{path}.id", f"is {shown(name)}, which another entry has too"
        if (expression is None) == (each.get("metricStat") is None):
            yield path, "needs either expression or metricStat"
        if isinstance(expression, str) and UNKNOWN not in ids:
            for word in sorted(
                set(re.findall(r"(?<![A-Za-z0-9_])[a-z][A-Za-z0-9_]*", expression)) - {each for each in ids if isinstance(each, str)}
            ):
                yield f"{path}.expression", f"names {word}, which is the id of no entry"


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@rule(
    "appautoscaling-bounds",
    "Application Auto Scaling PutScheduledAction: a time zone of the IANA database, and something that changes",
    "aws:appautoscaling/scheduledAction:ScheduledAction",
)
def scheduled_bounds(ctx: RuleContext) -> Iterator[Finding]:
    """Scheduled scaling in a zone that does not exist, or of nothing."""
    zone = ctx.text("timezone")
    if zone is not None and zone not in _zones():
        yield "timezone", f"is {shown(zone)}, which is no time zone of the IANA database"
    action = ctx.get("scalableTargetAction")
    if is_map(action) and action.get("minCapacity") is None and action.get("maxCapacity") is None:
        yield "scalableTargetAction", "changes neither minCapacity nor maxCapacity"
