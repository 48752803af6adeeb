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
    from nautilus.cli.output import Output
    from nautilus.cli.plans import inventory_of
    from nautilus.inventory.graph import as_document, component_graph, mermaid, reduced

    output = Output(as_json)
    inventory = inventory_of(stack, source, config_dir, as_json=as_json)
    title = source.name if source else f"nautilus-infra {stack}"
    drawn = component_graph(inventory, depth)
    if reduce:
        drawn = reduced(drawn)
    text = mermaid(drawn, title)
    if as_json:
        output.write_json({"title": title, **as_document(drawn), "mermaid": text})
    else:
        output.write_text(text)
