"""Whole deployments, replayed stage by stage against the real hook; the outcome of each is the table in docs/rollouts.md.

`python -m tests.lambdas.test_rollout_replays` writes the table again.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.rollout import PAUSE_SECONDS, SmokeTarget, Strategy, hook_details, nearest, orders, plan
from infra.settings.limits import LONGEST_ROLLOUT_MINUTES
from infra.settings.trading import Trading, TradingMode
from infra.settings.workloads import BackendRollout, Rollout
from tests.lambdas.ecs_controller import STAGES, Controller, HookCrashError, Scene, play

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rollouts.md"
PARAMETERS = "/nautilus/prod/rollouts/backend"
LIVE = Trading(mode=TradingMode.LIVE, acknowledge_live_trading="orders from this stack move real money")
ALARMS = ["backend-rollout-errors", "backend-rollout-latency"]
SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
IN_SESSION = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
SHIFT, SMOKE = "PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"


def deployment(settings: Rollout | None = None, *, now: datetime = SATURDAY, scene: Scene | None = None, **more: Any) -> Controller:
    """A deployment of the backend in production as the program defines it."""
    own = settings or BackendRollout()
    made = plan(own.steps, hold_minutes=own.hold_minutes, bake_minutes=own.bake_minutes)
    told = orders(
        own,
        LIVE,
        made,
        service="backend",
        parameters=PARAMETERS,
        migration="/nautilus/prod/migrations/backend",
        listener=SmokeTarget(load_balancer="nautilus-prod-balancer", port=8443, host="trading.example.com", health_path="/health"),
    )
    world = scene or Scene(now.timestamp(), dict.fromkeys(ALARMS, "OK"))
    return Controller(made, json.loads(hook_details(made, alarms=ALARMS, told=told)), world, **more)


def raise_alarm(after: float) -> Callable[[Controller], None]:
    """An alarm goes on `after` seconds from now."""

    def act(one: Controller) -> None:
        one.later.append((one.scene.now + after, lambda same: same.scene.alarms.__setitem__("backend-rollout-errors", "ALARM")))

    return act


def pause(seconds: float) -> Callable[[Controller], None]:
    """Somebody pauses now, and lets go after some time."""

    def act(one: Controller) -> None:
        one.scene.parameters[f"{PARAMETERS}/pause"] = json.dumps({"who": "ada", "why": "a closer look", "at": "now"})
        one.later.append((one.scene.now + seconds, lambda same: same.scene.parameters.pop(f"{PARAMETERS}/pause")))

    return act


def crash(stage: str, percent: float) -> Callable[[Controller], None]:
    """The function ends without an answer at `stage` while the new version has `percent`."""

    def act(one: Controller) -> None:
        def invoke(event: Any) -> Any:
            if event["lifecycleStage"] == stage and one.percent == percent:
                raise HookCrashError("MemoryError")
            return one.scene.call(event)

        one.invoke = invoke

    return act


def hang(one: Controller) -> None:
    """The function asks for more time for ever, whatever its own bounds say."""
    one.invoke = lambda event: {"hookStatus": "IN_PROGRESS"} if event["lifecycleStage"] == SHIFT else one.scene.call(event)


def unhealthy(one: Controller) -> None:
    one.scene.healthy = False


def prepared(act: Callable[[Controller], None], **more: Any) -> Controller:
    one = deployment(**more)
    act(one)
    return one


def overridden() -> Controller:
    one = deployment(now=IN_SESSION)
    record = {"who": "ada", "why": "logins fail", "until": "2026-11-23T15:30:00+00:00"}
    one.scene.parameters[f"{PARAMETERS}/override"] = json.dumps(record)
    return one


def stopped_by_hand() -> Controller:
    """An operator asks ECS for a rollback at 50 %."""

    def act(one: Controller) -> None:
        one.later.append((one.scene.now + 60, lambda same: setattr(same, "asked_back", "an operator asked for a rollback")))

    return deployment(events={f"{SHIFT}@50": act}, hook_stages=STAGES)


def migration_failed() -> Controller:
    one = deployment()
    one.scene.parameters["/nautilus/prod/migrations/backend"] = json.dumps(
        {"digest": "sha256:new", "status": "failed", "detail": "rows were lost"}
    )
    return one


@dataclass(frozen=True)
class Replay:
    """A deployment, and how it must end."""

    title: str
    make: Callable[[], Controller]
    status: str
    most: float
    """Most traffic that the new version ever gets, in percent."""
    why: str = ""
    """Part of the reason."""


REPLAYS = (
    Replay("success", deployment, "SUCCESSFUL", 100),
    Replay("first creation, in session", lambda: deployment(now=IN_SESSION, first=True), "SUCCESSFUL", 100),
    Replay("rollback by hand at 50 %, the hook at every stage", stopped_by_hand, "ROLLBACK_SUCCESSFUL", 50, "an operator"),
    Replay("smoke tests fail", lambda: prepared(unhealthy), "ROLLBACK_SUCCESSFUL", 0, "smoke tests failed for 300 s"),
    Replay(
        "alarm at 10 %", lambda: deployment(events={f"{SHIFT}@10": raise_alarm(60)}), "ROLLBACK_SUCCESSFUL", 10, "backend-rollout-errors"
    ),
    Replay(
        "alarm at 50 %", lambda: deployment(events={f"{SHIFT}@50": raise_alarm(120)}), "ROLLBACK_SUCCESSFUL", 50, "backend-rollout-errors"
    ),
    Replay(
        "alarm at 50 %, seen by the hook alone",
        lambda: deployment(events={f"{SHIFT}@50": raise_alarm(120)}, watches_alarms=False),
        "ROLLBACK_SUCCESSFUL",
        50,
        "the hook refused at PRE_PRODUCTION_TRAFFIC_SHIFT: in alarm",
    ),
    Replay("alarm in the last bake", lambda: deployment(events={"BAKE_TIME@100": raise_alarm(60)}), "ROLLBACK_SUCCESSFUL", 100, "ECS saw"),
    Replay("hook crashes at 10 %", lambda: prepared(crash(SHIFT, 10)), "ROLLBACK_SUCCESSFUL", 10, "the hook crashed"),
    Replay("hook never ends", lambda: prepared(hang), "ROLLBACK_SUCCESSFUL", 0, "timed out"),
    Replay("deploy in session", lambda: deployment(now=IN_SESSION), "ROLLBACK_SUCCESSFUL", 0, "nyse trades"),
    Replay("deploy in session with an override", overridden, "SUCCESSFUL", 100),
    Replay("migration failed", migration_failed, "ROLLBACK_SUCCESSFUL", 0, "rows were lost"),
    Replay("paused for 20 minutes at 10 %, then continued", lambda: deployment(events={f"{SHIFT}@10": pause(1200)}), "SUCCESSFUL", 100),
    Replay(
        "paused and forgotten",
        lambda: deployment(events={f"{SHIFT}@10": pause(2 * PAUSE_SECONDS)}),
        "ROLLBACK_SUCCESSFUL",
        10,
        "longer than allowed",
    ),
    Replay(
        "AWS's APIs do not answer from 10 % on",
        lambda: deployment(events={f"{SHIFT}@10": lambda one: setattr(one.scene, "blind", True)}),
        "ROLLBACK_SUCCESSFUL",
        10,
        "could not see for",
    ),
)


def two_at_once(way: str) -> tuple[Controller, Controller]:
    """A second deployment comes while the first is under way. AWS does not say what becomes of the first.

    Args:
        way: `stops`: ECS stops the first, here at 10 %. `waits`: the second starts when the first has ended. `both`: both go on side by
            side, as those of two services do.
    """
    stop: Callable[[Controller], None] = lambda one: one.stop("STOPPED", "a second deployment took over")  # noqa: E731
    first = deployment(events={f"{SHIFT}@10": stop} if way == "stops" else {})
    if way == "both":
        after = deployment(scene=first.scene, name="d2")
        play(first, after)
        return first, after
    steps = first.steps()
    for seconds in steps:
        first.scene.now += seconds
        if first.status == "STOPPED":
            break
    steps.close()
    return first, deployment(scene=first.scene, name="d2", reconciles=way == "stops").run()


def row(title: str, one: Controller) -> tuple[str, ...]:
    """A line of the table."""
    stood = ", ".join(f"{percent:g} % for {seconds / 60:g} min" for percent, seconds in sorted(one.stood.items())) or "–"
    why = re.sub(r": answered.*", "", one.reason).replace(PARAMETERS, "…")
    return title, one.status, f"{one.most:g} %", stood, f"{one.minutes:.0f}", why or "–"


def table() -> str:
    """Every replay's outcome."""
    head = ("replay", "ended as", "most traffic on the new version", "stood at", "minutes", "why")
    rows = [row(replay.title, replay.make().run()) for replay in REPLAYS]
    for way, what in (("stops", "ECS stops the first"), ("waits", "ECS lets the second wait")):
        first, after = two_at_once(way)
        rows += [row(f"two deploys at once, {what}: the first", first), row(f"two deploys at once, {what}: the second", after)]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def renewed(text: str) -> str:
    """The page with its table made again.

    Raises:
        ValueError: The page lacks the markers, or has them twice.
    """
    parts = re.split(r"(?<=<!-- replays -->)\n.*?(?=<!-- /replays -->)", text, flags=re.DOTALL)
    if len(parts) != 2:
        raise ValueError(f"{PAGE.name}: `<!-- replays -->` and `<!-- /replays -->` must stand there once")
    return f"{parts[0]}\n{table()}\n{parts[1]}"


