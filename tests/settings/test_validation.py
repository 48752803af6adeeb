"""What is refused, with which words and which repair."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from infra.settings.foundation import Environment
from infra.settings.problems import Problem, SettingsError
from infra.settings.root import AccountSettings, Settings
from infra.settings.validation import validate
from infra.settings.yaml_reader import SECRET, Secret
from tests.settings.cases import BOTH, SAML, SINGLE, SUBNETS, mutual, own_vpc, vpn
from tests.settings.samples import REMOVED, changed, problems_of, repair, sections, settings_of

CASES = [pytest.param(*case, id=f"{case[0]}-{'+'.join(f'{key}={value}'[:40] for key, value in case[1].items())}") for case in SINGLE]


def complete(problem: Problem) -> None:
    """A problem has all that its reader needs."""
    assert problem.file.startswith("Pulumi.")
    assert problem.message
    assert problem.repair
    assert "Traceback" not in str(problem)
    json.dumps(problem.as_json())


@pytest.mark.parametrize(("stack", "changes", "key", "accepted", "message", "fix"), CASES)
def test_one_wrong_value(stack: str, changes: dict[str, Any], key: str, accepted: str, message: str, fix: str) -> None:
    (problem,) = problems_of(changed(stack, changes), stack)
    complete(problem)
    assert problem.file == f"Pulumi.{stack}.yaml"
    assert problem.key == f"nautilus-infra:{key}"
    assert accepted in (problem.accepted or "")
    assert message in problem.message
    assert fix in problem.repair


@pytest.mark.parametrize(("stack", "changes", "key", "accepted", "message", "fix"), CASES)
def test_the_repair_repairs(stack: str, changes: dict[str, Any], key: str, accepted: str, message: str, fix: str) -> None:
    data = changed(stack, changes)
    if any(isinstance(value, Secret) and value.inside for value in changes.values()):
        return  # the repair names another command
    for _ in range(4):
        found = problems_of(data, stack)
        if not found:
            return
        repair(data, found[0].repair)
    raise AssertionError(f"still wrong: {problems_of(data, stack)}")


# Values at the edge of what is accepted, and the forms that Pulumi's own commands leave behind.
@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        ("staging", {"unlock": "true"}),
        ("staging", {"jobs.migrations.command": ["a" * 233] * 5, "jobs.reconciliation.command": ["a" * 233] * 5}),
        ("staging", {"jobs.migrations": {"enabled": False, "command": ["a" * 256] * 20}}),
        ("prod", {"unlock": True}),
        ("staging", {"account.id": 210987654321}),
        ("staging", {"account.id": "012345678901"}),
        ("staging", {"postgres.major": "15", "timescale.major": 15}),
        ("staging", {"postgres.multiAz": "false"}),
        ("staging", {"alarms.errorPercent": "0.5"}),
        ("staging", {"alarms.errorPercent": 2}),
        ("staging", {"cache.version": 8.1}),
        ("staging", {"platform.tags": {"Critical": True, "Floor": 3, "a b": "c/d"}}),
        ("staging", {"platform.tags": {f"t{n}": "x" for n in range(38)}}),
        ("staging", {"postgres.insightsDays": 713}),
        ("staging", {"postgres.insightsDays": 731}),
        ("staging", {"postgres.iops": 12000, "postgres.storageGb": 400}),
        ("staging", {"postgres.iops": None, "network.existing": None}),
        ("staging", {"postgres.iops": 12000, "postgres.storageGb": 400, "postgres.storageThroughput": 3000}),
        ("staging", {"postgres.preloadLibraries": ["pgaudit", "pg_cron"]}),
        ("staging", {"postgres.maxConnections": 3604}),
        ("staging", {"postgres.majorUpgrade": "blue-green", "postgres.replicas": 0, "postgres.proxy.enabled": False}),
        ("prod", {"postgres.majorUpgrade": "in-place", "dr.enabled": True}),
        ("staging", {"postgres.maxStorageGb": 110}),
        ("staging", {"postgres.major": 17, "timescale.enabled": False}),
        ("staging", {"network.zones": ["a", "b"], "timescale.enabled": False}),
        ("staging", {"network.zones": ["f", "a", "c", "b", "d", "e"]}),
        ("staging", {"network.cidr": "172.17.0.0/16", "timescale.enabled": False}),
        ("staging", {"network.cidr": "192.168.16.0/20"}),
        ("staging", {"network.nat": "single", "network.endpoints": "none"}),
        ("staging", {"network.existing": own_vpc(SUBNETS[:3], SUBNETS[3:6], SUBNETS[6:9]), "egress.mode": "off"}),
        ("prod", {"network.existing": own_vpc(SUBNETS[:3], SUBNETS[3:6], SUBNETS[6:9]), "network.nat": "single", "egress.mode": "off"}),
        ("staging", {"account.region": "eu-central-2", "account.drRegion": "mx-central-1"}),
        ("staging", {"account.region": "ap-southeast-4"}),
        ("staging", {"edge.dns.domain": "a" * 53 + ".com"}),
        ("staging", {"edge.dns.certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/x-1"}),
        ("staging", {"backup.lock": "compliance", "backup.acknowledgeCompliance": "this lock can never be removed"}),
        ("staging", {"backup.lock": "none"}),
        ("staging", {"platform.phase": "foundation", "services": REMOVED}),
        ("staging", {"services.engine.enabled": False, "services.engine.imageDigest": REMOVED}),
        ("staging", {"services.backend.rollout.steps": [100], "services.backend.rollout.bakeMinutes": 29}),
        ("staging", {"services.backend.rollout.steps": [25, 50, 75, 100]}),
        ("staging", {"services.backend.maxTasks": 11}),
        ("staging", {"postgres.maxConnections": 450}),
        ("staging", vpn()),
        ("staging", vpn(clientCidr="100.64.0.0/12", landing="single", selfServiceSamlProviderArn=SAML)),
        ("staging", mutual()),
        ("staging", {"access.vpn": {"enabled": False, "clientCidr": "10.20.0.0/30"}}),
        ("prod", vpn(grants={f"g{n}": BOTH for n in range(8)})),
        ("account", {"network": {}, "postgres": {}, "services": {}}),
    ],
)  # fmt: skip
def test_what_is_accepted(stack: str, changes: dict[str, Any]) -> None:
    data = changed(stack, changes)
    kept = {name: value for name, value in data.items() if not (stack == "account" and value == {})}
    assert problems_of(kept, stack) == ()


def test_values_arrive_as_their_types() -> None:
    changes = {"unlock": "true", "account.id": 210987654321, "postgres.replicas": "2", "alarms.errorPercent": "0.5", "cache.version": 8.1}
    settings = settings_of(changed("staging", changes), "staging")
    assert isinstance(settings, Settings)
    assert settings.unlock is True
    assert settings.account.id == "210987654321"
    assert settings.postgres.replicas == 2
    assert settings.alarms.error_percent == 0.5
    assert settings.cache.version == "8.1"
    assert settings.platform.environment is Environment.STAGING


def test_sections_keep_their_own_defaults_when_partly_set() -> None:
    settings = settings_of(changed("staging", {"services.frontend": {"imageDigest": "sha256:" + "a" * 64}}), "staging")
    assert isinstance(settings, Settings)
    assert (settings.services.frontend.cpu, settings.services.frontend.memory) == (1024, 2048)


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = settings_of(sections("staging"), "staging")
    with pytest.raises(ValueError, match="frozen"):
        settings.unlock = True  # type: ignore[misc]


def test_the_account_stack_has_its_own_keys() -> None:
    assert isinstance(settings_of(sections("account"), "account"), AccountSettings)


def test_a_stack_without_an_environment() -> None:
    (problem,) = problems_of(sections("staging"), "dev")
    assert problem.accepted == "local, staging, paper, prod or account"
    assert problem.repair == "mv -n Pulumi.dev.yaml Pulumi.staging.yaml"


def test_all_problems_at_once() -> None:
    """Types, bounds, unknown keys, missing keys, cross-checks and invariants in one report, each once."""
    changes = {
        "postgres.major": 14, "postgres.majr": 16, "account.id": REMOVED, "platform.environment": "staging", "network.nat": "single",
        "timescale.placement": "rds", "alarms.emails": [], "services.backend.memory": 5000, "trading.mode": "paper", "cache": [1],
        "account.drRegion": "us-east-1", "edge.cdn": {"blockedCountries": ["XX", "no", "KP"]}, "platform.logDays": 90,
    }  # fmt: skip
    found = [problem.key for problem in problems_of(changed("prod", changes), "prod")]
    assert sorted(key.removeprefix("nautilus-infra:") for key in found if key) == sorted(
        [
            "postgres.major", "postgres.majr", "account.id", "platform.environment", "network.nat", "timescale.placement", "alarms.emails",
            "services.backend.memory", "trading.mode", "cache", "account.drRegion", "edge.cdn.blockedCountries[0]",
            "edge.cdn.blockedCountries[1]", "platform.logDays",
        ]
    )  # fmt: skip


def test_a_wrong_value_causes_no_second_complaint() -> None:
    """A cross-check that looks at a wrong value waits until the value is right."""
    changes = {"postgres.storageGb": -1, "postgres.maxStorageGb": 60, "services.backend.cpu": 1, "services.backend.memory": 600}
    found = [problem.key for problem in problems_of(changed("staging", changes), "staging")]
    assert found == ["nautilus-infra:postgres.storageGb", "nautilus-infra:services.backend.cpu"]


def test_everything_is_wrong() -> None:
    data: dict[str, Any] = dict.fromkeys(sections("prod"), 7)
    found = problems_of(data, "prod")
    assert {problem.key for problem in found} == {f"nautilus-infra:{name}" for name in data}


def test_nothing_is_there() -> None:
    keys = {problem.key for problem in problems_of({}, "prod")}
    assert {
        f"nautilus-infra:{key}" for key in ("platform.environment", "platform.owner", "account.id", "network.cidr", "edge.dns.domain")
    } <= keys
    for problem in problems_of({}, "prod"):
        complete(problem)


def test_the_input_is_left_alone() -> None:
    data = changed("prod", {"postgres.major": 14, "network.zones": ["a", 7, "z"]})
    before = deepcopy(data)
    problems_of(data, "prod")
    assert data == before


def test_problems_stand_in_the_files_order() -> None:
    lines = {("postgres", "major"): 9, ("cache",): 3, ("account",): 1}
    with pytest.raises(SettingsError) as caught:
        validate(changed("staging", {"postgres.major": 1, "cache": 3, "account.id": "x"}), file="f", stack="staging", lines=lines)
    assert [problem.line for problem in caught.value.problems] == [1, 3, 9]


def test_secrets_are_never_shown() -> None:
    data = changed(
        "staging", {"platform.tags": {"Token": SECRET, "x" * 200: 3}, "network.zones": [SECRET, "q"], "cache": {"secretive": SECRET}}
    )
    text = "\n".join(map(str, problems_of(data, "staging")))
    assert text.count("[secret]") >= 3
    assert "v1:" not in text


def test_long_values_are_cut() -> None:
    (problem,) = problems_of(changed("staging", {"platform.owner": "x" * 5000}), "staging")
    assert problem.value is not None
    assert len(problem.value) == 200
