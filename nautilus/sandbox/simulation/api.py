"""What AWS's own API models say about a value: enums, ranges, lengths and patterns, from the models that botocore ships.

Only 123 of pulumi_aws's 100,000 input parameters carry an enum, the API models carry thousands. A resource type is mapped to its create call, and
properties to members by name; what does not match is left alone. botocore is not imported: its models are read as files, pruned to the calls that
resource types map to, and cached, one small file for each service that a program touches.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nautilus.sandbox.simulation.types_table import cached
from nautilus.sandbox.simulation.values import UNKNOWN, Asset, is_list, is_map, shown

FORMAT = 4
_LONGEST_PATTERN = 400
"""Characters. Longer patterns are URL or ARN monsters that cost more than they find."""

# Pulumi module → botocore service, where the names differ.
_SERVICES: dict[str, str] = {
    "alb": "elbv2",
    "appautoscaling": "application-autoscaling",
    "applicationloadbalancing": "elbv2",
    "cfg": "config",
    "costexplorer": "ce",
    "ebs": "ec2",
    "ec2transitgateway": "ec2",
    "lb": "elbv2",
    "networkfirewall": "network-firewall",
    "sfn": "stepfunctions",
    "vpc": "ec2",
    "cognito": "cognito-idp",
    "msk": "kafka",
    "servicediscovery": "servicediscovery",
}
# Resource type → service:operation[/member …], where `Create<Type>`, `Put<Type>` or `Register<Type>` of the module's service is not the call.
_CALLS: dict[str, str] = {
    "aws:acm/certificate:Certificate": "acm:RequestCertificate",
    "aws:alb/listenerRule:ListenerRule": "elbv2:CreateRule",
    "aws:appautoscaling/policy:Policy": "application-autoscaling:PutScalingPolicy",
    "aws:appautoscaling/target:Target": "application-autoscaling:RegisterScalableTarget",
    "aws:autoscaling/group:Group": "autoscaling:CreateAutoScalingGroup",
    "aws:autoscaling/policy:Policy": "autoscaling:PutScalingPolicy",
    "aws:backup/plan:Plan": "backup:CreateBackupPlan/BackupPlan",
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": "backup:CreateRestoreTestingPlan/RestoreTestingPlan",
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": "backup:CreateRestoreTestingSelection/RestoreTestingSelection",
    "aws:backup/selection:Selection": "backup:CreateBackupSelection/BackupSelection",
    "aws:backup/vault:Vault": "backup:CreateBackupVault",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": "backup:PutBackupVaultLockConfiguration",
    "aws:backup/vaultNotifications:VaultNotifications": "backup:PutBackupVaultNotifications",
    "aws:budgets/budget:Budget": "budgets:CreateBudget/Budget",
    "aws:cfg/recorder:Recorder": "config:PutConfigurationRecorder/ConfigurationRecorder",
    "aws:cfg/rule:Rule": "config:PutConfigRule/ConfigRule",
    "aws:cloudfront/cachePolicy:CachePolicy": "cloudfront:CreateCachePolicy/CachePolicyConfig",
    "aws:cloudfront/distribution:Distribution": "cloudfront:CreateDistribution/DistributionConfig",
    "aws:cloudfront/function:Function": "cloudfront:CreateFunction/FunctionConfig",
    "aws:cloudfront/originAccessControl:OriginAccessControl": "cloudfront:CreateOriginAccessControl/OriginAccessControlConfig",
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": "cloudfront:CreateOriginRequestPolicy/OriginRequestPolicyConfig",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": "cloudfront:CreateResponseHeadersPolicy/ResponseHeadersPolicyConfig",
    "aws:cloudtrail/trail:Trail": "cloudtrail:CreateTrail",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "cloudwatch:PutCompositeAlarm",
    "aws:cloudwatch/eventRule:EventRule": "events:PutRule",
    "aws:cloudwatch/eventTarget:EventTarget": "events:PutTargets/Targets/[]",
    "aws:cloudwatch/logGroup:LogGroup": "logs:CreateLogGroup",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "logs:PutMetricFilter",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch:PutMetricAlarm",
    "aws:ebs/volume:Volume": "ec2:CreateVolume",
    "aws:ec2/flowLog:FlowLog": "ec2:CreateFlowLogs",
    "aws:ecr/repository:Repository": "ecr:CreateRepository",
    "aws:ecs/taskDefinition:TaskDefinition": "ecs:RegisterTaskDefinition",
    "aws:elasticache/cluster:Cluster": "elasticache:CreateCacheCluster",
    "aws:elasticache/parameterGroup:ParameterGroup": "elasticache:CreateCacheParameterGroup",
    "aws:elasticache/subnetGroup:SubnetGroup": "elasticache:CreateCacheSubnetGroup",
    "aws:iam/rolePolicy:RolePolicy": "iam:PutRolePolicy",
    "aws:kms/replicaKey:ReplicaKey": "kms:ReplicateKey",
    "aws:lambda/functionUrl:FunctionUrl": "lambda:CreateFunctionUrlConfig",
    "aws:lambda/layerVersion:LayerVersion": "lambda:PublishLayerVersion",
    "aws:lambda/permission:Permission": "lambda:AddPermission",
    "aws:lb/listenerRule:ListenerRule": "elbv2:CreateRule",
    "aws:networkfirewall/firewallPolicy:FirewallPolicy": "network-firewall:CreateFirewallPolicy",
    "aws:rds/instance:Instance": "rds:CreateDBInstance",
    "aws:rds/parameterGroup:ParameterGroup": "rds:CreateDBParameterGroup",
    "aws:rds/proxy:Proxy": "rds:CreateDBProxy",
    "aws:rds/subnetGroup:SubnetGroup": "rds:CreateDBSubnetGroup",
    "aws:route53/record:Record": "route53:ChangeResourceRecordSets/ChangeBatch/Changes/[]/ResourceRecordSet",
    "aws:route53/zone:Zone": "route53:CreateHostedZone",
    "aws:s3/bucket:Bucket": "",
    "aws:sns/topic:Topic": "",
    "aws:sqs/queue:Queue": "",
    "aws:ssm/parameter:Parameter": "ssm:PutParameter",
    "aws:wafv2/ipSet:IpSet": "wafv2:CreateIPSet",
    "aws:wafv2/webAcl:WebAcl": "wafv2:CreateWebACL",
}
# Paths where pulumi-aws spells a value otherwise than the API, with the reason.
_OTHERWISE: dict[tuple[str, str], str] = {
    ("aws:backup/selection:Selection", "conditions"): "pulumi groups conditions by operator",
    ("aws:cloudfront/distribution:Distribution", "customErrorResponses[].responseCode"): "a number here, a string in the API",
    ("aws:cloudwatch/eventTarget:EventTarget", "inputTransformer.inputTemplate"): "pulumi quotes the template",
    ("aws:cloudwatch/logGroup:LogGroup", "tags"): "tags have rules of their own",
    ("aws:ec2/securityGroup:SecurityGroup", "ingress"): "rules have rules of their own",
    ("aws:ec2/securityGroup:SecurityGroup", "egress"): "rules have rules of their own",
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy"): "a document",
    ("aws:lambda/function:Function", "code"): "an archive here, a structure in the API",
    ("aws:networkfirewall/ruleGroup:RuleGroup", "rules"): "one string here and in the API, longer than its pattern allows",
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        "versioningConfiguration.status",
    ): "pulumi adds Disabled for a bucket that never had versions",
    ("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "rules[].filter"): "pulumi nests `and` otherwise",
    ("aws:secretsmanager/secret:Secret", "policy"): "a document",
    ("aws:ssm/parameter:Parameter", "value"): "checked with the parameter's tier",
}
_NEVER = frozenset({"tags", "tagsAll", "region", "__defaults"})


def models_folder() -> tuple[Path, str] | None:
    """botocore's data folder and version, found without importing botocore; None if it is not installed."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin)
    found = re.search(r"__version__\s*=\s*['\"]([^'\"]+)", root.read_text(encoding="utf-8"))
    return root.parent / "data", found[1] if found else "unknown"


