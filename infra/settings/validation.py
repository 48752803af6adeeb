"""From a mapping of values to the settings of a stack, or to everything that is wrong with them, at once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date
from pathlib import PurePath
from typing import Any, Final, cast

from pydantic import ValidationError

from infra.settings.base import Section
from infra.settings.checks import findings
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.checks.identity import ENVIRONMENTS
from infra.settings.problems import Path, Problem, Repairs, SettingsError, full_key, show
from infra.settings.root import AccountSettings, Settings
from infra.settings.shape import Shaper
from infra.settings.words import Key, Kind, Shape, key_at, one_of
from infra.settings.yaml_reader import Fault, Secret

ACCOUNT_STACK: Final = "account"
"""The stack that holds what exists once an AWS account."""
_ROUNDS = 8
"""Passes in which wrong values are replaced by good ones, so that the cross-checks can run on the rest."""


def model_of(stack: str) -> type[Settings] | type[AccountSettings]:
    """The settings class of a stack."""
    return AccountSettings if stack == ACCOUNT_STACK else Settings


def file_of(stack: str) -> str:
    """The name of a stack's file."""
    return f"Pulumi.{stack}.yaml"


def validate(
    mapping: Mapping[str, Any],
    *,
    file: str,
    stack: str,
    lines: Mapping[Path, int] | None = None,
    config_file: str | None = None,
    faults: Sequence[Fault] = (),
    problems: Sequence[Problem] = (),
    today: date | None = None,
) -> Settings | AccountSettings:
    """The settings that `mapping` describes.

    Args:
        mapping: Top-level keys without the project's namespace, each with its plain value.
        file: Name of the stack file, for messages.
        stack: Name of the stack; it decides between a platform's keys and those of the account stack.
        lines: Line of each path in the file, from 1.
        config_file: The stack file as the repair commands must name it, when it is not the project's own.
        faults: What was wrong with the file's text; their paths are relative to `mapping`.
        problems: Problems found before, which belong to the same report.
        today: The day that expiries are measured against; None measures none.

    Raises:
        SettingsError: with all problems of all passes.
    """
    return _Validation(file, stack, lines or {}, config_file, problems, today).run(mapping, faults)


