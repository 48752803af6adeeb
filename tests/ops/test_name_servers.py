"""The NS question and its answers, byte for byte."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus.ops.name_servers import FALLBACK, LookupFailedError, answers, lookup, question, resolvers


def encoded(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def answer(number: int, domain: str, servers: list[str], *, code: int = 0, kind: int = 2) -> bytes:
    """A resolver's answer; the owner's name points back at the question."""
    header = struct.pack(">HHHHHH", number, 0x8180 | code, 1, len(servers), 0, 0)
    records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 300, len(encoded(server))) + encoded(server) for server in servers)
    return header + encoded(domain) + struct.pack(">HH", 2, 1) + records


def test_the_question_asks_recursively_for_ns() -> None:
    assert question("example.com.", 7) == struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\x07example\x03com\x00" + struct.pack(
        ">HH", 2, 1
    )


def test_name_servers_are_read_with_and_without_pointers() -> None:
    message = answer(7, "example.com", ["ns-1.awsdns-01.ORG", "ns-2.awsdns-02.co.uk"])
    assert answers(message, 7) == {"ns-1.awsdns-01.org", "ns-2.awsdns-02.co.uk"}
    pointed = struct.pack(">HHHHHH", 7, 0x8180, 1, 1, 0, 0) + encoded("example.com") + struct.pack(">HH", 2, 1)
    pointed += b"\xc0\x0c" + struct.pack(">HHIH", 2, 1, 300, 5) + b"\x02ns\xc0\x0c"
    assert answers(pointed, 7) == {"ns.example.com"}


def test_no_such_domain_and_other_records_give_no_servers() -> None:
    assert answers(answer(7, "example.com", [], code=3), 7) == frozenset()
    assert answers(answer(7, "example.com", ["alias.example.org"], kind=5), 7) == frozenset()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        answer(8, "example.com", []),
        answer(7, "example.com", [], code=2),
        answer(7, "example.com", ["ns.example.org"])[:-4],
        question("example.com", 7),
    ],
    ids=["empty", "another question", "refused", "cut", "no answer"],
)
def test_anything_else_is_no_answer(message: bytes) -> None:
    with pytest.raises(LookupFailedError):
        answers(message, 7)


def test_a_name_that_points_at_itself_ends() -> None:
    message = struct.pack(">HHHHHH", 7, 0x8180, 0, 1, 0, 0) + b"\xc0\x0c" + struct.pack(">HHIH", 2, 1, 300, 2) + b"\xc0\x0c"
    with pytest.raises(LookupFailedError, match="circle"):
        answers(message, 7)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(message: bytes) -> None:
    with suppress(LookupFailedError):
        assert isinstance(answers(message, 7), frozenset)


def test_the_next_resolver_is_asked_when_one_is_silent() -> None:
    asked: list[str] = []

    def exchange(server: str, message: bytes) -> bytes:
        asked.append(server)
        if server == "192.0.2.1":
            raise TimeoutError("timed out")
        return answer(struct.unpack(">H", message[:2])[0], "example.com", ["ns.example.org"])

    assert lookup("example.com", servers=["192.0.2.1", "192.0.2.2"], exchange=exchange) == {"ns.example.org"}
    assert asked == ["192.0.2.1", "192.0.2.2"]


def test_when_nobody_answers_it_cannot_tell() -> None:
    def exchange(_server: str, _message: bytes) -> bytes:
        raise OSError("network is unreachable")

    with pytest.raises(LookupFailedError, match=r"192\.0\.2\.1: network is unreachable"):
        lookup("example.com", servers=["192.0.2.1"], exchange=exchange)


def test_resolvers_come_from_the_system(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("search example.com\nnameserver 192.0.2.53\nnameserver\n")
    assert resolvers(file) == ["192.0.2.53"]
    assert resolvers(tmp_path / "missing") == list(FALLBACK)
