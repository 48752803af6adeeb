"""What every settings section shares: camelCase keys, no unknown key, immutability, and the typed strings."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """One section of a stack file. Keys are camelCase in YAML and snake_case in Python."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=False)


@dataclass(frozen=True)
class Accepts:
    """What a key accepts, where a pattern or a function decides it: said in words, with a value that passes."""

    words: str
    """Completes the sentence `accepted: …`."""
    example: str | int
    """A value that passes, used in repair commands and in the generated page."""


def _tag(key: str) -> str:
    if key.lower().startswith("aws:"):
        raise ValueError("starts with `aws:`, which AWS keeps for itself")
    return key


def _network(text: str) -> str:
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        raise ValueError("is not an IPv4 network") from None
    if "/" not in text:
        raise ValueError("has no prefix length, such as /16")
    if str(network) != text:
        raise ValueError(f"is not written as its network: {network} is meant")
    return text


def _int_too(schema: dict[str, Any]) -> None:
    """`pulumi config set --path` stores digits as a number: the schema for editors accepts that form too."""
    text = {key: schema.pop(key) for key in ("type", "pattern") if key in schema}
    schema["anyOf"] = [text, {"type": "integer", "minimum": 100_000_000_000, "maximum": 999_999_999_999}]


TEXT = r"^[A-Za-z0-9 _.:/=+@-]{1,128}$"
"""Characters that every AWS service takes in a tag."""

TagKey = Annotated[
    str,
    AfterValidator(_tag),
    Field(pattern=TEXT),
    Accepts("1 to 128 letters, digits, spaces and _.:/=+@-, not starting with `aws:`", "Team"),
]
TagValue = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9 _.:/=+@-]{0,256}$"), Accepts("at most 256 letters, digits, spaces and _.:/=+@-", "platform")
]
TagText = Annotated[str, Field(pattern=TEXT), Accepts("1 to 128 letters, digits, spaces and _.:/=+@-", "platform-team")]
Cidr = Annotated[
    str,
    AfterValidator(_network),
    Field(examples=["10.20.0.0/16"]),
    Accepts("an IPv4 network without host bits, such as 10.20.0.0/16", "10.20.0.0/16"),
]
AccountId = Annotated[
    str,
    Field(pattern=r"^[0-9]{12}$", examples=["123456789012"], json_schema_extra=_int_too),
    Accepts("12 digits in quotes, such as 123456789012", "123456789012"),
]
Region = Annotated[
    str,
    Field(pattern=r"^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[1-9]$", examples=["us-east-1"]),
    Accepts("an AWS region, such as us-east-1", "us-east-1"),
]
Domain = Annotated[
    str,
    Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", min_length=4, max_length=253, examples=["nautilus.example.com"]),
    Accepts("a domain name in lower case, such as nautilus.example.com", "nautilus.example.com"),
]
Email = Annotated[
    str,
    Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254, examples=["oncall@example.com"]),
    Accepts("an e-mail address, such as oncall@example.com", "oncall@example.com"),
]
Digest = Annotated[
    str,
    Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=["sha256:" + "0" * 64]),
    Accepts("`sha256:` and 64 hexadecimal digits", "sha256:" + "0" * 64),
]
CertificateArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$"),
    Accepts(
        "the ARN of an ACM certificate, such as arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
        "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
    ),
]
LogDays = Literal[90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
"""A log retention that CloudWatch Logs offers and that is not below the seed's 90 days."""