class _Validation:
    def __init__(
        self,
        file: str,
        stack: str,
        lines: Mapping[Path, int],
        config_file: str | None,
        problems: Sequence[Problem],
        today: date | None,
    ) -> None:
        self.file = file
        self.today = today
        self.stack = stack
        self.lines = lines
        self.model: type[Settings] | type[AccountSettings] = model_of(stack)
        self.repairs = Repairs(stack, config_file)
        self.problems = list(problems)
        self.wrong: list[Path] = []
        self.given: Mapping[str, Any] = {}

    def run(self, mapping: Mapping[str, Any], faults: Sequence[Fault]) -> Settings | AccountSettings:
        self.given = mapping
        for fault in faults:
            value, known = _value_at(mapping, fault.path) if fault.path else (None, False)
            shown = self._show(fault.path, value) if known else None
            key = full_key(fault.path) if fault.path else None
            repair = self.repairs.edit(self.file, fault.line)
            self.problems.append(Problem(self.file, key, shown, fault.accepted, fault.message, repair, fault.line))
            if fault.path:
                self.wrong.append(fault.path)
        if self.stack not in ENVIRONMENTS:
            self._no_environment()
        shaped = Shaper(self._report).section(mapping, self.model, ())
        settings = self._typed(shaped)
        if settings is not None:
            for finding in findings(settings, self.stack, self.today):
                if not any(self._is_wrong(path) for path in (finding.path, *finding.also)):
                    self._found(finding)
        if self.problems or settings is None:
            raise SettingsError(sorted(self.problems, key=_order))
        return settings

    def _no_environment(self) -> None:
        """A stack's name says what it is for, so there is none beside the environments."""
        said, _ = _value_at(self.given, ("platform", "environment"))
        meant = said if isinstance(said, str) and said in ENVIRONMENTS else "staging"
        path = PurePath(self.repairs.config_file or self.file)
        repair = shlex.join(("mv", "-n", str(path), str(path.with_name(file_of(meant)))))
        self.problems.append(
            Problem(
                self.file, None, None, one_of(ENVIRONMENTS), f"belongs to no environment: the stack cannot be named {self.stack}", repair
            )
        )
        self.wrong.append(("platform", "environment"))

    def _typed(self, shaped: dict[str, Any]) -> Settings | AccountSettings | None:
        """The model, once every wrong value has been reported and replaced by a good one."""
        data = deepcopy(shaped)
        for _ in range(_ROUNDS):
            try:
                return self.model.model_validate(data)
            except ValidationError as refused:
                for error in refused.errors(include_url=False):
                    path = _settings_path(error["loc"], self.model)
                    if not self._is_wrong(path):
                        self._refused(path, error)
                    _mend(data, path, self.model, self.stack)
        return None

    def _refused(self, path: Path, error: Any) -> None:
        """Report what pydantic refuses."""
        if error["type"] == "missing":
            self._report(path, None, "is needed", missing=True)
        elif error["loc"][-1] == "[key]":
            value, _ = _value_at(self.given, path)
            key = key_at(self.model, path)
            choices = str((error.get("ctx") or {}).get("expected", "")).replace("'", "")
            words = key.shape.accepts.words if key and key.shape.accepts else choices or None
            self._report(path, value, f"has a name that {_say(error)}", remove=True, accepted=words)
        else:
            self._report(path, error.get("input"), _say(error))

    def _is_wrong(self, path: Path) -> bool:
        return any(_within(path, wrong) or _within(wrong, path) for wrong in self.wrong)

    def _line(self, path: Path) -> int | None:
        """The line of the path, or of the nearest key above it that the file has."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(path[:length]):
                return line
        return None

    def _report(
        self, path: Path, value: Any, message: str, *, remove: bool = False, missing: bool = False, accepted: str | None = None
    ) -> None:
        if path in self.wrong:
            return
        key = key_at(self.model, path)
        entry = _entry_shape(key, self.model, path)
        if isinstance(value, Secret) and value.inside:
            repair = f"nautilus config check --stack {self.stack}"
        elif remove or key is None:
            repair = self.repairs.remove(path)
        else:
            accepted = entry.words if entry else key.shape.words
            repair = self._repair(path, key, entry)
        shown = None if missing else self._show(path, value)
        self.problems.append(Problem(self.file, full_key(path), shown, accepted, message, repair, self._line(path)))
        self.wrong.append(path)

    def _repair(self, path: Path, key: Key, entry: Shape | None) -> str:
        if path == ("platform", "environment"):
            return self.repairs.set(path, self.stack)
        if key.shape.kind is Kind.SECTION:
            return self.repairs.remove(path)
        if entry is not None and key.shape.kind is Kind.LIST and not key.required:
            # One wrong item spoils a list with a default; in another list it is only taken out.
            return self.repairs.set(path[:-1], key.default) if key.default else self.repairs.remove(path)
        if entry is not None and entry.kind is Kind.LIST and isinstance(path[-1], int):
            path = path[:-1]  # an item of a list inside a mapping: its example is the whole list
        return self.repairs.set(path, key.good if entry is None else entry.example)

    def _found(self, finding: Finding) -> None:
        key = key_at(self.model, finding.path)
        value, known = _value_at(self.given, finding.path)
        if not known and key is not None and key.default not in (None, "", [], {}):
            value, known = key.default, True
        target = finding.change or finding.path
        good = finding.good
        if good is None and key is not None:
            good = key.good
        repair = self.repairs.remove(target) if good is REMOVE else self.repairs.set(target, good)
        shown = self._show(finding.path, value) if known else None
        accepted = finding.accepted or (key.shape.words if key else None)
        line = self._line(finding.path)
        self.problems.append(Problem(self.file, full_key(finding.path), shown, accepted, finding.message, repair, line))

    def _show(self, path: Path, value: Any) -> str:
        """The value for a message; nothing of an encrypted one, wherever in it the path points."""
        if _holds_secret(value) or _holds_secret(_value_at(self.given, path)[0]):
            return "[secret]"
        text = show(value)
        return text if len(text) <= 200 else f"{text[:199]}…"


def _order(problem: Problem) -> tuple[int, str, str]:
    """The order of the file; what is not in it comes last."""
    return problem.line or 1_000_000, problem.key or "", problem.message


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_secret(item) for item in value.values())
    return any(_holds_secret(item) for item in value) if isinstance(value, list) else isinstance(value, Secret)


def _within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _value_at(data: Any, path: Path) -> tuple[Any, bool]:
    """The value at a path, and whether the path leads to one."""
    current: Any = data
    for part in path:
        try:
            current = cast("Any", current)[part] if isinstance(current, Mapping | list) else None
        except (LookupError, TypeError):
            return None, False
        if current is None:
            return None, False
    return current, True


def _settings_path(location: tuple[int | str, ...], model: type[Section]) -> Path:
    """A pydantic location as a path in the file: pydantic adds `[key]` for the keys of a mapping."""
    path = tuple(part for part in location if part != "[key]")
    while len(path) > 1 and key_at(model, path) is None:
        path = path[:-1]
    return path


def _entry_shape(key: Key | None, model: type[Section], path: Path) -> Shape | None:
    """The shape of a list item or a mapping's entry when the path points at one."""
    if key is None:
        return None
    owner = key_at(model, path[:-1]) if len(path) > 1 else None
    return key.shape.item if owner is key and key.shape.item else None


