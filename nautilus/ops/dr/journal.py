"""What has been done of a move, kept in the second region, so that another operator can go on where one was lost.

One parameter a step, written before and after it, because a single write must be whole: Systems Manager replaces a value or does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from nautilus.ops.steps import code_of


class State(StrEnum):
    """How a step stands."""

    STARTED = "started"
    DONE = "done"


class AlreadyOpenError(Exception):
    """Another move is open."""


@dataclass(frozen=True, slots=True)
class Move:
    """The one move that is open."""

    run: str
    direction: str
    """`failover` or `failback`."""
    who: str
    started: str
    lost_since: str = ""
    evidence: str = ""
    broker_session_gone: str = ""
    accept_loss: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One step's entry."""

    step: str
    state: State
    started: str
    ended: str = ""
    seconds: float | None = None
    """From its first start to its end, waiting and crashes included."""
    detail: str = ""


class Journal:
    """The journal of one platform, in the second region's parameter store under `<path>/move`."""

    def __init__(self, ssm: Any, path: str) -> None:
        self._ssm = ssm
        self._path = f"{path}/move"

    def open(self, move: Move) -> None:
        """Begin a move.

        Raises:
            AlreadyOpenError: One is open; resume or close it.
        """
        try:
            self._ssm.put_parameter(
                Name=f"{self._path}/open", Type="String", Value=json.dumps(asdict(move), sort_keys=True), Overwrite=False
            )
        except ClientError as error:
            if code_of(error) != "ParameterAlreadyExists":
                raise
            found = self.current()
            raise AlreadyOpenError(
                f"{found.direction} {found.run} of {found.who} is open since {found.started}" if found else "a move is open"
            ) from None

    def restate(self, move: Move) -> None:
        """Put `move` in the place of the open one: the same run with what people have stated since."""
        self._ssm.put_parameter(Name=f"{self._path}/open", Type="String", Value=json.dumps(asdict(move), sort_keys=True), Overwrite=True)

    def current(self) -> Move | None:
        """The open move."""
        text = self._get(f"{self._path}/open")
        return Move(**json.loads(text)) if text else None

    def close(self) -> None:
        """End the open move; its entries stay under its run."""
        try:
            self._ssm.delete_parameter(Name=f"{self._path}/open")
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise

    def write(self, run: str, record: Record) -> None:
        """Put a step's entry in the place of its earlier one."""
        value = json.dumps({**asdict(record), "state": record.state.value}, sort_keys=True)
        self._ssm.put_parameter(Name=f"{self._path}/{run}/{record.step}", Type="String", Value=value, Overwrite=True)

    def records(self, run: str) -> Mapping[str, Record]:
        """Entries of a run, by step."""
        found: dict[str, Record] = {}
        pages = self._ssm.get_paginator("get_parameters_by_path").paginate(Path=f"{self._path}/{run}")
        for page in pages:
            for parameter in page["Parameters"]:
                document = json.loads(parameter["Value"])
                found[document["step"]] = Record(**(document | {"state": State(document["state"])}))
        return found

    def _get(self, name: str) -> str | None:
        try:
            return str(self._ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                return None
            raise


def run_name(now: datetime) -> str:
    """The name of a run that begins now; letters and digits, as a parameter's path wants it."""
    return now.strftime("%Y%m%dT%H%M%SZ")
