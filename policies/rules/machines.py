"""Rules about virtual machines: their metadata service and their disks."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.tokens import INSTANCE, LAUNCH_TEMPLATE
from policies.values import ABSENT, UNKNOWN, Value, descend, items

_VOLUME = "aws:ebs/volume:Volume"


def _metadata_guarded(resource: Resource) -> Iterator[Problem]:
    if resource.type == INSTANCE and resource.get("launchTemplate") is not ABSENT and resource.get("metadataOptions") is ABSENT:
        return  # its template answers for it
    if resource.get("metadataOptions.httpEndpoint") == "disabled":
        return
    tokens, hops = resource.get("metadataOptions.httpTokens"), resource.get("metadataOptions.httpPutResponseHopLimit")
    if tokens is UNKNOWN or hops is UNKNOWN:
        yield unresolved(resource, "metadataOptions")
    elif tokens != "required":
        yield violation(resource, "metadataOptions", "the metadata service answers without a session token (IMDSv1)")
    elif hops is not ABSENT and hops != 1:
        yield violation(
            resource, "metadataOptions", f"the metadata service answers across {hops} hops: containers reach the machine's role"
        )


def _template(**props: object) -> Given:
    return Given(LAUNCH_TEMPLATE, "nodes", props)


NET_15 = ResourceRule(
    id="NET-15",
    severity=Severity.HIGH,
    title="Machines answer for their metadata with session tokens only, one hop away.",
    rationale="Without a token, one request that an application can be tricked into making hands out the credentials of the machine's role.",
    remediation='Set `metadata_options` with `http_tokens="required"` and `http_put_response_hop_limit=1`.',
    references=("FSBP EC2.8", "FSBP EC2.170", "CIS 5.7", "CKV_AWS_79", "CKV_AWS_341", "AVD-AWS-0028", "AVD-AWS-0130"),
    types=(INSTANCE, LAUNCH_TEMPLATE),
    check=_metadata_guarded,
    examples=(
        good("tokens, one hop", _template(metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 1.0})),
        good("no metadata service at all", _template(metadataOptions={"httpEndpoint": "disabled"})),
        good("the template answers for its machine", Given(INSTANCE, "one", {"launchTemplate": {"id": "lt-0a"}})),
        bad("tokens are optional", _template(metadataOptions={"httpTokens": "optional"})),
        bad("two hops", _template(metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 2})),
        bad("a machine of its own", Given(INSTANCE, "one", {"instanceType": "t4g.small"})),
        unknown("not known", _template(metadataOptions=UNKNOWN), expect={"nodes": Kind.UNRESOLVED}),
        absent("AWS makes tokens optional", _template(instanceType="t4g.small"), expect={"nodes": Kind.VIOLATION}),
        absent("one hop is AWS's default", _template(metadataOptions={"httpTokens": "required"})),
    ),
)


def _disks_encrypted(resource: Resource) -> Iterator[Problem]:
    if resource.type == _VOLUME:
        yield from _disk(resource, "encrypted", dict(resource.inputs.values), "the volume")
    elif resource.type == LAUNCH_TEMPLATE:
        yield from _disks(resource, "blockDeviceMappings", "ebs")
        if not items(resource.get("blockDeviceMappings")):
            yield violation(
                resource, "blockDeviceMappings", "it says nothing about its disks: the image decides, and images are not encrypted"
            )
    else:
        templated = resource.get("launchTemplate") is not ABSENT
        if resource.get("rootBlockDevice") is not ABSENT or not templated:
            root = resource.get("rootBlockDevice")
            yield from _disk(resource, "rootBlockDevice", {} if root is ABSENT else root, "the root disk")
        yield from _disks(resource, "ebsBlockDevices", "")


def _disks(resource: Resource, prop: str, part: str) -> Iterator[Problem]:
    for position, item in enumerate(items(resource.get(prop)), start=1):
        disk = descend(item, part) if part else item
        if disk is not ABSENT:
            yield from _disk(resource, prop, disk, f"disk {position}")


def _disk(resource: Resource, prop: str, disk: Value, label: str) -> Iterator[Problem]:
    encrypted, key = descend(disk, "encrypted"), descend(disk, "kmsKeyId")
    if encrypted is UNKNOWN:
        yield unresolved(resource, prop)
    elif encrypted is ABSENT or str(encrypted).lower() != "true":
        yield violation(resource, prop, f"{label} is not encrypted")
    elif key is UNKNOWN:
        # Any key that the program computes is one that it made or chose.
        if not resource.sources("kmsKeyId" if resource.type == _VOLUME else prop):
            yield unresolved(resource, "kmsKeyId" if resource.type == _VOLUME else prop)
    elif key is ABSENT or key == "" or str(key).endswith("alias/aws/ebs"):
        yield violation(resource, prop, f"{label} is encrypted with AWS's own key, whose use nobody here can grant, watch or end")


def _mapped(**ebs: object) -> Given:
    return _template(blockDeviceMappings=[{"deviceName": "/dev/xvda", "ebs": ebs}])


_KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"

NET_17 = ResourceRule(
    id="NET-17",
    severity=Severity.HIGH,
    title="Disks are encrypted with a key of our own.",
    rationale="Snapshots and copies of a disk inherit its key: only one of our own can be denied to others, audited and taken away.",
    remediation="Set `encrypted=True` and `kms_key_id` to the stack's key on every volume and block device.",
    references=("FSBP EC2.3", "FSBP EC2.181", "CKV_AWS_3", "CKV_AWS_189", "AVD-AWS-0026", "AVD-AWS-0027"),
    types=(_VOLUME, LAUNCH_TEMPLATE, INSTANCE),
    check=_disks_encrypted,
    examples=(
        good("a volume", Given(_VOLUME, "data", {"encrypted": True, "kmsKeyId": _KEY})),
        good("a template, in words", _mapped(encrypted="true", kmsKeyId=_KEY)),
        good("an instance", Given(INSTANCE, "one", {"rootBlockDevice": {"encrypted": True, "kmsKeyId": _KEY}})),
        bad("clear", Given(_VOLUME, "data", {"encrypted": False})),
        bad("AWS's key", Given(_VOLUME, "data", {"encrypted": True, "kmsKeyId": "alias/aws/ebs"})),
        bad("one disk of a template", _mapped(encrypted="false")),
        bad("a second disk", Given(INSTANCE, "one", {"launchTemplate": {"id": "lt-0a"}, "ebsBlockDevices": [{"deviceName": "/dev/sdf"}]})),
        unknown("encryption is not known", Given(_VOLUME, "data", {"encrypted": UNKNOWN}), expect={"data": Kind.UNRESOLVED}),
        unknown(
            "a key of the stack that does not exist yet",
            Given(_VOLUME, "data", {"encrypted": True, "kmsKeyId": UNKNOWN}, {"kmsKeyId": ["key"]}),
            Given("aws:kms/key:Key", "key", {}),
        ),
        unknown(
            "a key that nothing explains",
            Given(_VOLUME, "data", {"encrypted": True, "kmsKeyId": UNKNOWN}),
            expect={"data": Kind.UNRESOLVED},
        ),
        absent("a volume is clear by default", Given(_VOLUME, "data", {"size": 10}), expect={"data": Kind.VIOLATION}),
        absent("no key means AWS's", Given(_VOLUME, "data", {"encrypted": True}), expect={"data": Kind.VIOLATION}),
        absent("a template that leaves it to the image", _template(imageId="ami-0a"), expect={"nodes": Kind.VIOLATION}),
    ),
)

RULES = (NET_15, NET_17)
