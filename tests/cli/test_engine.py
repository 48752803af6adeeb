"""`engine halt|resume|status` on the command line: exit codes, who must confirm what, and what is kept."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.settings.loader import load_stack
from nautilus.cli import account
from nautilus.cli import engine as cli
from nautilus.ops import halt as library
from tests.cli.conftest import ROOT, Nautilus
from tests.ops.conftest import CachedSession
from tests.ops.conftest import session as moto_session

session = moto_session
DESK = "arn:aws:sts::1:assumed-role/Desk/jane"
NOW = datetime(2030, 1, 1, 9, 30, tzinfo=UTC)
WHY = ("--why", "prices run away")


class Desk:
    """A person at a stack whose account stands on moto."""

    def __init__(self, nautilus: Nautilus, session: CachedSession, stack: str) -> None:
        self._nautilus, self.stack = nautilus, stack
        self.region = load_stack(stack, ROOT, today=datetime.now(UTC).date()).account.region
        self.session = session
        self.ssm = session.client("ssm", region_name=self.region)
        self.name = f"/nautilus/{stack}/trading/halt"

    def __call__(self, *args: str) -> Any:
        return self._nautilus("engine", *args, "--stack", self.stack, "--json")

    def text(self, *args: str) -> Any:
        return self._nautilus("engine", *args, "--stack", self.stack)

    @property
    def flag(self) -> dict[str, Any]:
        return json.loads(self.ssm.get_parameter(Name=self.name)["Parameter"]["Value"])

    @property
    def versions(self) -> int:
        return library.current(self.ssm, self.name).number


def desk(stack: str, nautilus: Nautilus, session: CachedSession, monkeypatch: pytest.MonkeyPatch) -> Desk:
    number = load_stack(stack, ROOT, today=datetime.now(UTC).date()).account.id

    class Regional:
        def __init__(self, region: str) -> None:
            self.region = region

        def client(self, name: str) -> Any:
            return session.client(name, region_name=self.region)

    monkeypatch.setattr(account, "aws_session", Regional)
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity(number, DESK))
    monkeypatch.setattr(cli, "now", lambda: NOW)
    return Desk(nautilus, session, stack)


@pytest.fixture
def prod(nautilus: Nautilus, session: CachedSession, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk("prod", nautilus, session, monkeypatch)


@pytest.fixture
def paper(nautilus: Nautilus, session: CachedSession, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk("paper", nautilus, session, monkeypatch)


def test_a_halt_asks_nothing_and_keeps_who_why_and_when(prod: Desk) -> None:
    ran = prod("halt", *WHY)
    assert ran.code == 0
    assert prod.flag == {"halted": True, "who": DESK, "why": "prices run away", "at": NOW.isoformat()}
    assert (ran.document["halted"], ran.document["parameter"], ran.document["who"]) == (True, prod.name, DESK)
    assert "halted by" in prod.text("halt", "--why", "and again").out


def test_a_halt_stands_over_a_flag_that_nobody_can_read(prod: Desk) -> None:
    prod.ssm.put_parameter(Name=prod.name, Value="garbage", Type="String")
    assert prod("halt", *WHY).code == 0
    assert prod.flag["halted"] is True


@pytest.mark.parametrize("args", [("halt",), ("halt", "--why", "  "), ("resume",), ("resume", "--why", "x")])
def test_without_a_reason_nothing_is_done(prod: Desk, args: tuple[str, ...]) -> None:
    assert prod(*args).code == 2
    assert prod.versions == 0


@pytest.mark.parametrize("command", ["halt", "resume"])
def test_a_short_reason_is_said_before_aws_is_asked(prod: Desk, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def nobody(_session: Any) -> Any:
        raise AssertionError("asked")

    monkeypatch.setattr(account, "identity", nobody)
    ran = prod(command, "--why", "x")
    assert (ran.code, ran.document["error"]["where"]) == (2, "--why")


def test_real_money_goes_on_only_after_a_person_has_said_so(prod: Desk) -> None:
    prod("halt", *WHY)
    ran = prod("resume", "--why", "calm again")
    assert (ran.code, ran.document["error"]["code"]) == (2, "usage")
    assert "real money" in ran.document["error"]["message"]
    assert "prices run away" in ran.document["error"]["message"], "whoever resumes reads why it was halted"
    assert prod.flag["halted"] is True
    ran = prod("resume", "--why", "calm again", "--yes")
    assert (ran.code, ran.document["changed"]) == (0, True)
    assert prod.flag == {"halted": False, "who": DESK, "why": "calm again", "at": NOW.isoformat()}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "code"), [("prod\n", 0), ("yes\n", 1), ("y\n", 1), ("\n", 1)])
def test_at_a_terminal_the_stacks_name_is_typed(prod: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    prod("halt", *WHY)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr("nautilus.cli.output.Output.interactive", True)
    assert prod.text("resume", "--why", "calm again").code == code
    assert prod.flag["halted"] is (code != 0)


def test_paper_goes_on_without_a_question(paper: Desk) -> None:
    paper("halt", *WHY)
    assert paper("resume", "--why", "calm again").code == 0
    assert paper.flag["halted"] is False


@pytest.mark.parametrize("garbage", [None, "garbage"])
def test_a_flag_that_nobody_can_read_needs_a_person_even_on_paper(paper: Desk, garbage: str | None) -> None:
    if garbage:
        paper.ssm.put_parameter(Name=paper.name, Value=garbage, Type="String")
    ran = paper("resume", "--why", "first start")
    assert (ran.code, paper.versions) == (2, 1 if garbage else 0)
    assert "not known" in ran.document["error"]["message"]
    assert paper("resume", "--why", "first start", "--yes").code == 0
    assert paper.flag["halted"] is False


def test_what_is_on_stays_untouched(paper: Desk) -> None:
    paper("resume", "--why", "first start", "--yes")
    ran = paper("resume", "--why", "once more")
    assert (ran.code, ran.document["changed"], paper.versions) == (0, False, 1)
    assert ran.document["why"] == "first start"


def test_a_halt_while_a_person_types_is_not_lifted(prod: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    prod("halt", *WHY)

    def typing() -> str:
        library.set_halt(prod.ssm, prod.name, halted=True, who="risk", why="limit broken", now=NOW)
        return "prod"

    monkeypatch.setattr("builtins.input", typing)
    monkeypatch.setattr("nautilus.cli.output.Output.interactive", True)
    ran = prod("resume", "--why", "calm again")
    assert (ran.code, ran.document["error"]["code"]) == (1, "changed")
    assert prod.flag["why"] == "limit broken"


def table(prod: Desk, *, expires: int) -> None:
    dynamodb = prod.session.client("dynamodb", region_name=prod.region)
    dynamodb.create_table(
        TableName="nautilus-prod-leases",
        KeySchema=[{"AttributeName": "lease", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lease", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    row = {"lease": {"S": "engine"}, "holder": {"S": "task-1"}, "expires": {"N": str(expires)}, "token": {"N": "7"}}
    dynamodb.put_item(TableName="nautilus-prod-leases", Item={**row, "address": {"S": "10.0.0.7"}})


@pytest.mark.parametrize("left", [30, -1])
def test_status_shows_the_flag_its_changes_and_who_holds_the_leases(prod: Desk, left: int) -> None:
    table(prod, expires=int(NOW.timestamp()) + left)
    prod("resume", "--why", "first start", "--yes")
    ran = prod("status")
    assert (ran.code, ran.document["halted"]) == (0, False)
    engine, gateway = ran.document["leases"]
    assert (engine["holder"], engine["token"], engine["address"], engine["held"]) == ("task-1", 7, "10.0.0.7", left > 0)
    assert (gateway["holder"], gateway["held"]) == (None, False)
    prod("halt", *WHY)
    ran = prod("status")
    assert (ran.code, ran.document["halted"], ran.document["why"]) == (1, True, "prices run away")
    assert [(one["version"], one["halted"]) for one in ran.document["history"]] == [(2, True), (1, False)]
    shown = prod.text("status").out
    assert "trading on prod: HALTED by" in shown
    assert ("task-1, until" in shown) is (left > 0)


@pytest.mark.parametrize("garbage", [None, "garbage"])
def test_no_flag_is_halted(prod: Desk, garbage: str | None) -> None:
    if garbage:
        prod.ssm.put_parameter(Name=prod.name, Value=garbage, Type="String")
    ran = prod("status")
    assert (ran.code, ran.document["halted"], ran.document["readable"], ran.document["at"]) == (1, True, False, None)


@pytest.mark.parametrize(("stack", "text"), [("local", "nothing trades"), ("account", "trades nothing")])
def test_stacks_where_nothing_trades_are_refused(nautilus: Nautilus, stack: str, text: str) -> None:
    ran = nautilus("engine", "status", "--stack", stack, "--json")
    assert ran.code == 2
    assert text in ran.document["error"]["message"]


def test_credentials_of_another_account_halt_nothing(prod: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "identity", lambda _session: account.Identity("999999999999", DESK))
    assert (prod("halt", *WHY).code, prod.versions) == (1, 0)


def test_no_answer_of_aws_is_exit_code_3(prod: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import EndpointConnectionError

    def silent(*_: Any, **__: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://ssm.example.com")

    monkeypatch.setattr(library, "current", silent)
    monkeypatch.setattr(library, "set_halt", silent)
    for args in (("status",), ("resume", "--why", "calm again", "--yes"), ("halt", *WHY)):
        ran = prod(*args)
        assert (ran.code, ran.document["error"]["code"]) == (3, "network")
