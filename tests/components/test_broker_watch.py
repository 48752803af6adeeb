"""The scheduled watch: what it may do, when it runs, what it is told."""

from __future__ import annotations

import json

from infra.component import Context
from infra.components.broker_watch import BrokerWatch, broker_networks
from infra.naming import Names
from infra.plan import alarms
from infra.plan.broker_addresses import HOSTS
from nautilus.sandbox.simulation.mocks import Recording, synth

KEY = "arn:aws:kms:us-east-1:123456789012:key/0c0ffee0-0000-4000-8000-000000000000"
NAMESPACE = "Nautilus/nautilus-prod"
ALLOWED = {"8.17.22.0/24:4000-4001": "x", "9.9.9.0/24:443": "x", "7.7.7.0/24:4001": "x", "6.6.6.0/24:3999-4002": "x"}


def build() -> Recording[BrokerWatch]:
    def program() -> BrokerWatch:
        ctx = Context(
            names=Names("nautilus", "prod"),
            account_id="123456789012",
            region="us-east-1",
            dr_region="us-west-2",
            zones=("us-east-1a", "us-east-1b"),
            log_days=365,
            unlocked=False,
        )
        return BrokerWatch("broker-watch", ctx, allowed=ALLOWED, namespace=NAMESPACE, log_key_arn=KEY)

    return synth(program, account="123456789012")


def test_only_networks_on_all_of_the_brokers_ports_count() -> None:
    """An address that is open on 443 alone would still lock the gateway out."""
    assert broker_networks(ALLOWED) == ("6.6.6.0/24", "8.17.22.0/24")


def test_the_function_sees_public_dns_and_knows_its_lists() -> None:
    function = build().one("aws:lambda/function:Function").inputs
    assert "vpcConfig" not in function or function["vpcConfig"] is None
    variables = function["environment"]["variables"]
    assert json.loads(variables["HOSTS"]) == sorted(host.name for host in HOSTS)
    assert json.loads(variables["ALLOWED"]) == ["6.6.6.0/24", "8.17.22.0/24"]
    assert variables["NAMESPACE"] == NAMESPACE
    assert function["loggingConfig"]["logGroup"] == "/aws/lambda/nautilus-prod-broker-watch"


def test_it_may_write_its_log_and_this_namespace_only() -> None:
    made = build()
    policies = {one.name: json.loads(one.inputs["policy"])["Statement"] for one in made if one.type == "aws:iam/rolePolicy:RolePolicy"}
    run = {one["Sid"]: one for one in policies["broker-watch-policy"]}
    assert run["WriteMetrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
    assert run["WriteLogs"]["Resource"].endswith(":log-group:/aws/lambda/nautilus-prod-broker-watch:*")
    actions = {action for one in run.values() for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])}
    assert actions == {
        "cloudwatch:PutMetricData",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    (invoke,) = policies["broker-watch-invoke-policy"]
    assert (invoke["Action"], invoke["Resource"]) == ("lambda:InvokeFunction", made.one("aws:lambda/function:Function").outputs["arn"])


def test_the_schedule_calls_it_every_hour_as_nobody_else() -> None:
    made = build()
    schedule = made.one("aws:scheduler/schedule:Schedule").inputs
    assert schedule["scheduleExpression"] == "rate(1 hour)"
    assert schedule["state"] == "ENABLED"
    assert schedule["target"]["arn"] == made.one("aws:lambda/function:Function").outputs["arn"]
    assert schedule["target"]["retryPolicy"] == {"maximumEventAgeInSeconds": 1800, "maximumRetryAttempts": 2}
    assert "input" not in schedule["target"], "the function takes no order"
    role = next(one for one in made if one.name == "broker-watch-invoke-role")
    assert schedule["target"]["roleArn"] == role.outputs["arn"]
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_alarms_fit_the_schedule() -> None:
    found = {one.key: one for one in alarms.broker_alarms(namespace=NAMESPACE)}
    silent = found["broker-watch-silent"]
    assert isinstance(silent.source, alarms.Metric)
    assert (silent.missing, silent.source.period * silent.periods) == (alarms.Missing.BREACHING, 86_400)
    for one in found.values():
        assert isinstance(one.source, alarms.Metric)
        assert one.source.namespace == NAMESPACE
        assert one.source.period >= 3600, "a shorter one would be empty between two runs"
    assert found["broker-addresses-moved"].threshold == 0
