"""Feature flags, trading volume and risk limits: what no single key can say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from infra.plan.app_config import NOT_ABOVE
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.root import Settings


def volume(settings: Settings) -> Iterator[Finding]:
    """The steps of the volume rise: otherwise "one step up" has no meaning."""
    steps = settings.flags.volume_steps
    if not all(before < after for before, after in pairwise(steps)):
        yield Finding(
            ("flags", "volumeSteps"),
            f"does not rise: {', '.join(map(str, steps))}; a rise of the trading volume goes one step at a time",
            "percentages that rise, such as 1, 5, 10, 25, 50, 100",
            sorted(set(steps)),
        )


def limits(settings: Settings) -> Iterator[Finding]:
    """An order fits into a position, a position into the whole; no instrument twice."""
    own = settings.flags.limits
    # From the widest inwards, so that one repair does not break the next pair.
    for small, large in reversed(NOT_ABOVE):
        values = own.model_dump(by_alias=True)
        if values[small] > values[large]:
            yield Finding(
                ("flags", "limits", small),
                f"is {values[small]:,}, above flags.limits.{large} = {values[large]:,}: the larger of the two could never be reached",
                f"at most {values[large]:,}",
                values[large],
                (("flags", "limits", large),),
            )
    for position, one in enumerate(own.instruments):
        if one in own.instruments[:position]:
            yield Finding(("flags", "limits", "instruments", position), f"names {one} twice", "each instrument once", REMOVE)
