"""`secrets` on the command line: exit codes, one document, and a value that stands in no output, log, argument or exception."""

from __future__ import annotations

import getpass
import io
import logging
import os
import pty
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.plan.secrets import SecretKind, inventory
from infra.settings.loader import load_stack
from infra.settings.root import Settings
from nautilus.cli import account
from nautilus.cli import secrets as cli
from tests.cli.conftest import ROOT, Engines, Nautilus
from tests.ops.conftest import CachedSession
from tests.ops.conftest import session as moto_session

CANARY = "Kx7f9QpL2mZr4TtW8sYbcanary"
SUNDAY = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)

session = moto_session


class Stack:
    """A stack `prod` whose secrets stand on moto."""

    def __init__(self, session: CachedSession, fake: Engines) -> None:
        self.client = session.client("secretsmanager")
        self.fake = fake
        self.arns: dict[str, str] = {}
        fake.engine.values = {
            "secretArns": self.arns,
            "clusterName": "nautilus-prod",
            "serviceNames": {"backend": "nautilus-prod-backend", "engine": "nautilus-prod-engine"},
        }

    def add(self, name: str, hands: str = "person", *, value: str | None = None, **tags: str) -> str:
        """A secret with the tags that the program gives it."""
        named = {"RotatedBy": hands, "RotationDays": "30", "Owner": "market-data", "Consumers": "backend engine", **tags}
        more = {} if value is None else {"SecretString": value}
        made = self.client.create_secret(
            Name=f"nautilus/prod/{name}", Tags=[{"Key": key, "Value": text} for key, text in named.items()], **more
        )
        self.arns[name] = made["ARN"]
        return made["ARN"]

    def value(self, name: str) -> str:
        return self.client.get_secret_value(SecretId=self.arns[name])["SecretString"]


@pytest.fixture
def stack(session: CachedSession, fake: Engines, monkeypatch: pytest.MonkeyPatch) -> Stack:
    number = load_stack("prod", ROOT, today=datetime.now(UTC).date()).account.id
    monkeypatch.setattr(account, "aws_session", lambda _region: session)
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity(number, "arn:aws:sts::1:assumed-role/Filler/jane"))
    return Stack(session, fake)


Pipe = Callable[[str], None]


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


class Terminal(io.StringIO):
    """A stdin that a person sits at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A person who answers the unseen questions in turn; the questions."""

    def answer(*texts: str) -> list[str]:
        questions: list[str] = []
        left = list(texts)

        def ask(question: str = "") -> str:
            questions.append(question)
            return left.pop(0)

        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr(getpass, "getpass", ask)
        return questions

    return answer


