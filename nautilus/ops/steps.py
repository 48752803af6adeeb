"""Steps of a set-up that can be looked at, planned and applied again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Status(StrEnum):
    """What a look at a step found, or what became of it."""

    DONE = "done"
    """As it should be."""
    MISSING = "missing"
    """Not there yet."""
    DIFFERS = "differs"
    """There, but not as it should be."""
    WARNING = "warning"
    """Only a person can mend it, and the set-up can go on."""
    UNKNOWN = "unknown"
    """It could not be seen."""
    APPLIED = "applied"
    """Made or repaired now."""
    FAILED = "failed"
    """AWS refused it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at a step found; `actions` say what `apply` would do."""

    status: Status
    detail: str
    actions: tuple[str, ...] = ()


class Step(Protocol):
    """One step. `check` reads only; `apply` brings about what `check` misses and may be called again after a failure."""

    @property
    def name(self) -> str:
        """Short and stable, for machines."""
        ...

    @property
    def title(self) -> str:
        """What it brings about, for people."""
        ...

    def check(self) -> Finding:
        """Look, and change nothing."""
        ...

    def apply(self) -> str:
        """Bring it about; a sentence about the result. Called only when `check` gave MISSING or DIFFERS."""
        ...


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step stands after a run."""

    name: str
    title: str
    status: Status
    detail: str
    actions: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"step": self.name, "title": self.title, "status": self.status.value, "detail": self.detail, "actions": list(self.actions)}


def run_steps(steps: Iterable[Step], *, dry_run: bool, on_result: Callable[[StepResult], None] | None = None) -> list[StepResult]:
    """Check each step in turn and, unless `dry_run`, apply what is missing.

    Stops at the first step that AWS refuses, because later ones may build on it; another run goes on there. Errors of boto3 other than
    refusals (no credentials, no network) are the caller's.
    """
    from botocore.exceptions import ClientError

    results: list[StepResult] = []
    for step in steps:
        stop = False
        try:
            found = step.check()
            if found.status in (Status.MISSING, Status.DIFFERS) and not dry_run:
                result = StepResult(step.name, step.title, Status.APPLIED, step.apply(), found.actions)
            else:
                result = StepResult(step.name, step.title, found.status, found.detail, found.actions)
        except ClientError as error:
            stop = not dry_run
            result = StepResult(step.name, step.title, Status.UNKNOWN if dry_run else Status.FAILED, str(error))
        results.append(result)
        if on_result is not None:
            on_result(result)
        if stop:
            break
    return results


def code_of(error: Any) -> str:
    """The error code of a ClientError, such as `NoSuchEntity`."""
    return str(error.response.get("Error", {}).get("Code", ""))
