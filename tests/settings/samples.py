"""A good stack to break, and the ways to break it."""

from __future__ import annotations

import re
import shlex
from copy import deepcopy
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from infra.settings.problems import Problem, SettingsError
from infra.settings.root import AccountSettings, Settings
from infra.settings.validation import file_of, validate
from infra.settings.yaml_reader import parse

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("account", "local", "paper", "prod", "staging")


class Marker(Enum):
    """A marker whose name is the same in every test worker."""

    REMOVED = "removed"

    def __repr__(self) -> str:
        return self.name


REMOVED = Marker.REMOVED
"""As a change's value: the key is taken out."""

KeyPath = tuple[str | int, ...]


def sections(stack: str) -> dict[str, Any]:
    """The sections of a committed stack file, without the namespace."""
    document = parse((ROOT / file_of(stack)).read_bytes())
    assert not document.faults
    return {key.partition(":")[2]: value for key, value in document.data["config"].items()}


def put(data: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set or remove the value at a path, making mappings on the way."""
    holder: Any = data
    for part in path[:-1]:
        holder = holder.setdefault(part, {}) if isinstance(holder, dict) else holder[part]
    if value is REMOVED:
        del holder[path[-1]]
    elif isinstance(holder, list) and path[-1] == len(holder):
        holder.append(value)
    else:
        holder[path[-1]] = value


def changed(stack: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A committed stack's sections with changes, each by its dotted path such as `network.zones[1]`."""
    data = deepcopy(sections(stack))
    for path, value in changes.items():
        put(data, split(path), value)
    return data


def split(dotted: str) -> KeyPath:
    """The path of a key in Pulumi's notation."""
    found: list[str | int] = []
    for name, position, quoted in re.findall(r'([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]', dotted):
        found.append(name or quoted or int(position))
    return tuple(found)


def settings_of(data: dict[str, Any], stack: str) -> Settings | AccountSettings:
    """The settings, or SettingsError."""
    return validate(data, file=file_of(stack), stack=stack)


def problems_of(data: dict[str, Any], stack: str) -> tuple[Problem, ...]:
    """What is wrong; nothing where all is well."""
    try:
        settings_of(data, stack)
    except SettingsError as error:
        return error.problems
    return ()


def write(folder: Path, stack: str, data: dict[str, Any]) -> Path:
    """A stack file with these sections."""
    path = folder / file_of(stack)
    path.write_text(yaml.safe_dump({"config": {f"nautilus-infra:{key}": value for key, value in data.items()}}, sort_keys=False))
    return path


def stored(text: str, *, inside: bool) -> Any:
    """A value as `pulumi config set` stores it: inside a section whole numbers and truth values are plain, all else is text."""
    if inside and text in ("true", "false"):
        return text == "true"
    return int(text) if inside and re.fullmatch(r"-?(0|[1-9][0-9]*)", text) else text


def repair(data: dict[str, Any], command: str) -> None:
    """Do to `data` what a repair command does to its file, for the forms of `pulumi config` that repairs use."""
    for part in command.split(" && "):
        words = shlex.split(part)
        assert words[:2] == ["pulumi", "config"], command
        verb, rest = words[2], [word for word in words[3:] if word not in ("--path", "--plaintext", "--")]
        while rest[0] in ("--stack", "--config-file"):
            rest = rest[2:]
        if verb == "rm":
            try:
                put(data, split(rest[0].partition(":")[2]), REMOVED)
            except (KeyError, IndexError, TypeError):
                assert "&&" in command, f"{command} removes nothing"
        elif verb == "set":
            path = split(rest[0].partition(":")[2])
            put(data, path, stored(rest[1], inside=len(path) > 1))
        else:
            assert verb == "set-all", command
            for assignment in rest:
                key, _, text = assignment.partition("=")
                path = split(key.partition(":")[2])
                if path[-1] == 0:
                    put(data, path[:-1], [])
                put(data, path, stored(text, inside=True))
