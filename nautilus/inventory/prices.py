"""The dated price table: AWS list prices as data (`prices.yaml`), read once and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, cast

import yaml


@dataclass(frozen=True, slots=True)
class Price:
    """One list price in US dollars."""

    key: str
    usd: Decimal
    per: str
    """What it is for one of: hour, month, GB, GB-month, vCPU-hour …"""
    what: str
    source: str
    """Where it was found: a key of the table's `sources`."""
    verified: bool = True
    """Whether it was found when the table was dated; else it is from memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """Every price, and what is known of types without one."""

    dated: date
    region: str
    """The region whose price list it is."""
    regions: frozenset[str]
    """Regions that it is used for."""
    hours: int
    """Hours of a month."""
    sources: Mapping[str, str]
    """Where prices were found, in words."""
    prices: Mapping[str, Price]
    """By key; instances as `rds.<class>.single|multi`, `cache.<node>.redis|valkey`, `ec2.<type>.linux`, each per hour."""
    free: Mapping[str, str]
    """Types that cost nothing by themselves, and the group that they belong to."""
    by_use: Mapping[str, str]
    """Types that are billed by use alone, and by what."""

    def __getitem__(self, key: str) -> Price:
        """The price of a key.

        Raises:
            KeyError: The table has none.
        """
        return self.prices[key]

    def get(self, key: str) -> Price | None:
        """The price of a key, or None."""
        return self.prices.get(key)


_FIELDS = frozenset({"usd", "per", "what", "source", "verified"})


def _price(key: str, row: Mapping[str, Any], sources: Mapping[str, str]) -> Price:
    # A comma in an unquoted text would make a field of its own.
    if strange := sorted(set(row) - _FIELDS):
        raise ValueError(f"{key} has fields that no price has: {', '.join(strange)}")
    if row["source"] not in sources:
        raise ValueError(f"{key} comes from {row['source']}, which is no source")
    return Price(key, Decimal(row["usd"]), row["per"], row["what"], row["source"], bool(row.get("verified", True)))


def parse(text: str) -> PriceTable:
    """A table from its YAML.

    Raises:
        ValueError: It is not of the form of `prices.yaml`; a type stands in it twice; a price is negative.
    """
    try:
        raw = cast("dict[str, Any]", yaml.safe_load(text))
        sources = raw["sources"]
        prices = {key: _price(key, row, sources) for key, row in raw["prices"].items()}
        for family, what in (("rds", "RDS for PostgreSQL"), ("cache", "ElastiCache node"), ("ec2", "EC2 instance")):
            for size, row in raw[family].items():
                verified = bool(row.get("verified", True))
                for kind in sorted(set(row) - {"verified"}):
                    key = f"{family}.{size}.{kind}"
                    source = "list" if verified else "memory"
                    prices[key] = Price(key, Decimal(row[kind]), "hour", f"{what} {size} ({kind})", source, verified)
        free: dict[str, str] = {}
        for group, types in raw["free"].items():
            for kind in types:
                if kind in free:
                    raise ValueError(f"{kind} is free twice")
                free[kind] = group
        by_use = dict(raw["byUse"])
        table = PriceTable(
            dated=date.fromisoformat(raw["date"]),
            region=raw["region"],
            regions=frozenset(raw["regions"]),
            hours=int(raw["hoursPerMonth"]),
            sources=MappingProxyType(dict(sources)),
            prices=MappingProxyType(prices),
            free=MappingProxyType(free),
            by_use=MappingProxyType(by_use),
        )
    except (KeyError, TypeError, AttributeError, ArithmeticError, yaml.YAMLError) as error:
        raise ValueError(f"the price table is broken: {error!r}") from error
    if both := sorted(set(free) & set(by_use)):
        raise ValueError(f"free and billed by use at once: {', '.join(both)}")
    if negative := sorted(price.key for price in prices.values() if price.usd < 0):
        raise ValueError(f"negative prices: {', '.join(negative)}")
    if table.region not in table.regions:
        raise ValueError(f"the table's region {table.region} is not among its regions")
    return table


@cache
def load() -> PriceTable:
    """The table that comes with the package."""
    return parse(files("nautilus.inventory").joinpath("prices.yaml").read_text("utf-8"))
