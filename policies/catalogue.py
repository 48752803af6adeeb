"""Every rule of the pack, in the order of the catalogue."""

from __future__ import annotations

from policies.rule import Rule
from policies.rules import containers, databases, identity, keys, messaging, network, storage

RULES: tuple[Rule, ...] = (
    *network.RULES,
    *databases.RULES,
    *containers.RULES,
    *storage.RULES,
    *keys.RULES,
    *identity.RULES,
    *messaging.RULES,
)
