"""The types table of the installed Pulumi SDKs: made once for each version, cached, and read in well under 0.1 s.

The cache is one JSON file for each package and version. A lock file keeps two processes from generating at once, and the file appears by an
atomic rename, so an interrupted generation leaves nothing behind that a later one could trip over.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from nautilus.sandbox.simulation import table_builder

PACKAGES: tuple[str, ...] = ("aws", "random")

Kind = Literal["str", "int", "num", "bool", "any", "asset", "list", "map", "object", "union"]


class TableError(Exception):
    """The types table cannot be made: the SDK is missing, or it is not one that the reader understands."""


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a property on Pulumi's wire."""

    kind: Kind
    item: Type | None = None
    """Element type of a list or map."""
    ref: str = ""
    """Name of the nested object, such as `lb.ListenerDefaultAction`."""
    options: tuple[Type, ...] = ()
    """Alternatives of a union."""

    def __str__(self) -> str:
        match self.kind:
            case "list":
                return f"list of {self.item}"
            case "map":
                return f"map of {self.item}"
            case "object":
                return f"object {self.ref.rpartition('.')[2]}"
            case "union":
                return " or ".join(str(option) for option in self.options)
            case "str":
                return "string"
            case "int":
                return "integer"
            case "num":
                return "number"
            case "bool":
                return "boolean"
            case _:
                return self.kind


@functools.cache
def parse(text: str) -> Type:
    """A type from the table's spelling (see `table_builder`)."""
    options = _alternatives(text)
    if len(options) > 1:
        return Type("union", options=tuple(parse(option) for option in options))
    match text[0]:
        case "[":
            return Type("list", item=parse(text[1:-1]))
        case "{":
            return Type("map", item=parse(text[1:-1]))
        case "@":
            return Type("object", ref=text[1:])
        case _:
            return Type(text)  # type: ignore[arg-type]  # the builder writes only kinds


def _alternatives(text: str) -> list[str]:
    parts, depth, start = list[str](), 0, 0
    for index, char in enumerate(text):
        if char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        elif char == "|" and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


@dataclass(frozen=True, slots=True)
class Property:
    """An input: its type, and whether the SDK demands it."""

    type: Type
    required: bool


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What is known of one resource type, by property name as on the wire (camelCase)."""

    token: str
    inputs: Mapping[str, Property]
    outputs: Mapping[str, Type]
    """All outputs, inputs included."""
    secrets: frozenset[str]
    renews: frozenset[str]
    """Inputs whose documentation says that a change forces a replacement; used where no reviewed entry exists."""
    present: frozenset[str]
    """Outputs that always have a value, whether or not they are given as inputs."""
    defaults: Mapping[str, str]
    """Documented defaults of inputs, as text; only for inputs in `present`."""

    @property
    def computed(self) -> list[str]:
        """Outputs that are not inputs."""
        return [name for name in self.outputs if name not in self.inputs]


@dataclass(frozen=True, slots=True)
class FunctionType:
    """A function of the provider (an invoke): its argument names and result properties."""

    token: str
    arguments: tuple[str, ...]
    results: Mapping[str, Type]


def _properties(raw: Mapping[str, str]) -> dict[str, Property]:
    return {name: Property(parse(text.rstrip("!")), text.endswith("!")) for name, text in raw.items()}


class TypesTable:
    """Types of resources, nested objects and functions. Rows are read when they are asked for."""

    def __init__(self, rows: Mapping[str, Mapping[str, Any]], versions: Mapping[str, str]) -> None:
        self.versions = dict(versions)
        self._rows = rows
        self._resources: dict[str, ResourceType | None] = {}
        self._objects: dict[str, Mapping[str, Property] | None] = {}
        self._outputs: dict[str, Mapping[str, Type] | None] = {}
        self._functions: dict[str, FunctionType | None] = {}

    def tokens(self) -> Iterator[str]:
        """All resource tokens, provider resources (`pulumi:providers:aws`) included."""
        yield from self._rows["resources"]

    def resource(self, token: str) -> ResourceType | None:
        """The type of a resource, or None for a token that no package has."""
        if token not in self._resources:
            raw = self._rows["resources"].get(token)
            if raw is None:
                self._resources[token] = None
            else:
                inputs = _properties(raw["i"])
                outputs = {name: prop.type for name, prop in inputs.items()} | {name: parse(text) for name, text in raw["o"].items()}
                self._resources[token] = ResourceType(
                    token,
                    inputs,
                    outputs,
                    secrets=frozenset(raw.get("s", ())),
                    renews=frozenset(raw.get("r", ())),
                    present=frozenset(raw["p"]),
                    defaults=raw.get("d", {}),
                )
        return self._resources[token]

    def input_object(self, ref: str) -> Mapping[str, Property] | None:
        """Properties of a nested input object, or None where the SDK does not describe it."""
        if ref not in self._objects:
            raw = self._rows["objects"].get(ref)
            self._objects[ref] = None if raw is None else _properties(raw)
        return self._objects[ref]

    def output_object(self, ref: str) -> Mapping[str, Type] | None:
        """Properties of a nested output object; a nested input of the same name serves where there is no output of its own."""
        if ref not in self._outputs:
            raw = self._rows["outputs"].get(ref)
            if raw is not None:
                self._outputs[ref] = {name: parse(text) for name, text in raw.items()}
            else:
                given = self.input_object(ref)
                self._outputs[ref] = None if given is None else {name: prop.type for name, prop in given.items()}
        return self._outputs[ref]

    def function(self, token: str) -> FunctionType | None:
        """A function's type, or None for a token that no package has."""
        if token not in self._functions:
            raw = self._rows["functions"].get(token)
            self._functions[token] = (
                None if raw is None else FunctionType(token, tuple(raw["a"]), {name: parse(text) for name, text in raw["r"].items()})
            )
        return self._functions[token]

    def near(self, token: str) -> str | None:
        """The most similar resource token, for messages."""
        import difflib

        found = difflib.get_close_matches(token, self._rows["resources"], n=1, cutoff=0.7)
        return found[0] if found else None


