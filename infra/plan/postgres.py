"""What RDS for PostgreSQL accepts, and the parameter group of the platform. Pure; every refusal names the value and what is accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from infra.plan.alarms import instance_memory_gib
from infra.plan.iam import policy, statement, through_service
from infra.plan.secrets import PROXY_USER
from infra.settings.data import MajorUpgrade, Postgres
from infra.settings.data.postgres import PRELOADABLE
from infra.settings.limits import CONNECTIONS_KEPT

MAJORS = (15, 16, 17, 18)
"""Majors from seed 004's 15 up that RDS offers."""
MAINTENANCE_WINDOW = "sun:03:30-sun:04:00"
"""Inside the seed's Sunday 02:00–04:00 UTC, clear of every start on the backup calendar and of the hour before (DESIGN.md decision 9)."""
BACKUP_WINDOW = "23:00-23:30"
"""RDS's own first window; AWS Backup takes it over once it manages the instance's continuous backup."""
BACKUP_DAYS = 35
"""RDS's longest retention, the same that AWS Backup's continuous backup sets."""
LOG_EXPORTS = ("iam-db-auth-error", "postgresql", "upgrade")
"""Refused IAM log-ins, the server's own log, and what a major upgrade says. Sorted, as AWS gives them back."""
EVENT_CATEGORIES = (
    "availability",
    "configuration change",
    "deletion",
    "failover",
    "failure",
    "low storage",
    "maintenance",
    "notification",
    "read replica",
    "recovery",
)
"""What operators hear of (POLICY-RULES RDS-22)."""

GP3_PROVISIONED_FROM_GB = 400
"""RDS accepts provisioned gp3 IOPS for PostgreSQL from this size on, in GiB."""
GP3_LARGEST_GB = 65_536
"""Largest volume of RDS for PostgreSQL, in GiB (RDS: storage)."""
GP3_IOPS_A_MBPS = 4
"""gp3 wants at least this many IOPS for each MiB/s of throughput (EBS: 0.25 MiB/s for one)."""
MONITORING_SECONDS = (1, 5, 10, 15, 30, 60)
CONNECTION_BYTES = 9_531_392
"""RDS's own default for `max_connections` is the instance's memory divided by this."""
UNSUPPORTED_FAMILIES = {
    **dict.fromkeys(("m1", "m2", "m3", "m4", "r3", "r4", "t1", "t2"), "a previous generation, on which PostgreSQL 15 and newer do not run"),
    **dict.fromkeys(("x1", "x1e", "z1d"), "not offered for PostgreSQL"),
    **dict.fromkeys(("c6gd",), "offered for Multi-AZ clusters alone, not for an instance with a standby"),
    "serverless": "Aurora's, not RDS's",
}
"""Families of RDS instance classes that cannot carry this database, and why (RDS: supported engines for instance classes)."""
FAMILIES = re.compile(r"(?:m[5-8]|r[5-8]|x2)[a-z]*|t3|t4g")
"""Families of RDS instance classes that carry PostgreSQL 15 and newer. A list of what there is, so that a typing error is none of them; a new
generation of AWS's is added here."""
RESERVED_USERS = frozenset(
    {"admin", "all", "postgres", "rds_superuser", "rds_replication", "rdsadmin", "rdsrepladmin", "rdstopmgr", "root", "user"}
)
RESERVED_DATABASES = frozenset({"postgres", "rdsadmin", "template0", "template1", "user"})
_USER = re.compile(r"^[a-z][a-z0-9_]{1,15}$")


@dataclass(frozen=True)
class Parameter:
    """One parameter of the group. Static parameters wait for a reboot, dynamic ones apply at once (POLICY-RULES RDS-19)."""

    name: str
    value: str
    apply_method: Literal["immediate", "pending-reboot"]


def family(major: int) -> str:
    """The parameter group family of a major version.

    Raises:
        ValueError: RDS or the platform does not support the major version.
    """
    if major not in MAJORS:
        raise ValueError(f"PostgreSQL {major}: no supported parameter group family (accepted: {', '.join(map(str, MAJORS))})")
    return f"postgres{major}"


