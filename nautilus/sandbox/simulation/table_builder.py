"""Reads a generated Pulumi SDK (`pulumi_aws`, `pulumi_random`) as text into a types table.

The SDK is never imported: importing `pulumi_aws` costs seconds for each service module, and introspecting all of it 36 s. The generator's
output is regular to the line, so one regular expression over the sources finds everything in about 3 s.

Types in the table are short strings: `str`, `int`, `num`, `bool`, `any`, `asset`, `[T]` for a list, `{T}` for a map, `@module.Name` for a nested
object, and `A|B` for a union. An input that must be given ends with `!`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 6
"""Raised whenever the table's layout or this reader changes, so that an older cache is made again."""

_SCAN = re.compile(
    r"""
    ^class\ (?P<cls>\w+)
  | ^@pulumi\.type_token\("(?P<token>[^"]+)"\)
  | ^\ {4}@pulumi\.getter(?:\(name="(?P<wire>\w+)"\))?$
  | ^\ {4}def\ (?P<get>\w+)\(self\)\ ->\ (?P<out>.+):$
  | ^\ {17}(?P<arg>\w+):\ pulumi\.Input\[(?P<type>.+)\](?P<opt>\ =\ None)?(?:,|\):)$
  | ^\ {8}:param\ pulumi\.Input\[.+?\]\ (?P<doc>\w+):\ (?P<text>.+)$
  | additional_secret_outputs=\[(?P<secret>[^\]]+)\]
  | ^\ {4}__args__\['(?P<farg>\w+)'\]
  | pulumi\.runtime\.invoke(?:_output)?\('(?P<fn>[^']+)'
    """,
    re.MULTILINE | re.VERBOSE,
)
_FORCES_NEW = re.compile(
    r"[Ff]orces? (?:a )?(?:new|replacement)|[Ff]orces resource replacement|(?:[Cc]hanging|[Mm]odifying) (?:this|it)\b[^.]*\brecreat|destroy(?:ed)? and recreate",
)
_DEFAULT = re.compile(r"[Dd]efault(?:s to|(?: value)?(?: is|:))\s+`\"?([^`\"]*)\"?`")
_TYPE = re.compile(r"[\w.]+|'[^']+'|\[|\]|,")


@dataclass
class _Class:
    name: str
    module: str
    args: dict[str, tuple[str, bool]] = field(default_factory=dict)
    wire: dict[str, str] = field(default_factory=dict)
    outs: dict[str, str] = field(default_factory=dict)
    renews: set[str] = field(default_factory=set)
    defaults: dict[str, str] = field(default_factory=dict)
    token: str | None = None


def compact(annotation: str, module: str) -> str:
    """The table's spelling of a Python annotation from the SDK.

    Raises:
        ValueError: the annotation is not one that the generator writes.
    """
    tokens = _TYPE.findall(annotation)
    value, rest = _parse(tokens, 0, module)
    if rest != len(tokens):
        raise ValueError(f"cannot read the annotation {annotation!r}")
    return value


def _parse(tokens: list[str], at: int, module: str) -> tuple[str, int]:
    word = tokens[at]
    at += 1
    inner: list[str] = []
    if at < len(tokens) and tokens[at] == "[":
        at += 1
        while tokens[at] != "]":
            if tokens[at] == ",":
                at += 1
                continue
            if tokens[at] == "[":  # the argument list of a Callable: none is expected in a property
                raise ValueError("unexpected nested list in an annotation")
            value, at = _parse(tokens, at, module)
            inner.append(value)
        at += 1
    match word:
        case "pulumi.Input" | "pulumi.Output" | "Optional" | "Awaitable":
            return inner[0], at
        case "Sequence" | "List":
            return f"[{inner[0]}]", at
        case "Mapping" | "Dict":
            return "{" + inner[1] + "}", at
        case "Union":
            flat = [part for value in inner for part in _split(value)]
            names = [value for value in dict.fromkeys(flat) if value != "dict"]
            return "|".join(names), at
        case "_builtins.str" | "str":
            return "str", at
        case "_builtins.int" | "int":
            return "int", at
        case "_builtins.float" | "float":
            return "num", at
        case "_builtins.bool" | "bool":
            return "bool", at
        case "pulumi.Asset" | "pulumi.Archive" | "pulumi.AssetArchive":
            return "asset", at
        case _:
            return _reference(word, module), at


def _split(value: str) -> list[str]:
    return [value] if value[0] in "[{" else value.split("|")


def _reference(word: str, module: str) -> str:
    name = word.strip("'")
    if word == name:  # not a forward reference: Any, or a resource class used as a type
        return "any"
    if name.endswith("ArgsDict"):
        return "dict"  # the typed-dict twin of an Args class
    if name.startswith("outputs."):
        return f"@{module}.{name.removeprefix('outputs.')}"
    if name.startswith("_root_outputs."):
        return f"@.{name.removeprefix('_root_outputs.')}"
    if name.startswith("_root_inputs."):
        return f"@.{name.removeprefix('_root_inputs.').removesuffix('Args')}"
    if "." in name:  # another module's types: `_iam.PolicyStatementArgs`, `_ec2.outputs.X`, or one of its enums
        parts = name.split(".")
        if not name.endswith("Args") and "outputs" not in parts:
            return "str"
        return f"@{parts[0].lstrip('_')}.{parts[-1].removesuffix('Args')}"
    if name.endswith("Args"):
        return f"@{module}.{name.removesuffix('Args')}"
    return "str"  # an enum, always a string on the wire


