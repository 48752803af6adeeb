"""What the commands about rollouts share: an opened stack, its settings' rules, errors of AWS in words, and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nautilus.cli.errors import BadUseError, CannotTellError, RefusedError

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings.root import Settings
    from infra.settings.workloads import Container, WebService
    from nautilus.cli.account import Identity
    from nautilus.cli.session import Session
    from nautilus.ops.rollout.facts import Facts
    from nautilus.ops.rollout.gate import Clients, Objection, Rules
    from nautilus.ops.rollout.look import View

STOP_SECONDS: Final = 120
"""From SIGTERM to SIGKILL of a singleton, which is ECS's longest (DESIGN.md decision 7)."""
SINGLETON_MINUTES: Final = 15
"""How long a singleton's deployment needs without trading: its stop, the new task's start and the broker's login."""

NO_SERVICES: Final = "the account stack runs no services"


def now() -> datetime:
    """The time by which sessions are judged and which is written into records."""
    return datetime.now(UTC)


sleep = time.sleep
"""Waits between two looks."""


@dataclass(frozen=True)
class Opened:
    """A stack on AWS whose rollouts are looked at or changed."""

    session: Session
    settings: Settings
    caller: Identity
    facts: Facts
    clients: Clients
    cloudwatch: Any

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.session.stack

    @property
    def who(self) -> str:
        """The caller without account and partition: `assumed-role/Deploy/jane`."""
        return self.caller.arn.rpartition(":")[2]

    def named(self, service: str | None) -> list[str]:
        """The services that are meant: the named one, else all. Raises BadUseError for an unknown one."""
        if service is None:
            return list(self.facts.services)
        return [known(service, self.facts.services, self.stack)]

    def pulumi_owns(self, service: str) -> bool:
        """Whether Pulumi names the image; of a singleton it always does."""
        from infra.settings.services import ImageOwner

        web = web_settings(self.settings, service)
        return web is None or web.image_owner is ImageOwner.PULUMI

    def look(self, service: str, deployment: str | None = None) -> View:
        """One look at a service, or at one deployment of it."""
        from nautilus.ops.rollout.look import look

        return look(self.clients, self.cloudwatch, self.facts, service, pulumi_owns=self.pulumi_owns(service), deployment=deployment)


def known(service: str, accepted: Mapping[str, Any] | Sequence[str], stack: str) -> str:
    """`service`, when it is one of `accepted`. Raises BadUseError naming those otherwise."""
    if service in accepted:
        return service
    raise BadUseError(
        f"stack {stack} has no service {service}", where=f"--service {service}", hint=f"accepted: {', '.join(accepted) or 'none'}"
    )


def container_of(settings: Settings, service: str) -> Container:
    """The settings of what runs in a service; a standby has those of its other."""
    from nautilus.ops.rollout.facts import workload

    services = settings.services
    found: dict[str, Container] = {
        "backend": services.backend,
        "frontend": services.frontend,
        "engine": services.engine,
        "ib-gateway": services.ib_gateway,
    }
    return found[workload(service)]


def web_settings(settings: Settings, service: str) -> WebService | None:
    """The settings of a service behind the load balancer; None for a singleton."""
    return {"backend": settings.services.backend, "frontend": settings.services.frontend}.get(service)


def enabled(settings: Settings) -> list[str]:
    """The services that the stack runs, by its settings."""
    services = settings.services
    singletons = {"engine": services.engine.enabled, "ib-gateway": services.ib_gateway.enabled}
    return ["backend", "frontend", *(name for name, enabled in singletons.items() if enabled)]


def open_stack(stack: str | None, config_dir: Path | None, as_json: bool) -> Opened:
    """The stack, with the caller's own credentials and what the stack has published in Parameter Store."""
    from nautilus.cli.session import open_platform

    session, settings = open_platform(
        stack,
        config_dir,
        as_json,
        local="the stack local lives on the simulated AWS, where nothing rolls out",
        account_stack=NO_SERVICES,
        hint="nautilus rollout plan",
    )
    session.name_account()
    return connect(session, settings)


