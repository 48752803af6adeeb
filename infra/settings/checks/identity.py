"""Who the stack is: its environment, names, regions, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.foundation import Environment, Platform
from infra.settings.root import AccountSettings, Settings
from infra.settings.words import one_of


def environment_is_stack(settings: Settings | AccountSettings, stack: str) -> Iterator[Finding]:
    """The environment names the stack: production invariants hang on it."""
    names = [member.value for member in Environment]
    if settings.platform.environment.value == stack:
        return
    if stack in names:
        yield Finding(("platform", "environment"), f"must equal the stack's name, {stack}: production's invariants follow it", stack, stack)
    else:
        yield Finding(
            ("platform", "environment"),
            f"must equal the stack's name, and {stack} is not an environment: the stacks are {one_of(names)}",
            one_of(names),
        )


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
    for position, email in enumerate(settings.alarms.emails):
        if email.lower() in heard:
            yield Finding(("alarms", "emails", position), "is named twice", "each address once", REMOVE)
        heard.append(email.lower())
