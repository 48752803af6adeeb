"""`up`, `preview`, `destroy` and `refresh`: what they ask of the engine, what they refuse, and how they end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nautilus.cli import account, deploy
from nautilus.cli.session import Session
from nautilus.engine.events import Diagnostic, PolicyViolation, Severity
from nautilus.engine.run import Outcome, Verb
from tests.cli.conftest import Engines, Nautilus
from tests.cli.fakes import ALL, DATABASE, VPC, FakeEngine, result, step

PROTECTED = [{"urn": DATABASE, "protect": True, "retainOnDelete": True, "inputs": {}}, {"urn": VPC, "inputs": {}}]
VIOLATION = PolicyViolation("NTL-S3-01", "nautilus", "1.0", "mandatory", "Bucket must refuse clear text.\nFix: add the policy.", DATABASE)


def test_preview_shows_components_and_says_that_it_is_a_simulation(nautilus: Nautilus, fake: Engines) -> None:
    ran = nautilus("preview")
    assert ran.code == 0
    lines = {line.split()[0]: line.split() for line in ran.out.splitlines() if line.strip()}
    assert lines["network"] == ["network", "nautilus:network", "1"]
    assert lines["postgres"] == ["postgres", "nautilus:postgres", "1"]
    assert lines["total"] == ["total", "2"]
    assert "simulation" in ran.out
    assert "does not prove" in ran.out
    assert fake.opened == [{"stack": "local", "sandbox": True, "config_dir": None}]
    assert fake.engine.asked == [("preview", {})]


def test_preview_json_is_one_document(nautilus: Nautilus, fake: Engines) -> None:
    document = nautilus("preview", "--json").document
    assert (document["operation"], document["stack"], document["simulation"]) == ("preview", "local", True)
    assert "simulation" in document["notice"]
    assert [(row["component"], row["created"]) for row in document["components"]] == [("network", 1), ("postgres", 1)]
    assert document["changes"] == {"create": 6}
    assert {item["op"] for item in document["steps"]} == {"create"}


def test_expecting_no_changes_is_1_when_there_are_some(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.answers["preview"] = result(Verb.PREVIEW, [step("update", VPC)], outcome=Outcome.CHANGES)
    ran = nautilus("preview", "--expect-no-changes", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "changes")
    assert ran.document["error"]["details"] == ["update aws:ec2/vpc:Vpc network-vpc"]
    assert ran.document["changes"] == {"update": 1}
    assert fake.engine.asked == [("preview", {"expect_no_changes": True})]


def test_any_stack_can_be_previewed_in_the_sandbox_without_credentials(nautilus: Nautilus, fake: Engines) -> None:
    for stack in ("staging", "paper", "prod", "account"):
        assert nautilus("preview", "--stack", stack, "--sandbox").code == 0
    assert [item["sandbox"] for item in fake.opened] == [True] * 4


def test_up_previews_first_and_then_runs(nautilus: Nautilus, fake: Engines) -> None:
    ran = nautilus("up", "--json")
    assert (ran.code, fake.engine.operations) == (0, ["preview", "up"])
    assert ran.document["operation"] == "up"
    assert any("destroy" in item for item in ran.document["next"])


@pytest.mark.parametrize("command", ["preview", "up"])
@pytest.mark.parametrize(
    ("op", "action"), [("delete", "delete"), ("replace", "replace"), ("create-replacement", "replace"), ("delete-replaced", "replace")]
)
def test_what_holds_data_is_neither_replaced_nor_deleted(nautilus: Nautilus, fake: Engines, command: str, op: str, action: str) -> None:
    fake.engine.answers["preview"] = result(
        Verb.PREVIEW, [step(op, DATABASE, replaces=["storageEncrypted"] if action == "replace" else [])]
    )
    ran = nautilus(command, "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "stateful")
    assert "unlock" in ran.document["error"]["hint"]
    found = ran.document["endangered"][0]
    assert (found["name"], found["action"]) == ("postgres-primary", action)
    assert found["because"] == (["storageEncrypted"] if action == "replace" else [])
    assert fake.engine.operations == ["preview"]


def test_a_replacement_is_allowed_while_the_stack_is_unlocked(nautilus: Nautilus, fake: Engines, tmp_path: Path) -> None:
    text = Path("Pulumi.local.yaml").read_text()
    (tmp_path / "Pulumi.local.yaml").write_text(text + "  nautilus-infra:unlock: true\n")
    fake.engine.answers["preview"] = result(Verb.PREVIEW, [step("replace", DATABASE)])
    ran = nautilus("up", "--config-dir", str(tmp_path))
    assert (ran.code, fake.engine.operations) == (0, ["preview", "up"])
    assert fake.opened[0]["config_dir"] == tmp_path


def test_a_stateless_replacement_is_ordinary(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.answers["preview"] = result(Verb.PREVIEW, [step("replace", VPC)])
    assert nautilus("preview").code == 0


def test_policy_findings_are_1_with_rule_resource_and_remedy(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.answers["preview"] = result(Verb.PREVIEW, outcome=Outcome.FAILED, policies=[VIOLATION])
    ran = nautilus("up", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "policy")
    detail = ran.document["error"]["details"][0]
    assert detail.startswith("NTL-S3-01 [mandatory] at postgres › postgres-primary (aws:rds/instance:Instance)")
    assert "Fix: add the policy." in detail
    assert ran.document["error"]["log"] == "pulumi.log"
    assert fake.engine.operations == ["preview"]


def test_an_advisory_finding_is_a_warning(nautilus: Nautilus, fake: Engines) -> None:
    advisory = PolicyViolation("NTL-X-02", "nautilus", "1.0", "advisory", "Could be better.", DATABASE)
    fake.engine.answers["preview"] = result(Verb.PREVIEW, policies=[advisory])
    ran = nautilus("preview")
    assert ran.code == 0
    assert "warning: NTL-X-02" in ran.out


def test_a_refused_property_names_resource_property_and_rule(nautilus: Nautilus, fake: Engines) -> None:
    urn = "urn:pulumi:local::nautilus-infra::nautilus:platform$nautilus:web-route$aws:lb/targetGroup:TargetGroup::backend-blue"
    message = "aws:lb/targetGroup:TargetGroup resource 'backend-blue': property name value {x} has a problem: at most 32 characters"
    fake.engine.answers["preview"] = result(
        Verb.PREVIEW, [], outcome=Outcome.FAILED, errors=[Diagnostic(Severity.ERROR, message, urn), "preview failed"]
    )
    ran = nautilus("up")
    assert ran.code == 1
    assert "web-route › backend-blue (aws:lb/targetGroup:TargetGroup): name: at most 32 characters (value x)" in ran.err
    assert "nothing was changed" in ran.err
    assert "log  pulumi.log" in ran.err
    assert fake.engine.operations == ["preview"]


@pytest.mark.parametrize(
    ("outcome", "errors", "code", "word"),
    [
        (Outcome.FAILED, ["connection refused"], 3, "engine"),
        (Outcome.TIMED_OUT, [], 3, "timeout"),
        (Outcome.INTERRUPTED, [], 130, "interrupted"),
        (Outcome.FAILED, ['unable to replace resource "u"\nas it is currently marked for protection. To unprotect'], 1, "protected"),
        (Outcome.FAILED, ["no stack named 'local' found"], 3, "no-stack"),
    ],
)
def test_other_ends(nautilus: Nautilus, fake: Engines, outcome: Outcome, errors: list[str], code: int, word: str) -> None:
    fake.engine.answers["up"] = result(Verb.UP, outcome=outcome, errors=errors)
    ran = nautilus("up", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (code, word)
    assert fake.engine.operations == ["preview", "up"]


def test_minutes_become_seconds(nautilus: Nautilus, fake: Engines) -> None:
    nautilus("preview", "--timeout", "1.5")
    assert fake.engine.asked == [("preview", {"timeout": 90.0})]


# -- AWS ----------------------------------------------------------------------------------------------------------------


def test_a_deployment_names_account_and_region(nautilus: Nautilus, fake: Engines, aws: dict[str, str]) -> None:
    ran = nautilus("up", "--stack", "staging", "--yes")
    assert ran.code == 0
    assert "AWS account 123456789012, region us-east-1" in ran.err
    assert fake.opened[0]["sandbox"] is False
    assert "simulation" not in ran.out
    assert "nautilus doctor --stack staging" in ran.out


def test_credentials_of_another_account_are_refused(nautilus: Nautilus, fake: Engines, aws: dict[str, str]) -> None:
    aws["account"] = "999999999999"
    for command in ("preview", "up", "refresh", "destroy"):
        ran = nautilus(command, "--stack", "staging", "--json")
        assert (ran.code, ran.document["error"]["code"]) == (1, "account-mismatch")
        assert ran.document["error"]["where"] == "nautilus-infra:account.id"
    assert fake.engine.asked == []


@pytest.mark.parametrize("args", [("up",), ("refresh",), ("destroy",), ("destroy", "--unlock")])
def test_without_a_terminal_yes_must_be_said(nautilus: Nautilus, fake: Engines, aws: dict[str, str], args: tuple[str, ...]) -> None:
    ran = nautilus(*args, "--stack", "staging", "--json")
    assert (ran.code, ran.document["error"]["hint"]) == (2, "add --yes")
    assert set(fake.engine.operations) <= {"preview"}


def answers(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """A terminal at which somebody types `text`; None ends the input."""

    def typed() -> str:
        if text is None:
            raise EOFError
        return text

    monkeypatch.setattr("nautilus.cli.output.Output.interactive", True)
    monkeypatch.setattr("builtins.input", typed)


@pytest.mark.parametrize(("text", "code"), [("y", 0), ("yes", 0), ("n", 1), ("", 1), (None, 1), ("staging", 1)])
def test_up_asks(
    nautilus: Nautilus, fake: Engines, aws: dict[str, str], monkeypatch: pytest.MonkeyPatch, text: str | None, code: int
) -> None:
    answers(monkeypatch, text)
    ran = nautilus("up", "--stack", "staging")
    assert ran.code == code
    assert fake.engine.operations == (["preview", "up"] if code == 0 else ["preview"])
    assert "account 123456789012" in ran.err


@pytest.mark.parametrize(("text", "code"), [("staging", 0), ("y", 1), ("prod", 1)])
def test_unlocking_on_aws_wants_the_name_typed(
    nautilus: Nautilus, fake: Engines, aws: dict[str, str], monkeypatch: pytest.MonkeyPatch, text: str, code: int
) -> None:
    answers(monkeypatch, text)
    fake.engine.states = list(PROTECTED)
    ran = nautilus("destroy", "--stack", "staging", "--unlock")
    assert ran.code == code
    assert fake.engine.operations == (["up", "outputs", "destroy"] if code == 0 else [])


# -- destroy ------------------------------------------------------------------------------------------------------------


def test_destroy_refuses_while_locked(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.states = list(PROTECTED)
    ran = nautilus("destroy", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "protected")
    assert ran.document["protected"] == [DATABASE]
    assert ran.document["error"]["details"] == ["postgres › postgres-primary (aws:rds/instance:Instance)"]
    assert fake.engine.asked == []


def test_destroy_with_the_unlock_leaves_an_empty_state(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.states = list(PROTECTED)
    fake.engine.answers["destroy"] = result(Verb.DESTROY, [step("delete", urn) for urn in reversed(ALL)])
    ran = nautilus("destroy", "--unlock", "--json")
    assert ran.code == 0
    assert fake.engine.asked == [("up", {"unlock": True}), ("destroy", {"unlock": True})]
    assert ran.document["left"] == 0
    assert [(row["component"], row["deleted"]) for row in ran.document["components"]] == [("network", 1), ("postgres", 1)]


def test_destroy_of_what_nothing_guards_needs_no_unlock(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.states = [{"urn": VPC, "inputs": {}}]
    assert nautilus("destroy").code == 0
    assert fake.engine.asked == [("destroy", {})]


def test_an_unlock_that_fails_deletes_nothing(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.states = list(PROTECTED)
    fake.engine.answers["up"] = result(Verb.UP, outcome=Outcome.FAILED, errors=["boom"])
    assert nautilus("destroy", "--unlock").code == 3
    assert fake.engine.operations == ["up"]


class Documents:
    """AppConfig's hosted versions by profile, and nothing else; a profile without an entry is gone."""

    def __init__(self, versions: dict[str, list[int]]) -> None:
        self.versions = versions

    def client(self, service: str) -> Documents:
        assert service == "appconfig"
        return self

    def list_hosted_configuration_versions(self, **given: Any) -> dict[str, Any]:
        profile = given["ConfigurationProfileId"]
        if profile not in self.versions:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "ListHostedConfigurationVersions")
        return {"Items": [{"VersionNumber": number} for number in self.versions[profile]]}

    def delete_hosted_configuration_version(self, **given: Any) -> None:
        self.versions[given["ConfigurationProfileId"]].remove(given["VersionNumber"])


