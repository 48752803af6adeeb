"""The one inventory of secrets: what exists, who answers for it, who reads it and how often it changes. Pure.

Covers the environment block of seed 004 (DATABASE_URL and REDIS_URL are composed by the application: here stand their secret parts) and
the data vendors' keys of seed 002 (OTE-006 to OTE-009).
"""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from infra.plan.flows import Role
from infra.settings.workloads import Trading, TradingMode

_NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
_ARN_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
_ENVIRONMENT = re.compile(r"^([A-Z][A-Z0-9_]*)?$")
_JSON_KEY = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_PRINTABLE = frozenset(map(chr, range(33, 127)))


class SecretKind(StrEnum):
    """Where a secret's value comes from."""

    GENERATED = "generated"
    """Made at random for a resource of ours; the first rotation replaces it (DESIGN.md decision 5)."""
    FILLED = "filled"
    """An empty container: a person puts in what a broker, an exchange or a vendor issued. Its value never reaches Pulumi."""


class Rotator(StrEnum):
    """Who replaces a secret. The Lambda kinds are the KIND of lambdas/rotation/handler.py."""

    POSTGRES_APP = "postgres-app"
    POSTGRES_ADMINISTRATOR = "postgres-administrator"
    CACHE_USER = "cache-user"
    JWT = "jwt"
    VALUE = "value"
    ORIGIN_HEADER = "origin-header"
    ORIGIN_PREVIOUS = "origin-previous"
    """Written by the rotation of the header's value: it has no schedule of its own."""
    NODE = "node"
    """TimescaleDB's leader, in the same window: nobody else may log in as its superuser."""
    PERSON = "person"
    """Whoever holds the account at the broker, the exchange or the vendor: `nautilus secrets put`."""

    @property
    def by_function(self) -> bool:
        """Whether Secrets Manager calls a function for it, on a schedule of its own."""
        return self not in {Rotator.ORIGIN_PREVIOUS, Rotator.NODE, Rotator.PERSON}


class Target(StrEnum):
    """What takes a generated value as a password, and so decides about its characters."""

    RDS = "RDS for PostgreSQL"
    ELASTICACHE = "ElastiCache"
    POSTGRES = "PostgreSQL of our own"
    HTTP_HEADER = "a header's value in a listener rule"
    NONE = "nothing of AWS's"


@dataclass(frozen=True)
class Alphabet:
    """Length and characters of a generated value: letters, digits and `special`, with one of each kind at least."""

    length: int
    special: str = ""

    @property
    def bits(self) -> float:
        """Strength in bits, as if each character were drawn alone."""
        return self.length * math.log2(len(set(string.ascii_letters + string.digits + self.special)))


RDS_FORBIDDEN = frozenset("/\"'@ ")
"""Characters that RDS for PostgreSQL refuses in a password."""
ELASTICACHE_SPECIAL = frozenset("!&#$^<>-")
"""The only characters beside letters and digits that ElastiCache takes in an AUTH token of 16 to 128."""

_TAKES: Mapping[Target, tuple[int, int, frozenset[str], str]] = MappingProxyType(
    {
        Target.RDS: (8, 128, _PRINTABLE - RDS_FORBIDDEN, "printable ASCII without `/`, `\"`, `'`, `@` and space"),
        Target.ELASTICACHE: (
            16,
            128,
            frozenset(string.ascii_letters + string.digits) | ELASTICACHE_SPECIAL,
            "letters, digits and `!&#$^<>-`",
        ),
        Target.POSTGRES: (8, 128, _PRINTABLE - RDS_FORBIDDEN - {"\\"}, "printable ASCII without quotes, `\\`, `/`, `@` and space"),
        Target.HTTP_HEADER: (32, 128, frozenset(string.ascii_letters + string.digits), "letters and digits: `*` and `?` would be patterns"),
        Target.NONE: (16, 4096, _PRINTABLE, "printable ASCII without space"),
    }
)
"""Fewest and most characters, the characters, and the characters in words (RDS CreateDBInstance; ElastiCache CreateUser; ELB conditions)."""


def check_alphabet(alphabet: Alphabet, target: Target) -> None:
    """Refuse an alphabet from which a value could be drawn that `target` does not take.

    Raises:
        ValueError: a character that it refuses, or a length out of its bounds, with what it accepts.
    """
    least, most, characters, words = _TAKES[target]
    wrong = sorted(set(alphabet.special) - characters)
    if wrong:
        raise ValueError(f"{target.value} refuses {', '.join(repr(one) for one in wrong)} in a password (accepted: {words})")
    if not least <= alphabet.length <= most:
        raise ValueError(f"{target.value} refuses a password of {alphabet.length} characters (accepted: {least} to {most})")


