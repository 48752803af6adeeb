"""Accepted exceptions from rules: each names one rule, the resources, a reason, an owner and a day on which it ends.

An exemption that has expired, that nothing needs any more, or that is malformed is itself a mandatory finding: the list can only shrink
by being maintained.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

import yaml

from policies.resources import stack_of

LONGEST = timedelta(days=366)
"""The furthest expiry that is accepted: an exception is looked at again within a year."""
SHORTEST_REASON = 20
"""Characters that a reason needs at least."""
_KEYS = ("rule", "urn", "reason", "owner", "expires")
_SEGMENTS = 4


@dataclass(frozen=True)
class Exemption:
    """One accepted exception."""

    rule: str
    urn: str
    """A pattern with `*` and `?` in each of a URN's four parts; the last part, the name, must not be all wildcard."""
    reason: str
    owner: str
    expires: date
    """The last day on which it holds."""
    position: int
    """Its place in the file, counted from 1."""

    def covers(self, urn: str) -> bool:
        """Whether it is about this resource."""
        mine, theirs = self.urn.split("::", _SEGMENTS - 1), urn.split("::", _SEGMENTS - 1)
        return len(theirs) == _SEGMENTS and all(fnmatchcase(part, pattern) for part, pattern in zip(theirs, mine, strict=True))

    def concerns(self, stack: str) -> bool:
        """Whether it is about the stack of this name at all: the others neither use it nor miss it."""
        return fnmatchcase(stack, stack_of(self.urn))

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.expires

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"exemption {self.position} ({self.rule}, {self.urn})"


@dataclass(frozen=True)
class Exemptions:
    """What the file says, and what is wrong with it."""

    entries: tuple[Exemption, ...] = ()
    errors: tuple[str, ...] = ()


def load(path: Path, *, rules: Collection[str], today: date) -> Exemptions:
    """Read `exemptions.yaml`. Never raises: every fault of the file becomes an error with its position and the accepted form.

    Args:
        path: The file. One that does not exist holds no exemptions.
        rules: The rule ids that an exemption may name.
        today: The day that expiry is measured against.
    """
    if not path.exists():
        return Exemptions()
    try:
        raw: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        return Exemptions(errors=(f"{path.name} cannot be read as YAML: {type(problem).__name__}",))
    return parse(raw, rules=rules, today=today)


def parse(raw: object, *, rules: Collection[str], today: date) -> Exemptions:
    """The same from the parsed document: `{exemptions: [{rule, urn, reason, owner, expires}, …]}`."""
    if raw is None:
        return Exemptions()
    if not isinstance(raw, Mapping) or set(cast("Mapping[object, object]", raw)) != {"exemptions"}:
        return Exemptions(errors=("the file holds one key, `exemptions`, with a list",))
    listed = cast("Mapping[str, object]", raw)["exemptions"]
    if listed is None:
        return Exemptions()
    if not isinstance(listed, list):
        return Exemptions(errors=("`exemptions` is a list of entries with the keys " + ", ".join(_KEYS),))
    entries: list[Exemption] = []
    errors: list[str] = []
    for position, item in enumerate(cast("list[object]", listed), start=1):
        faults = _faults(item, rules, today)
        if faults:
            errors += [f"exemption {position}: {fault}" for fault in faults]
            continue
        fields = cast("Mapping[str, object]", item)
        entry = Exemption(
            rule=str(fields["rule"]),
            urn=str(fields["urn"]),
            reason=str(fields["reason"]).strip(),
            owner=str(fields["owner"]).strip(),
            expires=cast("date", _day(fields["expires"])),
            position=position,
        )
        twin = next((other for other in entries if (other.rule, other.urn) == (entry.rule, entry.urn)), None)
        if twin:
            errors.append(f"exemption {position}: repeats exemption {twin.position}")
        else:
            entries.append(entry)
    return Exemptions(tuple(entries), tuple(errors))


def _faults(item: object, rules: Collection[str], today: date) -> list[str]:
    if not isinstance(item, Mapping):
        return ["is not an object with the keys " + ", ".join(_KEYS)]
    fields = cast("Mapping[object, object]", item)
    faults = [f"lacks `{key}`" for key in _KEYS if fields.get(key) in (None, "")]
    faults += [f"has the unknown key `{key}`" for key in fields if key not in _KEYS]
    if faults:
        return faults
    if fields["rule"] not in rules:
        faults.append(f"`rule` {fields['rule']} is not a rule of this pack")
    faults += _urn_faults(str(fields["urn"]))
    if len(str(fields["reason"]).strip()) < SHORTEST_REASON:
        faults.append(f"`reason` needs at least {SHORTEST_REASON} characters: say why the risk is accepted")
    if not isinstance(fields["owner"], str) or not fields["owner"].strip():
        faults.append("`owner` names who answers for it")
    day = _day(fields["expires"])
    if day is None:
        faults.append("`expires` is a day such as 2026-03-31")
    elif day > today + LONGEST:
        faults.append(f"`expires` {day.isoformat()} is more than {LONGEST.days} days away")
    return faults


def _urn_faults(urn: str) -> list[str]:
    parts = urn.split("::", _SEGMENTS - 1)
    if len(parts) != _SEGMENTS or not urn.startswith("urn:pulumi:"):
        return ["`urn` has the form urn:pulumi:STACK::PROJECT::TYPE::NAME, each part a pattern"]
    if not any(character.isalnum() for character in parts[-1]):
        return ["`urn` must say something about the name: an exception for everything of a type is a change of the rule"]
    return []


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
