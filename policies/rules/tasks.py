"""Rules about what tasks may do on the machine and in the network, and how services deploy them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, later, unknown, unresolved, violation
from policies.rules.containers import TASK_DEFINITION
from policies.values import ABSENT, UNKNOWN, Gap, Value, parse_json

SERVICE = "aws:ecs/service:Service"
_DOCUMENT = "containerDefinitions"
_BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_ROOT = re.compile(r"^(0+|root)?(:.*)?$")
_DIGEST = "sha256:" + "0" * 64


def _containers(task: Resource) -> list[dict[str, Value]] | Problem:
    """The container definitions, or why they cannot be judged."""
    raw = task.get(_DOCUMENT)
    if raw is ABSENT:
        return []
    if isinstance(raw, Gap):
        return later(task, _DOCUMENT)
    found = raw
    if isinstance(raw, str):
        try:
            found = parse_json(raw)
        except ValueError:
            return violation(task, _DOCUMENT, "is not a JSON document")
    if not isinstance(found, list):
        return violation(task, _DOCUMENT, "is not a list of containers")
    made: list[dict[str, Value]] = []
    for each in found:
        if not isinstance(each, dict):
            return later(task, _DOCUMENT)
        made.append(each)
    return made


def each_container(task: Resource) -> Iterator[tuple[dict[str, Value], str] | Problem]:
    """The containers of a task definition, each with what messages call it; a problem instead of what cannot be judged."""
    found = _containers(task)
    if isinstance(found, Problem):
        yield found
        return
    for each in found:
        yield each, f"container {each.get('name', 'without a name')}"


def _judged(task: Resource, key: str, accepted: bool, message: str) -> Iterator[Problem]:
    """Every container's switch `key` stands at `accepted`; absent is off."""
    for found in each_container(task):
        if isinstance(found, Problem):
            yield found
            continue
        container, name = found
        value = container.get(key, ABSENT)
        if value is UNKNOWN:
            yield later(task, _DOCUMENT)
        elif (value is True) != accepted:
            yield violation(task, _DOCUMENT, f"{name} {message}")


def _users(task: Resource) -> Iterator[Problem]:
    mode = task.get("networkMode")
    if mode is UNKNOWN:
        yield unresolved(task, "networkMode")
    elif mode != "awsvpc":
        yield violation(task, "networkMode", "shares the network of its host: no security group is its own")
    for found in each_container(task):
        if isinstance(found, Problem):
            yield found
            continue
        container, name = found
        user = container.get("user", ABSENT)
        if user is UNKNOWN:
            yield later(task, _DOCUMENT)
        elif user is ABSENT or _ROOT.match(str(user)):
            yield violation(task, _DOCUMENT, f"{name} runs as {'whoever its image says' if user is ABSENT else 'root'}")


def _unprivileged(task: Resource) -> Iterator[Problem]:
    return _judged(task, "privileged", accepted=False, message="is privileged")


def _read_only(task: Resource) -> Iterator[Problem]:
    return _judged(task, "readonlyRootFilesystem", accepted=True, message="can change its own programs")


def _host(task: Resource) -> Iterator[Problem]:
    for prop, what in (("pidMode", "processes"), ("ipcMode", "memory")):
        value = task.get(prop)
        if value is UNKNOWN:
            yield unresolved(task, prop)
        elif value == "host":
            yield violation(task, prop, f"shows the host's {what} to the task")


def _digests(task: Resource) -> Iterator[Problem]:
    for found in each_container(task):
        if isinstance(found, Problem):
            yield found
            continue
        container, name = found
        image = container.get("image", ABSENT)
        if image is UNKNOWN:
            yield later(task, _DOCUMENT)
        elif not isinstance(image, str) or not _BY_DIGEST.search(image):
            yield violation(task, _DOCUMENT, f"{name} names its image without a digest")


def _private(service: Resource) -> Iterator[Problem]:
    value = service.get("networkConfiguration.assignPublicIp")
    if value is UNKNOWN:
        yield unresolved(service, "networkConfiguration")
    elif value in (True, "true", "ENABLED"):
        yield violation(service, "networkConfiguration", "gives each task a public address")