def preload(libraries: tuple[str, ...]) -> str:
    """The value of `shared_preload_libraries`. `pg_stat_statements` always stays: setting the list replaces RDS's default.

    Raises:
        ValueError: A library that RDS does not preload; `timescaledb` first of all.
    """
    if "timescaledb" in libraries:
        raise ValueError(
            "shared_preload_libraries = timescaledb: RDS does not offer the library; market data belongs to the `timescale` component"
        )
    strange = sorted(set(libraries) - PRELOADABLE)
    if strange:
        raise ValueError(f"shared_preload_libraries = {', '.join(strange)}: RDS preloads {', '.join(sorted(PRELOADABLE))}")
    return ",".join(dict.fromkeys(("pg_stat_statements", *libraries)))


def parameters(settings: Postgres) -> tuple[Parameter, ...]:
    """The parameter group, sorted by name.

    Forced TLS and SCRAM passwords (DTO-042), statements and slow queries on record (DTO-113, DTO-142, NRC-012), idle transactions and dead
    connections ended (DTO-089). A blue-green upgrade replicates logically, so the server must write its log for that (RDS).

    Raises:
        ValueError: A library that RDS does not preload.
    """
    dynamic = {
        "rds.force_ssl": "1",
        "rds.accepted_password_auth_method": "scram",
        "log_connections": "1",
        "log_disconnections": "1",
        "log_lock_waits": "1",
        "log_min_duration_statement": str(settings.slow_query_ms),
        "log_statement": "ddl",
        "log_temp_files": "10240",
        "idle_in_transaction_session_timeout": "60000",
        "pg_stat_statements.track": "all",
        "tcp_keepalives_count": "6",
        "tcp_keepalives_idle": "60",
        "tcp_keepalives_interval": "10",
        "track_io_timing": "1",
    }
    static = {
        "max_connections": str(settings.max_connections),
        "shared_preload_libraries": preload(tuple(settings.preload_libraries)),
    }
    if settings.major_upgrade is MajorUpgrade.BLUE_GREEN:
        static["rds.logical_replication"] = "1"
    table = [Parameter(name, value, "immediate") for name, value in dynamic.items()]
    table += [Parameter(name, value, "pending-reboot") for name, value in static.items()]
    return tuple(sorted(table, key=lambda item: item.name))


