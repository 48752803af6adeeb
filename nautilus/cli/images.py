"""`images`: what must be known of an image before it runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings.root import Settings
    from nautilus.cli.session import Session

images_app = typer.Typer(
    name="images", help="Images of a stack: what their scans found, and whether they are signed.", no_args_is_help=True
)


def today() -> date:
    """The day by which accepted findings are judged."""
    return datetime.now(UTC).date()


def digests(settings: Settings) -> dict[str, str]:
    """Every image that the settings name: its digest by its repository."""
    from infra.plan.images import named

    return {repository: image.digest for repository, image in named(settings).items() if image.digest}


@images_app.command()
def check(
    stack: StackOption = None,
    service: Annotated[
        str | None, typer.Option("--service", metavar="NAME", help="One repository, such as backend; default: every image of the settings.")
    ] = None,
    digest: Annotated[
        str | None, typer.Option("--digest", metavar="DIGEST", help="An image that the settings do not name yet; needs --service.")
    ] = None,
    wait: Annotated[int, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for a scan that runs.")] = 300,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask ECR about images before they run. Exit code 1: a critical finding, an image that nobody scanned, or no signature where one is required."""
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.cli.errors import RefusedError
    from nautilus.ops import images as library
    from nautilus.ops.steps import code_of

    session, settings = _open(stack, config_dir, as_json)
    wanted = _wanted(settings, service, digest, session.stack)
    session.name_account()
    prefix = f"{settings.platform.project}-{settings.platform.environment.value}"
    accept = library.accepted_on({key: one.until for key, one in settings.registry.accept_findings.items()}, today())
    profile = _profile(session, settings)
    try:
        ecr = account.aws_session(session.region).client("ecr")
        verdicts = {
            name: library.check(ecr, f"{prefix}/{name}", found, accept=accept, profile=profile, wait_seconds=wait)
            for name, found in wanted.items()
        }
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and code_of(error) == "RepositoryNotFoundException":
            raise RefusedError(
                "no-repository",
                f"{session.stack} has no repositories yet for its images: {', '.join(wanted)}"
                if len(wanted) > 1
                else f"{session.stack} has no repository {prefix}/{next(iter(wanted))} yet",
                where=f"stack {session.stack}",
                hint=f"nautilus up --stack {session.stack} makes them, in the phase `foundation`; then docs/images.md, Push",
            ) from None
        raise account.aws_trouble(error, f"images of {session.stack}") from error
    document: dict[str, Any] = {
        **session.header("images check"),
        "signing": settings.registry.signing.value,
        "images": {name: verdict.as_json() for name, verdict in verdicts.items()},
        "passed": all(verdict.passed for verdict in verdicts.values()),
    }
    if document["passed"]:
        session.output.emit(document, lambda console: _table(console, document))
        return
    if not as_json:
        _table(session.output.console(), document)
    raise RefusedError(
        "images",
        f"{sum(not verdict.passed for verdict in verdicts.values())} of {len(verdicts)} images may not run in {session.stack}",
        where=f"stack {session.stack}",
        details=[f"{name}: {reason}" for name, verdict in verdicts.items() for reason in verdict.reasons],
        hint="docs/runbooks/images.md",
        document=document,
    )


def _open(stack: str | None, config_dir: Any, as_json: bool) -> tuple[Session, Settings]:
    from nautilus.cli.session import open_platform

    return open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS: its repositories hold nothing",
        account_stack="the account stack has no images",
    )


def _wanted(settings: Settings, service: str | None, digest: str | None, stack: str) -> dict[str, str]:
    """What is asked about. Raises BadUseError for a repository or a digest that is none."""
    from infra.plan.images import DIGEST, REPOSITORIES
    from nautilus.cli.errors import BadUseError, RefusedError

    named = digests(settings)
    if digest is not None and service is None:
        raise BadUseError("a digest alone is no image: which repository?", where="--digest", hint="add --service backend")
    if digest is not None and not DIGEST.fullmatch(digest):
        raise BadUseError(f"{digest} is no digest of an image", where="--digest", hint="sha256: and 64 hexadecimal digits")
    if service is None:
        if not named:
            raise RefusedError("no-images", f"the settings of {stack} name no image", where=f"stack {stack}", hint="docs/images.md, Push")
        return named
    if service not in REPOSITORIES:
        raise BadUseError(f"there is no repository {service}", where="--service", hint=f"one of {', '.join(REPOSITORIES)}")
    if digest is None and service not in named:
        raise BadUseError(f"the settings of {stack} name no image of {service}", where="--service", hint="add --digest sha256:…")
    return {service: digest or named[service]}


def _profile(session: Session, settings: Settings) -> str | None:
    """The signing profile, where images must be signed. Raises CannotTellError where the stack has not made it yet."""
    from infra.settings.registry import Signing
    from nautilus.cli.errors import CannotTellError

    if settings.registry.signing is Signing.OFF:
        return None
    profile = session.engine.outputs().get("signingProfileArn")
    if not isinstance(profile, str) or not profile:
        raise CannotTellError(
            "no-outputs",
            f"registry.signing is required, but the outputs of {session.stack} name no signing profile",
            where=f"stack {session.stack}",
            hint=f"nautilus up --stack {session.stack}",
        )
    return profile


def _table(console: Console, document: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"images of {document['stack']}", title_justify="left")
    for column in ("image", "may run", "scan", "critical", "high", "signature"):
        made.add_column(column, overflow="fold")
    for name, one in document["images"].items():
        signature = one["signature"]["reason"] if one["signature"] else "not asked for"
        made.add_row(
            Text(f"{name}@{one['digest'][:19]}…"),
            Text("yes" if one["passed"] else "NO", style="green" if one["passed"] else "bold red"),
            Text(one["status"]),
            Text(str(one["counts"].get("CRITICAL", 0))),
            Text(str(one["counts"].get("HIGH", 0))),
            Text(signature),
        )
    console.print(made)
