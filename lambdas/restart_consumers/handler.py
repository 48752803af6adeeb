"""Starts services again whose secrets have changed since their tasks were started, in the maintenance window and at no other time.

A task reads its secrets when it starts. A schedule calls this function every ten minutes of the window, and each call looks at what is there:

- a service none of whose secrets is younger than its last deployment is left alone,
- so is one with a secret whose turn is still to come in this window: it would be started twice,
- so is one that is being deployed: the next call sees what became of it.

So every call may be repeated, a lost one is made up for by the next, and what was missed altogether (a broker's key put in on a Tuesday, a
rotation that failed and was repeated) is found in the next window. A service that a person stopped (desired count 0) stays stopped.

    CLUSTER    nautilus-prod
    SERVICES   {"nautilus-prod-backend": ["arn:aws:secretsmanager:…", …], …}
    WEEKLY     ["arn:…", …]   secrets that change in every window
    WINDOW     {"weekday": 6, "opens": 120, "rotated": 180, "closes": 225}   Monday is 0; minutes after midnight UTC
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

_BOTO = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_SERVICES_A_CALL = 10  # DescribeServices takes at most ten

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


@dataclass(frozen=True)
class Window:
    """The weekly maintenance: when it opens, when the last rotation has begun, and when the last restart may begin. UTC."""

    weekday: int
    opens: int
    rotated: int
    closes: int

    def opened(self, now: datetime) -> datetime | None:
        """When the window that `now` lies in opened; None outside."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        minute = (now - midnight) / timedelta(minutes=1)
        if now.weekday() != self.weekday or not self.opens <= minute < self.closes:
            return None
        return midnight + timedelta(minutes=self.opens)

    def rotating(self, now: datetime) -> bool:
        """Whether a rotation of this window may still begin."""
        return now.hour * 60 + now.minute < self.rotated


@dataclass(frozen=True)
class Settings:
    """The function's environment."""

    cluster: str
    services: Mapping[str, tuple[str, ...]]
    weekly: frozenset[str]
    window: Window

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """From environment variables.

        Raises:
            ValueError: one is missing or malformed.
        """
        try:
            services = {str(name): tuple(map(str, arns)) for name, arns in json.loads(environment["SERVICES"]).items()}
            window = Window(**{key: int(value) for key, value in json.loads(environment["WINDOW"]).items()})
            return cls(environment["CLUSTER"], services, frozenset(map(str, json.loads(environment["WEEKLY"]))), window)
        except KeyError as missing:
            raise ValueError(f"the variable {missing} is not set") from None
        except (TypeError, AttributeError, json.JSONDecodeError) as wrong:
            raise ValueError(f"SERVICES, WEEKLY and WINDOW are JSON, each of its own form: {wrong}") from None


def changed(client: Any, arn: str) -> datetime | None:
    """When a secret took the value that it holds; None while it holds none."""
    about = client.describe_secret(SecretId=arn)
    current = [version for version, stages in about.get("VersionIdsToStages", {}).items() if "AWSCURRENT" in stages]
    if not current:
        return None
    made: list[datetime] = []
    more: dict[str, str] = {}
    while True:
        page = client.list_secret_version_ids(SecretId=arn, MaxResults=100, **more)
        made += [one["CreatedDate"] for one in page["Versions"] if one["VersionId"] in current]
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    # A version is made when its rotation begins and becomes current when it ends; LastRotatedDate is the end.
    moments: list[datetime] = [*made, *([about["LastRotatedDate"]] if about.get("LastRotatedDate") else [])]
    return max(moments, default=None)


@dataclass(frozen=True)
class State:
    """A service as ECS describes it."""

    started: datetime
    """When its last deployment began."""
    deploying: bool
    stopped: bool


def state_of(service: Mapping[str, Any]) -> State | None:
    """From DescribeServices; None when it has no deployment."""
    primary = [one for one in service.get("deployments", []) if one.get("status") == "PRIMARY"]
    if not primary or service.get("status") != "ACTIVE":
        return None
    busy = len(service["deployments"]) > 1 or primary[0].get("rolloutState") == "IN_PROGRESS"
    return State(primary[0]["createdAt"], busy, service.get("desiredCount", 0) == 0)


def due(
    state: State, secrets: Mapping[str, datetime | None], *, weekly: frozenset[str], opened: datetime, rotating: bool
) -> tuple[bool, str]:
    """Whether a service is started again now, and why or why not."""
    if state.stopped:
        return False, "is stopped"
    younger = sorted(arn for arn, moment in secrets.items() if moment is not None and moment > state.started)
    if not younger:
        return False, "has what its secrets hold"
    if state.deploying:
        return False, "is being deployed"
    waiting = [arn for arn, moment in secrets.items() if arn in weekly and (moment is None or moment < opened)]
    if rotating and waiting:
        return False, f"waits for {len(waiting)} secrets whose turn is still to come"
    return True, f"{len(younger)} secrets are younger than its tasks"


def restart(settings: Settings, now: datetime, *, ecs: Any, store: Any) -> dict[str, str]:
    """One round. Returns what happened to each service, in words."""
    opened = settings.window.opened(now)
    if opened is None:
        log.info("outside the maintenance window: nothing is started again")
        return {}
    known: dict[str, datetime | None] = {}
    for arn in sorted({arn for arns in settings.services.values() for arn in arns}):
        known[arn] = changed(store, arn)
    report: dict[str, str] = {}
    names = sorted(settings.services)
    for first in range(0, len(names), _SERVICES_A_CALL):
        found = ecs.describe_services(cluster=settings.cluster, services=names[first : first + _SERVICES_A_CALL])["services"]
        for service in found:
            name = service["serviceName"]
            state = state_of(service)
            if state is None:
                report[name] = "is not running"
                continue
            secrets = {arn: known[arn] for arn in settings.services[name]}
            now_due, why = due(state, secrets, weekly=settings.weekly, opened=opened, rotating=settings.window.rotating(now))
            if now_due:
                ecs.update_service(cluster=settings.cluster, service=name, forceNewDeployment=True)
                why = f"started again: {why}"
            report[name] = why
    for name, why in report.items():
        log.info("%s: %s", name, why)
    return report


def handler(_event: object, _context: object) -> dict[str, str]:
    """Called by the schedule."""
    ecs: Any = boto3.client("ecs", config=_BOTO)
    store: Any = boto3.client("secretsmanager", config=_BOTO)
    return restart(Settings.read(os.environ), datetime.now(UTC), ecs=ecs, store=store)
