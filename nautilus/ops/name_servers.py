"""Which name servers the world is told for a domain: one NS question over UDP, because the standard library asks for addresses only."""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_NS: Final = 2
_IN: Final = 1
_NXDOMAIN: Final = 3
_JUMPS: Final = 32
FALLBACK: Final = ("1.1.1.1", "8.8.8.8")
"""Asked where the system names no resolver."""

Exchange = Callable[[str, bytes], bytes]


class LookupFailedError(Exception):
    """Nobody answered, or what came was no answer; this says nothing about the delegation."""


def resolvers(path: Path = Path("/etc/resolv.conf")) -> list[str]:
    """The system's resolvers, else public ones."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return list(FALLBACK)
    found = [parts[1] for line in lines if (parts := line.split()) and parts[0] == "nameserver" and len(parts) > 1]
    return found or list(FALLBACK)


def question(domain: str, number: int) -> bytes:
    """A recursive question for the NS records of `domain`.

    Raises ValueError when a label is longer than 63 characters or empty.
    """
    labels = domain.rstrip(".").encode("idna").split(b".")
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", _NS, _IN)


def _name(message: bytes, offset: int) -> tuple[str, int]:
    """The name at `offset`, and the offset behind it. Names may point back into the message."""
    labels: list[str] = []
    after: int | None = None
    for _ in range(_JUMPS):
        length = message[offset]
        if length & 0xC0 == 0xC0:
            after = offset + 2 if after is None else after
            offset = struct.unpack(">H", message[offset : offset + 2])[0] & 0x3FFF
        elif length == 0:
            return ".".join(labels).lower(), offset + 1 if after is None else after
        else:
            labels.append(message[offset + 1 : offset + 1 + length].decode("ascii", "replace"))
            offset += 1 + length
    raise LookupFailedError("the answer's names run in a circle")


def answers(message: bytes, number: int) -> frozenset[str]:
    """The name servers in an answer; empty when the domain does not exist or has none.

    Raises LookupFailedError when the message is no answer to the question `number`, or a refusal.
    """
    try:
        got, flags, questions, records = struct.unpack(">HHHH", message[:8])
        if got != number or not flags & 0x8000:
            raise LookupFailedError("that is no answer to the question")
        code = flags & 0x000F
        if code == _NXDOMAIN:
            return frozenset()
        if code:
            raise LookupFailedError(f"the resolver refused with code {code}")
        offset = 12
        for _ in range(questions):
            offset = _name(message, offset)[1] + 4
        found: set[str] = set()
        for _ in range(records):
            offset = _name(message, offset)[1]
            kind, _class, _ttl, length = struct.unpack(">HHIH", message[offset : offset + 10])
            if kind == _NS:
                found.add(_name(message, offset + 10)[0])
            offset += 10 + length
    except (struct.error, IndexError) as error:
        raise LookupFailedError("the answer is cut short") from error
    return frozenset(found)


def _over_udp(server: str, message: bytes, timeout: float = 3.0) -> bytes:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        channel.connect((server, 53))
        channel.send(message)
        return channel.recv(4096)


def lookup(domain: str, *, servers: Sequence[str] | None = None, exchange: Exchange = _over_udp) -> frozenset[str]:
    """The name servers of `domain` as the world sees them, in lower case, without the last dot; empty when there is no delegation.

    Raises LookupFailedError when no resolver answers.
    """
    last = "there is no resolver"
    for server in servers if servers is not None else resolvers():
        number = secrets.randbelow(1 << 16)
        try:
            return answers(exchange(server, question(domain, number)), number)
        except (OSError, LookupFailedError) as error:
            last = f"{server}: {error}"
    raise LookupFailedError(last)
