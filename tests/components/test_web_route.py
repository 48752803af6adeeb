"""A web service's way in: target groups, listener rules, and hands off what ECS shifts."""

from __future__ import annotations

from typing import Any

import pytest

from infra.components.load_balancer import LoadBalancer
from infra.components.web_route import WebRoute, sent_once_accepted
from nautilus.sandbox.simulation.mocks import synth as simulate
from tests.components.edge import Secret, Stack, context, synth


def build(*, environment: str = "prod", project: str = "nautilus", name: str = "backend", **more: Any) -> Stack:
    given: dict[str, Any] = {
        "path_patterns": ["/ws/*", "/api/*"],
        "priority": 10,
        "deregistration_seconds": 60,
        **more,
    }
    previous = given.pop("previous", "the value before")

    def program() -> dict[str, Any]:
        ctx = context(environment=environment, project=project)
        balancer = LoadBalancer(
            "web",
            ctx,
            subnet_ids=["subnet-a", "subnet-b"],
            vpc_id="vpc-1",
            group_id="sg-1",
            certificate_arn="arn:certificate",
            log_bucket="nautilus-logs",
            idle_seconds=300,
            origin_header=("X-Origin-Verify", "a plain string becomes secret"),
            previous_value=previous,
        )
        WebRoute(name, ctx, load_balancer=balancer, vpc_id="vpc-1", port=8000, health_path="/health", **given)
        return {}

    return synth(program)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


def test_two_equal_target_groups(stack: Stack) -> None:
    """LB-09; the seed's health check: every 10 s, 5 s, 3 failures."""
    blue, green = stack.one("TargetGroup", "backend-blue"), stack.one("TargetGroup", "backend-green")
    assert (blue["name"], green["name"]) == ("nautilus-prod-backend-blue", "nautilus-prod-backend-green")
    same = ("targetType", "port", "protocol", "protocolVersion", "vpcId", "healthCheck", "stickiness", "deregistrationDelay")
    assert [blue[key] for key in same] == [green[key] for key in same]
    assert (blue["targetType"], blue["port"], blue["protocolVersion"]) == ("ip", 8000, "HTTP1")
    check = blue["healthCheck"]
    assert (check["path"], check["interval"], check["timeout"]) == ("/health", 10, 5)
    assert (check["healthyThreshold"], check["unhealthyThreshold"], check["matcher"]) == (2, 3, "200")
    assert blue["deregistrationDelay"] == 60
    assert blue["loadBalancingAlgorithmType"] == "least_outstanding_requests"


@pytest.mark.parametrize("colour", ["blue", "green"])
def test_no_target_group_is_sticky_because_elb_refuses_it_beside_another_one(stack: Stack, colour: str) -> None:
    """Unless the rule is sticky too, which would keep clients on a version whatever its weight."""
    assert stack.one("TargetGroup", f"backend-{colour}")["stickiness"] == {"type": "lb_cookie", "enabled": False}
    for rule in stack.all("ListenerRule"):
        assert "stickiness" not in rule["actions"][0]["forward"]


def test_production_asks_for_the_origin_header_and_keeps_it_secret(stack: Stack) -> None:
    rule = stack.one("ListenerRule", "backend-production")
    assert rule["listenerArn"] == "arn:web-https"
    assert rule["priority"] == 10
    assert isinstance(rule["conditions"], Secret)
    paths, header = rule["conditions"].value
    assert paths == {"pathPattern": {"values": ["/api/*", "/ws/*"]}}
    assert header["httpHeader"] == {"httpHeaderName": "X-Origin-Verify", "values": ["a plain string becomes secret", "the value before"]}


def test_without_a_rotation_one_value_is_accepted_and_nothing_else() -> None:
    _paths, header = build(previous=None).one("ListenerRule", "backend-production")["conditions"].value
    assert header["httpHeader"]["values"] == ["a plain string becomes secret"]


