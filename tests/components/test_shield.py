"""Shield Advanced protects with a subscription that is there; nothing here ever makes one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infra.components.shield import Shield, address_arn, zone_arn
from nautilus.sandbox.simulation.mocks import synth
from tests.components.edge import context

ROOT = Path(__file__).resolve().parents[2]
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/0123456789abcdef"
CHECK = "arn:aws:route53:::healthcheck/0c0ffee0-0000-4000-8000-000000000000"
SUBSCRIPTION = re.compile(r"shield[./]\w*subscription|ShieldSubscription|create_subscription|CreateSubscription", re.IGNORECASE)


def build(**health_checks: str) -> Any:
    def program() -> None:
        ctx = context()
        Shield(
            "shield",
            ctx,
            resources={
                "cdn": "arn:aws:cloudfront::123456789012:distribution/E1ABCDEFGHIJKL",
                "zone": zone_arn(ctx, "Z0123456789ABCDEFGHIJ"),
                "load-balancer": BALANCER,
                "nat-0": address_arn(ctx, "eipalloc-0123456789abcdef0"),
            },
            health_checks={key.replace("_", "-"): value for key, value in health_checks.items()},
        )

    return synth(program)


def test_each_resource_gets_a_protection_under_the_arn_that_shield_takes() -> None:
    found = {one.inputs["name"]: one.inputs["resourceArn"] for one in build().by_type("shield.Protection")}
    assert found == {
        "nautilus-prod-cdn": "arn:aws:cloudfront::123456789012:distribution/E1ABCDEFGHIJKL",
        "nautilus-prod-zone": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
        "nautilus-prod-load-balancer": BALANCER,
        "nautilus-prod-nat-0": "arn:aws:ec2:us-east-1:123456789012:eip-allocation/eipalloc-0123456789abcdef0",
    }
    assert not build().by_type("shield.ProtectionHealthCheckAssociation")


def test_a_health_check_speaks_of_its_own_resource() -> None:
    stack = build(cdn=CHECK)
    made = stack.one("shield.ProtectionHealthCheckAssociation")
    assert made.inputs["healthCheckArn"] == CHECK
    assert made.inputs["shieldProtectionId"] == stack.one("shield.Protection", "shield-cdn").id


def test_a_health_check_of_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="health checks of other, which Shield does not protect"):
        build(other=CHECK)


def makes_a_subscription(text: str) -> bool:
    """Whether a program text can make one."""
    return SUBSCRIPTION.search(text) is not None


def test_no_program_of_ours_makes_a_subscription() -> None:
    """It binds for a year and 36,000 $, and destroying the stack does not end it."""
    rooms = ("infra", "lambdas", "nautilus/cli", "nautilus/ops")
    files = [ROOT / "__main__.py", *(path for room in rooms for path in (ROOT / room).rglob("*.py"))]
    assert len(files) > 50
    assert [path.name for path in files if makes_a_subscription(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "text", ["aws.shield.Subscription('s')", "from pulumi_aws.shield.subscription import Subscription", "shield.create_subscription()"]
)
def test_a_subscription_would_be_found(text: str) -> None:
    assert makes_a_subscription(text)


def test_the_whole_platform_makes_none(local_platform: Any) -> None:
    assert not [one.type for one in local_platform.resources if one.type.startswith("aws:shield/subscription")]
