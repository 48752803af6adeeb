"""What every settings section shares: camelCase keys, no unknown key, immutability, and the typed strings."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """One section of a stack file. Keys are camelCase in YAML and snake_case in Python."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=False)


def _tag(key: str) -> str:
    if key.lower().startswith("aws:"):
        raise ValueError("must not start with `aws:`, which AWS keeps for itself")
    return key


def _network(text: str) -> str:
    try:
        IPv4Network(text)
    except ValueError as bad:
        raise ValueError(f"is not an IPv4 network such as 10.20.0.0/16: {bad}") from None
    return text


TagKey = Annotated[str, AfterValidator(_tag), Field(pattern=r"^[A-Za-z0-9 _.:/=+@-]{1,128}$")]
Cidr = Annotated[str, AfterValidator(_network), Field(examples=["10.20.0.0/16"])]
AccountId = Annotated[str, Field(pattern=r"^\d{12}$", examples=["123456789012"])]
Region = Annotated[str, Field(pattern=r"^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[1-9]$", examples=["us-east-1"])]
Domain = Annotated[
    str,
    Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", min_length=4, max_length=253, examples=["nautilus.example.com"]),
]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254, examples=["oncall@example.com"])]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=["sha256:" + "0" * 64])]
Arn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:.+$")]
LogDays = Annotated[
    int, Field(json_schema_extra={"enum": [90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]})
]
"""A log retention that CloudWatch Logs offers and that is not below the seed's 90 days."""
