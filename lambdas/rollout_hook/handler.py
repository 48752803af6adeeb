"""ECS lifecycle hook of the web services' rollouts (DESIGN.md decision 6).

ECS calls it at three stages, and calls it again while it answers IN_PROGRESS:

    PRE_SCALE_UP                  refuses a deployment in trading hours, and one on top of a failed migration
    POST_TEST_TRAFFIC_SHIFT       smoke tests on the test listener
    PRE_PRODUCTION_TRAFFIC_SHIFT  before every shift: alarms, a pause that somebody asked for, the hold at a named share

At any other stage it answers SUCCEEDED at once. Its configuration stands in the service's `hookDetails`, written by
`infra.plan.rollout.hook_details`, and its memory in the `hookDetails` that it returns, which ECS hands back with the next call: since when
it holds, waits, is paused or cannot see. Nothing is kept elsewhere, and a call that is repeated gives the same answer. Every wait is bounded
here, and again by the hook's time-out at ECS, which rolls back.

Answers: SUCCEEDED lets the deployment go on, IN_PROGRESS keeps everything where it is, FAILED rolls back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

try:
    from orders import Call, Orders  # in Lambda, the folder is the root
    from stages import CALL_BACK_SECONDS, STAGES, Go, Refuse
    from world import Aws, CannotSeeError
except ImportError:
    from lambdas.rollout_hook.orders import Call, Orders
    from lambdas.rollout_hook.stages import CALL_BACK_SECONDS, STAGES, Go, Refuse
    from lambdas.rollout_hook.world import Aws, CannotSeeError

if TYPE_CHECKING:
    from lambdas.rollout_hook.world import World

log = logging.getLogger("rollout_hook")
log.setLevel(logging.INFO)


def handler(event: Any, context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes a context
    """Entry point of the Lambda function."""
    return decide(event, now=time.time(), world=Aws())


def decide(event: Any, *, now: float, world: World) -> dict[str, Any]:
    """One call of the hook, without a clock and without AWS.

    Args:
        event: ECS's payload.
        now: Seconds since the epoch.
        world: What the hook sees.
    """
    stage = event.get("lifecycleStage") if isinstance(event, dict) else None
    act = STAGES.get(str(stage))
    if act is None:
        return _answer("SUCCEEDED", f"nothing to do at {stage}")
    try:
        call = Call.read(event)
        orders = Orders.read(call.details)
    except ValueError as bad:
        return _answer("FAILED", str(bad))
    try:
        decision = act(call, orders, now, world)
    except CannotSeeError as blind:
        since = call.memory.get("blind_since")
        since = min(float(since), now) if isinstance(since, (int, float)) else now
        if now - since >= orders.grace_seconds:
            return _answer("FAILED", f"could not see for {now - since:.0f} s: {blind}")
        return _wait(call, {**call.memory, "blind_since": since}, CALL_BACK_SECONDS, f"cannot see: {blind}")
    if isinstance(decision, Go):
        return _answer("SUCCEEDED", decision.why)
    if isinstance(decision, Refuse):
        return _answer("FAILED", decision.why)
    return _wait(call, decision.memory, decision.seconds, decision.why)


def _wait(call: Call, memory: Mapping[str, Any], seconds: int, why: str) -> dict[str, Any]:
    # The whole configuration goes back with the memory: what ECS hands over next may replace the original details.
    kept = {**memory, "deployment": call.deployment, "stage": call.stage}
    return {**_answer("IN_PROGRESS", why), "callBackDelay": max(1, seconds), "hookDetails": {**call.details, "memory": kept}}


def _answer(status: str, why: str) -> dict[str, Any]:
    log.info("%s: %s", status, why)
    return {"hookStatus": status, "reason": why}
