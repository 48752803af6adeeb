"""What a check yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.settings.problems import Path
from infra.settings.root import Settings

REMOVE = object()
"""As a finding's good value: taking the key out repairs it."""


@dataclass(frozen=True)
class Finding:
    """A rule that the settings break."""

    path: Path
    """The key to change, as in YAML."""
    message: str
    accepted: str | None = None
    good: Any = None
    """A value that repairs it; None leaves the choice to the key's default or example."""
    also: tuple[Path, ...] = ()
    """Other keys that the rule looks at: a finding is withheld while one of them is wrong in itself."""
    change: Path | None = None
    """The key that `good` is for, where it is not `path`."""


Check = Callable[[Settings], Iterator[Finding]]
"""Yields a finding for each rule that is broken, and nothing else."""
