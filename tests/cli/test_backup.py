"""`backup coverage` and `backup calendar`: their documents, their tables, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nautilus.cli.backup import _gathered  # pyright: ignore[reportPrivateUsage]
from tests.cli.conftest import Nautilus

P = "urn:pulumi:test::p::"
DB, TABLE, PLAN, SELECTION = (
    "aws:rds/instance:Instance",
    "aws:dynamodb/table:Table",
    "aws:backup/plan:Plan",
    "aws:backup/selection:Selection",
)
VAULT, LOCK = "aws:backup/vault:Vault", "aws:backup/vaultLockConfiguration:VaultLockConfiguration"


def rule(**changes: Any) -> dict[str, Any]:
    base = {
        "ruleName": "daily",
        "schedule": "cron(0 2 * * ? *)",
        "targetVaultName": "main",
        "lifecycle": {"deleteAfter": 30},
        "copyActions": [{"destinationVaultArn": "arn:aws:backup:us-west-2:123456789012:backup-vault:main"}],
    }
    return base | changes


def write(path: Path, rules: list[dict[str, Any]], *, forget: bool = False, locked: bool = True) -> str:
    def one(kind: str, name: str, inputs: dict[str, Any], **depends: list[str]) -> dict[str, Any]:
        urn = f"{P}{kind}::{name}"
        return {"urn": urn, "type": kind, "custom": True, "inputs": inputs, "propertyDependencies": depends}

    found = [
        one(DB, "db", {"maintenanceWindow": "sun:03:30-sun:04:00"}),
        one(TABLE, "leases", {}),
        one(VAULT, "vault", {"name": "main"}),
        one(PLAN, "plan", {"rules": rules}),
        one(
            SELECTION,
            "selection",
            {"planId": "x", "resources": ["[unknown]"]},
            planId=[f"{P}{PLAN}::plan"],
            resources=[f"{P}{DB}::db"] + ([] if forget else [f"{P}{TABLE}::leases"]),
        ),
    ]
    if locked:
        found.append(one(LOCK, "lock", {"backupVaultName": "main", "minRetentionDays": 7, "maxRetentionDays": 366}))
    path.write_text(json.dumps({"steps": [{"op": "create", "urn": item["urn"], "newState": item} for item in found]}))
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def test_everything_is_covered(nautilus: Nautilus, file: Path) -> None:
    ran = nautilus("backup", "coverage", "--from", write(file, [rule()]), "--json")
    assert ran.code == 0
    found = ran.document
    assert (found["covered"], found["counts"]["planned"], found["counts"]["uncovered"]) == (True, 2, 0)
    assert {row["resource"]: (row["verdict"], row["how"]) for row in found["rows"]} == {
        "db": ("planned", "daily"),
        "leases": ("planned", "daily"),
    }


def test_what_is_brought_back_alike_is_one_line_for_people_and_what_is_not_is_always_named() -> None:
    def row(resource: str, verdict: str) -> dict[str, str]:
        return {"resource": resource, "verdict": verdict, "how": "x"}

    rows = [
        row("p/secrets/a", "own"),
        row("p/secrets/b", "own"),
        row("p/logs/c", "own"),
        *(row(f"p/tables/{n}", "uncovered") for n in "de"),
    ]
    assert _gathered(rows) == [
        ("p/secrets/… (2)", "own", "x"),
        ("p/logs/c", "own", "x"),
        ("p/tables/d", "uncovered", "x"),
        ("p/tables/e", "uncovered", "x"),
    ]


def test_what_is_forgotten_is_named(nautilus: Nautilus, file: Path) -> None:
    ran = nautilus("backup", "coverage", "--from", write(file, [rule()], forget=True))
    assert ran.code == 1
    assert "uncovered" in ran.out
    assert "leases" in ran.out
    assert "1 planned, 1 uncovered" in ran.out


def test_the_calendar(nautilus: Nautilus, file: Path) -> None:
    weekly = rule(ruleName="weekly", schedule="cron(0 1 ? * SUN *)", lifecycle={"deleteAfter": 84})
    path = write(file, [rule(), weekly])
    ran = nautilus("backup", "calendar", "--from", path, "--json")
    assert ran.code == 0
    found = ran.document
    assert found["maintenance"] == ["sun:03:30-sun:04:00"]
    assert {line["rule"]: (line["starts"][0], len(line["starts"]), line["keepDays"], line["resources"]) for line in found["rules"]} == {
        "daily": ("Sun 02:00", 7, 30, 2),
        "weekly": ("Sun 01:00", 1, 84, 2),
    }
    text = nautilus("backup", "calendar", "--from", path).out
    assert "Sun 01:00" in text
    assert "7 in all" in text


@pytest.mark.parametrize(
    ("change", "locked", "says"),
    [
        ({"schedule": "cron(0 3 * * ? *)"}, True, "daily starts Sun 03:00, between Sun 02:30 and Sun 04:00: RDS refuses it"),
        ({"schedule": "rate(1 day)"}, True, "is not a cron expression"),
        ({"lifecycle": {"deleteAfter": 3}}, True, "keeps 3 days, which the vault's lock of 7 to 366 days refuses"),
        ({"lifecycle": {"deleteAfter": 366, "coldStorageAfter": 300}}, True, "until day 390 at least"),
        ({"lifecycle": {}}, True, "keeps its backups for ever"),
        ({}, False, "which has no lock"),
    ],
)
def test_what_aws_would_refuse_ends_with_1(nautilus: Nautilus, file: Path, change: dict[str, Any], locked: bool, says: str) -> None:
    ran = nautilus("backup", "calendar", "--from", write(file, [rule(**change)], locked=locked), "--json")
    assert ran.code == 1
    [problem] = ran.document["problems"]
    assert says in problem


def test_a_stack_without_a_plan_cannot_be_told(nautilus: Nautilus, file: Path) -> None:
    file.write_text(
        json.dumps(
            {"steps": [{"op": "create", "urn": f"{P}{TABLE}::t", "newState": {"urn": f"{P}{TABLE}::t", "type": TABLE, "custom": True}}]}
        )
    )
    assert nautilus("backup", "calendar", "--from", str(file)).code == 3
    assert nautilus("backup", "coverage", "--from", str(file)).code == 1