def most_connections(instance_class: str) -> int:
    """Connections that the memory of an instance class carries: twice RDS's own default.

    Every connection is a process of some MB; beyond twice the default they would need more than half of the memory before they do anything.

    Raises:
        ValueError: A class whose memory does not follow from its name.
    """
    return int(2 * instance_memory_gib(instance_class) * 1024**3 // CONNECTION_BYTES)


@dataclass(frozen=True)
class Refusal:
    """A combination that RDS refuses, or that would not do what it says."""

    key: str
    """Key of the section `postgres` that is to blame, as in YAML."""
    reason: str
    """Completes the sentence `<key> …`."""
    accepted: str
    good: object
    """A value that repairs it; None where the key is to be left out."""
    also: tuple[str, ...] = ()
    """Other keys of the section that the rule looks at."""


def storage_refusals(settings: Postgres) -> tuple[Refusal, ...]:
    """What gp3 does not give: sizes, IOPS and throughput (RDS: gp3 storage for PostgreSQL; EBS: gp3)."""
    found: list[Refusal] = []
    size, iops, throughput = settings.storage_gb, settings.iops, settings.storage_throughput
    if settings.max_storage_gb * 10 < size * 11:
        least = -(-size * 11 // 10)
        most_first = GP3_LARGEST_GB * 10 // 11
        found.append(
            Refusal(
                "storageGb",
                f"leaves autoscaling no room: postgres.maxStorageGb must be at least 10 % above it, and a volume has at most {GP3_LARGEST_GB:,} GiB",
                f"20 to {most_first:,}",
                most_first,
                ("maxStorageGb",),
            )
            if least > GP3_LARGEST_GB
            else Refusal(
                "maxStorageGb", f"must be at least 10 % above postgres.storageGb = {size}", f"{least:,} or more", least, ("storageGb",)
            )
        )
    if size < GP3_PROVISIONED_FROM_GB:
        for key, value in (("iops", iops), ("storageThroughput", throughput)):
            if value is not None:
                found.append(
                    Refusal(
                        key,
                        f"AWS takes it from {GP3_PROVISIONED_FROM_GB} GiB up, and postgres.storageGb is {size}: leave it out, or start with "
                        f"{GP3_PROVISIONED_FROM_GB} GiB",
                        "unset",
                        None,
                        ("storageGb",),
                    )
                )
        return tuple(found)
    if throughput is not None and iops is None:
        found.append(
            Refusal(
                "storageThroughput",
                "is set without postgres.iops: RDS changes both together, and a later change of one alone would be refused",
                "unset, or together with postgres.iops",
                None,
                ("iops",),
            )
        )
    elif throughput is not None and iops is not None and throughput * GP3_IOPS_A_MBPS > iops:
        most = iops // GP3_IOPS_A_MBPS
        found.append(
            Refusal("storageThroughput", f"is more than a quarter of postgres.iops = {iops:,}", f"at most {most:,}", most, ("iops",))
        )
    return tuple(found)


def instance_refusals(settings: Postgres) -> tuple[Refusal, ...]:
    """Instance classes on which this database does not run, and connections that their memory does not carry."""
    family = settings.instance_class.split(".")[1] if settings.instance_class.count(".") else ""
    why = UNSUPPORTED_FAMILIES.get(family)
    if why is None and not FAMILIES.fullmatch(family):
        why = "of no family that RDS has for PostgreSQL"
    if why is None:
        try:
            most = most_connections(settings.instance_class)
        except ValueError as error:
            why = str(error)
        else:
            if settings.max_connections <= most:
                return ()
            return (
                Refusal(
                    "maxConnections",
                    f"is more than the memory of {settings.instance_class} carries, {most:,}: twice RDS's own default, which is memory / "
                    f"{CONNECTION_BYTES:,} bytes",
                    f"at most {most:,}, or a larger postgres.instanceClass",
                    most,
                    ("instanceClass",),
                ),
            )
    return (Refusal("instanceClass", f"is {why}", "a class of the families m5, m6, m7, m8, r5 to r8, t3, t4g or x2", "db.m7g.xlarge"),)


def conflicts(settings: Postgres, *, second_region: bool) -> tuple[Refusal, ...]:
    """Features that exclude each other.

    Args:
        settings: The section.
        second_region: Whether the database has a replica in another region.
    """
    found: list[Refusal] = []
    replicas = f"postgres.replicas = {settings.replicas}"
    if settings.managed_password:
        why = "RDS makes no read replica of a PostgreSQL database whose password it manages itself"
        if settings.replicas:
            found.append(Refusal("managedPassword", f"excludes {replicas}: {why}", "false, or replicas 0", False, ("replicas",)))
        if second_region:
            found.append(
                Refusal("managedPassword", f"excludes the replica in the second region (dr.postgresReplica): {why}", "false", False)
            )
    if settings.major_upgrade is not MajorUpgrade.BLUE_GREEN:
        return tuple(found)
    choice = MajorUpgrade.IN_PLACE.value
    if settings.managed_password:
        found.append(
            Refusal(
                "majorUpgrade",
                "excludes postgres.managedPassword: RDS's blue-green deployments do not support passwords that Secrets Manager manages",
                "in-place or refuse, or managedPassword false",
                choice,
                ("managedPassword",),
            )
        )
    if settings.replicas:
        found.append(
            Refusal(
                "majorUpgrade",
                f"excludes {replicas}: the deployment would replace the primary alone, and its replicas here would go on following the old "
                "one, or stand alone (hashicorp/terraform-provider-aws#33702)",
                "in-place or refuse, or replicas 0",
                choice,
                ("replicas",),
            )
        )
    if second_region:
        found.append(
            Refusal(
                "majorUpgrade",
                "excludes the replica in the second region (dr.postgresReplica): RDS's blue-green deployments do not support replicas in "
                "another region",
                "in-place or refuse, or dr.postgresReplica false",
                choice,
            )
        )
    if settings.proxy.enabled:
        found.append(
            Refusal(
                "majorUpgrade",
                "excludes postgres.proxy.enabled: the proxy's role may log in to one instance by its resource id, and the copy that takes "
                "over has another, so the backend would be locked out from the switch-over to the next `up`",
                "in-place or refuse, or proxy.enabled false",
                choice,
            )
        )
    return tuple(found)


def refusals(settings: Postgres, *, second_region: bool = False) -> tuple[str, ...]:
    """Why RDS would refuse these settings; empty when it would not."""
    found: list[str] = []
    if settings.major not in MAJORS:
        found.append(f"major {settings.major}: no supported parameter group family (accepted: {', '.join(map(str, MAJORS))})")
    try:
        preload(tuple(settings.preload_libraries))
    except ValueError as error:
        found.append(str(error))
    combined = (*storage_refusals(settings), *instance_refusals(settings), *conflicts(settings, second_region=second_region))
    found += [f"{each.key} {each.reason} (accepted: {each.accepted})" for each in combined]
    days = settings.insights_days
    if days not in (7, 731) and not (days % 31 == 0 and 31 <= days <= 713):
        found.append(f"insightsDays {days}: accepted are 7, a multiple of 31 up to 713, and 731")
    if settings.monitoring_seconds not in MONITORING_SECONDS:
        found.append(f"monitoringSeconds {settings.monitoring_seconds}: accepted are {', '.join(map(str, MONITORING_SECONDS))}")
    if settings.user in RESERVED_USERS or settings.user.startswith("pg_") or not _USER.match(settings.user):
        found.append(f"user `{settings.user}`: 2 to 16 lower-case characters, and neither reserved nor starting with pg_")
    if settings.database in RESERVED_DATABASES:
        found.append(f"database `{settings.database}`: the server keeps that name for itself")
    return tuple(found)


def check(settings: Postgres, *, second_region: bool = False) -> None:
    """Refuse what RDS would refuse, before anything is created.

    Args:
        settings: The section.
        second_region: Whether the database has a replica in another region.

    Raises:
        ValueError: All reasons of `refusals`, one after the other.
    """
    found = refusals(settings, second_region=second_region)
    if found:
        raise ValueError("postgres: " + "; ".join(found))


@dataclass(frozen=True)
class Demand:
    """What a service asks of the proxy: tasks, and the bounds of each task's own pool (seed 003: 10 to 100)."""

    min_tasks: int
    max_tasks: int
    pool_min: int
    pool_max: int


@dataclass(frozen=True)
class Pool:
    """The proxy's connections to the server, in percent of the server's `max_connections`."""

    most_percent: int
    idle_percent: int

    def most(self, max_connections: int) -> int:
        """The same as a number of connections."""
        return max_connections * self.most_percent // 100


def proxy_pool(demand: Demand, max_connections: int) -> Pool:
    """The proxy's pool.

    It is as large as the pools of two versions of the service side by side, because a session that the proxy must pin (a prepared statement,
    a `SET`) keeps its connection to itself; it never takes what is kept for everything else. Idle connections stay for the smallest
    pools of the fewest tasks (DTO-086).

    Raises:
        ValueError: The server has no connections to spare for a pool.
    """
    spare = 100 * (max_connections - CONNECTIONS_KEPT) // max_connections
    if spare < 1:
        raise ValueError(
            f"postgres: maxConnections {max_connections} leaves the proxy nothing beside the {CONNECTIONS_KEPT} kept for others"
        )
    wanted = -(-100 * 2 * demand.max_tasks * demand.pool_max // max_connections)
    most = max(1, min(spare, wanted))
    return Pool(most, min(most, -(-100 * demand.min_tasks * demand.pool_min // max_connections)))


def connect_policy(connect_arn: str) -> str:
    """What a task may do that reaches the database through the proxy: log in as one user, and nothing else (`rds-db:connect`)."""
    return policy(statement(["rds-db:connect"], [connect_arn], sid="Database"))


def proxy_policy(*, database_arn: str, secret_arn: str, secret_key_arn: str, region: str) -> str:
    """What the proxy may do: log in to the instance as `PROXY_USER`, and read the secret that it is told of.

    Args:
        database_arn: `rds-db:connect` ARN of the user on the instance.
        secret_arn: The secret of the proxy's `auth` entry.
        secret_key_arn: Its KMS key; usable through Secrets Manager only.
        region: Region of both.
    """
    return policy(
        statement(["rds-db:connect"], [database_arn], sid="Database"),
        statement(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], [secret_arn], sid="Secret"),
        through_service(secret_key_arn, ["kms:Decrypt"], service="secretsmanager", region=region, sid="SecretKey"),
    )


def connect_arn(*, resource_id: str, region: str, account_id: str, partition: str = "aws") -> str:
    """The ARN that `rds-db:connect` is granted on: `PROXY_USER` on an instance (`db-…`) or a proxy (`prx-…`)."""
    return f"arn:{partition}:rds-db:{region}:{account_id}:dbuser:{resource_id}/{PROXY_USER}"
