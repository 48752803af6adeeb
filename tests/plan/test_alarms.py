"""The alarm table: the seeds' numbers, and rules that every line of it keeps."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import alarms as plan
from infra.plan.alarms import AlarmSpec, Comparison, Expression, Metric, Missing, Severity, Target
from infra.settings.operations import Alarms

LB, BLUE, GREEN = Target("lb"), Target("blue"), Target("green")
NAMESPACE = plan.custom_namespace("nautilus-dev")


def whole(thresholds: Alarms | None = None, *, in_use: bool = True) -> dict[str, AlarmSpec]:
    limits = thresholds or Alarms()
    made = plan.table(
        plan.service_alarms("backend", cluster="c", service="s", thresholds=limits),
        plan.web_alarms("backend", load_balancer=LB, blue=BLUE, green=GREEN, thresholds=limits),
        plan.rollout_alarms("backend", load_balancer=LB, blue=BLUE, green=GREEN, thresholds=limits),
        plan.singleton_alarms("engine", cluster="c", service="engine"),
        plan.gateway_alarms(namespace=NAMESPACE),
        plan.function_alarms("rollout-hook", function="f", why="The hook fails."),
        plan.postgres_alarms(
            instance="db",
            replicas=["db-1", "db-2"],
            instance_class="db.m7g.xlarge",
            storage_gb=100,
            max_connections=500,
            thresholds=limits,
            namespace=NAMESPACE,
            in_use=in_use,
        ),
        plan.proxy_alarms(proxy="proxy", most=400),
        plan.cache_alarms(members=["c-1", "c-2", "c-3"], thresholds=limits),
        plan.timescale_alarms(groups=["t-1", "t-2", "t-3"], thresholds=limits, namespace="N", balancer=LB, writer=Target("writer")),
        plan.backup_alarms(vault="v"),
        plan.restore_alarms(namespace=NAMESPACE, rto_minutes=60, rpo_minutes=60, age_days=8, functions={"restore-testing": "f"}),
        plan.config_backup_alarms(namespace=NAMESPACE),
        plan.queue_alarms("jobs", queue="q", dead="d", oldest_seconds=3600, most_messages=1000),
        plan.schedule_alarms("daily", group="g", daily=13),
        plan.registry_alarms(rules={"scan": "r"}),
        plan.certificate_alarms("origin", certificate=Target("certificate")),
        plan.vpn_alarms(endpoint="e"),
        plan.nat_alarms(gateways=[Target("nat-1")]),
        plan.uptime_alarms(checks={"site": Target("check")}),
        plan.origin_alarms(load_balancer=LB),
        plan.dnssec_alarms(zone=Target("zone")),
        plan.ddos_alarms(resources={"cdn": Target("cdn")}),
    )
    return {spec.key: spec for spec in made}


def metrics(spec: AlarmSpec) -> list[Metric]:
    return [spec.source] if isinstance(spec.source, Metric) else [metric for _, metric in spec.source.metrics]


@pytest.mark.parametrize(
    ("key", "severity", "comparison", "threshold", "seconds"),
    [
        ("backend-cpu", Severity.WARNING, Comparison.ABOVE, 80, 300),
        ("backend-memory", Severity.WARNING, Comparison.ABOVE, 85, 300),
        ("backend-down", Severity.CRITICAL, Comparison.BELOW, 1, 60),
        ("backend-latency", Severity.WARNING, Comparison.ABOVE, 0.1, 120),
        ("backend-errors", Severity.CRITICAL, Comparison.ABOVE, 1.0, 180),
        ("backend-rollout-errors", Severity.WARNING, Comparison.ABOVE, 0.1, 180),
        ("postgres-cpu", Severity.WARNING, Comparison.ABOVE, 80, 300),
        ("postgres-memory", Severity.WARNING, Comparison.BELOW, 16 * 1024**3 * 0.15, 300),
        ("postgres-storage", Severity.CRITICAL, Comparison.BELOW, 10 * 1024**3, 300),
        ("postgres-lost", Severity.CRITICAL, Comparison.BELOW, 1, 60),
        ("postgres-lag-1", Severity.WARNING, Comparison.ABOVE, 60, 180),
        ("postgres-connections", Severity.WARNING, Comparison.ABOVE, 450, 180),
        ("postgres-slot", Severity.WARNING, Comparison.ABOVE, 5 * 1024**3, 600),
        ("postgres-proxy-lost", Severity.CRITICAL, Comparison.BELOW, 50, 120),
        ("postgres-proxy-connections", Severity.WARNING, Comparison.ABOVE, 360, 180),
        ("postgres-proxy-waits", Severity.WARNING, Comparison.ABOVE, 50_000, 180),
        ("postgres-proxy-refused", Severity.WARNING, Comparison.ABOVE, 10, 300),
        ("cache-lost", Severity.CRITICAL, Comparison.BELOW, 1, 60),
        ("cache-cpu-3", Severity.WARNING, Comparison.ABOVE, 80, 300),
        ("cache-host-cpu", Severity.WARNING, Comparison.ABOVE, 90, 300),
        ("cache-lag", Severity.WARNING, Comparison.ABOVE, 60, 180),
        ("cache-evictions", Severity.WARNING, Comparison.ABOVE, 0, 300),
        ("cache-connections", Severity.WARNING, Comparison.ABOVE, 5000, 180),
        ("cache-sign-ins", Severity.WARNING, Comparison.ABOVE, 9, 60),
        ("cache-commands", Severity.WARNING, Comparison.ABOVE, 0, 60),
        ("cache-keys", Severity.WARNING, Comparison.ABOVE, 0, 60),
        ("config-backup-failed", Severity.WARNING, Comparison.ABOVE, 0, 3600),
        ("config-backup-silent", Severity.WARNING, Comparison.BELOW, 2, 86400),
        ("config-backup-repository", Severity.WARNING, Comparison.ABOVE, 26, 86400),
        ("cache-memory-2", Severity.WARNING, Comparison.ABOVE, 85, 300),
        ("gateway-disconnected", Severity.CRITICAL, Comparison.BELOW, 1, 120),
        ("engine-twice", Severity.CRITICAL, Comparison.ABOVE, 1, 60),
        ("engine-absent", Severity.CRITICAL, Comparison.BELOW, 1, 300),
        ("backup-failed", Severity.CRITICAL, Comparison.ABOVE, 0, 300),
        ("restore-failed", Severity.CRITICAL, Comparison.ABOVE, 0, 300),
        ("restore-rto", Severity.WARNING, Comparison.ABOVE, 3_600, 300),
        ("restore-rpo", Severity.CRITICAL, Comparison.ABOVE, 3_600, 300),
        ("restore-age", Severity.WARNING, Comparison.ABOVE, 8, 86_400),
        ("origin-certificate", Severity.WARNING, Comparison.BELOW, 30, 86_400),
        ("jobs-dead", Severity.WARNING, Comparison.ABOVE, 0, 60),
        ("jobs-old", Severity.WARNING, Comparison.ABOVE, 3600, 180),
        ("jobs-deep", Severity.WARNING, Comparison.ABOVE, 1000, 300),
        ("schedules-daily-lost", Severity.WARNING, Comparison.ABOVE, 0, 300),
        ("schedules-daily-silent", Severity.WARNING, Comparison.BELOW, 13, 86_400),
        ("images-scan-unannounced", Severity.WARNING, Comparison.ABOVE, 0, 300),
        ("nat-ports-1", Severity.WARNING, Comparison.ABOVE, 0, 300),
        ("uptime-site", Severity.CRITICAL, Comparison.BELOW, 1, 120),
        ("origin-failing", Severity.CRITICAL, Comparison.ABOVE, 30, 180),
        ("dnssec-failing", Severity.CRITICAL, Comparison.ABOVE, 0, 14_400),
        ("dnssec-key", Severity.CRITICAL, Comparison.ABOVE, 0, 14_400),
        ("ddos-cdn", Severity.CRITICAL, Comparison.ABOVE, 0, 60),
    ],
)
def test_the_seeds_numbers(key: str, severity: Severity, comparison: Comparison, threshold: float, seconds: int) -> None:
    spec = whole()[key]
    assert (spec.severity, spec.comparison) == (severity, comparison)
    assert spec.threshold == pytest.approx(threshold)
    assert spec.periods * metrics(spec)[0].period == seconds


def test_losing_a_thing_is_an_alarm_even_when_it_says_nothing_any_more() -> None:
    table = whole()
    for key in (
        "backend-down",
        "postgres-lost",
        "cache-lost",
        "config-backup-silent",
        "config-backup-repository",
        "schedules-daily-silent",
        "gateway-disconnected",
        "engine-absent",
        "postgres-lag-1",
        "postgres-proxy-lost",
        "timescale-node-1",
    ):
        assert table[key].missing is Missing.BREACHING, key


def test_no_rollout_alarm_is_raised_by_silence() -> None:
    rollout = [spec for key, spec in whole().items() if "-rollout-" in key and key.startswith("backend")]
    assert {spec.key for spec in rollout} == {f"backend-rollout-{what}" for what in ("5xx", "blue", "errors", "green", "latency")}
    assert {spec.missing for spec in rollout} == {Missing.NOT_BREACHING}


def test_every_rollout_alarm_watches_the_slots_that_it_names_and_together_both() -> None:
    """Either target group may hold the new version: a rollback that looks at one of them alone would miss every second deployment."""
    watched: dict[str, set[Target]] = {}
    for spec in plan.rollout_alarms("backend", load_balancer=LB, blue=BLUE, green=GREEN, thresholds=Alarms()):
        metrics = [spec.source] if isinstance(spec.source, Metric) else [metric for _, metric in spec.source.metrics]
        assert all(metric.namespace == "AWS/ApplicationELB" for metric in metrics)
        watched[spec.key.removeprefix("backend-rollout-")] = {
            value for metric in metrics for name, value in metric.dimensions if name == "TargetGroup" and isinstance(value, Target)
        }
    both = {BLUE, GREEN}
    assert watched == {"5xx": both, "errors": both, "latency": both, "blue": {BLUE}, "green": {GREEN}}


def test_both_target_groups_are_watched_wherever_traffic_is() -> None:
    for key, spec in whole().items():
        if key.startswith("backend-") and LB.name in spec.targets and not key.endswith(("-blue", "-green")):
            assert spec.targets == {"lb", "blue", "green"}, key


def test_a_singleton_that_runs_twice_is_not_confused_with_one_that_stopped() -> None:
    table = whole()
    assert table["engine-twice"].missing is Missing.NOT_BREACHING
    assert table["engine-twice"].source == table["engine-absent"].source


def test_an_idle_database_of_a_foundation_is_no_incident() -> None:
    assert "postgres-lost" not in whole(in_use=False)


def test_a_database_without_replicas_has_no_slot_to_watch() -> None:
    alone = plan.postgres_alarms(
        instance="db",
        replicas=[],
        instance_class="db.m7g.xlarge",
        storage_gb=100,
        max_connections=500,
        thresholds=Alarms(),
        namespace=NAMESPACE,
        in_use=True,
    )
    assert {"postgres-slot", "postgres-lag-1"}.isdisjoint({spec.key for spec in alone})


def test_the_proxy_is_watched_by_its_name_and_its_one_writer() -> None:
    lost = metrics(whole()["postgres-proxy-lost"])[0]
    assert lost.dimensions == (("ProxyName", "proxy"), ("TargetGroup", "default"), ("TargetRole", "READ_WRITE"))
    for key in ("connections", "waits", "refused"):
        assert metrics(whole()[f"postgres-proxy-{key}"])[0].dimensions == (("ProxyName", "proxy"),)


def test_every_line_is_one_that_cloudwatch_accepts() -> None:
    for key, spec in whole().items():
        assert re.fullmatch(r"[a-z][a-z0-9-]*", key), key
        assert 1 <= (spec.datapoints or spec.periods) <= spec.periods, key
        assert len(spec.description) <= 1024, key
        for metric in metrics(spec):
            assert metric.period in {60, 300, 3_600, 14_400, 86_400}, key
            assert spec.periods * metric.period <= 86_400, key
            assert metric.statistic in {"Average", "Minimum", "Maximum", "Sum", "SampleCount"} or metric.is_percentile, key
        if isinstance(spec.source, Expression):
            names = [name for name, _ in spec.source.metrics]
            assert len(set(names)) == len(names) <= 10, key
            assert all(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", name) for name in names), key
            # Every metric is used, and nothing is used that is no metric.
            used = set(re.findall(r"\b[a-z][a-zA-Z0-9_]*\b", spec.source.text))
            assert used == set(names), key


def test_every_line_names_where_it_comes_from() -> None:
    for key, spec in whole().items():
        assert spec.seeds, key
        for seed in spec.seeds:
            assert re.fullmatch(r"(NRC|PFC|OTE|DTO|NDS)-\d{3}|decision \d+", seed), key


@given(st.integers(1, 99), st.integers(1, 99), st.integers(1, 60_000), st.floats(0.01, 100))
def test_thresholds_follow_the_settings(memory: int, disk: int, latency: int, errors: float) -> None:
    table = whole(Alarms(memory_percent=memory, disk_percent=disk, latency_ms=latency, error_percent=errors))
    assert table["backend-memory"].threshold == memory
    assert table["postgres-memory"].threshold == pytest.approx(16 * 1024**3 * (100 - memory) / 100)
    assert table["postgres-storage"].threshold == pytest.approx(100 * 1024**3 * (100 - disk) / 100)
    assert table["backend-latency"].threshold == pytest.approx(latency / 1000)
    assert table["backend-errors"].threshold == errors


@pytest.mark.parametrize(
    ("instance_class", "gib"),
    [
        ("db.t4g.micro", 1),
        ("db.t4g.medium", 4),
        ("db.t3.2xlarge", 32),
        ("db.m7g.large", 8),
        ("db.m7g.xlarge", 16),
        ("db.r6i.4xlarge", 128),
        ("db.m6gd.16xlarge", 256),
        ("db.x2g.large", 32),
    ],
)
def test_memory_of_instance_classes(instance_class: str, gib: float) -> None:
    assert plan.instance_memory_gib(instance_class) == gib


@pytest.mark.parametrize("instance_class", ["db.z1d.large", "db.t4g.4xlarge", "m7g.large", "db.m7g.huge", ""])
def test_an_unknown_instance_class_is_refused_and_not_guessed(instance_class: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        plan.instance_memory_gib(instance_class)


def test_a_key_occurs_once() -> None:
    one = plan.backup_alarms(vault="v")
    with pytest.raises(ValueError, match="backup-copy-failed, backup-expired, backup-failed"):
        plan.table(one, one)


@pytest.mark.parametrize("count", [0, 11])
def test_the_cache_has_one_to_ten_members(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        plan.cache_alarms(members=[f"c-{number}" for number in range(count)], thresholds=Alarms())


def test_alarms_on_the_whole_cache_look_at_every_member() -> None:
    table = whole()
    for key in ("cache-host-cpu", "cache-lag", "cache-evictions", "cache-connections", "cache-sign-ins", "cache-commands", "cache-keys"):
        watched = metrics(table[key])
        assert [metric.dimensions for metric in watched] == [(("CacheClusterId", f"c-{number}"),) for number in (1, 2, 3)], key
        source = table[key].source
        assert isinstance(source, plan.Expression)
        worst = watched[0].statistic == "Maximum"
        assert source.text.startswith("MAX([") == worst, f"{key} is the worst member, or the sum of all"
        assert all(f"member_{index}" in source.text for index in range(3)), key


def test_the_cache_s_connections_follow_the_settings() -> None:
    (one,) = [
        spec for spec in plan.cache_alarms(members=["c-1"], thresholds=Alarms(), max_connections=700) if spec.key == "cache-connections"
    ]
    assert one.threshold == 700
    assert "700" in one.why


def test_filters_feed_the_alarms_that_read_them() -> None:
    heartbeat = plan.gateway_filter(log_group="g", namespace=NAMESPACE)
    slow = plan.slow_query_filter(log_group="p", namespace=NAMESPACE)
    table = whole()
    for spec, made in ((table["gateway-disconnected"], heartbeat), (table["postgres-slow-queries"], slow)):
        [metric] = metrics(spec)
        assert (metric.namespace, metric.name) == (made.namespace, made.metric)
    assert heartbeat.default is None, "silence must count as disconnected"
    assert slow.default == 0


def test_route_53_can_follow_the_alarm_of_the_failover() -> None:
    """One metric, one of five statistics, every datapoint (Route 53 takes no metric math, no percentile and no M out of N)."""
    [spec] = plan.origin_alarms(load_balancer=LB)
    assert isinstance(spec.source, Metric)
    assert spec.source.statistic in {"Average", "Minimum", "Maximum", "Sum", "SampleCount"}
    assert (spec.datapoints or spec.periods) == spec.periods
    assert spec.source.period >= 60
