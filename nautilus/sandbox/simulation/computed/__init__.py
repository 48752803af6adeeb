"""Values that AWS would make up for a resource: ids, ARNs, endpoints, in AWS's real formats and always the same for a stack.

A type has a maker in one of this package's modules where a program is likely to use its values; every other type falls back on its name patterns (an
`arn` looks like an ARN, an id like an id), so that each output has a value of its declared type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nautilus.sandbox.simulation.autoname import NAME_PROPERTIES
from nautilus.sandbox.simulation.computed import balancing, compute, databases, edge, identity, network, operations, storage
from nautilus.sandbox.simulation.computed.subject import SPECS, WHEN, Subject
from nautilus.sandbox.simulation.context import Peer, Run, Urn
from nautilus.sandbox.simulation.types_table import ResourceType, Type, TypesTable
from nautilus.sandbox.simulation.values import UNKNOWN, Secret, reveal

MODULES = (balancing, compute, databases, edge, identity, network, operations, storage)
"""Importing them registers their makers."""

_SERVICE_OF = {
    "ec2": "ec2",
    "vpc": "ec2",
    "ebs": "ec2",
    "lb": "elasticloadbalancing",
    "alb": "elasticloadbalancing",
    "cfg": "config",
    "sfn": "states",
    "efs": "elasticfilesystem",
}
_KEBAB = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _fallback(name: str, kind: Type, s: Subject, table: TypesTable, depth: int = 0) -> Any:
    """A value of the declared type, of the form that its name promises."""
    match kind.kind:
        case "bool":
            return False
        case "int" | "num":
            return 0
        case "list":
            return []
        case "map":
            return {}
        case "object":
            return {}
        case "union":
            return _fallback(name, kind.options[0], s, table, depth)
        case "asset" | "any":
            return None
        case _:
            return _fallback_text(name, s)


def _fallback_text(name: str, s: Subject) -> str:
    module = s.urn.token.removeprefix("aws:").partition("/")[0]
    lower = name.lower()
    if lower == "arn" or (lower.endswith("arn") and name in {f"{module}Arn", "resourceArn"}):
        kind = _KEBAB.sub("-", s.urn.token.rpartition(":")[2]).lower()
        return s.arn(_SERVICE_OF.get(module, module), f"{kind}/{s.name}")
    if lower in {"ownerid", "accountid", "registryid", "owner", "awsaccountid", "registryownerid"}:
        return s.account
    if lower in {"hostedzoneid", "zoneid"}:
        return s.seed.zone(name)
    if lower in {"vpcid", "subnetid", "networkinterfaceid"}:
        return s.seed.ec2({"vpcid": "vpc", "subnetid": "subnet", "networkinterfaceid": "eni"}[lower])
    if lower.endswith(("dnsname", "domainname", "endpoint", "address", "hostname")):
        return f"{s.seed.base36(12, name)}.{s.region}.{s.suffix()}"
    if lower.endswith("url") or lower == "uri":
        return f"https://{s.seed.base36(12, name)}.{s.region}.{s.suffix()}/"
    if lower.endswith(("time", "date", "at")) and lower not in {"format"}:
        return WHEN
    if lower in {"status", "state"}:
        return "ACTIVE"
    if lower == "region":
        return s.region
    if lower == "name":
        return s.name
    if lower.endswith("id") and lower != "id":
        return s.seed.uuid(name)
    return ""


def _documented(text: str, kind: Type) -> Any:
    """A documented default as a value of its type, or None."""
    match kind.kind:
        case "bool":
            return {"true": True, "false": False}.get(text.lower())
        case "int":
            return int(text) if re.fullmatch(r"-?\d+", text) else None
        case "num":
            return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
        case "str":
            return text if re.fullmatch(r"[\w./:-]{1,60}", text) else None
        case _:
            return None


@dataclass(frozen=True)
class Made:
    """What a resource has become."""

    id: str
    """Physical id; empty at preview."""
    outputs: dict[str, Any]


class Maker:
    """Computes ids and outputs from checked inputs."""

    def __init__(self, table: TypesTable) -> None:
        self.table = table

    def make(
        self, urn: Urn, inputs: Mapping[str, Any], peer: Peer, run: Run, *, generation: int = 0, extra: Mapping[str, Any] | None = None
    ) -> Made:
        """Id and outputs of a resource that exists.

        Args:
            urn: its URN.
            inputs: checked inputs, all known; secrets stay secret in the outputs.
            peer: the provider instance.
            run: for values that come from other resources (a database replica has its source's engine).
            generation: how many resources of this URN have existed before.
            extra: further hints for the type's maker, such as `__version` of a launch template.
        """
        plain = reveal(dict(inputs))
        subject = Subject(urn, plain | dict(extra or {}), peer, run, generation)
        maker = SPECS.get(urn.token)
        made = maker(subject) if maker else {}
        row = self.table.resource(urn.token)
        outputs: dict[str, Any] = {key: value for key, value in inputs.items() if key != "__defaults" and value is not None}
        if row is None:
            return Made(str(made.pop("id", subject.name)), outputs | made)
        for name, value in made.items():
            if name != "id" and name in row.outputs and outputs.get(name) is None and value is not None:
                outputs[name] = value
        # What AWS computes wins over an input that only asked for it (a load balancer has the zone it was given, a database its real port).
        for name in row.computed:
            if name in made and made[name] is not None and name != "tagsAll":
                outputs[name] = made[name]
        for name in row.present:
            if outputs.get(name) is None:
                default = row.defaults.get(name)
                value = _documented(default, row.outputs[name]) if default is not None else None
                outputs[name] = value if value is not None else _fallback(name, row.outputs[name], subject, self.table)
        if "tagsAll" in row.outputs:
            outputs.setdefault("tagsAll", {})
        ident = made.get("id") or self._identity(row, subject, outputs)
        return Made(str(ident), self._secrets(row, inputs, outputs))

    def plan(self, urn: Urn, inputs: Mapping[str, Any], *, olds: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Outputs as a preview knows them: what is given, documented defaults, and unknown for everything that AWS would compute.

        Args:
            urn: the resource's URN.
            inputs: checked inputs, unknowns included.
            olds: outputs before an update; computed ones stay known unless something changes that they may follow.
        """
        row = self.table.resource(urn.token)
        outputs: dict[str, Any] = {key: value for key, value in inputs.items() if key != "__defaults" and value is not None}
        if row is None:
            return outputs
        for name in (*row.computed, *row.present):
            if name in outputs or name == "tagsAll":
                continue
            if olds is not None and olds.get(name) is not None and name not in _VOLATILE:
                outputs[name] = olds[name]
                continue
            default = row.defaults.get(name)
            value = _documented(default, row.outputs[name]) if default is not None and olds is None else None
            outputs[name] = value if value is not None else UNKNOWN
        if "tagsAll" in row.outputs:
            outputs.setdefault("tagsAll", {})
        return self._secrets(row, inputs, outputs)

    @staticmethod
    def _secrets(row: ResourceType, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        for name in row.secrets:
            value = outputs.get(name)
            if value is not None and not isinstance(value, Secret):
                outputs[name] = Secret(value)
        # A value derived from a secret input (the same name on the output side) stays secret.
        for name, value in inputs.items():
            if isinstance(value, Secret) and name in outputs and not isinstance(outputs[name], Secret):
                outputs[name] = Secret(outputs[name])
        return outputs

    @staticmethod
    def _identity(row: ResourceType, s: Subject, outputs: Mapping[str, Any]) -> str:
        """An id for a type without a spec: the ARN where there is one, else the name, else something unique."""
        del row
        for name in (NAME_PROPERTIES.get(s.urn.token, "name"), "arn"):
            value = reveal(outputs.get(name)) if name else None
            if isinstance(value, str) and value:
                return value
        return f"{s.urn.name}-{s.seed.hex(12, 'id')}"


_VOLATILE = frozenset(
    {
        "latestVersion",
        "version",
        "versionId",
        "etag",
        "revision",
        "qualifiedArn",
        "qualifiedInvokeArn",
        "updateToken",
        "lockToken",
        "lastModified",
        "codeSha256",
    }
)
"""Outputs that change when a resource is updated in place."""


def known_types() -> frozenset[str]:
    """Types whose values have a spec of their own."""
    return frozenset(SPECS)
