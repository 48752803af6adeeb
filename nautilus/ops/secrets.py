"""Secrets by hand: what a stack holds, how old it is, filling a container, starting a rotation.

Reads tags, dates and staging labels. A value is read in one place only, to compare it with a new one, and is never kept, shown or
written anywhere but to Secrets Manager.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from nautilus.ops.secret_shapes import RefusedValueError, Sealed
from nautilus.ops.steps import code_of

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
SOON_DAYS: Final = 7
"""A value that is due within so many days is announced: one maintenance window lies in between."""
MOST_DAYS: Final = 30
"""No value is older, whatever a tag says (DTO-025)."""
FIRST: Final = "FIRST"
"""Staging label of the value with which a stack was made; it stays with that version."""
LABEL: Final = "filled-by:"
"""Start of the staging label that says who filled a version, and when. A tag would be drift for whoever manages the secret's tags."""
_LABEL_LIMIT: Final = 256
_LOOKS: Final = 4
"""How often a new version is looked for before it counts as lost."""
WINDOW: Final = "Sunday 02:00 to 04:00 UTC"

Answer = TypeVar("Answer")


class Hands(StrEnum):
    """Who changes a secret's value."""

    LAMBDA = "lambda"
    """Secrets Manager, through a rotation function."""
    NODE = "node"
    """A node of TimescaleDB, by itself."""
    ALONG = "along"
    """The rotation of another secret: the header that CloudFront sent before."""
    PERSON = "person"
    """A container that people fill."""

    @property
    def words(self) -> str:
        """The same in a sentence: rotated by …"""
        return {
            Hands.LAMBDA: "a rotation function",
            Hands.NODE: "TimescaleDB's leader",
            Hands.ALONG: "another secret's rotation",
            Hands.PERSON: "a person",
        }[self]


class Age(StrEnum):
    """How a secret stands."""

    FINE = "fine"
    SOON = "soon"
    """Due before the maintenance window after the next one."""
    DUE = "due"
    EMPTY = "empty"
    """Nobody has filled it."""
    FIRST = "first"
    """Still the value with which the stack was made, which stands in its state (DESIGN.md decision 5)."""
    STUCK = "stuck"
    """A rotation was begun and has not ended."""
    UNKNOWN = "unknown"
    """It could not be seen."""

    @property
    def owed(self) -> bool:
        """Whether somebody must do something now."""
        return self in (Age.DUE, Age.EMPTY, Age.FIRST, Age.STUCK)


