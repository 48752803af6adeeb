"""Reads Suricata rules far enough to tell whether a `pass` is held to a name or to an address. What cannot be read is not narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from policies.security_groups import is_outside, is_world, network_of

_HEADER = re.compile(
    r"(?P<protocol>\S+)\s+(?P<source>!?\[[^()]*?\]|\S+)\s+(?P<source_port>!?\[[^()]*?\]|\S+)\s+(?P<way>->|<>)\s+"
    r"(?P<target>!?\[[^()]*?\]|\S+)\s+(?P<port>!?\[[^()]*?\]|\S+)\s*\((?P<options>.*)\)\s*"
)
_OPTION = re.compile(r'(?:[^;"\\]|\\.|"(?:[^"\\]|\\.)*")+')
_NAMES = ("tls.sni", "tls_sni", "http.host", "dns.query")
_NAME = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
"""A name of two labels or more: `.com` is no limit."""
_LAST_PORT = 65535


@dataclass(frozen=True)
class Pass:
    """One `pass` rule, and what is too wide about it (empty when it is narrow)."""

    text: str
    fault: str


def passes(text: str, sets: Mapping[str, Sequence[str]]) -> Iterator[Pass]:
    """Every `pass` rule of a text.

    Args:
        text: Suricata rules, one a line; comments and continued lines as Suricata has them.
        sets: The address variables that the rule group defines, without the dollar.
    """
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        action, _, rest = line.strip().partition(" ")
        if action.lower() == "pass":
            yield Pass(line.strip(), _fault(rest.strip(), sets))


def name_is_narrow(name: str) -> bool:
    """Whether a domain, or with a leading dot everything below it, is less than a top-level domain."""
    return bool(_NAME.fullmatch(name))


def _fault(rule: str, sets: Mapping[str, Sequence[str]]) -> str:
    found = _HEADER.fullmatch(rule)
    if found is None:
        return "cannot be read"
    if _named(found["options"]):
        return ""
    sides = [(found["target"], found["port"])]
    if found["way"] == "<>":
        sides.append((found["source"], found["source_port"]))
    for address, port in sides:
        if _wide(address, sets):
            return f"passes {found['protocol']} to {address} port {port} whatever the name"
        if _leaves(address, sets) and _any_port(port):
            return f"passes {found['protocol']} to {address} on every port"
    return ""


def _named(options: str) -> bool:
    """Whether the rule is held to the end of a name: content of a name's buffer that `endswith` anchors."""
    buffer, name = "", ""
    for option in _OPTION.findall(options):
        keyword, _, value = option.strip().partition(":")
        if keyword in _NAMES or (not value and "." in keyword):
            buffer, name = keyword, ""
        elif keyword == "content":
            name = value.strip().strip('"') if buffer in _NAMES and not value.strip().startswith("!") else ""
        elif keyword == "endswith" and name_is_narrow(name):
            return True
    return False


def _members(address: str, sets: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The blocks that an address stands for; `None` where it may be anybody."""
    if address == "$HOME_NET" and "HOME_NET" not in sets:
        return []
    if address.startswith("$"):
        return list(sets[address[1:]]) if address[1:] in sets else None
    if address.startswith("!"):
        return None
    if not address.startswith("["):
        return [address]
    found: list[str] = []
    for part in address[1:-1].split(","):
        inner = _members(part.strip(), sets)
        if inner is None:
            return None
        found += inner
    return found


def _wide(address: str, sets: Mapping[str, Sequence[str]]) -> bool:
    members = _members(address, sets)
    return members is None or any(network_of(member) is None or is_world(member) for member in members)


def _leaves(address: str, sets: Mapping[str, Sequence[str]]) -> bool:
    return any(is_outside(member) for member in _members(address, sets) or ())


def _any_port(port: str) -> bool:
    if port.lower() == "any" or port.startswith(("!", "$")):
        return True
    for part in port.strip("[]").split(","):
        first, colon, last = part.strip().partition(":")
        if colon and int(first or 0) <= 1 and int(last or _LAST_PORT) >= _LAST_PORT:
            return True
    return False
