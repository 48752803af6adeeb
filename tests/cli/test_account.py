"""`bootstrap` and `doctor` on the command line, and who a deployment runs as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound

from infra.settings.loader import load_stack
from infra.settings.root import Settings
from nautilus.cli import account, doctor
from nautilus.cli.errors import CannotTellError, RefusedError
from nautilus.cli.needs import needs_of, target_of
from nautilus.ops import bootstrap as ops_bootstrap
from nautilus.ops import doctor as ops_doctor
from nautilus.ops.doctor import Item, Verdict
from nautilus.ops.steps import Finding, Status
from tests.cli.conftest import ROOT, Engines, Nautilus


class Sts:
    """A session whose STS answers or raises."""

    def __init__(self, answer: dict[str, str] | Exception) -> None:
        self.answer = answer

    def client(self, _name: str) -> Sts:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_the_caller_must_be_of_the_account() -> None:
    sts = Sts({"Account": "1", "Arn": "arn:x"})
    assert account.check_account(sts, "prod", "1") == account.Identity("1", "arn:x")
    with pytest.raises(RefusedError, match="belong to account 1"):
        account.check_account(sts, "prod", "2")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoCredentialsError(), "credentials"),
        (ProfileNotFound(profile="x"), "credentials"),
        (EndpointConnectionError(endpoint_url="https://sts"), "network"),
        (ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "GetCallerIdentity"), "credentials"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "GetCallerIdentity"), "permission"),
        (ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "GetCallerIdentity"), "aws"),
    ],
)
def test_no_answer_of_aws_is_3(error: Exception, code: str) -> None:
    assert account.aws_trouble(error, "asking").code == code
    if not isinstance(error, ProfileNotFound):
        with pytest.raises(CannotTellError) as caught:
            account.identity(Sts(error))
        assert (caught.value.code, int(caught.value.exit_code)) == (code, 3)


def settings(stack: str) -> Settings:
    found = load_stack(stack, ROOT)
    assert isinstance(found, Settings)
    return found


def test_needs_follow_the_settings() -> None:
    prod = settings("prod")
    needs = needs_of(prod)
    assert (needs.vpcs, needs.elastic_ips, needs.nat_gateways_per_zone, needs.load_balancers) == (1, 3, 1, 1)
    services = prod.services
    web = sum(item.cpu * item.max_tasks * 2 for item in (services.backend, services.frontend))
    assert needs.fargate_vcpu == (web + services.engine.cpu + services.ib_gateway.cpu) / 1024
    quiet = prod.model_copy(
        update={"services": services.model_copy(update={"engine": services.engine.model_copy(update={"enabled": False})})}
    )
    assert needs_of(quiet).fargate_vcpu == needs.fargate_vcpu - services.engine.cpu / 1024
    assert needs_of(load_stack("account", ROOT)).vpcs == 0


def test_the_target_takes_account_and_region_from_the_settings() -> None:
    target = target_of("prod", settings("prod"), repository="acme/nautilus")
    assert (target.account, target.region, target.prefix) == ("123456789012", "us-east-1", "nautilus-prod")


# -- bootstrap ----------------------------------------------------------------------------------------------------------


class FakeStep:
    """A step in a given state; `apply` is remembered."""

    def __init__(self, name: str, status: Status, error: Exception | None = None) -> None:
        self.name, self.title, self.status, self.error, self.applied = name, f"title of {name}", status, error, False

    def check(self) -> Finding:
        return Finding(self.status, "detail", ("do it",))

    def apply(self) -> str:
        if self.error is not None:
            raise self.error
        self.applied = True
        return "made"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[FakeStep]:
    made = [FakeStep("one", Status.DONE), FakeStep("two", Status.MISSING), FakeStep("quota", Status.WARNING)]
    monkeypatch.setattr(ops_bootstrap, "steps", lambda _session, _target: made)
    return made


def test_bootstrap_applies_and_prints_the_commands(nautilus: Nautilus, aws: dict[str, str], steps: list[FakeStep]) -> None:
    ran = nautilus("bootstrap", "--stack", "prod", "--yes", "--json")
    assert ran.code == 0
    assert [(item["step"], item["status"]) for item in ran.document["steps"]] == [("one", "done"), ("two", "applied"), ("quota", "warning")]
    assert steps[1].applied
    assert ran.document["next"][0].startswith("pulumi login 's3://nautilus-pulumi-state-123456789012-us-east-1?")
    plain = nautilus("bootstrap", "--stack", "prod", "--yes")
    assert "pulumi stack init prod --secrets-provider" in plain.out
    assert "title of quota: detail" in plain.err


def test_a_dry_run_asks_nothing_and_applies_nothing(nautilus: Nautilus, aws: dict[str, str], steps: list[FakeStep]) -> None:
    ran = nautilus("bootstrap", "--stack", "prod", "--dry-run", "--json")
    assert (ran.code, ran.document["dryRun"], ran.document["steps"][1]["status"]) == (0, True, "missing")
    assert not steps[1].applied


def test_bootstrap_asks_first(nautilus: Nautilus, aws: dict[str, str], steps: list[FakeStep]) -> None:
    assert nautilus("bootstrap", "--stack", "prod").code == 2
    assert not steps[1].applied


def test_a_refusal_of_aws_is_3_and_keeps_what_was_done(nautilus: Nautilus, aws: dict[str, str], steps: list[FakeStep]) -> None:
    steps[1].error = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "Make")
    ran = nautilus("bootstrap", "--stack", "prod", "--yes", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "aws")
    assert [item["status"] for item in ran.document["steps"]] == ["done", "failed"]


def test_bootstrap_without_network_is_3(nautilus: Nautilus, aws: dict[str, str], steps: list[FakeStep]) -> None:
    steps[1].error = EndpointConnectionError(endpoint_url="https://kms")
    ran = nautilus("bootstrap", "--stack", "prod", "--yes", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "network")


def test_bootstrap_refuses_another_account(nautilus: Nautilus, aws: dict[str, str], steps: list[FakeStep]) -> None:
    aws["account"] = "999999999999"
    assert nautilus("bootstrap", "--stack", "prod", "--yes").code == 1
    assert not steps[1].applied


# -- doctor -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set what the examination on AWS finds; the toolchain is in order."""
    monkeypatch.setattr(doctor, "toolchain", lambda *, simulated: [Item("toolchain", Verdict.OK, "fine")])

    def found(*verdicts: Verdict) -> None:
        items = [Item("topic", verdict, f"it is {verdict}", "do something") for verdict in verdicts]
        monkeypatch.setattr(ops_doctor, "examine", lambda *_: items)

    return found


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.OK], 0),
        ([Verdict.OK, Verdict.OWED], 1),
        ([Verdict.UNKNOWN], 3),
        ([Verdict.UNKNOWN, Verdict.OWED], 1),
    ],
)
def test_doctors_verdicts(
    nautilus: Nautilus, fake: Engines, aws: dict[str, str], examined: Callable[..., None], verdicts: list[Verdict], code: int
) -> None:
    examined(*verdicts)
    ran = nautilus("doctor", "--stack", "prod", "--json")
    assert ran.code == code
    assert len(ran.document["items"]) == 1 + len(verdicts)
    plain = nautilus("doctor", "--stack", "prod")
    assert plain.code == code
    assert ("do: do something" in plain.out) == (code != 0)


