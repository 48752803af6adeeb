"""The site from outside, and alarms that must stand where their metrics are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.health_checks import EdgeAlarms, HealthChecks
from infra.components.notify import Notify
from infra.plan import alarms as plan
from infra.plan.alarms import AlarmSpec, Comparison, Expression, Metric, Severity
from infra.settings.edge import Uptime, check_name
from tests.components.edge import ACCOUNT, Stack, context, synth

DOMAIN = "nautilus.example.com"
TABLE = plan.table(
    plan.uptime_alarms(checks={"site": plan.Target("uptime-site")}),
    plan.dnssec_alarms(zone=plan.Target("zone")),
    plan.certificate_alarms("cdn", certificate=plan.Target("cdn-certificate")),
)
TARGETS = {"uptime-site": "check-1", "zone": "Z1", "cdn-certificate": "arn:cdn"}


def checks(**settings: Any) -> Stack:
    def program() -> dict[str, Any]:
        return dict(HealthChecks("uptime", context(), domain=DOMAIN, settings=Uptime.model_validate(settings)).ids)

    return synth(program)


def alarms(*, region: str = "us-east-1", table: Any = TABLE, targets: dict[str, str] = TARGETS) -> Stack:
    def program() -> dict[str, Any]:
        ctx = context(region=region)
        topics = Notify("notify", ctx, key_arn="arn:key", emails=["a@example.com"])
        made = EdgeAlarms(
            "edge-alarms", ctx, table=table, targets=targets, topics=topics, emails=["b@example.com", "a@example.com", "b@example.com"]
        )
        return dict(made.names)

    return synth(program)


def test_users_and_checkers_take_the_same_way() -> None:
    stack = checks()
    assert stack.outputs == {"site": "uptime-site-id", "health": "uptime-health-id"}
    check = stack.one("HealthCheck", "uptime-health")
    assert (check["type"], check["fqdn"], check["port"], check["resourcePath"]) == ("HTTPS", DOMAIN, 443, "/health")
    assert check["enableSni"] is True, "CloudFront has no certificate for a client without a name"
    assert (check["requestInterval"], check["failureThreshold"]) == (30, 3)
    assert check["regions"] == ["ap-southeast-1", "eu-west-1", "us-east-1"]
    assert "searchString" not in check.inputs
    assert stack.one("HealthCheck", "uptime-site")["resourcePath"] == "/"


def test_a_text_can_be_asked_for_and_the_interval_shortened() -> None:
    stack = checks(paths=["/health"], searchText="ok", intervalSeconds=10, downSeconds=30, regions=["us-west-2", "us-east-1", "eu-west-1"])
    check = stack.one("HealthCheck")
    assert (check["type"], check["searchString"]) == ("HTTPS_STR_MATCH", "ok")
    assert (check["requestInterval"], check["failureThreshold"]) == (10, 3)
    assert check["regions"] == ["eu-west-1", "us-east-1", "us-west-2"], "sorted, as AWS gives them back"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"downSeconds": 45}, "is not 1 to 10 intervals of 30"),
        ({"intervalSeconds": 10, "downSeconds": 110}, "is not 1 to 10 intervals of 10"),
        ({"paths": ["/a/b", "/a-b"]}, "two checks are called a-b"),
    ],
)
def test_what_route_53_refuses_is_refused_first(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checks(**wrong)


def test_names_of_checks() -> None:
    assert [check_name(path) for path in ("/", "/health", "/api/v1/status", "/Health_Check.html")] == [
        "site",
        "health",
        "api-v1-status",
        "health-check-html",
    ]


def test_in_us_east_1_the_stacks_own_topics_hear_of_it() -> None:
    stack = alarms()
    assert len(stack.all("Topic")) == 2, "those of Notify"
    assert not stack.all("Key")
    alarm = stack.one("MetricAlarm", "edge-alarms-uptime-site")
    assert alarm["alarmActions"] == alarm["okActions"] == ["arn:notify-critical"]
    assert "region" not in alarm.inputs
    assert (alarm["namespace"], alarm["metricName"], alarm["statistic"]) == ("AWS/Route53", "HealthCheckStatus", "Minimum")
    assert alarm["dimensions"] == {"HealthCheckId": "check-1"}
    assert (alarm["comparisonOperator"], alarm["threshold"], alarm["treatMissingData"]) == ("LessThanThreshold", 1, "breaching")
    assert stack.one("MetricAlarm", "edge-alarms-cdn-certificate")["alarmActions"] == ["arn:notify-warning"]


def test_elsewhere_alarms_and_topics_stand_where_the_metrics_are() -> None:
    """An alarm of another region sees no metric of Route 53, and cannot speak through a topic of another region."""
    stack = alarms(region="eu-west-1")
    made = stack.all("MetricAlarm")
    assert sorted(one.name for one in made) == [
        "edge-alarms-cdn-certificate",
        "edge-alarms-dnssec-failing",
        "edge-alarms-dnssec-key",
        "edge-alarms-uptime-site",
    ]
    assert {one["region"] for one in made} == {"us-east-1"}
    assert stack.one("MetricAlarm", "edge-alarms-uptime-site")["alarmActions"] == ["arn:edge-alarms-critical"]
    assert stack.one("MetricAlarm", "edge-alarms-cdn-certificate")["alarmActions"] == ["arn:edge-alarms-warning"]
    topics = [one for one in stack.all("Topic") if one.name.startswith("edge-alarms")]
    assert {(one["name"], one["region"], one["kmsMasterKeyId"]) for one in topics} == {
        ("nautilus-prod-edge-critical", "us-east-1", "arn:edge-alarms-key"),
        ("nautilus-prod-edge-warning", "us-east-1", "arn:edge-alarms-key"),
    }
    statements = {one["Sid"]: one for one in json.loads(stack.one("Key")["policy"])["Statement"]}
    assert statements["AlarmsPublish"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statements["AlarmsPublish"]["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    heard = sorted((one["topic"], one["endpoint"], one["region"]) for one in stack.all("TopicSubscription") if "edge" in one.name)
    assert heard == [
        ("arn:edge-alarms-critical", "a@example.com", "us-east-1"),
        ("arn:edge-alarms-critical", "b@example.com", "us-east-1"),
        ("arn:edge-alarms-warning", "a@example.com", "us-east-1"),
        ("arn:edge-alarms-warning", "b@example.com", "us-east-1"),
    ]
    policies = [one for one in stack.all("TopicPolicy") if one.name.startswith("edge-alarms")]
    assert sorted(json.loads(one["policy"])["Statement"][0]["Resource"] for one in policies) == [
        "arn:edge-alarms-critical",
        "arn:edge-alarms-warning",
    ]


def test_a_target_without_a_value_and_a_value_without_a_target_are_errors() -> None:
    with pytest.raises(ValueError, match=r"without a value: \['cdn-certificate'\]"):
        alarms(targets={"uptime-site": "a", "zone": "Z1"})
    with pytest.raises(ValueError, match=r"no alarm names: \['other'\]"):
        alarms(targets={**TARGETS, "other": "x"})


def test_an_alarm_of_the_edge_is_on_one_metric() -> None:
    metric = Metric("AWS/Route53", "HealthCheckStatus", "Minimum")
    for source in (Expression("a", "b", (("a", metric),)), Metric("AWS/Route53", "TimeToFirstByte", "p95")):
        spec = AlarmSpec("k", Severity.WARNING, source, Comparison.ABOVE, 1, "why", ("DTO-1",), "uptime")
        with pytest.raises(ValueError, match="one metric with one statistic"):
            alarms(table=(spec,), targets={})
