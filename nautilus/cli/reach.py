"""`reach`: who reaches whom in the planned network, proved; with the firewall matrix, the audit and the picture of the same plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption

if TYPE_CHECKING:
    from nautilus.inventory import Inventory
    from nautilus.inventory.reach import Proof

_NAMES = (
    "internet, cloudfront, load-balancer, frontend, backend, engine, ib-gateway, postgres, timescale, cache, session-files, endpoints, s3"
)


def reach(
    source: Annotated[str | None, typer.Argument(metavar="SOURCE", help=f"Who opens the connection: {_NAMES}.", show_default=False)] = None,
    target: Annotated[str | None, typer.Argument(metavar="TARGET", help="To whom; the same names.", show_default=False)] = None,
    port: Annotated[
        str | None, typer.Argument(metavar="[PORT]", help="The target's TCP port; without it any port.", show_default=False)
    ] = None,
    stack: LocalStackOption = "local",
    file: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Ask a state export, a preview or an event log instead of a new plan.", show_default=False
        ),
    ] = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Count only connections that no CloudFront and no load balancer forwards.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="List what is wrong with the network instead; exit code 1 when anything is.")
    ] = False,
    matrix: Annotated[bool, typer.Option("--matrix", help="Print the firewall matrix as Markdown instead.")] = False,
    picture: Annotated[bool, typer.Option("--picture", help="Draw the network as Mermaid instead.")] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove whether SOURCE can open a TCP connection to TARGET: exit code 0 with the path, 1 with where every attempt ends.

    The proof reads planned resources alone: security groups, network ACLs, routes, firewall, load balancers. A path through CloudFront or
    a load balancer counts and is called an application path. Exit code 3: a value that nobody knows yet decides.
    """
    from nautilus.cli.errors import BadUseError
    from nautilus.cli.output import Output
    from nautilus.cli.plans import inventory_of, with_network

    others = [name for name, wanted in (("--audit", audit), ("--matrix", matrix), ("--picture", picture)) if wanted]
    if len(others) > 1 or (others and source is not None):
        raise BadUseError(f"{' and '.join(others)} cannot stand beside {'each other' if len(others) > 1 else 'SOURCE and TARGET'}")
    if not others and (source is None or target is None):
        raise BadUseError("SOURCE and TARGET are missing", hint="nautilus reach internet postgres")
    number = _port(port)
    output = Output(as_json)
    title = file.name if file else f"nautilus-infra {stack}"
    inventory = with_network(inventory_of(stack, file, config_dir, as_json=as_json), title)
    if audit:
        _audit(output, inventory, title)
    elif matrix:
        from nautilus.inventory.matrix import markdown
        from nautilus.inventory.matrix import matrix as read_matrix
        from nautilus.inventory.network import read

        found = read_matrix(read(inventory))
        output.emit({"title": title, **found.as_document()}, lambda _console: output.write_text(markdown(found)))
    elif picture:
        from nautilus.inventory.network import read
        from nautilus.inventory.picture import picture as draw

        text = draw(read(inventory), title)
        output.emit({"title": title, "mermaid": text}, lambda _console: output.write_text(text))
    else:
        _prove(output, inventory, title, source or "", target or "", number, direct)


def _port(text: str | None) -> int | None:
    from nautilus.cli.errors import BadUseError

    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise BadUseError(f"{text} is no TCP port", hint="a whole number from 1 to 65535")
    return int(text)


def _audit(output: Any, inventory: Inventory, title: str) -> None:
    from nautilus.cli.errors import ExitCode
    from nautilus.inventory.audit import findings

    found = findings(inventory)
    lines = [f"{item.code}  {item.resource}\n    {item.message}" for item in found]
    lines.append(f"{title}: {len(found)} finding{'' if len(found) == 1 else 's'} in the network")
    output.emit({"title": title, "findings": [item.as_document() for item in found]}, lambda _console: output.write_text("\n".join(lines)))
    if found:
        raise typer.Exit(ExitCode.NO)


def _prove(output: Any, inventory: Inventory, title: str, source: str, target: str, port: int | None, direct: bool) -> None:
    from nautilus.cli.errors import BadUseError, ExitCode
    from nautilus.inventory.reach import Answer, UnknownNameError, prove

    try:
        proof = prove(inventory, source.lower(), target.lower(), port, direct=direct)
    except UnknownNameError as error:
        raise BadUseError(f"nothing is called {error.name} in {title}", hint=f"one of: {', '.join(error.names)}") from error
    except ValueError as error:
        raise BadUseError(str(error)) from error
    output.emit({"title": title, **proof.as_document()}, lambda _console: output.write_text(text(proof)))
    code = {Answer.YES: ExitCode.OK, Answer.NO: ExitCode.NO, Answer.UNKNOWN: ExitCode.UNKNOWN}[proof.answer]
    if code is not ExitCode.OK:
        raise typer.Exit(code)


def text(proof: Proof) -> str:
    """A proof for people."""
    from nautilus.inventory.ports import ports_text
    from nautilus.inventory.reach import Answer

    asked = f":{proof.port}" if proof.port is not None else ""
    head = f"{proof.source} → {proof.target}{asked}: {proof.answer.value}"
    if proof.kind:
        used = f" on {proof.path_port}" if proof.port is None and proof.path_port is not None else ""
        head += f", by {'a direct connection' if proof.kind == 'direct' else 'an application path'}{used}"
    lines = [head]
    lines += [
        f"  {number:>2}. {hop.kind}: {hop.text}{f'  [{hop.resource}]' if hop.resource else ''}" for number, hop in enumerate(proof.hops, 1)
    ]
    if proof.port is None and proof.ports and proof.kind == "direct":
        lines.append(f"  open: {ports_text(proof.ports)}")
    if proof.zones:
        lines.append("  zones differ: " + ", ".join(f"{zone} {answer.value}" for zone, answer in proof.zones))
    if proof.answer is not Answer.YES or proof.zones:
        lines += [
            f"  ends: {item.reason}" + (f"  ({item.attempts}×, such as {item.example})" if item.attempts else "") for item in proof.endings
        ]
    return "\n".join(lines)
