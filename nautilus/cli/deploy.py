"""`up`, `preview`, `destroy` and `refresh`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption, TimeoutOption, YesOption

if TYPE_CHECKING:
    from rich.console import Console

    from nautilus.cli.session import Session
    from nautilus.engine.run import OperationResult


def _seconds(minutes: float | None) -> float | None:
    return minutes * 60 if minutes is not None else None


def _show(
    session: Session, result: OperationResult, operation: str, *, planned: bool, hints: list[str], more: dict[str, Any] | None = None
) -> None:
    """The end of a command that went well: table, warnings, what comes next, and what a simulation does not prove."""
    from nautilus.cli import summary

    warnings = session.warnings(result)

    def render(console: Console) -> None:
        rows = summary.by_component(result.steps, result.failed)
        if rows:
            console.print(summary.table(rows, planned=planned))
        changed = sum(row.changed for row in rows)
        verb = {"preview": "would change", "up": "changed", "destroy": "deleted", "refresh": "changed in the state"}[operation]
        total = f"{changed} resource{'' if changed == 1 else 's'} {verb}" if changed else "no resource to change"
        console.print(f"{session.stack}: {total}, {result.seconds:.0f} s", style="bold", markup=False)
        for text in warnings:
            console.print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)
        for hint in hints:
            console.print(f"next: {hint}", markup=False, soft_wrap=True)
        if session.simulated:
            console.print(session.header(operation)["notice"], style="dim", markup=False, soft_wrap=True)

    document = {**session.header(operation), **summary.result_document(result), "warnings": warnings, "next": hints, **(more or {})}
    session.output.emit(document, render)


def preview(
    stack: LocalStackOption = "local",
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="On the simulated AWS: no credentials, no network. Always so for local.")
    ] = False,
    expect_no_changes: Annotated[bool, typer.Option("--expect-no-changes", help="Exit with 1 when there are changes.")] = False,
    timeout: TimeoutOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `up` would do, with the policy pack. Changes nothing."""
    from nautilus.cli.session import open_session

    session = open_session(stack, config_dir=config_dir, as_json=as_json, sandbox=sandbox)
    session.name_account()
    result = session.watch(
        "preview",
        lambda on_event: session.engine.preview(on_event, expect_no_changes=expect_no_changes, timeout=_seconds(timeout)),
    )
    session.judge(result, "preview", locked=not session.settings.unlock)
    _show(session, result, "preview", planned=True, hints=_after_preview(session, result))


def _after_preview(session: Session, result: OperationResult) -> list[str]:
    if not result.change_count or (session.simulated and session.stack != "local"):
        return []
    return [f"nautilus up --stack {session.stack}"]


