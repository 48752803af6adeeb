"""The settings' types read back as data: what a key holds, what it accepts in words, its default, its unit. Messages and documentation share it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from infra.settings.base import Accepts, Section


class Kind(StrEnum):
    """What a value is."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    LIST = "list"
    MAPPING = "mapping"
    SECTION = "section"


@dataclass(frozen=True)
class Shape:
    """What a key holds, without pydantic's own classes."""

    kind: Kind
    optional: bool = False
    """Whether the key may be left empty."""
    choices: tuple[str | int, ...] = ()
    accepts: Accepts | None = None
    least: float | None = None
    above: float | None = None
    most: float | None = None
    fewest_items: int | None = None
    most_items: int | None = None
    item: Shape | None = None
    """Of a list: its items; of a mapping: its values."""
    section: type[Section] | None = None

    @property
    def words(self) -> str:
        """What is accepted, in words."""
        if self.kind is Kind.LIST and self.item is not None:
            return f"a list of {_items(self.fewest_items, self.most_items)}{self.item.words}"
        if self.kind is Kind.MAPPING and self.item is not None:
            most = f" of at most {self.most_items} keys" if self.most_items else ""
            return f"a mapping{most}; keys: {self.accepts.words if self.accepts else 'text'}; values: {self.item.words}"
        if self.kind is Kind.SECTION:
            return "a mapping"
        if self.accepts:
            return self.accepts.words
        if self.choices:
            return one_of(self.choices)
        if self.kind is Kind.BOOLEAN:
            return "true or false"
        if self.kind is Kind.TEXT:
            return "text"
        what = "a whole number" if self.kind is Kind.INTEGER else "a number"
        if self.least is not None and self.most is not None:
            return f"{what} from {self.least:,} to {self.most:,}"
        if self.above is not None and self.most is not None:
            return f"{what} above {self.above:,}, at most {self.most:,}"
        if self.least is not None:
            return f"{what}, {self.least:,} or more"
        return what

    @property
    def example(self) -> Any:
        """A value that passes; None where the section's own keys decide."""
        if self.kind is Kind.LIST and self.item is not None:
            return [self.item.example] * (self.fewest_items or 1)
        if self.kind in (Kind.MAPPING, Kind.SECTION):
            return {}
        if self.accepts:
            return self.accepts.example
        if self.choices:
            return self.choices[0]
        if self.kind is Kind.BOOLEAN:
            return False
        if self.kind is Kind.TEXT:
            return "text"
        return self.least if self.least is not None else self.most


def _items(fewest: int | None, most: int | None) -> str:
    if fewest and most:
        return f"{fewest} to {most}: each "
    if most:
        return f"at most {most}: each "
    return "any length: each " if not fewest else f"{fewest} or more: each "


def one_of(choices: tuple[str | int, ...] | list[str]) -> str:
    """`a, b or c`; nothing at all is spelled `""`."""
    spelled = [str(choice) if choice != "" else '""' for choice in choices]
    return spelled[0] if len(spelled) == 1 else f"{', '.join(spelled[:-1])} or {spelled[-1]}"


