"""The one inventory of secrets: what exists, who answers for it, who reads it and how often it changes. Pure.

Covers the environment block of seed 004 (DATABASE_URL and REDIS_URL are composed by the application: here stand their secret parts) and
the data vendors' keys of seed 002 (OTE-006 to OTE-009).
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from infra.plan.flows import Role
from infra.settings.workloads import Trading, TradingMode

_NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
_ARN_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
_ENVIRONMENT = re.compile(r"^([A-Z][A-Z0-9_]*)?$")


class SecretKind(StrEnum):
    """Where a secret's value comes from."""

    GENERATED = "generated"
    """Made at random for a resource of ours; the first rotation replaces it (DESIGN.md decision 5)."""
    FILLED = "filled"
    """An empty container: a person puts in what a broker, an exchange or a vendor issued. Its value never reaches Pulumi."""


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

DATABASE_PASSWORD = Alphabet(48, "-_.~")
"""Within RDS's 8 to 128 characters, and free of anything that a connection URL would have to escape."""
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

    Raises:
        ValueError: The name is malformed or ends like a secret's ARN (a hyphen and six characters, which makes AWS's partial-ARN lookups
            ambiguous); the rotation is out of bounds; the alphabet does not fit the kind.
    """

    name: str
    kind: SecretKind
    owner: str
    consumers: tuple[Role, ...]
    env: str
    rotation_days: int
    description: str
    alphabet: Alphabet | None = None

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


TIMESCALE_SECRETS = (
    "timescale-superuser-password",
    "timescale-replication-password",
    "timescale-rest-password",
    "timescale-market-password",
)
"""What the TimescaleDB nodes read when they start."""


def inventory(trading: Trading, *, rotation_days: int = 30, timescale: bool = True) -> tuple[SecretSpec, ...]:
    """Every secret of a stack, sorted by name.

    Args:
        trading: Paper or live: the broker's and the exchanges' keys of a paper stack are paper and test-net keys (DTO-024).
        rotation_days: The stack's rotation, 1 to 30 days.
        timescale: Whether market data has its own database.

    Raises:
        ValueError: `rotation_days` is out of bounds.
    """
    live = trading.mode is TradingMode.LIVE
    login = "the live account" if live else "the paper-trading account, never the live one"
    venue = "live" if live else "test-net"

    def generated(name: str, alphabet: Alphabet, owner: str, consumers: tuple[Role, ...], env: str, description: str) -> SecretSpec:
        return SecretSpec(name, SecretKind.GENERATED, owner, consumers, env, rotation_days, description, alphabet)

    def filled(name: str, owner: str, consumers: tuple[Role, ...], env: str, description: str) -> SecretSpec:
        return SecretSpec(name, SecretKind.FILLED, owner, consumers, env, rotation_days, description)

    engine, backend, gateway = (Role.ENGINE,), (Role.BACKEND,), (Role.IB_GATEWAY,)
    specs = [
        generated("database-password", DATABASE_PASSWORD, "platform", backend + engine, "DATABASE_PASSWORD", "PostgreSQL's administrator"),
        generated("cache-auth-token", CACHE_TOKEN, "platform", backend + engine, "REDIS_PASSWORD", "the cache"),
        generated("jwt-signing-key", SIGNING_KEY, "backend", backend, "JWT_SECRET", "sessions of the site's users"),
        generated("origin-header-value", HEADER, "platform", (), "", "the header by which the load balancer knows CloudFront"),
        generated("origin-header-previous", HEADER, "platform", (), "", "its value before the last rotation, which is still accepted"),
        generated("grafana-admin-password", PERSON, "operations", (), "GRAFANA_PASSWORD", "Grafana's administrator"),
        generated("prometheus-password", PERSON, "operations", backend, "PROMETHEUS_PASSWORD", "the metrics endpoints"),
        filled("binance-api-key", "trading", engine, "BINANCE_API_KEY", f"Binance, {venue} key"),
        filled("binance-api-secret-key", "trading", engine, "BINANCE_API_SECRET", f"Binance, {venue} secret"),
        filled("coinbase-api-key", "trading", engine, "COINBASE_API_KEY", f"Coinbase, {venue} key"),
        filled("coinbase-api-secret-key", "trading", engine, "COINBASE_API_SECRET", f"Coinbase, {venue} secret"),
        filled("ib-username", "trading", gateway, "TWS_USERID", f"Interactive Brokers' login of {login}"),
        filled("ib-password", "trading", gateway, "TWS_PASSWORD", f"Interactive Brokers' password of {login}"),
        filled("tradier-api-key", "market-data", backend, "TRADIER_API_KEY", "Tradier's market data"),
        filled("yahoo-finance-api-key", "market-data", backend, "YAHOO_FINANCE_API_KEY", "Yahoo Finance's market data"),
        filled("fred-api-key", "market-data", backend, "FRED_API_KEY", "FRED's economic series"),
        filled("quiver-quant-api-key", "market-data", backend, "QUIVER_QUANT_API_KEY", "Quiver Quant's alternative data"),
    ]
    if timescale:
        node = (Role.TIMESCALE,)
        what = ("TimescaleDB's superuser", "streaming replication between the nodes", "Patroni's control interface")
        specs += [
            generated(name, DATABASE_PASSWORD, "platform", node, "", text) for name, text in zip(TIMESCALE_SECRETS, what, strict=False)
        ]
        specs.append(
            generated(
                TIMESCALE_SECRETS[-1],
                DATABASE_PASSWORD,
                "platform",
                (*backend, *engine, *node),
                "TIMESCALE_PASSWORD",
                "market data, for the services",
            )
        )
    return tuple(sorted(specs, key=lambda spec: spec.name))


def read_by(specs: Iterable[SecretSpec], role: Role) -> tuple[SecretSpec, ...]:
    """The secrets that `role` reads, in the order given."""
    return tuple(spec for spec in specs if role in spec.consumers)