def _breaker(service: Resource) -> Iterator[Problem]:
    for switch in ("enable", "rollback"):
        value = service.get(f"deploymentCircuitBreaker.{switch}")
        if value is UNKNOWN:
            yield unresolved(service, "deploymentCircuitBreaker")
            return
        if value is ABSENT or value in (False, "false"):
            yield violation(
                service, "deploymentCircuitBreaker", f"does not {'watch a deployment' if switch == 'enable' else 'roll it back'}"
            )
            return


def _task(**more: object) -> Given:
    container: dict[str, object] = {
        "name": "app",
        "image": f"app@{_DIGEST}",
        "user": "10001:10001",
        "readonlyRootFilesystem": True,
        **{key: value for key, value in more.items() if key not in ("networkMode", "pidMode", "ipcMode")},
    }
    task = {"networkMode": "awsvpc", **{key: value for key, value in more.items() if key in ("networkMode", "pidMode", "ipcMode")}}
    return Given(
        TASK_DEFINITION,
        "task",
        {**task, _DOCUMENT: json.dumps([{key: value for key, value in container.items() if value is not None}])},
    )


_LATER = unknown(
    "composed from what does not exist yet",
    Given(TASK_DEFINITION, "task", {"networkMode": "awsvpc", _DOCUMENT: UNKNOWN}, {_DOCUMENT: ["repository"]}),
    Given("aws:ecr/repository:Repository", "repository", {}),
    expect={"task": Kind.LATER},
)
_UNEXPLAINED = unknown(
    "unknown, and nothing explains it",
    Given(TASK_DEFINITION, "task", {"networkMode": "awsvpc", _DOCUMENT: UNKNOWN}),
    expect={"task": Kind.UNRESOLVED},
)
_BROKEN = bad("a broken document", Given(TASK_DEFINITION, "task", {"networkMode": "awsvpc", _DOCUMENT: "[{"}))
_NO_CONTAINERS = absent("no containers", Given(TASK_DEFINITION, "task", {"networkMode": "awsvpc"}))

ECS_01 = ResourceRule(
    id="ECS-01",
    severity=Severity.HIGH,
    title="Tasks have a network interface of their own, and no container runs as root.",
    rationale="Root in a container is one kernel bug away from root on the host, and a shared interface makes security groups blind.",
    remediation='Set `network_mode="awsvpc"` and a `user` other than 0 for every container.',
    references=("FSBP ECS.1", "FSBP ECS.17", "FSBP ECS.20"),
    types=(TASK_DEFINITION,),
    check=_users,
    examples=(
        good("a user of its own", _task()),
        good("a user by name", _task(user="app")),
        bad("root by number", _task(user="0:0")),
        bad("root by name", _task(user="root")),
        bad("root's user, another group", _task(user="0:10001")),
        bad("the host's network", _task(networkMode="host")),
        _BROKEN,
        _LATER,
        _UNEXPLAINED,
        unknown(
            "a network mode nobody knows",
            Given(TASK_DEFINITION, "task", {"networkMode": UNKNOWN, _DOCUMENT: "[]"}),
            expect={"task": Kind.UNRESOLVED},
        ),
        absent("whoever the image says", _task(user=None), expect={"task": Kind.VIOLATION}),
        absent("ECS's own network mode", Given(TASK_DEFINITION, "task", {_DOCUMENT: "[]"}), expect={"task": Kind.VIOLATION}),
    ),
)

ECS_02 = ResourceRule(
    id="ECS-02",
    severity=Severity.HIGH,
    title="Services give their tasks no public address.",
    rationale="A task with a public address leaves past the NAT gateways and the firewall, and strangers reach it when a rule slips.",
    remediation="Set `assign_public_ip=False` in `network_configuration`.",
    references=("FSBP ECS.2", "CKV_AWS_333"),
    types=(SERVICE,),
    check=_private,
    examples=(
        good("private", Given(SERVICE, "service", {"networkConfiguration": {"assignPublicIp": False}})),
        bad("public", Given(SERVICE, "service", {"networkConfiguration": {"assignPublicIp": True}})),
        unknown(
            "nobody knows",
            Given(SERVICE, "service", {"networkConfiguration": {"assignPublicIp": UNKNOWN}}),
            expect={"service": Kind.UNRESOLVED},
        ),
        absent("the provider's default is private", Given(SERVICE, "service", {"networkConfiguration": {}})),
    ),
)

