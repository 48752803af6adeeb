"""Where settings come from: a stack file, for the tools; Pulumi's configuration, for the program. Both end in the same validation."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.settings.checks.identity import ENVIRONMENTS
from infra.settings.problems import NAMESPACE, Problem, Repairs, SettingsError, show
from infra.settings.problems import Path as KeyPath
from infra.settings.root import AccountSettings, Settings
from infra.settings.validation import file_of, model_of, validate
from infra.settings.words import Kind, keys_of
from infra.settings.yaml_reader import Document, Fault, Secret, parse

if TYPE_CHECKING:
    import pulumi

PROJECT_FILE = "Pulumi.yaml"


def stacks_in(folder: Path) -> list[str]:
    """Names of the stacks that have a file in `folder`, sorted."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml") if path.is_file())


def load_stack(stack: str, folder: Path, *, today: date | None = None) -> Settings | AccountSettings:
    """The settings of `stack` from its file in `folder`, over the defaults of the Pulumi.yaml beside it, if there is one.

    Needs neither Pulumi nor AWS, and writes nothing. With `today` it also finds what has expired; the program itself reads no clock.

    Raises:
        SettingsError: with every problem of the file at once.
    """
    path = folder / file_of(stack)
    config_file = None if _is_project(folder) else str(path)
    repairs = Repairs(stack, config_file)
    document = _read(path, folder, repairs)
    defaults = _project_defaults(folder)
    problems: list[Problem] = []
    faults: list[Fault] = []
    values, lines = _own_values(document, path.name, repairs, problems, faults)
    merged = {**defaults, **values}
    return validate(
        _without_empty_defaults(merged, stack),
        file=path.name,
        stack=stack,
        lines=lines,
        config_file=config_file,
        faults=faults,
        problems=problems,
        today=today,
    )


def load_program(config: pulumi.Config, stack: str) -> Settings | AccountSettings:
    """The settings of the running program. The only reader of Pulumi's configuration.

    Args:
        config: The project's own namespace, `pulumi.Config("nautilus-infra")`.
        stack: `pulumi.get_stack()`.

    Raises:
        SettingsError: with every problem at once, before any resource is registered.
    """
    from pulumi.runtime import config as runtime

    prefix = f"{config.name}:"
    everything: dict[str, Any] = {**runtime.get_config_env(), **runtime.CONFIG.get()}
    names = {key.removeprefix(prefix) for key in everything if key.startswith(prefix)} | set(keys_of(Settings))
    values: dict[str, Any] = {}
    for name in sorted(names):
        raw = config.get(name)
        if raw is not None and runtime.is_config_secret(prefix + name):
            values[name] = Secret(inside=raw[:1] in ("{", "["))
        elif raw is not None:
            values[name] = _decoded(raw)
    file = file_of(stack)
    problems = _other_namespaces(everything, values, file, Repairs(stack), {})
    return validate(_without_empty_defaults(values, stack), file=file, stack=stack, problems=problems)


def _decoded(raw: Any) -> Any:
    """Pulumi hands objects over as JSON text, and scalars as their text."""
    if isinstance(raw, str) and raw[:1] in ("{", "["):
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return raw


def _is_project(folder: Path) -> bool:
    """Whether plain `pulumi config` commands, run in the current directory, mean the files of `folder`."""
    here = Path.cwd()
    root = next((parent for parent in (here, *here.parents) if (parent / PROJECT_FILE).is_file()), here)
    return folder.resolve() == root.resolve()


def _way_out(path: Path, known: list[str], stack: str) -> str:
    """The command for a stack without a file: a copy to begin with, where such a stack may exist; else the stack that was probably meant."""
    if not known:
        return "git checkout -- 'Pulumi.*.yaml'"
    if stack in ENVIRONMENTS:
        model = next((name for name in ("staging", "local", "paper", "prod") if name in known), known[0])
        return shlex.join(("cp", str(path.with_name(file_of(model))), str(path)))
    return shlex.join(("nautilus", "config", "check", "--stack", get_close_matches(stack, known, n=1, cutoff=0)[0]))


