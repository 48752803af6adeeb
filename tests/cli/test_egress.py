"""`nautilus egress check`: exit codes, what it prints, and what it refuses to be asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nautilus.cli import egress, engines
from nautilus.cli.errors import CannotTellError
from nautilus.engine.run import Outcome, Verb
from nautilus.inventory.tokens import FIREWALL, FIREWALL_POLICY, FIREWALL_RULES
from tests.cli.conftest import Nautilus
from tests.cli.fakes import result

PREFIX = "urn:pulumi:local::nautilus-infra::"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
RULES = "\n".join(
    (
        'pass tcp $HOME_NET any -> 8.17.22.0/24 4000:4001 (msg:"egress broker"; flow:to_server; sid:1; rev:1;)',
        'pass tls $HOME_NET any -> $EXTERNAL_NET 443 (msg:"egress binance"; flow:to_server; tls.sni; dotprefix; content:".binance.com"; endswith; sid:2; rev:1;)',
    )
)


def preview(*, defaults: tuple[str, ...] = ("aws:drop_established",), rules: str = RULES, firewall: bool = True) -> dict[str, Any]:
    """A preview with one firewall, or with none."""
    policy = {
        "statelessDefaultActions": ["aws:forward_to_sfe"],
        "statefulEngineOptions": {"ruleOrder": "STRICT_ORDER"},
        "statefulDefaultActions": list(defaults),
        "statefulRuleGroupReferences": [{"priority": 1, "resourceArn": "arn:aws:network-firewall:us-east-1:1:stateful-rulegroup/main"}],
    }
    resources: list[dict[str, Any]] = [
        {"type": FIREWALL_RULES, "urn": f"{PREFIX}{FIREWALL_RULES}::rules", "custom": True, "inputs": {"name": "main", "rules": rules}},
        {"type": FIREWALL_POLICY, "urn": f"{PREFIX}{FIREWALL_POLICY}::policy", "custom": True, "inputs": {"firewallPolicy": policy}},
        {
            "type": FIREWALL,
            "urn": f"{PREFIX}{FIREWALL}::firewall",
            "custom": True,
            "inputs": {"firewallPolicyArn": UNKNOWN},
            "propertyDependencies": {"firewallPolicyArn": [f"{PREFIX}{FIREWALL_POLICY}::policy"]},
        },
    ]
    kind = "aws:ec2/securityGroup:SecurityGroup"
    network = [{"type": kind, "urn": f"{PREFIX}{kind}::backend", "custom": True, "inputs": {}}]
    return {"steps": [{"op": "create", "urn": one["urn"], "newState": one} for one in (*network, *(resources if firewall else []))]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "preview.json"
    path.write_text(json.dumps(preview()))
    return path


def test_what_is_on_the_list_is_allowed_and_by_which_rule(nautilus: Nautilus, file: Path) -> None:
    ran = nautilus("egress", "check", "api.binance.com:443", "--from", str(file))
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "allowed: api.binance.com:443",
        "  api.binance.com:443 is on the list",
        "  by sid 2: pass tls, egress binance (rules)",
    ]


def test_what_is_not_is_refused_with_exit_code_1(nautilus: Nautilus, file: Path) -> None:
    ran = nautilus("egress", "check", "evil.org:443", "--from", str(file))
    assert ran.code == 1
    assert ran.out.splitlines()[0] == "not allowed: evil.org:443"
    assert "default action aws:drop_established" in ran.out


def test_one_document_for_machines(nautilus: Nautilus, file: Path) -> None:
    allowed = nautilus("egress", "check", "8.17.22.31:4001", "--from", str(file), "--json")
    assert (allowed.code, allowed.document["allowed"], allowed.document["rule"]) == (0, True, "sid 1: pass tcp, egress broker")
    refused = nautilus("egress", "check", "EVIL.org:443", "--from", str(file), "--json")
    assert refused.code == 1
    assert refused.document == {
        "stack": None,
        "file": str(file),
        "host": "evil.org",
        "port": 443,
        "protocol": "tcp",
        "allowed": False,
        "firewall": True,
        "logged": False,
        "rule": "default action aws:drop_established",
        "group": "",
        "reason": "no rule lets evil.org:443 out",
        "addresses": {},
    }


def test_alert_mode_is_allowed_but_logged(nautilus: Nautilus, tmp_path: Path) -> None:
    path = tmp_path / "alert.json"
    path.write_text(json.dumps(preview(defaults=("aws:alert_established",))))
    ran = nautilus("egress", "check", "evil.org:443", "--from", str(path))
    assert ran.code == 0
    assert "only logs it: allowed" in ran.out
    assert "alert log" in ran.out


def test_without_a_firewall_it_says_so(nautilus: Nautilus, tmp_path: Path) -> None:
    path = tmp_path / "off.json"
    path.write_text(json.dumps(preview(firewall=False)))
    ran = nautilus("egress", "check", "evil.org:25", "--from", str(path))
    assert ran.code == 0
    assert "no egress firewall" in ran.out
    assert nautilus("egress", "check", "evil.org:25", "--from", str(path), "--json").document["firewall"] is False


def test_a_stack_is_planned_first(nautilus: Nautilus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "pulumi.log"
    log.write_text(json.dumps(preview(), indent=4) + "\n")
    asked: list[str] = []

    def planned(project: Path, stack: str, *_: Any) -> Any:
        asked.append(stack)
        return result(Verb.PREVIEW, log=log)

    monkeypatch.setattr(engines, "planned", planned)
    assert nautilus("egress", "check", "api.binance.com:443", "--stack", "prod").code == 0
    assert nautilus("egress", "check", "api.binance.com:22").code == 1
    assert asked == ["prod", "local"]
    monkeypatch.setattr(engines, "planned", lambda *_: result(Verb.PREVIEW, outcome=Outcome.FAILED, errors=["boom"]))
    assert nautilus("egress", "check", "api.binance.com:443").code == 3


@pytest.mark.parametrize(
    "target",
    ["api.binance.com", ":443", "api.binance.com:", "api.binance.com:0", "api.binance.com:65536", "api.binance.com:https", "api.binance.com:٤٤٣",
     "10.0.0.256:443", "10.0.0:443", "localhost:443", "-x.com:443", "https://api.binance.com:443", "[::1]:443", "::1:443", "a b.com:443"],
)  # fmt: skip
def test_a_bad_target_is_refused_with_the_form(nautilus: Nautilus, file: Path, target: str) -> None:
    ran = nautilus("egress", "check", "--from", str(file), "--", target)
    assert ran.code == 2
    assert "accepted: HOST:PORT" in ran.err


def test_a_bad_protocol_or_file_is_refused(nautilus: Nautilus, file: Path, tmp_path: Path) -> None:
    ran = nautilus("egress", "check", "x.com:443", "--protocol", "gre", "--from", str(file))
    assert (ran.code, "icmp, tcp, udp" in ran.err) == (2, True)
    assert nautilus("egress", "check", "x.com:443", "--from", str(tmp_path / "none.json")).code == 2
    (tmp_path / "bad.json").write_text("{}")
    assert nautilus("egress", "check", "x.com:443", "--from", str(tmp_path / "bad.json")).code == 2
    assert nautilus("egress", "check").code == 2


def test_rules_that_it_cannot_read_give_no_answer(nautilus: Nautilus, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(preview(rules='pass tcp any any -> any any (pcre:"/x/"; sid:1;)')))
    ran = nautilus("egress", "check", "x.com:443", "--from", str(path), "--json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "firewall")


def test_a_name_may_be_judged_by_its_addresses(nautilus: Nautilus, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "lookup", lambda _host: ("8.17.22.31", "8.17.22.47"))
    call = ("egress", "check", "ndc1.ibllc.com:4001", "--from", str(file))
    assert nautilus(*call).code == 1, "no rule names it, and nobody asked DNS"
    ran = nautilus(*call, "--resolve", "--json")
    assert (ran.code, sorted(ran.document["addresses"])) == (0, ["8.17.22.31", "8.17.22.47"])
    monkeypatch.setattr(egress, "lookup", lambda _host: ("8.17.22.31", "192.0.2.1"))
    refused = nautilus(*call, "--resolve")
    assert refused.code == 1, "one address that is refused is enough"
    assert "192.0.2.1: not allowed" in refused.out


def test_a_name_that_does_not_resolve_gives_no_answer(nautilus: Nautilus, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_: Any) -> Any:
        raise OSError("no such name")

    monkeypatch.setattr("socket.getaddrinfo", dead)
    with pytest.raises(CannotTellError, match="does not resolve"):
        egress.lookup("x.com")
    assert nautilus("egress", "check", "x.com:4001", "--from", str(file), "--resolve").code == 3