def _model(data: Path, service: str) -> Mapping[str, Any]:
    folder = data / service
    versions = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not versions:
        return {}
    packed = versions[-1] / "service-2.json.gz"
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else (versions[-1] / "service-2.json").read_bytes()
    return json.loads(raw)


def _pruned(data: Path, service: str) -> dict[str, Any]:
    """Operations that create something, and the shapes that their inputs reach, in a compact form.

    A shape is `{"k": kind, "e": enum, "n": min, "x": max, "p": pattern, "m": {lower-case name: [name, shape]}, "l": element shape, "v": map value shape,
    "q": required members}`.
    """
    model = _model(data, service)
    shapes: Mapping[str, Any] = model.get("shapes", {})
    starts = {
        name: op["input"]["shape"]
        for name, op in model.get("operations", {}).items()
        if "input" in op
        and re.match(r"(Create|Put|Register|Change|Run|Set|Add|Enable|Request|Replicate|Subscribe|Authorize|Publish)([A-Z]|$)", name)
    }
    kept: dict[str, Any] = {}
    todo = list(starts.values())
    while todo:
        name = todo.pop()
        if name in kept:
            continue
        shape = shapes[name]
        row: dict[str, Any] = {"k": shape["type"]}
        for short, long in (("e", "enum"), ("n", "min"), ("x", "max"), ("p", "pattern")):
            if long in shape:
                row[short] = shape[long]
        match shape["type"]:
            case "structure":
                row["m"] = {member.lower(): [member, ref["shape"]] for member, ref in shape.get("members", {}).items()}
                row["q"] = shape.get("required", [])
                todo += [ref["shape"] for ref in shape.get("members", {}).values()]
            case "list":
                row["l"] = shape["member"]["shape"]
                todo.append(row["l"])
            case "map":
                row["v"] = shape["value"]["shape"]
                todo.append(row["v"])
            case _:
                pass
        kept[name] = row
    return {"operations": starts, "shapes": kept}