def connect(session: Session, settings: Settings) -> Opened:
    """AWS, and what the stack has published there. The session has named its account."""
    from botocore.config import Config

    from nautilus.cli import account
    from nautilus.ops.rollout.facts import NotReadyError, read_facts
    from nautilus.ops.rollout.gate import Clients

    name = session.stack
    aws = account.aws_session(session.region)
    caller = session.caller or account.check_account(aws, name, settings.account.id)
    # ECS throttles reads; a watch must slow down instead of failing.
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 8})

    def client(service: str) -> Any:
        return aws.client(service, config=config)

    clients = Clients(client("ecs"), client("ecr"), client("ssm"))
    root = f"/{settings.platform.project}/{settings.platform.environment.value}"
    try:
        with asking(f"reading {root}/outputs", name):
            facts = read_facts(clients.ssm, root)
    except NotReadyError as error:
        raise RefusedError("not-ready", str(error), where=f"stack {name}", hint=f"nautilus up --stack {name}") from None
    return Opened(session, settings, caller, facts, clients, client("cloudwatch"))


@contextmanager
def asking(doing: str, stack: str) -> Generator[None]:
    """AWS is asked in here; what it does not answer ends the command with exit code 3."""
    from botocore.exceptions import BotoCoreError, ClientError

    from nautilus.cli import account
    from nautilus.ops.rollout.deployments import UnseenError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise account.aws_trouble(error, doing) from error
    except UnseenError as error:
        raise CannotTellError("unseen", str(error), where=f"stack {stack}") from None


def reason_of(why: str) -> str:
    """A reason on one line, as the halt flag takes them. Raises BadUseError for one that is none."""
    from nautilus.ops.halt import check_why

    try:
        return check_why(why)
    except ValueError as error:
        raise BadUseError(str(error), where="--why") from None


def plan_document(settings: Settings, service: str) -> dict[str, Any]:
    """The plan of a service out of its settings. A singleton's is that of ECS's rolling update with 0 and 100 percent."""
    from infra.plan.rollout import plan_of

    web = web_settings(settings, service)
    if web is not None:
        made = plan_of(web.rollout)
        return {**made.as_json(), "guard_minutes": made.guard_minutes}
    return {
        "strategy": "ROLLING",
        "step_percent": 100,
        "step_bake_minutes": 0,
        "bake_minutes": 0,
        "holds": [],
        "stages": [],
        "total_seconds": STOP_SECONDS,
        "guard_minutes": SINGLETON_MINUTES,
        "minimum_healthy_percent": 0,
        "maximum_percent": 100,
        "stop_seconds": STOP_SECONDS,
    }


def rules_of(settings: Settings, service: str) -> Rules:
    """What the settings ask of a rollout of this service."""
    from infra.plan.rollout import plan_of
    from infra.plan.trading_calendar import guard
    from infra.settings.registry import Signing
    from infra.settings.trading import TradingMode
    from infra.settings.workloads import RolloutGuard
    from nautilus.ops.rollout.gate import Rules

    web = web_settings(settings, service)
    return Rules(
        guard=guard(
            settings.trading,
            minutes=SINGLETON_MINUTES if web is None else plan_of(web.rollout).guard_minutes,
            scope=RolloutGuard.ALL if web is None else web.rollout.guard,
        ),
        # The backend's database alone has migrations.
        migrations=settings.services.backend.rollout.migrations.value if service == "backend" else "off",
        live=settings.trading.mode is TradingMode.LIVE,
        processor=container_of(settings, service).architecture.value,
        accepted={name: date.fromisoformat(str(item.until)) for name, item in settings.registry.accept_findings.items()},
        signed=settings.registry.signing is Signing.REQUIRED,
    )


def refused(opened: Opened, operation: str, service: str, objections: Sequence[Objection], notices: Sequence[str]) -> RefusedError:
    """The refusal that names every objection with its repair; a single one is the error itself."""
    found = [{"code": one.code, "text": one.text, "repair": one.repair.replace("{stack}", opened.stack)} for one in objections]
    count = len(found)
    return RefusedError(
        found[0]["code"] if count == 1 else "refused",
        f"{service} may not be deployed now: " + (found[0]["text"] if count == 1 else f"{count} reasons"),
        where=f"stack {opened.stack}",
        details=[] if count == 1 else [f"{one['text']}\nfix: {one['repair']}" for one in found],
        hint=found[0]["repair"] if count == 1 else None,
        document={**opened.session.header(operation), "service": service, "objections": found, "notices": list(notices)},
    )


def plain_lines(lines: Sequence[str]) -> Callable[[Console], None]:
    """Lines as they are, for `Output.emit`."""

    def render(console: Console) -> None:
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)

    return render
