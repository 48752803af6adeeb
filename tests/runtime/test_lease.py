"""The lease's core step by step, its DynamoDB wording against moto, and that somebody gets it after the trouble is over."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from nautilus.ops.dr.gates import LONGEST_LEASE_SECONDS
from nautilus.runtime.deadline import KernelGuard, SystemClock
from nautilus.runtime.lease import LONGEST_SECONDS, Answer, Deadline, Instant, Kind, Phase, Request, Row, StoreError, Terms, Upstream
from nautilus.runtime.lease_store import DynamoStore, parse, served, update
from tests.runtime.world import LEASE, TERMS, Machine, Process, World, evaluate

START = Instant(1_800_000_000, 500)


def settled(count: int = 2) -> tuple[World, list[Process]]:
    """A world in which the first process holds the lease."""
    world = World()
    world.start(count, (1.0, 1.0, 1.0))
    for process in world.processes:
        world.look_upstream(process)
    world.exchange(world.processes[0])
    world.exchange(world.processes[0])
    assert world.processes[0].open()
    return world, world.processes


# --- terms ------------------------------------------------------------------------------------------------------------------------


@given(st.floats(3, 300), st.floats(0.05, 37.5))
def test_a_clock_error_lies_between_two_paths_however_the_clocks_are_wrong(seconds: float, error: float) -> None:
    if error > seconds / 8:
        with pytest.raises(ValueError, match="an eighth"):
            Terms(seconds=seconds, renew=seconds / 3, clock_error=error)
        return
    terms = Terms(seconds=seconds, renew=seconds / 3, clock_error=error)
    # The request is sent at 0 by a clock that is early by the bound; the contender's is late by it.
    ends, next_begins = terms.hard, seconds - error + terms.margin - error
    assert next_begins - ends >= error - 1e-9
    assert 0 < terms.renew < terms.soft < terms.hard < seconds


def test_no_lease_outlives_what_the_move_to_the_second_region_waits_for() -> None:
    assert LONGEST_SECONDS == LONGEST_LEASE_SECONDS
    with pytest.raises(ValueError, match="3 to 300 s"):
        Terms(seconds=301, renew=10)
    with pytest.raises(ValueError, match="one lost renewal"):
        Terms(seconds=30, renew=11)


# --- step by step -------------------------------------------------------------------------------------------------------------------


def test_the_first_reads_takes_and_renews_and_the_token_stays() -> None:
    world, (first, second) = settled()
    assert world.rows[LEASE] == Row(holder="task-0", expires=1_800_000_030, token=1, session="s1", address="10.0.0.9")
    world.advance(10)
    assert first.keeper.pause() == 0
    world.exchange(first)
    assert world.rows[LEASE].expires == 1_800_000_040
    assert world.rows[LEASE].token == 1
    world.exchange(second)
    world.exchange(second)
    assert not second.open()
    assert second.keeper.why == "task-0 holds token 1 until 1800000040"
    assert second.keeper.pause() == TERMS.poll


def test_time_counts_from_before_the_request_and_errors_extend_nothing() -> None:
    world, (first, _) = settled()
    world.advance(10)
    world.send(first)
    world.work(first)
    world.advance(17.9)
    world.deliver(first)
    assert first.keeper.left() == pytest.approx(10 + TERMS.soft - 27.9)
    world.send(first)
    world.give_up(first)
    assert first.keeper.left() == pytest.approx(10 + TERMS.soft - 27.9)
    world.advance(10.2)
    assert not first.open()
    assert first.keeper.request() is None
    assert first.keeper.phase is Phase.LOST


@pytest.mark.parametrize("clock", ["wall", "boot"])
def test_either_clock_ends_it(clock: str) -> None:
    deadline = Deadline.after(START, 28)
    later = Instant(START.wall + (28 if clock == "wall" else 0), START.boot + (28 if clock == "boot" else 0))
    assert deadline.passed(later)
    assert not deadline.passed(Instant(START.wall + 27.9, START.boot + 27.9))


def test_a_contender_waits_for_the_end_and_the_margin() -> None:
    world, (first, second) = settled()
    world.kill(first)
    world.advance(32)
    for _ in range(3):
        world.exchange(second)
    assert not second.open()
    world.advance(0.1)
    world.exchange(second)
    world.exchange(second)
    assert second.open()
    assert world.rows[LEASE].token == 2


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_to_a_take_is_read_again_and_renewed_before_anything_opens(applied: bool) -> None:
    world = World()
    world.start(2)
    first = world.processes[0]
    world.look_upstream(first)
    world.exchange(first)
    world.send(first)
    if applied:
        world.work(first)
    world.give_up(first)
    world.exchange(first)
    assert not first.open(), "an earlier attempt opens nothing by itself"
    request = first.keeper.request()
    assert request is not None
    assert request.kind is (Kind.RENEW if applied else Kind.TAKE)
    world.exchange(first)
    assert first.open()
    assert world.rows[LEASE].token == 1


def test_a_refused_renewal_loses_at_once_and_for_good() -> None:
    world, (first, _) = settled()
    world.rows[LEASE] = Row(holder="x", expires=1_800_000_099, token=2, session="other")
    world.exchange(first)
    assert not first.open()
    assert first.keeper.phase is Phase.LOST
    assert "x holds token 2" in first.keeper.why
    assert first.keeper.request() is None


def test_a_wall_clock_that_goes_back_a_little_loses_nothing() -> None:
    world, (first, _) = settled()
    first.machine.error = -1
    world.advance(0.5)
    world.exchange(first)
    assert first.open()
    assert world.rows[LEASE].expires == 1_800_000_030


def test_a_release_closes_first_and_leaves_nothing_to_a_renewal_under_way() -> None:
    world, (first, second) = settled()
    renewal = first.keeper.request()
    assert renewal is not None
    world.advance(3)
    world.leave(first)
    assert not first.open()
    world.work(first)
    assert world.rows[LEASE] == Row(holder="task-0", expires=1_800_000_003, token=1)
    assert not world.apply(replace(renewal, expires=1_800_000_099)).applied
    world.advance(2.1)
    world.exchange(second)
    world.exchange(second)
    assert second.open()
    assert first.keeper.release() is None


def test_a_clock_that_contradicts_the_tables_takes_nothing_and_extends_nothing() -> None:
    world, (first, second) = settled()
    world.advance(20)
    request = first.keeper.request()
    assert request is not None
    _, answer = evaluate(world.rows[LEASE], request)
    first.keeper.answer(request, replace(answer, served=1_800_000_020 + 5.0))
    assert first.keeper.clock_wrong
    assert first.keeper.left() == pytest.approx(TERMS.soft - 20)
    request = second.keeper.request()
    assert request is not None
    second.keeper.answer(request, Answer(applied=True, row=None, served=1_800_000_020 - 5.0))
    assert second.keeper.clock_wrong
    assert second.keeper.request() == replace(request, start=second.machine.now())
    second.keeper.answer(request, Answer(applied=True, row=None, served=1_800_000_019.0))
    assert not second.keeper.clock_wrong


def test_the_other_side_is_believed_until_its_end_and_no_answer_makes_that_longer() -> None:
    world = World()
    machine = Machine(world, 1.0)
    upstream = Upstream("ib-gateway", terms=TERMS, clock=machine)
    row = Row(holder="gw", expires=1_800_000_020, token=7, address="10.0.0.1")
    upstream.answer(upstream.request(), Answer(applied=True, row=row), lambda _: True)
    world.advance(18.9)
    upstream.failed("timed out")
    view = upstream.current()
    assert view is not None
    assert (view.address, view.token) == ("10.0.0.1", 7)
    world.advance(0.2)
    assert upstream.current() is None
    for nobody in (None, replace(row, expires=1_800_000_099, address="")):
        upstream.answer(upstream.request(), Answer(applied=True, row=nobody), lambda address: address != "")
        assert upstream.current() is None


@pytest.mark.parametrize("seed", range(60))
def test_after_the_trouble_somebody_gets_it_within_a_bound(seed: int) -> None:
    chance = random.Random(seed)
    world = World()
    world.start(3)
    acts = ("send", "work", "deliver", "give_up", "exchange", "pause", "resume", "cut_off", "heal", "restart", "leave")
    for _ in range(60):
        getattr(world, chance.choice(acts))(chance.choice(world.processes))
        world.advance(chance.choice((0.1, 1, 3, 9, 20)))
        world.late(chance.randrange(8))
    for process in list(world.processes):
        world.heal(process)
        world.resume(process)
        world.give_up(process)
        world.replace_lost(process)
    world.limbo.clear()
    healed = world.t
    while not any(process.open() for process in world.processes):
        world.advance(0.5)
        for process in list(world.processes):
            world.replace_lost(process)
        for process in world.processes:
            world.look_upstream(process)
            if process.keeper.pause() == 0:
                world.exchange(process)
        # The rest of the lease, rounding, the margin, both clocks, one look.
        assert world.t - healed < TERMS.seconds + 1 + TERMS.margin + 2 * TERMS.clock_error + TERMS.poll + 1


# --- DynamoDB -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> Generator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
        client.create_table(
            TableName="leases",
            KeySchema=[{"AttributeName": "lease", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "lease", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def item(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {
        "lease": {"S": "engine"},
        "holder": {"S": row.holder},
        "expires": {"N": str(row.expires)},
        "token": {"N": str(row.token)},
    }
    if row.session:
        found["session"] = {"S": row.session}
    if row.address:
        found["address"] = {"S": row.address}
    return found


SMALL = st.integers(1, 3)
ROWS = st.none() | st.builds(
    Row, holder=st.just("h"), expires=SMALL, token=SMALL, session=st.sampled_from(("", "a", "b")), address=st.sampled_from(("", "10.0.0.1"))
)
REQUESTS = st.builds(
    Request,
    kind=st.sampled_from(Kind),
    lease=st.just("engine"),
    start=st.just(START),
    holder=st.just("me"),
    session=st.sampled_from(("a", "b")),
    address=st.sampled_from(("", "10.0.0.2")),
    token=SMALL,
    expires=SMALL,
    seen=st.none() | SMALL,
    limit=SMALL,
)


@given(ROWS, REQUESTS)
def test_dynamodb_does_what_the_protocol_says(table: Any, row: Row | None, request: Request) -> None:
    table.delete_item(TableName="leases", Key={"lease": {"S": "engine"}})
    if row is not None:
        table.put_item(TableName="leases", Item=item(row))
    after, expected = evaluate(row, request)
    answer = DynamoStore(table, "leases").send(request)
    assert replace(answer, served=None) == expected
    assert parse(table.get_item(TableName="leases", Key={"lease": {"S": "engine"}}).get("Item", {})) == after


def test_a_row_that_nobody_can_read_counts_as_held(table: Any) -> None:
    table.put_item(TableName="leases", Item={"lease": {"S": "engine"}, "holder": {"S": "x"}, "expires": {"S": "soon"}, "token": {"N": "1"}})
    with pytest.raises(StoreError, match="counts as held"):
        DynamoStore(table, "leases").send(Request(kind=Kind.READ, lease="engine", start=START))
    world = World()
    world.start(2)
    keeper = world.processes[0].keeper
    request = keeper.request()
    assert request is not None
    keeper.failed(request, "unreadable")
    again = keeper.request()
    assert again is not None
    assert again.kind is Kind.READ


def test_silence_and_refusals_of_the_service_are_no_answers(table: Any) -> None:
    class Silent:
        def get_item(self, **_: Any) -> Any:
            raise ConnectTimeoutError(endpoint_url="https://dynamodb")

    with pytest.raises(StoreError, match="dynamodb"):
        DynamoStore(Silent(), "leases").send(Request(kind=Kind.READ, lease="engine", start=START))
    with pytest.raises(StoreError, match="ResourceNotFoundException"):
        DynamoStore(table, "no-such-table").send(Request(kind=Kind.READ, lease="engine", start=START))
    with pytest.raises(ValueError, match="no update"):
        update("leases", Request(kind=Kind.READ, lease="engine", start=START))


def test_the_tables_clock_is_the_header_of_its_answers() -> None:
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": "Sat, 21 Nov 2026 19:55:31 GMT"}}}
    assert served(answer) == 1_795_290_931
    assert served({}) is None
    assert served({"ResponseMetadata": {"HTTPHeaders": {"date": "yesterday"}}}) is None


# --- the kernel -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", ["wall", "boot"])
def test_the_kernel_ends_a_stopped_process_on_either_clock(clock: str) -> None:
    child = os.fork()
    if child == 0:
        now = SystemClock().now()
        soon, never = 0.3, 3600.0
        KernelGuard().arm(Deadline(now.wall + (soon if clock == "wall" else never), now.boot + (soon if clock == "boot" else never)))
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    began = time.monotonic()
    _, ended = os.waitpid(child, 0)
    assert os.WIFSIGNALED(ended)
    assert os.WTERMSIG(ended) == signal.SIGKILL
    assert 0.2 < time.monotonic() - began < 3


def test_a_disarmed_guard_ends_nothing_and_a_later_deadline_replaces_an_earlier_one() -> None:
    child = os.fork()
    if child == 0:
        guard, now = KernelGuard(), SystemClock().now()
        guard.arm(Deadline.after(now, 0.2))
        guard.arm(Deadline.after(now, 0.6))
        time.sleep(0.4)
        guard.disarm()
        time.sleep(0.4)
        os._exit(7)
    _, ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended) == 7
