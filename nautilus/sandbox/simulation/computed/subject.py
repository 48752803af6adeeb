"""The resource whose values are made, and the registry of the types that have values of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nautilus.sandbox.simulation.autoname import NAME_PROPERTIES
from nautilus.sandbox.simulation.context import Known, Peer, Run, Urn, partition_of
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.values import UNKNOWN, is_list

WHEN = "2025-01-01T00:00:00Z"
"""The one moment of the simulation: no clock, so that a plan is the same tomorrow."""


@dataclass(frozen=True)
class Subject:
    """A resource whose values are made."""

    urn: Urn
    inputs: Mapping[str, Any]
    """Plain inputs: secrets opened."""
    peer: Peer
    run: Run
    generation: int = 0

    @cached_property
    def seed(self) -> Seed:
        """The source of its values: stack, project, URN and generation."""
        return Seed(f"{self.urn.text}#{self.generation}")

    @property
    def region(self) -> str:
        """Its own region, else the provider's."""
        own = self.inputs.get("region")
        return own if isinstance(own, str) else self.peer.region

    @property
    def account(self) -> str:
        """Account id."""
        return self.peer.account

    @property
    def name(self) -> str:
        """Physical name, or the logical one where the type has no name."""
        value = self.inputs.get(NAME_PROPERTIES.get(self.urn.token, "name"))
        if not isinstance(value, str):
            value = self.inputs.get("name")
        if not isinstance(value, str):
            prefix = self.inputs.get(f"{NAME_PROPERTIES.get(self.urn.token, 'name')}Prefix")
            value = f"{prefix}{self.seed.digits(26, 'prefix')}" if isinstance(prefix, str) else self.urn.name
        return value

    def text(self, name: str, default: str = "") -> str:
        """A string input, or the default."""
        value = self.inputs.get(name)
        return value if isinstance(value, str) else default

    def integer(self, name: str, default: int) -> int:
        """A whole-number input, or the default."""
        value = self.inputs.get(name)
        try:
            return int(value) if value is not None and value is not UNKNOWN else default
        except (TypeError, ValueError):
            return default

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN of this account and region."""
        at = self.region if region is None else region
        owner = self.account if account is None else account
        return f"arn:{partition_of(self.region)}:{service}:{at}:{owner}:{resource}"

    def suffix(self) -> str:
        """Domain of AWS's service endpoints in the region."""
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    def find(self, name: str) -> Known | None:
        """The resource that a string input names by id or ARN."""
        value = self.inputs.get(name)
        return self.run.find(value) if isinstance(value, str) else None

    def vpc_of(self, name: str) -> str:
        """The VPC of the subnets that an input lists; an invented one if they are not known."""
        value = self.inputs.get(name)
        for each in value if is_list(value) else [value]:
            known = self.run.find(each) if isinstance(each, str) else None
            if known is not None and isinstance(known.get("vpcId"), str):
                return known.get("vpcId")
        return self.seed.ec2("vpc")


Make = Callable[[Subject], dict[str, Any]]


SPECS: dict[str, Make] = {}


def spec(*tokens: str) -> Callable[[Make], Make]:
    def register(function: Make) -> Make:
        for token in tokens:
            SPECS[token] = function
        return function

    return register


def simple(
    token: str,
    service: str,
    resource: str,
    *,
    prefix: str = "",
    uuid: bool = False,
    by: str = "",
    regional: bool = True,
    extra: Make | None = None,
) -> None:
    """A type whose id and ARN follow a pattern.

    Args:
        token: resource type.
        service: service in the ARN.
        resource: resource part of the ARN, with {id}, {name} and {hex}.
        prefix: id of EC2's family with this prefix.
        uuid: the id is a UUID.
        by: the id is `name`, `arn`, or another input.
        regional: whether the ARN names the region.
        extra: further outputs.
    """

    def make(s: Subject) -> dict[str, Any]:
        ident = s.seed.ec2(prefix) if prefix else s.seed.uuid() if uuid else ""
        arn = s.arn(service, resource.format(id=ident, name=s.name, hex=s.seed.hex(16, "arn")), region=None if regional else "")
        if not ident:
            ident = arn if by == "arn" else s.name if by in {"", "name"} else s.text(by, s.name)
        return {"id": ident, "arn": arn, "ownerId": s.account, **(extra(s) if extra else {})}

    SPECS[token] = make


def zone_of(s: Subject, name: str) -> str:
    """Zone of the subnet that an input names, else of the resource, else the region's first."""
    subnet = s.find(name)
    zone = subnet.get("availabilityZone") if subnet else None
    return zone if isinstance(zone, str) else s.text("availabilityZone") or f"{s.region}a"
