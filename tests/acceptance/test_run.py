"""What the acceptance reader takes for a lost answer, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import run

AGAIN = '{"@message":"retrying request EC2/%s, attempt 2"}\n'
DUPLICATE = (
    "error: creating it: operation error EC2: %s, https response error StatusCode: 400, api error %s: it is there\nerror: update failed\n"
)


def summary(
    tmp_path: Path, *, calls: tuple[str, ...] = (), output: str = "", leftovers: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    (tmp_path / "terraform.log").write_text("".join(AGAIN % call for call in calls))
    (tmp_path / "up.out").write_text(output)
    steps = [{"name": "up", "rc": 1 if output else 0, "required": True, "output": str(tmp_path / "up.out")}]
    return {"ok": not output, "invalid": [], "work": str(tmp_path), "leftovers": leftovers or {}, "steps": steps}


def test_a_creation_that_was_sent_twice_is_no_verdict(tmp_path: Path) -> None:
    found = summary(tmp_path, calls=("CreateThing",), output=DUPLICATE % ("CreateThing", "ThingAlreadyExists"))
    assert run.repeated(found)
    assert run.errors(found) == [
        "error: creating it: operation error EC2: CreateThing, https response error StatusCode: 400, api error ThingAlreadyExists: it is there"
    ]


@pytest.mark.parametrize(
    ("calls", "output"),
    [
        ((), DUPLICATE % ("CreateThing", "ThingAlreadyExists")),
        (("CreateOther",), DUPLICATE % ("CreateThing", "ThingAlreadyExists")),
        (("CreateThing",), DUPLICATE % ("CreateThing", "InvalidParameterValue")),
        (("CreateThing",), "error: the program failed\n"),
        ((), "error: deleting it: operation error EC2: DeleteVpc, api error DependencyViolation: in use\n"),
    ],
    ids=("a name taken twice", "another call was repeated", "a refusal", "the program's own error", "something in the way"),
)
def test_everything_else_is(tmp_path: Path, calls: tuple[str, ...], output: str) -> None:
    found = summary(tmp_path, calls=calls, output=output)
    assert not run.repeated(found)
    assert run.unexplained(found)[0] == "step up ended with 1"


def test_an_address_that_was_given_away_in_the_lost_answer_is_no_verdict(tmp_path: Path) -> None:
    output = DUPLICATE % ("CreateNatGateway", "Resource.AlreadyAssociated")
    assert run.repeated(summary(tmp_path, calls=("CreateNatGateway",), output=output))
    assert not run.repeated(summary(tmp_path, output=output))


@pytest.mark.parametrize(("calls", "complaints"), [(2, 0), (1, 1), (0, 1)])
def test_a_run_goes_on_after_no_more_errors_than_calls_were_sent_again(tmp_path: Path, calls: int, complaints: int) -> None:
    found = summary(tmp_path, calls=("AuthorizeSecurityGroupEgress",) * calls)
    line = (
        "partial\taws:vpc/rule:Rule\tr\tmatched: operation error EC2: AuthorizeSecurityGroupEgress, api error InvalidPermission.Duplicate\n"
    )
    (tmp_path / "rig.log").write_text("step\tup\t\t\n" + line * 2)
    assert len(run.unexplained(found)) == complaints


def test_a_second_one_of_a_repeated_creation_is_no_leftover_of_the_program(tmp_path: Path) -> None:
    found = summary(tmp_path, calls=("CreateVpcEndpoint",), leftovers={"vpc-endpoint": ["vpce-1"]})
    assert run.unexplained(found) == []
    found["leftovers"]["vpc-endpoint"].append("vpce-2")
    assert run.unexplained(found) == ["left over: vpc-endpoint vpce-1, vpce-2"]
    found["leftovers"] = {"secret": ["nautilus/local/one"]}
    assert run.unexplained(found) == ["left over: secret nautilus/local/one"]
