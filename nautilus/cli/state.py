"""`state export`: the Pulumi state as JSON."""

from __future__ import annotations

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption, SecretsOption

state_app = typer.Typer(help="The Pulumi state of a stack.", no_args_is_help=True)


@state_app.callback()
def _group() -> None:
    """Keep `export` a command of its own while it is the only one."""


@state_app.command("export")
def export(
    stack: LocalStackOption = "local",
    show_secrets: SecretsOption = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the state as JSON, in the form of `pulumi stack export`. Secrets stay encrypted unless --show-secrets."""
    from nautilus.cli.session import open_session, simulation_notice

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    document = session.engine.export(show_secrets=show_secrets)
    if session.simulated:
        session.output.note(simulation_notice(), style="dim")
    session.output.write_json(document)
