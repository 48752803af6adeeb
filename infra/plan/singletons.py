"""Processes that must never run twice: their watchdog's variables, their order of stopping, and their zones. Pure.

The protocol itself stands in `nautilus/runtime` (docs/leases.md); what AWS promises, and what not, in docs/singletons.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from infra.plan.tasks import Probe
from infra.settings.broker import Watchdog

STATUS_PORT: Final = 8099
"""Where the watchdog answers inside its task, on 127.0.0.1 alone: `/health`, `/held`, `/status`."""

ENGINE_LEASE: Final = "engine"
GATEWAY_LEASE: Final = "ib-gateway"

LONGEST_STOP: Final = 120
"""Seconds from the order to stop until a task of ours is gone. Fargate's own limit is 120 s for *each* container; ours is for the task,
because the next one takes the lease over no sooner than the old one has released it (AWS-RULES.md section 3)."""

Subnet = TypeVar("Subnet")


@dataclass(frozen=True)
class StopPlan:
    """How a task with a watchdog stops: first the main process, with its path still open, then the watchdog, which closes it and releases.

    ECS stops containers in the opposite order of `dependsOn` and gives each its own `stopTimeout`, so the two add up. All in seconds.
    """

    disconnection: int = 10
    """NautilusTrader's `timeout_disconnection`: strategies stop, clients disconnect."""
    post_stop: int = 10
    """NautilusTrader's `timeout_post_stop`: what still comes in is awaited."""
    spare: int = 20
    """To write state and logs after that."""
    main: int = 100
    """`stopTimeout` of the main container."""
    watchdog: int = 15
    """`stopTimeout` of the watchdog: it ends open connections and releases the lease, within 5 s by its own clock."""

    def __post_init__(self) -> None:
        """Refuse a plan that a task cannot keep.

        Raises:
            ValueError: the main process needs longer than its container gets, or both containers together longer than `LONGEST_STOP`.
        """
        needed = self.disconnection + self.post_stop + self.spare
        if needed > self.main:
            raise ValueError(f"the main process needs {needed} s to stop and gets {self.main} s")
        if self.total > LONGEST_STOP:
            raise ValueError(f"main container and watchdog stop in {self.total} s, a task has {LONGEST_STOP} s")

    @property
    def total(self) -> int:
        """The longest time from the order to stop until the lease is free."""
        return self.main + self.watchdog

    def environment(self) -> dict[str, str]:
        """What the engine's program hands to its `TradingNodeConfig`."""
        return {"TIMEOUT_DISCONNECTION_SECONDS": str(self.disconnection), "TIMEOUT_POST_STOP_SECONDS": str(self.post_stop)}


def halt_parameter(project: str, environment: str) -> str:
    """Name of the halt flag: outside Pulumi and outside AppConfig, so that no deployment and no rollback resumes trading."""
    return f"/{project}/{environment}/trading/halt"


def watchdog_environment(
    settings: Watchdog,
    *,
    lease: str,
    lease_table: Any,
    halt: str,
    listen: int | None = None,
    upstream_lease: str = "",
    upstream_port: int | None = None,
) -> dict[str, Any]:
    """The watchdog's variables (`nautilus/runtime/gate.py`).

    Args:
        settings: Length and renewal of the lease.
        lease: The lease that it holds.
        lease_table: Name of the table; may be a Pulumi output.
        halt: Name of the halt flag.
        listen: Port on 127.0.0.1 that the main process connects to; None where the watchdog relays nothing.
        upstream_lease: Whose holder the connections are passed on to.
        upstream_port: On which port.

    Raises:
        ValueError: a path without its other end.
    """
    if (listen is None) != (upstream_port is None) or (listen is None) == bool(upstream_lease):
        raise ValueError("a path has a port to listen on, a lease whose holder it leads to, and a port there")
    return {
        "GATE_LISTEN": "" if listen is None else f"127.0.0.1:{listen}",
        "GATE_UPSTREAM_LEASE": upstream_lease,
        "GATE_UPSTREAM_PORT": "" if upstream_port is None else str(upstream_port),
        "HALT_PARAMETER": halt,
        "LEASE_NAME": lease,
        "LEASE_SECONDS": str(settings.lease_seconds),
        "LEASE_TABLE": lease_table,
        "RENEW_SECONDS": str(settings.renew_seconds),
        "STATUS_PORT": str(STATUS_PORT),
    }


def _asks(path: str) -> tuple[str, ...]:
    program = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{STATUS_PORT}{path}', timeout=3)"
    return "CMD", "python", "-c", program


def alive_probe() -> Probe:
    """Whether the watchdog works, with the lease or without: for a task that waits for its turn."""
    return Probe(_asks("/health"), interval=5, timeout=5, retries=3, start=30)


def held_probe() -> Probe:
    """Whether the task holds its lease: for a task whose main process may not even start before.

    No `startTimeout` limits the wait: a main container that waits leaves its task pending, which ECS neither counts as failed nor replaces
    for its health; it begins anew after three hours (aws/containers-roadmap#2379). A lease that comes free before starts it at once. Once
    it runs, 15 s without the lease end the task.
    """
    return Probe(_asks("/held"), interval=5, timeout=5, retries=3, start=180)


def apart(subnets: Sequence[Subnet]) -> tuple[list[Subnet], list[Subnet]]:
    """Subnets, one a zone, for two tasks that never share a zone: the first's and the second's, as evenly as it goes.

    Raises:
        ValueError: fewer than two.
    """
    if len(subnets) < 2:
        raise ValueError("a standby needs a second zone")
    return list(subnets[0::2]), list(subnets[1::2])