def test_the_test_listener_takes_the_same_paths(stack: Stack) -> None:
    rule = stack.one("ListenerRule", "backend-test")
    assert rule["listenerArn"] == "arn:web-test"
    assert rule["conditions"] == [{"pathPattern": {"values": ["/api/*", "/ws/*"]}}]


@pytest.mark.parametrize("part", ["production", "test"])
def test_everything_starts_on_blue_and_ecs_owns_the_weights(stack: Stack, part: str) -> None:
    """DESIGN.md decision 6."""
    rule = stack.one("ListenerRule", f"backend-{part}")
    [action] = rule["actions"]
    assert [(group["arn"], group["weight"]) for group in action["forward"]["targetGroups"]] == [
        ("arn:backend-blue", 100),
        ("arn:backend-green", 0),
    ]
    assert rule.ignored == ("actions",)


def test_the_colour_stays_readable_in_the_name_of_a_staging_group() -> None:
    stack = build(environment="staging", name="frontend-route")
    assert [group["name"] for group in stack.all("TargetGroup")] == ["nautilus-staging-frontend-blue", "nautilus-staging-frontend-green"]


def test_a_target_group_name_never_passes_32_characters() -> None:
    stack = build(project="longprojectx", environment="staging", name="a-service-with-a-long-name")
    names = [group["name"] for group in stack.all("TargetGroup")]
    assert all(len(name) <= 32 for name in names)
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"path_patterns": []}, "0 path patterns"),
        ({"path_patterns": [f"/{n}/*" for n in range(4)]}, "4 path patterns; a rule has room for 1 to 3"),
        ({"path_patterns": ["/a/*", "/a/*"]}, "stands twice"),
        ({"path_patterns": ["api/*"]}, "start with `/`"),
        ({"path_patterns": ["/*/*/*", "/?/?/?"]}, "6 wildcards"),
        ({"priority": 0}, "1 to 50000"),
        ({"priority": 50_001}, "1 to 50000"),
        ({"deregistration_seconds": 3601}, "0 to 3600"),
    ],
)
def test_what_elb_refuses_is_refused_first(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(**wrong)


CDN = "aws:cloudfront/distribution:Distribution"
RULE = "aws:lb/listenerRule:ListenerRule"


def _edge(*, ordered: bool) -> Any:
    """A balancer, its routes and something that sends the header, in the order of the platform or against it."""
    import pulumi
    import pulumi_aws as aws

    def program() -> None:
        ctx = context()
        value = pulumi.Output.secret("a value of the header")
        balancer = LoadBalancer(
            "web",
            ctx,
            subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
            vpc_id="vpc-0123456789abcdef0",
            group_id="sg-0123456789abcdef0",
            certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/0c0ffee0-0000-4000-8000-000000000000",
            log_bucket="nautilus-logs",
            idle_seconds=300,
            origin_header=("X-Origin-Verify", value),
            previous_value="the one before",
        )
        routes = [
            WebRoute(
                name,
                ctx,
                load_balancer=balancer,
                vpc_id="vpc-0123456789abcdef0",
                port=8000,
                health_path="/health",
                path_patterns=patterns,
                priority=priority,
                deregistration_seconds=30,
            )
            for name, patterns, priority in (("backend", ["/api/*", "/ws/*", "/health"], 100), ("frontend", ["/*"], 200))
        ]
        aws.ssm.Parameter("sender", type="SecureString", value=sent_once_accepted(value, routes) if ordered else value)

    return simulate(program)


def test_cloudfront_sends_a_value_only_after_every_rule_accepts_it() -> None:
    """At each rotation too: the rules are changed, then what depends on them."""
    recorded = _edge(ordered=True)
    sender = next(one for one in recorded.resources if one.name == "sender")
    rules = {one.urn for one in recorded.resources if one.type == RULE and one.name.endswith("-production")}
    assert len(rules) == 2
    assert rules <= set(sender.property_dependencies["value"])
    careless = _edge(ordered=False)
    other = next(one for one in careless.resources if one.name == "sender")
    assert not rules & set(other.property_dependencies.get("value", ()))
