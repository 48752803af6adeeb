"""Rules about alarms: that they tell somebody, and that they watch what exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.tokens import (
    AUTOSCALING_GROUP,
    BUCKET,
    CACHE_GROUP,
    CERTIFICATE,
    DB_INSTANCE,
    DB_PROXY,
    DISTRIBUTION,
    ECS_SERVICE,
    FIREWALL,
    INSTANCE,
    LISTENERS,
    LOAD_BALANCERS,
    LOG_GROUP,
    NAT_GATEWAY,
    TARGET_GROUPS,
    WEB_ACL,
)
from policies.values import ABSENT, UNKNOWN, Value, descend, items

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
_NAMED = re.compile(r"""(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*["']?([^"')]+?)["']?\s*\)""")


def _children(stack: Stack) -> frozenset[str]:
    """The alarms, by URN and by name, that composite alarms listen to."""
    found: set[str] = set()
    for composite in stack.of(COMPOSITE):
        found.update(alarm.urn for alarm in composite.sources("alarmRule", ALARM))
        rule = composite.get("alarmRule")
        if isinstance(rule, str):
            found.update(word.rpartition(":alarm:")[2] for word in _NAMED.findall(rule))
    return frozenset(found)


def _tells(stack: Stack) -> Iterator[Problem]:
    children = stack.view(_children)
    for alarm in stack.of(ALARM, COMPOSITE):
        heard = alarm.type == ALARM and (alarm.urn in children or alarm.get("name") in children)
        enabled = alarm.flag("actionsEnabled", default=True)
        actions = alarm.get("alarmActions")
        if enabled is UNKNOWN or (actions is UNKNOWN and not alarm.sources("alarmActions")):
            yield unresolved(alarm, "actionsEnabled" if enabled is UNKNOWN else "alarmActions")
        # Nobody else need hear of an alarm to which a composite one listens.
        elif not heard and enabled is False:
            yield violation(alarm, "actionsEnabled", "goes off, and tells nobody: its actions are switched off")
        elif not heard and not items(actions):
            yield violation(alarm, "alarmActions", "goes off, and tells nobody")


def _alarm(**props: object) -> Given:
    return Given(ALARM, "alarm", {"name": "app-errors", **props})


def _composite(rule: object, **depends: list[str]) -> Given:
    return Given(COMPOSITE, "both", {"alarmRule": rule, "alarmActions": ["arn:aws:sns:us-east-1:123456789012:critical"]}, depends)


_TOPIC = "arn:aws:sns:us-east-1:123456789012:critical"

CW_03 = StackRule(
    id="CW-03",
    severity=Severity.HIGH,
    title="Alarms tell somebody, or a composite alarm that does.",
    rationale="An alarm without an action is red on a page that nobody looks at while it matters.",
    remediation="Set `alarm_actions` to a topic, and leave `actions_enabled` on.",
    references=("FSBP CloudWatch.15", "FSBP CloudWatch.17", "CKV_AWS_319"),
    types=(ALARM, COMPOSITE),
    check=_tells,
    examples=(
        good("a topic", _alarm(alarmActions=[_TOPIC], actionsEnabled=True)),
        good("one that a composite alarm listens to", _alarm(), _composite("ALARM(app-errors) AND OK(other)")),
        good(
            "one that a composite alarm listens to, by its ARN",
            _alarm(actionsEnabled=False),
            _composite('ALARM("arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-errors")'),
        ),
        bad("switched off", _alarm(alarmActions=[_TOPIC], actionsEnabled=False)),
        bad("an empty list", _alarm(alarmActions=[])),
        bad("what is fine is told, what is not is not", _alarm(okActions=[_TOPIC])),
        bad("a composite alarm listens to another one", _alarm(), _composite("ALARM(other)")),
        bad("a composite alarm that tells nobody", Given(COMPOSITE, "both", {"alarmRule": "ALARM(other)"})),
        unknown("a topic that does not exist yet", _alarm(alarmActions=[UNKNOWN])),
        unknown("a composite rule that does not exist yet", _alarm(), _composite(UNKNOWN, alarmRule=["alarm"])),
        unknown("actions nobody knows", _alarm(alarmActions=UNKNOWN), expect={"alarm": Kind.UNRESOLVED}),
        unknown("a switch nobody knows", _alarm(alarmActions=[_TOPIC], actionsEnabled=UNKNOWN), expect={"alarm": Kind.UNRESOLVED}),
        absent("the switch's default is on", _alarm(alarmActions=[_TOPIC])),
        absent("no actions", _alarm(), expect={"alarm": Kind.VIOLATION}),
    ),
)

_Named: TypeAlias = "dict[str, tuple[str, ...]]"
_SERVICE: _Named = {"ClusterName": ("aws:ecs/cluster:Cluster",), "ServiceName": (ECS_SERVICE,)}
_BALANCED: _Named = {"LoadBalancer": LOAD_BALANCERS, "TargetGroup": TARGET_GROUPS}

DIMENSIONS: dict[str, _Named] = {
    "AWS/ApplicationELB": _BALANCED,
    "AWS/Backup": {"BackupVaultName": ("aws:backup/vault:Vault",)},
    "AWS/CertificateManager": {"CertificateArn": (CERTIFICATE, "aws:acm/certificateValidation:CertificateValidation")},
    "AWS/CloudFront": {"DistributionId": (DISTRIBUTION,)},
    "AWS/DynamoDB": {"TableName": ("aws:dynamodb/table:Table",)},
    "AWS/EBS": {"VolumeId": ("aws:ebs/volume:Volume",)},
    "AWS/EC2": {"AutoScalingGroupName": (AUTOSCALING_GROUP,), "InstanceId": (INSTANCE,)},
    "AWS/ECS": _SERVICE,
    "AWS/EFS": {"FileSystemId": ("aws:efs/fileSystem:FileSystem",)},
    "AWS/ElastiCache": {"CacheClusterId": (CACHE_GROUP, "aws:elasticache/cluster:Cluster")},
    "AWS/Events": {"RuleName": ("aws:cloudwatch/eventRule:EventRule",)},
    "AWS/Lambda": {"FunctionName": ("aws:lambda/function:Function",)},
    "AWS/Logs": {"LogGroupName": (LOG_GROUP,)},
    "AWS/NATGateway": {"NatGatewayId": (NAT_GATEWAY,)},
    "AWS/NetworkELB": _BALANCED,
    "AWS/NetworkFirewall": {"FirewallName": (FIREWALL,)},
    "AWS/RDS": {"DBInstanceIdentifier": (DB_INSTANCE,), "ProxyName": (DB_PROXY,)},
    "AWS/Route53": {"HealthCheckId": ("aws:route53/healthCheck:HealthCheck",)},
    "AWS/S3": {"BucketName": (BUCKET,), "SourceBucket": (BUCKET,), "DestinationBucket": (BUCKET,)},
    "AWS/SNS": {"TopicName": ("aws:sns/topic:Topic",)},
    "AWS/SQS": {"QueueName": ("aws:sqs/queue:Queue",)},
    "AWS/Scheduler": {"ScheduleGroup": ("aws:scheduler/scheduleGroup:ScheduleGroup",)},
    "AWS/WAFV2": {"WebACL": (WEB_ACL,)},
    "ECS/ContainerInsights": _SERVICE,
}
"""Namespace → dimension → what it names. Dimensions that are not here (a lease, a role of a proxy) name nothing that a stack declares."""
_BY_ID = frozenset({"CertificateArn", "DistributionId", "FileSystemId", "HealthCheckId", "InstanceId", "NatGatewayId", "VolumeId"})
"""Dimensions with what AWS makes up. The engine's view of a stack lacks ids, so that what they are computed from has to be enough."""
_SHORTEST_NAME = 3
"""Characters below which a word of a resource is no name: a zone's letter stands in many."""
_GIVEN = {"ScheduleGroup": frozenset({"default"})}
"""Dimension → names that every account has."""


