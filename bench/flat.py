"""A flat Pulumi program that registers the same resources as a stack, with the values that the stack's state holds.

It is the floor of a preview: the same engine, provider and SDK classes, but no components, settings, plans or outputs between them.
"""

from __future__ import annotations

import importlib
import json
import keyword
import re
import sys
from pathlib import Path
from typing import Any

import pulumi._types as pulumi_types

SECRET = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
ASSETS = {"c44067f5952c0a294b673a41bacd8c17": "asset", "0def7320c3a5731c473e5ecbe6d01bc7": "archive"}


def _class(token: str) -> tuple[str, Any]:
    """The SDK class of a type token, and how the program spells it."""
    package, module, name = token.split(":")
    folder = module.split("/")[0]
    folder = f"{folder}_" if keyword.iskeyword(folder) else folder
    root = f"pulumi_{package}"
    path = root if folder == "index" else f"{root}.{folder}"
    return f"{path}.{name}", importlib.import_module(path)


def _value(value: Any) -> Any:
    """A literal for the program: secrets opened, assets by path."""
    if isinstance(value, dict):
        if value.get(SECRET[0]) == SECRET[1]:
            return _value(json.loads(value["plaintext"]))
        if value.get(SECRET[0]) in ASSETS:
            return _Asset(ASSETS[value[SECRET[0]]], value)
        return {key: _value(item) for key, item in value.items() if key != "__defaults"}
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value


class _Asset:
    """An asset in the program's source."""

    def __init__(self, kind: str, state: dict[str, Any]) -> None:
        self.kind = kind
        self.state = state

    def __repr__(self) -> str:
        if "path" in self.state:
            return f"pulumi.File{self.kind.title()}({self.state['path']!r})"
        if "text" in self.state:
            return f"pulumi.StringAsset({self.state['text']!r})"
        return f"pulumi.FileArchive({str(Path(__file__).parent)!r})" if self.kind == "archive" else "pulumi.StringAsset('')"


def program(resources: list[dict[str, Any]]) -> str:
    """Source of a program that registers every custom resource of `resources` (as in an export with opened secrets)."""
    lines: list[str] = []
    modules: set[str] = set()
    for resource in resources:
        token = resource["type"]
        if not resource.get("custom") or token.startswith("pulumi:") or resource.get("external"):
            continue
        spelled, module = _class(token)
        modules.add(spelled.rpartition(".")[0])
        # A nested type may carry the same name in the package, so the arguments are looked up where the class is defined.
        name = spelled.rpartition(".")[2]
        home = sys.modules[getattr(module, name).__module__]
        arguments = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")
        names = {wire: py for py, wire in pulumi_types.input_type_py_to_pulumi_names(arguments).items()}
        given = [f"{names[key]}={_value(value)!r}" for key, value in resource["inputs"].items() if key in names]
        logical = resource["urn"].rpartition("::")[2]
        lines.append(f"{spelled}({', '.join([repr(logical), *given, 'opts=options'])})")
    provider = next(item for item in resources if item["type"] == "pulumi:providers:aws")
    tags = _value(provider["inputs"].get("defaultTags") or "{}")
    imports = "\n".join(f"import {name}" for name in sorted(modules | {"pulumi", "pulumi_aws"}))
    settings = f"region={provider['inputs']['region']!r}, default_tags={json.loads(tags) if isinstance(tags, str) else tags!r}"
    head = f"{imports}\n\nprovider = pulumi_aws.Provider('aws', {settings})\noptions = pulumi.ResourceOptions(provider=provider)\n"
    body = "\n".join(re.sub(r"^(pulumi_random\..*)opts=options\)$", r"\1)", line).replace(", )", ")") for line in lines)
    return f"{head}{body}\n"


def write(folder: Path, resources: list[dict[str, Any]], virtualenv: Path) -> int:
    """Write the project into `folder`; returns the number of resources it registers."""
    folder.mkdir(parents=True, exist_ok=True)
    source = program(resources)
    (folder / "__main__.py").write_text(source)
    (folder / "Pulumi.yaml").write_text(
        f"name: flat\nruntime:\n  name: python\n  options:\n    virtualenv: {virtualenv}\ndescription: the same resources, flat\n"
    )
    (folder / "Pulumi.flat.yaml").write_text("config: {}\n")
    return sum(line.startswith(("pulumi_aws.", "pulumi_random.")) for line in source.splitlines())
