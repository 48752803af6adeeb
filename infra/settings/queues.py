"""Settings of queues: work that a service hands on instead of doing it while somebody waits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, Section

WAITS = 6
"""A message stays invisible for this many runs of its worker at least: AWS's advice for queues that Lambda reads, because a worker that is
throttled tries again with the same message (Lambda developer guide, SQS event sources)."""
LONGEST_VISIBILITY = 43_200
"""Seconds that SQS hides a message at most (SQS API, VisibilityTimeout): 12 hours."""
LONGEST_WORKER = LONGEST_VISIBILITY // WAITS

QueueName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=2, max_length=30, examples=["jobs"]),
    Accepts("2 to 30 lower-case letters, digits and single inner hyphens, starting with a letter", "jobs"),
]


class Queue(Section):
    """One queue with its dead-letter queue."""

    fifo: bool = Field(
        default=False,
        description="Whether messages of a group come in order and once (SQS FIFO, 300 calls a second without batches): `true` or `false`. "
        "Changing it makes a new queue; empty the old one first.",
    )
    worker_seconds: Annotated[int, Field(ge=1, le=LONGEST_WORKER)] = Field(
        default=300, description="Time that a worker has for one message, 1 to 7,200 seconds."
    )
    visibility_seconds: Annotated[int, Field(ge=WAITS, le=LONGEST_VISIBILITY)] | None = Field(
        default=None,
        description="How long a message that somebody took stays hidden, 6 to 43,200 seconds; at least six times `workerSeconds`, which is "
        "the value if it is unset.",
    )
    retention_days: Annotated[int, Field(ge=1, le=14)] = Field(
        default=4, description="How long a message waits for a worker, 1 to 14 days; the dead-letter queue keeps for 14."
    )
    max_receives: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="How often a message is tried before it goes to the dead-letter queue, 1 to 100 times."
    )
    oldest_seconds: Annotated[int, Field(ge=60, le=1_209_600)] = Field(
        default=3600, description="Age of the oldest message that raises an alarm, 60 to 1,209,600 seconds."
    )
    most_messages: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1000, description="Messages waiting that raise an alarm, 1 to 1,000,000."
    )

    @property
    def hidden_seconds(self) -> int:
        """How long a message that somebody took stays hidden."""
        return self.visibility_seconds or WAITS * self.worker_seconds


class Queues(Section):
    """Queues to which the backend sends and from which it receives."""

    jobs: Queue = Field(
        default_factory=Queue, description="Background jobs: reports, exports, notifications, which have no place inside a request."
    )
    more: dict[QueueName, Queue] = Field(
        default_factory=dict,
        # Each brings three alarms, whose names stand with all others in one SSM parameter of 8,192 bytes.
        max_length=10,
        description="Further queues by name, at most 10.",
    )

    @property
    def named(self) -> dict[str, Queue]:
        """Every queue by its name."""
        return {"jobs": self.jobs, **self.more}
