"""The same stack out of each document."""

from __future__ import annotations

import json

import pytest

from nautilus.inventory import Inventory, InventoryError, from_events, from_mocks, from_preview, from_state, load
from nautilus.inventory.loaders import find_document
from tests.inventory import samples


@pytest.mark.parametrize(
    "inventory",
    [from_preview(samples.preview()), from_state(samples.export()), from_events(samples.events())],
    ids=["preview", "state", "events"],
)
def test_every_document_gives_the_same_resources(inventory: Inventory) -> None:
    assert [item.urn for item in inventory] == sorted(item["urn"] for item in samples.resources())
    database = inventory[samples.DATABASE]
    assert database.type == "aws:rds/instance:Instance"
    assert database.name == "postgres-primary"
    assert database.component == ("nautilus", "postgres")
    assert database.path == "nautilus/postgres/postgres-primary"
    assert database.protect
    assert database.inputs == {"password": "[secret]", "vpcSecurityGroupIds": ["[unknown]"], "port": 5432}
    assert inventory[samples.BUCKET].component == ("nautilus", "network", "flow-logs")
    assert inventory[samples.BUCKET].retain_on_delete


def test_preview_and_state_keep_dependencies_and_the_plan_its_operations() -> None:
    planned, exported = from_preview(samples.preview()), from_state(samples.export())
    for inventory in (planned, exported):
        assert inventory[samples.DATABASE].property_dependencies == {"vpcSecurityGroupIds": (samples.VPC,), "password": ()}
        assert inventory[samples.DATABASE].all_dependencies == (samples.VPC,)
    assert planned[samples.VPC].operation == "create"
    assert exported[samples.VPC].operation is None


def test_what_is_not_part_of_the_result_is_left_out() -> None:
    assert "aws:sqs/queue:Queue" not in {item.type for item in from_preview(samples.preview())}
    assert "aws:sqs/queue:Queue" not in {item.type for item in from_state(samples.export())}


def test_real_resources_are_neither_stack_component_nor_provider() -> None:
    inventory = from_state(samples.export())
    assert {item.name for item in inventory.real} == {"network-vpc", "flow-logs", "postgres-primary"}
    assert {item.name for item in inventory.components} == {"nautilus", "network", "postgres", "flow-logs"}
    assert inventory.stack is not None
    assert inventory.stack.outputs == {"vpcId": "vpc-1", "token": "[secret]"}
    assert inventory.of_type("aws:ec2/vpc:Vpc") == (inventory[samples.VPC],)


def test_groups_follow_the_depth() -> None:
    inventory = from_state(samples.export())

    def group(urn: str, depth: int) -> str | None:
        found = inventory.group_of(urn, depth)
        return found.name if found else None

    assert group(samples.BUCKET, 1) == "network"
    assert group(samples.BUCKET, 2) == "flow-logs"
    assert group(samples.BUCKET, 5) == "flow-logs"
    assert group(samples.PROVIDER, 1) == "nautilus"
    assert group(samples.STACK, 1) is None
    assert group("urn:unknown", 1) is None


def test_mocks_give_an_inventory_and_need_type_and_name() -> None:
    inventory = from_mocks([{"type": "aws:sqs/queue:Queue", "name": "jobs", "inputs": {"name": "jobs"}}])
    assert inventory["urn:pulumi:test::test::aws:sqs/queue:Queue::jobs"].inputs == {"name": "jobs"}
    with pytest.raises(InventoryError, match="type"):
        from_mocks([{"name": "jobs"}])


def test_load_knows_each_kind_of_text() -> None:
    expected = {item["urn"] for item in samples.resources()}
    log = "\n".join(json.dumps(item) for item in samples.events())
    for text in (json.dumps(samples.export(), indent=2), json.dumps(samples.preview()), log):
        assert {item.urn for item in load(text)} == expected


@pytest.mark.parametrize("text", ["", "hello", "[1, 2]", "{}", '{"a": 1}', '{"steps": 3}', '{"deployment": 3}', '{"sequence": 1}\nhello'])
def test_load_refuses_anything_else_with_a_sentence(text: str) -> None:
    with pytest.raises(InventoryError):
        load(text)


def test_a_document_is_found_between_warnings() -> None:
    text = 'warning: {not json}\n{\n  "steps": []\n}\nwarning: after\n'
    assert find_document(text) == {"steps": []}
    with pytest.raises(InventoryError):
        find_document("warning: {\n{ broken\n")


def test_a_parent_that_is_its_own_ancestor_does_not_hang() -> None:
    inventory = from_state(
        {
            "deployment": {
                "resources": [samples.state(samples.ROOT, parent=samples.NETWORK), samples.state(samples.NETWORK, parent=samples.ROOT)]
            }
        }
    )
    assert {item.name for item in inventory.ancestors(samples.NETWORK)} == {"nautilus"}
    alone = from_state({"deployment": {"resources": [samples.state(samples.STACK, parent=samples.STACK)]}})
    assert alone.ancestors(samples.STACK) == ()
