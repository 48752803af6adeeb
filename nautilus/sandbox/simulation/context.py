"""What a resource is checked and computed against: the provider instance it belongs to, and the other resources of the run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from nautilus.sandbox.simulation.values import reveal

DEFAULT_ACCOUNT = "123456789012"
"""AWS's own example account."""
DEFAULT_REGION = "us-east-1"


def partition_of(region: str) -> str:
    """AWS partition of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


@dataclass(frozen=True)
class Peer:
    """One provider instance, as far as it matters to resources. The engine keeps one connection for each."""

    region: str = DEFAULT_REGION
    account: str = DEFAULT_ACCOUNT
    default_tags: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ignored_keys: tuple[str, ...] = ()
    ignored_prefixes: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """AWS partition, such as `aws`."""
        return partition_of(self.region)


@dataclass(frozen=True)
class Urn:
    """The parts of `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""

    text: str

    @cached_property
    def _parts(self) -> list[str]:
        parts = self.text.split("::", 3)
        return parts if len(parts) == 4 else ["urn:pulumi:", "", self.text, self.text]

    @property
    def stack(self) -> str:
        """Stack name."""
        return self._parts[0].removeprefix("urn:pulumi:")

    @property
    def project(self) -> str:
        """Project name."""
        return self._parts[1]

    @property
    def token(self) -> str:
        """Resource type, without the parents' types."""
        return self._parts[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """Logical name."""
        return self._parts[3]


def digest(*parts: str) -> str:
    """64 hex digits that depend on the parts alone."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@dataclass
class Known:
    """A resource as other resources can see it."""

    urn: str
    token: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])

    def get(self, name: str) -> Any:
        """An output, else the input of that name, secrets opened."""
        value = self.outputs.get(name)
        return reveal(value if value is not None else self.inputs.get(name))


class Archive(Protocol):
    """Where resources of earlier runs are found: the provider's store."""

    def find(self, identity: str) -> Known | None:
        """The live resource whose id or ARN this is."""
        ...

    def existing(self, token: str) -> list[Known]:
        """The live resources of a type, oldest first."""
        ...


class Run:
    """The resources of one engine run (or one mocked program): what has been checked, and what exists.

    References between resources are ids and ARNs once those exist. At preview they are unknown, and the link is known only where the engine
    (or the language host, see `dependency_tap`) names the dependencies of a property.
    """

    def __init__(self, archive: Archive | None = None) -> None:
        self._archive = archive
        self.checked: dict[str, Known] = {}
        self._by_identity: dict[str, Known] = {}
        self._depends: dict[tuple[str, str], dict[str, set[str]]] = {}
        self._names: dict[tuple[str, ...], str] = {}
        self._claimed: dict[tuple[str, str], tuple[str, ...]] = {}

    def note_dependencies(self, token: str, name: str, properties: Mapping[str, Iterable[str]]) -> None:
        """Remember which URNs the properties of a resource depend on."""
        known = self._depends.setdefault((token, name), {})
        for prop, urns in properties.items():
            known.setdefault(prop, set()).update(urns)

    def dependencies(self, urn: Urn, prop: str) -> frozenset[str] | None:
        """URNs that a property depends on, or None where nobody told."""
        known = self._depends.get((urn.token, urn.name))
        return None if known is None else frozenset(known.get(prop, ()))

    def note_checked(self, urn: str, token: str, inputs: dict[str, Any]) -> None:
        """Remember the checked inputs of a resource."""
        before = self.checked.get(urn)
        self.checked[urn] = Known(urn, token, before.id if before else "", inputs, before.outputs if before else {})

    def note_exists(self, known: Known) -> None:
        """Remember a resource with its id and outputs."""
        self.checked[known.urn] = known
        for identity in (known.id, known.outputs.get("arn")):
            if isinstance(identity, str) and identity:
                self._by_identity[identity] = known

    def forget(self, urn: str, ident: str) -> None:
        """Forget a resource that is gone."""
        known = self.checked.get(urn)
        if known is not None and known.id == ident:
            del self.checked[urn]
        self._by_identity = {key: each for key, each in self._by_identity.items() if each.id != ident}

    def find(self, identity: str) -> Known | None:
        """The resource whose id or ARN this is."""
        found = self._by_identity.get(identity)
        if found is None and self._archive is not None:
            found = self._archive.find(identity)
            if found is not None:
                self._by_identity[identity] = found
        return found

    def of_token(self, *tokens: str) -> list[Known]:
        """Resources of these types that this run has checked."""
        return [known for known in self.checked.values() if known.token in tokens]

    def existing(self, token: str) -> list[Known]:
        """Resources of this type that exist, as the account shows them now; what a run only checks is not among them."""
        if self._archive is not None:
            return self._archive.existing(token)
        return [known for known in self.of_token(token) if known.id]

    def claim(self, urn: str, key: tuple[str, ...]) -> str | None:
        """Claim a physical name. Returns the URN of another resource of this run that has claimed it, or None."""
        before = self._claimed.get((urn, key[0]))
        if before is not None and before != key and self._names.get(before) == urn:
            del self._names[before]  # the resource is checked again, under another name
        holder = self._names.setdefault(key, urn)
        if holder != urn:
            return holder
        self._claimed[(urn, key[0])] = key
        return None
