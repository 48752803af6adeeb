"""Settings of what faces the internet: names, certificates, CDN, firewall."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.base import Accepts, CertificateArn, Domain, LogDays, Section


class PriceClass(StrEnum):
    """CloudFront's price classes."""

    ALL = "PriceClass_All"
    P200 = "PriceClass_200"
    P100 = "PriceClass_100"


class Dns(Section):
    """Names of the platform."""

    domain: Domain = Field(description="The platform's domain: the site, its API and `origin.<domain>` for the load balancer.")
    zone_id: (
        Annotated[
            str, Field(pattern=r"^Z[A-Z0-9]{5,31}$"), Accepts("a hosted zone's id, such as Z0123456789ABCDEFGHIJ", "Z0123456789ABCDEFGHIJ")
        ]
        | None
    ) = Field(
        default=None, description="Id of a hosted zone that exists; unset makes one, whose delegation you then set up at the registrar."
    )
    certificate_arn: CertificateArn | None = Field(
        default=None, description="A certificate of `region` that exists, for the load balancer; unset makes one, validated through DNS."
    )
    cdn_certificate_arn: CertificateArn | None = Field(
        default=None, description="A certificate of us-east-1 that exists, for CloudFront; unset makes one, validated through DNS."
    )


class Waf(Section):
    """Web application firewall."""

    requests_per_five_minutes: Annotated[int, Field(ge=100, le=20_000_000)] = Field(
        default=6_000,
        description="Requests that one address may send in 5 minutes before it is blocked, 100 to 20,000,000; the seed's 1,000 a minute make 5,000.",
    )
    log_days: LogDays | None = Field(
        default=None, description="Retention of the firewall's log, in days; unset follows `platform.logDays`."
    )


class Cdn(Section):
    """CloudFront."""

    price_class: PriceClass = Field(
        default=PriceClass.P100, description="Which edge locations serve the site: `PriceClass_All`, `PriceClass_200` or `PriceClass_100`."
    )
    blocked_countries: list[
        Annotated[str, Field(pattern=r"^[A-Z]{2}$"), Accepts("a country's code of two capital letters (ISO 3166), such as KP", "KP")]
    ] = Field(default_factory=list, description="ISO 3166 codes of countries that are refused; empty refuses none.")


class LoadBalancer(Section):
    """Application load balancer."""

    idle_seconds: Annotated[int, Field(ge=60, le=4000)] = Field(
        default=300, description="Seconds that an idle connection stays open, 60 to 4,000; WebSockets need more than the default of 60."
    )


class Edge(Section):
    """Everything that faces the internet."""

    dns: Dns = Field(description="Names and certificates.")
    waf: Waf = Field(default_factory=Waf, description="Web application firewall.")
    cdn: Cdn = Field(default_factory=Cdn, description="Content delivery by CloudFront.")
    load_balancer: LoadBalancer = Field(default_factory=LoadBalancer, description="Application load balancer.")
