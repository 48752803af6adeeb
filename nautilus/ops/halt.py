"""The halt flag: whether trading is stopped, by whom and why. This module reads it; who trades treats everything unclear as halted.

One SSM parameter in the platform's region holds a JSON object `{"halted": bool, "who": text, "why": text, "at": ISO 8601 time}`. A tool that
is about to do something that needs trading to be stopped demands a readable `halted: true`: for it, unclear is not enough.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from nautilus.ops.steps import code_of


class HaltUnreadableError(Exception):
    """The flag's region answered, and what it holds is not a halt flag, or there is none."""


@dataclass(frozen=True, slots=True)
class Halt:
    """The flag as it stands."""

    halted: bool
    who: str
    why: str
    at: datetime


def parse_halt(text: str) -> Halt:
    """The flag in `text`.

    Raises:
        HaltUnreadableError: Another form, a missing key, or a time without its zone.
    """
    try:
        document: Any = json.loads(text)
        halted, who, why, at = (document[key] for key in ("halted", "who", "why", "at"))
        when = datetime.fromisoformat(at)
    except (ValueError, KeyError, TypeError) as error:
        raise HaltUnreadableError(f"the halt flag is not of the form halted, who, why, at: {error}") from None
    if not isinstance(halted, bool) or not isinstance(who, str) or not isinstance(why, str) or when.tzinfo is None:
        raise HaltUnreadableError("the halt flag is not of the form halted (true or false), who, why, at (a time with its zone)")
    return Halt(halted, who, why, when.astimezone(UTC))


def read_halt(ssm: Any, parameter: str) -> Halt:
    """The flag in the parameter of this name.

    Args:
        ssm: A client of Systems Manager in the platform's region.
        parameter: Such as `/nautilus/prod/trading/halt`.

    Raises:
        HaltUnreadableError: There is none, or it has another form. An unreachable region raises boto3's own error.
    """
    try:
        answer = ssm.get_parameter(Name=parameter)
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            raise HaltUnreadableError(f"there is no halt flag {parameter}") from None
        raise
    return parse_halt(str(answer["Parameter"]["Value"]))
