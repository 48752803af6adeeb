"""Reading a migration's SQL: where its statements begin, and which of them would end the transaction that it runs in."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(
    r"""
      (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<dollar>\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$)
    | (?P<end>;)
    | (?P<word>[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK = re.compile(r"/\*|\*/")
_TRANSACTION = frozenset({"ABORT", "BEGIN", "COMMIT", "END", "RELEASE", "ROLLBACK", "SAVEPOINT"})
_PAIRS = frozenset({("PREPARE", "TRANSACTION"), ("START", "TRANSACTION"), ("SET", "TRANSACTION"), ("SET", "SESSION")})


def _words(sql: str) -> Iterator[tuple[str, int]]:
    """Words and semicolons with their line; comments, quoted text and quoted names left out.

    Raises:
        ValueError: a comment or a quotation never ends.
    """
    at, line = 0, 1
    while at < len(sql):
        match = _PIECE.match(sql, at)
        if match is None:
            raise ValueError(f"line {line}: it cannot be read")
        kind, after = match.lastgroup, match.end()
        if kind == "block":
            depth = 1
            while depth:
                mark = _BLOCK.search(sql, after)
                if mark is None:
                    raise ValueError(f"line {line}: a comment never ends")
                depth, after = depth + (1 if mark[0] == "/*" else -1), mark.end()
        elif kind == "dollar":
            close = sql.find(match[0], after)
            if close < 0:
                raise ValueError(f"line {line}: a text in {match[0]} never ends")
            after = close + len(match[0])
        elif kind == "other" and match[0] in "'\"":
            raise ValueError(f"line {line}: a quotation never ends")
        elif kind in ("word", "end"):
            yield match[0].upper(), line
        line += sql.count("\n", at, after)
        at = after


def statements(sql: str) -> list[tuple[int, list[str]]]:
    """Each statement as its first line and its words in capitals.

    The body of a function in standard SQL, `BEGIN ATOMIC … END`, belongs to its statement, semicolons and all.

    Raises:
        ValueError: a comment or a quotation never ends.
    """
    found: list[tuple[int, list[str]]] = []
    words: list[str] = []
    first, depth = 1, 0
    for word, line in _words(sql):
        if word == ";" and not depth:
            if words:
                found.append((first, words))
            words = []
            continue
        if not words:
            first = line
        if word == "ATOMIC" and words and words[-1] == "BEGIN":
            depth = 1
        elif depth and word == "CASE":
            depth += 1
        elif depth and word == "END":
            depth -= 1
        words.append(word)
    if words:
        found.append((first, words))
    return found


def transaction_control(sql: str) -> list[str]:
    """What in `sql` would begin or end a transaction, in words with its line: a migration that does is applied in part, even in a dry run.

    Raises:
        ValueError: a comment or a quotation never ends.
    """
    return [
        f"line {line}: {' '.join(words[:2])}"
        for line, words in statements(sql)
        if words[0] in _TRANSACTION or (len(words) > 1 and (words[0], words[1]) in _PAIRS)
    ]
