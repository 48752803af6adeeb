"""The load balancer: closed by default, modern TLS, logs, protection, two zones."""

from __future__ import annotations

from typing import Any

import pytest

from infra.components.load_balancer import LoadBalancer
from tests.components.edge import Secret, Stack, context, synth

SUBNETS = ["subnet-a", "subnet-b", "subnet-c"]


def build(*, unlocked: bool = False, project: str = "nautilus", name: str = "web", **more: Any) -> Stack:
    given: dict[str, Any] = {"subnet_ids": SUBNETS, "idle_seconds": 300, **more}

    def program() -> dict[str, Any]:
        balancer = LoadBalancer(
            name,
            context(unlocked=unlocked, project=project),
            vpc_id="vpc-1",
            group_id="sg-1",
            certificate_arn="arn:certificate",
            log_bucket="nautilus-logs",
            origin_header=("X-Origin-Verify", "secret"),
            **given,
        )
        return {"arn": balancer.arn, "values": balancer.header_values}

    return synth(program)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


def test_hardened(stack: Stack) -> None:
    """LB-03, LB-05, LB-06, LB-07."""
    balancer = stack.one("LoadBalancer")
    assert balancer["name"] == "nautilus-prod-web"
    assert balancer["internal"] is False
    assert balancer["subnets"] == SUBNETS
    assert balancer["securityGroups"] == ["sg-1"]
    assert balancer["dropInvalidHeaderFields"] is True
    assert balancer["desyncMitigationMode"] == "defensive"
    assert balancer["xffHeaderProcessingMode"] == "append"
    assert balancer["preserveHostHeader"] is True
    assert balancer["enableXffClientPort"] is False, "a port after the address breaks those who read the header"
    assert balancer["enableTlsVersionAndCipherSuiteHeaders"] is True
    assert balancer["enableHttp2"] is True
    assert balancer["enableCrossZoneLoadBalancing"] is True
    assert balancer["enableZonalShift"] is True
    assert balancer["enableWafFailOpen"] is False, "what the firewall cannot judge is refused"
    assert balancer["idleTimeout"] == 300
    assert balancer["clientKeepAlive"] == 3_600
    assert balancer["enableDeletionProtection"] is True
    assert build(unlocked=True).one("LoadBalancer")["enableDeletionProtection"] is False


def test_logged(stack: Stack) -> None:
    """LB-04."""
    balancer = stack.one("LoadBalancer")
    assert balancer["accessLogs"] == {"bucket": "nautilus-logs", "prefix": "alb", "enabled": True}
    assert balancer["connectionLogs"] == {"bucket": "nautilus-logs", "prefix": "alb-connections", "enabled": True}


def test_clear_text_is_redirected(stack: Stack) -> None:
    """LB-01."""
    listener = stack.one("Listener", "web-http")
    assert (listener["port"], listener["protocol"]) == (80, "HTTP")
    [action] = listener["defaultActions"]
    assert (action["type"], action["redirect"]["protocol"], action["redirect"]["port"]) == ("redirect", "HTTPS", "443")
    assert action["redirect"]["statusCode"] == "HTTP_301"


@pytest.mark.parametrize(("part", "port"), [("https", 443), ("test", 8443)])
def test_tls_listeners_refuse_by_default(stack: Stack, part: str, port: int) -> None:
    """LB-02; a request without the origin header meets no rule."""
    listener = stack.one("Listener", f"web-{part}")
    assert (listener["port"], listener["protocol"]) == (port, "HTTPS")
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert listener["routingHttpResponseServerEnabled"] is False
    assert listener["certificateArn"] == "arn:certificate"
    [action] = listener["defaultActions"]
    assert (action["type"], action["fixedResponse"]["statusCode"]) == ("fixed-response", "403")


def test_a_long_name_is_shortened_and_stays_apart() -> None:
    names = [build(name=f"{'public-entrance-' * 3}{n}").one("LoadBalancer")["name"] for n in (1, 2)]
    assert all(len(name) <= 32 and not name.endswith("-") for name in names)
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"subnet_ids": ["subnet-a"]}, "two zones or more, not 1 .*ELB.13"),
        ({"subnet_ids": []}, "two zones or more, not 0"),
        ({"idle_seconds": 0}, "ELB takes 1 to 4000"),
        ({"idle_seconds": 4001}, "ELB takes 1 to 4000"),
        ({"keep_alive_seconds": 59}, "ELB takes 60 to 604800"),
        ({"keep_alive_seconds": 604_801}, "ELB takes 60 to 604800"),
        ({"project": "internal"}, "internal-"),
    ],
)
def test_what_elb_refuses_is_refused_first(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(**wrong)


def test_the_header_takes_the_current_value_and_the_one_before() -> None:
    assert build(previous_value="before").outputs["values"] == ["before", "secret"]
    assert build().outputs["values"] == ["secret"]
    assert build(previous_value="secret").outputs["values"] == ["secret"], "in the middle of a rotation both secrets hold the same"


def test_the_log_bucket_admits_both_logs() -> None:
    """LB-04: AWS writes a test file under each prefix when the attribute is set, and refuses a bucket that does not take it."""
    from infra.plan.bucket_policies import load_balancer_logs

    [statement] = load_balancer_logs("nautilus-logs", "123456789012")
    balancer = build().one("LoadBalancer")
    for key in ("accessLogs", "connectionLogs"):
        log = balancer[key]
        assert f"arn:aws:s3:::{log['bucket']}/{log['prefix']}/AWSLogs/123456789012/*" in statement["Resource"]


def test_no_value_of_the_header_is_shown() -> None:
    """Neither the balancer nor its listeners carry it; the rules do, as a secret (see the routes' tests)."""
    stack = build(previous_value="before")
    for made in stack.made:
        assert "before" not in str(made.inputs)
        assert not any(isinstance(value, Secret) for value in made.inputs.values())
