"""Images: findings that are accepted for too long, or were accepted and no longer are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.problems import Path
from infra.settings.registry import LONGEST_ACCEPTANCE_DAYS
from infra.settings.root import AccountSettings, Settings


def accepted(settings: Settings, today: date) -> Iterator[Finding]:
    """An accepted finding is neither over nor accepted for ever."""
    latest = today + timedelta(days=LONGEST_ACCEPTANCE_DAYS)
    for vulnerability, entry in settings.registry.accept_findings.items():
        until = date.fromisoformat(entry.until)
        if until < today:
            problem = f"was accepted until {until}: the image has to be built anew, or the finding looked at again"
        elif until > latest:
            problem = f"is accepted for more than {LONGEST_ACCEPTANCE_DAYS} days, until {until}"
        else:
            continue
        base: Path = ("registry", "acceptFindings", vulnerability)
        yield Finding((*base, "until"), problem, f"a day from today to {LONGEST_ACCEPTANCE_DAYS} days ahead", REMOVE, change=base)


def account(settings: AccountSettings) -> Iterator[Finding]:
    """Production's images stand in both regions, and no stack is named twice."""
    registry = settings.registry
    for key, named in (("continuous", registry.continuous), ("replicated", registry.replicated)):
        values = [one.value for one in named]
        path: Path = ("registry", key)
        if "account" in values:
            yield Finding(path, "names the stack `account`, which has no images", "stacks that run something", _without(values))
        elif len(set(values)) != len(values):
            yield Finding(path, "names a stack twice", "each stack once", list(dict.fromkeys(values)))
    if "prod" not in [one.value for one in registry.replicated]:
        yield Finding(
            ("registry", "replicated"), "leaves out production, which must start in the second region", "a list with prod", ["prod"]
        )


def _without(values: list[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value != "account")) or ["prod"]
