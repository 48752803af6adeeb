"""The rollout hook as a resource: in the VPC, with the code and the zones that it needs, and few rights."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.components.function import LAMBDAS, Code, Placement, lambda_function, source_archive
from infra.components.rollout_hook import SECONDS, RolloutHook, zone_files
from infra.plan.trading_calendar import ZONES
from nautilus.sandbox.simulation.mocks import synth
from tests.components.compute import KEY, context


def build(**more: Any) -> Any:
    def program() -> None:
        placed = Placement(subnet_ids=["subnet-0123456789abcdef0"], group_id="sg-0123456789abcdef0")
        arguments: dict[str, Any] = {"log_key_arn": KEY, "placement": placed, "services": ("backend", "frontend")} | more
        RolloutHook("rollout-hook", context(), **arguments)

    return synth(program)


def only(stack: Any, kind: str, name: str | None = None) -> Any:
    [found] = [one for one in stack if one.type.endswith(f":{kind}") and (name is None or one.name == name)]
    return found.inputs


def test_the_function_stands_in_the_vpc_with_time_for_a_smoke_test() -> None:
    made = only(build(), "Function")
    assert made["vpcConfig"] == {"subnetIds": ["subnet-0123456789abcdef0"], "securityGroupIds": ["sg-0123456789abcdef0"]}
    assert made["timeout"] == SECONDS == 120
    assert "vpcConfig" not in only(build(placement=None), "Function")


def test_the_archive_holds_the_code_the_shared_modules_and_the_zones_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[Code] = []

    def recorded(owner: Any, code: Code, **more: Any) -> Any:
        codes.append(code)
        return lambda_function(owner, code, **more)

    monkeypatch.setattr("infra.components.rollout_hook.lambda_function", recorded)
    build()
    [code] = codes
    places = set(source_archive(LAMBDAS / code.folder, code.libraries, code.shared, code.data).assets)
    own = {"handler.py", "orders.py", "stages.py", "world.py"}
    shared = {f"nautilus/runtime/{module}.py" for module in ("__init__", "smoke", "trading_hours")}
    assert places == own | shared | set(zone_files())
    assert {f"tzdata/zoneinfo/{zone}" for zone in ZONES} < places


def test_it_reads_the_parameters_of_its_services_by_name_and_writes_none() -> None:
    policy = json.loads(only(build(), "RolePolicy", "rollout-hook-policy")["policy"])
    [read] = [one for one in policy["Statement"] if one["Sid"] == "ReadOrders"]
    assert read["Action"] == "ssm:GetParameter" or read["Action"] == ["ssm:GetParameter"]
    assert len(read["Resource"]) == 6
    assert all(":parameter/" in arn and "*" not in arn for arn in read["Resource"])
    assert {arn.rpartition("/nautilus/")[2].partition("/")[2] for arn in read["Resource"]} == {
        f"{kind}"
        for service in ("backend", "frontend")
        for kind in (f"rollouts/{service}/pause", f"rollouts/{service}/override", f"migrations/{service}")
    }
    actions = {action for one in policy["Statement"] for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])}
    assert not {action for action in actions if action.split(":")[1].startswith(("Put", "Update", "Delete", "Create"))} - {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }


@pytest.mark.parametrize("services", [(), ("backend",)])
def test_without_services_it_reads_no_parameter(services: tuple[str, ...]) -> None:
    text = only(build(services=services), "RolePolicy", "rollout-hook-policy")["policy"]
    assert ("ssm:GetParameter" in text) is bool(services)
