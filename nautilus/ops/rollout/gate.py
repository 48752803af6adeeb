"""What must hold before a service is given a new version. Every reason against it is told at once, each with what mends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from nautilus.ops import halt, images
from nautilus.ops.rollout.deployments import RUNNING, Deployment, brief
from nautilus.ops.rollout.facts import WEB, Facts, workload
from nautilus.ops.rollout.records import read_migration
from nautilus.ops.steps import code_of
from nautilus.runtime import trading_hours

GATES: Final = ("off", "checked", "required")
"""What a service asks of its migration record: nothing, no failure, or that it was executed for this image."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a service may not be given a new version."""

    code: str
    """Stable word for machines."""
    text: str
    repair: str
    """What mends it; `{stack}` stands for the stack's name, which this room does not know."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the stack's settings ask of a rollout of one service."""

    guard: Mapping[str, Any] = field(default_factory=lambda: {"mode": "off"})
    """`{"mode": "refuse", "minutes": n, "calendar": …}` or `{"mode": "off"}`."""
    migrations: str = "off"
    live: bool = False
    """The stack trades with real money."""
    processor: str = "ARM64"
    """`ARM64` or `X86_64`: of an index only this image runs and is judged."""
    accepted: Mapping[str, date] = field(default_factory=dict[str, date])
    """Critical findings that do not count, each with the last day on which they do not."""
    signed: bool = False
    """Whether ECR must have signed the image with the stack's own profile."""


@dataclass(frozen=True)
class Clients:
    """AWS APIs in the platform's region."""

    ecs: Any
    ecr: Any
    ssm: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says: what speaks against it, and what a person should know all the same."""

    objections: tuple[Objection, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.objections


def ask(
    clients: Clients,
    facts: Facts,
    rules: Rules,
    service: str,
    *,
    digest: str | None,
    now: datetime,
    in_session: bool,
    permit: str = '--in-session with --why "…"',
    scan_seconds: float = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Everything that speaks against a new version of `service` now.

    Args:
        clients: AWS.
        facts: The stack.
        rules: Its settings.
        service: The service.
        digest: The image; None looks at everything but an image.
        now: The time, with its zone.
        in_session: Whether somebody takes it on to deploy while a venue trades; everything else is asked all the same.
        permit: With which options somebody does, for the repair.
        scan_seconds: How long a scan that runs is waited for.
        sleep: Waits so many seconds.
    """
    objections: list[Objection] = []
    notices: list[str] = []
    objections += busy(clients.ecs, facts, service)
    if digest is not None:
        objections += _image(clients.ecr, facts, rules, service, digest, notices, now=now, wait=(scan_seconds, sleep))
    objections += _migration(clients.ssm, facts, rules, service, digest, notices)
    objections += _session(rules, service, now, notices, in_session=in_session, permit=permit)
    if service == "engine" and rules.live:
        objections += _halted(clients.ssm, facts)
    return Answer(tuple(objections), tuple(notices))


def _image(
    ecr: Any,
    facts: Facts,
    rules: Rules,
    service: str,
    digest: str,
    notices: list[str],
    *,
    now: datetime,
    wait: tuple[float, Callable[[float], None]],
) -> list[Objection]:
    """The image's own gate: it is there, its scan is done, nothing critical is left, and it is signed where that is asked for."""
    repository = facts.repositories.get(workload(service), "").partition("/")[2]
    if not repository:
        return [Objection("no-repository", f"the stack names no repository of {service}", "nautilus up --stack {stack}")]
    if rules.signed and not facts.signing_profile:
        return [Objection("no-profile", "images must be signed, and the stack names no signing profile", "nautilus up --stack {stack}")]
    accept = images.accepted_on(rules.accepted, now.astimezone(UTC).date())
    profile = facts.signing_profile if rules.signed else None
    try:
        verdict = images.check(
            ecr, repository, digest, accept=accept, processor=rules.processor, profile=profile, wait_seconds=wait[0], sleep=wait[1]
        )
    except ClientError as error:
        if code_of(error) != "RepositoryNotFoundException":
            raise
        return [Objection("no-repository", f"there is no repository {repository}", "nautilus up --stack {stack}")]
    if verdict.passed and verdict.scan.accepted:
        notices.append(f"accepted critical findings (registry.acceptFindings): {', '.join(verdict.scan.accepted)}")
    code = {images.Missing.NO_IMAGE: "no-image", images.Missing.TOO_LONG: "scan-runs"}.get(_missing(verdict.scan.status), "image")
    repair = f"nautilus images check --service {workload(service)} --digest {digest} --stack {{stack}}; docs/runbooks/images.md"
    return [Objection(code, f"{digest[:19]}… of {repository} may not run: {reason}", repair) for reason in verdict.reasons]


