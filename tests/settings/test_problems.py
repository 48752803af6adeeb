"""How problems and repairs are spelled."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings.problems import Problem, Repairs, SettingsError, dotted, full_key, show

PROBLEM = Problem("Pulumi.prod.yaml", "nautilus-infra:postgres.major", "14", "15 to 18", "is below 15", "pulumi config set …", 7)


def test_a_problem_says_everything() -> None:
    assert str(PROBLEM) == (
        "Pulumi.prod.yaml:7: nautilus-infra:postgres.major = 14 (accepted: 15 to 18)\n  is below 15\n  fix: pulumi config set …"
    )
    assert PROBLEM.as_json() == {
        "file": "Pulumi.prod.yaml", "line": 7, "key": "nautilus-infra:postgres.major", "value": "14", "accepted": "15 to 18",
        "message": "is below 15", "repair": "pulumi config set …",
    }  # fmt: skip


def test_a_key_that_is_not_there_says_so() -> None:
    problem = Problem("f", "nautilus-infra:account.id", None, "12 digits", "is needed", "x")
    assert str(problem).startswith("f: nautilus-infra:account.id is not set (accepted: 12 digits)")


def test_the_error_lists_all() -> None:
    error = SettingsError([PROBLEM, PROBLEM])
    assert str(error).splitlines()[0] == "Pulumi.prod.yaml: 2 problems in the settings"
    assert str(error).count("is below 15") == 2


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("postgres", "major"), "postgres.major"),
        (("network", "zones", 0), "network.zones[0]"),
        (("platform", "tags", "a.b c"), 'platform.tags["a.b c"]'),
        (("platform", "tags", 'say "hi"'), 'platform.tags["say \\"hi\\""]'),
    ],
)
def test_paths_are_in_pulumis_notation(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text
    assert full_key(path) == f"nautilus-infra:{text}"


@pytest.mark.parametrize(
    ("value", "command"),
    [
        (16, "pulumi config set --stack prod --path nautilus-infra:a.b 16"),
        (True, "pulumi config set --stack prod --path nautilus-infra:a.b true"),
        ("two words", "pulumi config set --stack prod --path nautilus-infra:a.b 'two words'"),
        (-3, "pulumi config set --stack prod --path nautilus-infra:a.b -- -3"),
        (None, "pulumi config rm --stack prod --path nautilus-infra:a.b"),
        ([], "pulumi config rm --stack prod --path nautilus-infra:a.b"),
        (
            [10, 100],
            (
                "pulumi config rm --stack prod --path nautilus-infra:a.b && pulumi config set-all --stack prod --path "
                "--plaintext 'nautilus-infra:a.b[0]=10' --plaintext 'nautilus-infra:a.b[1]=100'"
            ),
        ),
    ],
)
def test_repairs(value: object, command: str) -> None:
    assert Repairs("prod").set(("a", "b"), value) == command


def test_a_top_level_key_needs_no_path() -> None:
    assert Repairs("prod").set(("unlock",), False) == "pulumi config set --stack prod nautilus-infra:unlock false"
    assert Repairs("prod").raw_remove("aws:region") == "pulumi config rm --stack prod aws:region"


def test_another_folder_is_named() -> None:
    repairs = Repairs("prod", "/some where/Pulumi.prod.yaml")
    assert "--config-file '/some where/Pulumi.prod.yaml'" in repairs.set(("a", "b"), 1)
    assert repairs.edit("Pulumi.prod.yaml", 3) == "\"${EDITOR:-vi}\" +3 '/some where/Pulumi.prod.yaml'"


@given(st.text(max_size=30), st.text(min_size=1, max_size=30))
def test_commands_survive_the_shell(value: str, key: str) -> None:
    path = ("platform", "tags", key)
    words = shlex.split(Repairs("prod").set(path, value))
    if key.isprintable() and "\\" not in key:
        assert words[-1] == value
        assert full_key(path) in words
    else:
        assert words == ["${EDITOR:-vi}", "Pulumi.prod.yaml"], "Pulumi's notation has no escapes for such a key"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_value_can_be_shown(value: object) -> None:
    assert show(value).encode("utf-8")
