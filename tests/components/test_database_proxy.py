"""RDS Proxy: TLS and IAM on both sides, a pool that leaves room, least privilege, a log that is ours."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest

from infra.components.database_proxy import DatabaseProxy, ProxyWiring
from infra.plan.postgres import Demand
from infra.settings import data
from tests.components.data import Stack, context, key, protected, synth

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/prod/database-app-login-AbCdEf"


def made(*, subnets: int = 3, max_connections: int = 500, demand: Demand | None = None, **settings: Any) -> Stack:
    def build() -> dict[str, Any]:
        database = aws.rds.Instance("db", identifier="nautilus-prod-postgres", instance_class="db.m7g.xlarge")
        proxy = DatabaseProxy(
            "proxy",
            context(),
            settings=data.DatabaseProxy(**settings),
            wiring=ProxyWiring(
                group_id="sg-proxy", secret_arn=SECRET, secret_key_arn=key("secrets"), demand=demand or Demand(2, 10, 10, 20)
            ),
            database=database,
            max_connections=max_connections,
            subnet_ids=[f"subnet-{n}" for n in range(subnets)],
            log_key_arn=key("logs"),
        )
        return {"address": proxy.address, "connect": proxy.connect_arn, "name": proxy.name, "log": proxy.log_group_name}

    return synth(build)


def test_clients_come_by_tls_and_iam_and_the_proxy_goes_on_by_iam() -> None:
    one = made().one("rds.Proxy")
    expected = {
        "name": "nautilus-prod-postgres-proxy",
        "engineFamily": "POSTGRESQL",
        "requireTls": True,
        "defaultAuthScheme": "IAM_AUTH",
        "debugLogging": False,
        "idleClientTimeout": 1_800,
        "vpcSecurityGroupIds": ["sg-proxy"],
        "vpcSubnetIds": ["subnet-0", "subnet-1", "subnet-2"],
    }
    assert {name: one[name] for name in expected} == expected
    [auth] = one["auths"]
    assert (auth["iamAuth"], auth["authScheme"], auth["secretArn"]) == ("REQUIRED", "SECRETS", SECRET)
    assert "username" not in auth, "RDS refuses it beside a secret"


def test_the_pool_follows_the_services_pools() -> None:
    pool = made(borrow_seconds=5).one("rds.ProxyDefaultTargetGroup")["connectionPoolConfig"]
    assert pool == {"maxConnectionsPercent": 80, "maxIdleConnectionsPercent": 4, "connectionBorrowTimeout": 5}
    wide = made(demand=Demand(4, 40, 100, 100), max_connections=1_000).one("rds.ProxyDefaultTargetGroup")["connectionPoolConfig"]
    assert (wide["maxConnectionsPercent"], wide["maxIdleConnectionsPercent"]) == (95, 40), "50 of 1,000 are everybody else's"


def test_its_target_is_the_primary() -> None:
    one = made().one("rds.ProxyTarget")
    assert (one["dbProxyName"], one["targetGroupName"], one["dbInstanceIdentifier"]) == (
        "nautilus-prod-postgres-proxy",
        "default",
        "nautilus-prod-postgres",
    )


def test_the_role_is_the_proxys_and_may_log_in_as_one_user() -> None:
    stack = made()
    trust = json.loads(stack.one("iam.Role")["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "rds.amazonaws.com"}
    # RDS documents no condition here (Configuring IAM authentication for RDS Proxy): one that it did not meet would shut the proxy out.
    assert set(trust) == {"Action", "Effect", "Principal"}
    allowed = {one["Sid"]: one for one in json.loads(stack.one("iam.RolePolicy")["policy"])["Statement"]}
    assert allowed["Database"]["Resource"] == "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-db/nautilus_proxy"
    assert allowed["Secret"]["Resource"] == SECRET


def test_role_and_log_group_exist_before_the_proxy_needs_them() -> None:
    stack = made()
    assert set(stack.one("rds.Proxy").needs) == {"proxy-policy", "proxy-log"}
    log = stack.one("cloudwatch.LogGroup")
    assert (log["name"], log["kmsKeyId"], log["retentionInDays"]) == ("/aws/rds/proxy/nautilus-prod-postgres-proxy", key("logs"), 365)


def test_a_task_is_told_where_and_as_whom_it_may_connect() -> None:
    outputs = made().outputs
    assert outputs["address"] == "nautilus-prod-postgres-proxy.proxy-abc.us-east-1.rds.amazonaws.com"
    assert outputs["connect"] == "arn:aws:rds-db:us-east-1:123456789012:dbuser:prx-0123456789abcdef0/nautilus_proxy"


def test_it_holds_no_data_and_is_not_protected() -> None:
    assert protected(made()) == set()


def test_one_subnet_is_refused() -> None:
    with pytest.raises(ValueError, match="two zones"):
        made(subnets=1)


def test_a_server_without_connections_to_spare_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves the proxy nothing"):
        made(max_connections=50)


# --- what the page tells the application --------------------------------------------------------------------------------------

SAMPLES = re.findall(
    r"^```python\n(.*?)^```$", Path(__file__).parents[2].joinpath("docs/database.md").read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
)


def test_the_samples_of_the_page_are_python_and_pin_no_session() -> None:
    assert len(SAMPLES) == 3
    for sample in SAMPLES:
        ast.parse(sample)
    assert "statement_cache_size=0" in SAMPLES[1]
    assert '"prepare_threshold": None' in SAMPLES[2]


def test_the_token_of_the_page_is_one_of_the_proxys_user(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-real-one",
        "DATABASE_HOST": "proxy.proxy-abc.us-east-1.rds.amazonaws.com",
        "DATABASE_PORT": "5432",
        "DATABASE_USER": "nautilus_proxy",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    room: dict[str, Any] = {}
    exec(compile(SAMPLES[0], "docs/database.md", "exec"), room)
    token = room["token"]()
    assert token.startswith("proxy.proxy-abc.us-east-1.rds.amazonaws.com:5432/?Action=connect&DBUser=nautilus_proxy&")
    assert "X-Amz-Expires=900" in token
