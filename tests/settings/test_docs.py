"""The generated pages are up to date, complete and the same every time."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
import yaml

from infra.settings.checks.production import PRODUCTION
from infra.settings.docs import MINIMAL, page, pages, schema
from infra.settings.problems import dotted
from infra.settings.root import Settings
from infra.settings.words import key_at
from tests.settings.cases import SINGLE
from tests.settings.samples import ROOT, STACKS, changed
from tests.settings.test_words import every_key

VALIDATOR = jsonschema.Draft7Validator(schema())


@pytest.mark.parametrize("name", ["docs/settings.md", "docs/settings.schema.json"])
def test_pages_are_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == pages()[name], "run `nautilus config docs`"


def test_pages_are_the_same_every_time() -> None:
    assert pages() == pages()


def test_every_key_is_on_the_page() -> None:
    text = page()
    for path, _, key in every_key():
        assert f"| `{key.name}` |" in text, path
        assert key.description.replace("|", "\\|") in text, path


def test_tables_are_whole() -> None:
    for line in page().splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") == 6, line


def test_invariants_are_on_the_page_and_name_real_keys() -> None:
    text = page()
    for rule in PRODUCTION:
        assert f"- `{dotted(rule.path)}`: {rule.accepted}." in text
        assert key_at(Settings, rule.path) is not None


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert '"title": "Image Digest"' not in json.dumps(schema())


def errors(document: Any) -> list[str]:
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def document(stack: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {"config": {f"nautilus-infra:{key}": value for key, value in changed(stack, changes).items()}}


@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_fit_the_schema(stack: str) -> None:
    assert errors(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())) == []


def test_the_minimal_example_fits_the_schema() -> None:
    assert errors(yaml.safe_load(MINIMAL)) == []


def test_the_schema_takes_what_pulumi_writes() -> None:
    whole = document("staging", {"unlock": "true", "account.id": 210987654321})
    whole |= {"encryptionsalt": "v1:x", "secretsprovider": "awskms://x", "encryptedkey": "x", "environment": ["desk"]}
    whole["config"]["aws:profile"] = "desk"
    assert errors(whole) == []


@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        ("staging", {"postgres.major": 14}),
        ("staging", {"postgres.majr": 16}),
        ("staging", {"platform.logDays": 91}),
        ("staging", {"network.nat": "none"}),
        ("staging", {"account.id": 12}),
        ("staging", {"unlock": "yes"}),
        ("staging", {"unlok": True}),
        ("staging", {"cache": [1]}),
        ("account", {"network": {"cidr": "10.0.0.0/16"}}),
    ],
)
def test_the_schema_refuses_what_the_settings_refuse(stack: str, changes: dict[str, Any]) -> None:
    assert errors(document(stack, changes)) != []


def test_the_schema_demands_what_the_settings_demand() -> None:
    whole = document("staging", {})
    for key in ("nautilus-infra:platform", "nautilus-infra:account", "nautilus-infra:network", "nautilus-infra:edge"):
        less = deepcopy(whole)
        del less["config"][key]
        assert errors(less) != [], key


def test_the_schema_agrees_with_the_settings_on_forms_and_bounds() -> None:
    """Every wrong form, bound and choice of the table is wrong in an editor too."""
    wrong = ("is below", "is above", "is not above", "is not one of the choices", "is not of the form", "fewer than", "more than 20")
    cases = [case for case in SINGLE if case[4].startswith(wrong) and "services." not in case[4]]
    assert len(cases) > 20
    unseen = [case[2] for case in cases if not errors(document(case[0], case[1]))]
    assert unseen == []
