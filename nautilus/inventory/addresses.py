"""IPv4 blocks and prefix lists: which of them are addresses of the internet."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any, Final

PRIVATE: Final = tuple(
    IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
)
"""Blocks that no router of the internet carries (RFC 1918, 6598, 3927, 1122)."""

CLOUDFRONT_LISTS: Final[Mapping[str, str]] = {
    "ap-northeast-1": "pl-58a04531",
    "ap-northeast-2": "pl-22a6434b",
    "ap-northeast-3": "pl-31a14458",
    "ap-south-1": "pl-9aa247f3",
    "ap-southeast-1": "pl-31a34658",
    "ap-southeast-2": "pl-b8a742d1",
    "ca-central-1": "pl-38a64351",
    "eu-central-1": "pl-a3a144ca",
    "eu-north-1": "pl-fab65393",
    "eu-west-1": "pl-4fa04526",
    "eu-west-2": "pl-93a247fa",
    "eu-west-3": "pl-75b1541c",
    "sa-east-1": "pl-5da64334",
    "us-east-1": "pl-3b927c52",
    "us-east-2": "pl-b6a144df",
    "us-west-1": "pl-4ea04527",
    "us-west-2": "pl-82a045eb",
}
"""AWS's list `com.amazonaws.global.cloudfront.origin-facing` by region, as AWS's networking blog published them. A plan holds the bare id."""

CLOUDFRONT_LIST: Final = "cloudfront"
STRANGE_LIST: Final = "strange"
"""A prefix list that the plan does not hold and that is none of AWS's known ones: its addresses may be anybody's."""


def is_public(block: IPv4Network) -> bool:
    """Whether a block holds addresses of the internet."""
    return not any(block.subnet_of(private) for private in PRIVATE)


def network_of(value: Any) -> IPv4Network | None:
    """The IPv4 block in a text; None where there is none (IPv6 and unknown values included)."""
    try:
        return IPv4Network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None
