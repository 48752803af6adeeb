"""`migrate` on the command line: exit codes, what is refused, one document, and revisions that do not stay behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.settings.loader import load_stack
from nautilus.cli import account
from nautilus.cli import migrate as cli
from nautilus.ops import jobs
from nautilus.ops.jobs import Ended
from tests.cli.conftest import ROOT, Nautilus, Ran
from tests.ops.conftest import CachedSession
from tests.ops.conftest import session as moto_session
from tests.ops.test_migrate import APPLIED, BROKEN, CHECKED, END, GOOD, NEW, NOW, OLD, World, ended, line, state

session = moto_session
WHY = ("--why", "monthly release", "--yes")


class Desk:
    """A person at the stack prod, whose tasks end as the test says."""

    def __init__(self, nautilus: Nautilus, world: World) -> None:
        self._nautilus, self.world = nautilus, world
        self.publish()

    def publish(self, **more: Any) -> None:
        job = self.world.job
        document = {
            "cluster": job.cluster,
            "taskDefinition": job.task_definition,
            "container": job.container,
            "command": list(job.command),
            "subnets": list(job.subnets),
            "group": job.group,
            "logGroup": job.log_group,
            **job.more,
            **more,
        }
        text = json.dumps({"migrations": json.dumps(document)})
        self.world.ssm.put_parameter(Name="/nautilus/prod/outputs/jobs", Value=text, Type="String", Overwrite=True)

    def __call__(self, *args: str, ends: tuple[Ended, ...] = (), as_json: bool = True) -> Ran:
        self.world.script.answers, self.world.script.begun = list(ends), []
        return self._nautilus("migrate", "--stack", "prod", *args, *(["--json"] if as_json else []))

    @property
    def status(self) -> str | None:
        return self.world.known.status if self.world.known else None

    @property
    def revisions(self) -> list[str]:
        return self.world.script.list_task_definitions(familyPrefix="nautilus-prod-migrations", status="ACTIVE")["taskDefinitionArns"]


@pytest.fixture
def desk(session: CachedSession, nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> Desk:
    world = World(session)
    number = load_stack("prod", ROOT, today=datetime.now(UTC).date()).account.id
    clients = {"ecs": world.script, "logs": world.logs, "ssm": world.ssm, "rds": world}

    class Session:
        @staticmethod
        def client(name: str, **_: Any) -> Any:
            return clients[name]

    monkeypatch.setattr(account, "aws_session", lambda _region: Session())
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity(number, "arn:aws:sts::1:assumed-role/Deploy/jane"))
    monkeypatch.setattr(cli, "now", lambda: NOW)
    monkeypatch.setattr(cli, "sleep", world.sleep)
    monkeypatch.setattr(cli, "clock", lambda: world.time)
    monkeypatch.setattr(jobs, "LOG_SECONDS", 0.0)
    return Desk(nautilus, world)


def test_from_the_dry_run_to_the_execution(desk: Desk) -> None:
    tried = desk("--dry-run", "--digest", NEW, ends=(ended(CHECKED, state("0003_x.sql"), END),))
    assert (tried.code, desk.status) == (0, "checked")
    assert tried.document["runs"][0]["pending"] == ["relational: 0003_x.sql"]
    done = desk("--execute", "--digest", NEW, *WHY, ends=(ended(APPLIED, CHECKED, state(), END), GOOD))
    assert done.code == 0
    assert [run["mode"] for run in done.document["runs"]] == ["execute", "check"]
    assert (done.document["record"]["status"], done.document["record"]["who"]) == ("executed", "assumed-role/Deploy/jane")
    assert "monthly release" in done.document["record"]["detail"]
    again = desk("--execute", "--digest", NEW, *WHY)
    assert (again.code, again.document["runs"], desk.world.script.begun) == (0, [], [])


def test_no_revision_stays_behind(desk: Desk) -> None:
    before = desk.revisions
    desk("--dry-run", "--digest", NEW, ends=(GOOD,))
    assert desk.revisions == before
    desk.world.script.failures = [{"reason": "RESOURCE:MEMORY"}]
    ran = desk("--dry-run", "--digest", NEW)
    assert (ran.code, "RESOURCE:MEMORY" in ran.document["error"]["message"]) == (3, True)
    assert desk.revisions == before


def test_a_refusal_starts_nothing_and_names_everything(desk: Desk) -> None:
    desk.world.restorable = NOW - timedelta(hours=2)
    ran = desk("--execute", *WHY)
    assert (ran.code, ran.document["error"]["code"], desk.world.script.begun) == (1, "no-dry-run", [])
    assert ran.document["error"]["hint"] == "nautilus migrate --dry-run --stack prod"
    assert any("can be restored to 2026-11-21T18:00:00+00:00" in detail for detail in ran.document["error"]["details"])


def test_a_dry_run_of_another_image_does_not_count(desk: Desk) -> None:
    desk.world.put("checked", NEW)
    ran = desk("--execute", *WHY)
    assert (ran.code, ran.document["digest"], desk.world.script.begun) == (1, OLD, [])


def test_a_data_check_that_fails_is_1_and_shown(desk: Desk) -> None:
    ran = desk("--dry-run", ends=(ended(CHECKED, BROKEN, END, code=1),), as_json=False)
    assert (ran.code, desk.status) == (1, "failed")
    assert "foreign-keys" in ran.out
    assert "NO" in ran.out
    assert "rows without their parent: x on y" in ran.err
    after = desk("--execute", *WHY)
    assert (after.code, after.document["error"]["code"]) == (1, "failed")


def test_no_answer_is_3(desk: Desk) -> None:
    ran = desk("--check", ends=(ended(line("unclear", detail="another runner works in this database"), END, code=3),))
    assert (ran.code, desk.status) == (3, None)
    assert "another runner works" in ran.document["error"]["message"]


def test_too_slow_is_3_and_names_the_task(desk: Desk) -> None:
    desk.world.put("checked", OLD)
    ran = desk("--execute", *WHY, "--timeout", "1")
    assert ran.code == 3
    assert "task/nautilus-prod-cluster/1" in ran.document["error"]["hint"]
    assert desk.status == "failed"


def test_lines_of_the_task_are_told_as_they_come(desk: Desk) -> None:
    ran = desk("--check", ends=(ended("hello from the tool", CHECKED, state(), END),))
    assert ran.code == 0
    assert "hello from the tool" in ran.err
    assert "check: " in ran.err
    assert desk.status == "executed"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "say one of"),
        (("--dry-run", "--execute"), "say one of"),
        (("--execute", "--yes"), "a reason has 4 to 500 characters"),
        (("--dry-run", "--digest", "latest"), "no digest"),
        (("--dry-run", "--service", "frontend"), "no migrations of frontend"),
        (("--execute", "--why", "monthly release"), "Nobody can answer here"),
    ],
)
def test_bad_use_is_2(desk: Desk, args: tuple[str, ...], told: str) -> None:
    desk.world.put("checked", OLD)
    ran = desk(*args)
    assert (ran.code, desk.world.script.begun) == (2, [])
    assert told in json.dumps(ran.document)


@pytest.mark.parametrize("stack", ["local", "account"])
def test_stacks_without_a_database_of_ours_are_2(nautilus: Nautilus, stack: str) -> None:
    assert nautilus("migrate", "--check", "--stack", stack).code == 2


def test_a_stack_that_says_nothing_is_1(desk: Desk) -> None:
    desk.publish(service="")
    assert desk("--check").document["error"]["code"] == "not-ready"
    desk.world.ssm.delete_parameter(Name="/nautilus/prod/outputs/jobs")
    ran = desk("--check")
    assert (ran.code, ran.document["error"]["hint"]) == (1, "nautilus up --stack prod")
