"""What the tests of the simulation share: one table, one checker, and short ways to check or make a resource."""

from __future__ import annotations

from functools import cache
from typing import Any

from nautilus.sandbox.simulation import types_table
from nautilus.sandbox.simulation.api import ApiModels
from nautilus.sandbox.simulation.check import Checked, Checker
from nautilus.sandbox.simulation.computed import Maker
from nautilus.sandbox.simulation.context import Known, Peer, Run, Urn

ACCOUNT = "123456789012"
REGION = "us-east-1"
TOKENS: dict[str, str] = {}


@cache
def table() -> types_table.TypesTable:
    return types_table.load(types_table.default_cache())


@cache
def checker() -> Checker:
    return Checker(table(), ApiModels(types_table.default_cache()))


@cache
def maker() -> Maker:
    return Maker(table())


@cache
def _tokens() -> dict[str, str]:
    found: dict[str, str] = {}
    for token in table().tokens():
        package, middle, name = token.split(":")
        if package == "aws":
            found.setdefault(f"{middle.partition('/')[0]}.{name}", token)
    return found


def token(short: str) -> str:
    """`rds.Instance` as `aws:rds/instance:Instance`; a full token stays as it is."""
    return short if ":" in short else _tokens()[short]


def urn(short: str, name: str = "it") -> str:
    return f"urn:pulumi:test::nautilus-infra::nautilus:part:Part${token(short)}::{name}"


def check(
    short: str,
    inputs: dict[str, Any],
    *,
    name: str = "it",
    run: Run | None = None,
    peer: Peer | None = None,
    preview: bool = False,
    **more: Any,
) -> Checked:
    return checker().check(Urn(urn(short, name)), inputs, peer or Peer(), run or Run(), preview=preview, **more)


def findings(short: str, inputs: dict[str, Any], **more: Any) -> set[tuple[str, str]]:
    """(rule, path) of all findings."""
    return {(one.rule, one.path) for one in check(short, inputs, **more).failures}


def exists(run: Run, short: str, inputs: dict[str, Any], name: str = "it", peer: Peer | None = None) -> Known:
    """Check and make a resource, so that others can refer to it."""
    where = Urn(urn(short, name))
    checked = checker().check(where, inputs, peer or Peer(), run, preview=False)
    made = maker().make(where, checked.inputs, peer or Peer(), run)
    known = Known(where.text, where.token, made.id, checked.inputs, made.outputs)
    run.note_exists(known)
    return known


def arn(service: str, resource: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"