def test_doctor_offline_is_3(nautilus: Nautilus, fake: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(_session: Any) -> Any:
        raise account.aws_trouble(NoCredentialsError(), "asking AWS who we are")

    monkeypatch.setattr(account, "aws_session", lambda region: region)
    monkeypatch.setattr(account, "identity", offline)
    ran = nautilus("doctor", "--stack", "prod", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "credentials")


def test_doctor_of_local_looks_at_the_machine_and_says_so(nautilus: Nautilus, fake: Engines, examined: Callable[..., None]) -> None:
    ran = nautilus("doctor", "--json")
    assert ran.code == 0
    assert [item["topic"] for item in ran.document["items"]] == ["toolchain"]
    assert "needs a stack on AWS" in ran.document["note"]


def test_the_toolchain_is_owed_only_where_nothing_can_be_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from nautilus.sandbox import toolchain as chain

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert [item.verdict for item in doctor.toolchain(simulated=False)] == [Verdict.OK, Verdict.OWED]
    assert [item.verdict for item in doctor.toolchain(simulated=True)] == [Verdict.OK, Verdict.OWED]
    monkeypatch.setattr(chain, "find_go", lambda: (tmp_path / "go", ""))
    assert [item.verdict for item in doctor.toolchain(simulated=True)] == [Verdict.OK, Verdict.OK]


def test_the_platform_lists_what_people_provide() -> None:
    facts = doctor.platform_of("prod", settings("prod"), {"zoneId": "Z1"})
    assert set(facts.images) == {"backend", "frontend", "engine", "ib-gateway", "timescale", "etcd", "watchdog"}
    assert facts.setting_of_image["etcd"] == "timescale.etcdImageDigest"
    assert facts.setting_of_image["ib-gateway"] == "services.ibGateway.imageDigest"
    assert {"ib-username", "ib-password", "binance-api-key"} <= set(facts.filled_secrets)
    assert "database-password" not in facts.filled_secrets
    assert facts.emails
    bare = doctor.platform_of("account", load_stack("account", ROOT), {})
    assert (dict(bare.images), bare.filled_secrets) == ({}, ())
