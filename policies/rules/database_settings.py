"""Rules about how relational databases and the proxies in front of them are set up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.checks import flag_on
from policies.environments import PRODUCTION, environment_of, of_environment
from policies.resources import AWS_PROVIDER, Resource, Stack
from policies.rule import (
    Example,
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.tokens import DB_INSTANCE, DB_PARAMETER_GROUP, DB_PROXY, LOG_GROUP
from policies.values import ABSENT, UNKNOWN, Gap, items

_FEWEST_DAYS = 14


def _is_copy(database: Resource) -> bool:
    """A replica takes storage, users and backups from what it follows."""
    return database.get("replicateSourceDb") is not ABSENT


def _db(**props: object) -> Given:
    return Given(DB_INSTANCE, "db", {"engine": "postgres", "engineVersion": "16", **props})


_REPLICA = Given(DB_INSTANCE, "replica", {"replicateSourceDb": "db"})


def _follows_nearby(database: Resource) -> bool | Gap:
    """Whether it is a replica in its source's region, where AWS gives it the source's key and takes no other."""
    source = database.get("replicateSourceDb")
    if source is ABSENT:
        return False
    if isinstance(source, str):
        return not source.startswith("arn:")
    origins = database.sources("replicateSourceDb", DB_INSTANCE)
    return all(origin.region == database.region for origin in origins) if origins else UNKNOWN


def _encrypted(stack: Stack) -> Iterator[Problem]:
    for database in stack.of(DB_INSTANCE):
        nearby = _follows_nearby(database)
        if nearby is True:
            continue
        yield from flag_on(database, "storageEncrypted", "is stored in clear")
        if database.get("kmsKeyId") is not ABSENT:
            continue
        if nearby is UNKNOWN:
            yield unresolved(database, "kmsKeyId", "whether its source lies in the same region, whose key it takes, is not known yet")
        else:
            yield violation(database, "kmsKeyId", "it is encrypted with AWS's key, whose policy is nobody's: name a key of ours")


RDS_02 = StackRule(
    id="RDS-02",
    severity=Severity.HIGH,
    title="Databases are encrypted with a key of ours.",
    rationale="A snapshot that leaves the account in clear is the whole database; encryption cannot be added later without a replacement.",
    remediation="Set `storage_encrypted=True` and `kms_key_id`.",
    references=("FSBP RDS.3", "CIS 2.2.1", "CKV_AWS_16"),
    types=(DB_INSTANCE,),
    check=_encrypted,
    examples=(
        good("our key", _db(storageEncrypted=True, kmsKeyId="key")),
        good("a replica of the region has its source's key", _REPLICA),
        bad("in clear", _db(storageEncrypted=False, kmsKeyId="key")),
        bad("AWS's key", _db(storageEncrypted=True)),
        bad(
            "a replica in another region without a key of its own",
            Given(DB_INSTANCE, "db", {"replicateSourceDb": "arn:aws:rds:us-east-1:123456789012:db:db", "storageEncrypted": True}),
        ),
        unknown("computed", _db(storageEncrypted=UNKNOWN, kmsKeyId=UNKNOWN), expect={"db": Kind.UNRESOLVED}),
        unknown(
            "a replica of a database of the stack that has no name yet",
            _db(storageEncrypted=True, kmsKeyId="key", region="us-east-1"),
            Given(DB_INSTANCE, "replica", {"replicateSourceDb": UNKNOWN, "region": "us-east-1"}, {"replicateSourceDb": ["db"]}),
        ),
        unknown(
            "the same in another region",
            _db(storageEncrypted=True, kmsKeyId="key", region="us-east-1"),
            Given(
                DB_INSTANCE,
                "replica",
                {"replicateSourceDb": UNKNOWN, "region": "us-west-2", "storageEncrypted": True},
                {"replicateSourceDb": ["db"]},
            ),
            expect={"replica": Kind.VIOLATION},
        ),
        unknown(
            "a replica of nobody knows where",
            Given(DB_INSTANCE, "db", {"replicateSourceDb": UNKNOWN, "storageEncrypted": True}),
            expect={"db": Kind.UNRESOLVED},
        ),
        absent("the default is in clear", _db(kmsKeyId="key"), expect={"db": Kind.VIOLATION}),
    ),
)


def _standby(stack: Stack) -> Iterator[Problem]:
    environment = environment_of(stack)
    if environment not in (PRODUCTION, UNKNOWN):
        return
    for database in stack.of(DB_INSTANCE):
        if _is_copy(database):
            continue
        two = database.flag("multiAz", default=False)
        if two is UNKNOWN or (two is not True and environment is UNKNOWN):
            yield unresolved(database, "multiAz")
        elif two is not True:
            yield violation(database, "multiAz", "production's database has no standby in another zone: a zone's loss is a restore")


RDS_03 = StackRule(
    id="RDS-03",
    severity=Severity.HIGH,
    title="Production's database has a standby in another zone.",
    rationale="Without a standby the loss of a zone is a restore from a backup: half an hour instead of two minutes.",
    remediation="Set `multi_az=True`.",
    references=("FSBP RDS.5", "CIS 2.2.4", "CKV_AWS_157"),
    types=(DB_INSTANCE,),
    check=_standby,
    examples=(
        good("two zones", of_environment("prod"), _db(multiAz=True)),
        good("a replica in production", of_environment("prod"), _REPLICA),
        good("not production", of_environment("staging"), _db(multiAz=False)),
        bad("one zone in production", _db(multiAz=False), of_environment("prod")),
        bad(
            "one zone in production, in the engine's form",
            _db(multiAz=False),
            Given(AWS_PROVIDER, "aws", {"defaultTags": '{"tags":{"Environment":"prod"}}'}),
        ),
        unknown("computed", of_environment("prod"), _db(multiAz=UNKNOWN), expect={"db": Kind.UNRESOLVED}),
        unknown("whose environment is not known", of_environment(UNKNOWN), _db(multiAz=False), expect={"db": Kind.UNRESOLVED}),
        absent("the default is one zone", of_environment("prod"), _db(), expect={"db": Kind.VIOLATION}),
        absent("a stack without tags", _db(multiAz=False)),
    ),
)


def _kept(stack: Stack) -> Iterator[Problem]:
    if stack.unlocked:
        return
    for database in stack.of(DB_INSTANCE):
        yield from flag_on(database, "deletionProtection", "can be deleted by one call")


RDS_04 = StackRule(
    id="RDS-04",
    severity=Severity.HIGH,
    title="Databases are protected from deletion unless the stack is unlocked.",
    rationale="One wrong call, by hand or by a program, ends the database.",
    remediation="Set `deletion_protection=True`; to destroy a stack, unlock it.",
    references=("FSBP RDS.8", "CKV_AWS_293"),
    types=(DB_INSTANCE,),
    check=_kept,
    examples=(
        good("protected", _db(deletionProtection=True)),
        bad("not protected", _db(deletionProtection=False)),
        unknown("computed", _db(deletionProtection=UNKNOWN), expect={"db": Kind.UNRESOLVED}),
        absent("the default is not to", _db(), expect={"db": Kind.VIOLATION}),
    ),
)


def _backed_up(database: Resource) -> Iterator[Problem]:
    if _is_copy(database):
        return
    days = database.get("backupRetentionPeriod")
    if days is UNKNOWN:
        yield unresolved(database, "backupRetentionPeriod")
    elif not isinstance(days, int) or days < _FEWEST_DAYS:
        shown = "unset" if days is ABSENT else str(days)
        yield violation(database, "backupRetentionPeriod", f"automated backups are kept for {shown} days, and {_FEWEST_DAYS} is the least")


RDS_05 = ResourceRule(
    id="RDS-05",
    severity=Severity.HIGH,
    title="Automated backups are kept for two weeks or more.",
    rationale="Damage is found late; without automated backups there is no restore to a point in time and no replica either.",
    remediation="Set `backup_retention_period` to 14 or more, 35 where AWS Backup takes it over.",
    references=("FSBP RDS.11", "CKV_AWS_133"),
    types=(DB_INSTANCE,),
    check=_backed_up,
    examples=(
        good("35 days", _db(backupRetentionPeriod=35)),
        good("a replica", _REPLICA),
        bad("a week", _db(backupRetentionPeriod=7)),
        bad("none", _db(backupRetentionPeriod=0)),
        unknown("computed", _db(backupRetentionPeriod=UNKNOWN), expect={"db": Kind.UNRESOLVED}),
        absent("the default is none or a day", _db(), expect={"db": Kind.VIOLATION}),
    ),
)


def _logged(stack: Stack) -> Iterator[Problem]:
    for database in stack.of(DB_INSTANCE):
        exports = items(database.get("enabledCloudwatchLogsExports"))
        identifier = database.get("identifier")
        if not exports:
            yield violation(database, "enabledCloudwatchLogsExports", "its logs stay on its own disk for some days and then are gone")
        elif UNKNOWN in exports or not isinstance(identifier, str):
            yield unresolved(database, "enabledCloudwatchLogsExports", "which logs it exports, or its name, is not known yet")
        else:
            ours = {group.text("name") for group in stack.of(LOG_GROUP)}
            missing = [f"/aws/rds/instance/{identifier}/{kind}" for kind in exports]
            missing = [path for path in missing if path not in ours]
            if missing:
                yield violation(
                    database,
                    "enabledCloudwatchLogsExports",
                    f"RDS makes {', '.join(missing)} itself, without key and retention: make the log group first",
                )


def _log(kind: str) -> Given:
    return Given(LOG_GROUP, f"log-{kind}", {"name": f"/aws/rds/instance/main/{kind}"})


RDS_09 = StackRule(
    id="RDS-09",
    severity=Severity.MEDIUM,
    title="Databases export their logs to log groups of ours.",
    rationale="Slow queries and refused log-ins are found in logs; a group that RDS makes has no key of ours and is kept for ever.",
    remediation="Set `enabled_cloudwatch_logs_exports` and make `/aws/rds/instance/<identifier>/<kind>` before the instance.",
    references=("FSBP RDS.9", "FSBP RDS.36", "CKV_AWS_129"),
    types=(DB_INSTANCE,),
    check=_logged,
    examples=(
        good("both", _db(identifier="main", enabledCloudwatchLogsExports=["postgresql", "upgrade"]), _log("postgresql"), _log("upgrade")),
        bad("a group that RDS makes", _db(identifier="main", enabledCloudwatchLogsExports=["postgresql", "upgrade"]), _log("postgresql")),
        bad("none", _db(identifier="main", enabledCloudwatchLogsExports=[])),
        unknown("computed", _db(identifier="main", enabledCloudwatchLogsExports=UNKNOWN), expect={"db": Kind.UNRESOLVED}),
        absent("unset", _db(identifier="main"), expect={"db": Kind.VIOLATION}),
    ),
)


def _by_iam(database: Resource) -> Iterator[Problem]:
    yield from flag_on(database, "iamDatabaseAuthenticationEnabled", "knows no log-in by IAM, only passwords")


RDS_10 = ResourceRule(
    id="RDS-10",
    severity=Severity.MEDIUM,
    title="Databases accept log-ins by IAM.",
    rationale="A token of fifteen minutes cannot be stolen from a file; the proxy's own way to the database needs it.",
    remediation="Set `iam_database_authentication_enabled=True`.",
    references=("FSBP RDS.10", "CKV_AWS_161"),
    types=(DB_INSTANCE,),
    check=_by_iam,
    examples=(
        good("on", _db(iamDatabaseAuthenticationEnabled=True)),
        bad("off", _db(iamDatabaseAuthenticationEnabled=False)),
        unknown("computed", _db(iamDatabaseAuthenticationEnabled=UNKNOWN), expect={"db": Kind.UNRESOLVED}),
        absent("the default is off", _db(), expect={"db": Kind.VIOLATION}),
    ),
)


def _values(group: Resource) -> dict[str, object] | None:
    """Values of a parameter group by name; None where they are not known."""
    found: dict[str, object] = {}
    for parameter in items(group.get("parameters")):
        if not isinstance(parameter, dict):
            return None
        name = parameter.get("name", ABSENT)
        if not isinstance(name, str):
            return None
        found[name] = parameter.get("value", ABSENT)
    return found


def _tls(stack: Stack) -> Iterator[Problem]:
    for database in stack.of(DB_INSTANCE):
        bound = database.get("parameterGroupName")
        if bound is ABSENT:
            yield violation(database, "parameterGroupName", "it has AWS's default parameters, which nobody of us has reviewed")
            continue
        groups = database.sources("parameterGroupName", DB_PARAMETER_GROUP)
        if not groups:
            yield unresolved(database, "parameterGroupName", "its parameter group is not of this stack")
        for group in groups:
            values = _values(group)
            forced = UNKNOWN if values is None else values.get("rds.force_ssl", ABSENT)
            if forced is UNKNOWN:
                yield unresolved(database, "parameterGroupName", f"the parameters of {group.name} are not known yet")
            elif str(forced) != "1":
                yield violation(database, "parameterGroupName", f"{group.name} does not set rds.force_ssl = 1: clients may come in clear")


def _group(*parameters: tuple[object, object], family: object = "postgres16", method: str = "immediate") -> Given:
    listed = [{"name": name, "value": value, "applyMethod": method} for name, value in parameters]
    return Given(DB_PARAMETER_GROUP, "group", {"name": "group", "family": family, "parameters": listed})


_BOUND = _db(parameterGroupName="group")

RDS_15 = StackRule(
    id="RDS-15",
    severity=Severity.HIGH,
    title="The parameter group that a database is bound to forces TLS.",
    rationale="One client that forgets TLS sends its password and its orders in clear.",
    remediation="Set `rds.force_ssl` to 1 in the parameter group.",
    references=("FSBP RDS.38", "CKV2_AWS_69"),
    types=(DB_INSTANCE,),
    check=_tls,
    examples=(
        good("forced", _BOUND, _group(("rds.force_ssl", "1"))),
        bad("not forced", _BOUND, _group(("rds.force_ssl", "0"))),
        bad("not said", _BOUND, _group(("log_statement", "ddl"))),
        unknown("parameters that are not known", _BOUND, _group(("rds.force_ssl", UNKNOWN)), expect={"db": Kind.UNRESOLVED}),
        unknown("names that are not known", _BOUND, _group((UNKNOWN, "1")), expect={"db": Kind.UNRESOLVED}),
        unknown("a group of another stack", _db(parameterGroupName="theirs"), expect={"db": Kind.UNRESOLVED}),
        absent("AWS's default group", _db(), expect={"db": Kind.VIOLATION}),
    ),
)


def _statistics(group: Resource) -> Iterator[Problem]:
    if not str(group.get("family")).startswith("postgres"):
        return
    values = _values(group)
    libraries = UNKNOWN if values is None else values.get("shared_preload_libraries", ABSENT)
    if libraries is UNKNOWN:
        yield unresolved(group, "parameters", "`shared_preload_libraries` is not known yet")
    elif isinstance(libraries, str) and "pg_stat_statements" not in [name.strip() for name in libraries.split(",")]:
        yield violation(group, "parameters", "setting `shared_preload_libraries` replaces AWS's list: pg_stat_statements is lost")


RDS_18 = ResourceRule(
    id="RDS-18",
    severity=Severity.MEDIUM,
    title="Preloaded libraries keep pg_stat_statements.",
    rationale="Without it nobody can say which query is slow; Performance Insights loses its statements.",
    remediation="Put `pg_stat_statements` first in `shared_preload_libraries`.",
    references=(),
    types=(DB_PARAMETER_GROUP,),
    check=_statistics,
    examples=(
        good("kept", _group(("shared_preload_libraries", "pg_stat_statements,pgaudit"))),
        good("another engine's group", _group(("shared_preload_libraries", "x"), family="mysql8.0")),
        bad("lost", _group(("shared_preload_libraries", "pgaudit"))),
        unknown("computed", _group(("shared_preload_libraries", UNKNOWN)), expect={"group": Kind.UNRESOLVED}),
        absent("AWS's own list has it", _group(("rds.force_ssl", "1"))),
    ),
)

STATIC = frozenset(
    {
        "autovacuum_max_workers",
        "max_connections",
        "max_locks_per_transaction",
        "max_prepared_transactions",
        "max_replication_slots",
        "max_wal_senders",
        "max_worker_processes",
        "rds.logical_replication",
        "shared_buffers",
        "shared_preload_libraries",
        "track_activity_query_size",
        "wal_buffers",
    }
)
"""Parameters of RDS for PostgreSQL that take effect with a restart (`ApplyType` static)."""


def _waiting(group: Resource) -> Iterator[Problem]:
    if not str(group.get("family")).startswith("postgres"):
        return
    for parameter in items(group.get("parameters")):
        if not isinstance(parameter, dict):
            yield unresolved(group, "parameters", "a parameter is not known yet")
            continue
        name, method = parameter.get("name", ABSENT), parameter.get("applyMethod", ABSENT)
        if name is UNKNOWN or (name in STATIC and method is UNKNOWN):
            yield unresolved(group, "parameters", "a parameter's name or apply method is not known yet")
        elif name in STATIC and method != "pending-reboot":
            yield violation(group, "parameters", f"{name} takes effect with a restart: AWS refuses it without `pending-reboot`")


RDS_19 = ResourceRule(
    id="RDS-19",
    severity=Severity.MEDIUM,
    title="Static parameters wait for a restart.",
    rationale="AWS refuses the change in the middle of an update.",
    remediation='Set `apply_method="pending-reboot"` for static parameters.',
    references=(),
    types=(DB_PARAMETER_GROUP,),
    check=_waiting,
    examples=(
        good("waits", _group(("max_connections", "500"), method="pending-reboot")),
        good("a dynamic one at once", _group(("log_statement", "ddl"))),
        good("another engine's group", _group(("max_connections", "500"), family="mysql8.0")),
        bad("at once", _group(("max_connections", "500"))),
        unknown("computed", _group((UNKNOWN, "500")), expect={"group": Kind.UNRESOLVED}),
        absent(
            "the default is at once",
            Given(DB_PARAMETER_GROUP, "group", {"family": "postgres16", "parameters": [{"name": "max_connections", "value": "500"}]}),
            expect={"group": Kind.VIOLATION},
        ),
    ),
)


def _same_family(stack: Stack) -> Iterator[Problem]:
    for database in stack.of(DB_INSTANCE):
        engine, version = database.get("engine"), database.get("engineVersion")
        if engine != "postgres" or version is ABSENT:
            continue
        for group in database.sources("parameterGroupName", DB_PARAMETER_GROUP):
            family = group.get("family")
            if isinstance(version, Gap) or not isinstance(family, str):
                yield unresolved(database, "engineVersion", f"its version, or the family of {group.name}, is not known yet")
                continue
            major = re.split(r"\D", str(version), maxsplit=1)[0]
            if family != f"postgres{major}":
                yield violation(database, "parameterGroupName", f"{group.name} is of family {family}, and the engine is postgres {major}")


RDS_20 = StackRule(
    id="RDS-20",
    severity=Severity.HIGH,
    title="A database and its parameter group are of one major version.",
    rationale="AWS refuses the pair, in the middle of an update or of a major upgrade.",
    remediation="Make a parameter group of the family `postgres<major>` beside the old one, and bind the database to it.",
    references=(),
    types=(DB_INSTANCE,),
    check=_same_family,
    examples=(
        good("both 16", _BOUND, _group(("rds.force_ssl", "1"))),
        good("a minor version", _db(engineVersion="16.4", parameterGroupName="group"), _group(("rds.force_ssl", "1"))),
        bad("16 and 17", _BOUND, _group(("rds.force_ssl", "1"), family="postgres17")),
        bad("15.8 and 16", _db(engineVersion="15.8", parameterGroupName="group"), _group(("rds.force_ssl", "1"))),
        unknown(
            "a version that is not known",
            _db(engineVersion=UNKNOWN, parameterGroupName="group"),
            _group(("rds.force_ssl", "1")),
            expect={"db": Kind.UNRESOLVED},
        ),
        absent("a replica has its source's version", _REPLICA),
    ),
)


def _proxy(**props: object) -> Given:
    return Given(DB_PROXY, "proxy", {"engineFamily": "POSTGRESQL", **props})


def _tls_to_proxy(proxy: Resource) -> Iterator[Problem]:
    yield from flag_on(proxy, "requireTls", "lets clients come in clear")


RDS_25 = ResourceRule(
    id="RDS-25",
    severity=Severity.HIGH,
    title="Database proxies require TLS.",
    rationale="A token or a password that travels in clear opens the database for whoever reads along.",
    remediation="Set `require_tls=True`.",
    references=("FSBP RDS.43",),
    types=(DB_PROXY,),
    check=_tls_to_proxy,
    examples=(
        good("required", _proxy(requireTls=True)),
        bad("not required", _proxy(requireTls=False)),
        unknown("computed", _proxy(requireTls=UNKNOWN), expect={"proxy": Kind.UNRESOLVED}),
        absent("the default is not to", _proxy(), expect={"proxy": Kind.VIOLATION}),
    ),
)


def _iam_to_proxy(proxy: Resource) -> Iterator[Problem]:
    scheme, entries = proxy.get("defaultAuthScheme"), items(proxy.get("auths"))
    if scheme is UNKNOWN:
        yield unresolved(proxy, "defaultAuthScheme")
    elif scheme != "IAM_AUTH" and not entries:
        yield violation(proxy, "defaultAuthScheme", "neither IAM by default nor an entry that demands it: clients log in by password")
    for index, entry in enumerate(entries):
        demanded = entry.get("iamAuth", ABSENT) if isinstance(entry, dict) else UNKNOWN
        if demanded is UNKNOWN:
            yield unresolved(proxy, f"auths.{index}.iamAuth")
        elif demanded != "REQUIRED":
            yield violation(proxy, f"auths.{index}.iamAuth", "this entry lets clients log in by password")


def _entry(**props: object) -> list[dict[str, object]]:
    return [{"authScheme": "SECRETS", "secretArn": "secret", **props}]


_IAM_EXAMPLES: tuple[Example, ...] = (
    good("end to end", _proxy(defaultAuthScheme="IAM_AUTH")),
    good("demanded by the entry", _proxy(auths=_entry(iamAuth="REQUIRED"))),
    good("both", _proxy(defaultAuthScheme="IAM_AUTH", auths=_entry(iamAuth="REQUIRED"))),
    bad("disabled", _proxy(auths=_entry(iamAuth="DISABLED"))),
    bad("an entry beside the default that lets passwords in", _proxy(defaultAuthScheme="IAM_AUTH", auths=_entry(iamAuth="DISABLED"))),
    bad("neither", _proxy(defaultAuthScheme="NONE")),
    unknown("an entry that is computed", _proxy(auths=_entry(iamAuth=UNKNOWN)), expect={"proxy": Kind.UNRESOLVED}),
    unknown("entries that are computed", _proxy(defaultAuthScheme="IAM_AUTH", auths=UNKNOWN), expect={"proxy": Kind.UNRESOLVED}),
    unknown("a default that is computed", _proxy(defaultAuthScheme=UNKNOWN), expect={"proxy": Kind.UNRESOLVED}),
    absent("the default is a password", _proxy(auths=_entry()), expect={"proxy": Kind.VIOLATION}),
    absent("nothing said", _proxy(), expect={"proxy": Kind.VIOLATION}),
)

RDS_27 = ResourceRule(
    id="RDS-27",
    severity=Severity.HIGH,
    title="Clients log in to database proxies by IAM.",
    rationale="A password that works through the proxy is shared by every task and outlives each of them; a token lives for fifteen minutes.",
    remediation='Set `default_auth_scheme="IAM_AUTH"`, and `iam_auth="REQUIRED"` in every `auths` entry.',
    references=("NIST IA-5",),
    types=(DB_PROXY,),
    check=_iam_to_proxy,
    examples=_IAM_EXAMPLES,
)

RULES = (RDS_02, RDS_03, RDS_04, RDS_05, RDS_09, RDS_10, RDS_15, RDS_18, RDS_19, RDS_20, RDS_25, RDS_27)
