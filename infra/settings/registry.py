"""Settings of images: what a stack runs them for, and what an account's registry does with all of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, Section, TagText
from infra.settings.egress import Day, Reason
from infra.settings.foundation import Environment

LONGEST_ACCEPTANCE_DAYS = 90
"""How far ahead a finding may be accepted, in days."""

Vulnerability = Annotated[
    str,
    Field(pattern=r"^[A-Z][A-Z0-9]{1,11}-[A-Za-z0-9][A-Za-z0-9:._-]{2,60}$", examples=["CVE-2026-12345"]),
    Accepts("the id of a finding as the scan reports it, such as CVE-2026-12345", "CVE-2026-12345"),
]


class Signing(StrEnum):
    """Whether an image needs a signature of the stack's own signing profile before it is deployed."""

    OFF = "off"
    REQUIRED = "required"


class Scanning(StrEnum):
    """What looks for vulnerabilities: ECR's own scan of the operating system's packages, or Amazon Inspector, which also reads libraries."""

    BASIC = "basic"
    ENHANCED = "enhanced"


class AcceptedFinding(Section):
    """A critical finding that is lived with for a while."""

    reason: Reason = Field(description="Why it does no harm here, or what is waited for, 20 to 200 characters.")
    until: Day = Field(
        description="The last day on which it is accepted, as YYYY-MM-DD, at most 90 days ahead. Afterwards `nautilus preview` and `up` "
        "refuse the entry, and the gate refuses the image."
    )
    reviewer: TagText = Field(description="Who has agreed, and is not its author: 1 to 128 letters, digits, spaces and _.:/=+@-.")


class Registry(Section):
    """What an image must show before it is deployed. No image with a critical finding, and none that nobody has scanned."""

    signing: Signing = Field(
        default=Signing.OFF,
        description="`required` makes a signing profile, and the gate refuses an image that ECR has not signed with it; `off` makes none.",
    )
    signature_months: Annotated[int, Field(ge=1, le=135)] = Field(
        default=24, description="How long a signature is valid, 1 to 135 months; a rollback needs an image whose signature still is."
    )
    accept_findings: dict[Vulnerability, AcceptedFinding] = Field(
        default_factory=dict,
        max_length=50,
        description="Critical findings that do not stop a deployment, by the id in the scan (`CVE-2026-12345`), at most 50; each with a "
        "reason, an end and a reviewer.",
    )


class AccountRegistry(Section):
    """What an account's registry does with every image in it, whatever the stack."""

    scanning: Scanning = Field(
        default=Scanning.BASIC,
        description="`basic` is free and looks at packages of the operating system when an image is pushed; `enhanced` is Amazon Inspector, "
        "priced by image, which also reads libraries.",
    )
    continuous: list[Environment] = Field(
        default_factory=lambda: [Environment.PROD],
        max_length=4,
        description="Stacks whose images Inspector looks at again whenever a new vulnerability is published; those of the others are looked "
        "at when they are pushed. Of use with `enhanced` alone.",
    )
    replicated: list[Environment] = Field(
        default_factory=lambda: [Environment.PROD],
        min_length=1,
        max_length=4,
        description="Stacks whose images are copied into the second region with every push.",
    )
    pull_through_cache: bool = Field(
        default=True,
        description="Whether public images come through a cache in our own registry: `true` or `false`. Sidecars need it.",
    )
