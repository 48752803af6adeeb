"""Settings of Secrets Manager."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, Section


class Secrets(Section):
    """Secrets Manager."""

    recovery_days: Annotated[int, Field(ge=7, le=30)] = Field(
        default=30, description="Days in which a deleted secret can be restored, 7 to 30."
    )
    rotation_days: Annotated[int, Field(ge=7, le=30)] = Field(
        default=30,
        description="Age in days from which a secret counts as too old: what people fill is theirs to replace until then, what a function "
        "or a node rotates changes every Sunday anyway; 7 to 30, the seed asks for 30.",
    )
    password_special: Annotated[str, Field(max_length=32), Accepts("up to 32 characters that PostgreSQL and RDS take", "-_.~")] = Field(
        default="-_.~",
        description="Characters that stand beside letters and digits in the passwords that we draw for PostgreSQL on RDS: printable ASCII "
        "without quotes, `\\`, `/`, `@` and space, which RDS or a connection string refuses; may be empty. TimescaleDB's nodes keep to `-_.~`.",
    )
    session_minutes: Annotated[int, Field(ge=15, le=30)] = Field(
        default=30,
        description="Length of a user's session: so long a session key that was replaced is still accepted, in minutes; 15 to 30 (the seed's "
        "bounds for trading systems).",
    )
