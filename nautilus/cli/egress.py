"""`egress check`: whether the egress firewall of a stack lets a connection out, and by which rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nautilus.cli.errors import BadUseError, CannotTellError, ExitCode
from nautilus.cli.options import ConfigDirOption, JsonOption, LocalStackOption

if TYPE_CHECKING:
    from rich.console import Console

    from nautilus.inventory.firewall import Verdict

egress_app = typer.Typer(name="egress", help="The way out of the VPC: what the egress firewall lets through.", no_args_is_help=True)

_ACCEPTED = "accepted: HOST:PORT, a name or an IPv4 address and a port from 1 to 65535, such as api.binance.com:443 or 8.17.22.31:4001"
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\.?")


def parse_target(text: str) -> tuple[str, int]:
    """Host, in lower case, and port.

    Raises:
        BadUseError: another form, an IPv6 address among them: the VPC speaks IPv4 alone.
    """
    from ipaddress import AddressValueError, IPv4Address

    host, _, digits = text.strip().lower().rpartition(":")
    if ":" in host or host.startswith("["):
        raise BadUseError(f"{text} is no IPv4 address or name with a port; IPv6 is off in the VPC", where="egress check", hint=_ACCEPTED)
    if not digits.isascii() or not digits.isdigit() or not 1 <= int(digits) <= 65_535:
        raise BadUseError(f"{text} has no port from 1 to 65535", where="egress check", hint=_ACCEPTED)
    if re.fullmatch(r"[0-9.]+", host):
        try:
            IPv4Address(host)
        except AddressValueError:
            raise BadUseError(f"{host} is no IPv4 address", where="egress check", hint=_ACCEPTED) from None
    elif not _NAME.fullmatch(host):
        raise BadUseError(f"{host or text} is neither a full name nor an IPv4 address", where="egress check", hint=_ACCEPTED)
    return host, int(digits)


def lookup(host: str) -> tuple[str, ...]:
    """The IPv4 addresses of a name, as this machine's resolver says.

    Raises:
        CannotTellError: it has none, or the resolver does not answer.
    """
    import socket

    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotTellError("dns", f"{host} does not resolve here: {error}", where="egress check --resolve") from error
    return tuple(sorted({str(address[0]) for *_, address in found}))


@egress_app.command()
def check(
    target: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where to, such as api.binance.com:443 or 8.17.22.31:4001.")],
    stack: LocalStackOption = "local",
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Judge a state export or a preview instead of a new plan.", show_default=False),
    ] = None,
    protocol: Annotated[str, typer.Option("--protocol", help="tcp, udp or icmp.")] = "tcp",
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Look a name up in DNS and judge its addresses too, for rules by address.")
    ] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a connection from the app tier may leave, and which rule says so. Exit code 0: it may; 1: it may not."""
    from nautilus.cli.output import Output
    from nautilus.cli.plans import inventory_of, with_network
    from nautilus.inventory.firewall import verdict
    from nautilus.inventory.suricata import PROTOCOLS, FirewallError

    host, port = parse_target(target)
    protocol = protocol.lower()
    if protocol not in PROTOCOLS:
        raise BadUseError(
            f"{protocol} is no protocol that the firewall knows", where="egress check --protocol", hint=f"accepted: {', '.join(PROTOCOLS)}"
        )
    inventory = with_network(inventory_of(stack, source, config_dir, as_json=as_json), str(source or f"stack {stack}"))
    try:
        found = verdict(inventory, host, port, protocol)
        addresses: dict[str, Verdict] = {}
        if resolve and not found.allowed and not host.replace(".", "").isdigit():
            addresses = {address: verdict(inventory, address, port, protocol) for address in lookup(host)}
            if all(one.allowed for one in addresses.values()):
                found = next(iter(addresses.values()))
    except FirewallError as error:
        raise CannotTellError("firewall", f"the firewall cannot be judged: {error}", where=str(source or f"stack {stack}")) from error
    document = _document(stack, source, host, port, protocol, found, addresses)
    Output(as_json).emit(document, lambda console: _render(console, document))
    if not found.allowed:
        raise typer.Exit(int(ExitCode.NO))


def _document(
    stack: str, source: Path | None, host: str, port: int, protocol: str, found: Verdict, addresses: dict[str, Verdict]
) -> dict[str, Any]:
    return {
        "stack": None if source else stack,
        "file": str(source) if source else None,
        "host": host,
        "port": port,
        "protocol": protocol,
        "allowed": found.allowed,
        "firewall": found.firewall,
        "logged": found.logged,
        "rule": found.rule,
        "group": found.group,
        "reason": found.reason,
        "addresses": {address: {"allowed": one.allowed, "rule": one.rule} for address, one in addresses.items()},
    }


def _render(console: Console, document: dict[str, Any]) -> None:
    word = "allowed" if document["allowed"] else "not allowed"
    suffix = "" if document["protocol"] == "tcp" else f"/{document['protocol']}"
    lines = [f"{word}: {document['host']}:{document['port']}{suffix}", f"  {document['reason']}"]
    if document["firewall"]:
        lines.append(f"  by {document['rule']}" + (f" ({document['group']})" if document["group"] else ""))
    if document["logged"]:
        lines.append("  the firewall writes a line in its alert log")
    lines += [
        f"  {address}: {'allowed' if one['allowed'] else 'not allowed'} by {one['rule']}" for address, one in document["addresses"].items()
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