def _say(error: Any) -> str:
    """What pydantic refuses, as the end of a sentence."""
    context = error.get("ctx") or {}
    match error["type"]:
        case "greater_than_equal":
            return f"is below {context['ge']:,}"
        case "greater_than":
            return f"is not above {context['gt']:,}"
        case "less_than_equal":
            return f"is above {context['le']:,}"
        case "too_short":
            return f"has {context['actual_length']} items, fewer than {context['min_length']}"
        case "too_long":
            return f"has more than {context['max_length']} items"
        case "string_too_short" | "string_too_long":
            return "is too short" if error["type"].endswith("short") else "is too long"
        case "string_pattern_mismatch":
            return "is not of the form that is needed"
        case "enum" | "literal_error":
            return "is not one of the choices"
        case "value_error":
            return str(context.get("error", error["msg"]))
        case _:
            return f"is refused: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _mend(data: dict[str, Any], path: Path, model: type[Section], stack: str) -> None:
    """Replace the value at a path by one that passes, as near to it as possible: an example of an item, the key's default, else its example."""
    for length in range(1, len(path) + 1):
        candidate = path[:length]
        key = key_at(model, candidate)
        if key is None or (key.shape.kind is Kind.SECTION and length < len(path)):
            continue
        holder = _holder(data, candidate)
        if holder is None:
            return
        name = candidate[-1]
        value: Any = holder.get(name)
        item = path[length] if length < len(path) else None
        if isinstance(value, list) and isinstance(item, int) and key.shape.item is not None and item < len(value):
            value[item] = key.shape.item.example
        elif isinstance(value, dict) and item in value:
            del value[item]
        elif candidate == ("platform", "environment"):
            holder[name] = stack if stack in key.shape.choices else key.shape.choices[0]
        elif key.required:
            holder[name] = key.shape.example
        else:
            holder.pop(name, None)
        return


def _holder(data: dict[str, Any], path: Path) -> dict[str | int, Any] | None:
    current: Any = data
    for part in path[:-1]:
        current = current.get(part) if isinstance(current, dict) else None
        if current is None:
            return None
    return current if isinstance(current, dict) else None
