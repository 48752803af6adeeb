"""AWS's published limits on single properties: lengths, characters, ranges, choices.

One line of data for each, with its source in words. What the API models of botocore already carry is not repeated, unless the message is better.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nautilus.sandbox.simulation.values import UNKNOWN, Asset, is_list, is_map, shown


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit on one property of some resource types."""

    rule: str
    tokens: tuple[str, ...]
    path: str
    """Property path; `[]` stands for every element."""
    source: str
    longest: int | None = None
    """Characters."""
    shortest: int | None = None
    """Characters."""
    pattern: str = ""
    """Regular expression that the whole value must match."""
    words: str = ""
    """What the pattern says, for people."""
    low: float | None = None
    high: float | None = None
    also: tuple[float, ...] = ()
    """Numbers that are accepted besides the range."""
    multiple: int | None = None
    """The value must be a multiple of this, unless it is in `also`."""
    choices: tuple[str | int, ...] = ()


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def _values(value: Any, segments: list[str], path: str) -> Iterator[tuple[str, Any]]:
    if value is None or value is UNKNOWN or isinstance(value, Asset):
        return
    if not segments:
        yield path, value
        return
    head, rest = segments[0], segments[1:]
    name = head.removesuffix("[]")
    if not is_map(value):
        return
    inner = value.get(name)
    here = f"{path}.{name}" if path else name
    if head.endswith("[]"):
        if is_list(inner):
            for index, item in enumerate(inner):
                yield from _values(item, rest, f"{here}[{index}]")
        elif is_map(inner):  # pulumi flattens a list that can hold one element only
            yield from _values(inner, rest, here)
    else:
        yield from _values(inner, rest, here)


