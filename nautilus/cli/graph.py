"""`graph`: the architecture as a Mermaid flow chart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption


def graph(
    stack: LocalStackOption = "local",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Draw a state export, a preview or an event log instead of a new plan.", show_default=False
        ),
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=1, max=5, help="How many levels of components to show.")] = 1,
    reduce: Annotated[bool, typer.Option("--reduced", help="Leave out arrows that other arrows imply.")] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the architecture as Mermaid: one box a component, an arrow to each component that it needs."""
    from nautilus.cli.errors import BadUseError
    from nautilus.cli.output import Output
    from nautilus.inventory.graph import as_document, component_graph, mermaid, reduced
    from nautilus.inventory.loaders import InventoryError, load

    output = Output(as_json)
    if source is not None:
        try:
            inventory = load(source.read_text("utf-8"))
        except InventoryError as error:
            raise BadUseError(str(error), where=str(source)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise BadUseError(f"cannot be read: {error}", where=str(source)) from error
        title = source.name
    else:
        from nautilus.cli.plans import plan
        from nautilus.cli.session import open_session

        inventory = plan(open_session(stack, config_dir=config_dir, as_json=as_json, sandbox=True))
        title = f"nautilus-infra {stack}"
    drawn = component_graph(inventory, depth)
    if reduce:
        drawn = reduced(drawn)
    text = mermaid(drawn, title)
    if as_json:
        output.write_json({"title": title, **as_document(drawn), "mermaid": text})
    else:
        output.write_text(text)
