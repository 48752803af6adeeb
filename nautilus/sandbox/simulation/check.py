"""The check of one resource's inputs: names and tags filled in, then types, AWS's API models, published limits, and relations to other resources.

All findings of a resource are reported at once, each with property path, the value, what is accepted, and the id of the rule.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nautilus.sandbox.simulation import autoname, generators
from nautilus.sandbox.simulation.api import ApiModels
from nautilus.sandbox.simulation.context import Peer, Run, Urn
from nautilus.sandbox.simulation.rules import RuleContext, apply
from nautilus.sandbox.simulation.types_table import Property, ResourceType, Type, TypesTable
from nautilus.sandbox.simulation.values import UNKNOWN, Asset, Secret, has_unknown, is_list, is_map, reveal, reveal_hidden, shown

DEFAULTS_KEY = "__defaults"
"""Where pulumi-aws keeps the names of properties that it filled in itself."""


@dataclass(frozen=True)
class Failure:
    """One finding."""

    path: str
    """Property path such as `defaultActions[0].type`; empty for the resource as a whole."""
    reason: str
    """Names the value and what is accepted."""
    rule: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.reason} [{self.rule}]"


@dataclass
class Checked:
    """What came of a check."""

    inputs: dict[str, Any]
    failures: list[Failure] = field(default_factory=list[Failure])
    unchecked: list[str] = field(default_factory=list[str])
    """Property paths whose values are unknown now and will be checked at `up`."""
    trouble: list[str] = field(default_factory=list[str])
    """Rules that failed over these inputs, which is our own mistake."""


class CheckError(Exception):
    """A resource broke a rule (strict mocks)."""

    def __init__(self, token: str, name: str, failures: list[Failure]) -> None:
        self.failures = failures
        lines = "\n".join(f"  {failure}" for failure in failures)
        super().__init__(f"{token} '{name}':\n{lines}")


def _type_failures(table: TypesTable, kind: Type, value: Any, path: str) -> Iterator[Failure]:
    if isinstance(value, Secret):
        value = value.value
    if value is None or value is UNKNOWN or kind.kind == "any":
        return
    match kind.kind:
        case "union":
            tries = [list(_type_failures(table, option, value, path)) for option in kind.options]
            if all(tries):
                # The alternative of the value's own shape explains best.
                best = min(tries, key=lambda found: (any(one.rule == "wrong-type" and one.path == path for one in found), len(found)))
                yield from best
        case "str":
            if isinstance(value, bool):
                yield _wrong(path, kind, value, "write 'true' or 'false' as a string")
            elif isinstance(value, (dict, list, Asset)):
                yield _wrong(path, kind, value)
        case "int" | "num":
            yield from _number_failures(kind, value, path)
        case "bool":
            if not isinstance(value, bool) and value not in {"true", "false"}:
                yield _wrong(path, kind, value)
        case "asset":
            if not isinstance(value, Asset):
                yield _wrong(path, kind, value, "use pulumi.FileArchive, FileAsset, AssetArchive or StringAsset")
        case "list" | "map" | "object":
            yield from _nested_failures(table, kind, value, path)


def _number_failures(kind: Type, value: Any, path: str) -> Iterator[Failure]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        yield _wrong(path, kind, value)
        return
    try:
        number = float(value)
    except ValueError:
        yield _wrong(path, kind, value)
        return
    if kind.kind == "int" and not number.is_integer():
        yield _wrong(path, kind, value)


def _nested_failures(table: TypesTable, kind: Type, value: Any, path: str) -> Iterator[Failure]:
    if kind.kind == "list":
        if not is_list(value):
            yield _wrong(path, kind, value)
        elif kind.item is not None:
            for index, item in enumerate(value):
                yield from _type_failures(table, kind.item, item, f"{path}[{index}]")
        return
    if not is_map(value):
        yield _wrong(path, kind, value)
        return
    if kind.kind == "map":
        for key, item in value.items():
            if kind.item is not None:
                yield from _type_failures(table, kind.item, item, f"{path}.{key}")
        return
    properties = table.input_object(kind.ref)
    if properties is not None:
        yield from _object_failures(table, properties, value, path, kind.ref.rpartition(".")[2])


def _object_failures(
    table: TypesTable, properties: Mapping[str, Property], value: Mapping[str, Any], path: str, owner: str
) -> Iterator[Failure]:
    prefix = f"{path}." if path else ""
    for name, item in value.items():
        if name == DEFAULTS_KEY:
            continue
        prop = properties.get(name)
        if prop is None:
            near = difflib.get_close_matches(name, properties, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            yield Failure(f"{prefix}{name}", f"is not an input of {owner}{hint}", "unknown-property")
        else:
            yield from _type_failures(table, prop.type, item, f"{prefix}{name}")
    for name, prop in properties.items():
        if prop.required and value.get(name) is None:
            yield Failure(f"{prefix}{name}", f"is required by {owner} ({prop.type}) and missing", "missing-property")


def _wrong(path: str, kind: Type, value: Any, hint: str = "") -> Failure:
    more = f"; {hint}" if hint else ""
    return Failure(path, f"is {shown(value)}, but must be of type {kind}{more}", "wrong-type")


def _is_document(kind: Type) -> bool:
    return kind.kind == "union" and {option.kind for option in kind.options} == {"str", "object"}


def merged_tags(given: Any, peer: Peer) -> Any:
    """A resource's tags over the provider's default tags, as pulumi-aws puts them into `tagsAll`; unknown if any is."""
    if given is UNKNOWN:
        return UNKNOWN
    merged = dict(peer.default_tags) | (reveal(given) if is_map(given) else {})
    if has_unknown(merged):
        return UNKNOWN
    return {
        key: value
        for key, value in merged.items()
        if key not in peer.ignored_keys and not any(key.startswith(prefix) for prefix in peer.ignored_prefixes)
    }


class Checker:
    """Checks resources against one types table."""

    def __init__(self, table: TypesTable, api: ApiModels) -> None:
        self.table = table
        self.api = api

    def check(
        self,
        urn: Urn,
        given: Mapping[str, Any],
        peer: Peer,
        run: Run,
        *,
        olds: Mapping[str, Any] | None = None,
        generation: int = 0,
        preview: bool = True,
    ) -> Checked:
        """Checks and completes the inputs of one resource.

        Args:
            urn: its URN (type and logical name are read from it).
            given: the program's inputs.
            peer: the provider instance.
            run: the run, for relations to other resources; it remembers these inputs.
            olds: the inputs of the last deployment, whose automatic names are kept.
            generation: how many resources of this URN have existed before; a replacement gets another automatic name.
            preview: whether unknown values will be seen again at `up`.
        """
        row = self.table.resource(urn.token)
        if row is None:
            near = self.table.near(urn.token)
            hint = f"; did you mean {near}?" if near else ""
            return Checked(dict(given), [Failure("", f"{urn.token} is not a resource type of {self._versions()}{hint}", "unknown-type")])
        inputs = {key: value for key, value in given.items() if value is not None and key != DEFAULTS_KEY}
        failures: list[Failure] = []
        self._complete(urn, row, inputs, peer, dict(olds or {}), generation, failures)
        typed = list(_object_failures(self.table, self._accepted(row), inputs, "", urn.token))
        failures += typed
        plain = {key: reveal_hidden(value, secret=key in row.secrets) for key, value in inputs.items()}
        # A value of the wrong type would only make the finer rules repeat the finding, or trip over it.
        broken = {one.path.partition(".")[0].partition("[")[0] for one in typed if one.rule == "wrong-type"}
        sound = {key: value for key, value in plain.items() if key not in broken}
        failures += [Failure(path, reason, "api-model") for path, reason in self.api.failures(urn.token, sound)]
        if urn.token.startswith("random:"):
            failures += [Failure(path, reason, "random-generator") for path, reason in generators.failures(urn.token, sound)]
        context = RuleContext(urn, sound, peer, run, self.api, preview=preview)
        failures += [Failure(path, reason, rule) for rule, path, reason in apply(context)]
        run.note_checked(urn.text, urn.token, inputs)
        return Checked(inputs, _unique(failures), sorted(set(context.unchecked)), context.trouble)

    def _versions(self) -> str:
        return " or ".join(f"pulumi-{name} {version}" for name, version in self.table.versions.items())

    @staticmethod
    def _accepted(row: ResourceType) -> Mapping[str, Property]:
        if "tagsAll" in row.outputs and "tagsAll" not in row.inputs:
            return {**row.inputs, "tagsAll": Property(row.outputs["tagsAll"], required=False)}
        return row.inputs

    @staticmethod
    def _complete(
        urn: Urn,
        row: ResourceType,
        inputs: dict[str, Any],
        peer: Peer,
        olds: dict[str, Any],
        generation: int,
        failures: list[Failure],
    ) -> None:
        if urn.token.startswith("random:"):
            inputs.update({key: value for key, value in generators.defaults(urn.token).items() if key not in inputs})
        for name, value in inputs.items():
            # pulumi-aws accepts a policy as an object and hands AWS its JSON.
            if is_map(value) and row.inputs.get(name) is not None and _is_document(row.inputs[name].type) and not has_unknown(value):
                inputs[name] = json.dumps(value)
        if "region" in row.inputs and "region" not in inputs:
            inputs["region"] = peer.region
        if "tags" in row.inputs and "tagsAll" in row.outputs:
            inputs["tagsAll"] = merged_tags(inputs.get("tags"), peer)
        naming = autoname.naming_of(row)
        if naming is None or naming.prop is None or naming.prop in inputs or f"{naming.prop}Prefix" in inputs:
            return
        before = olds.get(naming.prop)
        if before is not None and naming.prop in (olds.get(DEFAULTS_KEY) or []):
            inputs[naming.prop] = before
        else:
            try:
                inputs[naming.prop] = autoname.automatic(naming, urn.name, f"{urn.text}#{generation}")
            except autoname.NameTooLongError as error:
                failures.append(Failure(naming.prop, str(error), "name-length"))
                return
        inputs[DEFAULTS_KEY] = [naming.prop]


def _unique(failures: list[Failure]) -> list[Failure]:
    """One finding for each path, the most specific last: our own rules say more than the API model about the same value."""
    kept: dict[tuple[str, str], Failure] = {}
    specific = {one.path for one in failures if one.rule != "api-model"}
    for one in failures:
        if one.rule == "api-model" and one.path in specific:
            continue
        kept.setdefault((one.path, one.reason), one)
    return sorted(kept.values(), key=lambda one: (one.path, one.reason))


__all__ = ["CheckError", "Checked", "Checker", "Failure", "merged_tags"]
