"""Rules of RDS: passwords, storage, windows, snapshots, parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nautilus.sandbox.simulation.rules import Finding, RuleContext, rule, truth
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown

_INSTANCE = "aws:rds/instance:Instance"
_GENERATOR = "random:index/randomPassword:RandomPassword"


@rule("rds-password", "RDS CreateDBInstance, MasterUserPassword: printable ASCII except '/', '\"', '@' and space", _INSTANCE)
def password(ctx: RuleContext) -> Iterator[Finding]:
    """Passwords with refused characters, and generators that may draw them."""
    value = ctx.text("password")
    if value is not None:
        refused = sorted({char for char in value if char in "/\"@ '" or not " " <= char <= "~"} - {"'"})
        if refused:
            shown_chars = " ".join("space" if char == " " else char for char in refused)
            yield (
                "password",
                f'contains {shown_chars}, but RDS refuses / " @ and spaces in a password (give the generator an overrideSpecial without them)',
            )
    elif ctx.inputs.get("password") is UNKNOWN:
        generators, _ = ctx.related("password", _GENERATOR)
        for each in generators:
            letters = each.inputs.get("overrideSpecial") or "!@#$%&*()-_=+[]{}<>:?"
            refused = sorted(set(str(letters)) & set('/"@ ')) if each.inputs.get("special") is not False else []
            if refused:
                yield (
                    "password",
                    f'comes from {each.urn.rpartition("::")[2]}, which may draw {" ".join(refused)}; RDS refuses / " @ and spaces',
                )


@rule("rds-credentials", "RDS CreateDBInstance: a new database needs a user and a password, a replica takes none", _INSTANCE)
def credentials(ctx: RuleContext) -> Iterator[Finding]:
    """Databases without credentials, and replicas with them."""
    replica = not ctx.absent("replicateSourceDb")
    restored = not ctx.absent("snapshotIdentifier") or not ctx.absent("restoreToPointInTime") or not ctx.absent("s3Import")
    managed = truth(ctx.inputs.get("manageMasterUserPassword"))
    given = [name for name in ("password", "passwordWo") if not ctx.absent(name)]
    if managed and given:
        yield given[0], "is given, but manageMasterUserPassword lets RDS make the password"
    if replica:
        for name in ("username", "dbName"):
            if not ctx.absent(name):
                yield name, "is given, but a replica takes it from its source"
    elif not restored:
        for name in ("engine", "allocatedStorage"):
            if ctx.absent(name):
                yield name, "is missing, but a new database needs it"
        if ctx.absent("username"):
            yield "username", "is missing, but a new database needs it"
        if not given and not managed and ctx.inputs.get("manageMasterUserPassword") is not UNKNOWN:
            yield "password", "is missing: give password, passwordWo or manageMasterUserPassword"


@rule(
    "rds-replica-source",
    "RDS CreateDBInstanceReadReplica: a source needs automated backups, and managed master passwords exclude replicas",
    _INSTANCE,
)
def replica_source(ctx: RuleContext) -> Iterator[Finding]:
    """Replicas of a database that cannot have one."""
    sources, _ = ctx.related("replicateSourceDb", _INSTANCE)
    named = ctx.text("replicateSourceDb")
    if not sources and named is not None:
        sources = [known for known in ctx.run.of_token(_INSTANCE) if known.get("identifier") == named]
    for source in sources:
        if source.get("backupRetentionPeriod") in {0, None}:
            yield (
                "replicateSourceDb",
                f"is {source.urn.rpartition('::')[2]}, which has no automated backups (backupRetentionPeriod 0); a replica needs them",
            )
        if truth(source.get("manageMasterUserPassword")):
            yield (
                "replicateSourceDb",
                f"is {source.urn.rpartition('::')[2]}, whose master password RDS manages; PostgreSQL then allows no replica",
            )


@rule(
    "rds-replica-region",
    "RDS CreateDBInstanceReadReplica: across regions an encrypted source needs a key and a subnet group of the replica's own region",
    _INSTANCE,
)
def replica_region(ctx: RuleContext) -> Iterator[Finding]:
    """Replicas that take a key from where they are not."""
    source, region, key = ctx.text("replicateSourceDb"), ctx.text("region"), ctx.text("kmsKeyId")
    if source is None or region is None:
        return
    home = source.split(":")[3] if source.startswith("arn:") else region
    if home != region:
        if truth(ctx.inputs.get("storageEncrypted")) and ctx.absent("kmsKeyId"):
            yield "kmsKeyId", f"is missing, but the source is in {home} and its key does not exist in {region}"
        if key is not None and key.startswith("arn:") and key.split(":")[3] != region:
            yield "kmsKeyId", f"is a key of {key.split(':')[3]}, but the replica is in {region}"


@rule("rds-storage", "RDS storage: sizes by type; gp3 takes iops and throughput from 400 GiB (PostgreSQL) only", _INSTANCE)
def storage(ctx: RuleContext) -> Iterator[Finding]:
    """Storage sizes and speeds."""
    kind = ctx.text("storageType")
    size, iops, throughput, most = (ctx.number(name) for name in ("allocatedStorage", "iops", "storageThroughput", "maxAllocatedStorage"))
    least = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100}.get(kind or "gp2", 5)
    if size is not None and not least <= size <= 65536:
        yield "allocatedStorage", f"is {size:g} GiB, but {kind or 'gp2'} takes {least} to 65536"
    if kind == "gp3" and size is not None and (ctx.chosen("engine", "postgres") or "").startswith(("postgres", "mysql", "mariadb")):
        if size < 400:
            for name, value in (("iops", iops), ("storageThroughput", throughput)):
                if value is not None:
                    yield name, f"is {value:g}, but gp3 below 400 GiB has 3000 IOPS and 125 MiB/s, which cannot be set"
        else:
            if iops is not None and not 12000 <= iops <= 64000:
                yield "iops", f"is {iops:g}, but gp3 from 400 GiB takes 12000 to 64000"
            if throughput is not None and not 500 <= throughput <= 4000:
                yield "storageThroughput", f"is {throughput:g} MiB/s, but gp3 from 400 GiB takes 500 to 4000"
            elif throughput is not None and throughput * 4 > (iops or 12000):
                yield "storageThroughput", f"is {throughput:g} MiB/s, but gp3 gives at most a quarter of its {iops or 12000:g} IOPS"
    if kind in {"io1", "io2"} and iops is None and ctx.absent("iops"):
        yield "iops", f"is missing, but {kind} needs it"
    if size is not None and most is not None and most and most * 10 < size * 11:
        yield "maxAllocatedStorage", f"is {most:g} GiB, but storage autoscaling needs at least 10 % above allocatedStorage ({size:g})"


@rule("rds-final-snapshot", "RDS DeleteDBInstance: a final snapshot's name, unless it is skipped", _INSTANCE)
def final_snapshot(ctx: RuleContext) -> Iterator[Finding]:
    """Databases that a destroy could not delete."""
    skip = truth(ctx.inputs.get("skipFinalSnapshot"))
    if (
        not skip
        and ctx.inputs.get("skipFinalSnapshot") is not UNKNOWN
        and ctx.absent("finalSnapshotIdentifier")
        and ctx.absent("replicateSourceDb")
    ):
        yield "finalSnapshotIdentifier", "is missing, but skipFinalSnapshot is not set: a destroy would fail"


@rule("rds-monitoring", "RDS CreateDBInstance: enhanced monitoring needs a role; Performance Insights settings need it enabled", _INSTANCE)
def monitoring(ctx: RuleContext) -> Iterator[Finding]:
    """Monitoring without what it needs."""
    interval = ctx.number("monitoringInterval")
    if interval and ctx.absent("monitoringRoleArn"):
        yield "monitoringRoleArn", f"is missing, but monitoringInterval is {interval:g} s"
    if interval == 0 and not ctx.absent("monitoringRoleArn"):
        yield "monitoringInterval", "is 0, but monitoringRoleArn is given"
    enabled = truth(ctx.inputs.get("performanceInsightsEnabled"))
    if not enabled and ctx.inputs.get("performanceInsightsEnabled") is not UNKNOWN:
        for name in ("performanceInsightsKmsKeyId", "performanceInsightsRetentionPeriod"):
            if ctx.inputs.get(name) not in {None, 0} and ctx.inputs.get(name) is not UNKNOWN:
                yield name, "is given, but performanceInsightsEnabled is not set"


@rule("rds-encryption", "RDS: a key goes with encrypted storage", _INSTANCE)
def encryption(ctx: RuleContext) -> Iterator[Finding]:
    """A key for storage that is not encrypted."""
    if (
        not ctx.absent("kmsKeyId")
        and ctx.absent("replicateSourceDb")
        and ctx.absent("snapshotIdentifier")
        and truth(ctx.inputs.get("storageEncrypted")) is not True
        and ctx.inputs.get("storageEncrypted") is not UNKNOWN
    ):
        yield "storageEncrypted", "is not set, but kmsKeyId is given"


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAILY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_WEEKLY = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)", re.IGNORECASE
)


def daily(text: Any) -> tuple[int, int] | None:
    """Start and length in minutes of a daily window `hh:mm-hh:mm` (UTC), or None."""
    found = _DAILY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return start, (end - start) % 1440


def weekly(text: Any) -> tuple[int, int] | None:
    """Start (from Monday 00:00 UTC) and length in minutes of a weekly window `ddd:hh:mm-ddd:hh:mm`, or None."""
    found = _WEEKLY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    start = _DAYS.index(found[1].lower()) * 1440 + int(found[2]) * 60 + int(found[3])
    end = _DAYS.index(found[4].lower()) * 1440 + int(found[5]) * 60 + int(found[6])
    return start, (end - start) % 10080


def windows(ctx: RuleContext, backup: str, maintenance: str, least: int) -> Iterator[Finding]:
    """Findings about a daily backup window and a weekly maintenance window, which must not overlap."""
    for name, parse, form in ((backup, daily, "hh:mm-hh:mm"), (maintenance, weekly, "ddd:hh:mm-ddd:hh:mm")):
        text = ctx.text(name)
        if text is None:
            continue
        window = parse(text)
        if window is None:
            yield name, f"is {shown(text)}, but must be of the form {form} (UTC)"
        elif window[1] < least:
            yield name, f"is {shown(text)}, {window[1]} minutes, but AWS wants at least {least}"
    first, second = daily(ctx.inputs.get(backup)), weekly(ctx.inputs.get(maintenance))
    if first is not None and second is not None:
        for day in range(8):
            start = day * 1440 + first[0]
            if start < second[0] + second[1] and second[0] < start + first[1]:
                yield backup, f"is {shown(ctx.text(backup))}, which overlaps the maintenance window {ctx.text(maintenance)}"
                return


@rule("rds-windows", "RDS CreateDBInstance: windows of 30 minutes or more that do not overlap", _INSTANCE)
def rds_windows(ctx: RuleContext) -> Iterator[Finding]:
    """Backup and maintenance windows."""
    yield from windows(ctx, "backupWindow", "maintenanceWindow", 30)


@rule("rds-family", "RDS: a parameter group's family is the engine's major version", _INSTANCE)
def family(ctx: RuleContext) -> Iterator[Finding]:
    """A parameter group of another major version."""
    engine, version, group = ctx.text("engine"), ctx.text("engineVersion"), ctx.text("parameterGroupName")
    if engine != "postgres" or version is None or group is None:
        return
    major = version.partition(".")[0]
    for known in ctx.run.of_token("aws:rds/parameterGroup:ParameterGroup"):
        theirs = known.get("family")
        if known.get("name") == group and isinstance(theirs, str) and theirs != f"postgres{major}":
            yield "parameterGroupName", f"is {group} of family {theirs}, but engine version {version} needs postgres{major}"


# Parameters of PostgreSQL that take effect after a restart: RDS refuses `immediate` for them.
_STATIC = frozenset(
    [
        "shared_preload_libraries",
        "max_connections",
        "shared_buffers",
        "max_wal_senders",
        "max_replication_slots",
        "max_worker_processes",
        "max_prepared_transactions",
        "max_locks_per_transaction",
        "rds.logical_replication",
        "huge_pages",
        "track_activity_query_size",
        "pg_stat_statements.max",
        "wal_buffers",
        "autovacuum_max_workers",
        "autovacuum_freeze_max_age",
        "superuser_reserved_connections",
        "max_files_per_process",
        "old_snapshot_threshold",
        "cron.database_name",
        "cron.log_run",
        "track_commit_timestamp",
        "jit_provider",
        "wal_decode_buffer_size",
    ]
)


@rule(
    "rds-timescaledb",
    "RDS for PostgreSQL offers no TimescaleDB: shared_preload_libraries refuses it",
    "aws:rds/parameterGroup:ParameterGroup",
)
def timescaledb(ctx: RuleContext) -> Iterator[Finding]:
    """TimescaleDB asked of RDS."""
    for index, each in enumerate(ctx.items("parameters")):
        if (
            is_map(each)
            and each.get("name") == "shared_preload_libraries"
            and isinstance(each.get("value"), str)
            and "timescaledb" in each["value"].lower()
        ):
            yield (
                f"parameters[{index}].value",
                f"is {shown(each['value'])}, but RDS cannot load timescaledb (SHOW rds.extensions has no such extension); use the timescale component",
            )


@rule(
    "rds-parameters",
    "RDS ModifyDBParameterGroup: static parameters need apply method pending-reboot; a family of the engine",
    "aws:rds/parameterGroup:ParameterGroup",
)
def parameters(ctx: RuleContext) -> Iterator[Finding]:
    """Parameters that the API refuses."""
    family_name = ctx.text("family")
    if family_name is not None and not re.fullmatch(
        r"(aurora-)?(postgres|postgresql|mysql|mariadb|oracle-[a-z0-9-]+|sqlserver-[a-z0-9-]+|db2-[a-z]+-?)[\d.]*", family_name
    ):
        yield "family", f"is {shown(family_name)}, but must be an engine and its major version such as postgres17"
    names: list[Any] = []
    for index, each in enumerate(ctx.items("parameters")):
        if not is_map(each):
            continue
        name = each.get("name")
        if name in names:
            yield f"parameters[{index}].name", f"is {shown(name)}, given twice"
        names.append(name)
        if name in _STATIC and each.get("applyMethod", "immediate") == "immediate" and (family_name or "").startswith("postgres"):
            yield f"parameters[{index}].applyMethod", f"is immediate, but {name} is static and needs pending-reboot"


@rule("rds-exports", "RDS CreateDBInstance: log exports by engine", _INSTANCE)
def exports(ctx: RuleContext) -> Iterator[Finding]:
    """Log exports that the engine does not have."""
    allowed = {
        "postgres": {"postgresql", "upgrade", "iam-db-auth-error"},
        "mysql": {"audit", "error", "general", "slowquery", "iam-db-auth-error"},
    }.get(ctx.text("engine") or "")
    values = ctx.get("enabledCloudwatchLogsExports")
    for index, each in enumerate(values if is_list(values) else []):
        if allowed is not None and isinstance(each, str) and each not in allowed:
            yield (
                f"enabledCloudwatchLogsExports[{index}]",
                f"is {shown(each)}, but {ctx.text('engine')} exports {', '.join(sorted(allowed))}",
            )


@rule("rds-instance-class", "RDS instance classes", _INSTANCE)
def instance_class(ctx: RuleContext) -> Iterator[Finding]:
    """Instance classes that are none."""
    value = ctx.text("instanceClass")
    if value is not None and not re.fullmatch(r"db\.[a-z0-9-]+\.[a-z0-9]+(\.[a-z0-9.]+)?", value):
        yield "instanceClass", f"is {shown(value)}, but must be a class such as db.r7g.large"


@rule(
    "rds-blue-green",
    "RDS CreateBlueGreenDeployment: no password that Secrets Manager manages, no replica as its source, automated backups",
    _INSTANCE,
)
def blue_green(ctx: RuleContext) -> Iterator[Finding]:
    """Databases that cannot be upgraded on a copy."""
    chosen = ctx.get("blueGreenUpdate")
    if not is_map(chosen) or truth(chosen.get("enabled")) is not True:
        return
    if truth(ctx.inputs.get("manageMasterUserPassword")):
        yield "blueGreenUpdate.enabled", "is true, but a blue-green deployment takes no password that Secrets Manager manages"
    if not ctx.absent("replicateSourceDb"):
        yield "blueGreenUpdate.enabled", "is true, but a replica is no source of a blue-green deployment"
    if ctx.number("backupRetentionPeriod") == 0:
        yield "blueGreenUpdate.enabled", "is true, but a blue-green deployment needs automated backups (backupRetentionPeriod 0)"


@rule(
    "rds-proxy",
    "RDS CreateDBProxy: IAM by default or a secret for each user, TLS where IAM is required, two subnets",
    "aws:rds/proxy:Proxy",
)
def proxy(ctx: RuleContext) -> Iterator[Finding]:
    """Proxies that could not be made."""
    by_iam = ctx.text("defaultAuthScheme") == "IAM_AUTH"
    if not by_iam and ctx.inputs.get("defaultAuthScheme") is not UNKNOWN and ctx.inputs.get("auths") in (None, []):
        yield "auths", "is missing, but a proxy without defaultAuthScheme IAM_AUTH needs a secret"
    required = by_iam or any(is_map(each) and each.get("iamAuth") == "REQUIRED" for each in ctx.items("auths"))
    if required and not truth(ctx.inputs.get("requireTls")) and ctx.inputs.get("requireTls") is not UNKNOWN:
        yield "requireTls", "is not set, but IAM authentication needs TLS"
    subnets = ctx.inputs.get("vpcSubnetIds")
    if is_list(subnets) and len(subnets) < 2:
        yield "vpcSubnetIds", f"names {len(subnets)} subnet, but a proxy needs two, in two availability zones"
    for index, each in enumerate(ctx.items("auths")):
        if is_map(each) and each.get("authScheme") == "SECRETS" and each.get("secretArn") is None:
            yield f"auths[{index}].secretArn", "is missing, but authScheme is SECRETS"
        if is_map(each) and each.get("authScheme", "SECRETS") == "SECRETS" and each.get("username") is not None:
            yield f"auths[{index}].username", "is given, but authScheme SECRETS takes it from the secret"


@rule("rds-proxy-pool", "RDS ConnectionPoolConfiguration: percentages", "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup")
def proxy_pool(ctx: RuleContext) -> Iterator[Finding]:
    """Pool percentages."""
    pool = ctx.get("connectionPoolConfig")
    if not is_map(pool):
        return
    from nautilus.sandbox.simulation.rules import number

    most, idle, borrow = (
        number(pool.get("maxConnectionsPercent")),
        number(pool.get("maxIdleConnectionsPercent")),
        number(pool.get("connectionBorrowTimeout")),
    )
    if most is not None and not 1 <= most <= 100:
        yield "connectionPoolConfig.maxConnectionsPercent", f"is {most:g}, but AWS accepts 1 to 100"
    if idle is not None and not 0 <= idle <= (most if most is not None else 100):
        yield "connectionPoolConfig.maxIdleConnectionsPercent", f"is {idle:g}, but AWS accepts 0 to maxConnectionsPercent"
    if borrow is not None and not 0 <= borrow <= 300:
        yield "connectionPoolConfig.connectionBorrowTimeout", f"is {borrow:g} s, but AWS accepts 0 to 300"