ECS_03 = ResourceRule(
    id="ECS-03",
    severity=Severity.HIGH,
    title="Tasks see neither the processes nor the memory of their host.",
    rationale="Whoever sees the host's processes reads the variables and secrets of every other task there.",
    remediation="Remove `pid_mode` and `ipc_mode`.",
    references=("FSBP ECS.3", "CKV_AWS_335"),
    types=(TASK_DEFINITION,),
    check=_host,
    examples=(
        good("the task's own", _task(pidMode="task")),
        bad("the host's processes", _task(pidMode="host")),
        bad("the host's memory", _task(ipcMode="host")),
        unknown("nobody knows", Given(TASK_DEFINITION, "task", {"pidMode": UNKNOWN}), expect={"task": Kind.UNRESOLVED}),
        absent("each container its own", _task()),
    ),
)

ECS_04 = ResourceRule(
    id="ECS-04",
    severity=Severity.HIGH,
    title="No container is privileged.",
    rationale="A privileged container has the host's devices and every Linux capability: it is the host.",
    remediation="Remove `privileged` from the container.",
    references=("FSBP ECS.4", "CKV_AWS_334"),
    types=(TASK_DEFINITION,),
    check=_unprivileged,
    examples=(
        good("not privileged", _task(privileged=False)),
        bad("privileged", _task(privileged=True)),
        _BROKEN,
        _LATER,
        _UNEXPLAINED,
        absent("unsaid is unprivileged", _task()),
        _NO_CONTAINERS,
    ),
)

ECS_05 = ResourceRule(
    id="ECS-05",
    severity=Severity.MEDIUM,
    title="Containers cannot write to their root file system.",
    rationale="What breaks in replaces a program and waits for the next call; on a read-only root it finds no place.",
    remediation="Set `readonlyRootFilesystem` and mount a volume where the program must write.",
    references=("FSBP ECS.5", "CKV_AWS_336"),
    types=(TASK_DEFINITION,),
    check=_read_only,
    examples=(
        good("read-only", _task()),
        bad("writable", _task(readonlyRootFilesystem=False)),
        _BROKEN,
        _LATER,
        _UNEXPLAINED,
        absent("ECS's default is writable", _task(readonlyRootFilesystem=None), expect={"task": Kind.VIOLATION}),
    ),
)

ECS_12 = ResourceRule(
    id="ECS-12",
    severity=Severity.HIGH,
    title="A deployment whose tasks do not start is rolled back.",
    rationale="Without the circuit breaker ECS starts a broken version again and again, for days, while nothing says that it failed.",
    remediation='Set `deployment_circuit_breaker={"enable": True, "rollback": True}`.',
    references=(),
    types=(SERVICE,),
    check=_breaker,
    examples=(
        good("watched and rolled back", Given(SERVICE, "service", {"deploymentCircuitBreaker": {"enable": True, "rollback": True}})),
        bad("watched and left", Given(SERVICE, "service", {"deploymentCircuitBreaker": {"enable": True, "rollback": False}})),
        bad("off", Given(SERVICE, "service", {"deploymentCircuitBreaker": {"enable": False, "rollback": True}})),
        unknown(
            "nobody knows",
            Given(SERVICE, "service", {"deploymentCircuitBreaker": {"enable": True, "rollback": UNKNOWN}}),
            expect={"service": Kind.UNRESOLVED},
        ),
        absent("no breaker", Given(SERVICE, "service", {}), expect={"service": Kind.VIOLATION}),
    ),
)

ECS_15 = ResourceRule(
    id="ECS-15",
    severity=Severity.HIGH,
    title="Containers name their image by digest.",
    rationale="A tag can be moved: the image that runs tomorrow is not the one that was scanned, tested and rolled out.",
    remediation="Name the image as `<repository>@sha256:<digest>`.",
    references=("CKV_AWS_51",),
    types=(TASK_DEFINITION,),
    check=_digests,
    examples=(
        good("by digest", _task()),
        bad("by tag", _task(image="app:1.2.3")),
        bad("half a digest", _task(image="app@sha256:0")),
        bad("the newest", _task(image="app")),
        _BROKEN,
        _LATER,
        _UNEXPLAINED,
        absent("no image", _task(image=None), expect={"task": Kind.VIOLATION}),
    ),
)

RULES = (ECS_01, ECS_02, ECS_03, ECS_04, ECS_05, ECS_12, ECS_15)