DATABASE_SPECIAL = "-_.~"
"""Free of anything that a connection URL would have to escape."""


def database_alphabet(special: str) -> Alphabet:
    """Passwords of databases: 48 characters, within RDS's 8 to 128."""
    return Alphabet(48, special)


DATABASE_PASSWORD = database_alphabet(DATABASE_SPECIAL)
NODE_PASSWORD = DATABASE_PASSWORD
"""Of TimescaleDB's nodes, whatever the setting says: they write it into YAML and refuse other characters (infra/timescale/secrets.sh.j2)."""
CACHE_TOKEN = Alphabet(64, "-")
SIGNING_KEY = Alphabet(64)
"""Letters and digits: 381 bits, above the 256 that seed 004 asks of the JWT secret."""
HEADER = Alphabet(48)
PERSON = Alphabet(32, "-_.~")


@dataclass(frozen=True)
class SecretSpec:
    """One secret.

    Args:
        name: Lower-case words joined by hyphens; the physical name is `<project>/<environment>/<name>`.
        kind: Where the value comes from.
        owner: The team that answers for it.
        consumers: Roles whose tasks or nodes read it, in no particular order; empty where only people do.
        env: Environment variable of the consumers' containers; empty where no container takes it.
        rotation_days: It is replaced at least this often, 1 to 30 days (DTO-025).
        description: What opens with it.
        alphabet: Characters of the value; given for GENERATED and for nothing else.
        rotator: Who replaces it: a function or a node for GENERATED, a person for FILLED.
        target: What takes the value: its rules for passwords hold for the alphabet.
        keys: For a JSON secret: environment variable to JSON key. Then `env` is empty, and `template` says what the first version holds.
        template: For a JSON secret: its parts as they start; `{value}` stands for the generated value.

    Raises:
        ValueError: The name is malformed or ends like a secret's ARN (a hyphen and six characters, which makes AWS's partial-ARN lookups
            ambiguous); the rotation is out of bounds; the alphabet does not fit the kind, or AWS refuses one of its characters; keys and
            template do not fit each other; nobody rotates it who could.
    """

    name: str
    kind: SecretKind
    owner: str
    consumers: tuple[Role, ...]
    env: str
    rotation_days: int
    description: str
    alphabet: Alphabet | None = None
    rotator: Rotator = Rotator.PERSON
    target: Target = Target.NONE
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    template: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"secret `{self.name}`: must be lower-case words joined by hyphens")
        if _ARN_SUFFIX.search(self.name):
            raise ValueError(
                f"secret `{self.name}`: must not end in a hyphen and six characters, which looks like the end of a secret's ARN"
            )
        if not _ENVIRONMENT.match(self.env):
            raise ValueError(f"secret `{self.name}`: `{self.env}` is not the name of an environment variable")
        if not 1 <= self.rotation_days <= 30:
            raise ValueError(f"secret `{self.name}`: rotation every {self.rotation_days} days (accepted: 1 to 30)")
        if (self.alphabet is not None) != (self.kind is SecretKind.GENERATED):
            raise ValueError(f"secret `{self.name}`: an alphabet belongs to a generated secret and to no other")
        if self.alphabet is not None and self.alphabet.bits < 128:
            raise ValueError(f"secret `{self.name}`: {self.alphabet.bits:.0f} bits are too few (at least 128)")
        if self.alphabet is not None:
            try:
                check_alphabet(self.alphabet, self.target)
            except ValueError as wrong:
                raise ValueError(f"secret `{self.name}`: {wrong}") from None
        if (self.rotator is Rotator.PERSON) != (self.kind is SecretKind.FILLED):
            raise ValueError(f"secret `{self.name}`: people rotate what they fill, and nothing else")
        self._check_parts()

    def _check_parts(self) -> None:
        if self.env and self.keys:
            raise ValueError(f"secret `{self.name}`: one variable for the whole value, or one for each JSON key, not both")
        for variable, key in self.keys.items():
            if not variable or not _ENVIRONMENT.match(variable) or not _JSON_KEY.match(key):
                raise ValueError(f"secret `{self.name}`: `{variable}` from `{key}` is no environment variable from a JSON key")
        missing = sorted(set(self.keys.values()) - set(self.template))
        if missing:
            raise ValueError(f"secret `{self.name}`: the first version lacks {', '.join(missing)}")
        if self.template and (self.kind is not SecretKind.GENERATED or VALUE not in self.template.values()):
            raise ValueError(f"secret `{self.name}`: a template belongs to a generated secret, and the value stands in it")

    @property
    def variables(self) -> Mapping[str, str | None]:
        """Environment variable to JSON key; None stands for the whole value."""
        return dict(self.keys) if self.keys else {self.env: None} if self.env else {}

    def first_version(self, value: str) -> str:
        """What the first version holds, with `value` drawn at random.

        Raises:
            ValueError: `value` is empty.
        """
        if not value:
            raise ValueError(f"secret `{self.name}`: an empty value")
        if not self.template:
            return value
        return json.dumps({key: value if part == VALUE else part for key, part in self.template.items()}, sort_keys=True)


