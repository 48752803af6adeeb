"""What an alarm is, and how many of them make a table. Names that AWS invents stand in it as `Target`s."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Which topic hears of it: critical wakes people, a warning waits for the morning."""

    CRITICAL = "critical"
    WARNING = "warning"


class Comparison(StrEnum):
    """CloudWatch's comparison operators."""

    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"


class Missing(StrEnum):
    """What a minute without data means."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


@dataclass(frozen=True)
class Target:
    """A value that is known only once a resource exists; the component resolves it by name."""

    name: str


Dimension = str | Target


@dataclass(frozen=True)
class Metric:
    """One CloudWatch metric.

    `statistic` is `Average`, `Minimum`, `Maximum`, `Sum`, `SampleCount` or a percentile such as `p95`; `period` is in seconds. AWS's own
    services publish every 60 s, so a shorter period would only be empty.
    """

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, Dimension], ...] = ()
    period: int = 60

    @property
    def is_percentile(self) -> bool:
        """Whether CloudWatch wants it as an extended statistic."""
        return re.fullmatch(r"p\d{1,2}(\.\d+)?", self.statistic) is not None


@dataclass(frozen=True)
class Expression:
    """Metric math over metrics that have ids (`[a-z][A-Za-z0-9_]*`), at most ten of them in an alarm (AWS limit)."""

    text: str
    label: str
    metrics: tuple[tuple[str, Metric], ...]


@dataclass(frozen=True)
class AlarmSpec:
    """One alarm. It is raised when `datapoints` of the last `periods` values break the threshold."""

    key: str
    """Short and stable: part of the physical name and of the URN."""
    severity: Severity
    source: Metric | Expression
    comparison: Comparison
    threshold: float
    why: str
    seeds: tuple[str, ...]
    """Lines of the seeds (`NDS-…`, `DTO-…`, `NRC-…`) or decisions of the design that ask for it."""
    runbook: str
    """Page of the operators' handbook, below `docs/runbooks/`."""
    periods: int = 1
    datapoints: int | None = None
    missing: Missing = Missing.NOT_BREACHING

    @property
    def targets(self) -> frozenset[str]:
        """Names of the `Target`s that the component has to resolve."""
        metrics = (self.source,) if isinstance(self.source, Metric) else tuple(metric for _, metric in self.source.metrics)
        return frozenset(value.name for metric in metrics for _, value in metric.dimensions if isinstance(value, Target))

    @property
    def description(self) -> str:
        """What the person who is woken reads, at most 1,024 characters (AWS limit)."""
        return f"{self.why} Runbook: docs/runbooks/{self.runbook}.md. Asked for by: {', '.join(self.seeds)}."[:1024]


@dataclass(frozen=True)
class LogFilter:
    """A metric made of log lines."""

    key: str
    log_group: Dimension
    pattern: str
    namespace: str
    metric: str
    value: str = "1"
    default: float | None = None
    """Value of a minute with log lines but without a match; None leaves the minute without data."""
    dimensions: tuple[tuple[str, str], ...] = ()
    """Name to the field of the line that holds its value, such as `("Service", "$.service")`; at most three, and then no default (AWS)."""


def table(*groups: Iterable[AlarmSpec]) -> tuple[AlarmSpec, ...]:
    """All alarms in the order of their keys.

    Raises:
        ValueError: a key occurs twice.
    """
    specs = sorted((spec for group in groups for spec in group), key=lambda spec: spec.key)
    keys = [spec.key for spec in specs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"alarm keys occur twice: {', '.join(twice)}")
    return tuple(specs)


def custom_namespace(prefix: str) -> str:
    """Namespace of our own metrics: one for each stack, so that two stacks in an account do not mix."""
    return f"Nautilus/{prefix}"


def total(metrics: Sequence[tuple[str, Metric]]) -> str:
    """Metric math: the sum of all, where one without data adds nothing."""
    return " + ".join(f"FILL({name}, 0)" for name, _ in metrics)


def worst(metrics: Sequence[tuple[str, Metric]]) -> str:
    """Metric math: the highest of all, where one without data is zero."""
    return f"MAX([{', '.join(f'FILL({name}, 0)' for name, _ in metrics)}])"
