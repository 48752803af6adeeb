"""Rules about image repositories."""

from __future__ import annotations

from collections.abc import Iterator

from policies.documents import public_statements
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN, items

REPOSITORY = "aws:ecr/repository:Repository"
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
LIFECYCLE_POLICY = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
REPOSITORY_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
_KEY = "arn:aws:kms:us-east-1:123456789012:key/0"


def _repository(**props: object) -> Given:
    return Given(REPOSITORY, "images", props)


def _encrypted(resource: Resource) -> Iterator[Problem]:
    listed = resource.get("encryptionConfigurations")
    if listed is UNKNOWN:
        yield unresolved(resource, "encryptionConfigurations")
        return
    entries = [entry for entry in items(listed) if isinstance(entry, dict)]
    if not entries:
        yield violation(resource, "encryptionConfigurations", "its layers lie under a key of AWS's")
    for entry in entries:
        kind = entry.get("encryptionType", ABSENT)
        if kind is UNKNOWN:
            yield unresolved(resource, "encryptionConfigurations")
        elif kind not in ("KMS", "KMS_DSSE") or entry.get("kmsKey", ABSENT) in (ABSENT, ""):
            yield violation(resource, "encryptionConfigurations", "its layers lie under a key of AWS's")


def _scanned(resource: Resource) -> Iterator[Problem]:
    yield from _encrypted(resource)
    if resource.type == REPOSITORY:
        scans = resource.flag("imageScanningConfiguration.scanOnPush", default=False)
        if scans is UNKNOWN:
            yield unresolved(resource, "imageScanningConfiguration")
        elif scans is not True:
            yield violation(resource, "imageScanningConfiguration", "nobody looks at what is pushed")


