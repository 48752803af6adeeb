"""The administrators' VPN: what it needs, what must not overlap, and whom it lets in."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from infra.plan.access import MOST_AUTHORIZATIONS
from infra.settings.access import AccountAccess, Database, VpnAuthentication, VpnLanding
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.foundation import Environment
from infra.settings.problems import Path
from infra.settings.root import Settings

_VPN: Path = ("access", "vpn")
_ON: tuple[Path, ...] = ((*_VPN, "enabled"), (*_VPN, "authentication"))
WIDEST_CLIENTS, NARROWEST_CLIENTS = 12, 22
"""Prefix lengths of a client range that AWS takes (EC2 CreateClientVpnEndpoint)."""
_OURS = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
_CLEAR = ("10.255.252.0/22", "172.31.252.0/22", "192.168.252.0/22", "100.64.0.0/22")
"""Ranges that a repair offers, the first one that is free."""
_SAMPLE = "01234567-89ab-cdef-0123-456789abcdef"


def vpn(settings: Settings) -> Iterator[Finding]:
    """A VPN that is on has what its way of signing in needs, of this account and region, and lets somebody in."""
    own = settings.access.vpn
    if not own.enabled:
        return
    saml = own.authentication is VpnAuthentication.SAML
    region, account = settings.account.region, settings.account.id
    here = f"arn:aws:acm:{region}:{account}:certificate/"
    provider = f"arn:aws:iam::{account}:saml-provider/"
    for name, arn, needed, start, sample, who in (
        ("serverCertificateArn", own.server_certificate_arn, True, here, _SAMPLE, "the VPN server"),
        ("rootCertificateChainArn", own.root_certificate_chain_arn, not saml, here, _SAMPLE, "clients' certificates"),
        ("samlProviderArn", own.saml_provider_arn, saml, provider, "vpn", "authentication: saml"),
        ("selfServiceSamlProviderArn", own.self_service_saml_provider_arn, False, provider, "vpn-portal", "the self-service portal"),
    ):
        path: Path = (*_VPN, name)
        if arn is None:
            if needed:
                yield Finding(path, f"is needed for {who}", f"{start}…", start + sample, _ON)
        elif not arn.startswith(start):
            good = start + arn.rpartition("/")[2]
            yield Finding(
                path,
                f"is not of account {account}" + (f" and region {region}" if start == here else ""),
                f"{start}…",
                good,
                (("account",),),
            )
    if not saml:
        if own.self_service_saml_provider_arn is not None:
            yield Finding((*_VPN, "selfServiceSamlProviderArn"), "has no use with certificates: the portal asks SAML", "unset", REMOVE, _ON)
        if own.grants:
            yield Finding(
                (*_VPN, "grants"),
                "cannot be kept: certificates carry no groups, and everybody reaches both databases",
                "unset",
                REMOVE,
                _ON,
            )
        if settings.platform.environment is Environment.PROD:
            yield Finding(
                (*_VPN, "authentication"),
                "does not do for production: a certificate is one factor, and administrators need two (DTO-030)",
                "saml",
                VpnAuthentication.SAML.value,
            )


def vpn_grants(settings: Settings) -> Iterator[Finding]:
    """Somebody is let in, each group once, to databases that exist, with no more rules than AWS takes."""
    own = settings.access.vpn
    if not own.enabled or own.authentication is not VpnAuthentication.SAML:
        return
    path: Path = (*_VPN, "grants")
    if not own.grants:
        yield Finding(
            path, "is empty: nobody could reach anything", "one group or more", [Database.POSTGRES.value], _ON, change=(*path, "dba")
        )
    for group, databases in own.grants.items():
        if len(set(databases)) < len(databases):
            yield Finding((*path, group), "names a database twice", "each database once", sorted({each.value for each in databases}))
        elif not settings.timescale.enabled and Database.TIMESCALE in databases:
            yield Finding(
                (*path, group),
                "names timescale, which is off",
                Database.POSTGRES.value,
                [Database.POSTGRES.value],
                (("timescale", "enabled"),),
            )
    zones = len(settings.network.zones)
    rules = sum(len(set(databases)) for databases in own.grants.values()) * zones
    if rules > MOST_AUTHORIZATIONS:
        most = MOST_AUTHORIZATIONS // (len(Database) * zones)
        yield Finding(
            (*path, list(own.grants)[-1]),
            f"is one group too many: the grants make {rules} authorization rules in {zones} zones, and AWS takes {MOST_AUTHORIZATIONS}",
            f"at most {most} groups with both databases",
            REMOVE,
            (("network", "zones"),),
        )


def vpn_addresses(settings: Settings) -> Iterator[Finding]:
    """The clients' range has a size that AWS takes and lies clear of everything that clients or the VPC talk to."""
    own = settings.access.vpn
    if not own.enabled:
        return
    path: Path = (*_VPN, "clientCidr")
    clients = IPv4Network(own.client_cidr)
    taken: list[tuple[str, Path, IPv4Network]] = [("network.cidr", ("network", "cidr"), IPv4Network(settings.network.cidr))]
    taken += [
        (f"network.peerCidrs[{position}]", ("network", "peerCidrs", position), IPv4Network(peer))
        for position, peer in enumerate(settings.network.peer_cidrs)
    ]
    free = next((one for one in _CLEAR if not any(IPv4Network(one).overlaps(block) for _, _, block in taken)), None)
    if not WIDEST_CLIENTS <= clients.prefixlen <= NARROWEST_CLIENTS:
        yield Finding(
            path,
            f"is a /{clients.prefixlen}; AWS takes a /{WIDEST_CLIENTS} to /{NARROWEST_CLIENTS}",
            f"/{WIDEST_CLIENTS} to /{NARROWEST_CLIENTS}",
            free,
        )
        return
    if not any(clients.subnet_of(block) for block in _OURS):
        yield Finding(path, "is neither private (RFC 1918) nor shared (100.64.0.0/10)", "a private or shared block", free)
        return
    for name, other, block in taken:
        if clients.overlaps(block):
            yield Finding(
                path, f"overlaps {name} = {block}: answers would not find the clients", f"a block outside {block}", free, (other,)
            )
            return


def vpn_landing(settings: Settings) -> Iterator[Finding]:
    """Production's VPN survives the loss of a zone: it is how the databases are mended then."""
    own = settings.access.vpn
    if own.enabled and settings.platform.environment is Environment.PROD and own.landing is VpnLanding.SINGLE:
        yield Finding(
            (*_VPN, "landing"),
            "does not do for production: the way in would be lost with its zone, when it is needed most",
            VpnLanding.PER_ZONE.value,
            VpnLanding.PER_ZONE.value,
        )


def sessions(access: AccountAccess) -> Iterator[Finding]:
    """A session may be idle for no longer than it may last. For the section of the `account` stack."""
    own = access.sessions
    if own.max_minutes < own.idle_minutes:
        yield Finding(
            ("access", "sessions", "maxMinutes"),
            f"is below access.sessions.idleMinutes = {own.idle_minutes}",
            f"{own.idle_minutes} to 1,440",
            own.idle_minutes,
            (("access", "sessions", "idleMinutes"),),
        )
