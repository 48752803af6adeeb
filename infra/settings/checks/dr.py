"""The second region: its network, its zones, and what a stack that takes over starts from."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from infra.plan.postgres import instance_refusals
from infra.plan.subnets import NARROWEST, WIDEST
from infra.settings.checks.finding import REMOVE, Finding
from infra.settings.checks.network import zones_of
from infra.settings.problems import Path
from infra.settings.root import Settings

_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _free(taken: list[IPv4Network]) -> str:
    """A /16 that overlaps none of `taken`."""
    return next(str(block) for block in IPv4Network("10.0.0.0/8").subnets(new_prefix=16) if not any(block.overlaps(one) for one in taken))


def network(settings: Settings) -> Iterator[Finding]:
    """The block there is private, of a size that the address plan fits, and clear of every network that it may be joined to."""
    if not settings.dr.enabled:
        return
    path: Path = ("dr", "cidr")
    block = IPv4Network(settings.dr.cidr)
    home = IPv4Network(settings.network.cidr)
    peers = [IPv4Network(peer) for peer in settings.network.peer_cidrs]
    good = _free([home, *peers])
    also: tuple[Path, ...] = (("dr", "enabled"),)
    if not WIDEST <= block.prefixlen <= NARROWEST:
        yield Finding(
            path, f"is a /{block.prefixlen}; the address plan needs a /{WIDEST} to /{NARROWEST}", f"/{WIDEST} to /{NARROWEST}", good, also
        )
    elif not any(block.subnet_of(private) for private in _PRIVATE):
        yield Finding(path, "is not private (RFC 1918)", "a block of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", good, also)
    elif block.overlaps(home):
        yield Finding(
            path,
            f"overlaps network.cidr = {home}: data could never move between the two",
            f"a block outside {home}",
            good,
            (*also, ("network", "cidr")),
        )
    else:
        for position, peer in enumerate(peers):
            if block.overlaps(peer):
                yield Finding(
                    path,
                    f"overlaps network.peerCidrs[{position}] = {peer}: the two could never be joined",
                    f"a block outside {peer}",
                    good,
                    (*also, ("network", "peerCidrs", position)),
                )
                break


def zones(settings: Settings) -> Iterator[Finding]:
    """Zones exist in the second region and are named once."""
    if not settings.dr.enabled:
        return
    yield from zones_of(("dr", "zones"), settings.dr.zones, settings.account.dr_region, region_path=("account", "drRegion"))


def replica(settings: Settings) -> Iterator[Finding]:
    """The replica's class carries PostgreSQL, and the primary's connections: a standby whose server allows fewer does not start (PostgreSQL)."""
    own = settings.dr
    if not (own.enabled and own.postgres_replica) or own.postgres_instance_class is None:
        return
    path: Path = ("dr", "postgresInstanceClass")
    most = settings.postgres.max_connections
    for one in instance_refusals(settings.postgres.model_copy(update={"instance_class": own.postgres_instance_class})):
        if one.key == "instanceClass":
            yield Finding(path, one.reason, one.accepted, one.good, (("dr", "enabled"), ("dr", "postgresReplica")))
        else:
            yield Finding(
                path,
                f"is too small: its memory carries {one.good:,} connections, and a replica allows as many as the primary, "
                f"postgres.maxConnections = {most:,}",
                "a larger class, or unset for the primary's",
                REMOVE,
                (("dr", "enabled"), ("dr", "postgresReplica"), ("postgres", "maxConnections"), ("postgres", "instanceClass")),
            )


def restore(settings: Settings) -> Iterator[Finding]:
    """The key of a snapshot is of the account and the region that the database is made in."""
    if settings.dr.restore is None:
        return
    _, _, _, region, account, _ = settings.dr.restore.key_arn.split(":", 5)
    own = settings.account
    if (region, account) != (own.region, own.id):
        yield Finding(
            ("dr", "restore", "keyArn"),
            f"is a key of {region} and account {account}; the database is made in {own.region} and account {own.id}",
            f"a key of {own.region} and account {own.id}",
            f"arn:aws:kms:{own.region}:{own.id}:key/01234567-89ab-4def-8123-456789abcdef",
            (("account", "region"), ("account", "id")),
        )
