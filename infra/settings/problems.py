"""What is wrong with a stack file, and the command that repairs it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

NAMESPACE: Final = "nautilus-infra"
"""The project's name, and so the namespace of its configuration keys."""

Path = tuple[str | int, ...]
"""Where a value stands in the settings: `("postgres", "major")`, `("network", "zones", 0)`. Keys as in YAML."""

_PLAIN = re.compile(r"^[A-Za-z0-9_-]+$")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with everything that its reader needs to repair it."""

    file: str
    """Name of the stack file, such as `Pulumi.prod.yaml`."""
    key: str | None
    """The configuration key, such as `nautilus-infra:postgres.major`; None when the file as a whole is meant."""
    value: str | None
    """The value as it stands in the file, in JSON's spelling; `[secret]` for an encrypted one, None where nothing is set."""
    accepted: str | None
    """What the key accepts, in words."""
    message: str
    """What is wrong, as the end of a sentence that starts with the key."""
    repair: str
    """A command that repairs it."""
    line: int | None = None
    """Line in the file, from 1; None where it is not known."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        head = place
        if self.key:
            head += f": {self.key}" + (f" = {self.value}" if self.value is not None else " is not set")
        if self.accepted:
            head += f" (accepted: {self.accepted})"
        return f"{head}\n  {self.message}\n  fix: {self.repair}"

    def as_json(self) -> dict[str, Any]:
        """The problem as plain data, for `nautilus config check --json`."""
        return {
            "file": self.file,
            "line": self.line,
            "key": self.key,
            "value": self.value,
            "accepted": self.accepted,
            "message": self.message,
            "repair": self.repair,
        }


class SettingsError(Exception):
    """The settings of a stack cannot be used. Carries every problem that was found, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        files = ", ".join(dict.fromkeys(problem.file for problem in self.problems))
        self.summary = f"{files}: {count} problem{'' if count == 1 else 's'} in the settings"
        super().__init__(self.summary)

    def __str__(self) -> str:
        return "\n".join((self.summary, *(str(problem) for problem in self.problems)))


def dotted(path: Path) -> str:
    """A path in the notation of `pulumi config set --path`: `network.zones[0]`, `platform.tags["a.b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{show(part)}]"
    return text


def show(value: Any) -> str:
    """A value in JSON's spelling, safe for every terminal; what JSON cannot spell shows as Python's own text."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text.encode("utf-8", "backslashreplace").decode()


def full_key(path: Path) -> str:
    """The configuration key of a path: `nautilus-infra:postgres.major`."""
    return f"{NAMESPACE}:{dotted(path)}"


def scalar(value: Any) -> str:
    """A plain value as `pulumi config set` reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _sayable(path: Path) -> bool:
    """Whether Pulumi's notation can name the path: it knows no escape but the one of a quotation mark."""
    return all(isinstance(part, int) or (part.isprintable() and "\\" not in part) for part in path)


@dataclass(frozen=True)
class Repairs:
    """Writes the commands that repair one stack file.

    Args:
        stack: The stack's name.
        config_file: The stack file, when it is not the project's own; the commands then name it.
    """

    stack: str
    config_file: str | None = None

    def _command(self, verb: str, *arguments: str, path: bool) -> str:
        words = ["pulumi", "config", verb, "--stack", self.stack]
        if self.config_file:
            words += ["--config-file", self.config_file]
        return shlex.join([*words, *(["--path"] if path else []), *arguments])

    def remove(self, path: Path) -> str:
        """Take a key out of the file."""
        return self._command("rm", full_key(path), path=len(path) > 1) if _sayable(path) else self.edit(f"Pulumi.{self.stack}.yaml", None)

    def raw_remove(self, key: str) -> str:
        """Take a top-level key of any namespace out of the file."""
        return self._command("rm", key, path=False)

    def set(self, path: Path, value: Any) -> str:
        """Give a key a value: text, a number, a truth value, a list or a mapping of those; None takes the key out."""
        if value is None or not _sayable(path):
            return self.remove(path)
        if isinstance(value, list | tuple | dict):
            pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
            if not pairs:
                return self.remove(path)
            flags = [part for name, item in pairs for part in ("--plaintext", f"{full_key((*path, name))}={scalar(item)}")]
            return f"{self.remove(path)} && {self._command('set-all', *flags, path=True)}"
        text = scalar(value)
        return self._command("set", full_key(path), *(["--"] if text.startswith("-") else []), text, path=len(path) > 1)

    def edit(self, file: str, line: int | None) -> str:
        """Open the file in the editor, for what no command can mend."""
        name = shlex.quote(self.config_file or file)
        return f'"${{EDITOR:-vi}}" +{line} {name}' if line else f'"${{EDITOR:-vi}}" {name}'
