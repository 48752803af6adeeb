"""Settings of what runs: the web services, the trading engine and the broker gateway."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.settings.base import Digest, Section


class Architecture(StrEnum):
    """Processor of the tasks, as ECS spells it."""

    ARM64 = "ARM64"
    X86_64 = "X86_64"


CpuUnits = Literal[256, 512, 1024, 2048, 4096, 8192, 16384]
MemoryMib = Annotated[int, Field(ge=512, le=122_880)]
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


class WebService(Container):
    """A stateless service behind the load balancer."""

    min_tasks: Annotated[int, Field(ge=1, le=100)] = Field(default=2, description="Fewest tasks (seed 004: 2).")
    max_tasks: Annotated[int, Field(ge=1, le=400)] = Field(default=10, description="Most tasks (seed 004: 10).")
    cpu_percent: Annotated[int, Field(ge=10, le=90)] = Field(default=70, description="Autoscaling's CPU target in percent (seed 004: 70).")
    memory_percent: Annotated[int, Field(ge=10, le=90)] = Field(
        default=80, description="Autoscaling's memory target in percent (seed 004: 80)."
    )
    pool_min: Annotated[int, Field(ge=1, le=100)] = Field(default=10, description="Smallest database pool of a task (seed 003: 10).")
    pool_max: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20,
        description="Largest database pool of a task; seed 003 bounds the service at 100, and `maxTasks` × `poolMax` must stay below the server's limit.",
    )
    rollout: Rollout = Field(default_factory=Rollout, description="How a new version takes over.")


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


class TradingMode(StrEnum):
    """Which broker account the stack trades on."""

    PAPER = "paper"
    LIVE = "live"


class Trading(Section):
    """What makes this a trading platform."""

    mode: TradingMode = Field(default=TradingMode.PAPER, description="`paper` or `live`; live is for production alone.")
    acknowledge_live_trading: Literal["", "orders from this stack move real money"] = Field(
        default="", description="Write `orders from this stack move real money` to accept live trading."
    )
    ib_client_id: Annotated[int, Field(ge=1, le=32_767)] = Field(
        default=100, description="Client id of the engine at the gateway (seed 004: 100); unique for each connection."
    )

    @property
    def gateway_port(self) -> int:
        """The gateway's port between tasks: 4003 live, 4004 paper (the seed's 4001 stays inside the container)."""
        return 4003 if self.mode is TradingMode.LIVE else 4004


class Services(Section):
    """What runs on ECS."""

    backend: WebService = Field(default_factory=WebService, description="FastAPI on port 8000: `/health`, `/api/`, `/ws/`.")
    frontend: Frontend = Field(default_factory=Frontend, description="React, served at `/`.")
    engine: Singleton = Field(default_factory=Singleton, description="NautilusTrader engine: exactly one.")
    ib_gateway: IbGateway = Field(default_factory=IbGateway, description="Interactive Brokers Gateway: one login, exactly one.")