def up(
    stack: LocalStackOption = "local",
    yes: YesOption = False,
    in_session: Annotated[
        str | None,
        typer.Option(
            "--in-session", metavar="REASON", help="Deploy services although a venue trades; in an emergency.", show_default=False
        ),
    ] = None,
    timeout: TimeoutOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a stack up: `local` on the simulated AWS, every other one on AWS with your own backend and credentials."""
    from nautilus.cli.session import open_session

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    session.name_account()
    locked = not session.settings.unlock
    plan = session.watch("preview", lambda on_event: session.engine.preview(on_event, timeout=_seconds(timeout)))
    session.judge(plan, "preview", locked=locked)
    if not session.simulated:
        from nautilus.cli.rollout_guard import guard_up

        _tell_plan(session, plan)
        permit = guard_up(session, plan, in_session=in_session)
        session.confirm(
            f"Change {plan.change_count} resources of {stack} in account {session.settings.account.id}, {session.region}?", yes=yes
        )
        permit()
    result = session.watch("up", lambda on_event: session.engine.up(on_event, timeout=_seconds(timeout)))
    session.judge(result, "up", locked=False)
    _show(session, result, "up", planned=False, hints=_after_up(session, result))


def _tell_plan(session: Session, plan: OperationResult) -> None:
    """The plan, on stderr, before the question."""
    from nautilus.cli import summary

    rows = summary.by_component(plan.steps)
    if rows:
        session.output.notes().print(summary.table(rows, planned=True))


def _after_up(session: Session, result: OperationResult) -> list[str]:
    stack = session.stack
    if session.simulated:
        return [
            f"nautilus outputs --stack {stack}",
            f"nautilus graph --stack {stack}",
            f"make destroy STACK={stack}   (unlocks, then removes everything)",
        ]
    return [
        # ECS has taken the new versions, no more: what becomes of them, a rollback included, shows later.
        *([f"nautilus rollout watch --stack {stack}   (ECS rolls out now, and may still roll back)"] if _rolls_out(result) else []),
        f"nautilus doctor --stack {stack}   (what people still owe)",
        f"nautilus outputs --stack {stack}",
    ]


def _rolls_out(result: OperationResult) -> bool:
    """Whether an ECS service was made or given something new."""
    return any(step.changes and step.type == "aws:ecs/service:Service" for step in result.steps)


def refresh(
    stack: LocalStackOption = "local",
    preview_only: Annotated[bool, typer.Option("--preview-only", help="Show the drift, keep the state as it is.")] = False,
    expect_no_changes: Annotated[bool, typer.Option("--expect-no-changes", help="Exit with 1 when there is drift.")] = False,
    yes: YesOption = False,
    timeout: TimeoutOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the state with what exists, and take over the differences."""
    from nautilus.cli.session import open_session

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    session.name_account()
    if not preview_only:
        session.confirm(f"Take over drift into the state of {stack}?", yes=yes)
    result = session.watch(
        "refresh",
        lambda on_event: session.engine.refresh(
            on_event, preview_only=preview_only, expect_no_changes=expect_no_changes, timeout=_seconds(timeout)
        ),
    )
    session.judge(result, "refresh", locked=False)
    _show(session, result, "refresh", planned=preview_only, hints=[])


def destroy(
    stack: LocalStackOption = "local",
    unlock: Annotated[
        bool, typer.Option("--unlock", help="First an `up` with the unlock: clears protection, retention and AWS's deletion protection.")
    ] = False,
    yes: YesOption = False,
    timeout: TimeoutOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove everything in a stack. Refused while the stack is locked: what holds data is protected."""
    from nautilus.cli.errors import CannotTellError, RefusedError
    from nautilus.cli.session import UNLOCK_HINT, open_session

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    session.name_account()
    resources = _resources(session)
    guarded = sorted(str(item.get("urn", "")) for item in resources if _guarded(item))
    unlocking = bool(guarded) and (unlock or session.settings.unlock)
    if guarded and not unlocking:
        from nautilus.cli.problems import resource_path

        raise RefusedError(
            "protected",
            f"{len(guarded)} resources of {stack} are protected; nothing was changed",
            where=f"stack {stack}",
            details=[resource_path(urn) for urn in guarded[:10]] + ([f"and {len(guarded) - 10} more"] if len(guarded) > 10 else []),
            hint=UNLOCK_HINT,
            document={**session.header("destroy"), "protected": guarded},
        )
    where = f"in account {session.settings.account.id}, {session.region}"
    session.confirm(f"Delete all {len(resources)} resources of {stack} {where}, with their data?", yes=yes, typed=stack if unlock else None)
    limit = _seconds(timeout)
    if unlocking:
        opened = session.watch("unlock", lambda on_event: session.engine.up(on_event, unlock=True, timeout=limit))
        session.judge(opened, "unlock", locked=False)
    _clear_documents(session)
    result = session.watch("destroy", lambda on_event: session.engine.destroy(on_event, unlock=unlocking, timeout=limit))
    session.judge(result, "destroy", locked=False)
    left = len(_resources(session))
    if left:
        raise CannotTellError(
            "leftovers",
            f"{left} resources are still in the state of {stack}",
            where=f"stack {stack}",
            log=str(result.output_log),
            hint=f"nautilus state export --stack {stack}",
        )
    _show(session, result, "destroy", planned=False, hints=[], more={"left": left})


def _clear_documents(session: Session) -> None:
    """Delete the versions of AppConfig's documents that people made: AppConfig keeps a profile that has one, and Pulumi deletes its own alone."""
    facts = None if session.simulated else session.engine.outputs().get("appConfig")
    if not facts:
        return
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.ops.flags import PROFILES, parse_place, prune
    from nautilus.ops.steps import code_of

    place, client, gone = parse_place(facts), account.aws_session(session.region).client("appconfig"), 0
    for profile in PROFILES:
        try:
            gone += len(prune(client, place, profile, keep=0))
        except (BotoCoreError, ClientError) as error:
            # An earlier attempt has deleted the profile already.
            if not isinstance(error, ClientError) or code_of(error) != "ResourceNotFoundException":
                raise account.aws_trouble(error, f"deleting the versions of {profile} in AppConfig") from error
    if gone:
        session.output.note(f"deleted {gone} versions of documents in AppConfig that people made")


_SWITCH = re.compile(r"delet(e|ion)Protection(Enabled)?$", re.IGNORECASE)


def _guarded(resource: dict[str, Any]) -> bool:
    """Whether Pulumi or AWS would keep a resource of the state: protect, retain, or AWS's own deletion protection."""
    switches = cast("dict[str, Any]", resource.get("inputs") or {}).items()
    return bool(
        resource.get("protect")
        or resource.get("retainOnDelete")
        or any(value in (True, "ACTIVE") and _SWITCH.search(key) for key, value in switches)
    )


def _resources(session: Session) -> list[dict[str, Any]]:
    deployment = cast("dict[str, Any]", session.engine.export().get("deployment") or {})
    return cast("list[dict[str, Any]]", deployment.get("resources") or [])
