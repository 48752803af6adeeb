"""gzip that gives the same bytes on every machine: zlib's answer depends on its build, and with it a plan would. Pure.

RFC 1951 with fixed codes, RFC 1952 around it. What it makes is read by every gzip; it packs text to about two fifths.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from zlib import crc32

_WINDOW, _SHORTEST, _LONGEST = 32_768, 3, 258
_TRIES = 128
"""Earlier places that are compared; more of them pack better and take longer."""
_HEAD = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255))
"""No name, no time, no operating system."""


def _codes(first: int, groups: tuple[tuple[int, int], ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First values of consecutive codes and their extra bits (RFC 1951, 3.2.5), from (extra bits, how many codes) groups."""
    values: list[int] = []
    extras: list[int] = []
    for extra, count in groups:
        for _ in range(count):
            values.append(first)
            extras.append(extra)
            first += 1 << extra
    return tuple(values), tuple(extras)


_LENGTHS, _LENGTH_BITS = _codes(3, ((0, 8), (1, 4), (2, 4), (3, 4), (4, 4), (5, 4)))
_DISTANCES, _DISTANCE_BITS = _codes(1, ((0, 4), *((extra, 2) for extra in range(1, 14))))


class _Bits:
    """Bits in DEFLATE's order: the lowest of a byte comes first."""

    def __init__(self) -> None:
        self.made = bytearray()
        self._held, self._count = 0, 0

    def put(self, value: int, width: int) -> None:
        self._held |= value << self._count
        self._count += width
        while self._count >= 8:
            self.made.append(self._held & 255)
            self._held >>= 8
            self._count -= 8

    def code(self, value: int, width: int) -> None:
        """A Huffman code, whose highest bit comes first."""
        self.put(int(f"{value:0{width}b}"[::-1], 2), width)

    def symbol(self, value: int) -> None:
        """A literal, the end of the block or a length, in the fixed code (3.2.6)."""
        if value < 144:
            self.code(0x30 + value, 8)
        elif value < 256:
            self.code(0x190 + value - 144, 9)
        elif value < 280:
            self.code(value - 256, 7)
        else:
            self.code(0xC0 + value - 280, 8)

    def copy(self, length: int, distance: int) -> None:
        # 258 has a code of its own, the last; the one before it ends at 257.
        index = 28 if length == _LONGEST else bisect_right(_LENGTHS, length) - 1
        self.symbol(257 + index)
        if length != _LONGEST:
            self.put(length - _LENGTHS[index], _LENGTH_BITS[index])
        index = bisect_right(_DISTANCES, distance) - 1
        self.code(index, 5)
        self.put(distance - _DISTANCES[index], _DISTANCE_BITS[index])


def _longest(data: bytes, at: int, places: list[int]) -> tuple[int, int]:
    """The longest earlier occurrence of what stands at `at`: its length and distance, or (0, 0)."""
    best = (0, 0)
    most = min(_LONGEST, len(data) - at)
    for place in reversed(places[-_TRIES:]):
        if at - place > _WINDOW:
            break
        length = 0
        while length < most and data[place + length] == data[at + length]:
            length += 1
        if length > best[0]:
            best = (length, at - place)
            if length == most:
                break
    return best if best[0] >= _SHORTEST else (0, 0)


def gzipped(data: bytes) -> bytes:
    """`data` as a gzip file."""
    bits = _Bits()
    bits.put(0b011, 3)  # the last block, fixed codes
    seen: dict[bytes, list[int]] = {}
    at = 0
    while at < len(data):
        length, distance = _longest(data, at, seen.get(data[at : at + _SHORTEST], []))
        if length:
            bits.copy(length, distance)
        else:
            bits.symbol(data[at])
            length = 1
        for place in range(at, at + length):
            seen.setdefault(data[place : place + _SHORTEST], []).append(place)
        at += length
    bits.symbol(256)
    bits.put(0, 7)  # to the end of the byte
    return _HEAD + bytes(bits.made) + struct.pack("<II", crc32(data), len(data) & 0xFFFFFFFF)
