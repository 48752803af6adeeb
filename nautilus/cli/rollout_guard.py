"""What keeps an `up` from deploying services at a bad time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from nautilus.cli import rollout_stack as base

if TYPE_CHECKING:
    from nautilus.cli.session import Session
    from nautilus.engine.run import OperationResult
    from nautilus.ops.rollout.gate import Objection

_QUIET: Final = frozenset(
    {
        "alarms",
        "deploymentCircuitBreaker",
        "deploymentConfiguration",
        "deploymentMaximumPercent",
        "deploymentMinimumHealthyPercent",
        "desiredCount",
        "enableEcsManagedTags",
        "enableExecuteCommand",
        "healthCheckGracePeriodSeconds",
        "propagateTags",
        "tags",
        "tagsAll",
        "waitForSteadyState",
    }
)
"""Properties of a service whose change starts no deployment (ECS API, UpdateService)."""


def guard_up(session: Session, plan: OperationResult, *, in_session: str | None) -> Callable[[], None]:
    """Refuse an `up` that would deploy a service at a bad time: one that rolls out already, a venue in session, a live engine that trades.

    For the singletons this is the guard (no hook is asked for them); for the web services it says before what their hook would say after.

    Args:
        session: A stack on AWS whose account was named.
        plan: What the `up` would do.
        in_session: A reason to deploy although a venue trades; None without one.

    Returns:
        What to call before the `up` itself: it writes the override that the hook asks for.

    Raises:
        RefusedError: Something speaks against it.
        CannotTellError: AWS does not answer.
        BadUseError: The reason is none.
    """
    from dataclasses import replace

    from infra.settings.root import Settings as Full
    from nautilus.ops.rollout import records
    from nautilus.ops.rollout.gate import ask, is_singleton

    reason = base.reason_of(in_session) if in_session is not None else ""
    names = _to_deploy(plan)
    if session.simulated or not names or not isinstance(session.settings, Full):
        return lambda: None
    opened = base.connect(session, session.settings)
    services = [name for name, physical in opened.facts.services.items() if physical in names]
    found: list[Objection] = []
    for name in services:
        with base.asking(f"looking at {name}", session.stack):
            # Images and migrations have gates of their own: `nautilus images check`, `nautilus migrate`.
            rules = replace(base.rules_of(opened.settings, name), migrations="off")
            answer = ask(
                opened.clients,
                opened.facts,
                rules,
                name,
                digest=None,
                now=base.now(),
                in_session=bool(reason),
                permit=f'nautilus up --in-session "…" --stack {session.stack}',
            )
        found += answer.objections
        for notice in answer.notices:
            session.output.note(f"note: {name}: {notice}")
    if found:
        refused = base.refused(opened, "up", ", ".join(services), found, [])
        refused.message = f"nothing was changed: {refused.message}"
        raise refused

    def permit() -> None:
        for name in services:
            if reason and not is_singleton(name):
                with base.asking(f"letting {name} through", session.stack):
                    records.put_override(opened.clients.ssm, opened.facts, name, who=opened.who, why=reason, now=base.now())

    return permit


def _to_deploy(plan: OperationResult) -> set[str]:
    """ECS's names of the services that exist and that the plan would have ECS deploy."""
    found: set[str] = set()
    for step in plan.steps:
        if step.type != "aws:ecs/service:Service" or not step.changes or step.op in ("create", "delete"):
            continue
        paths = {re.split(r"[.\[]", path)[0] for path in (step.detailed_diff or {})} or set(step.diffs)
        state = step.new or step.old
        if state is not None and (not paths or paths - _QUIET):
            found.add(str(state.inputs.get("name", "")))
    return found - {""}
