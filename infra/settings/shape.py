"""First pass over a stack file's values: forms that Pulumi's own commands write become plain types, and whatever has no place is reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from infra.settings.base import Section
from infra.settings.problems import Path
from infra.settings.words import Key, Kind, Shape, keys_of, one_of
from infra.settings.yaml_reader import Secret, whole

Report = Callable[..., None]
"""Called as `report(path, value, message, remove=…, accepted=…)`."""

DROP = object()
"""The value cannot be used; its key is left out for the passes that follow."""


class Shaper:
    """Walks a mapping beside its model.

    Pulumi stores `config set --path` values as text, except whole numbers and truth values, so numbers and truth values are taken from text
    where the model wants them, and text from whole numbers. Nothing else is converted: a truth value is never a number here.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def section(self, data: Mapping[str, Any], model: type[Section], path: Path) -> dict[str, Any]:
        """The values of a section that can be used."""
        keys = keys_of(model)
        shaped: dict[str, Any] = {}
        for name, value in data.items():
            key = keys.get(name)
            if key is None:
                self._unknown(name, value, keys, path)
                continue
            result = self._value(value, key.shape, (*path, name), key)
            if result is not DROP:
                shaped[name] = result
        for name, key in keys.items():
            # A missing section is an empty one: then each key that it needs is reported by its own name.
            section = key.shape.section
            if name not in shaped and key.required and section is not None:
                shaped[name] = self.section({}, section, (*path, name))
        return shaped

    def _unknown(self, name: str, value: Any, keys: Mapping[str, Key], path: Path) -> None:
        message = "is not a setting"
        folded = {known.lower(): known for known in keys}
        close = get_close_matches(name.replace("_", "").replace("-", "").lower(), folded, n=1, cutoff=0.6)
        if not path and name.split(".")[0].split("[")[0] in keys and "." in name:
            message += "; a key inside a section is set with --path"
        elif close:
            message += f"; did you mean `{'.'.join(map(str, (*path, folded[close[0]])))}`?"
        self.report((*path, name), value, message, remove=True, accepted=one_of(tuple(keys)))

    def _value(self, value: Any, shape: Shape, path: Path, key: Key) -> Any:
        if isinstance(value, Secret):
            what = "holds an encrypted value" if value.inside else "is encrypted"
            why = "settings are plain: a secret belongs in Secrets Manager (docs/deploy.md), not in a stack file"
            self.report(path, value, f"{what}, but {why}")
            return DROP
        if value is None:
            if shape.optional:
                return None
            self.report(path, value, "is empty")
            return DROP
        match shape.kind:
            case Kind.SECTION:
                return self._nested(value, shape, path)
            case Kind.LIST:
                return self._list(value, shape, path, key)
            case Kind.MAPPING:
                return self._mapping(value, shape, path, key)
            case Kind.INTEGER | Kind.NUMBER:
                return self._number(value, shape, path)
            case Kind.BOOLEAN:
                return self._boolean(value, path)
            case Kind.TEXT:
                return self._text(value, path)

    def _wrong(self, path: Path, value: Any, wanted: str) -> object:
        self.report(path, value, f"is {kind_of(value)}, not {wanted}")
        return DROP

    def _nested(self, value: Any, shape: Shape, path: Path) -> Any:
        if not isinstance(value, Mapping) or shape.section is None:
            return self._wrong(path, value, "a mapping")
        return self.section(value, shape.section, path)

    def _list(self, value: Any, shape: Shape, path: Path, key: Key) -> Any:
        if not isinstance(value, list) or shape.item is None:
            return self._wrong(path, value, "a list")
        items = [self._value(item, shape.item, (*path, position), key) for position, item in enumerate(value)]
        return DROP if any(item is DROP for item in items) else items

    def _mapping(self, value: Any, shape: Shape, path: Path, key: Key) -> Any:
        if not isinstance(value, Mapping) or shape.item is None:
            return self._wrong(path, value, "a mapping")
        items: dict[str, Any] = {}
        for name, item in value.items():
            # `pulumi config set --path …tags.critical true` stores a truth value, but a tag is text.
            plain = ("true" if item else "false") if isinstance(item, bool) else item
            result = self._value(plain, shape.item, (*path, name), key)
            if result is not DROP:
                items[name] = result
        return items

    def _number(self, value: Any, shape: Shape, path: Path) -> Any:
        wanted = "a whole number" if shape.kind is Kind.INTEGER else "a number"
        if isinstance(value, bool):
            return self._wrong(path, value, wanted)
        number: Any = value
        if isinstance(value, str):
            try:
                number = float(value) if not value.strip().lstrip("+-").isdigit() else int(value)
            except ValueError:
                return self._wrong(path, value, wanted)
        if isinstance(number, float):
            number = whole(number)
        if isinstance(number, str) or not isinstance(number, int | float):
            return self._wrong(path, value, wanted)
        if shape.kind is Kind.INTEGER and not isinstance(number, int):
            self.report(path, value, "is not a whole number")
            return DROP
        return number

    def _boolean(self, value: Any, path: Path) -> Any:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        return self._wrong(path, value, "true or false")

    def _text(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return self._wrong(path, value, "text")


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    match value:
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case None:
            return "empty"
        case _:
            return "a mapping"