@functools.cache
def _pattern(text: str) -> re.Pattern[str] | None:
    if len(text) > _LONGEST_PATTERN or r"\p{" in text:
        return None
    try:
        return re.compile(text, re.DOTALL)
    except re.error:  # a Java expression that Python's engine does not know
        return None


def _singular(name: str) -> Iterator[str]:
    if name.endswith("ies"):
        yield f"{name[:-3]}y"
    if name.endswith("es"):
        yield name[:-2]
    if name.endswith("s"):
        yield name[:-1]


class ApiModels:
    """The API models of the installed botocore, loaded service by service as they are needed."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._folder = models_folder()
        self._services: dict[str, dict[str, Any]] = {}
        self._starts: dict[str, tuple[str, str] | None] = {}

    def service(self, name: str) -> dict[str, Any]:
        """Pruned model of a service; empty for a service that botocore does not have."""
        if name not in self._services:
            if self._folder is None:
                self._services[name] = {"operations": {}, "shapes": {}}
            else:
                data, version = self._folder
                if (data / name).is_dir():
                    self._services[name] = cached(self._cache, f"api-{name}-{version}-{FORMAT}", lambda: _pruned(data, name))
                else:
                    self._services[name] = {"operations": {}, "shapes": {}}
        return self._services[name]

    def start(self, token: str) -> tuple[str, str] | None:
        """Service and input shape of the call that creates a resource type, or None where none is known."""
        if token not in self._starts:
            self._starts[token] = self._find(token)
        return self._starts[token]

    def _find(self, token: str) -> tuple[str, str] | None:
        if not token.startswith("aws:"):
            return None
        module, _, name = token.removeprefix("aws:").partition(":")
        module = module.partition("/")[0]
        if token in _CALLS:
            call = _CALLS[token]
            if not call:
                return None
            service, _, path = call.partition(":")
            operation, *steps = path.split("/")
        else:
            service, steps = _SERVICES.get(module, module), list[str]()
            if module == "cloudwatch" and name.startswith(("Log", "Event")):
                service = "logs" if name.startswith("Log") else "events"
                name = name.removeprefix("Log").removeprefix("Event")
            elif module == "route53" and name.startswith("Resolver"):
                service = "route53resolver"
                name = name if name.startswith(("ResolverE", "ResolverQ", "ResolverRule")) else name.removeprefix("Resolver")
            operations = self.service(service)["operations"]
            operation = next((f"{verb}{name}" for verb in ("Create", "Put", "Register") if f"{verb}{name}" in operations), "")
        model = self.service(service)
        shape = model["operations"].get(operation)
        for step in steps:
            if shape is None:
                return None
            row = model["shapes"][shape]
            shape = row.get("l") if step == "[]" else row.get("m", {}).get(step.lower(), (None, None))[1]
        return None if shape is None else (service, shape)

    def failures(self, token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Findings (path, reason) about a resource's plain inputs. Unknown values pass."""
        start = self.start(token)
        if start is None:
            return
        service, shape = start
        shapes = self.service(service)["shapes"]
        for name, value in inputs.items():
            if name in _NEVER:
                continue
            member = self._member(shapes, shape, name)
            if member is not None:
                yield from self._value(shapes, member, value, name, token, name)

    @staticmethod
    def _member(shapes: Mapping[str, Any], owner: str, name: str) -> str | None:
        members = shapes[owner].get("m", {})
        lower = name.lower()
        for candidate in (lower, *_singular(lower), f"{lower}s"):
            found = members.get(candidate)
            if found is not None:
                return found[1]
        return None

    def _value(self, shapes: Mapping[str, Any], name: str, value: Any, path: str, token: str, generic: str) -> Iterator[tuple[str, str]]:
        if value is None or value is UNKNOWN or isinstance(value, Asset) or (token, generic) in _OTHERWISE:
            return
        shape = shapes[name]
        kind = shape["k"]
        if is_list(value):
            if kind == "structure" and "items" in shape.get("m", {}):  # CloudFront's {Quantity, Items}
                shape = shapes[shape["m"]["items"][1]]
                kind = shape["k"]
            if kind == "list":
                for index, item in enumerate(value):
                    yield from self._value(shapes, shape["l"], item, f"{path}[{index}]", token, f"{generic}[]")
        elif is_map(value):
            if kind == "list" and shapes[shape["l"]]["k"] == "structure":  # pulumi flattens a list that holds one
                shape = shapes[shape["l"]]
                kind = "structure"
            if kind == "structure":
                for key, item in value.items():
                    lower = key.lower()
                    members = shape["m"]
                    found = next((members[each] for each in (lower, *_singular(lower), f"{lower}s") if each in members), None)
                    if found is not None:
                        yield from self._value(shapes, found[1], item, f"{path}.{key}", token, f"{generic}.{key}")
            elif kind == "map":
                for key, item in value.items():
                    yield from self._value(shapes, shape["v"], item, f"{path}.{key}", token, f"{generic}.*")
        else:
            yield from scalar(shape, value, path)

    def document(self, service: str, shape: str, value: Any, path: str) -> Iterator[tuple[str, str]]:
        """Findings about a JSON document that is passed to the API as it is (exact member names, types, required members)."""
        shapes = self.service(service)["shapes"]
        if shape in shapes:
            yield from self._document(shapes, shape, value, path)

    def _document(self, shapes: Mapping[str, Any], name: str, value: Any, path: str) -> Iterator[tuple[str, str]]:
        shape = shapes[name]
        kind = shape["k"]
        match kind:
            case "structure":
                if not is_map(value):
                    yield path, f"is {shown(value)}, but must be an object"
                    return
                for key, item in value.items():
                    member = shape["m"].get(key.lower())
                    if member is None or member[0] != key:
                        import difflib

                        names = [each[0] for each in shape["m"].values()]
                        near = [member[0]] if member else difflib.get_close_matches(key, names, n=1)
                        hint = f"; did you mean '{near[0]}'?" if near else ""
                        yield f"{path}.{key}", f"is not a member of {name}{hint}"
                    elif item is not None:
                        yield from self._document(shapes, member[1], item, f"{path}.{key}")
                for need in shape["q"]:
                    if value.get(need) is None:
                        yield f"{path}.{need}", f"is required by {name} and missing"
            case "list":
                if not is_list(value):
                    yield path, f"is {shown(value)}, but must be a list"
                    return
                for index, item in enumerate(value):
                    yield from self._document(shapes, shape["l"], item, f"{path}[{index}]")
            case "map":
                if not is_map(value):
                    yield path, f"is {shown(value)}, but must be an object"
                    return
                for key, item in value.items():
                    yield from self._document(shapes, shape["v"], item, f"{path}.{key}")
            case "string" if not isinstance(value, str):
                yield path, f"is {shown(value)}, but must be a string"
            case "boolean" if not isinstance(value, bool):
                yield path, f"is {shown(value)}, but must be true or false"
            case "integer" | "long" if isinstance(value, bool) or not isinstance(value, int):
                yield path, f"is {shown(value)}, but must be a whole number"
            case _:
                yield from scalar(shape, value, path)


