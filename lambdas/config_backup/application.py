"""The application's configuration, 03:00 UTC (seed 003): containers, images, parameters, certificates, the program's state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from lambdas.config_backup.scope import GLOBAL_REGION, Aws, Item, document, without_metadata
else:  # Lambda puts the files side by side
    from scope import GLOBAL_REGION, Aws, Item, document, without_metadata

_SECURE = "SecureString"


def task_definitions(aws: Aws) -> Iterator[Item]:
    """The newest revision of every family, and the services that run them. Secrets stand in them as ARNs only."""
    ecs = aws.client("ecs")
    definitions = [
        ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
        for family in aws.pages("ecs", "list_task_definition_families", "families", familyPrefix=f"{aws.settings.prefix}-", status="ACTIVE")
    ]
    yield document("task-definitions.json", definitions)
    services: list[object] = []
    for cluster in aws.pages("ecs", "list_clusters", "clusterArns"):
        if aws.named(cluster.rpartition("/")[2]):
            arns = list(aws.pages("ecs", "list_services", "serviceArns", cluster=cluster))
            for start in range(0, len(arns), 10):  # ECS describes ten at a time
                found = ecs.describe_services(cluster=cluster, services=arns[start : start + 10])["services"]
                # Events and deployments are history, and would make every copy differ from the last.
                services += [
                    {key: value for key, value in one.items() if key not in {"events", "deployments", "taskSets"}} for one in found
                ]
    yield document("services.json", services)


def images(aws: Aws) -> Iterator[Item]:
    """Every repository with its images by digest: what a digest in a task definition was tagged as."""
    found: list[object] = []
    for repository in aws.pages("ecr", "describe_repositories", "repositories"):
        if aws.named(repository["repositoryName"]):
            details = list(aws.pages("ecr", "describe_images", "imageDetails", repositoryName=repository["repositoryName"]))
            kept = [
                {key: one[key] for key in ("imageDigest", "imageTags", "imagePushedAt", "imageSizeInBytes") if key in one}
                for one in sorted(details, key=lambda one: one["imageDigest"])
            ]
            found.append({"repository": repository, "images": kept})
    yield document("images.json", found)


def parameters(aws: Aws) -> Iterator[Item]:
    """Every parameter of the stack: values of plain ones, of a SecureString name, version and key alone.

    The copy outlives the key's grants and is read by other people than the value is: decrypting it here would make a second place that
    holds secrets. What a SecureString held is in Parameter Store's own history and in Secrets Manager's replicas.
    """
    ssm = aws.client("ssm")
    found: list[dict[str, object]] = []
    filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [aws.settings.path]}]
    for one in aws.pages("ssm", "describe_parameters", "Parameters", ParameterFilters=filters):
        if one["Type"] != _SECURE and one["Name"].startswith(f"{aws.settings.path}/"):
            one = {**one, "Value": ssm.get_parameter(Name=one["Name"], WithDecryption=False)["Parameter"]["Value"]}
        if one["Name"].startswith(f"{aws.settings.path}/"):
            found.append(one)
    yield document("parameters.json", sorted(found, key=lambda one: str(one["Name"])))


def certificates(aws: Aws) -> Iterator[Item]:
    """What the stack's certificates say and until when, with their public chain. ACM never gives their keys out: they are issued again."""
    found: list[object] = []
    for region in dict.fromkeys((aws.settings.region, GLOBAL_REGION)):
        acm = aws.client("acm", region)
        # Without the filter ACM lists RSA 2048 alone.
        kinds = {"keyTypes": ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]}
        for one in aws.pages("acm", "list_certificates", "CertificateSummaryList", region=region, Includes=kinds):
            arn = one["CertificateArn"]
            if not aws.ours(acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]):
                continue
            details = acm.describe_certificate(CertificateArn=arn)["Certificate"]
            chain = without_metadata(acm.get_certificate(CertificateArn=arn)) if details["Status"] == "ISSUED" else None
            found.append({"region": region, "certificate": details, "chain": chain})
    yield document("certificates.json", found)


def state(aws: Aws) -> Iterator[Item]:
    """Pulumi's state of this stack, its file as it is: what is secret in it is encrypted by the stack's own key.

    Raises:
        LookupError: the bucket has no state of this stack: a wrong bucket must not look like a saved state.
    """
    bucket = aws.settings.state_bucket
    if bucket is None:
        return
    s3, saved = aws.client("s3"), 0
    for one in aws.objects(bucket, ".pulumi/stacks/"):
        name = one["Key"].rpartition("/")[2]
        if name in {f"{aws.settings.environment}.json", f"{aws.settings.environment}.json.gz"}:
            yield Item(one["Key"].removeprefix(".pulumi/").replace("/", "-"), s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())
            saved += 1
    if not saved:
        raise LookupError(f"{bucket} has no state of {aws.settings.environment}")
