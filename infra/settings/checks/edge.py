"""Certificates, the zone, its standby, and the checks from outside."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.edge import DnsSec, check_name
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


def zone(settings: Settings) -> Iterator[Finding]:
    """A zone that is brought along is signed by its owner, and a standby stands somewhere else."""
    dns = settings.edge.dns
    if dns.dnssec is not DnsSec.OFF and dns.zone_id is not None:
        yield Finding(
            ("edge", "dns", "dnssec"),
            "signs a zone of ours alone; the owner of `edge.dns.zoneId` signs that one",
            "off with a zone that is brought along",
            "off",
            (("edge", "dns", "zoneId"),),
        )
    if dns.standby is not None and dns.standby.host.split(".")[1] == settings.account.region:
        host = dns.standby.host
        first = host.partition(".")[0]
        yield Finding(
            ("edge", "dns", "standby", "host"),
            f"stands in {settings.account.region}, which fails together with the platform",
            "a load balancer of another region",
            f"{first}.{settings.account.dr_region}.elb.amazonaws.com",
            (("account", "region"),),
        )


CHECKERS = MappingProxyType(
    {
        "ap-northeast-1": "JP",
        "ap-southeast-1": "SG",
        "ap-southeast-2": "AU",
        "eu-west-1": "IE",
        "sa-east-1": "BR",
        "us-east-1": "US",
        "us-west-1": "US",
        "us-west-2": "US",
    }
)
"""Regions that Route 53 checks from, and the countries that geographic restriction takes their checkers for."""


def uptime(settings: Settings) -> Iterator[Finding]:
    """The checks are ones that Route 53 makes, each once, and CloudFront lets the checkers in."""
    own = settings.edge.uptime
    if not own.enabled:
        return
    start: Path = ("edge", "uptime")
    failures, rest = divmod(own.down_seconds, own.interval_seconds)
    if rest or failures > limits.MOST_FAILED_CHECKS:
        most = limits.MOST_FAILED_CHECKS * own.interval_seconds
        yield Finding(
            (*start, "downSeconds"),
            f"is not 1 to {limits.MOST_FAILED_CHECKS} intervals of {own.interval_seconds} s",
            f"{own.interval_seconds} to {most} in steps of {own.interval_seconds}",
            3 * own.interval_seconds,
            ((*start, "intervalSeconds"),),
        )
    names = [check_name(path) for path in own.paths]
    for position, name in enumerate(names):
        if name in names[:position]:
            yield Finding(
                (*start, "paths", position), "is checked already under the same name", "each path once", REMOVE, ((*start, "paths"),)
            )
    for position, region in enumerate(own.regions):
        if region in own.regions[:position]:
            free = next(each for each in CHECKERS if each not in own.regions)
            yield Finding((*start, "regions", position), "is named twice", "each region once", free, ((*start, "regions"),))
    yield from _shut_out(settings)


def _shut_out(settings: Settings) -> Iterator[Finding]:
    """CloudFront refuses the country of a checker: the site would always be down."""
    cdn = settings.edge.cdn
    refused = {country for country in CHECKERS.values() if country in cdn.blocked_countries}
    if cdn.allowed_countries:
        refused |= set(CHECKERS.values()) - set(cdn.allowed_countries)
    met = sorted({CHECKERS[region] for region in settings.edge.uptime.regions} & refused)
    if not met:
        return
    left = [region for region, country in CHECKERS.items() if country not in refused]
    message = f"check from {', '.join(met)}, which `edge.cdn` refuses: the site would always be down"
    also: tuple[Path, ...] = (("edge", "cdn", "blockedCountries"), ("edge", "cdn", "allowedCountries"))
    if len(left) >= limits.FEWEST_CHECKER_REGIONS:
        yield Finding(("edge", "uptime", "regions"), message, f"three or more of {', '.join(left)}", left[:3], also)
    else:
        path: Path = ("edge", "uptime", "enabled")
        yield Finding(path, f"has too few regions left whose checkers CloudFront admits: they {message}", "false", False, also)