class TestAge:
    def test_all_fine_is_0(self, stack: Stack, nautilus: Nautilus) -> None:
        stack.add("quiver-quant-api-key", value="x" * 20)
        ran = nautilus("secrets", "age", "--stack", "prod", "--json")
        assert ran.code == 0
        assert (ran.document["owed"], ran.document["secrets"][0]["state"]) == (0, "fine")

    def test_what_is_due_is_1(self, stack: Stack, nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
        stack.add("quiver-quant-api-key", value="x" * 20)
        monkeypatch.setattr(cli, "now", lambda: datetime.now(UTC) + timedelta(days=30, minutes=1))
        ran = nautilus("secrets", "age", "--stack", "prod", "--json")
        assert ran.code == 1
        assert ran.document["error"]["code"] == "due"
        assert (ran.document["secrets"][0]["ageDays"], ran.document["secrets"][0]["state"]) == (30, "due")

    def test_never_filled_and_never_rotated_are_due(self, stack: Stack, nautilus: Nautilus) -> None:
        stack.add("quiver-quant-api-key")
        stack.add("grafana-admin-password", "lambda", value="first")
        ran = nautilus("secrets", "age", "--stack", "prod")
        assert ran.code == 1
        assert "quiver-quant-api-key: never filled: nautilus secrets put quiver-quant-api-key --stack prod" in ran.err
        assert "grafana-admin-password: never rotated: its first value stands in the stack's state" in ran.err

    def test_the_account_stack_has_none(self, stack: Stack, nautilus: Nautilus) -> None:
        stack.add("quiver-quant-api-key", value="x" * 20)
        ran = nautilus("secrets", "age", "--stack", "account")
        assert ran.code == 2
        assert "the account stack has no secrets" in ran.err

    def test_what_cannot_be_seen_is_3_unless_something_is_due(self, stack: Stack, nautilus: Nautilus) -> None:
        stack.add("quiver-quant-api-key", value="x" * 20)
        stack.arns["gone"] = stack.arns["quiver-quant-api-key"].replace("quiver-quant-api-key", "gone")
        ran = nautilus("secrets", "age", "--stack", "prod", "--json")
        assert (ran.code, ran.document["unknown"]) == (3, 1)
        assert nautilus("secrets", "list", "--stack", "prod").code == 3
        stack.add("fred-api-key")
        assert nautilus("secrets", "age", "--stack", "prod").code == 1

    @pytest.mark.parametrize("command", ["list", "age"])
    def test_a_stack_must_be_named_and_be_up(self, stack: Stack, nautilus: Nautilus, command: str) -> None:
        assert nautilus("secrets", command).code == 2
        assert nautilus("secrets", command, "--stack", "local").code == 2
        stack.fake.engine.values = {}
        assert nautilus("secrets", command, "--stack", "prod").code == 3


def test_list_judges_nothing_and_shows_no_value(stack: Stack, nautilus: Nautilus) -> None:
    stack.add("quiver-quant-api-key", value=CANARY)
    stack.add("fred-api-key")
    for extra in ([], ["--json"]):
        ran = nautilus("secrets", "list", "--stack", "prod", *extra)
        assert ran.code == 0
        assert "quiver-quant-api-key" in ran.out
        assert CANARY not in ran.out + ran.err


class TestPut:
    def test_a_person_types_it_twice_unseen(self, stack: Stack, nautilus: Nautilus, typed: Callable[..., list[str]]) -> None:
        stack.add("quiver-quant-api-key")
        questions = typed(CANARY, CANARY)
        ran = nautilus("secrets", "put", "quiver-quant-api-key", "--stack", "prod")
        assert ran.code == 0
        assert stack.value("quiver-quant-api-key") == CANARY
        assert questions == ["quiver-quant-api-key: ", "quiver-quant-api-key, again: "]
        assert CANARY not in ran.out + ran.err
        assert "--cluster nautilus-prod --service nautilus-prod-engine --force-new-deployment" in ran.out
        assert "Sunday 02:00 to 04:00 UTC" in ran.out

    def test_a_standby_is_restarted_like_its_other(self, stack: Stack, nautilus: Nautilus, typed: Callable[..., list[str]]) -> None:
        names = ("engine", "ib-gateway", "ib-gateway-standby")
        stack.fake.engine.values["serviceNames"] = {name: f"nautilus-prod-{name}" for name in names}
        stack.add("ib-password", Consumers="ib-gateway")
        typed(CANARY, CANARY)
        ran = nautilus("secrets", "put", "ib-password", "--stack", "prod")
        assert ran.code == 0
        assert [name for name in names if f"--service nautilus-prod-{name} --force" in ran.out] == ["ib-gateway", "ib-gateway-standby"]

    def test_two_entries_that_differ_change_nothing(self, stack: Stack, nautilus: Nautilus, typed: Callable[..., list[str]]) -> None:
        stack.add("quiver-quant-api-key", value="old-value-9")
        typed(CANARY, CANARY + "x")
        ran = nautilus("secrets", "put", "quiver-quant-api-key", "--stack", "prod")
        assert ran.code == 1
        assert "differ" in ran.err
        assert CANARY not in ran.out + ran.err
        assert stack.value("quiver-quant-api-key") == "old-value-9"

    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_a_pipe_gives_it_without_the_line_break(self, stack: Stack, nautilus: Nautilus, pipe: Pipe, end: str) -> None:
        stack.add("quiver-quant-api-key")
        pipe(CANARY + end)
        ran = nautilus("secrets", "put", "quiver-quant-api-key", "--stdin", "--stack", "prod", "--json")
        assert ran.code == 0
        assert stack.value("quiver-quant-api-key") == CANARY
        assert CANARY not in ran.out + ran.err
        assert (ran.document["first"], len(ran.document["restart"])) == (True, 2)

    def test_the_label_names_the_caller(self, stack: Stack, nautilus: Nautilus, pipe: Pipe) -> None:
        arn = stack.add("quiver-quant-api-key")
        pipe(CANARY)
        assert nautilus("secrets", "put", "quiver-quant-api-key", "--stdin", "--stack", "prod").code == 0
        labels = [label for found in stack.client.describe_secret(SecretId=arn)["VersionIdsToStages"].values() for label in found]
        assert any(label.startswith("filled-by:jane:") for label in labels)

    @pytest.mark.parametrize("form", [[CANARY], [CANARY, "more"], ["--stdin", CANARY]])
    def test_a_value_as_an_argument_is_refused_with_the_reason(self, stack: Stack, nautilus: Nautilus, form: list[str], pipe: Pipe) -> None:
        stack.add("quiver-quant-api-key")
        pipe("")
        ran = nautilus("secrets", "put", "quiver-quant-api-key", *form, "--stack", "prod")
        assert ran.code == 2
        assert "history" in ran.err
        assert "leaked" in ran.err
        assert CANARY not in ran.out + ran.err
        assert stack.fake.opened == [], "nobody was asked anything"

    @pytest.mark.parametrize("form", [[f"--value={CANARY}"], ["--value", CANARY], [f"-v{CANARY}"]])
    def test_an_option_with_a_value_is_refused_and_not_repeated(self, stack: Stack, nautilus: Nautilus, form: list[str]) -> None:
        stack.add("quiver-quant-api-key")
        for json in ([], ["--json"]):
            ran = nautilus("secrets", "put", "quiver-quant-api-key", *form, "--stack", "prod", *json)
            assert ran.code == 2
            assert CANARY not in ran.out + ran.err

    def test_generated_ones_are_refused_before_anybody_types(
        self, stack: Stack, nautilus: Nautilus, typed: Callable[..., list[str]]
    ) -> None:
        stack.add("jwt-signing-key", "lambda", value="first")
        questions = typed()
        ran = nautilus("secrets", "put", "jwt-signing-key", "--stack", "prod")
        assert ran.code == 1
        assert "nautilus secrets rotate jwt-signing-key --stack prod" in ran.err
        assert questions == []

    def test_an_unknown_name_names_the_nearest(self, stack: Stack, nautilus: Nautilus) -> None:
        stack.add("quiver-quant-api-key")
        ran = nautilus("secrets", "put", "quiver-quant-key", "--stack", "prod")
        assert ran.code == 2
        assert "did you mean quiver-quant-api-key?" in ran.err

    def test_a_value_in_the_place_of_the_name_is_not_repeated(self, stack: Stack, nautilus: Nautilus) -> None:
        stack.add("quiver-quant-api-key")
        ran = nautilus("secrets", "put", CANARY, "--stack", "prod")
        assert ran.code == 2
        assert CANARY not in ran.out + ran.err

    def test_nobody_is_asked_where_it_would_be_seen(
        self, stack: Stack, nautilus: Nautilus, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack.add("quiver-quant-api-key")
        pipe(CANARY)
        ran = nautilus("secrets", "put", "quiver-quant-api-key", "--stack", "prod")
        assert (ran.code, "--stdin" in ran.err) == (2, True)
        monkeypatch.setattr(sys, "stdin", Terminal(CANARY))
        ran = nautilus("secrets", "put", "quiver-quant-api-key", "--stdin", "--stack", "prod")
        assert ran.code == 2

        def echoing(_question: str) -> str:
            import warnings

            warnings.warn("echo", getpass.GetPassWarning, stacklevel=2)
            return CANARY

        monkeypatch.setattr(getpass, "getpass", echoing)
        ran = nautilus("secrets", "put", "quiver-quant-api-key", "--stack", "prod")
        assert (ran.code, "shows what is typed" in ran.err) == (2, True)

    @pytest.mark.parametrize(("text", "why"), [("", "empty"), (f" {CANARY}", "white space"), (f"KEY={CANARY}", "assignment")])
    def test_a_bad_value_is_refused_without_repeating_it(
        self, stack: Stack, nautilus: Nautilus, pipe: Pipe, text: str, why: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack.add("quiver-quant-api-key")
        monkeypatch.setenv("NAUTILUS_DEBUG", "1")
        pipe(text)
        ran = nautilus("secrets", "put", "quiver-quant-api-key", "--stdin", "--stack", "prod", "--json")
        assert ran.code == 1
        assert why in ran.document["error"]["message"]
        assert CANARY not in ran.out + ran.err

    def test_an_odd_shape_needs_a_word(self, stack: Stack, nautilus: Nautilus, pipe: Pipe) -> None:
        stack.add("fred-api-key")
        pipe("UPPER-CASE-NOT-FRED")
        ran = nautilus("secrets", "put", "fred-api-key", "--stdin", "--stack", "prod")
        assert (ran.code, "--any-shape" in ran.err) == (1, True)
        pipe("UPPER-CASE-NOT-FRED")
        assert nautilus("secrets", "put", "fred-api-key", "--stdin", "--any-shape", "--stack", "prod").code == 0

    def test_a_paper_account_is_refused_where_the_stack_is_live(self, stack: Stack, nautilus: Nautilus, pipe: Pipe) -> None:
        settings = load_stack("prod", ROOT, today=datetime.now(UTC).date())
        assert isinstance(settings, Settings)
        live = settings.trading.mode.value == "live"
        stack.add("ib-username", Owner="trading", Consumers="ib-gateway")
        pipe("DU1234567" if live else "U1234567")
        ran = nautilus("secrets", "put", "ib-username", "--stdin", "--any-shape", "--stack", "prod")
        assert ran.code == 1
        assert ("paper-trading account" if live else "live account") in ran.err

    def test_a_trading_key_of_another_environment_is_refused_and_a_vendors_is_not(
        self, stack: Stack, nautilus: Nautilus, pipe: Pipe
    ) -> None:
        for name in ("ib-password", "quiver-quant-api-key"):
            stack.client.create_secret(Name=f"nautilus/paper/{name}", SecretString=CANARY)
        stack.add("ib-password", Owner="trading")
        stack.add("quiver-quant-api-key")
        pipe(CANARY)
        ran = nautilus("secrets", "put", "ib-password", "--stdin", "--stack", "prod")
        assert (ran.code, "nautilus/paper/ib-password" in ran.err) == (1, True)
        pipe(CANARY)
        assert nautilus("secrets", "put", "quiver-quant-api-key", "--stdin", "--stack", "prod").code == 0

    def test_a_json_secret_is_asked_for_key_by_key(self, stack: Stack, nautilus: Nautilus, typed: Callable[..., list[str]]) -> None:
        stack.add("venue-login", JsonKeys="username password")
        typed("trader1", "trader1", CANARY, CANARY)
        ran = nautilus("secrets", "put", "venue-login", "--stack", "prod")
        assert ran.code == 0
        assert stack.value("venue-login") == f'{{"username": "trader1", "password": "{CANARY}"}}'

    def test_nothing_is_logged(self, stack: Stack, nautilus: Nautilus, pipe: Pipe, caplog: pytest.LogCaptureFixture) -> None:
        stack.add("quiver-quant-api-key")
        pipe(CANARY)
        assert nautilus("secrets", "put", "quiver-quant-api-key", "--stdin", "--stack", "prod").code == 0
        assert CANARY not in caplog.text
        assert all(record.levelno > logging.DEBUG for record in caplog.records)


class TestRotate:
    def test_outside_of_the_window_a_reason_is_needed(self, stack: Stack, nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
        stack.add("grafana-admin-password", "lambda", value="first")
        asked: list[str] = []
        monkeypatch.setattr(cli, "now", lambda: MONDAY)
        monkeypatch.setattr("nautilus.ops.secrets.start_rotation", lambda *_: asked.append("begun") or "v1")
        ran = nautilus("secrets", "rotate", "grafana-admin-password", "--stack", "prod", "--yes", "--wait", "0")
        assert (ran.code, asked) == (1, [])
        assert "Sunday 02:00 to 04:00 UTC" in ran.err
        ran = nautilus("secrets", "rotate", "grafana-admin-password", "--stack", "prod", "--yes", "--wait", "0", "--because", "leaked")
        assert (ran.code, asked) == (0, ["begun"])

    def test_in_the_window_it_is_asked_about_and_begun(self, stack: Stack, nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
        stack.add("grafana-admin-password", "lambda", value="first")
        monkeypatch.setattr(cli, "now", lambda: SUNDAY)
        assert nautilus("secrets", "rotate", "grafana-admin-password", "--stack", "prod").code == 2, "nobody can answer here"
        ran = nautilus("secrets", "rotate", "grafana-admin-password", "--stack", "prod", "--yes")
        assert (ran.code, "no rotation configured" in ran.err) == (1, True)

    @pytest.mark.parametrize(("hands", "why"), [("person", "nautilus secrets put"), ("node", "TimescaleDB")])
    def test_others_rotate_otherwise(self, stack: Stack, nautilus: Nautilus, hands: str, why: str) -> None:
        stack.add("some-secret", hands, value="first")
        ran = nautilus("secrets", "rotate", "some-secret", "--stack", "prod")
        assert (ran.code, why in ran.err) == (1, True)


def test_the_commands_know_every_filled_secret_of_the_inventory() -> None:
    """A shape under a name that the inventory does not have would never be used."""
    from nautilus.ops.secret_shapes import SHAPES

    settings = load_stack("prod", ROOT, today=datetime.now(UTC).date())
    assert isinstance(settings, Settings)
    assert set(SHAPES) <= {spec.name for spec in inventory(settings.trading) if spec.kind is SecretKind.FILLED}


CHILD = """
import sys
from unittest import mock
from moto import mock_aws
from nautilus.cli import account, engines
from nautilus.cli.app import main
from tests.cli.fakes import FakeEngine
import boto3
with mock_aws():
    session = boto3.Session(region_name="us-east-1")
    client = session.client("secretsmanager")
    tags = {"RotatedBy": "person", "RotationDays": "30", "Owner": "market-data", "Consumers": "backend"}
    arn = client.create_secret(Name="q", Tags=[{"Key": k, "Value": v} for k, v in tags.items()])["ARN"]
    engine = FakeEngine(values={"secretArns": {"quiver-quant-api-key": arn}})
    engine.simulated = False
    with mock.patch.object(account, "aws_session", lambda region: session), \\
         mock.patch.object(account, "check_account", lambda *_: account.Identity("1", "arn:aws:iam::1:user/jane")), \\
         mock.patch.object(engines, "open_engine", lambda *_, **__: engine):
        code = main(["secrets", "put", "quiver-quant-api-key", "--stack", "prod"])
    held = client.get_secret_value(SecretId=arn)["SecretString"]
    seen = open("/proc/self/cmdline").read() + open("/proc/self/environ").read()
    print("ENDED", code, len(held), sum(map(ord, held)), held in seen, flush=True)
"""
"""Says how long the value is and what its characters add up to: enough to know it, and it is not repeated."""


QUESTIONS = ("quiver-quant-api-key: ", "quiver-quant-api-key, again: ")


def test_on_a_real_terminal_nothing_is_shown_and_nothing_stands_in_the_process_list(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "HOME": str(tmp_path)}
        os.execv(sys.executable, [sys.executable, "-c", CHILD])
    shown = ""
    listed = ""
    answered = 0
    until = time.monotonic() + 90
    try:
        while time.monotonic() < until:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                break
            if answered < len(QUESTIONS) and QUESTIONS[answered] in shown:
                answered += 1
                time.sleep(0.2)  # getpass flushes what was typed before it turned the echo off
                os.write(terminal, f"{CANARY}\n".encode())
                listed += Path(f"/proc/{pid}/cmdline").read_text()
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    assert status == 0, shown
    assert answered == len(QUESTIONS), shown
    assert f"ENDED 0 {len(CANARY)} {sum(map(ord, CANARY))} False" in shown, shown
    assert CANARY not in shown
    assert CANARY not in listed
