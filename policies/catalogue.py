"""Every rule of the pack, in the order of the catalogue."""

from __future__ import annotations

from policies.rule import Rule
from policies.rules import (
    cdn,
    containers,
    databases,
    egress,
    endpoints,
    firewall_rules,
    groups,
    identity,
    keys,
    load_balancers,
    machines,
    messaging,
    names,
    network,
    origins,
    resolver,
    storage,
    subnets,
    web_firewalls,
)

RULES: tuple[Rule, ...] = (
    *network.RULES,
    *groups.RULES,
    *subnets.RULES,
    *endpoints.RULES,
    *machines.RULES,
    *egress.RULES,
    *firewall_rules.RULES,
    *resolver.RULES,
    *load_balancers.RULES,
    *origins.RULES,
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
