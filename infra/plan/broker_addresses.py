"""Where Interactive Brokers' servers are: dated data behind the firewall's address rules and the watch over them.

The gateway speaks the broker's own protocol on TCP 4000 (clear) and 4001 (TLS). It names no host that a firewall could read, so these
connections are let out by address.

What is established, as of `DATED`:
- The ports, and the names of the regional servers: the broker's public page on hosts and ports, as several public clients of the gateway
  quote it. The page gives names and no addresses.
- One address of each name: the table that the broker's own client falls back on when DNS fails, as an open-source client of the same
  protocol documents it (September 2026).
- 206.106.137.0/24 and 208.245.107.0/24 are announced by autonomous system 11449, in public routing lists; the broker's mail servers and
  downloads have answered from the first, and older clients connected to 208.245.107.3 on port 4000.

What is not established: that the ranges below are complete, or that the broker owns each of them as a whole. A range is a /24 where two or
more addresses of the broker were seen in it, and a /28 where only one was. The broker announces moves to its customers and may make them
without a word. Therefore: run `alert` before `drop`, ask the broker's support for the addresses of your account's region, and heed the
alarm `broker-addresses-moved`, which compares what the names resolve to with what the firewall lets out.

The mainland-China servers (`mcgw1.ibllc.com.cn`) are left out: they serve accounts of that region alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

DATED: Final = "2026-11-21"
"""When this table was last compared with its sources (ISO 8601)."""

PORTS: Final = "4000-4001"
"""TCP ports of the gateway's protocol (AWS-RULES.md section 3; the broker's page on hosts and ports)."""

ZONE: Final = ".ibllc.com"
"""The domain of all servers below, which the resolver must be allowed to look up."""


@dataclass(frozen=True)
class BrokerHost:
    """A server of the broker: its name, the part of the world that it serves, and the address seen."""

    name: str
    serves: str
    address: str


@dataclass(frozen=True)
class BrokerRange:
    """Addresses that the firewall lets out to, and in words why they are believed to be the broker's."""

    cidr: str
    why: str


HOSTS: Final[tuple[BrokerHost, ...]] = (
    BrokerHost("cdc1.ibllc.com", "North America, central", "8.17.22.31"),
    BrokerHost("hdc1.ibllc.com", "Asia", "103.38.91.3"),
    BrokerHost("ndc1.ibllc.com", "North America, east", "64.190.197.40"),
    BrokerHost("zdc1.ibllc.com", "Europe", "217.192.86.32"),
    BrokerHost("cdc1-hb1.ibllc.com", "backup of central North America", "64.190.197.40"),
    BrokerHost("hdc1-hb1.ibllc.com", "backup of Asia", "8.17.22.31"),
    BrokerHost("ndc1-hb1.ibllc.com", "backup of eastern North America", "8.17.22.31"),
    BrokerHost("zdc1-hb1.ibllc.com", "backup of Europe", "8.17.22.31"),
)
"""The servers that the watch resolves. `gdc1.ibllc.com`, an older name of the eastern site, may be gone and is not watched."""

RANGES: Final[tuple[BrokerRange, ...]] = (
    BrokerRange("8.17.22.0/24", "Interactive Brokers, central North America and backups"),
    BrokerRange("64.190.197.32/28", "Interactive Brokers, eastern North America"),
    BrokerRange("103.38.91.0/24", "Interactive Brokers, Asia"),
    BrokerRange("206.106.137.0/24", "Interactive Brokers, AS11449"),
    BrokerRange("208.245.107.0/24", "Interactive Brokers, AS11449"),
    BrokerRange("217.192.86.32/28", "Interactive Brokers, Europe"),
)
"""What the firewall lets out to by default, in the order of the addresses."""


def address_rules() -> dict[str, str]:
    """The default of `egress.addresses`: `CIDR:PORTS` to why."""
    return {f"{one.cidr}:{PORTS}": one.why for one in RANGES}


def hosts_in(cidr: str) -> tuple[str, ...]:
    """The broker's names whose known address lies in `cidr`, sorted."""
    network = IPv4Network(cidr)
    return tuple(sorted(host.name for host in HOSTS if IPv4Address(host.address) in network))


def outside(addresses: Iterable[str], cidrs: Iterable[str]) -> tuple[str, ...]:
    """The addresses that no block of `cidrs` holds, sorted and each once.

    Raises:
        ValueError: an address or a block is not IPv4.
    """
    networks = [IPv4Network(cidr) for cidr in cidrs]
    found = {IPv4Address(address) for address in addresses}
    return tuple(str(address) for address in sorted(found) if not any(address in network for network in networks))
