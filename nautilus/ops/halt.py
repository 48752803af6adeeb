"""Halting and resuming trading from a desk. What the flag is, and how a process reads it, stands in `nautilus.runtime.halt`.

Every write is a new version of one SSM parameter: Parameter Store keeps the last hundred with the ARN of whoever wrote each, which nobody
can forge, and an EventBridge rule of the platform tells people of each (`infra.components.halt_watch`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from nautilus.ops.steps import code_of
from nautilus.runtime.halt import LONGEST_WHY, Halt, HaltUnreadableError, parse_halt, read_halt

__all__ = [
    "Change",
    "ChangedMeanwhileError",
    "Halt",
    "HaltUnreadableError",
    "Version",
    "check_why",
    "current",
    "history",
    "parse_halt",
    "read_halt",
    "set_halt",
]

SHORTEST_WHY = 4
_DESCRIPTION = 1024
"""Characters of a parameter's description (SSM); the event of a change carries it, so the notification says who and why."""


class ChangedMeanwhileError(Exception):
    """Somebody else has set the flag since it was looked at."""


@dataclass(frozen=True, slots=True)
class Version:
    """The parameter as it stands."""

    number: int
    """SSM's version; 0 where there is no parameter."""
    text: str
    """Its value, empty where there is none."""

    def halt(self) -> Halt:
        """The flag in it.

        Raises:
            HaltUnreadableError: There is none, or it has another form.
        """
        if not self.number:
            raise HaltUnreadableError("there is no halt flag")
        return parse_halt(self.text)


@dataclass(frozen=True, slots=True)
class Change:
    """One version of the flag, as Parameter Store remembers it."""

    version: int
    at: datetime
    """When, by AWS's clock."""
    author: str
    """ARN of who wrote it, as AWS saw it."""
    halt: Halt | None
    """What was written; None where that is no flag."""

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "version": self.version,
            "at": self.at.isoformat(),
            "author": self.author,
            "halted": None if self.halt is None else self.halt.halted,
            "who": None if self.halt is None else self.halt.who,
            "why": None if self.halt is None else self.halt.why,
        }


def check_why(why: str) -> str:
    """A reason on one line.

    Raises:
        ValueError: Fewer than 4 or more than 500 characters, a character that is not printable, or `{{`, which Parameter Store takes as
            a reference to another parameter.
    """
    text = " ".join(why.split())
    if not SHORTEST_WHY <= len(text) <= LONGEST_WHY:
        raise ValueError(f"a reason has {SHORTEST_WHY} to {LONGEST_WHY} characters, this one {len(text)}")
    if not text.isprintable():
        raise ValueError("a reason holds printable characters alone")
    if "{{" in text:
        raise ValueError("a reason must not hold {{, which Parameter Store takes as a reference to another parameter")
    return text


def current(ssm: Any, parameter: str) -> Version:
    """The parameter as it stands, number 0 where there is none. Boto3's own error where AWS does not answer or refuses."""
    try:
        found = ssm.get_parameter(Name=parameter)["Parameter"]
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return Version(0, "")
        raise
    return Version(int(found["Version"]), str(found["Value"]))


def set_halt(ssm: Any, parameter: str, *, halted: bool, who: str, why: str, now: datetime, seen: Version | None = None) -> Halt:
    """Write the flag.

    Args:
        ssm: A client of Systems Manager in the platform's region.
        parameter: Such as `/nautilus/prod/trading/halt`.
        halted: True stops trading.
        who: ARN of the caller (`sts:GetCallerIdentity`).
        why: The reason, 4 to 500 characters.
        now: The time, with its zone.
        seen: What the decision rests on. A halt needs none: it may overwrite anything. To resume, give what was looked at, so that a halt
            of the last minute is not lifted unseen.

    Raises:
        ValueError: The reason is refused (`check_why`), or the time has no zone.
        ChangedMeanwhileError: The parameter is no longer what was `seen`.
    """
    if now.tzinfo is None:
        raise ValueError("the time of a halt needs its zone")
    halt = Halt(halted, who, check_why(why), now.astimezone(UTC).replace(microsecond=0))
    if seen is not None and current(ssm, parameter) != seen:
        raise ChangedMeanwhileError(f"{parameter} has changed since it was looked at")
    said = "halted" if halted else "resumed"
    ssm.put_parameter(
        Name=parameter,
        Value=halt.as_json(),
        Type="String",
        Overwrite=True,
        # EventBridge puts it between the quotes of a JSON string (infra.components.halt_watch) and may not escape it.
        Description=f"Trading {said} by {who}: {halt.why}".translate({34: "'", 92: "/"})[:_DESCRIPTION],
    )
    return halt


def history(ssm: Any, parameter: str, *, newest: int = 10) -> list[Change]:
    """The last changes, newest first; none where there is no parameter. Parameter Store keeps a hundred."""
    try:
        pages = list(ssm.get_paginator("get_parameter_history").paginate(Name=parameter))
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return []
        raise
    found: list[Change] = []
    for item in (one for page in pages for one in page["Parameters"]):
        try:
            halt = parse_halt(str(item["Value"]))
        except HaltUnreadableError:
            halt = None
        found.append(Change(int(item["Version"]), item["LastModifiedDate"].astimezone(UTC), str(item.get("LastModifiedUser", "")), halt))
    return sorted(found, key=lambda change: -change.version)[:newest]
