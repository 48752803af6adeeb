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
    ] = Field(default="cache.r7g.large", description="ElastiCache node type; with `globalDatastore` not of a T family.")
    engine: Literal["valkey", "redis"] = Field(default="valkey", description="`valkey` or `redis`.")
    version: Literal["7.0", "7.1", "7.2", "8.0", "8.1", "8.2"] = Field(
        default="7.2", description="Engine version: valkey 7.2 or 8.x, redis 7.0 or 7.1 (seed 004 asks for 7)."
    )
    replicas: Annotated[int, Field(ge=0, le=5)] = Field(
        default=2, description="Replicas beside the primary, 0 to 5; failover needs at least one."
    )
    snapshot_days: Annotated[int, Field(ge=30, le=35)] = Field(
        default=30,
        description="How long daily snapshots are kept, in days, 30 to 35 (seed 003: 30 for daily backups, ElastiCache: up to 35); they are the "
        "cache's only backup.",
    )
    snapshot_name: (
        Annotated[
            str,
            Field(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=255),
            Accepts("the name of a copied snapshot of the stack's region, such as cache-kept-20261121", "cache-kept-20261121"),
        ]
        | None
    ) = Field(
        default=None,
        description="Snapshot that the group is made from; unset starts empty. Setting, changing or unsetting it makes the group anew, which the "
        "stack's protection refuses until it is unlocked. Automatic snapshots go with their group: copy one first.",
    )
    max_connections: Annotated[int, Field(ge=100, le=65_000)] = Field(
        default=5_000,
        description="Connections of one node above which an alarm is raised, 100 to 65,000 (ElastiCache's own limit is 65,000).",
    )
    global_datastore: bool = Field(
        default=False,
        description="A copy that follows in the second region, for about the price of the first: true or false; it needs a warm second region.",
    )