def findings(limit: Limit, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Values of `inputs` that break a limit, as (path, reason). Unknown values pass."""
    for path, value in _values(dict(inputs), limit.path.split("."), ""):
        reason = _broken(limit, value)
        if reason is not None:
            yield path, f"is {shown(value)}{reason} ({limit.source})"


def _broken(limit: Limit, value: Any) -> str | None:
    if isinstance(value, str):
        if limit.longest is not None and len(value) > limit.longest:
            return f" of {len(value)} characters, but AWS accepts at most {limit.longest}"
        if limit.shortest is not None and len(value) < limit.shortest:
            return f" of {len(value)} characters, but AWS wants at least {limit.shortest}"
        if limit.pattern and not _compiled(limit.pattern).fullmatch(value):
            return f", but must be {limit.words or 'of the form ' + limit.pattern}"
    if limit.choices:
        if value not in limit.choices and str(value) not in {str(each) for each in limit.choices}:
            return f", but AWS accepts {', '.join(str(each) for each in limit.choices)}"
        return None
    if limit.low is not None or limit.high is not None or limit.multiple is not None:
        return _number_broken(limit, value)
    return None


def _number_broken(limit: Limit, value: Any) -> str | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if number in limit.also:
        return None
    low, high = limit.low, limit.high
    extra = f" or {', '.join(f'{each:g}' for each in limit.also)}" if limit.also else ""
    if (low is not None and number < low) or (high is not None and number > high):
        between = (
            f"{low:g} to {high:g}"
            if low is not None and high is not None
            else f"{low:g} or more"
            if low is not None
            else f"{high:g} or less"
        )
        return f", but AWS accepts {between}{extra}"
    if limit.multiple is not None and number % limit.multiple:
        return f", but AWS accepts multiples of {limit.multiple}{extra}"
    return None


_LB = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
_TG = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
_LISTENER = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_LISTENER_RULE = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
_SG = ("aws:ec2/securityGroup:SecurityGroup",)
_SG_RULES = (
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
)
_RDS = ("aws:rds/instance:Instance",)
_CACHE = ("aws:elasticache/replicationGroup:ReplicationGroup",)
_BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
_NFW = (
    "aws:networkfirewall/firewall:Firewall",
    "aws:networkfirewall/firewallPolicy:FirewallPolicy",
    "aws:networkfirewall/ruleGroup:RuleGroup",
)
_CLIENT_VPN = ("aws:ec2clientvpn/endpoint:Endpoint",)
_APPCONFIG = tuple(
    f"aws:appconfig/{one}"
    for one in (
        "application:Application",
        "configurationProfile:ConfigurationProfile",
        "deployment:Deployment",
        "deploymentStrategy:DeploymentStrategy",
        "environment:Environment",
    )
)
_STRATEGY = ("aws:appconfig/deploymentStrategy:DeploymentStrategy",)
_HYPHENATED = "letters, digits and hyphens, with no hyphen at either end"
_ELB = "Elastic Load Balancing API reference"
_SG_TEXT = r"[0-9A-Za-z_ .:/()#,@\[\]+=&;{}!$*-]*"
LOG_DAYS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

LIMITS: tuple[Limit, ...] = (
    # ---- load balancing
    Limit(
        rule="lb-name",
        tokens=_LB,
        path="name",
        longest=32,
        pattern=r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
        words=_HYPHENATED,
        source=_ELB,
    ),
    Limit(
        rule="lb-name",
        tokens=_LB,
        path="name",
        pattern=r"(?!internal-).*",
        words="a name that does not start with 'internal-'",
        source=_ELB,
    ),
    Limit(rule="lb-idle-timeout", tokens=_LB, path="idleTimeout", low=1, high=4000, source=f"{_ELB}, load balancer attributes"),
    Limit(rule="lb-client-keep-alive", tokens=_LB, path="clientKeepAlive", low=60, high=604800, source=f"{_ELB}, load balancer attributes"),
    Limit(
        rule="lb-target-group-name",
        tokens=_TG,
        path="name",
        longest=32,
        pattern=r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
        words=_HYPHENATED,
        source=_ELB,
    ),
    Limit(rule="lb-target-group-port", tokens=_TG, path="port", low=1, high=65535, source=_ELB),
    Limit(
        rule="lb-deregistration-delay", tokens=_TG, path="deregistrationDelay", low=0, high=3600, source=f"{_ELB}, target group attributes"
    ),
    Limit(rule="lb-slow-start", tokens=_TG, path="slowStart", low=30, high=900, also=(0,), source=f"{_ELB}, target group attributes"),
    Limit(rule="lb-health-check", tokens=_TG, path="healthCheck.interval", low=5, high=300, source=_ELB),
    Limit(rule="lb-health-check", tokens=_TG, path="healthCheck.timeout", low=2, high=120, source=_ELB),
    Limit(rule="lb-health-check", tokens=_TG, path="healthCheck.healthyThreshold", low=2, high=10, source=_ELB),
    Limit(rule="lb-health-check", tokens=_TG, path="healthCheck.unhealthyThreshold", low=2, high=10, source=_ELB),
    Limit(
        rule="lb-health-check-path",
        tokens=_TG,
        path="healthCheck.path",
        longest=1024,
        pattern=r"/.*",
        words="a path that starts with '/'",
        source=_ELB,
    ),
    Limit(
        rule="lb-stickiness", tokens=_TG, path="stickiness.cookieDuration", low=1, high=604800, source=f"{_ELB}, target group attributes"
    ),
    Limit(rule="lb-listener-port", tokens=_LISTENER, path="port", low=1, high=65535, source=_ELB),
    Limit(rule="lb-rule-priority", tokens=_LISTENER_RULE, path="priority", low=1, high=50000, source=f"{_ELB}, CreateRule"),
    Limit(
        rule="lb-forward-weight",
        tokens=_LISTENER_RULE,
        path="actions[].forward.targetGroups[].weight",
        low=0,
        high=999,
        source=f"{_ELB}, TargetGroupTuple",
    ),
    Limit(
        rule="lb-forward-weight",
        tokens=_LISTENER,
        path="defaultActions[].forward.targetGroups[].weight",
        low=0,
        high=999,
        source=f"{_ELB}, TargetGroupTuple",
    ),
    # ---- identity
    Limit(
        rule="iam-role-name",
        tokens=("aws:iam/role:Role",),
        path="name",
        longest=64,
        pattern=r"[\w+=,.@-]+",
        words="letters, digits and +=,.@-_",
        source="IAM quotas, CreateRole",
    ),
    Limit(
        rule="iam-role-session",
        tokens=("aws:iam/role:Role",),
        path="maxSessionDuration",
        low=3600,
        high=43200,
        source="IAM CreateRole: seconds, 1 to 12 hours",
    ),
    Limit(
        rule="iam-role-description",
        tokens=("aws:iam/role:Role",),
        path="description",
        longest=1000,
        pattern=r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
        words="Latin-1 characters (no dashes or quotes beyond it)",
        source="IAM CreateRole",
    ),
    Limit(
        rule="iam-policy-name",
        tokens=(
            "aws:iam/policy:Policy",
            "aws:iam/rolePolicy:RolePolicy",
            "aws:iam/userPolicy:UserPolicy",
            "aws:iam/instanceProfile:InstanceProfile",
        ),
        path="name",
        longest=128,
        pattern=r"[\w+=,.@-]+",
        words="letters, digits and +=,.@-_",
        source="IAM quotas, CreatePolicy",
    ),
    Limit(
        rule="iam-path",
        tokens=("aws:iam/role:Role", "aws:iam/policy:Policy", "aws:iam/instanceProfile:InstanceProfile", "aws:iam/user:User"),
        path="path",
        longest=512,
        pattern=r"/|/[\u0021-\u007F]+/",
        words="'/' or a path that starts and ends with '/'",
        source="IAM CreateRole",
    ),
    Limit(
        rule="kms-deletion-window",
        tokens=("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey"),
        path="deletionWindowInDays",
        low=7,
        high=30,
        source="KMS ScheduleKeyDeletion: days",
    ),
    Limit(
        rule="kms-rotation-period",
        tokens=("aws:kms/key:Key",),
        path="rotationPeriodInDays",
        low=90,
        high=2560,
        source="KMS EnableKeyRotation: days",
    ),
    Limit(
        rule="kms-alias-name",
        tokens=("aws:kms/alias:Alias",),
        path="name",
        longest=256,
        pattern=r"alias/(?!aws/)[a-zA-Z0-9/_-]+",
        words="'alias/' and letters, digits, '/', '_' or '-', not 'alias/aws/'",
        source="KMS CreateAlias",
    ),
    Limit(
        rule="secret-name",
        tokens=("aws:secretsmanager/secret:Secret",),
        path="name",
        longest=512,
        pattern=r"[A-Za-z0-9/_+=.@-]+",
        words="letters, digits and /_+=.@-",
        source="Secrets Manager CreateSecret",
    ),
    Limit(
        rule="secret-name-suffix",
        tokens=("aws:secretsmanager/secret:Secret",),
        path="name",
        pattern=r"(?!.*-[A-Za-z0-9]{6}$).*",
        words="a name that does not end with a hyphen and six characters, which AWS appends itself",
        source="Secrets Manager CreateSecret",
    ),
    Limit(
        rule="secret-recovery-window",
        tokens=("aws:secretsmanager/secret:Secret",),
        path="recoveryWindowInDays",
        low=7,
        high=30,
        also=(0,),
        source="Secrets Manager DeleteSecret: days",
    ),
    Limit(
        rule="secret-rotation-days",
        tokens=("aws:secretsmanager/secretRotation:SecretRotation",),
        path="rotationRules.automaticallyAfterDays",
        low=1,
        high=1000,
        source="Secrets Manager RotationRulesType: days",
    ),
    # ---- databases
    Limit(
        rule="rds-identifier",
        tokens=_RDS,
        path="identifier",
        longest=63,
        pattern=r"[a-z](?!.*--)[a-z0-9-]*(?<!-)",
        words="lower-case letters, digits and hyphens, a letter first, no hyphen at the end and no two in a row",
        source="RDS CreateDBInstance",
    ),
    Limit(
        rule="rds-username",
        tokens=_RDS,
        path="username",
        longest=16,
        pattern=r"[A-Za-z][A-Za-z0-9_]*",
        words="letters, digits and underscores, a letter first",
        source="RDS CreateDBInstance, MasterUsername",
    ),
    Limit(
        rule="rds-username-reserved",
        tokens=_RDS,
        path="username",
        pattern=r"(?i)(?!(admin|administrator|rdsadmin|rds_superuser|root|user|role|public|all|table|select|group)$).*",
        words="a name that is no word reserved by the engine",
        source="RDS CreateDBInstance, MasterUsername",
    ),
    Limit(
        rule="rds-database-name",
        tokens=_RDS,
        path="dbName",
        longest=63,
        pattern=r"[A-Za-z][A-Za-z0-9_]*",
        words="letters, digits and underscores, a letter first",
        source="RDS CreateDBInstance, DBName for PostgreSQL",
    ),
    Limit(
        rule="rds-password",
        tokens=_RDS,
        path="password",
        shortest=8,
        longest=128,
        source="RDS CreateDBInstance, MasterUserPassword for PostgreSQL",
    ),
    Limit(rule="rds-backup-retention", tokens=_RDS, path="backupRetentionPeriod", low=0, high=35, source="RDS CreateDBInstance: days"),
    Limit(rule="rds-port", tokens=_RDS, path="port", low=1150, high=65535, source="RDS CreateDBInstance"),
    Limit(
        rule="rds-monitoring-interval",
        tokens=_RDS,
        path="monitoringInterval",
        choices=(0, 1, 5, 10, 15, 30, 60),
        source="RDS CreateDBInstance: seconds",
    ),
    Limit(
        rule="rds-insights-retention",
        tokens=_RDS,
        path="performanceInsightsRetentionPeriod",
        low=31,
        high=713,
        multiple=31,
        also=(7, 731),
        source="RDS CreateDBInstance: days",
    ),
    Limit(
        rule="rds-final-snapshot-name",
        tokens=_RDS,
        path="finalSnapshotIdentifier",
        longest=255,
        pattern=r"[A-Za-z](?!.*--)[A-Za-z0-9-]*(?<!-)",
        words="letters, digits and hyphens, a letter first, no hyphen at the end and no two in a row",
        source="RDS DeleteDBInstance",
    ),
    Limit(
        rule="rds-group-name",
        tokens=("aws:rds/subnetGroup:SubnetGroup", "aws:rds/parameterGroup:ParameterGroup"),
        path="name",
        longest=255,
        pattern=r"(?!default$)[a-z0-9 _.-]+",
        words="lower-case letters, digits, hyphens, underscores, periods and spaces, not 'default'",
        source="RDS CreateDBSubnetGroup, CreateDBParameterGroup",
    ),
    Limit(
        rule="rds-proxy-name",
        tokens=("aws:rds/proxy:Proxy",),
        path="name",
        longest=60,
        pattern=r"[A-Za-z](?!.*--)[A-Za-z0-9-]*(?<!-)",
        words="letters, digits and hyphens, a letter first, no hyphen at the end and no two in a row",
        source="RDS CreateDBProxy",
    ),
    Limit(
        rule="rds-proxy-auth-scheme",
        tokens=("aws:rds/proxy:Proxy",),
        path="defaultAuthScheme",
        choices=("IAM_AUTH", "NONE"),
        source="RDS CreateDBProxy",
    ),
    Limit(
        rule="rds-proxy-engine",
        tokens=("aws:rds/proxy:Proxy",),
        path="engineFamily",
        choices=("MYSQL", "POSTGRESQL", "SQLSERVER"),
        source="RDS CreateDBProxy",
    ),
    Limit(
        rule="rds-proxy-idle-timeout",
        tokens=("aws:rds/proxy:Proxy",),
        path="idleClientTimeout",
        low=1,
        high=28800,
        source="RDS CreateDBProxy: seconds",
    ),
    Limit(
        rule="elasticache-group-id",
        tokens=_CACHE,
        path="replicationGroupId",
        longest=40,
        pattern=r"[a-z](?!.*--)[a-z0-9-]*(?<!-)",
        words="lower-case letters, digits and hyphens, a letter first, no hyphen at the end and no two in a row",
        source="ElastiCache CreateReplicationGroup",
    ),
    Limit(
        rule="elasticache-auth-token",
        tokens=_CACHE,
        path="authToken",
        shortest=16,
        longest=128,
        pattern=r"[A-Za-z0-9!&#$^<>-]*",
        words="letters, digits and !&#$^<>- only",
        source="ElastiCache, authenticating with AUTH",
    ),
    Limit(rule="elasticache-port", tokens=_CACHE, path="port", low=1024, high=65535, source="ElastiCache CreateReplicationGroup"),
    Limit(rule="elasticache-nodes", tokens=_CACHE, path="numCacheClusters", low=1, high=6, source="ElastiCache CreateReplicationGroup"),
    Limit(rule="elasticache-shards", tokens=_CACHE, path="numNodeGroups", low=1, high=500, source="ElastiCache quotas"),
    Limit(
        rule="elasticache-replicas", tokens=_CACHE, path="replicasPerNodeGroup", low=0, high=5, source="ElastiCache CreateReplicationGroup"
    ),
    Limit(rule="elasticache-snapshot-retention", tokens=_CACHE, path="snapshotRetentionLimit", low=0, high=35, source="ElastiCache: days"),
    Limit(
        rule="elasticache-group-names",
        tokens=("aws:elasticache/subnetGroup:SubnetGroup", "aws:elasticache/parameterGroup:ParameterGroup"),
        path="name",
        longest=255,
        pattern=r"[a-z](?!.*--)[a-z0-9.-]*(?<!-)",
        words="lower-case letters, digits and hyphens, a letter first",
        source="ElastiCache CreateCacheSubnetGroup, CreateCacheParameterGroup",
    ),
    Limit(
        rule="elasticache-user-id",
        tokens=("aws:elasticache/user:User",),
        path="userId",
        longest=40,
        pattern=r"[a-z](?!.*--)[a-z0-9-]*(?<!-)",
        words="lower-case letters, digits and hyphens, a letter first, no hyphen at the end and no two in a row",
        source="ElastiCache CreateUser",
    ),
    Limit(
        rule="elasticache-user-group-id",
        tokens=("aws:elasticache/userGroup:UserGroup",),
        path="userGroupId",
        longest=40,
        pattern=r"[a-z](?!.*--)[a-z0-9-]*(?<!-)",
        words="lower-case letters, digits and hyphens, a letter first, no hyphen at the end and no two in a row",
        source="ElastiCache CreateUserGroup",
    ),
    Limit(
        rule="elasticache-user-password",
        tokens=("aws:elasticache/user:User",),
        path="passwords[]",
        shortest=16,
        longest=128,
        source="ElastiCache CreateUser: characters of a password",
    ),
    Limit(
        rule="elasticache-datastore-suffix",
        tokens=("aws:elasticache/globalReplicationGroup:GlobalReplicationGroup",),
        path="globalReplicationGroupIdSuffix",
        longest=40,
        pattern=r"[a-z](?!.*--)[a-z0-9-]*(?<!-)",
        words="lower-case letters, digits and hyphens, a letter first, no hyphen at the end and no two in a row",
        source="ElastiCache CreateGlobalReplicationGroup",
    ),
    # ---- backup
    Limit(
        rule="backup-vault-name",
        tokens=("aws:backup/vault:Vault",),
        path="name",
        pattern=r"[A-Za-z0-9_-]{2,50}",
        words="2 to 50 letters, digits, hyphens or underscores",
        source="AWS Backup CreateBackupVault",
    ),
    Limit(
        rule="backup-plan-name",
        tokens=("aws:backup/plan:Plan", "aws:backup/selection:Selection"),
        path="name",
        pattern=r"[A-Za-z0-9_.-]{1,50}",
        words="1 to 50 letters, digits, hyphens, periods or underscores",
        source="AWS Backup BackupPlanInput",
    ),
    Limit(
        rule="backup-plan-name",
        tokens=("aws:backup/plan:Plan",),
        path="rules[].ruleName",
        pattern=r"[A-Za-z0-9_.-]{1,50}",
        words="1 to 50 letters, digits, hyphens, periods or underscores",
        source="AWS Backup BackupRuleInput",
    ),
    Limit(
        rule="backup-restore-test-name",
        tokens=("aws:backup/restoreTestingPlan:RestoreTestingPlan", "aws:backup/restoreTestingSelection:RestoreTestingSelection"),
        path="name",
        pattern=r"[A-Za-z0-9_]{1,50}",
        words="1 to 50 letters, digits or underscores (no hyphens)",
        source="AWS Backup RestoreTestingPlanForCreate",
    ),
    Limit(
        rule="backup-audit-name",
        tokens=("aws:backup/framework:Framework", "aws:backup/reportPlan:ReportPlan"),
        path="name",
        longest=256,
        pattern=r"[a-zA-Z][_a-zA-Z0-9]*",
        words="letters, digits and underscores, a letter first (no hyphens)",
        source="AWS Backup CreateFramework, CreateReportPlan",
    ),
    Limit(
        rule="backup-report-template",
        tokens=("aws:backup/reportPlan:ReportPlan",),
        path="reportSetting.reportTemplate",
        choices=(
            "RESOURCE_COMPLIANCE_REPORT",
            "CONTROL_COMPLIANCE_REPORT",
            "BACKUP_JOB_REPORT",
            "COPY_JOB_REPORT",
            "RESTORE_JOB_REPORT",
        ),
        source="AWS Backup ReportSetting",
    ),
    Limit(
        rule="backup-restore-test-window",
        tokens=("aws:backup/restoreTestingPlan:RestoreTestingPlan",),
        path="recoveryPointSelection.selectionWindowDays",
        low=1,
        high=365,
        source="AWS Backup RestoreTestingRecoveryPointSelection: days",
    ),
    Limit(
        rule="backup-restore-test-validation",
        tokens=("aws:backup/restoreTestingSelection:RestoreTestingSelection",),
        path="validationWindowHours",
        low=0,
        high=168,
        source="AWS Backup RestoreTestingSelectionForCreate: hours",
    ),
    Limit(
        rule="backup-lock-changeable-days",
        tokens=("aws:backup/vaultLockConfiguration:VaultLockConfiguration",),
        path="changeableForDays",
        low=3,
        high=36500,
        source="AWS Backup PutBackupVaultLockConfiguration: days; setting it selects compliance mode",
    ),
    Limit(
        rule="backup-start-window",
        tokens=("aws:backup/plan:Plan",),
        path="rules[].startWindow",
        low=60,
        source="AWS Backup BackupRule: minutes",
    ),
    # ---- logs, alarms, events
    Limit(
        rule="log-retention",
        tokens=("aws:cloudwatch/logGroup:LogGroup",),
        path="retentionInDays",
        choices=LOG_DAYS,
        source="CloudWatch Logs PutRetentionPolicy: days",
    ),
    Limit(
        rule="log-group-name",
        tokens=("aws:cloudwatch/logGroup:LogGroup",),
        path="name",
        longest=512,
        pattern=r"(?!aws/)[.\-_/#A-Za-z0-9]+",
        words="letters, digits and ._-/#, not starting with 'aws/'",
        source="CloudWatch Logs CreateLogGroup",
    ),
    Limit(
        rule="alarm-name",
        tokens=("aws:cloudwatch/metricAlarm:MetricAlarm",),
        path="name",
        longest=255,
        shortest=1,
        source="CloudWatch PutMetricAlarm",
    ),
    Limit(
        rule="alarm-period",
        tokens=("aws:cloudwatch/metricAlarm:MetricAlarm",),
        path="period",
        multiple=60,
        low=60,
        also=(10, 20, 30),
        source="CloudWatch PutMetricAlarm: seconds",
    ),
    Limit(
        rule="alarm-period",
        tokens=("aws:cloudwatch/metricAlarm:MetricAlarm",),
        path="metricQueries[].metric.period",
        multiple=60,
        low=60,
        also=(10, 20, 30),
        source="CloudWatch PutMetricAlarm: seconds",
    ),
    Limit(
        rule="event-rule-name",
        tokens=("aws:cloudwatch/eventRule:EventRule",),
        path="name",
        longest=64,
        pattern=r"[.\-_A-Za-z0-9]+",
        words="letters, digits and ._-",
        source="EventBridge PutRule",
    ),
    Limit(
        rule="scheduler-name",
        tokens=("aws:scheduler/schedule:Schedule", "aws:scheduler/scheduleGroup:ScheduleGroup"),
        path="name",
        longest=64,
        pattern=r"[.\-_A-Za-z0-9]+",
        words="letters, digits and ._-",
        source="EventBridge Scheduler CreateSchedule",
    ),
    Limit(
        rule="cloudtrail-name",
        tokens=("aws:cloudtrail/trail:Trail",),
        path="name",
        shortest=3,
        longest=128,
        pattern=r"[A-Za-z0-9](?!.*[._-]{2})[A-Za-z0-9._-]*[A-Za-z0-9]",
        words="letters, digits and ._-, a letter or digit at both ends, no two of ._- in a row",
        source="CloudTrail CreateTrail",
    ),
    # ---- storage and messaging
    Limit(
        rule="s3-bucket-name",
        tokens=_BUCKETS,
        path="bucket",
        shortest=3,
        longest=63,
        pattern=r"(?!xn--|sthree-|amzn-s3-demo-)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]*[a-z0-9](?<!-s3alias)(?<!--ol-s3)(?<!--x-s3)(?<!\.mrap)",
        words="lower-case letters, digits, periods and hyphens, a letter or digit at both ends, no reserved prefix or suffix, not an address",
        source="S3 bucket naming rules",
    ),
    Limit(
        rule="sns-topic-name",
        tokens=("aws:sns/topic:Topic",),
        path="name",
        longest=256,
        pattern=r"[A-Za-z0-9_-]+(\.fifo)?",
        words="letters, digits, hyphens and underscores ('.fifo' at the end for a FIFO topic)",
        source="SNS CreateTopic",
    ),
    Limit(rule="sns-display-name", tokens=("aws:sns/topic:Topic",), path="displayName", longest=100, source="SNS SetTopicAttributes"),
    Limit(
        rule="sqs-queue-name",
        tokens=("aws:sqs/queue:Queue",),
        path="name",
        longest=80,
        pattern=r"[A-Za-z0-9_-]+(\.fifo)?",
        words="letters, digits, hyphens and underscores ('.fifo' at the end for a FIFO queue)",
        source="SQS CreateQueue",
    ),
    Limit(rule="sqs-times", tokens=("aws:sqs/queue:Queue",), path="visibilityTimeoutSeconds", low=0, high=43200, source="SQS CreateQueue"),
    Limit(
        rule="sqs-times", tokens=("aws:sqs/queue:Queue",), path="messageRetentionSeconds", low=60, high=1209600, source="SQS CreateQueue"
    ),
    Limit(rule="sqs-times", tokens=("aws:sqs/queue:Queue",), path="delaySeconds", low=0, high=900, source="SQS CreateQueue"),
    Limit(rule="sqs-times", tokens=("aws:sqs/queue:Queue",), path="receiveWaitTimeSeconds", low=0, high=20, source="SQS CreateQueue"),
    Limit(
        rule="sqs-key-reuse",
        tokens=("aws:sqs/queue:Queue",),
        path="kmsDataKeyReusePeriodSeconds",
        low=60,
        high=86400,
        source="SQS CreateQueue",
    ),
    Limit(
        rule="dynamodb-name",
        tokens=("aws:dynamodb/table:Table",),
        path="name",
        shortest=3,
        longest=255,
        pattern=r"[A-Za-z0-9_.-]+",
        words="letters, digits and _.-",
        source="DynamoDB CreateTable",
    ),
    Limit(
        rule="ecr-repository-name",
        tokens=("aws:ecr/repository:Repository",),
        path="name",
        shortest=2,
        longest=256,
        pattern=r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
        words="lower-case letters, digits and single separators, a letter or digit at both ends of each part",
        source="ECR CreateRepository",
    ),
    Limit(
        rule="ecr-cache-prefix",
        tokens=("aws:ecr/pullThroughCacheRule:PullThroughCacheRule",),
        path="ecrRepositoryPrefix",
        shortest=2,
        longest=30,
        pattern=r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT",
        words="lower-case letters, digits and single separators, or ROOT",
        source="ECR CreatePullThroughCacheRule",
    ),
    Limit(
        rule="ecr-template-prefix",
        tokens=("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",),
        path="prefix",
        longest=256,
        pattern=r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT",
        words="lower-case letters, digits and single separators, or ROOT",
        source="ECR CreateRepositoryCreationTemplate",
    ),
    Limit(
        rule="ecr-template-description",
        tokens=("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",),
        path="description",
        longest=256,
        source="ECR CreateRepositoryCreationTemplate",
    ),
    Limit(
        rule="signer-profile-name",
        tokens=("aws:signer/signingProfile:SigningProfile",),
        path="name",
        shortest=2,
        longest=64,
        pattern=r"[A-Za-z0-9_]+",
        words="letters, digits and underscores",
        source="Signer PutSigningProfile",
    ),
    Limit(
        rule="scheduler-description",
        tokens=("aws:scheduler/schedule:Schedule",),
        path="description",
        longest=512,
        source="EventBridge Scheduler CreateSchedule",
    ),
    Limit(
        rule="ssm-parameter-name",
        tokens=("aws:ssm/parameter:Parameter",),
        path="name",
        longest=1011,
        pattern=r"(?!/?(aws|ssm)([/.a-z]|$))(/[A-Za-z0-9_.-]+)+|(?!(aws|ssm))[A-Za-z0-9_.-]+",
        words="letters, digits and _.-, a hierarchy starts with '/', and neither 'aws' nor 'ssm' comes first",
        source="Systems Manager PutParameter",
    ),
    # ---- network
    Limit(
        rule="sg-name",
        tokens=_SG,
        path="name",
        longest=255,
        pattern=rf"(?!sg-){_SG_TEXT}",
        words="plain ASCII without quotes, not starting with 'sg-'",
        source="EC2 CreateSecurityGroup",
    ),
    Limit(
        rule="sg-description",
        tokens=_SG,
        path="description",
        longest=255,
        pattern=_SG_TEXT,
        words="plain ASCII without quotes",
        source="EC2 CreateSecurityGroup",
    ),
    Limit(
        rule="sg-description",
        tokens=_SG_RULES,
        path="description",
        longest=255,
        pattern=_SG_TEXT,
        words="plain ASCII without quotes",
        source="EC2 IpRange",
    ),
    Limit(
        rule="sg-description",
        tokens=_SG,
        path="ingress[].description",
        longest=255,
        pattern=_SG_TEXT,
        words="plain ASCII without quotes",
        source="EC2 IpRange",
    ),
    Limit(
        rule="sg-description",
        tokens=_SG,
        path="egress[].description",
        longest=255,
        pattern=_SG_TEXT,
        words="plain ASCII without quotes",
        source="EC2 IpRange",
    ),
    Limit(
        rule="flow-log-interval",
        tokens=("aws:ec2/flowLog:FlowLog",),
        path="maxAggregationInterval",
        choices=(60, 600),
        source="EC2 CreateFlowLogs: seconds",
    ),
    Limit(
        rule="network-firewall-name",
        tokens=_NFW,
        path="name",
        longest=128,
        pattern=r"[A-Za-z0-9-]+",
        words="letters, digits and hyphens",
        source="Network Firewall CreateFirewall",
    ),
    Limit(
        rule="network-firewall-log-type",
        tokens=("aws:networkfirewall/loggingConfiguration:LoggingConfiguration",),
        path="loggingConfiguration.logDestinationConfigs[].logType",
        choices=("ALERT", "FLOW", "TLS"),
        source="Network Firewall UpdateLoggingConfiguration",
    ),
    Limit(
        rule="network-firewall-log-target",
        tokens=("aws:networkfirewall/loggingConfiguration:LoggingConfiguration",),
        path="loggingConfiguration.logDestinationConfigs[].logDestinationType",
        choices=("CloudWatchLogs", "KinesisDataFirehose", "S3"),
        source="Network Firewall UpdateLoggingConfiguration",
    ),
    Limit(
        rule="network-firewall-capacity",
        tokens=("aws:networkfirewall/ruleGroup:RuleGroup",),
        path="capacity",
        low=1,
        high=30000,
        source="Network Firewall quotas",
    ),
    Limit(
        rule="network-acl-rule",
        tokens=("aws:ec2/networkAclRule:NetworkAclRule",),
        path="ruleNumber",
        low=1,
        high=32766,
        source="EC2 CreateNetworkAclEntry",
    ),
    Limit(
        rule="resolver-association-priority",
        tokens=("aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation",),
        path="priority",
        low=101,
        high=9899,
        source="Route 53 Resolver AssociateFirewallRuleGroup: between 100 and 9900",
    ),
    # ---- edge
    Limit(
        rule="cloudfront-oac-name",
        tokens=("aws:cloudfront/originAccessControl:OriginAccessControl",),
        path="name",
        longest=64,
        shortest=1,
        source="CloudFront OriginAccessControlConfig",
    ),
    Limit(
        rule="cloudfront-function-name",
        tokens=("aws:cloudfront/function:Function",),
        path="name",
        longest=64,
        pattern=r"[A-Za-z0-9_-]+",
        words="letters, digits, hyphens and underscores",
        source="CloudFront CreateFunction",
    ),
    Limit(
        rule="cloudfront-function-runtime",
        tokens=("aws:cloudfront/function:Function",),
        path="runtime",
        choices=("cloudfront-js-1.0", "cloudfront-js-2.0"),
        source="CloudFront FunctionRuntime",
    ),
    Limit(
        rule="cloudfront-policy-name",
        tokens=(
            "aws:cloudfront/cachePolicy:CachePolicy",
            "aws:cloudfront/originRequestPolicy:OriginRequestPolicy",
            "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        ),
        path="name",
        longest=128,
        pattern=r"[A-Za-z0-9_-]+",
        words="letters, digits, hyphens and underscores",
        source="CloudFront CreateCachePolicy and its sisters",
    ),
    Limit(
        rule="cloudfront-policy-comment",
        tokens=(
            "aws:cloudfront/cachePolicy:CachePolicy",
            "aws:cloudfront/originRequestPolicy:OriginRequestPolicy",
            "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        ),
        path="comment",
        longest=128,
        source="CloudFront CachePolicyConfig and its sisters",
    ),
    Limit(
        rule="cloudfront-path-pattern",
        tokens=("aws:cloudfront/distribution:Distribution",),
        path="orderedCacheBehaviors[].pathPattern",
        longest=255,
        shortest=1,
        pattern=r"[A-Za-z0-9_.*$/~\"'@:+?&-]+",
        words="letters, digits and _-.*$/~\"'@:+?& only",
        source="CloudFront CacheBehavior",
    ),
    Limit(
        rule="cloudfront-comment",
        tokens=("aws:cloudfront/distribution:Distribution",),
        path="comment",
        longest=128,
        source="CloudFront DistributionConfig",
    ),
    Limit(
        rule="cloudfront-origin-timeouts",
        tokens=("aws:cloudfront/distribution:Distribution",),
        path="origins[].customOriginConfig.originReadTimeout",
        low=1,
        high=120,
        source="CloudFront quotas: seconds (above 60 by request)",
    ),
    Limit(
        rule="cloudfront-origin-timeouts",
        tokens=("aws:cloudfront/distribution:Distribution",),
        path="origins[].customOriginConfig.originKeepaliveTimeout",
        low=1,
        high=120,
        source="CloudFront quotas: seconds (above 60 by request)",
    ),
    Limit(
        rule="waf-name",
        tokens=(
            "aws:wafv2/webAcl:WebAcl",
            "aws:wafv2/ipSet:IpSet",
            "aws:wafv2/ruleGroup:RuleGroup",
            "aws:wafv2/regexPatternSet:RegexPatternSet",
        ),
        path="name",
        longest=128,
        pattern=r"[\w-]+",
        words="letters, digits, hyphens and underscores",
        source="WAF EntityName",
    ),
    Limit(
        rule="waf-description",
        tokens=(
            "aws:wafv2/webAcl:WebAcl",
            "aws:wafv2/ipSet:IpSet",
            "aws:wafv2/ruleGroup:RuleGroup",
            "aws:wafv2/regexPatternSet:RegexPatternSet",
        ),
        path="description",
        longest=256,
        pattern=r"[\w+=:#@/\-,.][\w+=:#@/\-,.\s]+[\w+=:#@/\-,.]",
        words="letters, digits, spaces and +=:#@/-,. only",
        source="WAF EntityDescription",
    ),
    Limit(
        rule="route53-ttl",
        tokens=("aws:route53/record:Record",),
        path="ttl",
        low=0,
        high=2147483647,
        source="Route 53 ResourceRecordSet: seconds",
    ),
    Limit(
        rule="route53-name",
        tokens=("aws:route53/zone:Zone", "aws:route53/record:Record"),
        path="name",
        longest=255,
        source="Route 53 DNS name format",
    ),
    Limit(
        rule="route53-check-failures",
        tokens=("aws:route53/healthCheck:HealthCheck",),
        path="failureThreshold",
        low=1,
        high=10,
        source="Route 53 HealthCheckConfig FailureThreshold",
    ),
    Limit(
        rule="route53-check-interval",
        tokens=("aws:route53/healthCheck:HealthCheck",),
        path="requestInterval",
        choices=(10, 30),
        source="Route 53 HealthCheckConfig RequestInterval: seconds",
    ),
    Limit(
        rule="route53-check-port",
        tokens=("aws:route53/healthCheck:HealthCheck",),
        path="port",
        low=1,
        high=65535,
        source="Route 53 HealthCheckConfig Port",
    ),
    *(
        Limit(
            rule="route53-check-text",
            tokens=("aws:route53/healthCheck:HealthCheck",),
            path=path,
            longest=255,
            source="Route 53 HealthCheckConfig: at most 255 characters",
        )
        for path in ("fqdn", "resourcePath", "searchString")
    ),
    Limit(
        rule="route53-signing-key-name",
        tokens=("aws:route53/keySigningKey:KeySigningKey",),
        path="name",
        shortest=3,
        longest=128,
        pattern=r"[A-Za-z0-9_]+",
        words="letters, digits and underscores",
        source="Route 53 SigningKeyName",
    ),
    Limit(
        rule="route53-signing-status",
        tokens=("aws:route53/keySigningKey:KeySigningKey",),
        path="status",
        choices=("ACTIVE", "INACTIVE"),
        source="Route 53 CreateKeySigningKey",
    ),
    Limit(
        rule="shield-name",
        tokens=("aws:shield/protection:Protection",),
        path="name",
        shortest=1,
        longest=128,
        pattern=r"[ A-Za-z0-9_.-]+",
        words="letters, digits, spaces and _.-",
        source="Shield ProtectionName",
    ),
    # ---- compute
    Limit(
        rule="ecs-name",
        tokens=("aws:ecs/cluster:Cluster", "aws:ecs/service:Service"),
        path="name",
        longest=255,
        pattern=r"[A-Za-z0-9_-]+",
        words="letters, digits, hyphens and underscores",
        source="ECS CreateCluster, CreateService",
    ),
    Limit(
        rule="ecs-name",
        tokens=("aws:ecs/taskDefinition:TaskDefinition",),
        path="family",
        longest=255,
        pattern=r"[A-Za-z0-9_-]+",
        words="letters, digits, hyphens and underscores",
        source="ECS RegisterTaskDefinition",
    ),
    Limit(
        rule="ecs-grace-period",
        tokens=("aws:ecs/service:Service",),
        path="healthCheckGracePeriodSeconds",
        low=0,
        high=2147483647,
        source="ECS CreateService: seconds",
    ),
    Limit(
        rule="ecs-deployment-percent",
        tokens=("aws:ecs/service:Service",),
        path="deploymentMaximumPercent",
        low=0,
        high=200,
        source="ECS DeploymentConfiguration",
    ),
    Limit(
        rule="ecs-deployment-percent",
        tokens=("aws:ecs/service:Service",),
        path="deploymentMinimumHealthyPercent",
        low=0,
        high=100,
        source="ECS DeploymentConfiguration",
    ),
    Limit(
        rule="lambda-name",
        tokens=("aws:lambda/function:Function",),
        path="name",
        longest=64,
        pattern=r"[A-Za-z0-9_-]+",
        words="letters, digits, hyphens and underscores",
        source="Lambda CreateFunction",
    ),
    Limit(
        rule="lambda-memory", tokens=("aws:lambda/function:Function",), path="memorySize", low=128, high=10240, source="Lambda quotas: MiB"
    ),
    Limit(
        rule="lambda-timeout", tokens=("aws:lambda/function:Function",), path="timeout", low=1, high=900, source="Lambda quotas: seconds"
    ),
    Limit(
        rule="lambda-storage",
        tokens=("aws:lambda/function:Function",),
        path="ephemeralStorage.size",
        low=512,
        high=10240,
        source="Lambda quotas: MiB",
    ),
    Limit(
        rule="launch-template-name",
        tokens=("aws:ec2/launchTemplate:LaunchTemplate",),
        path="name",
        shortest=3,
        longest=128,
        pattern=r"[A-Za-z0-9()./_-]+",
        words="letters, digits and ()./_-",
        source="EC2 CreateLaunchTemplate",
    ),
    Limit(
        rule="autoscaling-group-name",
        tokens=("aws:autoscaling/group:Group",),
        path="name",
        longest=255,
        pattern=r"[^:]+",
        words="a name without colons",
        source="EC2 Auto Scaling",
    ),
    Limit(rule="ebs-size", tokens=("aws:ebs/volume:Volume",), path="size", low=1, high=65536, source="EC2 CreateVolume: GiB"),
    # ---- ways in for people
    Limit(rule="client-vpn-port", tokens=_CLIENT_VPN, path="vpnPort", choices=(443, 1194), source="EC2 CreateClientVpnEndpoint"),
    Limit(
        rule="client-vpn-hours",
        tokens=_CLIENT_VPN,
        path="sessionTimeoutHours",
        choices=(8, 10, 12, 24),
        source="EC2 CreateClientVpnEndpoint: hours",
    ),
    Limit(
        rule="client-vpn-banner",
        tokens=_CLIENT_VPN,
        path="clientLoginBannerOptions.bannerText",
        longest=1400,
        source="EC2 ClientLoginBannerOptions: UTF-8 encoded characters",
    ),
    Limit(
        rule="client-vpn-group",
        tokens=("aws:ec2clientvpn/authorizationRule:AuthorizationRule",),
        path="accessGroupId",
        longest=255,
        source="Client VPN quotas: length of a group id",
    ),
    Limit(
        rule="metadata-hops",
        tokens=("aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",),
        path="httpPutResponseHopLimit",
        low=1,
        high=64,
        also=(-1,),
        source="EC2 ModifyInstanceMetadataDefaults",
    ),
    Limit(
        rule="unused-access-age",
        tokens=("aws:accessanalyzer/analyzer:Analyzer",),
        path="configuration.unusedAccess.unusedAccessAge",
        low=1,
        high=365,
        source="Access Analyzer UnusedAccessConfiguration: days",
    ),
    Limit(
        rule="ssm-document-name",
        tokens=("aws:ssm/document:Document",),
        path="name",
        pattern=r"(?!(?i:aws|amazon|amzn))[A-Za-z0-9_.-]{3,128}",
        words="3 to 128 letters, digits and _.-, not starting with aws, amazon or amzn",
        source="Systems Manager CreateDocument",
    ),
    Limit(
        rule="ssm-public-sharing",
        tokens=("aws:ssm/serviceSetting:ServiceSetting",),
        path="settingId",
        pattern=r"/ssm/[a-z0-9/-]+",
        words="a path such as /ssm/documents/console/public-sharing-permission, and no ARN",
        source="Systems Manager UpdateServiceSetting",
    ),
    # ---- AppConfig
    *(
        Limit(
            rule="appconfig-name",
            tokens=(f"aws:appconfig/{token}",),
            path="name",
            shortest=1,
            longest=longest,
            source="AppConfig API reference",
        )
        for token, longest in (
            ("application:Application", 64),
            ("configurationProfile:ConfigurationProfile", 128),
            ("deploymentStrategy:DeploymentStrategy", 64),
            ("environment:Environment", 64),
        )
    ),
    Limit(rule="appconfig-description", tokens=_APPCONFIG, path="description", longest=1024, source="AppConfig API reference"),
    Limit(
        rule="appconfig-type",
        tokens=("aws:appconfig/configurationProfile:ConfigurationProfile",),
        path="type",
        choices=("AWS.AppConfig.FeatureFlags", "AWS.Freeform"),
        source="AppConfig CreateConfigurationProfile",
    ),
    Limit(
        rule="appconfig-alarm-role",
        tokens=("aws:appconfig/environment:Environment",),
        path="monitors[].alarmRoleArn",
        pattern=r"arn:aws[a-z-]*:iam::\d{12}:role/.+",
        words="the ARN of a role",
        source="AppConfig Monitor",
    ),
    *(
        Limit(
            rule="appconfig-strategy", tokens=_STRATEGY, path=path, low=low, high=high, source=f"AppConfig CreateDeploymentStrategy: {unit}"
        )
        for path, low, high, unit in (
            ("deploymentDurationInMinutes", 0, 1440, "minutes"),
            ("finalBakeTimeInMinutes", 0, 1440, "minutes"),
            ("growthFactor", 1, 100, "percent"),
        )
    ),
    Limit(
        rule="appconfig-strategy",
        tokens=_STRATEGY,
        path="growthType",
        choices=("EXPONENTIAL", "LINEAR"),
        source="AppConfig CreateDeploymentStrategy",
    ),
    Limit(
        rule="appconfig-strategy",
        tokens=_STRATEGY,
        path="replicateTo",
        choices=("NONE", "SSM_DOCUMENT"),
        source="AppConfig CreateDeploymentStrategy",
    ),
    Limit(
        rule="appconfig-version-description",
        tokens=("aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion",),
        path="description",
        longest=1024,
        pattern=r"[ -~]*",
        words="printable ASCII, because it travels in a header",
        source="AppConfig CreateHostedConfigurationVersion",
    ),
    Limit(
        rule="appconfig-version-label",
        tokens=("aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion",),
        path="versionLabel",
        longest=64,
        pattern=r".*[^0-9].*",
        words="a text with something beside digits",
        source="AppConfig CreateHostedConfigurationVersion",
    ),
    Limit(
        rule="appconfig-strategy-id",
        tokens=("aws:appconfig/deployment:Deployment",),
        path="deploymentStrategyId",
        pattern=r"[a-z0-9]{4,7}|AppConfig\.[A-Za-z0-9]{9,40}",
        words="a strategy's id, or AppConfig.AllAtOnce and its like",
        source="AppConfig StartDeployment",
    ),
)