def _classes(text: str, module: str, extra: dict[str, Any]) -> Iterator[_Class]:
    current: _Class | None = None
    token: str | None = None
    wire: str | None = None
    pending = False
    for found in _SCAN.finditer(text):
        kind = found.lastgroup
        match kind:
            case "cls":
                if current is not None:
                    yield current
                current = _Class(found["cls"], module, token=token)
                token, pending = None, False
            case "token":
                token = found["token"]
            case "secret":
                extra.setdefault("secrets", set()).update(part.strip(" '\"") for part in found["secret"].split(","))
            case "farg":
                extra.setdefault("args", {})[found["farg"]] = None
            case "fn":
                extra["fn"] = found["fn"]
            case _ if current is None:
                continue
            case "type" | "opt":
                current.args.setdefault(found["arg"], (found["type"], found["opt"] is None))
            case "wire":
                wire, pending = found["wire"], True
            case "out":
                if pending:
                    name = found["get"]
                    current.wire[name] = wire or name
                    current.outs[wire or name] = found["out"]
                wire, pending = None, False
            case "text":
                if _FORCES_NEW.search(found["text"]):
                    current.renews.add(found["doc"])
                if default := _DEFAULT.search(found["text"]):
                    current.defaults.setdefault(found["doc"], default[1])
            case _:
                # `@pulumi.getter` without a name: the last group that took part is none of the above.
                if found[0].strip() == "@pulumi.getter":
                    wire, pending = None, True
    if current is not None:
        yield current


def _module_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    return ".".join(parts[:-1])


def build(root: Path, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """The table of one SDK package.

    Args:
        root: the package's folder, such as `…/site-packages/pulumi_aws`.
        progress: told (files read, files in all) now and then.

    Returns:
        `resources`: token → `{"i": inputs, "o": other outputs, "p": outputs that always have a value, "s": secret outputs,
        "r": inputs whose documentation says that a change forces a replacement, "d": documented defaults of inputs in "p"}`;
        `objects`: nested types for inputs; `outputs`: nested types for outputs; `functions`: token → `{"a": argument names, "r": results}`.
    """
    resources: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    functions: dict[str, Any] = {}
    files = sorted(root.rglob("*.py"))
    for count, path in enumerate(files):
        if progress is not None and count % 200 == 0:
            progress(count, len(files))
        if path.name in {"__init__.py", "_utilities.py", "_enums.py"} or "config" in path.relative_to(root).parts[:1]:
            continue
        module = _module_of(path, root)
        extra: dict[str, Any] = {}
        seen = list(_classes(path.read_text(encoding="utf-8"), module, extra))
        if path.name == "_inputs.py":
            for one in seen:
                if one.name.endswith("Args"):
                    objects[f"{module}.{one.name.removesuffix('Args')}"] = _inputs(one)
        elif path.name == "outputs.py":
            for one in seen:
                outputs[f"{module}.{one.name}"] = {name: compact(kind, module) for name, kind in one.outs.items()}
        elif "fn" in extra:
            result = next((one for one in seen if one.name.endswith("Result") and not one.name.startswith("Awaitable")), None)
            functions[extra["fn"]] = {
                "a": list(extra.get("args", {})),
                "r": {name: compact(kind, module) for name, kind in result.outs.items()} if result else {},
            }
        else:
            _add_resource(seen, module, extra, resources)
    if progress is not None:
        progress(len(files), len(files))
    return {"resources": resources, "objects": objects, "outputs": outputs, "functions": functions}


def _inputs(one: _Class) -> dict[str, str]:
    return {one.wire.get(name, name): compact(kind, one.module) + ("!" if required else "") for name, (kind, required) in one.args.items()}


def _add_resource(seen: list[_Class], module: str, extra: dict[str, Any], resources: dict[str, Any]) -> None:
    resource = next((one for one in seen if one.token is not None), None)
    if resource is None or resource.token is None:
        return
    # `InitArgs` is the generator's way out where a nested type has taken the name.
    names = {f"{resource.name}Args", f"{resource.name}InitArgs"}
    args = next((one for one in seen if one.name in names), _Class(f"{resource.name}Args", module))
    inputs = _inputs(args)
    row: dict[str, Any] = {
        "i": inputs,
        "o": {name: compact(kind, module) for name, kind in resource.outs.items()},
    }
    # An output that repeats its input needs no second entry, unless it is another shape.
    row["o"] = {name: kind for name, kind in row["o"].items() if inputs.get(name, "").rstrip("!") != kind}
    present = {name for name, kind in resource.outs.items() if not kind.startswith("pulumi.Output[Optional[")}
    row["p"] = sorted(name for name in present if not inputs.get(name, "").endswith("!"))
    defaults = {args.wire.get(name, name): text for name, text in args.defaults.items()}
    if kept := {name: text for name, text in defaults.items() if name in row["p"]}:
        row["d"] = kept
    if extra.get("secrets"):
        row["s"] = sorted(extra["secrets"])
    if args.renews:
        row["r"] = sorted(args.wire.get(name, name) for name in args.renews)
    resources[resource.token] = row