def _flat(metadata: tuple[Any, ...] | list[Any]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _flat(item.metadata)
        else:
            yield item


def shape_of(annotation: Any, metadata: tuple[Any, ...] | list[Any] = ()) -> Shape:
    """The shape of an annotation and the constraints beside it.

    Raises:
        TypeError: a type that settings do not use; a test walks all of them.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return shape_of(inner, (*metadata, *more))
    if origin in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        if len(inner) != 1:
            raise TypeError(f"{annotation} is a choice of types")
        return replace(shape_of(inner[0], metadata), optional=True)
    facts: dict[str, Any] = {}
    for item in _flat(metadata):
        match item:
            case Accepts():
                facts["accepts"] = item
            case Ge(ge=bound):
                facts["least"] = bound
            case Gt(gt=bound):
                facts["above"] = bound
            case Le(le=bound) | Lt(lt=bound):
                facts["most"] = bound
            case MinLen(min_length=bound):
                facts["fewest_items"] = bound
            case MaxLen(max_length=bound):
                facts["most_items"] = bound
            case _:
                pass  # patterns and validators are said in words by `Accepts`
    if origin is Literal:
        choices = get_args(annotation)
        kind = Kind.INTEGER if isinstance(choices[0], int) else Kind.TEXT
        return Shape(kind, choices=choices, **facts)
    if origin is list:
        return Shape(Kind.LIST, item=shape_of(get_args(annotation)[0]), **facts)
    if origin is dict:
        key, value = get_args(annotation)
        facts["accepts"] = shape_of(key).accepts
        return Shape(Kind.MAPPING, item=shape_of(value), **facts)
    if isinstance(annotation, type):
        if issubclass(annotation, Section):
            return Shape(Kind.SECTION, section=annotation)
        if issubclass(annotation, Enum):
            return Shape(Kind.TEXT, choices=tuple(str(member.value) for member in annotation), **facts)
        for python, kind in ((bool, Kind.BOOLEAN), (int, Kind.INTEGER), (float, Kind.NUMBER), (str, Kind.TEXT)):
            if issubclass(annotation, python):
                return Shape(kind, **facts)
    raise TypeError(f"{annotation} is not a type that settings use")


@dataclass(frozen=True)
class Key:
    """One key of a section."""

    name: str
    """As in YAML."""
    attribute: str
    """As in Python."""
    shape: Shape
    description: str
    required: bool
    default: Any
    """The plain default, None where there is none."""

    @property
    def default_words(self) -> str:
        """The default, in words."""
        if self.required:
            return "none: it must be set"
        if self.default is None:
            return "unset"
        if self.default == [] or self.default == {} or self.default == "":
            return "empty"
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        if isinstance(self.default, list):
            return ", ".join(map(str, self.default))
        return str(self.default)

    @property
    def unit(self) -> str:
        """The unit of a number; empty for everything else."""
        shape = self.shape.item if self.shape.kind is Kind.LIST and self.shape.item else self.shape
        return unit_of(self.attribute) if shape.kind in (Kind.INTEGER, Kind.NUMBER) else ""

    @property
    def good(self) -> Any:
        """A value to repair with: the default, else an example."""
        return self.default if self.default is not None else self.shape.example


_UNITS = (
    ("_gb", "GiB"),
    ("_days", "days"),
    ("_minutes", "minutes"),
    ("_hours", "hours"),
    ("_seconds", "seconds"),
    ("_ms", "milliseconds"),
    ("_months", "months"),
    ("_messages", "messages"),
    ("_receives", "times"),
    ("_percent", "percent"),
    ("_usd", "US dollars"),
    ("_per_minute", "orders a minute"),
    ("leverage", "times the equity"),
    ("headroom", "times"),
    ("steps", "percent"),
    ("iops", "I/O operations a second"),
    ("throughput", "MiB/s"),
    ("_connections", "connections"),
    ("pool_min", "connections"),
    ("pool_max", "connections"),
    ("_tasks", "tasks"),
    ("replicas", "instances"),
    ("cpu", "CPU units, 1,024 to one vCPU"),
    ("memory", "MiB"),
    ("requests_per_five_minutes", "requests"),
    ("requests", "requests"),
    ("requests_per_target", "requests a minute"),
    ("open_files", "files"),
    ("_kb", "KB"),
    ("capacity", "WCU"),
    ("major", "major version"),
    ("ib_client_id", "id"),
)


def unit_of(attribute: str) -> str:
    """The unit of a numeric key, which its name says; empty when it says none, which a test refuses."""
    return next((unit for ending, unit in sorted(_UNITS, key=lambda pair: -len(pair[0])) if attribute.endswith(ending)), "")


@cache
def keys_of(section: type[Section]) -> dict[str, Key]:
    """The keys of a section by their name in YAML, in the order of the class."""
    found: dict[str, Key] = {}
    for attribute, info in section.model_fields.items():
        default = None if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
        plain = default.model_dump(mode="json", by_alias=True) if isinstance(default, Section) else default
        name = info.alias or attribute
        found[name] = Key(
            name=name,
            attribute=attribute,
            shape=shape_of(info.annotation, info.metadata),
            description=info.description or "",
            required=info.is_required(),
            default=plain.value if isinstance(plain, Enum) else plain,
        )
    return found


def key_at(model: type[Section], path: tuple[str | int, ...]) -> Key | None:
    """The key that a path leads to (for a list item or a mapping's entry, the list or mapping itself); None where it leads nowhere."""
    found: Key | None = None
    section: type[Section] | None = model
    for part in path:
        if section is None:
            values = found.shape.item if found and found.shape.kind is Kind.MAPPING else None
            if values is None or values.section is None:
                return found
            # The name of an entry, whose value has keys of its own.
            section = values.section
            continue
        found = keys_of(section).get(str(part))
        if found is None:
            return None
        section = found.shape.section
    return found
