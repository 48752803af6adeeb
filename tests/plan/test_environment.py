"""How containers are told of the relational database: through the proxy by IAM, or directly with what the rotation alternates."""

from __future__ import annotations

from infra.plan import environment
from infra.plan.secrets import PROXY_USER
from tests.test_docs import sample_settings

DIRECT = {"postgres": "primary", "postgres-reader": "replica", "timescale": "market", "cache": "cache"}
PROXIED = {**DIRECT, "postgres-proxy": "proxy"}


def database(variables: dict[str, object]) -> dict[str, object]:
    return {name.removeprefix("DATABASE_"): value for name, value in variables.items() if name.startswith("DATABASE_")}


def test_the_backend_goes_through_the_proxy_by_iam_where_there_is_one() -> None:
    found = database(environment.backend(sample_settings(), PROXIED))
    assert (found["HOST"], found["AUTH"], found["USER"]) == ("proxy", "iam", PROXY_USER)
    assert found["READER_HOST"] == "proxy", "RDS Proxy has no endpoint for readers on an RDS instance"


def test_without_a_proxy_the_backend_reads_user_and_password_by_reference() -> None:
    found = database(environment.backend(sample_settings(), DIRECT))
    assert (found["HOST"], found["READER_HOST"], found["AUTH"]) == ("primary", "replica", "password")
    assert "USER" not in found, "the user alternates: it comes from the secret, with its password"


def test_the_engine_keeps_to_the_primary() -> None:
    found = database(environment.engine(sample_settings(), PROXIED))
    assert (found["HOST"], found["AUTH"]) == ("primary", "password")
    assert "USER" not in found


def test_every_way_verifies_the_server_and_has_the_pools_bounds() -> None:
    settings = sample_settings()
    for addresses in (DIRECT, PROXIED):
        found = database(environment.backend(settings, addresses))
        assert found["SSLMODE"] == "verify-full"
        assert (found["POOL_MIN"], found["POOL_MAX"]) == ("10", "20")
        assert (found["PORT"], found["NAME"]) == ("5432", "nautilus")
    assert "PASSWORD" not in found