def _app_config() -> dict[str, str]:
    facts = {f"{kind}.{name}": f"{kind}-{name}" for kind in ("profile", "environment") for name in ("flags", "limits", "volume")}
    return facts | {f"strategy.{name}": name for name in ("gradual", "immediate", "watched")} | {"application": "app1234", "key": "k"}


def test_destroy_first_deletes_the_documents_that_people_made(
    nautilus: Nautilus, fake: Engines, aws: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AppConfig deletes no profile with a version in it, and Pulumi deletes its own version alone."""
    assert aws
    fake.engine.states = [{"urn": VPC, "inputs": {}}]
    fake.engine.values = {"appConfig": _app_config()}
    documents = Documents({"profile-volume": [3, 2, 1], "profile-limits": [1]})
    monkeypatch.setattr(account, "aws_session", lambda _region: documents)
    left: list[list[int]] = []
    destroy = FakeEngine.destroy

    def remember(self: FakeEngine, *given: Any, **more: Any) -> Any:
        left.append(list(documents.versions["profile-volume"]))
        return destroy(self, *given, **more)

    monkeypatch.setattr(FakeEngine, "destroy", remember)
    ran = nautilus("destroy", "--stack", "staging", "--yes")
    assert ran.code == 0
    assert left == [[1]]
    assert "deleted 2 versions" in ran.err


def test_documents_that_cannot_be_deleted_stop_the_destroy(
    nautilus: Nautilus, fake: Engines, aws: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert aws
    fake.engine.states = [{"urn": VPC, "inputs": {}}]
    fake.engine.values = {"appConfig": _app_config()}
    documents = Documents({"profile-flags": [2, 1]})

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DeleteHostedConfigurationVersion")

    monkeypatch.setattr(documents, "delete_hosted_configuration_version", refuse)
    monkeypatch.setattr(account, "aws_session", lambda _region: documents)
    assert nautilus("destroy", "--stack", "staging", "--yes").code == 3
    assert fake.engine.operations == ["outputs"], "nothing was destroyed"


def test_leftovers_are_no_success(nautilus: Nautilus, fake: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    stays: list[dict[str, Any]] = [{"urn": VPC, "inputs": {}}]

    def export(_self: FakeEngine, **_: bool) -> dict[str, Any]:
        return {"deployment": {"resources": stays}}

    monkeypatch.setattr(FakeEngine, "export", export)
    ran = nautilus("destroy", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "leftovers")


@pytest.mark.parametrize(
    ("resource", "guarded"),
    [
        ({"protect": True}, True),
        ({"retainOnDelete": True}, True),
        ({"inputs": {"deletionProtection": True}}, True),
        ({"inputs": {"enableDeletionProtection": True}}, True),
        ({"inputs": {"deletionProtectionEnabled": True}}, True),
        ({"inputs": {"deletionProtection": "ACTIVE"}}, True),
        ({"inputs": {"deletionProtection": False, "protection": True}}, False),
        ({}, False),
    ],
)
def test_what_counts_as_guarded(resource: dict[str, Any], guarded: bool) -> None:
    assert deploy._guarded(resource) is guarded


# -- refresh ------------------------------------------------------------------------------------------------------------


def test_refresh_passes_its_options_on(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.answers["refresh"] = result(Verb.REFRESH, [step("update", VPC)], outcome=Outcome.CHANGES)
    ran = nautilus("refresh", "--preview-only", "--expect-no-changes")
    assert ran.code == 1
    assert fake.engine.asked == [("refresh", {"preview_only": True, "expect_no_changes": True})]


def test_interactive_needs_two_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    from nautilus.cli.output import Output

    assert not Output(False).interactive
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert not Output(True).interactive


def test_a_session_names_its_stack_file() -> None:
    held: Any = object()
    session = Session("prod", held, Path("/project"), Path("/other"), held, simulated=True)
    assert session.stack_file == Path("/other/Pulumi.prod.yaml")
