"""Settings of Secrets Manager."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.settings.base import Section


class Secrets(Section):
    """Secrets Manager."""

    recovery_days: Annotated[int, Field(ge=7, le=30)] = Field(
        default=30, description="Days in which a deleted secret can be restored, 7 to 30."
    )
    rotation_days: Annotated[int, Field(ge=1, le=30)] = Field(
        default=30, description="Keys are rotated at least this often, in days; the seed asks for 30."
    )
