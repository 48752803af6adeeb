"""Rules about relational databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    elsewhere,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.subnets import brought_along, internet_routes
from policies.tokens import (
    DB_CLUSTER,
    DB_CLUSTER_INSTANCE,
    DB_INSTANCE,
    DB_PARAMETER_GROUPS,
    DB_SUBNET_GROUP,
    INTERNET_GATEWAY,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SUBNET,
    SUBNETS,
)
from policies.values import ABSENT, UNKNOWN, items, texts

_PARAMETER_GROUP = DB_PARAMETER_GROUPS[0]
_PASSWORD = "random:index/randomPassword:RandomPassword"


def _private(resource: Resource) -> Iterator[Problem]:
    public = resource.flag("publiclyAccessible", default=False)
    if public is UNKNOWN:
        yield unresolved(resource, "publiclyAccessible")
    elif public is True:
        yield violation(resource, "publiclyAccessible", "the database gets a public address")


RDS_01 = ResourceRule(
    id="RDS-01",
    severity=Severity.CRITICAL,
    title="Databases have no public address.",
    rationale="A database with a public address is one security-group rule away from every attacker.",
    remediation="Set `publicly_accessible=False`.",
    references=("FSBP RDS.2", "CIS 2.2.3", "CKV_AWS_17"),
    types=(DB_INSTANCE, DB_CLUSTER_INSTANCE),
    check=_private,
    examples=(
        good("said to be private", Given(DB_INSTANCE, "db", {"publiclyAccessible": False})),
        bad("public", Given(DB_INSTANCE, "db", {"publiclyAccessible": True})),
        bad("public, in words", Given(DB_INSTANCE, "db", {"publiclyAccessible": "true"})),
        bad("an instance of a cluster", Given(DB_CLUSTER_INSTANCE, "reader", {"publiclyAccessible": True})),
        unknown("computed", Given(DB_INSTANCE, "db", {"publiclyAccessible": UNKNOWN}), expect={"db": Kind.UNRESOLVED}),
        absent("the default is private", Given(DB_INSTANCE, "db", {})),
    ),
)

_SECRET_ORIGINS = (
    _PASSWORD,
    "random:index/randomString:RandomString",
    "random:index/randomBytes:RandomBytes",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:secretsmanager/secret:Secret",
    "aws:ssm/parameter:Parameter",
)
_PASSWORDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    DB_INSTANCE: (("password", "passwordWo"), "manageMasterUserPassword"),
    DB_CLUSTER: (("masterPassword", "masterPasswordWo"), "manageMasterUserPassword"),
}
_MARKED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hunter2hunter2"}
"""A secret as the engine sends it."""
_INHERITS = (
    "replicateSourceDb",
    "snapshotIdentifier",
    "restoreToPointInTime",
    "replicationSourceIdentifier",
    "globalClusterIdentifier",
    "s3Import",
)
"""Inputs by which a database takes its data, and with it its users, from another one."""


def _secret_password(stack: Stack) -> Iterator[Problem]:
    for type_, (props, managed) in _PASSWORDS.items():
        for database in stack.of(type_):
            yield from _password_problems(stack, database, props, managed)


def _password_problems(stack: Stack, database: Resource, props: tuple[str, ...], managed: str) -> Iterator[Problem]:
    given = [prop for prop in props if database.get(prop) is not ABSENT]
    for prop in given:
        # That the value is marked as secret says nothing: the provider's SDK marks every password, a literal too.
        if stack.secrets.intersection(texts(database.get(prop))) or database.sources(prop, *_SECRET_ORIGINS):
            continue
        if database.get(prop) is UNKNOWN and not database.sources(prop):
            yield unresolved(database, prop, f"`{prop}` is not known yet, and nothing shows that it is a secret")
        else:
            yield violation(database, prop, f"`{prop}` is neither generated nor a secret of the configuration: it stands in the program")
    if given or any(database.get(prop) is not ABSENT for prop in _INHERITS):
        return
    managed_flag = database.flag(managed, default=False)
    if managed_flag is UNKNOWN:
        yield unresolved(database, managed)
    elif managed_flag is not True:
        yield violation(database, props[0], "the database has no password from anywhere: neither generated nor managed by AWS")


RDS_14 = StackRule(
    id="RDS-14",
    severity=Severity.CRITICAL,
    title="The administrator's password is generated or managed, never a literal.",
    rationale="A password in the source or in clear in the state is known to everybody who reads the repository, a backup of it or a log.",
    remediation="Pass the result of a `random.RandomPassword` or a secret of the configuration, or set `manage_master_user_password=True`.",
    references=("NIST IA-5(7)",),
    types=(DB_INSTANCE, DB_CLUSTER),
    check=_secret_password,
    examples=(
        good(
            "generated",
            Given(DB_INSTANCE, "db", {"password": "known-by-now"}, {"password": ["admin"]}),
            Given(_PASSWORD, "admin", {"length": 32}),
        ),
        good("managed by AWS", Given(DB_INSTANCE, "db", {"manageMasterUserPassword": True})),
        good("a replica has its source's", Given(DB_INSTANCE, "replica", {"replicateSourceDb": "db"})),
        bad("a literal", Given(DB_INSTANCE, "db", {"password": "hunter2hunter2"})),
        bad(
            "a literal that the SDK has marked as secret",
            Given(
                DB_INSTANCE,
                "db",
                {"password": _MARKED},
            ),
        ),
        bad("a literal of a cluster", Given(DB_CLUSTER, "db", {"masterPassword": "hunter2hunter2"})),
        bad("write-only, and still a literal", Given(DB_INSTANCE, "db", {"passwordWo": "hunter2hunter2"})),
        bad(
            "computed from what is no secret",
            Given(DB_INSTANCE, "db", {"password": UNKNOWN}, {"password": ["bucket"]}),
            Given("aws:s3/bucket:Bucket", "bucket", {}),
        ),
        unknown(
            "generated, and not known yet",
            Given(DB_INSTANCE, "db", {"password": UNKNOWN}, {"password": ["admin"]}),
            Given(_PASSWORD, "admin", {}),
        ),
        unknown("from nowhere", Given(DB_INSTANCE, "db", {"password": UNKNOWN}), expect={"db": Kind.UNRESOLVED}),
        absent("no password at all", Given(DB_INSTANCE, "db", {}), expect={"db": Kind.VIOLATION}),
    ),
)

_PRELOADABLE = frozenset(
    [
        "auto_explain",
        "orafce",
        "pgaudit",
        "pglogical",
        "pg_bigm",
        "pg_cron",
        "pg_hint_plan",
        "pg_prewarm",
        "pg_similarity",
        "pg_stat_statements",
        "pg_tle",
        "pg_transport",
        "plprofiler",
    ]
)
_PRELOADABLE_SINCE: Mapping[str, frozenset[str]] = {
    "postgres13": frozenset({"plrust"}),
    "postgres14": frozenset({"plrust"}),
    "postgres15": frozenset({"plrust"}),
    "postgres16": frozenset({"plrust"}),
    "postgres18": frozenset({"pg_overexplain", "pg_stat_monitor"}),
}


def preloadable(family: str) -> frozenset[str]:
    """The libraries that RDS for PostgreSQL accepts in `shared_preload_libraries` for a family such as `postgres16`.

    As `aws rds describe-engine-default-parameters --db-parameter-group-family FAMILY` gives them (AllowedValues); AWS refuses any other
    value when the parameter group is made.
    """
    return _PRELOADABLE | _PRELOADABLE_SINCE.get(family, frozenset())


def _preload(group: Resource) -> Iterator[Problem]:
    family = group.get("family")
    parameters = group.get("parameters")
    if parameters is UNKNOWN:
        yield unresolved(group, "parameters")
        return
    for parameter in items(parameters):
        if not isinstance(parameter, dict):
            yield unresolved(group, "parameters", "a parameter is not known yet")
            continue
        name, value = parameter.get("name", ABSENT), parameter.get("value", ABSENT)
        if name is UNKNOWN:
            yield unresolved(group, "parameters", "a parameter's name is not known yet")
        if name != "shared_preload_libraries" or value is ABSENT:
            continue
        if not isinstance(value, str) or not isinstance(family, str):
            yield unresolved(group, "parameters", "`shared_preload_libraries` or the family is not known yet")
            continue
        wanted = [library.strip() for library in value.split(",") if library.strip()]
        if "timescaledb" in wanted:
            yield violation(
                group,
                "parameters",
                "AWS has no TimescaleDB in RDS and refuses it: market data belongs to the platform's own TimescaleDB nodes",
            )
        strange = [library for library in wanted if library != "timescaledb" and library not in preloadable(family)]
        if strange and family.startswith("postgres"):
            yield violation(group, "parameters", f"AWS refuses {', '.join(strange)} in `shared_preload_libraries` of {family}")


def _parameters(*libraries: object, family: str = "postgres16") -> Given:
    return Given(
        _PARAMETER_GROUP,
        "parameters",
        {"family": family, "parameters": [{"name": "shared_preload_libraries", "value": value} for value in libraries]},
    )


RDS_17 = ResourceRule(
    id="RDS-17",
    severity=Severity.CRITICAL,
    title="Preloaded libraries are ones that RDS accepts; TimescaleDB is not among them.",
    rationale="AWS refuses the parameter group in the middle of an update, when half of the platform exists.",
    remediation="Take the library out of `shared_preload_libraries`; run TimescaleDB on the platform's own nodes.",
    references=(),
    types=DB_PARAMETER_GROUPS,
    check=_preload,
    examples=(
        good("statistics and audit", _parameters("pg_stat_statements,pgaudit")),
        good("with spaces", _parameters("pg_stat_statements, auto_explain")),
        good("another engine's families have their own lists", _parameters("apg_plan_mgmt", family="aurora-postgresql16")),
        bad("TimescaleDB", _parameters("pg_stat_statements,timescaledb")),
        bad("TimescaleDB on Aurora", _parameters("timescaledb", family="aurora-postgresql16")),
        bad("a library that RDS does not have", _parameters("pg_partman_bgw")),
        bad("a library of another version", _parameters("plrust", family="postgres18")),
        unknown("a list that is not known", _parameters(UNKNOWN), expect={"parameters": Kind.UNRESOLVED}),
        unknown(
            "parameters that are not known",
            Given(_PARAMETER_GROUP, "parameters", {"parameters": UNKNOWN}),
            expect={"parameters": Kind.UNRESOLVED},
        ),
        absent("no parameters", Given(_PARAMETER_GROUP, "parameters", {"family": "postgres16"})),
        absent(
            "other parameters",
            Given(_PARAMETER_GROUP, "parameters", {"family": "postgres16", "parameters": [{"name": "rds.force_ssl", "value": "1"}]}),
        ),
    ),
)

_ZONES = 2


def _private_zones(stack: Stack) -> Iterator[Problem]:
    for group in stack.of(DB_SUBNET_GROUP):
        subnets = group.sources("subnetIds", *SUBNETS)
        if not subnets:
            if group.get("subnetIds") is ABSENT:
                yield violation(group, "subnetIds", "it has no subnets")
            elif brought_along(group, "subnetIds"):
                yield elsewhere(group, "subnetIds", "its subnets are of a VPC that was brought along: look there where they are")
            else:
                yield unresolved(group, "subnetIds", "its subnets are not of this stack: nothing shows where they are")
            continue
        for subnet in subnets:
            yield from _private_subnet(group, subnet)
        zones = [
            subnet.get(prop) for subnet in subnets for prop in ("availabilityZone", "availabilityZoneId") if subnet.get(prop) is not ABSENT
        ]
        known = {zone for zone in zones if isinstance(zone, str)}
        if len(known) >= _ZONES:
            continue
        if any(zone is UNKNOWN for zone in zones) or len(zones) < len(subnets):
            yield unresolved(group, "subnetIds", "the availability zones of its subnets are not known")
        else:
            yield violation(
                group, "subnetIds", f"its subnets lie in one availability zone ({', '.join(sorted(known))}); AWS and a failover need two"
            )


def _private_subnet(group: Resource, subnet: Resource) -> Iterator[Problem]:
    public = subnet.flag("mapPublicIpOnLaunch", default=False)
    if public is UNKNOWN:
        yield unresolved(group, "subnetIds", f"whether subnet {subnet.name} hands out public addresses is not known")
    elif public is True:
        yield violation(group, "subnetIds", f"subnet {subnet.name} hands out public addresses")
    certain = [is_certain for _, _, is_certain in internet_routes(subnet)]
    if any(certain):
        yield violation(group, "subnetIds", f"subnet {subnet.name} has a route to an internet gateway")
    elif certain:
        yield unresolved(group, "subnetIds", f"whether subnet {subnet.name} has a route to an internet gateway is not known")


def _zone(name: str, zone: object, **more: object) -> Given:
    return Given(SUBNET, name, {"availabilityZone": zone, **more})


def _over(*subnets: str) -> Given:
    return Given(DB_SUBNET_GROUP, "group", {"subnetIds": [UNKNOWN for _ in subnets]}, {"subnetIds": subnets})


RDS_21 = StackRule(
    id="RDS-21",
    severity=Severity.CRITICAL,
    title="Database subnet groups are private and span two availability zones.",
    rationale="In a public subnet the database is one setting away from the internet; in one zone it cannot fail over.",
    remediation="Give the subnet group private subnets of at least two availability zones.",
    references=("FSBP RDS.46",),
    types=(DB_SUBNET_GROUP,),
    check=_private_zones,
    examples=(
        good("two private subnets", _over("a", "b"), _zone("a", "us-east-1a"), _zone("b", "us-east-1b")),
        good(
            "named by what they are known as",
            Given(DB_SUBNET_GROUP, "group", {"subnetIds": ["subnet-0a", "subnet-0b"]}),
            Given(SUBNET, "a", {"availabilityZone": "us-east-1a"}, {}, {"id": "subnet-0a"}),
            Given(SUBNET, "b", {"availabilityZone": "us-east-1b"}, {}, {"id": "subnet-0b"}),
        ),
        bad("one zone", _over("a", "b"), _zone("a", "us-east-1a"), _zone("b", "us-east-1a")),
        bad("public addresses", _over("a", "b"), _zone("a", "us-east-1a", mapPublicIpOnLaunch=True), _zone("b", "us-east-1b")),
        bad(
            "a way to the internet",
            _over("a", "b"),
            _zone("a", "us-east-1a"),
            _zone("b", "us-east-1b"),
            Given(INTERNET_GATEWAY, "igw", {}),
            Given(ROUTE_TABLE, "table", {}),
            Given(ROUTE, "out", {"routeTableId": UNKNOWN, "gatewayId": UNKNOWN}, {"routeTableId": ["table"], "gatewayId": ["igw"]}),
            Given(
                ROUTE_TABLE_ASSOCIATION,
                "routed",
                {"subnetId": UNKNOWN, "routeTableId": UNKNOWN},
                {"subnetId": ["b"], "routeTableId": ["table"]},
            ),
        ),
        unknown(
            "zones that are not known", _over("a", "b"), _zone("a", UNKNOWN), _zone("b", "us-east-1b"), expect={"group": Kind.UNRESOLVED}
        ),
        unknown(
            "one subnet of another stack", Given(DB_SUBNET_GROUP, "group", {"subnetIds": ["subnet-0a"]}), expect={"group": Kind.UNRESOLVED}
        ),
        unknown(
            "the same one twice",
            Given(DB_SUBNET_GROUP, "group", {"subnetIds": ["subnet-0a", "subnet-0a"]}),
            expect={"group": Kind.UNRESOLVED},
        ),
        unknown(
            "subnets from outside a stack with subnets of its own",
            Given(DB_SUBNET_GROUP, "group", {"subnetIds": ["subnet-0a", "subnet-0b"]}),
            _zone("a", "us-east-1a"),
            expect={"group": Kind.UNRESOLVED},
        ),
        unknown(
            "a VPC that was brought along",
            Given(DB_SUBNET_GROUP, "group", {"subnetIds": ["subnet-0a", "subnet-0b"]}),
            expect={"group": Kind.ELSEWHERE},
        ),
        absent("no subnets", Given(DB_SUBNET_GROUP, "group", {}), expect={"group": Kind.VIOLATION}),
    ),
)

RULES = (RDS_01, RDS_14, RDS_17, RDS_21)
