"""Who the stack is: its environment, names, regions, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.foundation import Environment, Platform
from infra.settings.problems import Path
from infra.settings.root import AccountSettings, Settings

ENVIRONMENTS = tuple(member.value for member in Environment)


def environment_is_stack(settings: Settings | AccountSettings, stack: str) -> Iterator[Finding]:
    """The environment names the stack: production invariants hang on it."""
    if settings.platform.environment.value != stack and stack in ENVIRONMENTS:
        yield Finding(("platform", "environment"), f"must equal the stack's name, {stack}: production's invariants follow it", stack, stack)


def names_are_free(platform: Platform) -> Iterator[Finding]:
    """No AWS service keeps the start of our names, and no tag of ours is overwritten."""
    start = next((start for start in limits.RESERVED_STARTS if platform.project.startswith(start)), None)
    if start:
        yield Finding(
            ("platform", "project"), f"starts with `{start}`, which AWS keeps for itself in some names", "another start", "nautilus"
        )
    ours = {tag.lower(): tag for tag in limits.RESERVED_TAGS}
    for key in platform.tags:
        if tag := ours.get(key.lower()):
            yield Finding(
                ("platform", "tags", key), f"would collide with the tag `{tag}`, which the program sets itself", "other names", REMOVE
            )


def regions_differ(settings: Settings | AccountSettings) -> Iterator[Finding]:
    """Copies in the same region would be lost with it."""
    region, second = settings.account.region, settings.account.dr_region
    if region == second:
        good = "us-west-2" if region != "us-west-2" else "us-east-1"
        yield Finding(
            ("account", "drRegion"),
            "must differ from account.region: copies in the same region are lost with it",
            f"a region other than {region}",
            good,
            (("account", "region"),),
        )


def recipients(settings: Settings | AccountSettings) -> Iterator[Finding]:
    """An address hears of an alarm once."""
    heard: list[str] = []
    base: Path = ("alarms", "emails")
    for position, email in enumerate(settings.alarms.emails):
        if email.lower() in heard:
            first = (*base, heard.index(email.lower()))
            yield Finding((*base, position), "is named twice", "each address once", REMOVE, (first,))
        heard.append(email.lower())
