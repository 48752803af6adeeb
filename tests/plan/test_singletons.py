"""What runs once: the watchdog's variables are those that it reads, the order of stopping fits, the zones differ."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.naming import Names
from infra.plan import alarms, environment, iam, singletons
from infra.plan.flows import Role, flows
from infra.plan.secrets import inventory, read_by
from infra.plan.singletons import StopPlan
from infra.settings.broker import Watchdog
from infra.settings.root import Settings
from nautilus.runtime import gate, gate_settings


def variables(**more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"lease": "engine", "lease_table": "nautilus-prod-leases", "halt": "/nautilus/prod/trading/halt"}
    return singletons.watchdog_environment(Watchdog(), **{**given, **more})


def from_ecs(_base: str, path: str) -> dict[str, Any]:
    answers: Mapping[str, dict[str, Any]] = {
        "/task": {"TaskARN": "arn:aws:ecs:us-east-1:123456789012:task/nautilus-prod-cluster/0123456789abcdef"},
        "": {"Networks": [{"IPv4Addresses": ["10.40.16.7"]}]},
    }
    return answers[path]


def read(given: dict[str, Any]) -> gate_settings.GateSettings:
    """As the watchdog reads them on Fargate."""
    return gate_settings.read({**given, "AWS_REGION": "us-east-1", "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x"}, from_ecs)


def test_the_watchdog_understands_the_engines_variables() -> None:
    found = read(variables(listen=4003, upstream_lease="ib-gateway", upstream_port=4003))
    assert (found.table, found.lease, found.halt_parameter) == ("nautilus-prod-leases", "engine", "/nautilus/prod/trading/halt")
    assert (found.listen, found.upstream_lease, found.upstream_port) == (("127.0.0.1", 4003), "ib-gateway", 4003)
    assert (found.terms.seconds, found.terms.renew, found.status_port) == (30.0, 10.0, singletons.STATUS_PORT)
    assert (found.holder, found.address) == ("0123456789abcdef", "10.40.16.7")


def test_a_gateways_watchdog_relays_nothing() -> None:
    found = read(variables(lease="ib-gateway"))
    assert (found.listen, found.upstream_lease) == (None, "")


@given(st.integers(10, 300), st.data())
def test_every_length_that_the_settings_accept_the_watchdog_accepts(seconds: int, data: st.DataObject) -> None:
    renew = data.draw(st.integers(1, min(100, seconds // 3)))
    own = Watchdog(lease_seconds=seconds, renew_seconds=renew)
    found = read(singletons.watchdog_environment(own, lease="engine", lease_table="leases", halt="/a/b"))
    assert (found.terms.seconds, found.terms.renew) == (seconds, renew)


@pytest.mark.parametrize(
    "half",
    [
        {"listen": 4003},
        {"upstream_lease": "ib-gateway"},
        {"upstream_port": 4003},
        {"listen": 4003, "upstream_port": 4003},
        {"listen": 4003, "upstream_lease": "ib-gateway"},
        {"upstream_lease": "ib-gateway", "upstream_port": 4003},
    ],
)
def test_half_a_path_is_refused(half: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a path has"):
        variables(**half)


def test_the_order_of_stopping_fits_into_120_seconds() -> None:
    plan = StopPlan()
    assert plan.total == plan.main + plan.watchdog <= singletons.LONGEST_STOP == 120
    assert plan.disconnection + plan.post_stop <= plan.main
    assert plan.watchdog > gate.STOP_SECONDS, "the watchdog must end by itself, with the lease released"
    assert plan.environment() == {"TIMEOUT_DISCONNECTION_SECONDS": "10", "TIMEOUT_POST_STOP_SECONDS": "10"}


def test_an_order_of_stopping_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="121 s, a task has 120 s"):
        StopPlan(main=106, watchdog=15)
    assert StopPlan(main=105, watchdog=15).total == 120
    with pytest.raises(ValueError, match="needs 101 s to stop and gets 100 s"):
        StopPlan(disconnection=40, post_stop=41, spare=20)


@given(st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=2, max_size=6, unique=True))
def test_two_tasks_never_share_a_zone_and_waste_none(subnets: list[str]) -> None:
    first, second = singletons.apart(subnets)
    assert first
    assert second
    assert not set(first) & set(second)
    assert sorted(first + second) == sorted(subnets)
    assert abs(len(first) - len(second)) <= 1


@pytest.mark.parametrize("subnets", [[], ["subnet-a"]])
def test_one_zone_has_no_room_for_a_standby(subnets: list[str]) -> None:
    with pytest.raises(ValueError, match="second zone"):
        singletons.apart(subnets)


def test_the_halt_flag_has_one_name_everywhere() -> None:
    name = singletons.halt_parameter("nautilus", "prod")
    assert name == Names("nautilus", "prod").path("trading", "halt") == "/nautilus/prod/trading/halt"
    [only] = json.loads(iam.halt_policy(f"arn:aws:ssm:us-east-1:123456789012:parameter{name}"))["Statement"]
    assert (only["Action"], only["Resource"]) == (
        "ssm:GetParameter",
        "arn:aws:ssm:us-east-1:123456789012:parameter/nautilus/prod/trading/halt",
    )


def test_a_holder_updates_its_own_lease_and_only_reads_others() -> None:
    made = {
        one["Sid"]: one
        for one in json.loads(
            iam.lease_policy(table_arn="arn:t", key_arn="arn:k", leases=["engine"], reads=["ib-gateway"], region="us-east-1")
        )["Statement"]
    }
    keys = {sid: one["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] for sid, one in made.items() if "Leases" in sid}
    assert keys == {"OwnLeases": "engine", "OthersLeases": "ib-gateway"}
    assert made["OwnLeases"]["Action"] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    assert made["OthersLeases"]["Action"] == "dynamodb:GetItem"
    with pytest.raises(ValueError, match="not both: engine"):
        iam.lease_policy(table_arn="arn:t", key_arn="arn:k", leases=["engine"], reads=["engine"], region="us-east-1")


@pytest.mark.parametrize("probe", [singletons.alive_probe(), singletons.held_probe()])
def test_probes_are_within_ecss_bounds_and_run_in_the_watchdogs_image(probe: Any) -> None:
    made = probe.as_json()
    assert made["command"][:2] == ["CMD", "python"]
    compile(made["command"][3], "probe", "exec")
    assert f":{singletons.STATUS_PORT}/" in made["command"][3]


def test_the_alarms_of_a_lease_watch_what_the_watchdog_says() -> None:
    filters = {one.key: one for one in alarms.lease_filters(log_groups={"engine": "/a", "ib-gateway-standby": "/b"}, namespace="N")}
    assert {one.log_group for one in filters.values()} == {"/a", "/b"}
    free, lost = alarms.lease_alarms("engine", namespace="N")
    for spec, key in ((free, "engine-lease-held"), (lost, "engine-lease-lost")):
        source = spec.source
        assert isinstance(source, alarms.Metric)
        assert (source.namespace, source.name) == (filters[key].namespace, filters[key].metric)
        assert source.dimensions == (("Lease", "engine"),), "the holder's own word for it, whichever task it is"
        assert dict(filters[key].dimensions) == {"Lease": "$.lease"}
        assert spec.severity is alarms.Severity.CRITICAL
    assert free.missing is alarms.Missing.BREACHING, "silence is a lease that nobody holds"
    assert lost.missing is alarms.Missing.NOT_BREACHING
    said = re.findall(r'"([a-z-]+)"', filters["engine-lease-lost"].pattern + filters["engine-lease-held"].pattern)
    source = inspect.getsource(gate)
    assert {event for event in said if f'"{event}"' not in source} == set(), "the filters and the watchdog use the same words"
    assert isinstance(free.source, alarms.Metric)
    assert free.source.period > gate.REPORT_SECONDS


def test_the_gateways_alarm_follows_the_holder() -> None:
    filters = alarms.gateway_filters(log_groups={"ib-gateway": "/a", "ib-gateway-standby": "/b"}, namespace="N")
    assert all("$.held = 1" in one.pattern for one in filters), "a standby's lines make no metric"
    [spec] = alarms.gateway_alarms(namespace="N")
    assert isinstance(spec.source, alarms.Metric)
    ready = [one for one in filters if one.metric == spec.source.name]
    assert {one.log_group for one in ready} == {"/a", "/b"}
    assert {(one.value, one.dimensions) for one in ready} == {("$.ready", ())}
    assert spec.periods * spec.source.period == 120
    assert spec.missing is alarms.Missing.BREACHING


@pytest.mark.parametrize(("standby", "severity"), [(False, "critical"), (True, "warning")])
def test_a_standbys_count_wakes_nobody(standby: bool, severity: str) -> None:
    made = alarms.singleton_alarms("x", cluster="c", service="s", standby=standby)
    assert {spec.severity.value for spec in made} == {severity}


# --- the second broker ----------------------------------------------------------------------------------------------------------


def settings(**trading: Any) -> Settings:
    return Settings.model_validate(
        {
            "platform": {"environment": "paper", "owner": "trading-platform"},
            "account": {"id": "123456789012"},
            "network": {"cidr": "10.30.0.0/16"},
            "edge": {"dns": {"domain": "paper.example.com"}},
            "trading": trading,
        }
    )


SECOND = {"name": "tradestation", "hosts": ["api.binance.com"]}
ADDRESSES = {"postgres": "p", "postgres-reader": "r", "timescale": "t", "cache": "c"}


def test_a_failover_changes_the_engines_broker_and_nothing_else() -> None:
    before = environment.engine(settings(secondBroker=SECOND), ADDRESSES)
    after = environment.engine(settings(secondBroker=SECOND, activeBroker="second"), ADDRESSES)
    assert (before["BROKER"], after["BROKER"]) == ("interactive-brokers", "tradestation")
    assert {key: value for key, value in before.items() if key != "BROKER"} == {
        key: value for key, value in after.items() if key != "BROKER"
    }
    assert "SECOND_BROKER" not in environment.engine(settings(), ADDRESSES)


def test_the_second_brokers_login_is_a_container_of_its_own_that_the_engine_alone_reads() -> None:
    def names(own: Settings) -> set[str]:
        return {spec.name for spec in read_by(inventory(own.trading), Role.ENGINE)}

    assert names(settings(secondBroker=SECOND)) - names(settings()) == {"second-broker-api-key", "second-broker-api-secret-key"}
    others = [role for role in Role if role is not Role.ENGINE]
    assert not [
        role for role in others if any("second" in spec.name for spec in read_by(inventory(settings(secondBroker=SECOND).trading), role))
    ]


def test_the_engine_reaches_the_gateway_through_its_watchdog_alone() -> None:
    told = environment.engine(settings(), ADDRESSES)
    assert (told["IB_GATEWAY_HOST"], told["IB_GATEWAY_PORT"]) == ("127.0.0.1", "4004")
    assert told["HALT_PARAMETER"] == "/nautilus/paper/trading/halt"
    assert told["WATCHDOG_STATUS"] == f"http://127.0.0.1:{singletons.STATUS_PORT}/status"
    assert not any("LEASE" in name for name in told), "the engine takes no lease itself"


@pytest.mark.parametrize("venues", [(), ((9443, 9443),), ((443, 443),), ((400, 500),)])
@pytest.mark.parametrize("endpoints", [False, True])
def test_every_holder_reaches_dynamodb_whatever_the_venues_ports(venues: tuple[tuple[int, int], ...], endpoints: bool) -> None:
    """The gateway endpoint's addresses are AWS's public ones, so a security group must open 443 beyond the VPC."""
    table = flows(gateway_port=4003, timescale=True, interface_endpoints=endpoints, s3_endpoint=endpoints, venue_ports=venues)
    for role in (Role.ENGINE, Role.IB_GATEWAY):
        ways = [one for one in table if one.source is role and one.target is Role.INTERNET and one.ports[0] <= 443 <= one.ports[1]]
        assert ways
        assert len({one.ports for one in ways}) == len(ways), "no rule twice"
