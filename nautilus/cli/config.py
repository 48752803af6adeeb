"""`config check` and `config docs`: what is wrong with a stack file, and the pages that describe every key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from infra.settings.base import Section
    from infra.settings.problems import SettingsError
    from infra.settings.root import AccountSettings, Settings
    from nautilus.cli.errors import CliError

config_app = typer.Typer(help="Check a stack's settings; write the pages that describe them.", no_args_is_help=True)


@config_app.callback()
def _group() -> None:
    """Check a stack's settings; write the pages that describe them."""


@config_app.command()
def check(stack: LocalStackOption = "local", config_dir: ConfigDirOption = None, as_json: JsonOption = False) -> None:
    """List everything that is wrong with a stack file, each with its repair (exit 1), or print the resolved settings.

    Needs no credentials, no network and no Pulumi. With --json: {"stack", "file", "settings"}, or {"error", "problems"}.
    """
    from infra.settings.loader import load_stack
    from infra.settings.problems import SettingsError
    from infra.settings.validation import file_of
    from nautilus.cli.output import Output
    from nautilus.cli.stacks import check_name, settings_folder

    output = Output(as_json)
    file = settings_folder(config_dir) / file_of(check_name(stack))
    try:
        settings = load_stack(stack, file.parent, today=datetime.now(UTC).date())
    except SettingsError as error:
        raise _refused(stack, file, error) from None

    def show(console: Console) -> None:
        for line in resolved(settings):
            console.print(line, markup=False, soft_wrap=True, style="dim" if line.endswith(DEFAULT) else None)

    output.emit({"stack": stack, "file": str(file), "settings": settings.model_dump(mode="json", by_alias=True)}, show)
    output.note(f"{file.name}: no problems", style="green")


def _refused(stack: str, file: Path, error: SettingsError) -> CliError:
    from nautilus.cli.errors import RefusedError

    count = len(error.problems)
    return RefusedError(
        "settings",
        f"the settings of stack {stack} have {count} problem{'' if count == 1 else 's'}",
        where=str(file),
        details=[str(problem) for problem in error.problems],
        document={"problems": [problem.as_json() for problem in error.problems]},
    )


DEFAULT = "  # default"
"""Ends the line of a value that the file does not set."""


def resolved(settings: Settings | AccountSettings) -> Iterator[str]:
    """The settings as YAML, every key, marked where the file does not set it."""
    yield from _lines(settings, "", whole_default=False)


def _lines(section: Section, indent: str, *, whole_default: bool) -> Iterator[str]:
    from infra.settings.base import Section

    plain: dict[str, Any] = section.model_dump(mode="json", by_alias=True)
    for attribute, info in type(section).model_fields.items():
        name = info.alias or attribute
        value = getattr(section, attribute)
        default = whole_default or attribute not in section.model_fields_set
        if isinstance(value, Section):
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ", whole_default=default)
        else:
            yield f"{indent}{name}: {_flow(plain[name])}{DEFAULT if default else ''}"


def _flow(value: Any) -> str:
    """One value on one line, as YAML."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=100_000)
    return text.removesuffix("\n").removesuffix("\n...")


@config_app.command()
def docs(
    only_check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a page is not up to date.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write docs/settings.md and docs/settings.schema.json from the settings' types."""
    from infra.settings.docs import pages
    from nautilus.cli.errors import RefusedError
    from nautilus.cli.output import Output
    from nautilus.cli.stacks import project_folder

    output = Output(as_json)
    root = project_folder()
    stale: list[str] = []
    for name, text in pages().items():
        path = root / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if not only_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if only_check and stale:
        raise RefusedError(
            "docs-stale", f"not up to date: {', '.join(stale)}", where=str(root), hint="nautilus config docs", document={"stale": stale}
        )
    output.emit({"files": list(pages()), "written": stale}, None)
    output.note(f"written: {', '.join(stale)}" if stale else "up to date")
