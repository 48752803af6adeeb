"""The halt flag: whether trading is stopped, by whom and why. Who trades takes everything unclear as halted.

One SSM parameter in the platform's region, `/<project>/<environment>/trading/halt`, holds a JSON object
`{"halted": bool, "who": text, "why": text, "at": ISO 8601 time with its zone}`. It stands outside Pulumi and outside AppConfig, so that no
deployment and no rollback by alarm can switch trading on again (NRC-074: automatic halts; AWS-RULES.md section 6).

Two readers with opposite duties: `is_halted` is for who trades, and fails towards halted; `read_halt` is for a tool that needs trading to be
stopped, and demands a flag that says so in clear words.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

LONGEST_WHY = 500
"""Characters of a reason."""

_NEVER = datetime.fromtimestamp(0, UTC)


class HaltUnreadableError(Exception):
    """The flag's region answered, and what it holds is not a halt flag, or there is none."""


@dataclass(frozen=True, slots=True)
class Halt:
    """The flag as it stands."""

    halted: bool
    who: str
    why: str
    at: datetime
    """When it was set, with its zone; the start of 1970 where nobody can say."""
    readable: bool = True
    """False where this is no flag but the conclusion from there being none: halted."""

    def as_json(self) -> str:
        """The parameter's value. Other scripts as they are: escaped, the longest reason would not fit into SSM's 4,096 bytes."""
        said = {"halted": self.halted, "who": self.who, "why": self.why, "at": self.at.isoformat()}
        return json.dumps(said, sort_keys=True, ensure_ascii=False)


def parse_halt(text: str) -> Halt:
    """The flag in `text`.

    Raises:
        HaltUnreadableError: Another form, a missing key, or a time without its zone.
    """
    try:
        document: Any = json.loads(text)
        halted, who, why, at = (document[key] for key in ("halted", "who", "why", "at"))
        when = datetime.fromisoformat(at)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HaltUnreadableError(f"the halt flag is not of the form halted, who, why, at: {error}") from None
    if not isinstance(halted, bool) or not isinstance(who, str) or not isinstance(why, str) or when.tzinfo is None:
        raise HaltUnreadableError("the halt flag is not of the form halted (true or false), who, why, at (a time with its zone)")
    return Halt(halted, who, why, when.astimezone(UTC))


def parameter_text(ssm: Any, parameter: str) -> str:
    """The text in the parameter of this name.

    Raises:
        HaltUnreadableError: There is no such parameter. An unreachable region and a refusal raise boto3's own error.
    """
    try:
        answer = ssm.get_parameter(Name=parameter)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ParameterNotFound":
            raise HaltUnreadableError(f"there is no halt flag {parameter}") from None
        raise
    return str(answer["Parameter"]["Value"])


def read_halt(ssm: Any, parameter: str) -> Halt:
    """The flag in the parameter of this name, for who needs it in clear words.

    Args:
        ssm: A client of Systems Manager in the platform's region.
        parameter: Such as `/nautilus/prod/trading/halt`.

    Raises:
        HaltUnreadableError: There is none, or it has another form. An unreachable region raises boto3's own error.
    """
    return parse_halt(parameter_text(ssm, parameter))


def is_halted(read: Callable[[], str]) -> Halt:
    """The flag as who trades has to take it: never raises, and whatever is missing, malformed or unreachable is halted.

    Args:
        read: Gives the parameter's text, such as `lambda: parameter_text(ssm, name)`. Give its client short time-outs and few attempts:
            until it answers, the caller has only what it knew before.
    """
    try:
        return parse_halt(read())
    except Exception as error:  # noqa: BLE001 - a defect of a client must not leave trading on
        return Halt(True, "", f"the halt flag cannot be read: {error}"[:LONGEST_WHY], _NEVER, readable=False)