_SCANS = {"imageScanningConfiguration": {"scanOnPush": True}}
_OURS = {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": _KEY}]}

ECR_01 = ResourceRule(
    id="ECR-01",
    severity=Severity.MEDIUM,
    title="Images are scanned when they are pushed, and lie under a key of ours.",
    rationale="A known vulnerability costs a minute to find in the registry and a day in production; our key says who may pull at all.",
    remediation="Set `scan_on_push=True` and an `encryption_configurations` entry of type KMS with `kms_key`.",
    references=("FSBP ECR.1", "FSBP ECR.5", "CKV_AWS_136", "CKV_AWS_163"),
    types=(REPOSITORY, TEMPLATE),
    check=_scanned,
    examples=(
        good("both", _repository(**_SCANS, **_OURS)),
        good("a template, which the registry's own configuration scans", Given(TEMPLATE, "cache", _OURS)),
        good(
            "a key that does not exist yet", _repository(**_SCANS, encryptionConfigurations=[{"encryptionType": "KMS", "kmsKey": UNKNOWN}])
        ),
        bad("never scanned", _repository(imageScanningConfiguration={"scanOnPush": False}, **_OURS)),
        bad("AWS's key", _repository(**_SCANS, encryptionConfigurations=[{"encryptionType": "AES256"}])),
        bad("KMS, but AWS's key", _repository(**_SCANS, encryptionConfigurations=[{"encryptionType": "KMS"}])),
        bad("a template without a key", Given(TEMPLATE, "cache", {})),
        unknown("not known", _repository(**_OURS, imageScanningConfiguration=UNKNOWN), expect={"images": Kind.UNRESOLVED}),
        unknown("encryption not known", _repository(**_SCANS, encryptionConfigurations=UNKNOWN), expect={"images": Kind.UNRESOLVED}),
        absent("the default scans nothing", _repository(**_OURS), expect={"images": Kind.VIOLATION}),
    ),
)


def _immutable(resource: Resource) -> Iterator[Problem]:
    value = resource.get("imageTagMutability")
    if value is UNKNOWN:
        yield unresolved(resource, "imageTagMutability")
    elif value != "IMMUTABLE":
        yield violation(resource, "imageTagMutability", "a tag can be moved to another image after the review")


ECR_02 = ResourceRule(
    id="ECR-02",
    severity=Severity.HIGH,
    title="Tags of images cannot be moved, in repositories of ours and in those that ECR makes by itself.",
    rationale="Whoever can push could replace what a tag means, and nobody would see it in the program.",
    remediation="Set `image_tag_mutability` to IMMUTABLE.",
    references=("FSBP ECR.2", "CKV_AWS_51"),
    types=(REPOSITORY, TEMPLATE),
    check=_immutable,
    examples=(
        good("immutable", _repository(imageTagMutability="IMMUTABLE")),
        good("a template", Given(TEMPLATE, "cache", {"imageTagMutability": "IMMUTABLE"})),
        bad("mutable", _repository(imageTagMutability="MUTABLE")),
        bad("with exclusions", _repository(imageTagMutability="IMMUTABLE_WITH_EXCLUSION")),
        bad("a template that makes mutable ones", Given(TEMPLATE, "cache", {"imageTagMutability": "MUTABLE"})),
        unknown("not known", _repository(imageTagMutability=UNKNOWN), expect={"images": Kind.UNRESOLVED}),
        absent("the default is mutable", _repository(), expect={"images": Kind.VIOLATION}),
    ),
)


def _kept(stack: Stack) -> Iterator[Problem]:
    for repository in stack.of(REPOSITORY):
        if not stack.users(repository, "repository", LIFECYCLE_POLICY):
            region = repository.get("region")
            if region is UNKNOWN:
                yield unresolved(repository, "region")
            else:
                yield violation(repository, "name", "nothing ever removes its images")


_NAMED = Given(REPOSITORY, "images", {"name": "nautilus/images"}, {}, {"id": "nautilus/images"})

ECR_03 = StackRule(
    id="ECR-03",
    severity=Severity.LOW,
    title="Every repository has a lifecycle policy.",
    rationale="Layers of unfinished pushes and of releases of years ago are paid for every month, and old images keep old vulnerabilities.",
    remediation="Add an `aws.ecr.LifecyclePolicy` that keeps as many releases as a rollback may need.",
    references=("FSBP ECR.3",),
    types=(REPOSITORY,),
    check=_kept,
    examples=(
        good("with a policy", _NAMED, Given(LIFECYCLE_POLICY, "kept", {"repository": "nautilus/images", "policy": "{}"})),
        bad("without", _NAMED),
        bad("with the policy of another one", _NAMED, Given(LIFECYCLE_POLICY, "kept", {"repository": "nautilus/other", "policy": "{}"})),
        unknown(
            "of a repository that does not exist yet",
            Given(REPOSITORY, "images", {"name": "nautilus/images"}),
            Given(LIFECYCLE_POLICY, "kept", {"repository": UNKNOWN, "policy": "{}"}, {"repository": ["images"]}),
        ),
        unknown("in a region that is not known", Given(REPOSITORY, "images", {"region": UNKNOWN}), expect={"images": Kind.UNRESOLVED}),
        absent("no name", Given(REPOSITORY, "images", {}), expect={"images": Kind.VIOLATION}),
    ),
)

ECR_04 = ResourceRule(
    id="ECR-04",
    severity=Severity.HIGH,
    title="Repositories are not public.",
    rationale="Images hold the program that trades; whoever may push to them runs with its keys.",
    remediation="Name roles of your own account in the `aws.ecr.RepositoryPolicy`, or make none.",
    references=("CKV_AWS_32", "AVD-AWS-0032"),
    types=(REPOSITORY_POLICY,),
    check=lambda resource: public_statements(resource, "policy"),
    examples=(
        good(
            "one's own account",
            Given(
                REPOSITORY_POLICY,
                "policy",
                {
                    "policy": '{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/ci"},"Action":"ecr:PutImage"}}'
                },
            ),
        ),
        bad(
            "everybody pulls",
            Given(REPOSITORY_POLICY, "policy", {"policy": '{"Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}}'}),
        ),
        unknown(
            "composed from what does not exist yet",
            Given(REPOSITORY_POLICY, "policy", {"policy": UNKNOWN}, {"policy": ["images"]}),
            _NAMED,
            expect={"policy": Kind.LATER},
        ),
        unknown(
            "unknown, and nothing explains it", Given(REPOSITORY_POLICY, "policy", {"policy": UNKNOWN}), expect={"policy": Kind.UNRESOLVED}
        ),
        absent("no policy", Given(REPOSITORY_POLICY, "policy", {})),
    ),
)

RULES = (ECR_01, ECR_02, ECR_03, ECR_04)
