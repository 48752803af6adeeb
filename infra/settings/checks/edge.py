"""Certificates and countries."""

from __future__ import annotations

from collections.abc import Iterator

from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.problems import Path
from infra.settings.root import Settings


def certificates(settings: Settings) -> Iterator[Finding]:
    """A certificate that is brought along lies where its user looks for it, and a new one can carry our names."""
    dns, region = settings.edge.dns, settings.account.region
    for name, arn, wanted, user in (
        ("certificateArn", dns.certificate_arn, region, "the load balancer"),
        ("cdnCertificateArn", dns.cdn_certificate_arn, "us-east-1", "CloudFront"),
    ):
        if arn is None:
            continue
        path: Path = ("edge", "dns", name)
        _, _, _, lies_in, account, _ = arn.split(":", 5)
        accepted = f"arn:aws:acm:{wanted}:{settings.account.id}:certificate/…"
        good = f"arn:aws:acm:{wanted}:{settings.account.id}:certificate/{arn.rpartition('/')[2]}"
        if lies_in != wanted:
            yield Finding(path, f"lies in {lies_in}; {user} takes certificates of {wanted} alone", accepted, good, (("account", "region"),))
        if account != settings.account.id:
            yield Finding(
                path, f"belongs to account {account}, the platform to {settings.account.id}", accepted, good, (("account", "id"),)
            )
    origin = f"origin.{dns.domain}"
    if dns.certificate_arn is None and len(origin) > limits.LONGEST_CERTIFICATE_NAME:
        most = limits.LONGEST_CERTIFICATE_NAME - len("origin.")
        yield Finding(
            ("edge", "dns", "domain"),
            f"is {len(dns.domain)} characters long: a certificate for {origin} cannot carry more than {limits.LONGEST_CERTIFICATE_NAME}",
            f"at most {most} characters",
            "nautilus.example.com",
        )


def countries(settings: Settings) -> Iterator[Finding]:
    """Countries exist and are named once."""
    blocked = settings.edge.cdn.blocked_countries
    for position, code in enumerate(blocked):
        path: Path = ("edge", "cdn", "blockedCountries", position)
        if code not in limits.COUNTRIES:
            yield Finding(path, "is not the code of a country", "ISO 3166 codes, such as KP", REMOVE)
        elif code in blocked[:position]:
            yield Finding(path, "is named twice", "each country once", REMOVE, ((*path[:-1], blocked.index(code)),))