def _watches(stack: Stack) -> Iterator[Problem]:
    for alarm in stack.of(ALARM):
        yield from _existing(stack, alarm, "dimensions", alarm.get("namespace"), alarm.get("dimensions"))
        for query in items(alarm.get("metricQueries")):
            if query is UNKNOWN:
                if not alarm.sources("metricQueries"):
                    yield unresolved(alarm, "metricQueries")
                continue
            metric = descend(query, "metric")
            yield from _existing(stack, alarm, "metricQueries", descend(metric, "namespace"), descend(metric, "dimensions"))


def _existing(stack: Stack, alarm: Resource, prop: str, namespace: Value, dimensions: Value) -> Iterator[Problem]:
    if UNKNOWN in (namespace, dimensions):
        if not alarm.sources(prop):
            yield unresolved(alarm, prop)
        return
    known = DIMENSIONS.get(str(namespace), {})
    if not known or not isinstance(dimensions, dict):
        return
    origins = stack.named(alarm.dependencies.get(prop, ()))
    for dimension, value in dimensions.items():
        types = known.get(dimension)
        if types is None or value in _GIVEN.get(dimension, ()):
            continue
        # A certificate may be brought along; the stack then serves with it, and has no other trace of it.
        if dimension == "CertificateArn" and value in stack.view(_served_with):
            continue
        of_kind = [origin for origin in origins if origin.type in types]
        if of_kind and (value is UNKNOWN or dimension in _BY_ID or any(_part_of(str(value), origin) for origin in of_kind)):
            continue
        if value is UNKNOWN:
            yield unresolved(alarm, prop)
        # The end of an ARN has the name between slashes.
        elif value is ABSENT or not stack.identified([str(value), *str(value).split("/")], types):
            yield violation(alarm, prop, f"watches {value} as {dimension}, which nothing of this stack is")


def _served_with(stack: Stack) -> frozenset[str]:
    """The ARNs of certificates that the stack's listeners and distributions show, as far as they are known."""
    shown = [listener.get("certificateArn") for listener in stack.of(*LISTENERS)]
    shown += [distribution.get("viewerCertificate.acmCertificateArn") for distribution in stack.of(DISTRIBUTION)]
    return frozenset(arn for arn in shown if isinstance(arn, str))


