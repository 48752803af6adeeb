"""Settings of the cache: Valkey or Redis on ElastiCache."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from infra.settings.base import Accepts, Section


class Cache(Section):
    """Valkey or Redis on ElastiCache."""

    node_type: Annotated[
        str,
        Field(pattern=r"^cache\.[a-z0-9-]+\.[a-z0-9]+$"),
        Accepts("an ElastiCache node type, such as cache.r7g.large", "cache.r7g.large"),
    ] = Field(default="cache.r7g.large", description="ElastiCache node type.")
    engine: Literal["valkey", "redis"] = Field(default="valkey", description="`valkey` or `redis`.")
    version: Literal["7.0", "7.1", "7.2", "8.0", "8.1", "8.2"] = Field(
        default="7.2", description="Engine version: valkey 7.2 or 8.x, redis 7.0 or 7.1 (seed 004 asks for 7)."
    )
    replicas: Annotated[int, Field(ge=0, le=5)] = Field(
        default=2, description="Replicas beside the primary, 0 to 5; failover needs at least one."
    )
    snapshot_days: Annotated[int, Field(ge=1, le=35)] = Field(
        default=30, description="How long daily snapshots are kept, in days, 1 to 35."
    )
