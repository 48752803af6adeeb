"""The reader means what Pulumi's reader means, and never raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings.yaml_reader import LARGEST_FILE, SECRET, Secret, parse


# What `pulumi preview` of CLI 3.259.0 handed to the program for each of these scalars.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1), ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("y", "y"), ("1_000", 1000), ("~", None), ("", None), ("null", None),
        ("2024-01", "2024-01"), ("0x10", 16), ("0o17", 15), ("0b11", 3), ("1e3", 1000), ("True", True), ("TRUE", True), ('"true"', "true"),
        ("5.0", 5), ("!!str 5", "5"), ("1:30", "1:30"), ("+5", 5), (".5", 0.5), ("1_0.5", 10.5), ("123456789012", 123456789012),
        ("[ ]", []), ("{}", {}), ("'x'", "x"), ("!foo bar", "bar"),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_mean_to_pulumi(text: str, value: object) -> None:
    document = parse(f"key: {text}\n".encode())
    assert document.faults == []
    assert document.data["key"] == value
    assert type(document.data["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [", 2, "is not YAML"),
        ("a: 1\n\tb: 2", 2, "is not YAML"),
        ("a: 'x", 1, "is not YAML"),
        ("a: 1\nb: 2\na: 3", 3, "stands here a second time; the first is in line 1"),
        ("a: *nowhere", 1, "is not YAML"),
        ("a: 012345678901", 1, "starts with a zero"),
        ("a: .inf", 1, "is not a number that Pulumi takes"),
        ("a: &x [*x]", 1, "refers to itself"),
        ("a: 1\n---\nb: 2", 3, "more than one YAML document"),
        ("? [1, 2]\n: 3", 1, "has a key that is not plain text"),
        ("a:\n  <<: 3", 2, "merges (`<<`) something that is not a mapping"),
        ("a: \x01", 1, "a character that it does not allow"),
    ],
)
def test_faults_have_their_line(text: str, line: int, message: str) -> None:
    faults = parse(text.encode()).faults
    assert len(faults) == 1
    assert message in faults[0].message
    assert faults[0].line == line


def test_all_duplicates_at_once() -> None:
    assert [fault.line for fault in parse(b"a: 1\nb:\n  c: 1\n  c: 2\na: 3\n").faults] == [4, 5]


def test_bytes_that_are_no_text() -> None:
    (fault,) = parse(b"a: 1\nb: \xff\xfe\n").faults
    assert fault.message == "is not text in UTF-8"
    assert fault.line == 2


def test_a_file_that_expands_without_end() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert any("expands to more than" in fault.message for fault in parse(bomb.encode()).faults)


def test_depth_and_size_have_bounds() -> None:
    assert any("too deeply" in fault.message for fault in parse(b"[" * 60 + b"]" * 60).faults)
    assert any("too deeply" in fault.message for fault in parse(b"[" * 5_000 + b"]" * 5_000).faults)
    assert "bytes long" in parse(b"#" * (LARGEST_FILE + 1)).faults[0].message


def test_merges_give_way_to_own_keys() -> None:
    document = parse(b"base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\n")
    assert document.data["own"] == {"a": 1, "b": 3}


def test_encrypted_values_are_not_read() -> None:
    document = parse(b"a: {secure: v1:hush}\nb: {secure: v1:hush, c: 3}\n")
    assert document.data["a"] is SECRET
    assert document.data["b"] == {"secure": "v1:hush", "c": 3}
    assert repr(Secret(inside=True)) == "[secret]"


def test_lines_are_those_of_the_keys() -> None:
    lines = parse(b"a:\n  b: 1\n  c:\n    - x\n    - y\n").lines
    assert lines[("a", "b")] == 2
    assert lines[("a", "c", 1)] == 5


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    document = parse(raw)
    assert all(fault.message for fault in document.faults)


@given(st.text(alphabet="abc:{}[]-#&*!|>'\"%@` \n\t0.~<", max_size=80))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    parse(text.encode())