def _part_of(value: str, origin: Resource) -> bool:
    """Whether a name is made from what the resource is called: a node of a cache adds a number, a dimension takes an ARN's end."""
    words = (word for props in (origin.inputs, origin.outputs) for word in props.values.values() if isinstance(word, str))
    return bool(value) and any(value in word or (len(word) >= _SHORTEST_NAME and word in value) for word in words)


_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0"
_QUEUE = Given("aws:sqs/queue:Queue", "jobs", {"name": "jobs"})


def _watching(namespace: object, named: object, **depends: list[str]) -> Given:
    return Given(ALARM, "alarm", {"namespace": namespace, "dimensions": named}, depends)


def _querying(dimensions: object, **depends: list[str]) -> Given:
    query = {"id": "m", "metric": {"namespace": "AWS/SQS", "dimensions": dimensions}}
    return Given(ALARM, "alarm", {"metricQueries": [{"id": "e", "expression": "m * 2"}, query]}, depends)


CW_05 = StackRule(
    id="CW-05",
    severity=Severity.HIGH,
    title="Alarms watch what the stack has.",
    rationale="CloudWatch takes any name: an alarm on a misspelt or former one has no data, and is quiet for ever.",
    remediation="Take the dimension from the resource, or from the plan of its name.",
    references=(),
    types=(ALARM,),
    check=_watches,
    examples=(
        good("a queue by its name", _watching("AWS/SQS", {"QueueName": "jobs"}), _QUEUE),
        good("a queue in an expression", _querying({"QueueName": "jobs"}), _QUEUE),
        good("a metric of one's own", _watching("Nautilus/app", {"QueueName": "whatever"})),
        good("a dimension that names nothing", _watching("AWS/RDS", {"TargetRole": "READ_WRITE"})),
        good("the group that every account has", _watching("AWS/Scheduler", {"ScheduleGroup": "default"})),
        good(
            "a balancer by the end of its ARN",
            _watching("AWS/ApplicationELB", {"LoadBalancer": "app/web/0123456789abcdef"}),
            Given(LOAD_BALANCERS[0], "web", {"name": "web"}),
        ),
        good(
            "a node of a cache",
            _watching("AWS/ElastiCache", {"CacheClusterId": "cache-001"}, dimensions=["cache"]),
            Given(CACHE_GROUP, "cache", {"replicationGroupId": "cache"}),
        ),
        good(
            "a certificate that was brought along, and is shown",
            _watching("AWS/CertificateManager", {"CertificateArn": _CERTIFICATE}),
            Given(LISTENERS[0], "listener", {"certificateArn": _CERTIFICATE}),
        ),
        good(
            "a certificate that was brought along, and CloudFront shows",
            _watching("AWS/CertificateManager", {"CertificateArn": _CERTIFICATE}),
            Given(DISTRIBUTION, "cdn", {"viewerCertificate": {"acmCertificateArn": _CERTIFICATE}}),
        ),
        bad(
            "a certificate that nothing shows",
            _watching("AWS/CertificateManager", {"CertificateArn": _CERTIFICATE}),
            Given(LISTENERS[0], "listener", {"certificateArn": f"{_CERTIFICATE}1"}),
        ),
        bad("a queue that is gone", _watching("AWS/SQS", {"QueueName": "former"}), _QUEUE),
        bad("a queue that is gone, in an expression", _querying({"QueueName": "former"}), _QUEUE),
        bad("the name of something else", _watching("AWS/Lambda", {"FunctionName": "jobs"}), _QUEUE),
        bad(
            "another name beside a queue of the stack",
            _querying({"QueueName": "former"}, metricQueries=["jobs"]),
            _QUEUE,
        ),
        bad("an empty name", _watching("AWS/SQS", {"QueueName": ""}), _QUEUE),
        bad(
            "one of two is gone",
            _watching("AWS/ECS", {"ClusterName": "main", "ServiceName": "former"}),
            Given("aws:ecs/cluster:Cluster", "main", {"name": "main"}),
        ),
        unknown("a queue that does not exist yet", _watching("AWS/SQS", {"QueueName": UNKNOWN}, dimensions=["jobs"]), _QUEUE),
        unknown("a name from nowhere", _watching("AWS/SQS", {"QueueName": UNKNOWN}), _QUEUE, expect={"alarm": Kind.UNRESOLVED}),
        unknown("dimensions nobody knows", _watching("AWS/SQS", UNKNOWN), expect={"alarm": Kind.UNRESOLVED}),
        unknown("queries nobody knows", Given(ALARM, "alarm", {"metricQueries": UNKNOWN}), expect={"alarm": Kind.UNRESOLVED}),
        absent("no dimensions", Given(ALARM, "alarm", {"namespace": "AWS/SQS"})),
        absent("no namespace", Given(ALARM, "alarm", {"dimensions": {"QueueName": "former"}})),
    ),
)

RULES = (CW_03, CW_05)
