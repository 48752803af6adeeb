"""Settings of the second region: what stands ready there, and what a stack that takes over starts from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, Cidr, Section
from infra.settings.foundation import ZoneLetter


class Restore(Section):
    """What the database of a stack starts from that takes over in the other region. `nautilus dr plan --write-stack` fills it."""

    snapshot_id: Annotated[
        str,
        Field(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=255),
        Accepts("the identifier of a database snapshot of the stack's region, such as takeover-of-june", "takeover-of-june"),
    ] = Field(
        description="Database snapshot, in the stack's own region, that the primary is made from; looked at when it is made, never later."
    )
    key_arn: Annotated[
        str,
        Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"),
        Accepts(
            "the ARN of a KMS key of the stack's region",
            "arn:aws:kms:us-west-2:123456789012:key/01234567-89ab-4def-8123-456789abcdef",
        ),
    ] = Field(description="KMS key of that snapshot: a database that is made from a snapshot keeps its key for life (RDS).")


class Dr(Section):
    """The second region, `account.drRegion`: what is kept warm there beside the copies of secrets, images and backups, which always exist."""

    enabled: bool = Field(
        default=False,
        description="Whether a network, a replica of the database and a copy of the market data's archive stand ready there: `true` or `false`.",
    )
    cidr: Cidr = Field(
        default="10.60.0.0/16",
        description="IPv4 block of the network there, /16 to /20, private (RFC 1918); must not overlap `network.cidr` or `network.peerCidrs`.",
    )
    zones: list[ZoneLetter] = Field(
        default_factory=lambda: ["a", "b", "c"],
        min_length=2,
        max_length=6,
        description="Letters of the availability zones there, 2 to 6; a stack that takes over with TimescaleDB needs three.",
    )
    postgres_replica: bool = Field(
        default=True,
        description="Whether the database has a replica there; counts only with `enabled`. Taken away for the time of a major upgrade.",
    )
    postgres_instance_class: (
        Annotated[
            str, Field(pattern=r"^db\.[a-z0-9-]+\.[a-z0-9]+$"), Accepts("an RDS instance class, such as db.m7g.xlarge", "db.m7g.xlarge")
        ]
        | None
    ) = Field(default=None, description="RDS instance class of the replica there; unset takes `postgres.instanceClass`.")
    archive_copy: bool = Field(
        default=True, description="Whether TimescaleDB's archive is copied there within 15 minutes; counts only with `enabled`."
    )
    max_lag_seconds: Annotated[int, Field(ge=60, le=3_600)] = Field(
        default=300,
        description="Seconds that the replica there may be behind, 60 to 3,600: beyond it an alarm sounds, and a failover asks for the loss to be "
        "accepted in words (seed 003: RPO under an hour).",
    )
    restore: Restore | None = Field(
        default=None, description="Set in the stack of a region that takes over: what its database is made from. Otherwise unset."
    )