def scalar(shape: Mapping[str, Any], value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Findings about one string or number against one shape."""
    kind = shape["k"]
    if kind == "string" and isinstance(value, str) and value:
        if "e" in shape:
            if value not in shape["e"]:
                yield path, f"is {shown(value)}, but AWS accepts {_choices(shape['e'])}"
            return
        low, high = shape.get("n"), shape.get("x")
        if high is not None and len(value) > high:
            yield path, f"is {shown(value)} of {len(value)} characters, but AWS accepts at most {high}"
        elif low is not None and len(value) < low:
            yield path, f"is {shown(value)} of {len(value)} characters, but AWS wants at least {low}"
        elif "p" in shape:
            pattern = _pattern(shape["p"])
            if pattern is not None and not pattern.fullmatch(value):
                yield path, f"is {shown(value)}, but must match {shape['p']}"
    elif kind in {"integer", "long", "double", "float"} and not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return
        low, high = shape.get("n"), shape.get("x")
        if (low is not None and number < low) or (high is not None and number > high):
            between = (
                f"{low} to {high}" if low is not None and high is not None else f"{low} or more" if high is None else f"{high} or less"
            )
            yield path, f"is {shown(value)}, but AWS accepts {between}"


def _choices(options: list[str]) -> str:
    return ", ".join(options) if len(options) <= 14 else f"one of {len(options)} values such as {', '.join(options[:6])}"
