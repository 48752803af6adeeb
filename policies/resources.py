"""The typed view of a stack that rules judge: resources, what their properties come from, and the whole they form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TypeVar, cast

from policies.values import ABSENT, EMPTY, UNKNOWN, Gap, Properties, Value, descend, has_unknown, texts

_View = TypeVar("_View")

AWS_PROVIDER = "pulumi:providers:aws"
_IDENTITIES = ("id", "arn", "name", "bucket", "identifier")


class Resource:
    """One resource: its inputs, its outputs as far as they are known, and where its inputs come from."""

    def __init__(
        self,
        *,
        urn: str,
        type_: str,
        name: str,
        inputs: Properties,
        outputs: Properties | Callable[[], Properties] = EMPTY,
        dependencies: Mapping[str, Sequence[str]] | None = None,
        accounts: Iterable[str] = (),
        provider: Properties | None = None,
    ) -> None:
        """Describe one resource.

        Args:
            urn: Pulumi's name for it.
            type_: Its type token, such as `aws:rds/instance:Instance`.
            name: Its logical name.
            inputs: What the program asked for.
            outputs: What the provider answered, or a function that converts it when a rule asks.
            dependencies: The URNs that each top-level input is computed from.
            accounts: AWS account ids that it may live in, where the caller knows them.
            provider: The inputs of its provider; its `allowedAccountIds` name the account as well.
        """
        self.urn = urn
        self.type = type_
        self.name = name
        self.inputs = inputs
        self._outputs = outputs
        self.dependencies = dict(dependencies or {})
        self._accounts = frozenset(accounts) | (_allowed_accounts(provider) if provider else frozenset())
        self._provider_region = provider.values.get("region", ABSENT) if provider else ABSENT
        self.stack: Stack | None = None
        """The stack around it; `None` while the engine shows it alone, before it is registered."""

    def __repr__(self) -> str:
        return f"<{self.type} {self.name}>"

    @cached_property
    def outputs(self) -> Properties:
        """What the provider answered; in a preview, the inputs and whatever the last state knew."""
        return self._outputs if isinstance(self._outputs, Properties) else self._outputs()

    @property
    def accounts(self) -> frozenset[str]:
        """The AWS accounts that it may live in, by its provider's `allowedAccountIds`; empty where nobody said."""
        if self._accounts or self.stack is None:
            return self._accounts
        return self.stack.accounts

    @property
    def region(self) -> str | Gap:
        """The AWS region that it lives in: its own input, else its provider's."""
        own = self.get("region")
        value = self._provider_region if own is ABSENT else own
        return value if isinstance(value, (str, Gap)) else UNKNOWN

    def get(self, path: str) -> Value:
        """The input at a dotted path, `UNKNOWN` or `ABSENT`."""
        root, _, rest = path.partition(".")
        value = self.inputs.values.get(root, ABSENT)
        return descend(value, rest) if rest else value

    def flag(self, path: str, *, default: bool) -> bool | Gap:
        """A boolean input: `default` where it is absent, `UNKNOWN` where it is unknown. The words true and false count as well."""
        value = self.get(path)
        if value is ABSENT:
            return default
        if isinstance(value, str):
            return value.lower() == "true"
        return value if isinstance(value, bool) else UNKNOWN

    def text(self, path: str) -> str | Gap:
        """A string input, or why there is none."""
        value = self.get(path)
        return value if isinstance(value, (str, Gap)) else str(value)

    def sources(self, path: str, *types: str) -> tuple[Resource, ...]:
        """The resources of `types` (any type when none is given) that the input at `path` refers to.

        Pulumi records what each top-level input is computed from, also while its value is still unknown. Where an input mixes several
        resources and its value is known, only those that it really names are returned. A literal that equals the id, ARN or name of a
        resource of the stack refers to it too.
        """
        value = self.get(path)
        if self.stack is None or value is ABSENT:
            return ()
        origins = self.stack.named(self.dependencies.get(path.partition(".")[0], ()))
        found = [origin for origin in origins if not types or origin.type in types]
        words = texts(value)
        if not found:
            return self.stack.identified(words, types)
        if len(found) > 1 and not has_unknown(value):
            found = [origin for origin in found if not origin.identities.isdisjoint(words)] or found
        return tuple(found)

    @cached_property
    def identities(self) -> frozenset[str]:
        """The strings that other resources may know this one by: its id, ARN, name.

        The engine's view of a stack lacks the ids. Where AWS ends an ARN with the id (`…:subnet/subnet-0a…`), it is read from there.
        """
        known = [props.values.get(key) for props in (self.inputs, self.outputs) for key in _IDENTITIES]
        words = {value for value in known if isinstance(value, str) and value}
        return frozenset(words | {word.rpartition("/")[2] for word in words if word.startswith("arn:") and "/" in word})


