"""`outputs`: what a stack tells other tools, flat."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption, SecretsOption

ENV_PREFIX: Final = "NAUTILUS_"
"""First part of every variable: `REGION` or `ENVIRONMENT` alone would overwrite what others mean by them."""


class Format(StrEnum):
    """How outputs are written."""

    JSON = "json"
    ENV = "env"
    YAML = "yaml"


def variable(key: str) -> str:
    """The environment variable of an output: `natAddresses` gives `NAUTILUS_NAT_ADDRESSES`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key)
    return ENV_PREFIX + re.sub(r"[^A-Za-z0-9]+", "_", words).upper()


def as_env(values: Mapping[str, Any]) -> str:
    """Assignments for a shell: strings as they are, lists and maps as JSON, sorted and quoted."""
    lines = [
        f"{variable(key)}={shlex.quote(value if isinstance(value, str) else json.dumps(value, sort_keys=True))}"
        for key, value in sorted(values.items())
    ]
    return "".join(f"{line}\n" for line in lines)


def as_yaml(values: Mapping[str, Any]) -> str:
    """YAML with sorted keys."""
    import yaml

    return str(yaml.safe_dump(dict(values), sort_keys=True, allow_unicode=False, default_flow_style=False, width=4096))


def outputs(
    stack: LocalStackOption = "local",
    form: Annotated[Format, typer.Option("--format", "-f", help="json, env (shell assignments) or yaml.")] = Format.JSON,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the outputs instead.")] = False,
    show_secrets: SecretsOption = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a stack's outputs. Secret values are masked unless --show-secrets."""
    from nautilus.cli.output import Output

    if schema:
        from infra.outputs import schema as contract

        Output(as_json).write_json(contract())
        return
    from nautilus.cli.errors import RefusedError
    from nautilus.cli.session import open_session, simulation_notice

    session = open_session(stack, config_dir=config_dir, as_json=as_json)
    values = session.engine.outputs(show_secrets=show_secrets)
    if not values:
        raise RefusedError(
            "no-outputs", f"stack {stack} has no outputs: it is not up", where=f"stack {stack}", hint=f"nautilus up --stack {stack}"
        )
    if session.simulated:
        session.output.note(simulation_notice(), style="dim")
    if as_json or form is Format.JSON:
        session.output.write_json(dict(sorted(values.items())))
    else:
        session.output.write_text(as_env(values) if form is Format.ENV else as_yaml(values))
