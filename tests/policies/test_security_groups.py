"""What permissions open, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.resources import Resource
from policies.security_groups import is_outside, is_world, permissions
from policies.tokens import INGRESS_RULE, SECURITY_GROUP
from policies.values import ABSENT, UNKNOWN, properties


def one(**props: Any) -> Any:
    [permission] = permissions(Resource(urn="urn:pulumi:s::p::t::n", type_=INGRESS_RULE, name="n", inputs=properties(props)))
    return permission


@pytest.mark.parametrize(
    ("props", "ports"),
    [
        ({"ipProtocol": "tcp", "fromPort": 22, "toPort": 80}, (22, 80)),
        ({"ipProtocol": "6", "fromPort": "22", "toPort": "22"}, (22, 22)),
        ({"ipProtocol": "udp", "fromPort": -1, "toPort": -1}, (0, 65535)),
        ({"ipProtocol": "-1"}, (0, 65535)),
        ({"ipProtocol": -1}, (0, 65535)),
        ({"ipProtocol": "all"}, (0, 65535)),
        ({}, (0, 65535)),
        ({"ipProtocol": "tcp"}, (0, 65535)),
        ({"ipProtocol": "icmp", "fromPort": 8, "toPort": 0}, ABSENT),
        ({"ipProtocol": UNKNOWN, "fromPort": 22, "toPort": 22}, UNKNOWN),
        ({"ipProtocol": "tcp", "fromPort": UNKNOWN, "toPort": 22}, UNKNOWN),
    ],
)
def test_ports(props: dict[str, Any], ports: object) -> None:
    assert one(**props).ports == ports


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_a_permission_opens_the_ports_between_its_bounds(first: int, last: int) -> None:
    opened = one(ipProtocol="tcp", fromPort=first, toPort=last).opens({443: "HTTPS"})
    assert opened == (["443 (HTTPS)"] if first <= 443 <= last else [])


def test_inline_rules_are_permissions_of_their_group() -> None:
    group = properties(
        {
            "ingress": [
                {"protocol": "tcp", "fromPort": 1, "toPort": 2, "cidrBlocks": ["10.0.0.0/8"], "self": True, "securityGroups": ["sg-1"]},
                UNKNOWN,
            ]
        }
    )
    first, second = permissions(Resource(urn="urn:pulumi:s::p::t::n", type_=SECURITY_GROUP, name="n", inputs=group))
    assert (first.ports, first.cidrs, first.groups, first.itself) == ((1, 2), (("ingress", "10.0.0.0/8"),), (("ingress", "sg-1"),), True)
    assert (second.ports, second.cidrs) == (UNKNOWN, (("ingress", UNKNOWN),))


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "2000::/3", "8.0.0.0/7", "10.0.0.0/7"])
def test_the_world(cidr: str) -> None:
    assert is_world(cidr)
    assert is_outside(cidr)


@pytest.mark.parametrize("cidr", ["203.0.113.7/32", "8.8.8.0/24", "2001:db8::/48"])
def test_a_part_of_the_outside(cidr: str) -> None:
    assert not is_world(cidr)
    assert is_outside(cidr)


@pytest.mark.parametrize(
    "cidr", ["10.0.0.0/8", "172.16.5.0/24", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fd12::/64", "not-an-address"]
)
def test_the_inside(cidr: str) -> None:
    assert not is_world(cidr)
    assert not is_outside(cidr)
