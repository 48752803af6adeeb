"""What forwards: load balancers with their listeners, and what stands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from nautilus.inventory.addresses import network_of
from nautilus.inventory.network.model import Backend, Balancer, Listener, Thing
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.ports import ALL_PORTS, Ports
from nautilus.inventory.records import PlannedResource
from nautilus.inventory.references import Referred
from nautilus.inventory.tokens import (
    BALANCER,
    CACHE,
    DATABASE,
    FUNCTION,
    INSTANCE,
    INTERFACE,
    LISTENER,
    LISTENER_RULE,
    MOUNT_TARGET,
    SCALING_ATTACHMENT,
    SCALING_GROUP,
    SERVICE,
    TARGET_ATTACHMENT,
    TARGET_GROUP,
)
from nautilus.inventory.values import at, given, mappings

_TARGETS: Final = (INTERFACE, INSTANCE, FUNCTION, DATABASE, CACHE, MOUNT_TARGET, *BALANCER)


def balancers(plan: Plan, things: Sequence[Thing]) -> dict[str, Balancer]:
    """Every load balancer as a forwarder, by its URN."""
    return _Forwarders(plan, things).read()


class _Forwarders:
    def __init__(self, plan: Plan, things: Sequence[Thing]) -> None:
        self.plan = plan
        self.things = things

    def read(self) -> dict[str, Balancer]:
        members = self._members()
        listeners: dict[str, list[Listener]] = {}
        rules: dict[str, list[PlannedResource]] = {}
        for rule in self.plan.all(*LISTENER_RULE):
            for urn in self.plan.refs.of(rule, "listenerArn", *LISTENER).urns:
                rules.setdefault(urn, []).append(rule)
        keeps: set[str] = set()
        for listener in self.plan.all(*LISTENER):
            port = listener.inputs.get("port")
            for balancer in self.plan.refs.of(listener, "loadBalancerArn", *BALANCER).urns:
                for carrier, prop in [(listener, "defaultActions"), *((rule, "actions") for rule in rules.get(listener.urn, ()))]:
                    groups = self._target_groups(carrier, prop)
                    backends = tuple(backend for group in groups for backend in members.get(group.urn, ()))
                    condition = _header(carrier) if carrier is not listener else ""
                    listeners.setdefault(balancer, []).append(
                        Listener(carrier, int(port) if isinstance(port, int | float) else 0, backends, condition)
                    )
                    keeps |= {balancer for group in groups if _keeps_address(group)}
        return {
            thing.resource.urn: Balancer(thing, tuple(listeners.get(thing.resource.urn, ())), thing.resource.urn in keeps)
            for thing in self.things
            if thing.resource.type in BALANCER
        }

    def _target_groups(self, carrier: PlannedResource, prop: str) -> tuple[PlannedResource, ...]:
        found: dict[str, PlannedResource] = {}
        for path in (f"{prop}.targetGroupArn", f"{prop}.forward.targetGroups.arn"):
            found.update({item.urn: item for item in self.plan.refs.of(carrier, path, *TARGET_GROUP).found})
        return tuple(found.values())

    def _members(self) -> dict[str, list[Backend]]:
        """What stands behind each target group, by its URN."""
        things = {thing.resource.urn: thing for thing in self.things}
        groups = {group.urn: group for group in self.plan.all(*TARGET_GROUP)}
        found: dict[str, dict[str, Backend]] = {}

        def join_group(group: str, thing: Thing | None, port: Any) -> None:
            if thing is None or group not in groups:
                return
            number = port if given(port) else groups[group].inputs.get("port")
            ports: Ports = ((int(number), int(number)),) if isinstance(number, int | float) else ALL_PORTS
            found.setdefault(group, {})[thing.resource.urn] = Backend(thing, ports, groups[group])

        for service in self.plan.all(SERVICE):
            for path in ("loadBalancers.targetGroupArn", "loadBalancers.advancedConfiguration.alternateTargetGroupArn"):
                port = at(service.inputs, "loadBalancers.containerPort")
                only = port[0] if isinstance(port, list) and len(cast("list[Any]", port)) == 1 else None
                for group in self.plan.refs.of(service, path, *TARGET_GROUP).urns:
                    join_group(group, things.get(service.urn), only)
        for attachment in self.plan.all(*TARGET_ATTACHMENT):
            targets = self.plan.refs.of(attachment, "targetId", *_TARGETS)
            if not targets.found:
                targets = Referred(self._by_address(attachment))
            for group in self.plan.refs.of(attachment, "targetGroupArn", *TARGET_GROUP).urns:
                for target in targets.found:
                    join_group(group, things.get(target.urn), attachment.inputs.get("port"))
        for scaled in self.plan.all(SCALING_GROUP):
            for group in self.plan.refs.of(scaled, "targetGroupArns", *TARGET_GROUP).urns:
                join_group(group, things.get(scaled.urn), None)
        for binding in self.plan.all(SCALING_ATTACHMENT):
            for group in self.plan.refs.of(binding, "lbTargetGroupArn", *TARGET_GROUP).urns:
                for scaled in self.plan.refs.of(binding, "autoscalingGroupName", SCALING_GROUP).urns:
                    join_group(group, things.get(scaled), None)
        return {group: list(backends.values()) for group, backends in found.items()}

    def _by_address(self, attachment: PlannedResource) -> tuple[PlannedResource, ...]:
        """Targets by IP address: what has that address, else everything that stands in the address's subnet (the cautious reading)."""
        value = attachment.inputs.get("targetId")
        sources = self.plan.refs.sources(attachment, "targetId", *_TARGETS)
        if sources or not isinstance(value, str):
            return sources
        block = network_of(value)
        if block is None:
            # Nobody can tell what it is: whatever the load balancer's rules let it reach.
            return tuple(thing.resource for thing in self.things)
        exact = tuple(item for item in self.plan.all(INTERFACE, INSTANCE) if item.outputs.get("privateIp") == value)
        if exact:
            return exact
        near = [thing for thing in self.things if any(s.block is not None and block.subnet_of(s.block) for s in thing.subnets)]
        return tuple(thing.resource for thing in near)


def _header(rule: PlannedResource) -> str:
    """The header that a listener rule asks for."""
    for condition in mappings(rule.inputs.get("conditions")):
        name = at(condition, "httpHeader.httpHeaderName")
        if isinstance(name, str):
            return name
    return ""


def _keeps_address(group: PlannedResource) -> bool:
    """Whether targets see their client's address: a network load balancer's TCP groups of instances always, of addresses when told to."""
    if group.inputs.get("protocol") not in ("TCP", "TLS", "UDP", "TCP_UDP"):
        return False
    asked = group.inputs.get("preserveClientIp")
    return str(asked).lower() == "true" if given(asked) else group.inputs.get("targetType", "instance") == "instance"