class SecretError(Exception):
    """Something that Secrets Manager refused or that cannot be done. The message never holds a value.

    Args:
        code: Stable word: AWS's own code, or one of ours in lower case.
        message: One sentence.
        hint: What to do about it.
        no: Whether this is an answer (refused), and not a failure on the way to one.
    """

    def __init__(self, code: str, message: str, *, hint: str | None = None, no: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.no = no


@dataclass(frozen=True, kw_only=True)
class Held:
    """A secret as AWS describes it. `trouble` says why the rest could not be seen."""

    name: str
    arn: str
    hands: Hands | None = None
    owner: str = ""
    days: int | None = None
    consumers: tuple[str, ...] = ()
    json_keys: tuple[str, ...] = ()
    current: str | None = None
    changed: datetime | None = None
    first: bool = False
    filled_by: str | None = None
    rotating: bool = False
    pending: bool = False
    next_rotation: datetime | None = None
    trouble: str | None = None

    def age_days(self, now: datetime) -> int | None:
        """Whole days since the value was last changed; None where there is none."""
        return None if self.changed is None else max((now - self.changed) // timedelta(days=1), 0)

    def state(self, now: datetime) -> Age:
        """How it stands at `now`."""
        age = self.age_days(now)
        if self.trouble is not None or self.hands is None or self.days is None:
            return Age.UNKNOWN
        if self.current is None:
            return Age.EMPTY
        if age is None:
            return Age.UNKNOWN
        if self.first:
            return Age.FIRST
        if age >= self.days:
            return Age.DUE
        if self.pending:
            return Age.STUCK
        return Age.SOON if age >= self.days - SOON_DAYS and self.hands is Hands.PERSON else Age.FINE

    def as_document(self, now: datetime) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "arn": self.arn,
            "rotatedBy": None if self.hands is None else self.hands.value,
            "owner": self.owner or None,
            "rotationDays": self.days,
            "consumers": list(self.consumers),
            "changed": None if self.changed is None else self.changed.isoformat(),
            "filledBy": self.filled_by,
            "nextRotation": None if self.next_rotation is None else self.next_rotation.isoformat(),
            "ageDays": self.age_days(now),
            "state": self.state(now).value,
            "trouble": self.trouble,
        }


def look(client: Any, name: str, arn: str) -> Held:
    """One secret, without its value. What cannot be seen is in `trouble`; errors of the connection are the caller's."""
    from botocore.exceptions import ClientError

    try:
        told = client.describe_secret(SecretId=arn)
        versions = list(_versions(client, arn))
    except ClientError as error:
        return Held(name=name, arn=arn, trouble=_reason(error))
    tags = {str(item["Key"]): str(item.get("Value", "")) for item in told.get("Tags", [])}
    stages: Mapping[str, list[str]] = told.get("VersionIdsToStages") or {}
    created = {str(item["VersionId"]): item.get("CreatedDate") for item in versions}
    current = next((version for version, labels in stages.items() if CURRENT in labels), None)
    pending = next((version for version, labels in stages.items() if PENDING in labels), None)
    hands, days, trouble = _duties(tags)
    if told.get("DeletedDate") is not None:
        trouble = f"it is marked for deletion since {told['DeletedDate']:%Y-%m-%d}"
    label = next((label for label in stages.get(current or "", []) if label.startswith(LABEL)), None)
    return Held(
        name=name,
        arn=arn,
        hands=hands,
        owner=tags.get("Owner", ""),
        days=days,
        consumers=_words(tags.get("Consumers", "")),
        json_keys=_words(tags.get("JsonKeys", "")),
        current=current,
        changed=_utc(created.get(current or "")),
        first=hands is not Hands.PERSON and _is_first(stages, current),
        filled_by=None if label is None else label.removeprefix(LABEL),
        rotating=bool(told.get("RotationEnabled")),
        pending=pending is not None and pending != current,
        next_rotation=_utc(told.get("NextRotationDate")),
        trouble=trouble,
    )


def _versions(client: Any, arn: str) -> Generator[dict[str, Any]]:
    """The versions that carry a label; boto3 has no paginator for them."""
    token = ""
    while True:
        page = client.list_secret_version_ids(SecretId=arn, IncludeDeprecated=False, **({"NextToken": token} if token else {}))
        yield from page["Versions"]
        token = page.get("NextToken", "")
        if not token:
            return


def look_at_all(client: Any, arns: Mapping[str, str]) -> list[Held]:
    """Every secret of a stack, by name."""
    return [look(client, name, arn) for name, arn in sorted(arns.items())]


def _duties(tags: Mapping[str, str]) -> tuple[Hands | None, int | None, str | None]:
    try:
        hands = Hands(tags.get("RotatedBy", ""))
    except ValueError:
        return None, None, "its tag RotatedBy does not say who changes it"
    days = tags.get("RotationDays", "")
    if not days.isascii() or not days.isdigit() or not 1 <= int(days) <= MOST_DAYS:
        return hands, None, f"its tag RotationDays is not a number of days from 1 to {MOST_DAYS}"
    return hands, int(days), None


def _is_first(stages: Mapping[str, list[str]], current: str | None) -> bool:
    """Whether a generated secret still holds its first value. Where no version carries the label, the only one with a label is the first."""
    if any(FIRST in labels for labels in stages.values()):
        return FIRST in stages.get(current or "", [])
    return sum(bool(set(labels) - {PENDING}) for labels in stages.values()) < 2


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split() if word != "-")


