"""Settings of what runs: the web services, the trading engine and the broker gateway."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.settings.base import Accepts, Digest, Section
from infra.settings.broker import RestartWindow, StartCommand, Watchdog
from infra.settings.services import ImageOwner, LogRouter, MarketOpen, Telemetry
from infra.settings.trading import Trading as Trading
from infra.settings.trading import TradingMode as TradingMode


class Architecture(StrEnum):
    """Processor of the tasks, as ECS spells it."""

    ARM64 = "ARM64"
    X86_64 = "X86_64"


CpuUnits = Literal[256, 512, 1024, 2048, 4096, 8192, 16384]
MemoryMib = Annotated[int, Field(ge=512, le=122_880)]
FREE_STORAGE_GB = 20
"""Scratch disk that every Fargate task has, in GiB."""
_CPU_WORDS = "CPU units of the task, 1,024 to one vCPU: 256, 512, 1024, 2048, 4096, 8192 or 16384"
_MEMORY_WORDS = "Memory of the task in MiB; Fargate offers fixed sizes for each CPU size"


class Container(Section):
    """One container of a task. Images live in this account's ECR repository of the service's name."""

    image_digest: Digest | None = Field(
        default=None, description="The image, by digest. Needed in phase `services`; a tag is not accepted, because it can be moved."
    )
    cpu: CpuUnits = Field(default=4096, description=f"{_CPU_WORDS} (seed 004: 4 vCPU).")
    memory: MemoryMib = Field(default=16_384, description=f"{_MEMORY_WORDS} (seed 004: 16 GB).")
    architecture: Architecture = Field(default=Architecture.ARM64, description="`ARM64` or `X86_64`.")
    storage_gb: Annotated[int, Field(ge=FREE_STORAGE_GB, le=200)] = Field(
        default=FREE_STORAGE_GB, description="Scratch disk of the task in GiB, 20 to 200; lost with the task. Fargate includes 20."
    )
    open_files: Annotated[int, Field(ge=1024, le=1_048_576)] = Field(
        default=65_535, description="Files and connections that a process may have open, 1,024 to 1,048,576 (`nofile`)."
    )


class RolloutGuard(StrEnum):
    """Which venues' sessions keep a rollout away."""

    SESSIONS = "sessions"
    ALL = "all"
    OFF = "off"


class MigrationGate(StrEnum):
    """What a rollout asks of the recorded database migration."""

    OFF = "off"
    CHECKED = "checked"
    REQUIRED = "required"


SmokePath = Annotated[
    str,
    Field(pattern=r"^/[A-Za-z0-9._~/-]{0,127}$"),
    Accepts("a path of at most 128 letters, digits and ._~/-, such as /api/status", "/api/status"),
]


class Rollout(Section):
    """How a new version takes over traffic (seed 004: 10 %, 50 %, 100 %, five minutes each)."""

    steps: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default_factory=lambda: [10, 50, 100],
        min_length=1,
        max_length=20,
        description="Percentages of traffic on the new version, rising, the last one 100.",
    )
    hold_minutes: Annotated[int, Field(ge=0, le=60)] = Field(default=5, description="Minutes to stay at each step but the last.")
    bake_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        default=5, description="Minutes that the old version is kept after the last step, 1 to 1,440."
    )
    guard: RolloutGuard = Field(
        default=RolloutGuard.ALL,
        description="In which sessions of `trading.venues` a rollout is refused while `trading.deployGuard` is on: `all`, and with a venue that "
        "never closes only the maintenance window is left; `sessions`, those of venues that close at night alone; `off`, none.",
    )
    smoke_paths: list[SmokePath] = Field(
        default_factory=list,
        max_length=5,
        description="Further paths that a new version must answer with 200 on the test listener, besides its health check, at most 5.",
    )


class BackendRollout(Rollout):
    """What the backend's rollout asks beyond: it alone has a database and speaks WebSockets."""

    migrations: MigrationGate = Field(
        default=MigrationGate.CHECKED,
        description="What `nautilus migrate` must have said before a rollout: `off` nothing, `checked` no failure, "
        "`required` that the migration was executed.",
    )
    smoke_web_socket: bool = Field(
        default=False, description="Whether `/ws/` must take a WebSocket handshake without a login on the test listener."
    )