VALUE = "{value}"
"""In a template: the generated value."""

APP_USERS = ("nautilus_app", "nautilus_app_clone")
"""PostgreSQL's roles of the application, which take turns."""
APP_OWNER = "nautilus_owner"
"""The role that owns the application's objects; nobody logs in as it."""
PROXY_USER = "nautilus_proxy"
"""The role by which RDS Proxy's users come in, by IAM."""
RESTORE_USER = "nautilus_restore"
"""The role that compares restored copies with the live database, by IAM; its sessions only read."""

TIMESCALE_SECRETS = (
    "timescale-superuser-password",
    "timescale-replication-password",
    "timescale-rest-password",
    "timescale-market-password",
)
"""What the TimescaleDB nodes read when they start."""


def inventory(
    trading: Trading,
    *,
    rotation_days: int = 30,
    timescale: bool = True,
    proxy: bool = False,
    password_special: str = DATABASE_SPECIAL,
    migrations: bool = False,
    reconciliation: bool = False,
) -> tuple[SecretSpec, ...]:
    """Every secret of a stack, sorted by name.

    Args:
        trading: Paper or live: the broker's and the exchanges' keys of a paper stack are paper and test-net keys (DTO-024).
        rotation_days: The stack's rotation, 1 to 30 days.
        timescale: Whether market data has its own database.
        proxy: Whether the backend reaches PostgreSQL through RDS Proxy, by IAM; it then reads no password of PostgreSQL's.
        password_special: Characters beside letters and digits in the passwords of PostgreSQL on RDS.
        migrations: Whether there is a task that changes the databases' schemas: it acts as the application does, who owns them.
        reconciliation: Whether there is one that compares our orders with the exchanges' and the broker's statements.

    Raises:
        ValueError: `rotation_days` is out of bounds, or a database refuses one of the characters.
    """
    live = trading.mode is TradingMode.LIVE
    database = database_alphabet(password_special)
    login = "the live account" if live else "the paper-trading account, never the live one"
    venue = "live" if live else "test-net"
    engine, backend, gateway, node = (Role.ENGINE,), (Role.BACKEND,), (Role.IB_GATEWAY,), (Role.TIMESCALE,)
    migrating = (Role.MIGRATIONS,) if migrations else ()
    reconciling = (Role.RECONCILIATION,) if reconciliation else ()

    def generated(
        name: str,
        alphabet: Alphabet,
        owner: str,
        consumers: tuple[Role, ...],
        env: str,
        description: str,
        rotator: Rotator,
        target: Target = Target.NONE,
    ) -> SecretSpec:
        return SecretSpec(name, SecretKind.GENERATED, owner, consumers, env, rotation_days, description, alphabet, rotator, target)

    def filled(name: str, owner: str, consumers: tuple[Role, ...], env: str, description: str) -> SecretSpec:
        return SecretSpec(name, SecretKind.FILLED, owner, consumers, env, rotation_days, description)

    specs = [
        generated(
            "database-password",
            database,
            "platform",
            (),
            "",
            "PostgreSQL's administrator",
            Rotator.POSTGRES_ADMINISTRATOR,
            Target.RDS,
        ),
        SecretSpec(
            "database-app-login",
            SecretKind.GENERATED,
            "platform",
            (*(() if proxy else backend), *engine, *migrating, *reconciling),
            "",
            rotation_days,
            "the application's login at PostgreSQL",
            database,
            Rotator.POSTGRES_APP,
            Target.RDS,
            {"DATABASE_USER": "username", "DATABASE_PASSWORD": "password"},
            {"username": APP_USERS[0], "password": VALUE},
        ),
        *(
            generated(
                f"cache-{role.value}-password",
                CACHE_TOKEN,
                "platform",
                (role,),
                "REDIS_PASSWORD",
                f"the cache, as its user {role.value}",
                Rotator.CACHE_USER,
                Target.ELASTICACHE,
            )
            for role in (Role.BACKEND, Role.ENGINE)
        ),
        SecretSpec(
            "jwt-signing-key",
            SecretKind.GENERATED,
            "backend",
            backend,
            "",
            rotation_days,
            "sessions of the site's users",
            SIGNING_KEY,
            Rotator.JWT,
            Target.NONE,
            {"JWT_SECRET": "current", "JWT_SECRET_PREVIOUS": "previous", "JWT_PREVIOUS_UNTIL": "previous_until"},
            {"current": VALUE, "previous": "", "previous_until": "1970-01-01T00:00:00Z"},
        ),
        generated(
            "origin-header-value",
            HEADER,
            "platform",
            (),
            "",
            "the header by which the load balancer knows CloudFront",
            Rotator.ORIGIN_HEADER,
            Target.HTTP_HEADER,
        ),
        generated(
            "origin-header-previous",
            HEADER,
            "platform",
            (),
            "",
            "its value before the last rotation, which is still accepted",
            Rotator.ORIGIN_PREVIOUS,
            Target.HTTP_HEADER,
        ),
        generated("grafana-admin-password", PERSON, "operations", (), "GRAFANA_PASSWORD", "Grafana's administrator", Rotator.VALUE),
        generated("prometheus-password", PERSON, "operations", backend, "PROMETHEUS_PASSWORD", "the metrics endpoints", Rotator.VALUE),
        filled("binance-api-key", "trading", (*engine, *reconciling), "BINANCE_API_KEY", f"Binance, {venue} key"),
        filled("binance-api-secret-key", "trading", (*engine, *reconciling), "BINANCE_API_SECRET", f"Binance, {venue} secret"),
        filled("coinbase-api-key", "trading", (*engine, *reconciling), "COINBASE_API_KEY", f"Coinbase, {venue} key"),
        filled("coinbase-api-secret-key", "trading", (*engine, *reconciling), "COINBASE_API_SECRET", f"Coinbase, {venue} secret"),
        filled("ib-username", "trading", gateway, "TWS_USERID", f"Interactive Brokers' login of {login}"),
        filled("ib-password", "trading", gateway, "TWS_PASSWORD", f"Interactive Brokers' password of {login}"),
        filled("tradier-api-key", "market-data", backend, "TRADIER_API_KEY", "Tradier's market data"),
        filled("yahoo-finance-api-key", "market-data", backend, "YAHOO_FINANCE_API_KEY", "Yahoo Finance's market data"),
        filled("fred-api-key", "market-data", backend, "FRED_API_KEY", "FRED's economic series"),
        filled("quiver-quant-api-key", "market-data", backend, "QUIVER_QUANT_API_KEY", "Quiver Quant's alternative data"),
    ]
    if reconciliation:
        specs.append(
            filled("ib-flex-token", "trading", reconciling, "IB_FLEX_TOKEN", f"Interactive Brokers' statements of {login}; it only reads")
        )
    if trading.second_broker is not None:
        broker = f"{trading.second_broker.name}, {login}"
        specs += [
            filled("second-broker-api-key", "trading", engine, "SECOND_BROKER_API_KEY", f"the second broker {broker}, key"),
            filled("second-broker-api-secret-key", "trading", engine, "SECOND_BROKER_API_SECRET", f"the second broker {broker}, secret"),
        ]
    if timescale:
        readers = (node, node, node, (*backend, *engine, *migrating, *node))
        what = (
            "TimescaleDB's superuser",
            "streaming replication between the nodes",
            "Patroni's control interface",
            "market data, for the services",
        )
        specs += [
            generated(
                name,
                NODE_PASSWORD,
                "platform",
                consumers,
                "TIMESCALE_PASSWORD" if consumers != node else "",
                text,
                Rotator.NODE,
                Target.POSTGRES,
            )
            for name, consumers, text in zip(TIMESCALE_SECRETS, readers, what, strict=True)
        ]
    return tuple(sorted(specs, key=lambda spec: spec.name))


def read_by(specs: Iterable[SecretSpec], role: Role) -> tuple[SecretSpec, ...]:
    """The secrets that `role` reads, in the order given."""
    return tuple(spec for spec in specs if role in spec.consumers)


def references(specs: Iterable[SecretSpec], role: Role) -> dict[str, tuple[str, str | None]]:
    """What a container of `role` is given: environment variable to secret and JSON key, None for the whole value.

    Raises:
        ValueError: Two of its secrets fill the same variable.
    """
    found: dict[str, tuple[str, str | None]] = {}
    for spec in read_by(specs, role):
        for variable, key in spec.variables.items():
            if variable in found:
                raise ValueError(f"both `{found[variable][0]}` and `{spec.name}` fill {variable} of {role.value}")
            found[variable] = (spec.name, key)
    return found


def value_from(arn: str, key: str | None) -> str:
    """A secret's reference in a container definition: the ARN, or `arn:key::` for one key of a JSON secret (ECS)."""
    return f"{arn}:{key}::" if key else arn
