"""Options that every command shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StackOption = Annotated[
    str | None,
    typer.Option("--stack", "-s", metavar="STACK", help="Stack: local, staging, paper, prod or account.", show_default=False),
]
"""A stack without a default: the command decides what None means."""

LocalStackOption = Annotated[str, typer.Option("--stack", "-s", metavar="STACK", help="Stack: local, staging, paper, prod or account.")]
"""A stack that is `local` unless another is named."""

ConfigDirOption = Annotated[
    Path | None,
    typer.Option(
        "--config-dir", metavar="DIR", help="Read Pulumi.<stack>.yaml from this folder instead of the project's.", show_default=False
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; everything else on stderr.")]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing (needed without a terminal).")]

TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", metavar="MINUTES", min=0.1, help="Give up after so many minutes (exit code 3).", show_default=False),
]

SecretsOption = Annotated[bool, typer.Option("--show-secrets", help="Show secret values in clear text.")]
"""Without it a secret is `[secret]`."""
