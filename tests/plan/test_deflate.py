"""gzip of our own: every reader takes it, and it never changes."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.deflate import gzipped


@given(st.binary(max_size=2_000))
def test_what_is_packed_is_unpacked(data: bytes) -> None:
    assert gzip.decompress(gzipped(data)) == data


@given(st.lists(st.sampled_from([b"a", b"abcabc", b"volume ", b"\n", b"\xff" * 40]), max_size=300))
def test_repetitions_are_unpacked(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert gzip.decompress(gzipped(data)) == data


@pytest.mark.parametrize("length", [2, 3, 10, 11, 18, 130, 131, 256, 257, 258, 259, 260, 516])
@pytest.mark.parametrize("gap", [0, 1, 4, 5, 255, 24_576, 32_700])
def test_every_kind_of_copy_is_unpacked(length: int, gap: int) -> None:
    noise = b"".join(hashlib.sha256(bytes((n % 256, n // 256))).digest() for n in range(1_100))
    word = hashlib.sha512(b"word").digest() * 9
    data = word[:length] + noise[:gap] + word[:length]
    assert gzip.decompress(gzipped(data)) == data


def test_the_bytes_are_these_and_no_others() -> None:
    assert gzipped(b"nautilus nautilus nautilus").hex() == "1f8b08000000000002ffcb4b2c2dc9cc292d56c0600000cfbc5f471a000000"


def test_a_broken_byte_is_noticed_by_readers() -> None:
    packed = bytearray(gzipped(b"nautilus " * 20))
    packed[-6] ^= 1
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(bytes(packed))


@pytest.mark.skipif(shutil.which("gzip") is None, reason="no gzip here")
def test_the_gzip_program_reads_it() -> None:
    data = b"#cloud-config\n" * 100
    done = subprocess.run(["gzip", "-dc"], input=gzipped(data), capture_output=True, check=True)
    assert done.stdout == data