@pytest.mark.parametrize("replay", REPLAYS, ids=lambda replay: replay.title)
@pytest.mark.parametrize("shown", [True, False], ids=["weights-shown", "weights-empty"])
@pytest.mark.parametrize("travel", [True, False], ids=["details-travel", "details-fresh"])
def test_a_replay_ends_as_it_must_whatever_ecs_leaves_open(replay: Replay, shown: bool, travel: bool) -> None:
    one = replay.make()
    one.weights_in_payload, one.details_travel = shown, travel
    one.run()
    assert (one.status, one.most) == (replay.status, replay.most)
    assert replay.why in one.reason
    if one.status == "SUCCESSFUL":
        assert one.percent == 100
    else:
        assert one.percent == 0


def test_a_success_stands_at_10_and_50_for_five_minutes_and_takes_less_than_half_an_hour() -> None:
    one = deployment().run()
    assert one.stood == {10: 300, 50: 300, 100: 300}
    assert one.minutes < LONGEST_ROLLOUT_MINUTES
    assert {stage for stage, *_ in one.called} == set(one.plan.stages)


def test_the_hooks_at_the_shifts_hold_no_rollback_up() -> None:
    one = stopped_by_hand()
    one.run()
    again = [(stage, answer["hookStatus"]) for stage, percent, answer in one.called if percent == 0][-2:]
    assert again == [("PRODUCTION_TRAFFIC_SHIFT", "SUCCEEDED"), ("TEST_TRAFFIC_SHIFT", "SUCCEEDED")]


