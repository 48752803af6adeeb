"""`doctor`: what people still owe a stack."""

from __future__ import annotations

import platform as machine
from typing import TYPE_CHECKING, Any

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings.root import AccountSettings, Settings
    from nautilus.cli.session import Session
    from nautilus.ops.doctor import Item, Platform

_SIGNS = {"ok": ("✓", "green"), "owed": ("✗", "red"), "unknown": ("?", "yellow")}


def doctor(stack: LocalStackOption = "local", config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """List what people still owe: delegation, images, secrets, confirmed alarms, the bootstrap. Exit 0 when nothing is owed."""
    from nautilus.cli.errors import CannotTellError, RefusedError
    from nautilus.cli.session import open_session
    from nautilus.ops.doctor import Verdict

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    items = toolchain(simulated=session.simulated)
    note = None
    if session.simulated:
        note = "the rest (delegation, images, secrets, alarms, bootstrap) needs a stack on AWS: this one is a simulation"
    else:
        session.name_account()
        items += _on_aws(session)
    owed = [item for item in items if item.verdict is Verdict.OWED]
    unknown = [item for item in items if item.verdict is Verdict.UNKNOWN]
    document: dict[str, Any] = {
        **session.header("doctor"),
        "items": [item.as_document() for item in items],
        "owed": len(owed),
        "unknown": len(unknown),
    }

    def render(console: Console) -> None:
        for item in items:
            sign, style = _SIGNS[item.verdict.value]
            console.print(f"{sign} {item.topic}: {item.text}", style=style, markup=False, soft_wrap=True)
            if item.repair and item.verdict is not Verdict.OK:
                console.print(f"    do: {item.repair}", markup=False, soft_wrap=True)
        console.print(
            f"{stack}: {len(owed)} owed, {len(unknown)} unknown, {len(items) - len(owed) - len(unknown)} in order",
            style="bold",
            markup=False,
        )
        if note:
            console.print(note, style="dim", markup=False, soft_wrap=True)

    if owed or unknown:
        if not as_json:
            render(session.output.console())
        if owed:
            raise RefusedError(
                "owed",
                f"{len(owed)} thing{'s are' if len(owed) > 1 else ' is'} still owed to {stack}",
                where=f"stack {stack}",
                document=document,
            )
        raise CannotTellError("unknown", f"{len(unknown)} things could not be seen", where=f"stack {stack}", document=document)
    session.output.emit(document if note is None else {**document, "note": note}, render)


def toolchain(*, simulated: bool) -> list[Item]:
    """Whether this machine has what the stack's engine needs. The sandbox may build its own CLI, which is nothing that is owed."""
    from nautilus.cli.engines import official_pulumi
    from nautilus.cli.errors import CannotTellError
    from nautilus.ops.doctor import Item, Verdict
    from nautilus.sandbox import toolchain as chain

    items = [Item("toolchain", Verdict.OK, f"Python {machine.python_version()}")]
    try:
        items.append(Item("toolchain", Verdict.OK, f"Pulumi CLI {official_pulumi()}"))
    except CannotTellError as error:
        cached = chain.cache_folder() / "pulumi"
        if not simulated:
            items.append(Item("toolchain", Verdict.OWED, f"{error.where}: {error.message}", error.hint))
        elif cached.is_file():
            items.append(Item("toolchain", Verdict.OK, f"Pulumi CLI {chain.VERSION}, built earlier: {cached}"))
        else:
            go, reason = chain.find_go()
            if go is None:
                items.append(Item("toolchain", Verdict.OWED, f"no Pulumi CLI, and none can be built: {reason}", error.hint))
            else:
                items.append(
                    Item("toolchain", Verdict.OK, f"no Pulumi CLI yet; the first run builds {chain.VERSION} with {go} (3 to 5 minutes)")
                )
    return items


def _on_aws(session: Session) -> list[Item]:
    from botocore.exceptions import BotoCoreError

    from nautilus.cli import account
    from nautilus.cli.needs import target_of
    from nautilus.ops.doctor import examine
    from nautilus.ops.name_servers import lookup

    target = target_of(session.stack, session.settings)
    try:
        return examine(account.aws_session(session.region), platform_of(session.stack, session.settings, _outputs(session)), target, lookup)
    except BotoCoreError as error:
        raise account.aws_trouble(error, f"doctor of {session.stack}") from error


def _outputs(session: Session) -> dict[str, Any]:
    """The stack's outputs; none when the stack was never made or there is no CLI to ask (which is listed on its own)."""
    from nautilus.cli.errors import CannotTellError

    try:
        return session.engine.outputs()
    except CannotTellError as error:
        if error.code in ("no-stack", "no-backend", "toolchain"):
            return {}
        raise


def platform_of(stack: str, settings: Settings | AccountSettings, outputs: dict[str, Any]) -> Platform:
    """What the settings say that people must provide. The account stack has neither names nor services, only people who hear of alarms."""
    from infra.plan.images import named
    from infra.plan.jobs import reconciles
    from infra.plan.secrets import SecretKind, inventory
    from infra.settings.root import Settings as Full
    from nautilus.ops.doctor import Platform as Facts

    emails = tuple(settings.alarms.emails)
    if not isinstance(settings, Full):
        return Facts(stack=stack, domain="", own_zone=False, emails=emails, outputs=outputs)
    images = named(settings)
    filled = tuple(spec.name for spec in inventory(settings.trading, reconciliation=reconciles(settings)) if spec.kind is SecretKind.FILLED)
    return Facts(
        stack=stack,
        domain=settings.edge.dns.domain,
        own_zone=settings.edge.dns.zone_id is None,
        emails=emails,
        images={repository: image.digest for repository, image in images.items()},
        setting_of_image={repository: image.setting for repository, image in images.items()},
        filled_secrets=filled,
        shield=settings.edge.shield.adopt,
        outputs=outputs,
    )
