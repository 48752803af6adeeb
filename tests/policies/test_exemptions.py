"""Accepted exceptions: what they cover, and how they fail."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from policies.catalogue import RULES
from policies.evaluation import EXEMPTIONS_RULE
from policies.exemptions import Exemptions, load, parse
from policies.rule import Kind
from policies.testing import Recorded, evaluate

TODAY = date(2026, 1, 15)
IDS = {rule.id for rule in RULES}
OPEN = Recorded(
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "bastion-ssh",
    {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "0.0.0.0/0"},
    urn="urn:pulumi:prod::nautilus-infra::nautilus:platform$aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::bastion-ssh",
)


def entry(**changes: Any) -> dict[str, Any]:
    whole = {
        "rule": "NET-02",
        "urn": "urn:pulumi:prod::nautilus-infra::*::bastion-ssh",
        "reason": "Vendor migration needs SSH until the cut-over",
        "owner": "platform@example.com",
        "expires": date(2026, 3, 31),
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def read(*entries: object) -> Exemptions:
    return parse({"exemptions": list(entries)}, rules=IDS, today=TODAY)


def found(exemptions: Exemptions, *resources: Recorded, today: date = TODAY) -> list[tuple[str, Kind]]:
    return [(finding.rule, finding.kind) for finding in evaluate(resources or [OPEN], exemptions=exemptions, today=today)]


def test_an_exemption_turns_a_violation_into_a_visible_note() -> None:
    [finding] = evaluate([OPEN], exemptions=read(entry()), today=TODAY)
    assert (finding.rule, finding.kind, finding.blocks) == ("NET-02", Kind.EXEMPTED, False)
    assert "until 2026-03-31 by platform@example.com: Vendor migration" in finding.message


def test_its_last_day_still_counts_and_the_next_does_not() -> None:
    exemptions = read(entry())
    assert found(exemptions, today=date(2026, 3, 31)) == [("NET-02", Kind.EXEMPTED)]
    assert found(exemptions, today=date(2026, 4, 1)) == [("NET-02", Kind.VIOLATION), (EXEMPTIONS_RULE, Kind.VIOLATION)]


def test_one_that_nothing_needs_fails() -> None:
    closed = Recorded(OPEN.type, OPEN.name, {**OPEN.props, "cidrIpv4": "10.0.0.0/8", "fromPort": 443, "toPort": 443}, urn=OPEN.urn)
    assert found(read(entry()), closed) == [(EXEMPTIONS_RULE, Kind.VIOLATION)]


def test_one_for_a_resource_that_is_gone_fails() -> None:
    other = Recorded(
        "aws:s3/bucketPolicy:BucketPolicy", "other", urn="urn:pulumi:prod::nautilus-infra::aws:s3/bucketPolicy:BucketPolicy::other"
    )
    assert found(read(entry()), other) == [(EXEMPTIONS_RULE, Kind.VIOLATION)]


def test_another_stack_neither_uses_nor_misses_it() -> None:
    elsewhere = Recorded(
        OPEN.type,
        OPEN.name,
        {**OPEN.props, "cidrIpv4": "10.0.0.0/8", "fromPort": 443, "toPort": 443},
        urn=OPEN.urn.replace("prod", "local"),
    )
    assert found(read(entry()), elsewhere) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "NET-04"},
        {"urn": "urn:pulumi:prod::nautilus-infra::*::another"},
        {"urn": "urn:pulumi:prod::nautilus-infra::aws:s3/*::bastion-ssh"},
    ],
)
def test_it_covers_only_its_rule_and_resource(changes: dict[str, Any]) -> None:
    assert ("NET-02", Kind.VIOLATION) in found(read(entry(**changes)))


@pytest.mark.parametrize(
    ("faulty", "told"),
    [
        (entry(rule="NET-99"), "not a rule of this pack"),
        (entry(owner=None), "lacks `owner`"),
        (entry(reason="because"), "at least 20 characters"),
        (entry(expires="soon"), "is a day such as"),
        (entry(expires=date(2027, 6, 1)), "more than 366 days away"),
        (entry(urn="*"), "has the form urn:pulumi:"),
        (entry(urn="urn:pulumi:prod::nautilus-infra::aws:s3/bucket:Bucket::*"), "must say something about the name"),
        (entry(note="x"), "unknown key `note`"),
        ("NET-02", "is not an object"),
    ],
)
def test_a_malformed_entry_fails_and_exempts_nothing(faulty: object, told: str) -> None:
    exemptions = read(faulty)
    assert any(told in error for error in exemptions.errors), exemptions.errors
    assert found(exemptions)[:1] == [("NET-02", Kind.VIOLATION)]
    assert (EXEMPTIONS_RULE, Kind.VIOLATION) in found(exemptions)


def test_repeating_one_is_malformed() -> None:
    assert read(entry(), entry(reason="The same once more, in other words")).errors == ("exemption 2: repeats exemption 1",)


@pytest.mark.parametrize("text", ["exemptions: 3", "- rule: NET-02", "other: []", "exemptions: [", "\x00"])
def test_a_broken_file_is_an_error_not_an_empty_list(tmp_path: Path, text: str) -> None:
    file = tmp_path / "exemptions.yaml"
    file.write_text(text, encoding="utf-8")
    assert load(file, rules=IDS, today=TODAY).errors


def test_no_file_and_an_empty_one_hold_nothing(tmp_path: Path) -> None:
    file = tmp_path / "exemptions.yaml"
    assert load(file, rules=IDS, today=TODAY) == Exemptions()
    file.write_text("# none\nexemptions: []\n", encoding="utf-8")
    assert load(file, rules=IDS, today=TODAY) == Exemptions()


def test_the_projects_own_file_is_well_formed() -> None:
    own = load(Path(__file__).parents[2] / "policies" / "exemptions.yaml", rules=IDS, today=date.today())  # noqa: DTZ011
    assert own.errors == ()
