"""Settings of the way out: the firewall between the app subnets and the NAT, and what it lets through."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field

from infra.plan.broker_addresses import address_rules
from infra.settings.base import Accepts, LogDays, Section, TagText

LAST_PORT = 65_535
MOST_DOMAINS = 250
MOST_ADDRESSES = 100
MOST_EMERGENCY = 20
MOST_THREAT_GROUPS = 16
"""A policy takes 20 stateful rule groups (Network Firewall quota, fixed); four are ours."""


class EgressMode(StrEnum):
    """What happens to a connection that no rule allows: `off` has no firewall at all, `alert` logs it, `drop` refuses it and logs it."""

    OFF = "off"
    ALERT = "alert"
    DROP = "drop"


class ThreatGroup(StrEnum):
    """AWS-managed rule groups without their ending `StrictOrder` (Network Firewall developer guide).

    Left out are the paid group of active threat defence, whose capacity alone is half a policy's, and the acceptable-use group, which is
    about games and file sharing.
    """

    BOTNET = "ThreatSignaturesBotnet"
    BOTNET_WEB = "ThreatSignaturesBotnetWeb"
    BOTNET_WINDOWS = "ThreatSignaturesBotnetWindows"
    DOS = "ThreatSignaturesDoS"
    EMERGING_EVENTS = "ThreatSignaturesEmergingEvents"
    EXPLOITS = "ThreatSignaturesExploits"
    IOC = "ThreatSignaturesIOC"
    MALWARE = "ThreatSignaturesMalware"
    MALWARE_COINMINING = "ThreatSignaturesMalwareCoinmining"
    MALWARE_MOBILE = "ThreatSignaturesMalwareMobile"
    MALWARE_WEB = "ThreatSignaturesMalwareWeb"
    PHISHING = "ThreatSignaturesPhishing"
    SCANNERS = "ThreatSignaturesScanners"
    SUSPECT = "ThreatSignaturesSuspect"
    WEB_ATTACKS = "ThreatSignaturesWebAttacks"
    ABUSED_BOTNET_DOMAINS = "AbusedLegitBotNetCommandAndControlDomains"
    ABUSED_MALWARE_DOMAINS = "AbusedLegitMalwareDomains"
    BOTNET_DOMAINS = "BotNetCommandAndControlDomains"
    MALWARE_DOMAINS = "MalwareDomains"


def _ports(text: str) -> str:
    numbers = [int(part) for part in text.split("-")]
    if any(number > LAST_PORT for number in numbers):
        raise ValueError(f"names a port above {LAST_PORT:,}")
    if len(numbers) == 2 and numbers[0] >= numbers[1]:
        raise ValueError("names a range of ports that does not rise")
    return text


def _domain(text: str) -> str:
    name, _, port = text.partition(":")
    if len(name) > 253:
        raise ValueError("is longer than a domain name can be (253 characters)")
    if port:
        _ports(port)
    return text


def _address(text: str) -> str:
    block, _, ports = text.partition(":")
    try:
        network = IPv4Network(block, strict=False)
    except ValueError:
        raise ValueError("is not an IPv4 network") from None
    if str(network) != block:
        raise ValueError(f"is not written as its network: {network} is meant")
    _ports(ports)
    return text


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a day of the calendar") from None
    return text


_LABELS = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"

DomainPort = Annotated[
    str,
    AfterValidator(_domain),
    Field(pattern=rf"^\.?{_LABELS}(:[1-9][0-9]{{0,4}})?$"),
    Accepts(
        "a domain in lower case, with a leading dot for the domain and everything below it, and `:port` unless that is 443 (80 means "
        "plain HTTP), such as .binance.com or stream.binance.com:9443",
        "api.example.com",
    ),
]
AddressPort = Annotated[
    str,
    AfterValidator(_address),
    Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}:[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$"),
    Accepts("an IPv4 network without host bits and TCP ports, such as 198.51.100.0/24:4000-4001", "198.51.100.0/24:4000-4001"),
]
Why = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _./=+@,()'-]{3,119}$"),
    Accepts("4 to 120 letters, digits, spaces and _./=+@,()'- that say why", "market data of the desk"),
]
Reason = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.:/=+@-]{19,199}$"),
    Accepts(
        "20 to 200 letters, digits, spaces and _.:/=+@-, such as the incident's number and what it needs",
        "incident 4711: broker moved its login servers",
    ),
]
Day = Annotated[
    str,
    AfterValidator(_day),
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    Accepts("a day as YYYY-MM-DD, such as 2026-12-31", "2026-12-31"),
]


def _domains() -> dict[str, str]:
    return {
        ".binance.com": "Binance spot and futures API",
        ".binance.com:9443": "Binance spot market-data streams",
        ".binance.vision": "Binance spot test-net, which paper keys belong to",
        ".coinbase.com": "Coinbase Advanced Trade and Exchange API",
        ".finance.yahoo.com": "Yahoo Finance market data",
        "api.quiverquant.com": "Quiver Quant alternative data",
        "api.stlouisfed.org": "FRED economic series",
        "fc.yahoo.com": "Yahoo Finance session cookie",
        ".ibkr.com": "Interactive Brokers web services",
        ".ibllc.com": "Interactive Brokers login servers, TLS",
        ".interactivebrokers.com": "Interactive Brokers web services and updates",
        ".tradier.com": "Tradier brokerage and market data",
    }


class Emergency(Section):
    """Connections let out for a while, for a stated reason, after a review (DTO-052). The rule group exists only while this is set."""

    reason: Reason = Field(description="Why it is needed, 20 to 200 characters; becomes the tag `Reason` of the rule group.")
    expires: Day = Field(
        description="The last day on which it holds, as YYYY-MM-DD, at most 14 days ahead. `nautilus preview` and `up` refuse it afterwards."
    )
    reviewer: TagText = Field(description="Who has reviewed it, and is not its author: 1 to 128 letters, digits, spaces and _.:/=+@-.")
    domains: dict[DomainPort, Why] = Field(
        default_factory=dict, max_length=MOST_EMERGENCY, description="Domains, each with its reason: at most 20, as in `egress.domains`."
    )
    addresses: dict[AddressPort, Why] = Field(
        default_factory=dict, max_length=MOST_EMERGENCY, description="Networks, each with its reason: at most 20, as in `egress.addresses`."
    )


class Egress(Section):
    """The egress firewall (AWS Network Firewall). What is not listed does not leave: no other port, no UDP, no ICMP (DTO-048)."""

    mode: EgressMode = Field(
        default=EgressMode.DROP,
        description="`drop` refuses what no rule allows, `alert` only logs it, `off` builds no firewall; production needs `drop`, unless its VPC is brought along.",
    )
    domains: dict[DomainPort, Why] = Field(
        default_factory=_domains,
        max_length=MOST_DOMAINS,
        description="What may be reached by name, each with its reason: `.binance.com` is the domain and all below it, `api.binance.com` "
        "exactly that; port 443 unless `:port` says otherwise. A list in the stack file replaces the default.",
    )
    addresses: dict[AddressPort, Why] = Field(
        default_factory=address_rules,
        max_length=MOST_ADDRESSES,
        description="What may be reached by address and TCP port, each with its reason, as `network:port` or `network:first-last`, /20 or "
        "narrower; the default is Interactive Brokers. A list in the stack file replaces the default.",
    )
    threat_signatures: list[ThreatGroup] = Field(
        default_factory=lambda: [
            ThreatGroup.BOTNET,
            ThreatGroup.BOTNET_WEB,
            ThreatGroup.DOS,
            ThreatGroup.EMERGING_EVENTS,
            ThreatGroup.EXPLOITS,
            ThreatGroup.IOC,
            ThreatGroup.MALWARE,
            ThreatGroup.MALWARE_COINMINING,
            ThreatGroup.MALWARE_WEB,
            ThreatGroup.SCANNERS,
            ThreatGroup.SUSPECT,
            ThreatGroup.BOTNET_DOMAINS,
            ThreatGroup.MALWARE_DOMAINS,
        ],
        max_length=MOST_THREAT_GROUPS,
        description="AWS-managed threat signatures that are asked before any rule of ours, in this order, at most 16.",
    )
    log_days: LogDays | None = Field(
        default=None, description="Retention of the firewall's alert and flow logs, in days; unset follows `platform.logDays`."
    )
    emergency: Emergency | None = Field(
        default=None, description="The reviewed emergency allow-list; unset is off. Needs a reason, an expiry day and a reviewer."
    )
