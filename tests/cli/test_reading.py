"""`outputs`, `state export`, `graph` and `diff`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nautilus.cli import engines, plans
from nautilus.cli.diff import grouped
from nautilus.cli.outputs import as_env, as_yaml, variable
from nautilus.cli.reasons import Explainer
from nautilus.engine.run import Outcome, Verb
from nautilus.inventory import from_preview
from nautilus.inventory.compare import MISSING, PropertyDifference, ResourceDifference
from tests.cli.conftest import Engines, Nautilus
from tests.cli.fakes import result
from tests.inventory import samples

VALUES = {"vpcId": "vpc-1", "natAddresses": ["192.0.2.1"], "postgresPort": 5432, "secretArns": {"a b": "arn:x"}, "token": "[secret]"}


# -- outputs ------------------------------------------------------------------------------------------------------------


def test_outputs_are_flat_json_and_the_notice_goes_to_stderr(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.values = dict(VALUES)
    for args in (("outputs",), ("outputs", "--json"), ("outputs", "--format", "json")):
        ran = nautilus(*args)
        assert (ran.code, ran.document) == (0, VALUES)
        assert "simulation" in ran.err
    assert fake.engine.asked[0] == ("outputs", {"show_secrets": False})


def test_outputs_as_shell_assignments(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.values = dict(VALUES)
    lines = nautilus("outputs", "--format", "env").out.splitlines()
    assert lines == [
        "NAUTILUS_NAT_ADDRESSES='[\"192.0.2.1\"]'",
        "NAUTILUS_POSTGRES_PORT=5432",
        'NAUTILUS_SECRET_ARNS=\'{"a b": "arn:x"}\'',
        "NAUTILUS_TOKEN='[secret]'",
        "NAUTILUS_VPC_ID=vpc-1",
    ]


def test_outputs_as_yaml(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.values = dict(VALUES)
    assert yaml.safe_load(nautilus("outputs", "-f", "yaml").out) == VALUES


def test_secrets_are_shown_when_asked_for(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.values = dict(VALUES)
    nautilus("outputs", "--show-secrets")
    assert fake.engine.asked == [("outputs", {"show_secrets": True})]


def test_no_outputs_is_a_no(nautilus: Nautilus, fake: Engines) -> None:
    ran = nautilus("outputs", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (1, "no-outputs")


def test_the_schema_needs_no_stack(nautilus: Nautilus) -> None:
    document = nautilus("outputs", "--schema", "--stack", "nosuch").document
    assert document["additionalProperties"] is False
    assert "vpcId" in document["properties"]


@pytest.mark.parametrize(
    ("key", "name"), [("vpcId", "VPC_ID"), ("drBackupVaultArn", "DR_BACKUP_VAULT_ARN"), ("apiURL", "API_URL"), ("a-b", "A_B")]
)
def test_variable_names(key: str, name: str) -> None:
    assert variable(key) == f"NAUTILUS_{name}"


@given(st.text(alphabet=st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40))
def test_any_text_survives_the_shell_and_yaml(text: str) -> None:
    name, _, rest = as_env({"value": text}).removesuffix("\n").partition("=")
    assert (name, shlex.split(rest)) == ("NAUTILUS_VALUE", [text])
    assert yaml.safe_load(as_yaml({"value": text})) == {"value": text}


# -- state --------------------------------------------------------------------------------------------------------------


def test_the_state_is_one_document(nautilus: Nautilus, fake: Engines) -> None:
    fake.engine.states = [{"urn": "u"}]
    ran = nautilus("state", "export")
    assert ran.document["deployment"]["resources"] == [{"urn": "u"}]
    assert ran.document["deployment"]["shown"] is False
    assert nautilus("state", "export", "--show-secrets", "--json").document["deployment"]["shown"] is True


# -- graph --------------------------------------------------------------------------------------------------------------


def test_a_graph_from_a_file_needs_no_engine(nautilus: Nautilus, fake: Engines, tmp_path: Path) -> None:
    for name, document in (("state.json", samples.export()), ("preview.json", samples.preview())):
        file = tmp_path / name
        file.write_text(json.dumps(document))
        ran = nautilus("graph", "--from", str(file))
        assert ran.code == 0
        assert ran.out.splitlines()[3:] == [
            "flowchart LR",
            '    network[("network<br/>network, 2 resources")]',
            '    postgres[("postgres<br/>postgres, 1 resource")]',
            "    postgres --> network",
        ]
    assert fake.opened == []
    document = nautilus("graph", "--from", str(tmp_path / "state.json"), "--json").document
    assert document["edges"] == [{"from": "postgres", "to": "network", "uses": 1}]
    assert document["mermaid"].startswith("---\ntitle: state.json\n")


def test_a_graph_of_a_stack_is_drawn_from_its_plan(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "pulumi.log"
    log.write_text("warning: something\n" + json.dumps(samples.preview(), indent=4) + "\n")
    asked: list[str] = []

    def planned(project: Path, stack: str, *_: Any) -> Any:
        asked.append(stack)
        return result(Verb.PREVIEW, log=log)

    monkeypatch.setattr(engines, "planned", planned)
    ran = nautilus("graph", "--stack", "prod")
    assert (ran.code, asked) == (0, ["prod"])
    assert "title: nautilus-infra prod" in ran.out
    assert "postgres --> network" in ran.out
    log.write_text("nothing")
    assert nautilus("graph").code == 3


def test_a_plan_that_fails_gives_no_graph(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "planned", lambda *_: result(Verb.PREVIEW, outcome=Outcome.FAILED, errors=["boom"]))
    ran = nautilus("graph", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "engine")


# -- diff ---------------------------------------------------------------------------------------------------------------


def plan_of(name: str, cidr: str, *, size: str, extra: bool) -> dict[str, Any]:
    """The plan of a small stack, with names, addresses and sizes of its own."""
    urn = f"urn:pulumi:{name}::p::"
    steps = [
        samples.state(f"{urn}aws:ec2/vpc:Vpc::vpc", inputs={"cidrBlock": cidr, "tags": {"Name": f"nautilus-{name}-vpc"}}),
        samples.state(
            f"{urn}aws:rds/instance:Instance::postgres-primary", inputs={"allocatedStorage": 400 if extra else 100, "instanceClass": size}
        ),
        *([samples.state(f"{urn}aws:sqs/queue:Queue::only")] if extra else []),
    ]
    return {"steps": [{"op": "create", "urn": item["urn"], "newState": item} for item in steps]}


@pytest.fixture
def plans_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {
        "staging": plan_of("staging", "10.20.0.0/16", size="db.m7g.large", extra=False),
        "prod": plan_of("prod", "10.40.0.0/16", size="db.m7g.large", extra=True),
    }
    monkeypatch.setattr(plans, "plan", lambda session: from_preview(made[session.stack]))


@pytest.mark.usefixtures("plans_of_two")
def test_differences_come_with_their_reasons(nautilus: Nautilus) -> None:
    document = nautilus("diff", "staging", "prod", "--json").document
    settings = {item["key"]: (item["staging"], item["prod"]) for item in document["settings"]}
    assert settings["platform.environment"] == ("staging", "prod")
    assert settings["network.cidr"] == ("10.20.0.0/16", "10.40.0.0/16")
    found = {item["name"]: item for item in document["resources"]}
    vpc = {item["path"]: item for item in found["vpc"]["properties"]}
    assert vpc["cidrBlock"]["why"] == ["network.cidr"]
    assert vpc["tags.Name"]["why"] == ["platform.environment"]
    assert found["vpc"]["expected"] is True
    storage = found["postgres-primary"]["properties"][0]
    assert (storage["path"], storage["staging"], storage["prod"]) == ("allocatedStorage", 100, 400)
    assert (storage["why"], storage["certain"]) == (["postgres.storageGb"], True)
    assert found["only"]["only"] == "prod"
    assert document["simulation"] is True


@pytest.mark.usefixtures("plans_of_two")
def test_the_page_hides_what_names_and_addresses_explain(nautilus: Nautilus) -> None:
    short, long = nautilus("diff", "staging", "prod").out, nautilus("diff", "staging", "prod", "--all").out
    assert "  because of postgres.storageGb\n      allocatedStorage: 100 → 400   in postgres-primary\n" in short
    assert "cidrBlock" not in short
    assert "2 more differences come from" in short
    assert "  because of network.cidr\n      cidrBlock: 10.20.0.0/16 → 10.40.0.0/16   in vpc\n" in long
    assert "only in prod: 1 resources" in short


def test_settings_alone_need_no_plan(nautilus: Nautilus) -> None:
    document = nautilus("diff", "staging", "prod", "--settings-only", "--json").document
    assert "resources" not in document
    assert {item["key"] for item in document["settings"]} >= {"platform.environment", "network.cidr"}


SETTINGS = (
    PropertyDifference("platform.environment", "staging", "prod"),
    PropertyDifference("edge.dns.domain", "staging.example.com", "example.com"),
    PropertyDifference("network.cidr", "10.20.0.0/16", "10.40.0.0/16"),
    PropertyDifference("postgres.multiAz", False, True),
    PropertyDifference("cache.multiAz", False, True),
    PropertyDifference("postgres.replicas", 0, 1),
)


def resource(name: str, component: str, kind: str = "aws:rds/instance:Instance") -> ResourceDifference:
    return ResourceDifference(kind, name, ("nautilus", component), "both")


@pytest.mark.parametrize(
    ("left", "right", "name", "keys", "certain"),
    [
        ("https://staging.example.com/x", "https://example.com/x", "postgres-primary", ("edge.dns.domain",), True),
        ("nautilus-staging at staging.example.com", "nautilus-prod at example.com", "x", ("edge.dns.domain", "platform.environment"), True),
        ("10.20.4.0/22", "10.40.4.0/22", "x", ("network.cidr",), True),
        (False, True, "postgres-primary", ("postgres.multiAz",), True),
        ("nautilus-staging-very-long-n-abc123", "nautilus-prod-very-long-name-def456", "x", ("platform.environment",), False),
        ("10.99.0.0/16", "10.98.0.0/16", "zzz", (), False),
        (1, 2, "zzz", (), False),
    ],
)
def test_reasons(left: Any, right: Any, name: str, keys: tuple[str, ...], certain: bool) -> None:
    component = "postgres" if name.startswith("postgres") else "queue"
    reason = Explainer(SETTINGS).of_property(PropertyDifference("value", left, right), resource(name, component, "aws:sqs/queue:Queue"))
    assert (reason.keys, reason.certain) == (keys, certain)


def test_a_resource_of_one_side_is_explained_by_a_value_that_stands_in_it() -> None:
    settings = [
        *SETTINGS,
        PropertyDifference("alarms.emails[0]", MISSING, "oncall@example.com"),
        PropertyDifference("trading.mode", 4004, 4003),
    ]
    subscription = ResourceDifference(
        "aws:sns/s:S", "x", ("n", "notify"), "right", (PropertyDifference("endpoint", MISSING, "oncall@example.com"),)
    )
    rule = ResourceDifference(
        "aws:vpc/r:R",
        "x-4004",
        ("n", "groups"),
        "left",
        (PropertyDifference("fromPort", 4004, MISSING), PropertyDifference("tagsAll.Environment", "staging", MISSING)),
    )
    assert Explainer(settings).of_resource(subscription).text() == "because of alarms.emails[0]"
    assert Explainer(settings).of_resource(rule).text() == "because of trading.mode"
    assert Explainer(SETTINGS).of_resource(rule).keys == ()


def test_the_same_change_is_one_line_wherever_it_stands() -> None:
    entry = {"path": "rules[0].days", "a": 30, "b": 35, "why": ["backup.dailyDays"], "certain": True}
    changed = [{"name": name, "properties": [entry, {**entry, "path": "rules[1].days"}]} for name in ("one", "two", "three", "four")]
    assert grouped(changed, "a", "b", False) == (
        ["  because of backup.dailyDays", "      rules[].days: 30 → 35   in one, two, three and 1 more"],
        {},
    )


def test_a_resource_of_one_side_is_explained_by_its_name() -> None:
    reason = Explainer(SETTINGS).of_resource(resource("postgres-replica-0", "postgres"))
    assert (reason.keys, reason.certain) == (("postgres.replicas",), False)
    assert reason.text() == "probably postgres.replicas"
