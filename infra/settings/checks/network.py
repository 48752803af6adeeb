"""Addresses, zones, and a VPC that is brought along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from itertools import combinations, islice
from itertools import count as count_up

from infra.plan.dns_firewall import covers, fully, own_names, spelled
from infra.plan.endpoint_policies import FULL, GATEWAYS
from infra.plan.subnets import NARROWEST, WIDEST
from infra.settings import limits
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.problems import Path
from infra.settings.root import Settings
from infra.settings.words import one_of

_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _private(network: IPv4Network) -> bool:
    return any(network.subnet_of(block) for block in _PRIVATE)


def addresses(settings: Settings) -> Iterator[Finding]:
    """The VPC's block is private, of a size that the address plan fits, and clear of its peers and of Docker."""
    own = IPv4Network(settings.network.cidr)
    path: Path = ("network", "cidr")
    if not WIDEST <= own.prefixlen <= NARROWEST:
        fitting = f"{own.network_address if own.prefixlen < WIDEST else IPv4Network((int(own.network_address), WIDEST), strict=False).network_address}/{WIDEST}"
        yield Finding(
            path,
            f"is a /{own.prefixlen}; the address plan needs a /{WIDEST} to /{NARROWEST}",
            f"/{WIDEST} to /{NARROWEST}, private (RFC 1918)",
            fitting,
        )
    elif not _private(own):
        yield Finding(path, "is not private (RFC 1918)", "a block of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", "10.20.0.0/16")
    if settings.timescale.enabled and own.overlaps(IPv4Network(limits.DOCKER_BRIDGE)) and _private(own):
        yield Finding(
            path,
            f"overlaps {limits.DOCKER_BRIDGE}, Docker's own network on the TimescaleDB nodes",
            f"outside {limits.DOCKER_BRIDGE}",
            "10.20.0.0/16",
            (("timescale", "enabled"),),
        )
    peers = [IPv4Network(peer) for peer in settings.network.peer_cidrs]
    for position, peer in enumerate(peers):
        if peer.overlaps(own):
            yield Finding(
                ("network", "peerCidrs", position),
                f"overlaps network.cidr = {own}: the two could never be joined",
                f"a block outside {own}",
                REMOVE,
                (path,),
            )
    for (first, one), (second, other) in combinations(enumerate(peers), 2):
        if one.overlaps(other):
            yield Finding(
                ("network", "peerCidrs", second),
                f"overlaps network.peerCidrs[{first}] = {one}",
                "blocks that do not overlap",
                REMOVE,
                (("network", "peerCidrs", first),),
            )


def zones_of(path: Path, letters: Sequence[str], region: str, *, region_path: Path) -> Iterator[Finding]:
    """Zones exist in the region and are named once."""
    offered = limits.ZONES.get(region)
    good = some_zones(region)
    if len(set(letters)) != len(letters):
        yield Finding(path, "names a zone twice", "each letter once", good)
        return
    missing = [letter for letter in letters if offered and letter not in offered]
    if missing and offered:
        yield Finding(path, f"{region} has no zone {one_of(missing)}", f"letters of {region}: {', '.join(offered)}", good, (region_path,))


def some_zones(region: str) -> list[str]:
    """Three zones that a repair may name."""
    return list(limits.ZONES.get(region, ("a", "b", "c"))[:3])


def zones(settings: Settings) -> Iterator[Finding]:
    """Zones exist, are named once, and are as many as the platform needs."""
    path: Path = ("network", "zones")
    letters, region = settings.network.zones, settings.account.region
    yield from zones_of(path, letters, region, region_path=("account", "region"))
    if settings.timescale.enabled and len(letters) < 3:
        yield Finding(
            path,
            f"has {len(letters)} zones, and TimescaleDB runs one node in each of three: name a third or set timescale.enabled to false",
            "3 to 6 zones",
            some_zones(region),
            (("timescale", "enabled"),),
        )


def own_vpc(settings: Settings) -> Iterator[Finding]:
    """A VPC that is brought along has a subnet of each tier in each zone."""
    existing = settings.network.existing
    if existing is None:
        return
    count = len(settings.network.zones)
    tiers = {
        "publicSubnetIds": existing.public_subnet_ids,
        "appSubnetIds": existing.app_subnet_ids,
        "dataSubnetIds": existing.data_subnet_ids,
    }
    named = {subnet for subnets in tiers.values() for subnet in subnets}

    def free(wanted: int) -> list[str]:
        """Ids that no tier names: a repair must not take another subnet's."""
        return list(islice((name for number in count_up(1) if (name := f"subnet-{number:017x}") not in named), wanted))

    seen: dict[str, Path] = {}
    for name, subnets in tiers.items():
        path: Path = ("network", "existing", name)
        if len(subnets) != count:
            example = free(count)
            yield Finding(
                path,
                f"lists {len(subnets)} subnets for {count} zones",
                f"{count} subnets, in the order of network.zones",
                example,
                (("network", "zones"),),
            )
        for position, subnet in enumerate(subnets):
            if subnet in seen:
                yield Finding(
                    (*path, position),
                    f"is {'.'.join(map(str, seen[subnet][:-1]))}[{seen[subnet][-1]}] too",
                    "each subnet once",
                    free(1)[0],
                    (seen[subnet],),
                )
            seen.setdefault(subnet, (*path, position))


def _needed(settings: Settings) -> Iterator[tuple[str, str, tuple[Path, ...]]]:
    """Names that must stay answered, what they are, and the keys that say so."""
    region, domain = settings.account.region, settings.edge.dns.domain
    ours: Path = ("edge", "dns", "domain")
    for name in own_names(settings.network.cidr):
        yield name, "which AWS's own names are", ()
    hosts = (*(f"{service}.{region}" for service in (*FULL, *GATEWAYS)), f"x.{region}.rds", f"x.elb.{region}", f"x.efs.{region}", "x.cache")
    for host in hosts:
        yield f"{host}.amazonaws.com", "which the platform looks up", ()
    for name in (domain, f"*.{domain}"):
        yield name, "the platform's own domain", (ours,)
    for entry in settings.egress.domains:
        for name in spelled([entry.partition(":")[0]]):
            yield name.rstrip("."), "which egress.domains lets out", (("egress", "domains"),)


def resolver(settings: Settings) -> Iterator[Finding]:
    """Nothing that the platform needs is blocked, and no name is both allowed and blocked."""
    dns = settings.network.dns
    allowed: Path = ("network", "dns", "allowedDomains")
    for position, blocked in enumerate(dns.blocked_domains):
        path: Path = ("network", "dns", "blockedDomains", position)
        if fully(blocked) in {fully(name) for name in dns.allowed_domains}:
            yield Finding(
                path, "is in network.dns.allowedDomains too, and what is blocked goes first", "a name in one list", REMOVE, (allowed,)
            )
            continue
        for name, what, also in _needed(settings):
            if covers(blocked, name):
                yield Finding(path, f"blocks {name}, {what}", "a name that the platform does not need", REMOVE, also)
                break
