"""The `nautilus` command: which commands there are, and how each of them ends.

Heavy modules are imported inside the commands, so that `nautilus --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from nautilus.cli import (
    backup,
    bootstrap,
    cost,
    deploy,
    diff,
    doctor,
    dr,
    egress,
    engine,
    flags,
    graph,
    images,
    migrate,
    outputs,
    reach,
    rollout,
    secrets,
    smoke,
    state,
)
from nautilus.cli.errors import CliError, ExitCode, StoppedError, classify, debugging
from nautilus.cli.output import Output, asks_for_json

_EPILOG = (
    "--stack, --config-dir and --json may stand before or after the command. "
    "Exit codes: 0 as asked, 1 the answer is no, 2 bad use, 3 it could not tell, 130 Ctrl-C."
)

app = typer.Typer(
    name="nautilus",
    help="The trading platform on AWS: bring it up, look at it, take it down. Without --stack: local, on a simulated AWS.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(deploy.up)
app.command()(deploy.preview)
app.command()(deploy.destroy)
app.command()(deploy.refresh)
app.command()(outputs.outputs)
app.command()(graph.graph)
app.command()(reach.reach)
app.command()(diff.diff)
app.command()(cost.cost)
app.command()(bootstrap.bootstrap)
app.command()(doctor.doctor)
app.command()(migrate.migrate)
app.command()(smoke.smoke)
app.add_typer(state.state_app, name="state")
app.add_typer(egress.egress_app, name="egress")
app.add_typer(engine.engine_app, name="engine")
app.add_typer(backup.backup_app, name="backup")
app.add_typer(dr.dr_app, name="dr")
app.add_typer(rollout.rollout_app, name="rollout")
app.add_typer(flags.flags_app, name="flags")
app.add_typer(secrets.secrets_app, name="secrets")
app.add_typer(images.images_app, name="images")


def _mount_config() -> None:
    from nautilus.cli.config import config_app

    app.add_typer(config_app, name="config")


_mount_config()


def _version(wanted: bool) -> None:
    if wanted:
        try:
            sys.stdout.write(f"nautilus-infra {version('nautilus-infra')}\n")
        except PackageNotFoundError:
            sys.stdout.write("nautilus-infra (not installed)\n")
        raise typer.Exit


@app.callback()
def _root(
    _show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    """Hold the options of the command itself."""


_WITH_VALUE = ("--stack", "-s", "--config-dir")


def hoisted(argv: Sequence[str]) -> list[str]:
    """`argv` with the shared options that stand before the command put behind it, where the command reads them."""
    before: list[str] = []
    rest = list(argv)
    while rest:
        head = rest[0]
        if head == "--json" or head.startswith(tuple(f"{name}=" for name in _WITH_VALUE if name.startswith("--"))):
            before.append(rest.pop(0))
        elif head in _WITH_VALUE and len(rest) > 1:
            before += [rest.pop(0), rest.pop(0)]
        else:
            break
    if not before or not rest:
        return [*before, *rest]
    cut = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:cut], *before, *rest[cut:]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Never raises, and shows a traceback only with NAUTILUS_DEBUG=1."""
    args = list(sys.argv[1:] if argv is None else argv)
    output = Output(asks_for_json(args))
    command: Callable[..., Any] = typer.main.get_command(app)
    try:
        answer = command.main(args=hoisted(args), prog_name="nautilus", standalone_mode=False)  # pyright: ignore[reportFunctionMemberAccess] - a click command
        code = answer if isinstance(answer, int) else 0
        if code == ExitCode.INTERRUPTED:
            raise StoppedError
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`): there is nobody left to tell, and Python must not complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.UNKNOWN
    except SystemExit as leaving:
        # No command leaves this way: it is shell completion, or typer at a reader that went away, which it reports as 1.
        return ExitCode.OK if not leaving.code else ExitCode.UNKNOWN
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the border of the program
        return _failed(output, error)
    return code


def _failed(output: Output, error: BaseException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        # Some versions print the help themselves and raise with an empty text, others raise with the help as the text.
        output.stderr.write(f"{getattr(error, 'format_message', str)()}\n")
        return ExitCode.USAGE
    problem: CliError = classify(error)
    if debugging() and not isinstance(error, CliError):
        import traceback

        traceback.print_exception(error, file=output.stderr)
    output.fail(problem)
    return int(problem.exit_code)


if __name__ == "__main__":
    raise SystemExit(main())