def default_cache() -> Path:
    """The cache folder: `.nautilus/cache` of the checkout, or the user's cache folder for an installed package."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").exists():
        return checkout / ".nautilus" / "cache"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "nautilus-infra"


def sdk(package: str) -> tuple[Path, str]:
    """Folder and version of an installed SDK, found without importing it.

    Raises:
        TableError: it is not installed.
    """
    spec = importlib.util.find_spec(f"pulumi_{package}")
    if spec is None or spec.origin is None:
        raise TableError(f"pulumi-{package} is not installed in this environment; run `uv sync` (or pip install the locked requirements)")
    root = Path(spec.origin).parent
    try:
        version = json.loads((root / "pulumi-plugin.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError) as error:
        raise TableError(f"{root}: cannot read the version of pulumi-{package}: {error}") from error
    return root, str(version)


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Holds an exclusive lock on `path` (made if missing). The system drops it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes beside the target and renames, so that a reader sees the old file or the whole new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def cached(cache: Path, name: str, make: Callable[[], Any]) -> Any:
    """JSON under `cache/name.json`, made once by `make` under a lock. A damaged file is made again."""
    path = cache / f"{name}.json"
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        pass
    with locked(cache / f"{name}.lock"):
        try:  # another process may have made it while we waited
            return json.loads(path.read_bytes())
        except (OSError, ValueError):
            value = make()
            write_atomically(path, json.dumps(value, separators=(",", ":")).encode())
            return value


def _progress(package: str, version: str, stream: TextIO) -> Callable[[int, int], None]:
    start, shown = time.monotonic(), [0.0]

    def tell(done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            print(f"reading the types of pulumi-{package} {version} (once for each version)", file=stream, flush=True)
        elif done == total:
            print(f"read {total} files of pulumi-{package} in {now - start:.0f} s", file=stream, flush=True)
        elif now - shown[0] > 2:
            shown[0] = now
            print(f"  {done} of {total} files", file=stream, flush=True)

    return tell


def load(cache: Path | None = None, packages: tuple[str, ...] = PACKAGES, *, progress: TextIO | None = None) -> TypesTable:
    """The table of the installed SDKs, generated on first use.

    Args:
        cache: folder of the cache; `default_cache()` if None.
        packages: Pulumi package names.
        progress: where generation is reported; standard error if None.

    Raises:
        TableError: an SDK is missing or unreadable.
    """
    folder = cache or default_cache()
    stream = progress or sys.stderr
    rows: dict[str, dict[str, Any]] = {"resources": {}, "objects": {}, "outputs": {}, "functions": {}}
    versions: dict[str, str] = {}
    for package in packages:
        root, version = sdk(package)

        def make(root: Path = root, package: str = package, version: str = version) -> Any:
            try:
                made = table_builder.build(root, _progress(package, version, stream))
            except (ValueError, IndexError, OSError) as error:
                raise TableError(f"cannot read the types of pulumi-{package} {version}: {error}") from error
            if not made["resources"]:
                raise TableError(f"pulumi-{package} {version} at {root} has no resource types that this reader knows")
            return made

        table = cached(folder, f"types-{package}-{version}-{table_builder.FORMAT}", make)
        versions[package] = version
        for part, found in table.items():
            rows[part].update(found)
    return TypesTable(rows, versions)
