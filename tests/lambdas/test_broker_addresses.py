"""The watch over the broker's addresses: its comparison, its reading of the environment, and what it sends to CloudWatch (moto)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.plan.broker_addresses import HOSTS
from lambdas.broker_addresses import handler as watch

SETTINGS = watch.Settings(("a.ibllc.com", "b.ibllc.com"), (IPv4Network("8.17.22.0/24"),), "Nautilus/nautilus-test")


def resolver(**known: list[str]) -> Callable[[str], list[str]]:
    return lambda host: known.get(host.partition(".")[0], [])


def values(report: watch.Report) -> dict[str, float]:
    return {one["MetricName"]: one["Value"] for one in report.metrics()}


def test_all_is_well() -> None:
    report = watch.compare(SETTINGS, resolver(a=["8.17.22.31"], b=["8.17.22.31", "8.17.22.47"]))
    assert values(report) == {"BrokerAddressesOutside": 0, "BrokerHostsUnresolved": 0, "BrokerHostsChecked": 2}


def test_a_broker_that_moved_is_counted_by_address() -> None:
    report = watch.compare(SETTINGS, resolver(a=["192.0.2.1"], b=["192.0.2.1", "192.0.2.2", "8.17.22.31"]))
    assert values(report)["BrokerAddressesOutside"] == 2, "two names share one of the two strangers"
    assert report.outside == {"a.ibllc.com": ("192.0.2.1",), "b.ibllc.com": ("192.0.2.1", "192.0.2.2")}


def test_a_name_without_an_address_is_no_stranger() -> None:
    report = watch.compare(SETTINGS, resolver(a=["8.17.22.31"]))
    assert values(report) == {"BrokerAddressesOutside": 0, "BrokerHostsUnresolved": 1, "BrokerHostsChecked": 2}
    assert report.unresolved == ("b.ibllc.com",)


ENVIRONMENT = {"HOSTS": '["a.ibllc.com"]', "ALLOWED": '["8.17.22.0/24"]', "NAMESPACE": "Nautilus/nautilus-test"}


def test_the_environment_is_read() -> None:
    assert watch.Settings.read(ENVIRONMENT) == watch.Settings(("a.ibllc.com",), (IPv4Network("8.17.22.0/24"),), "Nautilus/nautilus-test")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"HOSTS": None}, "HOSTS' is not set"),
        ({"NAMESPACE": None}, "NAMESPACE' is not set"),
        ({"HOSTS": "[]"}, "names nobody"),
        ({"HOSTS": '"a"'}, "HOSTS is not a list"),
        ({"ALLOWED": "[1]"}, "ALLOWED is not a list"),
        ({"ALLOWED": '["8.17.22.1/24"]'}, "host bits"),
        ({"HOSTS": "a.ibllc.com"}, "Expecting value"),
    ],
)
def test_a_list_that_cannot_be_read_reports_nothing(change: dict[str, str | None], says: str) -> None:
    """The run fails, and silence raises the alarm."""
    environment = {key: value for key, value in (ENVIRONMENT | change).items() if value is not None}
    with pytest.raises(ValueError, match=says):
        watch.Settings.read(environment)


def test_lookup_takes_ipv4_and_tries_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []

    def flaky(*args: Any) -> list[Any]:
        calls.append(args)
        if len(calls) == 1:
            raise socket.gaierror("try again")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("8.17.22.47", "8.17.22.31", "8.17.22.47")]

    monkeypatch.setattr(socket, "getaddrinfo", flaky)
    assert watch.lookup("a.ibllc.com") == ("8.17.22.31", "8.17.22.47")
    assert [call[2] for call in calls] == [socket.AF_INET] * 2

    def dead(*_: Any) -> list[Any]:
        calls.append(())
        raise socket.gaierror("no")

    calls.clear()
    monkeypatch.setattr(socket, "getaddrinfo", dead)
    assert watch.lookup("a.ibllc.com") == ()
    assert len(calls) == 2


@mock_aws
def test_a_run_publishes_in_its_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(watch, "lookup", lambda _host: ("192.0.2.9",))
    assert watch.handler({}) == {"checked": 1, "outside": {"a.ibllc.com": ["192.0.2.9"]}, "unresolved": []}
    cloudwatch: Any = boto3.client("cloudwatch", region_name="us-east-1")
    metrics = cloudwatch.list_metrics(Namespace="Nautilus/nautilus-test")["Metrics"]
    assert {one["MetricName"] for one in metrics} == {"BrokerAddressesOutside", "BrokerHostsUnresolved", "BrokerHostsChecked"}
    now = datetime.now(UTC)
    (point,) = cloudwatch.get_metric_statistics(
        Namespace="Nautilus/nautilus-test",
        MetricName="BrokerAddressesOutside",
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert point["Maximum"] == 1


def test_the_real_table_passes_its_own_watch() -> None:
    from infra.components.broker_watch import broker_networks
    from infra.settings.egress import Egress

    known = {host.name: [host.address] for host in HOSTS}
    allowed = broker_networks(Egress().addresses)
    environment = {"HOSTS": json.dumps(sorted(known)), "ALLOWED": json.dumps(allowed), "NAMESPACE": "Nautilus/x"}
    assert values(watch.compare(watch.Settings.read(environment), lambda host: known[host]))["BrokerAddressesOutside"] == 0