def _utc(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _reason(error: Exception) -> str:
    code = code_of(error)
    return {
        "ResourceNotFoundException": "it does not exist in this account and region",
        "AccessDeniedException": "AWS does not let you see it (secretsmanager:DescribeSecret and ListSecretVersionIds)",
    }.get(code, f"{code}: {error}")


def window_open(now: datetime) -> bool:
    """Whether `now` lies in the maintenance window, Sunday 02:00 to 04:00 UTC (the seed's; DESIGN.md)."""
    at = now.astimezone(UTC)
    return at.weekday() == 6 and 2 <= at.hour < 4


@contextmanager
def no_debug_records() -> Generator[None]:
    """Nothing at DEBUG or below is logged meanwhile, whichever logger and handler somebody has set up.

    The AWS SDK writes the bodies of its requests at DEBUG.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, logging.DEBUG))
    try:
        yield
    finally:
        logging.disable(before)


@dataclass(frozen=True)
class Filled:
    """What became of a `put`."""

    version: str
    compared: bool
    """Whether the value was compared with the old one."""


def put(
    client: Any,
    held: Held,
    value: Sealed,
    *,
    token: str,
    who: str,
    now: datetime,
    twins: Iterable[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Filled:
    """Give a container its value.

    Args:
        client: Secrets Manager's.
        held: The container, as `look` saw it.
        value: What goes in; checked already by `check_value`.
        token: UUID of this attempt (ClientRequestToken): the same attempt repeated makes no second version.
        who: Who does it, for the version's staging label.
        now: When.
        twins: Secrets of other environments (names or ARNs) that must not hold the same value: a paper key on a live stack (DTO-024).
        sleep: Waits for some seconds.

    Raises:
        SecretError: People do not fill it, or AWS refused, or the version did not become the current one.
        RefusedValueError: The value is the old one, or stands in a twin.
    """
    if held.trouble is not None:
        raise SecretError("unseen", f"{held.name}: {held.trouble}")
    if held.hands is not Hands.PERSON:
        raise SecretError(
            "generated",
            f"{held.name} is generated, and rotated by {held.hands.words if held.hands else 'nobody'}: a value put by hand would lock its consumers out",
            hint=f"nautilus secrets rotate {held.name}",
            no=True,
        )
    with no_debug_records():
        compared = _differs(client, held, value, twins)
        label = version_label(who, now)

        def call() -> str:
            answer = client.put_secret_value(
                SecretId=held.arn, SecretString=value.text, ClientRequestToken=token, VersionStages=[CURRENT, label]
            )
            return str(answer["VersionId"])

        version = _guarded(call, value, f"putting {held.name}")
        stages: Mapping[str, list[str]] = {}
        for attempt in range(_LOOKS):
            if attempt:
                sleep(1.0)  # Secrets Manager's answers may be a moment behind its writes
            stages = _guarded(lambda: client.describe_secret(SecretId=held.arn), value, f"verifying {held.name}")["VersionIdsToStages"]
            if CURRENT in stages.get(version, []):
                break
        if version != token or CURRENT not in stages.get(version, []):
            raise SecretError(
                "not-current",
                f"{held.name}: the new version is not the current one",
                hint="look who else writes it (CloudTrail), and put again",
            )
        # A version with a label of ours would never be cleaned up, and AWS allows twenty labels a secret.
        left = [(older, stale) for older, labels in stages.items() for stale in labels if older != version and stale.startswith(LABEL)]
        for older, stale in left:
            _guarded(
                lambda older=older, stale=stale: client.update_secret_version_stage(
                    SecretId=held.arn, VersionStage=stale, RemoveFromVersionId=older
                ),
                value,
                f"the new value of {held.name} is in; taking the label off the old version",
            )
    return Filled(version, compared)


def _differs(client: Any, held: Held, value: Sealed, twins: Iterable[str]) -> bool:
    compared = True
    if held.current is not None:
        old = _current_value(client, held.arn)
        compared = old is not None
        if old is not None and value.same(old.text):
            raise RefusedValueError("it is the value that the secret holds already; issue a new one first")
    for twin in twins:
        other = _current_value(client, twin)
        if other is not None and value.same(other.text):
            raise RefusedValueError(f"{twin} holds the same value: a key of one environment does not belong in another")
    return compared


def _current_value(client: Any, secret: str) -> Sealed | None:
    """The value now held; None where there is none or AWS does not show it (the right to fill does not include the right to read)."""
    from botocore.exceptions import ClientError

    try:
        return Sealed(str(client.get_secret_value(SecretId=secret).get("SecretString", "")))
    except ClientError:
        return None


def _guarded(call: Callable[[], Answer], value: Sealed, doing: str) -> Answer:
    from botocore.exceptions import BotoCoreError, ClientError

    failed: SecretError
    try:
        return call()
    except ClientError as error:
        failed = SecretError(code_of(error), value.scrubbed(f"{doing}: {error}"))
    except BotoCoreError as error:
        failed = SecretError(type(error).__name__, value.scrubbed(f"{doing}: {error}"))
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the value stays here
        failed = SecretError("unexpected", value.scrubbed(f"{doing}: {type(error).__name__}: {error}"))
    # Outside of the handler, so that the SDK's exception, whose frames hold the request, does not travel along as its context.
    raise failed


def version_label(who: str, now: datetime) -> str:
    """The staging label of a version: who filled it, and on which day."""
    name = re.sub(r"[^A-Za-z0-9+=,.@_/-]", "-", who) or "unknown"
    tail = f":{now.astimezone(UTC):%Y-%m-%d}"
    return LABEL + name[: _LABEL_LIMIT - len(LABEL) - len(tail)] + tail


def start_rotation(client: Any, held: Held) -> str:
    """Have Secrets Manager rotate now; the version that is current until it ends.

    Raises:
        SecretError: People fill it, a node rotates it, nothing rotates it yet, or AWS refused.
    """
    from botocore.exceptions import ClientError

    if held.trouble is not None:
        raise SecretError("unseen", f"{held.name}: {held.trouble}")
    if held.hands is Hands.PERSON:
        raise SecretError(
            "filled",
            f"{held.name} is issued by somebody else: have a new one issued, then put it",
            hint=f"nautilus secrets put {held.name}",
            no=True,
        )
    if held.hands is Hands.NODE:
        raise SecretError(
            "node",
            f"{held.name} is rotated by the leader of the TimescaleDB cluster: nobody else may log in as its superuser",
            hint="docs/secrets-by-hand.md says how to start the node's rotation",
            no=True,
        )
    if held.hands is Hands.ALONG:
        raise SecretError(
            "along",
            f"{held.name} is written by the rotation of another secret",
            hint="nautilus secrets rotate origin-header-value",
            no=True,
        )
    if not held.rotating or held.current is None:
        raise SecretError("no-rotation", f"{held.name} has no rotation configured yet", hint="nautilus up", no=True)
    if held.pending:
        raise SecretError("pending", f"{held.name}: a rotation was begun and has not ended", hint="docs/secrets-by-hand.md", no=True)
    try:
        client.rotate_secret(SecretId=held.arn)
    except ClientError as error:
        raise SecretError(code_of(error), f"rotating {held.name}: {error}") from error
    return held.current


def wait_for_rotation(
    client: Any,
    held: Held,
    before: str,
    *,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    every: float = 5.0,
) -> Held:
    """The secret once its current version is no longer `before` and no rotation is under way.

    Raises:
        SecretError: That did not happen within `seconds`.
    """
    waited = 0.0
    while True:
        seen = look(client, held.name, held.arn)
        if seen.current is not None and seen.current != before and not seen.pending:
            return seen
        if waited >= seconds:
            raise SecretError(
                "timeout",
                f"{held.name}: the rotation has not ended after {seconds:.0f} s; the old value is still the current one"
                if seen.current == before
                else f"{held.name}: the new value is current, and the rotation has not been tidied up after {seconds:.0f} s",
                hint="look into the rotation function's log; docs/secrets-by-hand.md",
            )
        sleep(every)
        waited += every
