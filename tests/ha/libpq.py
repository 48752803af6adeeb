"""PostgreSQL's own client library through ctypes: a multi-host address with `target_session_attrs` is libpq's affair, so libpq is asked."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from types import TracebackType

CONNECTION_OK = 0
COMMAND_OK, TUPLES_OK = 1, 2
_SILENT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_silent = _SILENT(lambda _argument, _message: None)


class Error(Exception):
    """The server or the way to it failed."""


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("pq"))
    for name, result, arguments in (
        ("PQconnectdb", ctypes.c_void_p, [ctypes.c_char_p]),
        ("PQstatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQfinish", None, [ctypes.c_void_p]),
        ("PQerrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQexec", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
        ("PQresultStatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
        ("PQnfields", ctypes.c_int, [ctypes.c_void_p]),
        ("PQgetvalue", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
        ("PQclear", None, [ctypes.c_void_p]),
        ("PQhost", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQsetNoticeProcessor", ctypes.c_void_p, [ctypes.c_void_p, _SILENT, ctypes.c_void_p]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Connection:
    """A connection; calls block, in a thread without holding up the others.

    Raises:
        Error: No host of `dsn` lets us in.
    """

    def __init__(self, dsn: str) -> None:
        self._library = _library()
        self._handle = self._library.PQconnectdb(dsn.encode())
        if self._library.PQstatus(self._handle) != CONNECTION_OK:
            message = self._message()
            self.close()
            raise Error(message)
        self._library.PQsetNoticeProcessor(self._handle, _silent, None)

    def _message(self) -> str:
        return self._library.PQerrorMessage(self._handle).decode(errors="replace").strip()

    @property
    def host(self) -> str:
        """The host that let us in."""
        return self._library.PQhost(self._handle).decode()

    def run(self, statement: str) -> list[tuple[str, ...]]:
        """Run a statement; rows as text.

        Raises:
            Error: It failed, or the connection did.
        """
        result = self._library.PQexec(self._handle, statement.encode())
        try:
            if self._library.PQresultStatus(result) not in (COMMAND_OK, TUPLES_OK):
                raise Error(self._message())
            rows, fields = self._library.PQntuples(result), self._library.PQnfields(result)
            return [tuple(self._library.PQgetvalue(result, row, field).decode() for field in range(fields)) for row in range(rows)]
        finally:
            self._library.PQclear(result)

    def close(self) -> None:
        """Let go of it."""
        if self._handle:
            self._library.PQfinish(self._handle)
            self._handle = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