def _missing(status: str) -> images.Missing:
    return images.Missing(status) if status in set(images.Missing) else images.Missing.NO_SCAN


def busy(ecs: Any, facts: Facts, service: str) -> list[Objection]:
    """A deployment of the service that has not ended: a second one would take its place half-way."""
    found = brief(ecs, facts.cluster, facts.services[service], states=RUNNING)
    return [
        Objection(
            "busy",
            f"a deployment of {service} is already {_state(one)}: {one.id}",
            f"nautilus rollout watch --service {service} --stack {{stack}}, or rollout abort",
        )
        for one in found[:1]
    ]


def _state(deployment: Deployment) -> str:
    since = f", since {deployment.created.astimezone(UTC):%H:%M} UTC" if deployment.created else ""
    return f"{deployment.status.lower().replace('_', ' ')}{since}"


def _migration(ssm: Any, facts: Facts, rules: Rules, service: str, digest: str | None, notices: list[str]) -> list[Objection]:
    if rules.migrations == "off":
        return []
    record = read_migration(ssm, facts, service)
    if record is not None and record.failed:
        text = f"the last migration of {service} failed at {record.at} ({record.who}): {record.detail or 'no detail'}"
        # What another image's migration did must not keep the way back to an older image closed.
        if digest in (None, record.digest) or not record.readable:
            return [Objection("migration", text, "mend its cause, then: nautilus migrate --execute --stack {stack}")]
        notices.append(f"{text}; it was another image's, {record.digest[:19]}…")
    executed = record is not None and record.status == "executed" and record.digest == digest
    if rules.migrations == "required" and digest is not None and not executed:
        said = "no migration is recorded" if record is None else f"the last one was {record.status} for {record.digest}"
        return [
            Objection(
                "migration",
                f"the migration of {service} was not executed for {digest}: {said}",
                "nautilus migrate --execute --stack {stack}",
            )
        ]
    if record is not None and record.status == "checked" and record.digest == digest:
        notices.append("its migration was checked and not executed: the new version meets the old tables")
    return []


def _session(rules: Rules, service: str, now: datetime, notices: list[str], *, in_session: bool, permit: str) -> list[Objection]:
    """A venue that trades, or will before the deployment ends."""
    if rules.guard.get("mode") == "off":
        return []
    wait = f"in an emergency alone: {permit}"
    try:
        calendar = trading_hours.read(rules.guard["calendar"])
        minutes = float(rules.guard["minutes"])
    except (ValueError, KeyError, TypeError) as error:
        if in_session:
            notices.append(f"the trading calendar cannot be read ({error}), and somebody has taken it on")
            return []
        return [Objection("session", f"the trading calendar cannot be read: {error}", wait)]
    found = trading_hours.conflict(now, calendar, minutes)
    if found is None:
        return []
    if in_session:
        notices.append(f"in session: {found.sentence}")
        return []
    allowed = trading_hours.next_allowed(now, calendar, minutes)
    when = f"wait until {allowed:%Y-%m-%d %H:%M} UTC, or {wait}" if allowed else wait
    return [Objection("session", f"{found.sentence}, and {service} needs {minutes:g} minutes without trading", when)]


def _halted(ssm: Any, facts: Facts) -> list[Objection]:
    repair = 'nautilus engine halt --why "…" --stack {stack}'
    try:
        flag = halt.read_halt(ssm, facts.halt_parameter)
    except halt.HaltUnreadableError as error:
        return [Objection("trading", f"the engine may be trading: {error}", repair)]
    return (
        [] if flag.halted else [Objection("trading", f"the engine trades: {flag.who} resumed it at {flag.at:%Y-%m-%d %H:%M} UTC", repair)]
    )


def is_singleton(service: str) -> bool:
    """Whether ECS must stop the old task before it starts the new one."""
    return service not in WEB
