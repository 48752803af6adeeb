"""Whatever stands in a stack file, it is read or refused, completely and without another exception."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.settings.loader import load_stack
from infra.settings.problems import SettingsError
from infra.settings.root import AccountSettings, Settings
from infra.settings.yaml_reader import SECRET
from tests.settings.samples import REMOVED, KeyPath, put, sections, settings_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
    ["10.0.0.0/16", "a", "rds", "true", "0", "-1", "sha256:x", "live", SECRET, 10**30, "\ud800", "a\nb", "", "nan", "1e999"]
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=4
)
GOOD = {stack: sections(stack) for stack in ("account", "local", "prod")}


def places(data: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Every path in a value."""
    found: list[KeyPath] = [path] if path else []
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for part, value in pairs:
        found += places(value, (*path, part))
    return found


def attempt(load: Callable[[], Settings | AccountSettings]) -> tuple[Settings | AccountSettings | None, SettingsError | None]:
    """The settings, or why not. Any other exception is a failure of the test."""
    try:
        return load(), None
    except SettingsError as error:
        return None, error


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A good stack with one to four changes: a value replaced by anything, a key added, a key removed."""
    stack = draw(st.sampled_from(sorted(GOOD)))
    data = json.loads(json.dumps(GOOD[stack]))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(data)))
        action = draw(st.sampled_from(("replace", "replace", "add", "remove")))
        if action == "add":
            path = (*path[:-1], draw(st.text(max_size=10))) if isinstance(path[-1], str) else path
        put(data, path, REMOVED if action == "remove" else draw(ANYTHING))
        if not data:
            break
    return stack, data


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken())
def test_a_broken_stack_is_read_or_refused(case: tuple[str, dict[str, Any]]) -> None:
    stack, data = case
    read, error = attempt(lambda: settings_of(data, stack))
    if read is not None:
        assert settings_of(json.loads(read.model_dump_json(by_alias=True)), stack) == read, "what was read can be written and read again"
        return
    assert error is not None
    assert error.problems
    assert str(error).encode("utf-8")
    for problem in error.problems:
        assert problem.file == f"Pulumi.{stack}.yaml"
        assert problem.key is not None
        assert problem.key.startswith("nautilus-infra:")
        assert problem.message
        assert problem.repair.startswith(("pulumi config ", "nautilus config check", '"${EDITOR:-vi}"'))
        assert json.dumps(problem.as_json()).encode()


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(max_size=5), i, max_size=3),
    )
)
def test_any_document_is_read_or_refused(document: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Pulumi.staging.yaml").write_text(yaml.safe_dump({"config": document}, allow_unicode=False))
        read, error = attempt(lambda: load_stack("staging", Path(folder)))
    assert read is not None or (error is not None and all(problem.repair for problem in error.problems))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3_000), st.binary(max_size=6))
def test_a_damaged_file_is_read_or_refused(position: int, damage: bytes) -> None:
    raw = (Path(__file__).resolve().parents[2] / "Pulumi.prod.yaml").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Pulumi.prod.yaml").write_bytes(raw[:position] + damage + raw[position + len(damage) :])
        read, error = attempt(lambda: load_stack("prod", Path(folder)))
    assert read is not None or (error is not None and all(problem.repair and problem.message for problem in error.problems))
