"""Halting and resuming from a desk, on moto."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nautilus.ops.halt import ChangedMeanwhileError, HaltUnreadableError, check_why, current, history, read_halt, set_halt
from nautilus.runtime.halt import LONGEST_WHY
from tests.ops.conftest import CachedSession

NAME = "/nautilus/prod/trading/halt"
DESK = "arn:aws:sts::123456789012:assumed-role/Desk/jane"
NOW = datetime(2030, 1, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def ssm(session: CachedSession) -> Any:
    return session.client("ssm")


def put(ssm: Any, *, halted: bool = True, why: str = "prices run away", **more: Any) -> None:
    set_halt(ssm, NAME, halted=halted, who=DESK, why=why, now=NOW, **more)


def test_a_halt_needs_no_flag_before_it_and_says_who_why_and_when(ssm: Any) -> None:
    put(ssm)
    found = read_halt(ssm, NAME)
    assert (found.halted, found.who, found.why, found.at) == (True, DESK, "prices run away", NOW)
    [parameter] = ssm.describe_parameters()["Parameters"]
    assert parameter["Description"] == f"Trading halted by {DESK}: prices run away", "the event of a change carries the description"
    assert parameter["Type"] == "String"


def test_a_reason_with_quotes_breaks_no_notification(ssm: Any) -> None:
    put(ssm, why='said "stop" \\o/')
    assert read_halt(ssm, NAME).why == 'said "stop" \\o/', "the flag keeps it as it was said"
    [parameter] = ssm.describe_parameters()["Parameters"]
    assert parameter["Description"].endswith("said 'stop' /o/")


@pytest.mark.parametrize("letter", ["a", "\u0416", "\u5e02", "\U0001f6d1"])
def test_the_longest_reason_fits_into_a_parameter_in_any_script(ssm: Any, letter: str) -> None:
    put(ssm, why=letter * LONGEST_WHY)
    assert read_halt(ssm, NAME).why == letter * LONGEST_WHY
    assert len(current(ssm, NAME).text.encode()) < 4096, "a halt that Parameter Store refuses stops nothing"


def test_a_halt_overwrites_anything(ssm: Any) -> None:
    ssm.put_parameter(Name=NAME, Value="garbage", Type="String")
    put(ssm)
    assert read_halt(ssm, NAME).halted


def test_a_resume_rests_on_what_was_seen(ssm: Any) -> None:
    put(ssm)
    seen = current(ssm, NAME)
    put(ssm, why="and again")
    with pytest.raises(ChangedMeanwhileError):
        put(ssm, halted=False, why="all is well", seen=seen)
    assert read_halt(ssm, NAME).why == "and again", "the second halt stands"
    put(ssm, halted=False, why="all is well", seen=current(ssm, NAME))
    assert not read_halt(ssm, NAME).halted


def test_no_parameter_is_version_0_and_no_flag(ssm: Any) -> None:
    assert current(ssm, NAME).number == 0
    with pytest.raises(HaltUnreadableError):
        current(ssm, NAME).halt()
    put(ssm)
    assert current(ssm, NAME).number == 1
    with pytest.raises(ChangedMeanwhileError):
        put(ssm, halted=False, seen=type(current(ssm, NAME))(0, ""))


def test_every_change_is_remembered_newest_first(ssm: Any) -> None:
    assert history(ssm, NAME) == []
    for number in range(60):
        put(ssm, halted=number % 2 == 0, why=f"change {number}")
    ssm.put_parameter(Name=NAME, Value="garbage", Type="String", Overwrite=True)
    found = history(ssm, NAME, newest=60)
    assert [change.version for change in found] == list(range(61, 1, -1))
    assert found[0].halt is None
    assert found[0].as_document()["halted"] is None
    assert found[1].halt
    assert (found[1].halt.halted, found[1].halt.why) == (False, "change 59")
    assert found[1].author, "AWS's own record of who wrote"
    assert len(history(ssm, NAME)) == 10


@pytest.mark.parametrize("why", ["", "   ", "abc", "x" * 501, "see {{ssm:secret}}", "bell\x07bell", "zero\u200bwidth"])
def test_a_reason_that_says_nothing_or_breaks_something_is_refused(ssm: Any, why: str) -> None:
    with pytest.raises(ValueError, match="reason"):
        put(ssm, why=why)
    assert current(ssm, NAME).number == 0, "nothing was written"


def test_a_reason_is_one_line() -> None:
    assert check_why("  prices\nrun   away ") == "prices run away"
    assert check_why("é" * 500)


def test_a_time_without_its_zone_is_refused(ssm: Any) -> None:
    with pytest.raises(ValueError, match="zone"):
        set_halt(ssm, NAME, halted=True, who=DESK, why="prices run away", now=datetime(2030, 1, 1))  # noqa: DTZ001 (without a zone, on purpose)
    far = set_halt(ssm, NAME, halted=True, who=DESK, why="prices run away", now=NOW.astimezone() + timedelta(microseconds=7))
    assert far.at == NOW


class Refusing:
    """A Systems Manager that says no."""

    def get_parameter(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameter")

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameterHistory")


def test_a_refusal_of_aws_is_no_missing_flag() -> None:
    with pytest.raises(ClientError):
        current(Refusing(), NAME)
    with pytest.raises(ClientError):
        history(Refusing(), NAME)
