"""`rollout`: how a new version takes over, starting and following a deployment, holding it, and what became of the last ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nautilus.cli import rollout_stack as base
from nautilus.cli.errors import BadUseError, RefusedError
from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption, StackOption, YesOption
from nautilus.cli.rollout_watch import ServiceOption, status, watch

if TYPE_CHECKING:
    from rich.console import Console

    from nautilus.ops.rollout.gate import Answer

rollout_app = typer.Typer(
    name="rollout", help="Rollouts: how a new version takes over, and starting, following, holding and stopping one.", no_args_is_help=True
)

_KEYS: Final = {"ib-gateway": "ibGateway"}
"""Keys in the settings that are not the service's name."""
SCAN_SECONDS: Final = 120
"""How long `start` waits for a scan that runs: a pipeline pushes and deploys; ECR's own scan takes less than a minute."""
OneServiceOption = Annotated[str, typer.Option("--service", metavar="SERVICE", help="backend, frontend, engine or ib-gateway.")]
DigestOption = Annotated[str, typer.Option("--digest", metavar="DIGEST", help="The image: sha256: and 64 hexadecimal digits.")]
WhyOption = Annotated[str, typer.Option("--why", metavar="REASON", help="The reason, 4 to 500 characters; it is kept.")]
InSessionOption = Annotated[
    bool, typer.Option("--in-session", help="Deploy although a venue trades; in an emergency, with --why. Lets the hook's guard pass too.")
]


