"""When secrets change, by which function, and that its rights are those of its own secrets and no more."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from infra.plan import rotation as plan
from infra.plan.flows import Role
from infra.plan.iam import statement
from infra.plan.secrets import Alphabet, Rotator, SecretKind, SecretSpec, inventory
from infra.settings.workloads import Trading
from lambdas.restart_consumers.handler import Window

SPECS = inventory(Trading())
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/prod/"


def document(extra: plan.Extra | None = None) -> list[dict[str, object]]:
    text = plan.function_policy(
        log_group_arn="arn:aws:logs:us-east-1:123456789012:log-group:/x",
        secret_arns=[f"{SECRET}a"],
        key_arn="key",
        region="us-east-1",
        extra=extra or plan.Extra(),
    )
    found: list[dict[str, object]] = json.loads(text)["Statement"]
    return found


def test_rotations_and_restarts_lie_in_the_seeds_window() -> None:
    assert plan.SCHEDULE == "cron(0 2 ? * SUN *)"
    assert (2 * 60, 2 * 60 + int(plan.DURATION.removesuffix("h")) * 60) == (plan.OPENS, plan.ROTATED)
    assert plan.OPENS < plan.ROTATED < plan.CLOSES < 4 * 60
    assert plan.ROTATED <= 3 * 60 + 30, "no rotation begins in RDS's own maintenance"
    assert datetime(2026, 11, 22, tzinfo=UTC).weekday() == plan.WEEKDAY


def test_the_restarts_schedule_covers_the_window() -> None:
    found = re.fullmatch(r"cron\(0/(\d+) (\d+)-(\d+) \? \* SUN \*\)", plan.RESTARTS)
    assert found
    step, first, last = map(int, found.groups())
    window = Window(**json.loads(plan.window_variable()))
    calls = [datetime(2026, 11, 22, hour, minute, tzinfo=UTC) for hour in range(first, last + 1) for minute in range(0, 60, step)]
    inside = [moment for moment in calls if window.opened(moment)]
    assert inside[0] == datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert [moment for moment in inside if not window.rotating(moment)], "somebody looks after the last rotation"
    assert all(later - earlier <= timedelta(minutes=10) for earlier, later in pairwise(inside))


def test_a_week_leaves_time_for_three_failures_within_the_seeds_thirty_days() -> None:
    assert 4 * plan.EVERY_DAYS <= 30


def test_every_generated_secret_is_rotated_by_somebody() -> None:
    by_function = {spec.name for group in plan.by_function(SPECS).values() for spec in group}
    others = {spec.name: spec.rotator for spec in SPECS if spec.kind is SecretKind.GENERATED and spec.name not in by_function}
    assert others == {"origin-header-previous": Rotator.ORIGIN_PREVIOUS} | dict.fromkeys(
        ("timescale-superuser-password", "timescale-replication-password", "timescale-rest-password", "timescale-market-password"),
        Rotator.NODE,
    )
    assert all(spec.rotator is Rotator.PERSON for spec in SPECS if spec.kind is SecretKind.FILLED)


def test_functions_and_their_secrets() -> None:
    assert {name: [spec.name for spec in group] for name, group in plan.by_function(SPECS).items()} == {
        "rotate-cache-backend-password": ["cache-backend-password"],
        "rotate-cache-engine-password": ["cache-engine-password"],
        "rotate-database-app-login": ["database-app-login"],
        "rotate-database-password": ["database-password"],
        "rotate-jwt-signing-key": ["jwt-signing-key"],
        "rotate-origin-header-value": ["origin-header-value"],
        "rotate-values": ["grafana-admin-password", "prometheus-password"],
    }


def test_values_of_one_function_are_drawn_alike() -> None:
    odd = SecretSpec("odd-password", SecretKind.GENERATED, "x", (), "", 30, "x", Alphabet(40), Rotator.VALUE)
    with pytest.raises(ValueError, match="alike, but their characters differ"):
        plan.by_function((*SPECS, odd))


def test_what_people_fill_has_no_function() -> None:
    filled = next(spec for spec in SPECS if spec.name == "fred-api-key")
    with pytest.raises(ValueError, match="rotated by person"):
        plan.function_name(filled)
    with pytest.raises(ValueError, match="people fill it"):
        plan.alphabet_variables(filled)


def test_every_kind_has_its_needs() -> None:
    assert set(plan.KINDS) == {kind for kind in Rotator if kind.by_function}
    assert {kind for kind, needs in plan.KINDS.items() if needs.in_vpc} == {
        Rotator.POSTGRES_APP,
        Rotator.POSTGRES_ADMINISTRATOR,
        Rotator.CACHE_USER,
    }
    assert all(1 <= needs.seconds <= 900 for needs in plan.KINDS.values()), "Lambda's bounds"


def test_a_function_may_change_its_own_secret_and_nothing_else() -> None:
    found = document()
    for one in found:
        actions = [one["Action"]] if isinstance(one["Action"], str) else one["Action"]
        assert isinstance(actions, list)
        if any(str(action).startswith("secretsmanager:") for action in actions):
            assert one["Resource"] == f"{SECRET}a"
        assert not [action for action in actions if "Delete" in str(action) or "Policy" in str(action) or str(action).endswith("*")]
    key = next(one for one in found if one["Sid"] == "UseKey")
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}


def test_who_writes_a_secret_may_seal_its_copy_and_not_open_it() -> None:
    text = plan.function_policy(
        log_group_arn="log", secret_arns=["a"], key_arn="key", region="us-east-1", replica=plan.Replica("key-there", "us-west-2")
    )
    found = {one["Sid"]: one for one in json.loads(text)["Statement"]}
    assert found["SealCopies"]["Action"] == ["kms:Encrypt", "kms:GenerateDataKey"]
    assert found["SealCopies"]["Resource"] == "key-there"
    assert found["SealCopies"]["Condition"]["StringEquals"]["kms:ViaService"] == [
        "secretsmanager.us-east-1.amazonaws.com",
        "secretsmanager.us-west-2.amazonaws.com",
    ]
    assert "SealCopies" not in {one["Sid"] for one in document()}


def test_other_secrets_are_read_or_written_only_where_named() -> None:
    found = {str(one["Sid"]): one for one in document(plan.Extra(reads=(f"{SECRET}b",), writes=(f"{SECRET}c",)))}
    assert (found["ReadOthers"]["Action"], found["ReadOthers"]["Resource"]) == ("secretsmanager:GetSecretValue", f"{SECRET}b")
    assert (found["WriteOthers"]["Action"], found["WriteOthers"]["Resource"]) == (
        ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        f"{SECRET}c",
    )


def test_more_rights_come_along() -> None:
    more = statement(["elasticache:ModifyUser"], ["arn:x"], sid="ChangeUser")
    assert more in document(plan.Extra(statements=(more,)))


def test_the_restart_reads_no_secret() -> None:
    text = plan.restart_policy(log_group_arn="arn:log", secret_arns=[f"{SECRET}a"], service_arns=["arn:service"])
    assert "GetSecretValue" not in text
    assert "kms:" not in text
    deploy = next(one for one in json.loads(text)["Statement"] if one["Sid"] == "DeployAgain")
    assert deploy["Resource"] == "arn:service"


def test_who_is_started_again_for_what() -> None:
    found = plan.consumers(SPECS, (Role.BACKEND, Role.ENGINE, Role.FRONTEND, Role.IB_GATEWAY))
    assert set(found) == {Role.BACKEND, Role.ENGINE, Role.IB_GATEWAY}, "the frontend reads no secret"
    assert found[Role.IB_GATEWAY] == ("ib-password", "ib-username")
    assert {"cache-engine-password", "database-app-login", "timescale-market-password"} <= set(found[Role.ENGINE])
    assert "database-password" not in {name for names in found.values() for name in names}


def test_with_a_proxy_the_backend_reads_no_password_of_postgresqls() -> None:
    found = plan.consumers(inventory(Trading(), proxy=True), (Role.BACKEND, Role.ENGINE))
    assert "database-app-login" not in found[Role.BACKEND]
    assert "database-app-login" in found[Role.ENGINE]


def test_the_weekly_ones_are_all_that_we_generate() -> None:
    assert set(plan.weekly(SPECS)) == {spec.name for spec in SPECS if spec.kind is SecretKind.GENERATED}


def test_who_may_read_what() -> None:
    readers = {spec.name: plan.readers(spec, SPECS) for spec in SPECS}
    assert readers["database-password"] == ("rotate-database-app-login", "rotate-database-password"), "no service is administrator"
    assert readers["origin-header-previous"] == ("rotate-origin-header-value",)
    assert readers["cache-engine-password"] == ("engine", "rotate-cache-engine-password")
    assert readers["ib-password"] == ("ib-gateway",)
    assert readers["timescale-superuser-password"] == ("timescale",)
    assert readers["grafana-admin-password"] == ("rotate-values",)


def test_the_firewall_lets_out_to_elasticaches_api_where_users_are() -> None:
    assert set(plan.api_domains("us-west-2")) == {"elasticache.us-west-2.amazonaws.com"}
    assert all(plan.api_domains("us-west-2").values()), "every name has its reason"


def test_failures_are_told_whatever_secret_they_are_of() -> None:
    pattern = json.loads(plan.failures_pattern())
    assert pattern["detail-type"] == ["AWS Service Event via CloudTrail"]
    assert set(pattern["detail"]) == {"eventSource", "eventName"}
    assert "RotationFailed" in pattern["detail"]["eventName"]
    assert "RotationSucceeded" not in pattern["detail"]["eventName"]
