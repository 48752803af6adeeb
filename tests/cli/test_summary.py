"""Counts by component."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nautilus.cli.output import Output
from nautilus.cli.progress import LINE_SECONDS, SILENT_SECONDS, Progress
from nautilus.cli.stateful import endangered
from nautilus.cli.summary import COLUMNS, OUTSIDE, by_component, result_document, table
from nautilus.engine.events import PolicyLoading, StepDone, StepFailed, StepStarted
from nautilus.engine.run import Verb
from tests.cli.fakes import ALL, DATABASE, NETWORK, PREFIX, STACK, VPC, result, step


def counts(rows: list[Any]) -> dict[str, dict[str, int]]:
    return {row.name: {name: count for name, count in row.counts.items() if count} for row in rows}


def test_a_replacement_counts_once_and_components_do_not_count() -> None:
    steps = [
        step("same", NETWORK),
        *(step(op, VPC) for op in ("create-replacement", "replace", "delete-replaced")),
        step("update", DATABASE),
    ]
    parents = [step("same", urn) for urn in ALL if urn not in (VPC, DATABASE, NETWORK)]
    assert counts(by_component([*steps, *parents])) == {"network": {"replaced": 1}, "postgres": {"updated": 1}}


def test_what_failed_counts_as_failed_once() -> None:
    steps = [step("create", urn) for urn in ALL]
    assert counts(by_component(steps, [step("create", DATABASE)])) == {"network": {"created": 1}, "postgres": {"failed": 1}}


def test_resources_outside_components_come_last() -> None:
    rows = by_component([step("create", f"{PREFIX}aws:sqs/queue:Queue::jobs"), *(step("create", urn) for urn in ALL)])
    assert [row.name for row in rows] == ["network", "postgres", OUTSIDE]


def test_deleted_resources_keep_their_component() -> None:
    assert counts(by_component([step("delete", urn) for urn in ALL])) == {"network": {"deleted": 1}, "postgres": {"deleted": 1}}


def rendered(planned: bool) -> str:
    stream = io.StringIO()
    Console(file=stream, width=160).print(table(by_component([step("create", urn) for urn in ALL]), planned=planned))
    return stream.getvalue()


def test_a_plan_speaks_of_what_it_would_do() -> None:
    assert "create" in rendered(True).split()
    assert "created" in rendered(False).split()


@given(
    st.lists(st.tuples(st.sampled_from(["create", "update", "delete", "same", "replace"]), st.sampled_from([VPC, DATABASE])), max_size=6)
)
def test_no_step_is_counted_twice_or_lost(done: list[tuple[str, str]]) -> None:
    unique = list(dict.fromkeys(done))
    rows = by_component([step("same", urn) for urn in ALL if urn not in (VPC, DATABASE)] + [step(op, urn) for op, urn in unique])
    assert sum(row.total for row in rows) == len(unique)
    assert all(set(row.counts) == set(COLUMNS) for row in rows)


def test_the_document_holds_no_property_values() -> None:
    document = result_document(result(Verb.UP))
    assert document["outcome"] == "succeeded"
    assert {key for item in document["steps"] for key in item} == {"op", "type", "name", "urn", "properties"}


def test_the_guard_sees_protected_resources_of_any_type_and_leaves_others() -> None:
    protected = step("delete", VPC, protect=True)
    assert [item.text() for item in endangered([protected])] == ["aws:ec2/vpc:Vpc network-vpc: would be deleted"]
    assert endangered([step("delete", VPC), step("update", DATABASE), step("create", DATABASE)]) == ()
    both = endangered(
        [step("create-replacement", DATABASE), step("replace", DATABASE, replaces=["engine"]), step("delete-replaced", DATABASE)]
    )
    assert [item.text() for item in both] == ["aws:rds/instance:Instance postgres-primary: would be replaced because of engine"]


# -- progress -----------------------------------------------------------------------------------------------------------


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_line_tells_counts_time_and_what_runs() -> None:
    clock = Clock()
    progress = Progress(Output(False, stderr=io.StringIO()), "up of local", clock)
    assert progress.line() == "up of local: 0 s, starting the engine"
    progress(PolicyLoading())
    assert progress.line().endswith("loading policies")
    progress(StepStarted(step("create", STACK), False))
    progress(StepStarted(step("create", NETWORK), False))
    progress(StepStarted(step("create", VPC), False))
    progress(StepDone(step("create", VPC), False))
    progress(StepStarted(step("create", DATABASE), False))
    clock.now += 12
    assert progress.line() == "up of local: 12 s, 1 created; now postgres-primary"
    progress(StepFailed(step("create", DATABASE)))
    assert progress.line() == "up of local: 12 s, 1 created, 1 failed"


def test_plain_lines_come_seldom_but_never_stop() -> None:
    clock = Clock()
    progress = Progress(Output(False, stderr=io.StringIO()), "up", clock)
    said: list[float] = []
    for tick in range(400):
        clock.now = 100.0 + tick / 4
        if tick < 60:
            progress(StepDone(step("create", VPC), False))
        if progress._due(clock.now):
            said.append(clock.now)
            progress._last_line, progress._said = clock.now, progress._fingerprint()
    gaps = [later - earlier for earlier, later in pairwise(said)]
    assert min(gaps) >= LINE_SECONDS
    assert max(gaps) <= SILENT_SECONDS


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_live_block_shows_the_current_resources() -> None:
    stream = Terminal()
    with Progress(Output(False, stderr=stream), "up of local") as progress:
        progress(StepStarted(step("create", DATABASE), False))
        progress.message("building the CLI")
        progress._live.refresh()
    assert "postgres-primary" in stream.getvalue()
    assert "building the CLI" in stream.getvalue()


def test_without_a_terminal_it_starts_with_a_line() -> None:
    stream = io.StringIO()
    with Progress(Output(True, stderr=stream), "up of local") as progress:
        progress.message("hello")
    assert stream.getvalue().splitlines() == ["up of local: started", "hello"]
