"""`bootstrap`: what must stand in an AWS account before the first `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption, YesOption

if TYPE_CHECKING:
    from rich.console import Console

    from nautilus.ops.steps import StepResult

_STYLES = {
    "done": "green",
    "applied": "green",
    "missing": "yellow",
    "differs": "yellow",
    "warning": "yellow",
    "unknown": "yellow",
    "failed": "bold red",
}


def bootstrap(
    stack: StackOption = None,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            metavar="OWNER/NAME",
            help="Also make the roles of this GitHub repository's workflows; OWNER@id/NAME@id where its OIDC subject carries numbers.",
            show_default=False,
        ),
    ] = None,
    branch: Annotated[str, typer.Option("--branch", help="Branch whose workflows may preview, beside pull requests.")] = "main",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look and say what would be made; change nothing.")] = False,
    yes: YesOption = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prepare an AWS account: state bucket, keys, CI roles, service-linked roles, quotas. May be run again at any time."""
    from botocore.exceptions import BotoCoreError

    from nautilus.cli import account
    from nautilus.cli.errors import BadUseError, CannotTellError
    from nautilus.cli.needs import target_of
    from nautilus.cli.session import open_session
    from nautilus.cli.stacks import LOCAL, required, settings_folder
    from nautilus.ops.bootstrap import steps
    from nautilus.ops.steps import Status, run_steps

    stack = required(stack, settings_folder(config_dir))
    if stack == LOCAL:
        raise BadUseError("the stack local lives on the simulated AWS and needs no bootstrap", where="--stack local", hint="nautilus up")
    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    try:
        target = target_of(stack, session.settings, repository=repository, branch=branch)
    except ValueError as error:
        raise BadUseError(str(error), where="--repository") from None
    session.name_account()
    if not dry_run:
        session.confirm(f"Prepare account {target.account}, {target.region}, for stack {stack}?", yes=yes)

    def tell(result: StepResult) -> None:
        if not as_json:
            session.output.note(_line(result), style=_STYLES[result.status.value])

    try:
        results = run_steps(steps(account.aws_session(target.region), target), dry_run=dry_run, on_result=tell)
    except BotoCoreError as error:
        raise account.aws_trouble(error, f"bootstrap of {stack}") from error
    document: dict[str, Any] = {
        "operation": "bootstrap",
        "stack": stack,
        "account": target.account,
        "region": target.region,
        "dryRun": dry_run,
        "steps": [result.as_document() for result in results],
        "next": target.commands(),
    }
    broken = [result for result in results if result.status is Status.FAILED]
    if broken:
        raise CannotTellError(
            "aws",
            f"AWS refused a step: {broken[0].title}",
            where=f"account {target.account}",
            details=[broken[0].detail],
            hint="mend it and run the same command again: it goes on where it stopped",
            document=document,
        )

    def render(console: Console) -> None:
        console.print("dry run: nothing was changed" if dry_run else "what comes next:", style="bold", markup=False)
        for command in target.commands():
            console.print(f"  {command}", markup=False, soft_wrap=True)

    session.output.emit(document, render)


def _line(result: StepResult) -> str:
    actions = "".join(f"\n            → {action}" for action in result.actions) if result.status.value not in ("done", "applied") else ""
    return f"{result.status.value:<9} {result.title}: {result.detail}{actions}"
