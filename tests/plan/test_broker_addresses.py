"""The broker's dated addresses hold together."""

from __future__ import annotations

from datetime import date
from ipaddress import IPv4Network
from itertools import combinations

import pytest

from infra.plan.broker_addresses import DATED, HOSTS, PORTS, RANGES, ZONE, address_rules, hosts_in, outside


def test_every_known_address_is_let_out_to() -> None:
    """A host whose own known address is refused would raise the alarm on the first day."""
    assert outside((host.address for host in HOSTS), (one.cidr for one in RANGES)) == ()


def test_the_table_has_a_date_and_clean_ranges() -> None:
    assert date.fromisoformat(DATED) <= date(2100, 1, 1)
    networks = [IPv4Network(one.cidr) for one in RANGES]  # strict: refuses host bits
    assert all(network.is_global and network.prefixlen >= 24 for network in networks)
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


def test_names_are_unique_and_below_the_zone_that_the_resolver_answers() -> None:
    names = [host.name for host in HOSTS]
    assert len(set(names)) == len(names)
    assert all(name.endswith(ZONE) and name == name.lower() for name in names)


def test_default_rules_open_the_brokers_two_ports_and_nothing_else() -> None:
    assert PORTS == "4000-4001"
    assert set(address_rules()) == {f"{one.cidr}:4000-4001" for one in RANGES}


def test_hosts_in_a_range() -> None:
    assert hosts_in("8.17.22.0/24") == ("cdc1.ibllc.com", "hdc1-hb1.ibllc.com", "ndc1-hb1.ibllc.com", "zdc1-hb1.ibllc.com")
    assert hosts_in("208.245.107.0/24") == ()


def test_strangers_are_found() -> None:
    assert outside(["8.17.22.31", "192.0.2.7", "192.0.2.7"], ["8.17.22.0/24"]) == ("192.0.2.7",)
    assert outside(["8.17.22.31"], []) == ("8.17.22.31",)
    with pytest.raises(ValueError):
        outside(["::1"], [])
