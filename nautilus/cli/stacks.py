"""Which folder, which stack, which settings: what every command that names a stack needs first."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nautilus.cli.errors import BadUseError, SettingsRefusedError

if TYPE_CHECKING:
    from infra.settings.root import AccountSettings, Settings

LOCAL: Final = "local"
"""The stack that lives on the sandbox and nowhere else."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def project_folder(start: Path | None = None) -> Path:
    """The folder with our Pulumi.yaml: the current one or the nearest above it, else the checkout that this package stands in.

    Raises BadUseError when there is none.
    """
    here = (start or Path.cwd()).resolve()
    own = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, own):
        if (folder / "Pulumi.yaml").is_file() and (folder / "infra").is_dir():
            return folder
    raise BadUseError(
        "there is no Pulumi.yaml of nautilus-infra here or in a folder above",
        where=str(here),
        hint="run this inside a checkout of nautilus-infra",
    )


def check_name(stack: str) -> str:
    """`stack`, when Pulumi would take it as a stack's name.

    Raises BadUseError otherwise; a name may not lead out of the folder of stack files.
    """
    if not _NAME.fullmatch(stack):
        raise BadUseError(f"{stack!r} is not a stack name: letters, digits, `_`, `-` and `.`, at most 100", where="--stack")
    return stack


def known_stacks(folder: Path) -> list[str]:
    """The stacks that have a file in `folder`."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml"))


def settings_folder(config_dir: Path | None) -> Path:
    """Where stack files are read: `--config-dir`, else the project.

    Raises BadUseError when `--config-dir` is not a folder.
    """
    if config_dir is None:
        return project_folder()
    if not config_dir.is_dir():
        raise BadUseError("is not a folder", where=f"--config-dir {config_dir}")
    return config_dir.resolve()


def required(stack: str | None, folder: Path) -> str:
    """`stack`, for commands that have no default.

    Raises BadUseError naming the stacks that exist.
    """
    if stack is None:
        raise BadUseError(
            "which stack?", where="--stack", hint=f"add --stack with one of: {', '.join(known_stacks(folder)) or 'none found'}"
        )
    return check_name(stack)


def load_settings(stack: str, folder: Path) -> Settings | AccountSettings:
    """The settings of a stack, checked.

    Raises SettingsRefusedError (exit code 2) with all problems at once.
    """
    from infra.settings.loader import load_stack
    from infra.settings.problems import SettingsError

    try:
        return load_stack(stack, folder, today=datetime.now(UTC).date())
    except SettingsError as error:
        texts = [str(problem) for problem in error.problems] or [str(error)]
        document = {"problems": [problem.as_json() for problem in error.problems]}
        raise SettingsRefusedError(stack, texts, where=str(folder / f"Pulumi.{stack}.yaml"), document=document) from None
