"""The halt flag as who trades reads it: everything unclear is halted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from nautilus.runtime.halt import Halt, HaltUnreadableError, is_halted, parameter_text, parse_halt, read_halt
from tests.ops.conftest import CachedSession
from tests.ops.conftest import session as moto_session

session = moto_session
ON = {"halted": False, "who": "desk", "why": "markets are calm", "at": "2030-01-01T09:30:00+00:00"}
NAME = "/nautilus/prod/trading/halt"


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def read() -> NoReturn:
        raise error

    return read


def test_a_clear_flag_is_taken_at_its_word() -> None:
    found = is_halted(lambda: json.dumps(ON))
    assert found == Halt(False, "desk", "markets are calm", datetime(2030, 1, 1, 9, 30, tzinfo=UTC))
    assert is_halted(lambda: json.dumps({**ON, "halted": True})).halted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "false",
        "null",
        "[]",
        "{}",
        "{",
        json.dumps({**ON, "halted": "false"}),
        json.dumps({**ON, "halted": 0}),
        json.dumps({**ON, "halted": None}),
        json.dumps({key: value for key, value in ON.items() if key != "halted"}),
        json.dumps({key: value for key, value in ON.items() if key != "why"}),
        json.dumps({**ON, "who": 7}),
        json.dumps({**ON, "at": "2030-01-01T09:30:00"}),
        json.dumps({**ON, "at": "yesterday"}),
        json.dumps({**ON, "at": 7}),
        "[" * 100_000,
    ],
)
def test_every_other_form_is_halted(text: str) -> None:
    found = is_halted(lambda: text)
    assert (found.halted, found.readable) == (True, False)
    assert "cannot be read" in found.why
    with pytest.raises(HaltUnreadableError):
        parse_halt(text)


@pytest.mark.parametrize(
    "error",
    [
        HaltUnreadableError("there is no halt flag"),
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameter"),
        EndpointConnectionError(endpoint_url="https://ssm.example.com"),
        TimeoutError("too late"),
        RuntimeError("a defect"),
    ],
)
def test_no_answer_is_halted(error: Exception) -> None:
    found = is_halted(raising(error))
    assert (found.halted, found.readable) == (True, False)


def test_ctrl_c_is_no_answer_and_goes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        is_halted(raising(KeyboardInterrupt()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.dictionaries(st.text(max_size=6), inner), max_leaves=5
)


@given(JSON | st.fixed_dictionaries({"halted": JSON, "who": JSON, "why": JSON, "at": JSON | st.just("2030-01-01T00:00:00Z")}))
def test_only_a_literal_false_lets_anybody_trade(document: Any) -> None:
    found = is_halted(lambda: json.dumps(document))
    if not found.halted:
        assert document["halted"] is False
        assert isinstance(document["who"], str)
        assert isinstance(document["why"], str)


@given(st.booleans(), st.text(max_size=20), st.text(max_size=20), st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back(halted: bool, who: str, why: str, at: datetime) -> None:
    made = Halt(halted, who, why, at)
    assert parse_halt(made.as_json()) == made


def test_the_parameter_is_read_by_its_name(session: CachedSession) -> None:
    ssm = session.client("ssm")
    with pytest.raises(HaltUnreadableError, match="there is no halt flag /nautilus/prod/trading/halt"):
        read_halt(ssm, NAME)
    assert is_halted(lambda: parameter_text(ssm, NAME)).halted
    ssm.put_parameter(Name=NAME, Value=json.dumps(ON), Type="String")
    assert not read_halt(ssm, NAME).halted
    assert not is_halted(lambda: parameter_text(ssm, NAME)).halted


def test_a_refusal_is_no_missing_flag() -> None:
    class Refusing:
        def get_parameter(self, **_: Any) -> NoReturn:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameter")

    with pytest.raises(ClientError):
        read_halt(Refusing(), NAME)
    assert is_halted(lambda: parameter_text(Refusing(), NAME)).halted