class Stack:
    """All resources of one stack in the order of their URNs, with indexes. Rules treat it as read-only."""

    def __init__(
        self,
        resources: Iterable[Resource],
        *,
        today: date,
        preview: bool = False,
        unlocked: bool = False,
        secrets: Iterable[str] = (),
    ) -> None:
        """Form a stack.

        Args:
            resources: All of them, in any order: the engine's own changes from run to run.
            today: The day that dates in resources are measured against: rules have no clock of their own.
            preview: Whether values may still be unknown because nothing has been created.
            unlocked: Whether its configuration says `unlock`: it is about to be destroyed, so what keeps it from that is off on purpose.
            secrets: The values of the stack's secret configuration.
        """
        self.today = today
        self.unlocked = unlocked
        self.resources = tuple(sorted(resources, key=lambda resource: resource.urn))
        self.preview = preview
        self.secrets = frozenset(secrets)
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._by_type: dict[str, list[Resource]] = {}
        self._views: dict[object, object] = {}
        for resource in self.resources:
            resource.stack = self
            self._by_type.setdefault(resource.type, []).append(resource)

    @property
    def name(self) -> str:
        """The stack's name, from the URNs; empty for a stack without resources."""
        return stack_of(self.resources[0].urn) if self.resources else ""

    def of(self, *types: str) -> list[Resource]:
        """Every resource of the given types, by type and URN."""
        return [resource for type_ in types for resource in self._by_type.get(type_, ())]

    def find(self, urn: str) -> Resource | None:
        """The resource with this URN."""
        return self._by_urn.get(urn)

    def named(self, urns: Iterable[str]) -> list[Resource]:
        """The resources with these URNs, as far as the stack has them."""
        return [self._by_urn[urn] for urn in urns if urn in self._by_urn]

    def users(self, resource: Resource, path: str, *types: str) -> list[Resource]:
        """Resources of `types` whose input at `path` refers to `resource`."""
        return [user for type_ in types for user in self._user_index(type_, path, resource.type).get(resource.urn, ())]

    def identified(self, words: Sequence[str], types: Sequence[str]) -> tuple[Resource, ...]:
        """The resources of `types` that are known by one of `words` as their id, ARN or name."""
        if not words or not types:
            return ()
        found: dict[str, Resource] = {}
        for type_ in types:
            index = self._identity_index(type_)
            for word in words:
                if word in index:
                    found[index[word].urn] = index[word]
        return tuple(found.values())

    def view(self, make: Callable[[Stack], _View]) -> _View:
        """The result of `make(stack)`, computed once for all rules that ask."""
        if make not in self._views:
            self._views[make] = make(self)
        return cast("_View", self._views[make])

    @cached_property
    def accounts(self) -> frozenset[str]:
        """The accounts that the stack's AWS providers are allowed to touch."""
        return frozenset(account for provider in self.of(AWS_PROVIDER) for account in _allowed_accounts(provider.inputs))

    def _user_index(self, type_: str, path: str, target: str) -> dict[str, list[Resource]]:
        key = ("users", type_, path, target)
        if key not in self._views:
            index: dict[str, list[Resource]] = {}
            for user in self.of(type_):
                for origin in user.sources(path, target):
                    index.setdefault(origin.urn, []).append(user)
            self._views[key] = index
        return cast("dict[str, list[Resource]]", self._views[key])

    def _identity_index(self, type_: str) -> dict[str, Resource]:
        key = ("identities", type_)
        if key not in self._views:
            self._views[key] = {word: resource for resource in self.of(type_) for word in resource.identities}
        return cast("dict[str, Resource]", self._views[key])


def stack_of(urn: str) -> str:
    """The stack's name in a URN (`urn:pulumi:STACK::PROJECT::TYPE::NAME`)."""
    return urn.removeprefix("urn:pulumi:").partition("::")[0]


def _allowed_accounts(provider: Properties) -> frozenset[str]:
    # A provider's nested settings travel as JSON text.
    value = provider.values.get("allowedAccountIds", ABSENT)
    if isinstance(value, str) and value.startswith("["):
        try:
            parsed: object = json.loads(value)
        except ValueError:
            return frozenset()
        return frozenset(str(item) for item in cast("list[object]", parsed)) if isinstance(parsed, list) else frozenset()
    return frozenset(texts(value))
