"""The origin header: its order against infra/plan/origin.py, and what the function changes at a load balancer and a distribution (moto)."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.plan.origin import Origin, accepted
from infra.plan.rotation import Extra, function_policy, origin_statements
from lambdas.rotation.origin import NotSpreadError, OriginHeader
from tests.lambdas.secret import REGION, STEPS, Vault

HEADER, SITE = "X-Origin-Verify", "origin.example.com"
FIRST, BEFORE = "A" * 48, "B" * 48


class Edge:
    """A load balancer with two rules and a distribution before it, as the program makes them."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.current, self.previous = Vault(FIRST, "nautilus/test/origin-value"), Vault(BEFORE, "nautilus/test/origin-previous")
        self.elb: Any = boto3.client("elbv2", region_name=REGION)
        self.cdn: Any = boto3.client("cloudfront", region_name=REGION)
        ec2: Any = boto3.client("ec2", region_name=REGION)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{z}")["Subnet"]["SubnetId"]
            for n, z in enumerate("ab")
        ]
        balancer = self.elb.create_load_balancer(Name="balancer", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        self.groups = [
            self.elb.create_target_group(Name=colour, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0][
                "TargetGroupArn"
            ]
            for colour in ("blue", "green")
        ]
        refused = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}
        listener = self.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[refused])["Listeners"][0][
            "ListenerArn"
        ]
        self.rules = [
            self.elb.create_rule(
                ListenerArn=listener,
                Priority=priority,
                Conditions=[
                    {"Field": "path-pattern", "PathPatternConfig": {"Values": paths}},
                    {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": HEADER, "Values": accepted(FIRST, BEFORE)}},
                ],
                Actions=[self.forward(100, 0)],
            )["Rules"][0]["RuleArn"]
            for priority, paths in ((100, ["/api/*", "/ws/*"]), (200, ["/*"]))
        ]
        made = self.cdn.create_distribution(DistributionConfig=distribution(FIRST))["Distribution"]
        self.distribution = made["Id"]
        self.spread()

    def forward(self, blue: int, green: int) -> dict[str, Any]:
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(self.groups, (blue, green), strict=True)]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}

    @property
    def strategy(self) -> OriginHeader:
        environment = {
            "HEADER": HEADER,
            "LENGTH": "48",
            "PREVIOUS_SECRET": self.previous.arn,
            "DISTRIBUTION_ID": self.distribution,
            "ORIGIN_DOMAIN": SITE,
            "RULES": json.dumps(self.rules),
        }
        return OriginHeader(
            environment, {"cloudfront": self.cdn, "elbv2": self.elb, "secretsmanager": self.current.client}, pause=self.pauses.append
        )

    def spread(self) -> None:
        """CloudFront's edges have what was asked; moto tells so after three looks."""
        while self.cdn.get_distribution(Id=self.distribution)["Distribution"]["Status"] != "Deployed":
            pass

    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cdn.get_distribution_config(Id=self.distribution)["DistributionConfig"]
        return found

    def sent(self) -> str:
        for origin in self.config()["Origins"]["Items"]:
            if origin["DomainName"] == SITE:
                return str(origin["CustomHeaders"]["Items"][0]["HeaderValue"])
        raise AssertionError("no origin")

    def asked(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.elb.describe_rules(RuleArns=[arn])["Rules"][0]
        return found

    def values(self) -> list[list[str]]:
        return [
            condition["HttpHeaderConfig"]["Values"]
            for arn in self.rules
            for condition in self.asked(arn)["Conditions"]
            if condition["Field"] == "http-header"
        ]

    def origin(self, *edges: str) -> Origin:
        """As the plan sees it; `edges` are what CloudFront's edges may send while a change spreads."""
        first, second = self.values()
        assert first == second
        return Origin(self.current.value(), self.previous.value(), frozenset(first), frozenset({self.sent(), *edges}))


def distribution(value: str) -> dict[str, Any]:
    origin = {
        "Id": "balancer",
        "DomainName": SITE,
        "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": HEADER, "HeaderValue": value}]},
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    assets = {"Id": "assets", "DomainName": "assets.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    return {
        "CallerReference": "x",
        "Comment": "the site",
        "Enabled": True,
        "Origins": {"Quantity": 2, "Items": [assets, origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "balancer", "ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": "x"},
    }


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Edge()


def test_a_rotation_ends_with_both_values_accepted_and_the_new_one_sent(edge: Edge) -> None:
    before = edge.current.rotate(edge.strategy)
    edge.spread()
    edge.pauses.clear()
    new = edge.current.rotate(edge.strategy)
    assert len({new, before, FIRST, BEFORE}) == 4
    assert len(new) == 48
    assert edge.previous.value() == before
    assert edge.values() == [accepted(new, before)] * 2
    assert edge.sent() == new
    assert edge.pauses == [], "nobody waits for the edges: they may go on sending the value before"


def test_the_functions_role_allows_every_call_of_a_rotation(edge: Edge) -> None:
    """What moto lets pass and AWS would not: a call without the right to it."""
    calls: set[tuple[str, str]] = set()

    def noted(params: dict[str, Any], model: Any, **_: Any) -> None:
        service = {"elbv2": "elasticloadbalancing"}.get(str(model.service_model.service_name), str(model.service_model.service_name))
        action = f"{service}:{model.name}"
        for key in ("SecretId", "RuleArn"):
            if key in params:
                calls.add((action, params[key]))
        if "Id" in params:
            calls.add((action, arn))
        if not {"SecretId", "RuleArn", "Id"} & set(params):
            calls.add((action, "*"))

    arn = f"arn:aws:cloudfront::123456789012:distribution/{edge.distribution}"
    # The first one, which also drops what stood in the state, and a later one.
    for client in (edge.cdn, edge.elb, edge.current.client):
        client.meta.events.register("provide-client-params.*.*", noted)
    for _ in range(2):
        edge.current.begin()
        strategy = edge.strategy
        for step in STEPS:
            edge.current.step(strategy, step)
        edge.spread()
    text = function_policy(
        log_group_arn="arn:log",
        secret_arns=[edge.current.arn],
        key_arn="arn:key",
        region=REGION,
        extra=Extra(writes=(edge.previous.arn,), statements=origin_statements(distribution_arn=arn, rule_arns=edge.rules)),
    )
    assert {f"secretsmanager:{name}" for name in ("DescribeSecret", "GetSecretValue", "PutSecretValue")} <= {
        action for action, resource in calls if resource == edge.previous.arn
    }
    allowed = {
        (action, resource)
        for one in json.loads(text)["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        for resource in ([one["Resource"]] if isinstance(one["Resource"], str) else one["Resource"])
    }
    assert calls <= allowed


class Slow:
    """CloudFront that tells its edges for so many looks after every change."""

    def __init__(self, edge: Edge, looks: int) -> None:
        self._cdn, self._looks, self._left = edge.cdn, looks, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cdn, name)

    def update_distribution(self, **named: Any) -> Any:
        self._left = self._looks
        return self._cdn.update_distribution(**named)

    def get_distribution(self, **named: Any) -> Any:
        answer = self._cdn.get_distribution(**named)
        if self._left:
            self._left -= 1
            answer["Distribution"]["Status"] = "InProgress"
        return answer


def test_the_first_rotation_waits_for_the_edges_and_drops_what_stood_in_the_state(edge: Edge) -> None:
    edge.current.begin()
    strategy = edge.strategy
    strategy._cdn = Slow(edge, 3)
    meanwhile: list[list[list[str]]] = []
    strategy._pause = lambda _: meanwhile.append(edge.values())
    for step in STEPS:
        edge.current.step(strategy, step)
    new = edge.current.value()
    assert len(meanwhile) == 3
    assert all(FIRST in values for looked in meanwhile for values in looked), "an edge that still sends the first value is not shut out"
    assert edge.sent() == new
    assert {edge.previous.value(), new}.isdisjoint({FIRST, BEFORE})
    assert edge.values() == [accepted(new, edge.previous.value())] * 2
    assert not [stages for stages in edge.previous.stages().values() if {"AWSCURRENT", "FIRST"} <= set(stages)]


def test_edges_that_take_too_long_keep_the_first_value_until_the_next_attempt(edge: Edge) -> None:
    edge.current.begin()
    for step in STEPS[:-1]:
        edge.current.step(edge.strategy, step)
    strategy = edge.strategy
    strategy._cdn = Slow(edge, 1_000)
    with pytest.raises(NotSpreadError, match="is not Deployed after 780 seconds"):
        edge.current.step(strategy, "finishSecret")
    assert sum(edge.pauses) == 780
    assert edge.origin(FIRST).open, "CloudFront may still send the first value"
    edge.spread()
    edge.current.step(edge.strategy, "finishSecret")
    assert all({FIRST, BEFORE}.isdisjoint(values) for values in edge.values())
    assert edge.sent() == edge.current.value()


def test_nobody_is_shut_out_after_any_step_nor_by_an_up_there(edge: Edge) -> None:
    edge.current.begin()
    for step in STEPS:
        edge.current.step(edge.strategy, step)
        # The last step has waited until no edge sends the first value any longer.
        now = edge.origin(*([] if step == STEPS[-1] else [FIRST]))
        assert now.open, f"CloudFront is shut out after {step}"
        assert all(state.open for state in now.deployed), f"an `up` after {step} shuts CloudFront out"


def test_a_crash_between_the_rules_and_cloudfront_shuts_nobody_out_and_is_made_good(edge: Edge) -> None:
    class Broken:
        def __init__(self, inner: Any, call: str) -> None:
            self._inner, self._call = inner, call

        def __getattr__(self, name: str) -> Any:
            if name == self._call:
                raise RuntimeError(name)
            return getattr(self._inner, name)

    edge.current.begin()
    for step in STEPS[:-1]:
        edge.current.step(edge.strategy, step)
    for client, call in (("elbv2", "modify_rule"), ("cloudfront", "update_distribution")):
        strategy = edge.strategy
        clients = {"cloudfront": edge.cdn, "elbv2": edge.elb, "secretsmanager": edge.current.client}
        clients[client] = Broken(clients[client], call)
        strategy._cdn, strategy._balancer = clients["cloudfront"], clients["elbv2"]
        with pytest.raises(RuntimeError, match=call):
            edge.current.step(strategy, "finishSecret")
        now = edge.origin(FIRST)
        assert now.open
        assert all(state.open for state in now.deployed)
    for step in STEPS:
        edge.current.step(edge.strategy, step)
    assert edge.sent() == edge.current.value()
    assert edge.values() == [accepted(edge.current.value(), edge.previous.value())] * 2
    assert edge.previous.value() not in {FIRST, BEFORE}


def test_what_ecs_owns_stays_as_it_is(edge: Edge) -> None:
    edge.elb.modify_rule(RuleArn=edge.rules[0], Actions=[edge.forward(0, 100)])
    before = [copy.deepcopy(edge.asked(arn)) for arn in edge.rules]
    edge.current.rotate(edge.strategy)
    for arn, rule in zip(edge.rules, before, strict=True):
        after = edge.asked(arn)
        assert after["Actions"] == rule["Actions"], "the weights are ECS's"
        assert after["Priority"] == rule["Priority"]
        paths = [condition for condition in rule["Conditions"] if condition["Field"] == "path-pattern"]
        assert [condition for condition in after["Conditions"] if condition["Field"] == "path-pattern"] == paths


def test_nothing_else_of_the_distribution_changes(edge: Edge) -> None:
    before = edge.config()
    new = edge.current.rotate(edge.strategy)
    after = edge.config()
    for origin in before["Origins"]["Items"]:
        for header in origin.get("CustomHeaders", {}).get("Items", []):
            header["HeaderValue"] = new
    assert after == before


def test_an_up_afterwards_has_nothing_to_change(edge: Edge) -> None:
    """The program reads both secrets when it is evaluated: what it would set is what the function has set."""
    edge.current.rotate(edge.strategy)
    edge.spread()
    now = edge.origin()
    assert now == Origin.settled(edge.current.value(), edge.previous.value())


def test_a_rotation_waits_for_the_one_before_it(edge: Edge) -> None:
    class Spreading:
        def __getattr__(self, name: str) -> Any:
            return getattr(edge.cdn, name)

        def get_distribution(self, **named: Any) -> Any:
            answer = edge.cdn.get_distribution(**named)
            answer["Distribution"]["Status"] = "InProgress"
            return answer

    strategy = edge.strategy
    strategy._cdn = Spreading()
    edge.current.begin()
    with pytest.raises(NotSpreadError, match="wait until it is Deployed"):
        edge.current.step(strategy, "createSecret")
    assert edge.origin() == Origin.settled(FIRST, BEFORE)


def test_a_secret_that_was_never_applied_stops_the_rotation(edge: Edge) -> None:
    edge.current.client.put_secret_value(SecretId=edge.current.arn, SecretString="C" * 48)
    edge.current.begin()
    with pytest.raises(NotSpreadError, match="apply the secret first") as error:
        edge.current.step(edge.strategy, "createSecret")
    assert "CCC" not in str(error.value)
    assert "AAA" not in str(error.value)


def test_a_rule_or_an_origin_that_asks_for_no_header_stops_the_rotation(edge: Edge) -> None:
    paths = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}]
    edge.elb.modify_rule(RuleArn=edge.rules[1], Conditions=paths)
    with pytest.raises(NotSpreadError, match="asks for no X-Origin-Verify"):
        edge.current.rotate(edge.strategy)
    assert edge.sent() == FIRST, "CloudFront changes after every rule does"
    strategy = edge.strategy
    strategy._origin = "elsewhere.example.com"
    with pytest.raises(NotSpreadError, match=r"sends no X-Origin-Verify to elsewhere\.example\.com"):
        strategy.new(FIRST, first=False)


def test_before_there_is_a_distribution_both_values_are_drawn_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        current, previous = Vault(FIRST, "nautilus/test/value"), Vault(BEFORE, "nautilus/test/previous")
        strategy = OriginHeader({"HEADER": HEADER, "LENGTH": "48", "PREVIOUS_SECRET": previous.arn})
        current.rotate(strategy)
        held = {current.value(), previous.value()}
    assert len(held) == 2
    assert not held & {FIRST, BEFORE}, "nothing that stands in the stack's state will ever be accepted"


@pytest.mark.parametrize("value", ["A" * 31, "A" * 129, "A" * 40 + "*", "A" * 40 + "-"])
def test_a_value_that_a_rule_would_not_take_is_not_let_through(edge: Edge, value: str) -> None:
    with pytest.raises(ValueError, match="letters and digits"):
        edge.strategy.test(value)
    edge.strategy.test("A" * 48)


def test_rules_without_a_distribution_are_a_mistake(edge: Edge) -> None:
    with pytest.raises(ValueError, match="go together"):
        OriginHeader({"HEADER": HEADER, "LENGTH": "48", "PREVIOUS_SECRET": edge.previous.arn, "RULES": json.dumps(edge.rules)})