class WebService(Container):
    """A stateless service behind the load balancer."""

    min_tasks: Annotated[int, Field(ge=1, le=100)] = Field(default=2, description="Fewest tasks (seed 004: 2).")
    max_tasks: Annotated[int, Field(ge=1, le=400)] = Field(default=10, description="Most tasks (seed 004: 10).")
    cpu_percent: Annotated[int, Field(ge=10, le=90)] = Field(default=70, description="Autoscaling's CPU target in percent (seed 004: 70).")
    memory_percent: Annotated[int, Field(ge=10, le=90)] = Field(
        default=80, description="Autoscaling's memory target in percent (seed 004: 80)."
    )
    rollout: Rollout = Field(default_factory=Rollout, description="How a new version takes over.")
    image_owner: ImageOwner = Field(
        default=ImageOwner.PULUMI,
        description="Who decides which image runs: `pulumi` (this file's `imageDigest`, by `nautilus up`) or `pipeline` "
        "(`nautilus rollout start`; `imageDigest` then is the template's and the first task's). Never both.",
    )
    stop_seconds: Annotated[int, Field(ge=2, le=120)] = Field(
        default=60, description="Seconds from the stop signal until a task is killed, 2 to 120 (Fargate's most)."
    )
    requests_per_target: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="Autoscaling's target of requests per minute and task, 1 to 1,000,000; 0 leaves it to CPU and memory."
    )
    market_open: MarketOpen = Field(default_factory=MarketOpen, description="More tasks while a market is open.")
    discovery: bool = Field(
        default=False,
        description="Whether other tasks find the service by its name (Service Connect). A proxy then stands in each task, before the "
        "load balancer's traffic too.",
    )


class Backend(WebService):
    """The API: the one web service with a database, migrations and WebSockets."""

    pool_min: Annotated[int, Field(ge=1, le=100)] = Field(default=10, description="Smallest database pool of a task (seed 003: 10).")
    pool_max: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20,
        description="Largest database pool of a task; seed 003 bounds the service at 100, and `maxTasks` × `poolMax` must stay below the server's limit.",
    )
    # Settings are frozen, so a narrower type may stand in a subclass.
    rollout: BackendRollout = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default_factory=BackendRollout, description="How a new version takes over."
    )


class Frontend(WebService):
    """The site: a smaller task than the API's."""

    cpu: CpuUnits = Field(default=1024, description=f"{_CPU_WORDS} (the site needs less than the seed's 4 vCPU).")
    memory: MemoryMib = Field(default=2048, description=f"{_MEMORY_WORDS} (the site needs less than the seed's 16 GB).")


class Singleton(Container):
    """A process that must never run twice."""

    enabled: bool = Field(default=True, description="Whether the process runs in this stack.")


class IbGateway(Singleton):
    """The broker's gateway: one login in one Java process, whose image is published for x86."""

    cpu: CpuUnits = Field(default=2048, description=f"{_CPU_WORDS} (one Java process).")
    memory: MemoryMib = Field(default=8192, description=f"{_MEMORY_WORDS} (one Java process).")
    architecture: Architecture = Field(
        default=Architecture.X86_64, description="`ARM64` or `X86_64`; the gateway's usual image is for x86."
    )
    standby: bool = Field(
        default=True,
        description="Whether a second task stands by in another zone and takes the login over when the first one's lease runs out. "
        "Costs a task; needs two zones.",
    )
    command: StartCommand = Field(
        default="scripts/run.sh",
        description="The image's own start program (that of gnzsnz/ib-gateway-docker, from its working directory), run once the task "
        "holds the lease.",
    )
    restart: RestartWindow = Field(default_factory=RestartWindow, description="The daily restart.")
    start_pause_seconds: Annotated[int, Field(ge=0, le=3600)] = Field(
        default=600,
        description="Fewest seconds between two logins, whichever task makes them, 0 to 3,600: each sends a second-factor request, "
        "and requests that pile up lock the login (a request lapses after 180 s).",
    )


class Services(Section):
    """What runs on ECS."""

    backend: Backend = Field(default_factory=Backend, description="FastAPI on port 8000: `/health`, `/api/`, `/ws/`.")
    frontend: Frontend = Field(default_factory=Frontend, description="React, served at `/`.")
    engine: Singleton = Field(default_factory=Singleton, description="NautilusTrader engine: exactly one.")
    ib_gateway: IbGateway = Field(default_factory=IbGateway, description="Interactive Brokers Gateway: one login, exactly one.")
    watchdog: Watchdog = Field(default_factory=Watchdog, description="What keeps engine and gateway from running twice.")
    log_router: LogRouter = Field(default_factory=LogRouter, description="How the web services' logs travel.")
    telemetry: Telemetry = Field(default_factory=Telemetry, description="Traces and metrics of the web services (OpenTelemetry).")
    exec: bool = Field(
        default=False,
        description="Whether a person may open a shell in a task of the web services (ECS Exec), with a log of every session; never in production.",
    )
