"""A small stack in each of Pulumi's documents."""

from __future__ import annotations

from typing import Any

PREFIX = "urn:pulumi:local::nautilus-infra::"
ROOT_TYPE = "nautilus:platform"
STACK = f"{PREFIX}pulumi:pulumi:Stack::nautilus-infra-local"
ROOT = f"{PREFIX}{ROOT_TYPE}::nautilus"
NETWORK = f"{PREFIX}{ROOT_TYPE}$nautilus:network::network"
POSTGRES = f"{PREFIX}{ROOT_TYPE}$nautilus:postgres::postgres"
LOGS = f"{PREFIX}{ROOT_TYPE}$nautilus:network$nautilus:private-bucket::flow-logs"
VPC = f"{PREFIX}{ROOT_TYPE}$nautilus:network$aws:ec2/vpc:Vpc::network-vpc"
BUCKET = f"{PREFIX}{ROOT_TYPE}$nautilus:network$nautilus:private-bucket$aws:s3/bucket:Bucket::flow-logs"
DATABASE = f"{PREFIX}{ROOT_TYPE}$nautilus:postgres$aws:rds/instance:Instance::postgres-primary"
PROVIDER = f"{PREFIX}{ROOT_TYPE}$pulumi:providers:aws::aws"

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "djE6hidden"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def state(urn: str, **more: Any) -> dict[str, Any]:
    """A resource as states and previews spell it."""
    kind = urn.split("::")[2].rpartition("$")[2]
    return {"urn": urn, "type": kind, "custom": not kind.startswith("nautilus:") and kind != "pulumi:pulumi:Stack", **more}


def resources() -> list[dict[str, Any]]:
    """Two components with one real resource each, a nested component, and a provider."""
    return [
        state(STACK, outputs={"vpcId": "vpc-1", "token": SECRET}),
        state(ROOT, parent=STACK),
        state(PROVIDER, parent=ROOT, inputs={"region": "us-east-1"}),
        state(NETWORK, parent=ROOT),
        state(POSTGRES, parent=ROOT),
        state(LOGS, parent=NETWORK),
        state(VPC, parent=NETWORK, inputs={"cidrBlock": "10.20.0.0/16"}, outputs={"id": UNKNOWN}),
        state(BUCKET, parent=LOGS, inputs={"bucket": "nautilus-local-flow-logs"}, protect=True, retainOnDelete=True),
        state(
            DATABASE,
            parent=POSTGRES,
            inputs={"password": SECRET, "vpcSecurityGroupIds": [UNKNOWN], "port": 5432},
            protect=True,
            dependencies=[VPC],
            propertyDependencies={"vpcSecurityGroupIds": [VPC], "password": []},
        ),
    ]


def preview() -> dict[str, Any]:
    """`pulumi preview --json`, with one resource that goes away."""
    steps = [{"op": "create", "urn": item["urn"], "newState": item} for item in resources()]
    gone = state(f"{PREFIX}aws:sqs/queue:Queue::old")
    return {"steps": [*steps, {"op": "delete", "urn": gone["urn"], "oldState": gone, "newState": gone}]}


def export() -> dict[str, Any]:
    """`pulumi stack export`, with one resource that waits for its deletion."""
    pending = state(f"{PREFIX}aws:sqs/queue:Queue::old", delete=True)
    return {"version": 3, "deployment": {"manifest": {}, "resources": [*resources(), pending]}}


def events() -> list[dict[str, Any]]:
    """The event log of the same plan."""
    return [
        {"sequence": number, "resourcePreEvent": {"planning": True, "metadata": {"op": "create", "urn": item["urn"], "new": item}}}
        for number, item in enumerate(resources())
    ]