@pytest.mark.parametrize("way", ["stops", "waits", "both"])
def test_two_deployments_do_not_use_each_others_time(way: str) -> None:
    first, after = two_at_once(way)
    assert first.status == ("STOPPED" if way == "stops" else "SUCCESSFUL")
    assert after.status == "SUCCESSFUL"
    assert after.stood == {10: 300, 50: 300, 100: 300}
    assert way == "stops" or first.stood == after.stood


def test_what_replays_show_can_fail() -> None:
    """Without the hook an unhealthy version, a session and a pause stop nothing."""
    for make in (lambda: prepared(unhealthy), lambda: deployment(now=IN_SESSION)):
        one = make()
        one.hook_stages = ()
        assert one.run().status == "SUCCESSFUL"
    blind = deployment(events={f"{SHIFT}@10": raise_alarm(60)}, watches_alarms=False)
    blind.hook_stages = ()
    assert blind.run().status == "SUCCESSFUL"


rising = st.sets(st.integers(1, 99), max_size=19).map(lambda found: [*sorted(found), 100])


@given(rising, st.integers(0, 9), st.integers(1, 9), st.booleans())
def test_every_plan_that_ecs_can_make_rests_where_it_was_asked_to_and_nowhere_else(
    steps: list[int], hold: int, bake: int, shown: bool
) -> None:
    if len(steps) > 2 and nearest(steps) != tuple(steps):
        with pytest.raises(ValueError, match="nearest"):
            plan(steps, hold_minutes=hold, bake_minutes=bake)
        return
    made = plan(steps, hold_minutes=hold, bake_minutes=bake)
    details = json.loads(hook_details(made, alarms=ALARMS))
    one = Controller(made, details, Scene(SATURDAY.timestamp(), dict.fromkeys(ALARMS, "OK")), weights_in_payload=shown).run()
    wanted = dict.fromkeys(map(float, steps[:-1]), hold * 60.0) if hold else {}
    assert one.status == "SUCCESSFUL"
    assert one.stood == wanted | {100.0: bake * 60.0}
    assert sum(one.stood.values()) == made.total_seconds
    assert (made.strategy is Strategy.BLUE_GREEN) == (len(steps) == 1)


def test_the_table_of_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert text == renewed(text), "run `python -m tests.lambdas.test_rollout_replays`"


if __name__ == "__main__":
    # The hook's own words belong to its log, not to whoever writes the page.
    logging.disable(logging.WARNING)
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
