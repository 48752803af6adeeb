"""Every rule of the pack, in the order of the catalogue."""

from __future__ import annotations

from policies.rule import Rule
from policies.rules import (
    cdn,
    containers,
    databases,
    egress,
    groups,
    identity,
    keys,
    load_balancers,
    machines,
    messaging,
    names,
    network,
    storage,
    subnets,
    web_firewalls,
)

RULES: tuple[Rule, ...] = (
    *network.RULES,
    *groups.RULES,
    *subnets.RULES,
    *machines.RULES,
    *egress.RULES,
    *load_balancers.RULES,
    *web_firewalls.RULES,
    *cdn.RULES,
    *names.RULES,
    *databases.RULES,
    *containers.RULES,
    *storage.RULES,
    *keys.RULES,
    *identity.RULES,
    *messaging.RULES,
)
