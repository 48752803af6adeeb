"""Compares what the broker's server names resolve to with what the egress firewall lets out to, and publishes the difference as metrics.

Runs on a schedule, outside the VPC, so that it sees public DNS as the world sees it. Its configuration stands in the environment:

    HOSTS      ["ndc1.ibllc.com", …]       names to resolve
    ALLOWED    ["8.17.22.0/24", …]         IPv4 networks that the firewall lets out to on the broker's ports
    NAMESPACE  Nautilus/nautilus-prod      CloudWatch namespace of this stack

Published on every run:

    BrokerAddressesOutside   addresses that no allowed network holds (above 0: the broker moved, or the list is wrong)
    BrokerHostsUnresolved    names without any IPv4 address
    BrokerHostsChecked       names that were asked for; silence means that nobody watches

Only IPv4 counts: the VPC speaks nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import boto3
from botocore.config import Config

_BOTO = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
_TRIES = 2

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


@dataclass(frozen=True)
class Settings:
    """What to watch."""

    hosts: tuple[str, ...]
    allowed: tuple[IPv4Network, ...]
    namespace: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """From the function's environment.

        Raises:
            ValueError: a variable is missing or cannot be read. The run then fails, and the alarm on silence is raised: a watch that
                misreads its list must not report that all is well.
        """
        try:
            hosts = json.loads(environment["HOSTS"])
            allowed = json.loads(environment["ALLOWED"])
            namespace = environment["NAMESPACE"]
        except KeyError as missing:
            raise ValueError(f"the variable {missing} is not set") from None
        for name, value in (("HOSTS", hosts), ("ALLOWED", allowed)):
            if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
                raise ValueError(f"{name} is not a list of text")
        if not hosts:
            raise ValueError("HOSTS names nobody")
        return cls(tuple(hosts), tuple(IPv4Network(block) for block in allowed), namespace)


@dataclass(frozen=True)
class Report:
    """What one run found."""

    checked: int
    outside: Mapping[str, tuple[str, ...]]
    """Addresses that no allowed network holds, by the name that resolved to them."""
    unresolved: tuple[str, ...]

    @property
    def addresses_outside(self) -> int:
        """How many different addresses stand outside: several names share a server."""
        return len({address for found in self.outside.values() for address in found})

    def metrics(self) -> list[dict[str, Any]]:
        """The data of PutMetricData."""
        values = {
            "BrokerAddressesOutside": self.addresses_outside,
            "BrokerHostsUnresolved": len(self.unresolved),
            "BrokerHostsChecked": self.checked,
        }
        return [{"MetricName": name, "Value": float(value), "Unit": "Count"} for name, value in values.items()]


def compare(settings: Settings, resolve: Callable[[str], Iterable[str]]) -> Report:
    """One comparison, without DNS and without AWS. `resolve` gives IPv4 addresses, none where a name has none or nobody answers."""
    outside: dict[str, tuple[str, ...]] = {}
    unresolved: list[str] = []
    for host in settings.hosts:
        addresses = sorted({IPv4Address(address) for address in resolve(host)})
        if not addresses:
            unresolved.append(host)
        if strangers := tuple(str(one) for one in addresses if not any(one in network for network in settings.allowed)):
            outside[host] = strangers
    return Report(len(settings.hosts), outside, tuple(unresolved))


def lookup(host: str) -> tuple[str, ...]:
    """The IPv4 addresses of a name; none after two failures."""
    for attempt in range(_TRIES):
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
        except OSError as error:
            log.warning("%s does not resolve (attempt %d): %s", host, attempt + 1, error)
            continue
        return tuple(sorted({str(address[0]) for *_, address in found}))
    return ()


def publish(namespace: str, metrics: list[dict[str, Any]]) -> None:
    """Send the metrics. An error of AWS ends the run, which Lambda and then the schedule repeat."""
    boto3.client("cloudwatch", config=_BOTO).put_metric_data(Namespace=namespace, MetricData=metrics)


def handler(event: Any, context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Entry point of the Lambda function. What it returns is for people who invoke it by hand."""
    settings = Settings.read(os.environ)
    report = compare(settings, lookup)
    for host, strangers in report.outside.items():
        log.error("%s resolves to %s, which the firewall does not let out to", host, ", ".join(strangers))
    publish(settings.namespace, report.metrics())
    return {
        "checked": report.checked,
        "outside": {host: list(found) for host, found in report.outside.items()},
        "unresolved": list(report.unresolved),
    }