@rollout_app.command("plan")
def plan_(
    service: OneServiceOption = "backend",
    stack: LocalStackOption = "local",
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a new version takes over, minute by minute, as the settings have it. Asks nobody."""
    from nautilus.cli.rollout_view import plan_view
    from nautilus.cli.session import open_session, platform_settings

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    settings = platform_settings(session, base.NO_SERVICES)
    name = base.known(service, base.enabled(settings), stack)
    document: dict[str, Any] = {"operation": "rollout plan", "stack": stack, "service": name, **base.plan_document(settings, name)}
    session.output.emit(document, plan_view(document))


def _digest(text: str) -> str:
    from infra.plan.images import DIGEST

    if not DIGEST.fullmatch(text):
        raise BadUseError(f"{text} is no digest", where="--digest", hint="sha256: and 64 hexadecimal digits; a tag can be moved")
    return text


def _ask(opened: base.Opened, service: str, digest: str | None, *, in_session: bool, scan_seconds: float = 0) -> Answer:
    from nautilus.ops.rollout.gate import ask

    with base.asking(f"looking at {service}", opened.stack):
        return ask(
            opened.clients,
            opened.facts,
            base.rules_of(opened.settings, service),
            service,
            digest=digest,
            now=base.now(),
            in_session=in_session,
            scan_seconds=scan_seconds,
            sleep=base.sleep,
        )


@rollout_app.command()
def check(
    service: OneServiceOption,
    digest: Annotated[str | None, typer.Option("--digest", metavar="DIGEST", help="Also look at this image.", show_default=False)] = None,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask whether a service may be given a new version now: image, migration, trading hours. For CI before an up. Changes nothing."""
    image = _digest(digest) if digest else None
    opened = base.open_stack(stack, config_dir, as_json)
    name = opened.named(service)[0]
    answer = _ask(opened, name, image, in_session=False)
    if not answer.open:
        raise base.refused(opened, "rollout check", name, answer.objections, answer.notices)
    document = {**opened.session.header("rollout check"), "service": name, "objections": [], "notices": list(answer.notices)}
    opened.session.output.emit(document, base.plain_lines([f"{name} may be deployed now", *answer.notices]))


@rollout_app.command()
def start(
    service: OneServiceOption,
    digest: DigestOption,
    why: WhyOption = "",
    in_session: InSessionOption = False,
    stack: StackOption = None,
    yes: YesOption = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy an image where the pipeline owns it. Refused, with every reason, while anything speaks against it."""
    from nautilus.ops.rollout import records
    from nautilus.ops.rollout.gate import Objection, is_singleton
    from nautilus.ops.rollout.start import NotStartedError
    from nautilus.ops.rollout.start import start as begin

    image = _digest(digest)
    if in_session and not why:
        raise BadUseError("--in-session needs a reason", where="--why", hint='--why "what cannot wait until the venues close"')
    reason = base.reason_of(why) if why else ""
    opened = base.open_stack(stack, config_dir, as_json)
    name = opened.named(service)[0]
    if opened.pulumi_owns(name):
        raise RefusedError(
            "image-owner",
            f"Pulumi owns the image of {name}: what a pipeline deployed, the next up would take back",
            where=f"stack {opened.stack}",
            hint=f"set services.{_KEYS.get(name, name)}.imageDigest to {image} and run nautilus up --stack {opened.stack}",
        )
    answer = _ask(opened, name, image, in_session=in_session, scan_seconds=SCAN_SECONDS)
    if not answer.open:
        raise base.refused(opened, "rollout start", name, answer.objections, answer.notices)
    for notice in answer.notices:
        opened.session.output.note(f"note: {notice}")
    opened.session.confirm(f"Deploy {image[:19]}… to {name} of {opened.stack}, account {opened.caller.account}?", yes=yes)
    with base.asking(f"deploying {name}", opened.stack):
        overridden = in_session and not is_singleton(name)
        until = (
            records.put_override(opened.clients.ssm, opened.facts, name, who=opened.who, why=reason, now=base.now()) if overridden else None
        )
        try:
            done = begin(opened.clients, opened.facts, name, image, who=opened.who, why=reason, now=base.now, sleep=base.sleep)
        except NotStartedError as error:
            if overridden:
                records.delete_override(opened.clients.ssm, opened.facts, name)
            objection = Objection(error.code, error.message, error.hint)
            raise base.refused(opened, "rollout start", name, [objection], answer.notices) from None
    follow = f"nautilus rollout watch --service {name} --stack {opened.stack}"
    document = {
        **opened.session.header("rollout start"),
        "service": name,
        "digest": image,
        "image": done.image,
        "taskDefinition": done.task_definition,
        "deployment": done.deployment,
        "who": opened.who,
        "why": reason or None,
        "overrideUntil": None if until is None else until.isoformat(timespec="seconds"),
        "notices": list(answer.notices),
        "next": [follow],
    }
    lines = [
        f"{name}: ECS has taken {done.task_definition.rpartition('/')[2]} with {image[:19]}…",
        done.deployment or "its deployment is not in ECS's list yet",
        *([f"the hook's guard lets it pass until {until:%H:%M} UTC"] if until else []),
        f"next: {follow}",
    ]
    opened.session.output.emit(document, base.plain_lines(lines))


rollout_app.command()(status)
rollout_app.command()(watch)


@rollout_app.command()
def history(
    service: ServiceOption = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100, help="At most so many a service.")] = 10,
    stack: StackOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deployments, the newest first: when, how long, which image, what became of it and why. ECS remembers 90 days."""
    from nautilus.cli.rollout_view import history_table
    from nautilus.ops.rollout import deployments
    from nautilus.ops.rollout.orders import orders

    opened = base.open_stack(stack, config_dir, as_json)
    names = opened.named(service)
    with base.asking("reading deployments", opened.stack):
        found = {
            name: deployments.history(opened.clients.ecs, opened.facts.cluster, opened.facts.services[name], container=name, limit=limit)
            for name in names
        }
        said = {name: orders(opened.clients.ecs, found[name]) for name in names}
    rows = [
        {"service": name, **one.as_document(), "who": said[name][one.arn].who or None, "why": said[name][one.arn].why or None}
        for name in names
        for one in found[name]
    ]

    def render(console: Console) -> None:
        for name in names:
            if found[name]:
                history_table(console, name, found[name], {arn: order.sentence for arn, order in said[name].items()})
            else:
                console.print(f"{name}: no deployment in the last 90 days", markup=False, soft_wrap=True)

    opened.session.output.emit({**opened.session.header("rollout history"), "deployments": rows}, render)


def _web(opened: base.Opened, service: str, doing: str) -> str:
    from nautilus.ops.rollout.gate import is_singleton

    name = opened.named(service)[0]
    if is_singleton(name):
        raise BadUseError(
            f"nothing to {doing}: no hook is asked for {name}, and its deployment has no steps",
            where=f"--service {name}",
            hint=f"nautilus rollout abort --service {name} --stack {opened.stack}",
        )
    return name


@rollout_app.command()
def pause(
    service: OneServiceOption, why: WhyOption, stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """Hold a service's rollout before its next shift of traffic, at once and without a question. After an hour at one share it fails."""
    from nautilus.ops.rollout import records
    from nautilus.ops.rollout.start import running

    reason = base.reason_of(why)
    opened = base.open_stack(stack, config_dir, as_json)
    name = _web(opened, service, "pause")
    with base.asking(f"holding {name}", opened.stack):
        held = records.put_pause(opened.clients.ssm, opened.facts, name, who=opened.who, why=reason, at=base.now())
        one = running(opened.clients, opened.facts, name)
    document = {
        **opened.session.header("rollout pause"),
        "service": name,
        "pause": held.as_document(),
        "deployment": None if one is None else one.arn,
    }
    about = "nothing rolls out now: it holds the next rollout before its first shift" if one is None else "it holds before the next shift"
    lines = [f"{name}: {about}", f"next: nautilus rollout continue --service {name} --stack {opened.stack}"]
    if one is not None:
        lines.append("after an hour at one share the rollout fails, because somebody has forgotten it")
    opened.session.output.emit(document, base.plain_lines(lines))


@rollout_app.command("continue")
def continue_(
    service: OneServiceOption, stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """Let a service's rollout go on that was paused. Exit code 1: nothing held it."""
    from nautilus.ops.rollout import records
    from nautilus.ops.rollout.start import go_on, running

    opened = base.open_stack(stack, config_dir, as_json)
    name = _web(opened, service, "continue")
    with base.asking(f"letting {name} go on", opened.stack):
        before = records.read_pause(opened.clients.ssm, opened.facts, name)
        removed = records.delete_pause(opened.clients.ssm, opened.facts, name)
        one = running(opened.clients, opened.facts, name)
        hooks = go_on(opened.clients, one) if one is not None else []
    if not removed and not hooks:
        raise RefusedError("not-held", f"nothing held {name}", where=f"stack {opened.stack}")
    document = {
        **opened.session.header("rollout continue"),
        "service": name,
        "pause": None if before is None else before.as_document(),
        "hooks": hooks,
        "deployment": None if one is None else one.arn,
    }
    lines = [f"{name}: the pause of {before.who} ({before.why}) is over"] if before is not None and removed else []
    lines += [f"{name}: hook {hook} was told to go on" for hook in hooks]
    opened.session.output.emit(document, base.plain_lines(lines))


@rollout_app.command()
def abort(
    service: OneServiceOption,
    rollback: Annotated[
        bool, typer.Option("--rollback/--stop", help="Put the old version back; or stop, and leave each version the traffic that it has.")
    ] = True,
    stack: StackOption = None,
    yes: YesOption = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop the deployment of a service that is on its way. Exit code 1: none is, or ECS does not stop it like this."""
    from nautilus.ops.rollout.start import NotStoppedError, running, stop

    opened = base.open_stack(stack, config_dir, as_json)
    name = opened.named(service)[0]
    with base.asking(f"looking at {name}", opened.stack):
        one = running(opened.clients, opened.facts, name)
    if one is None:
        raise RefusedError(
            "nothing-runs",
            f"no deployment of {name} is on its way",
            where=f"stack {opened.stack}",
            hint="to take a version back that serves already, deploy the former digest: docs/runbooks/rollout.md",
        )
    words = "Roll back" if rollback else "Stop"
    opened.session.confirm(f"{words} the deployment {one.id} of {name} in {opened.stack}?", yes=yes)
    with base.asking(f"stopping {name}", opened.stack):
        try:
            stop(opened.clients, one, roll_back=rollback)
        except NotStoppedError as error:
            raise RefusedError(
                "not-stopped",
                f"ECS does not stop it like this: {error}",
                where=f"stack {opened.stack}",
                hint=f"nautilus rollout {'status' if rollback else 'abort --rollback'} --service {name} --stack {opened.stack}",
            ) from None
    document = {
        **opened.session.header("rollout abort"),
        "service": name,
        "deployment": one.arn,
        "how": "ROLLBACK" if rollback else "ABORT",
        "who": opened.who,
    }
    said = "ECS puts the old version back" if rollback else "ECS stops it where it is"
    lines = [f"{name}: {said}", f"next: nautilus rollout watch --service {name} --stack {opened.stack}"]
    opened.session.output.emit(document, base.plain_lines(lines))