def _read(path: Path, folder: Path, repairs: Repairs) -> Document:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        known = stacks_in(folder)
        others = f"stacks with a file there: {', '.join(known)}" if known else "there is no stack file at all"
        problem = Problem(
            path.name, None, None, "a stack file", f"does not exist in {folder}; {others}", _way_out(path, known, repairs.stack)
        )
        raise SettingsError([problem]) from None
    except OSError as failed:
        reason = os.strerror(failed.errno) if failed.errno else str(failed)
        problem = Problem(path.name, None, None, "a readable file", f"cannot be read: {reason}", f"ls -ld {shlex.quote(str(path))}")
        raise SettingsError([problem]) from None
    document = parse(raw)
    found = [
        Problem(path.name, None, None, fault.accepted, fault.message, repairs.edit(path.name, fault.line), fault.line)
        for fault in document.faults
    ]
    config = document.data.get("config") if isinstance(document.data, dict) else None
    if isinstance(config, dict):
        return document
    if document.data is None:
        message = "" if found else "is empty"
    elif not isinstance(document.data, dict):
        message = "is not a mapping"
    else:
        message = "has no mapping under `config:`"
    if message:
        line = document.lines.get(("config",))
        found.append(
            Problem(path.name, None, None, "a mapping `config:` with the stack's keys", message, repairs.edit(path.name, line), line)
        )
    raise SettingsError(found)


def _own_values(
    document: Document, file: str, repairs: Repairs, problems: list[Problem], faults: list[Fault]
) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """The values of our namespace with their lines; whatever is wrong around them goes to `problems` and `faults`."""
    config: dict[str, Any] = document.data["config"]
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for key, value in config.items():
        name = own_name(key)
        if name is None:
            continue
        if name in values:
            line = document.lines.get(("config", key))
            faults.append(Fault(f"stands here a second time, spelled `{key}`", line, (name,), "each key once"))
            continue
        values[name] = value
        names[key] = name
    lines = {
        (names[str(path[1])], *path[2:]): line
        for path, line in document.lines.items()
        if len(path) > 1 and path[0] == "config" and str(path[1]) in names
    }
    for fault in document.faults:
        parts = list(fault.path)
        name = own_name(str(parts[1])) if len(parts) > 1 and parts[0] == "config" else None
        faults.append(Fault(fault.message, fault.line, (name, *parts[2:]) if name else (), fault.accepted))
    problems.extend(_other_namespaces(config, values, file, repairs, document.lines))
    return values, lines


def own_name(key: str) -> str | None:
    """The key's name in the project's namespace, in any of the spellings that Pulumi takes; None for another namespace."""
    parts = key.split(":")
    if len(parts) == 1:
        return key
    return ":".join(parts[2:] if len(parts) > 2 and parts[1] == "config" else parts[1:]) if parts[0] == NAMESPACE else None


def _other_namespaces(
    config: Mapping[str, Any], values: Mapping[str, Any], file: str, repairs: Repairs, lines: Mapping[KeyPath, int]
) -> list[Problem]:
    """The region is ours to set: the program makes its own provider. Every other key of another namespace passes."""
    account = values.get("account")
    region = account.get("region") if isinstance(account, Mapping) else None
    region = region if isinstance(region, str) else "us-east-1"
    found: list[Problem] = []
    for key in ("aws:region", "aws:config:region"):
        other = config.get(key)
        if other is None or other == region:
            continue
        shown = "[secret]" if isinstance(other, Secret) else show(other)
        message = f"contradicts {NAMESPACE}:account.region = {region}, which alone decides: the program makes its own provider"
        found.append(Problem(file, key, shown, region, message, repairs.raw_remove(key), lines.get(("config", key))))
    return found


def _project_defaults(folder: Path) -> dict[str, Any]:
    """Values and defaults that Pulumi.yaml gives keys of our namespace. Pulumi takes them whole, where a stack file lacks the key.

    A Pulumi.yaml that cannot be read gives none here: Pulumi itself refuses it, with its own message.
    """
    try:
        declared = parse((folder / PROJECT_FILE).read_bytes()).data
    except OSError:
        return {}
    config = declared.get("config") if isinstance(declared, dict) else None
    found: dict[str, Any] = {}
    for key, declaration in (config or {}).items() if isinstance(config, dict) else ():
        name = own_name(key)
        if name is None:
            continue
        if isinstance(declaration, dict):
            value = declaration.get("value", declaration.get("default"))
            if value is not None and value != _own_default(name):
                found[name] = value
        elif declaration is not None:
            found[name] = declaration
    return found


def _own_default(name: str) -> Any:
    """The default that Pulumi.yaml repeats for Pulumi's sake: an empty section, or the key's own."""
    key = keys_of(Settings).get(name)
    return None if key is None else {} if key.shape.kind is Kind.SECTION else key.default


def _without_empty_defaults(values: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """Pulumi.yaml gives every section the default `{}`, or Pulumi would demand all of them of the account stack: there they mean nothing."""
    known = keys_of(model_of(stack))
    return {name: value for name, value in values.items() if name in known or value != {}}
