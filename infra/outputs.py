"""The contract between a stack and the tools that read it: typed, versioned, flat.

`Outputs` is the one declaration. The stack exports it (camelCase keys), publishes it as SSM parameters, and its JSON Schema stands in
`docs/outputs.schema.json`. Adding a key raises the minor version, removing or retyping one raises the major version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pulumi
from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel

CONTRACT_VERSION = "1.3"
SCHEMA_FILE = Path("docs/outputs.schema.json")

Text = pulumi.Output[str]
TextList = pulumi.Output[list[str]]
TextMap = pulumi.Output[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What a platform stack tells other tools. `None` stands for what the phase `foundation` does not have yet."""

    contract_version: Annotated[Text, "Version of this contract, `major.minor`."]
    environment: Annotated[Text, "Environment of the stack."]
    phase: Annotated[Text, "`foundation` or `services`."]
    account_id: Annotated[Text, "AWS account."]
    region: Annotated[Text, "Region of the platform."]
    dr_region: Annotated[Text, "Region of the copies."]
    parameter_prefix: Annotated[Text, "Path under which the same values stand in SSM Parameter Store."]

    vpc_id: Annotated[Text, "The VPC."]
    app_subnet_ids: Annotated[TextList, "Subnets of tasks and nodes, in zone order."]
    data_subnet_ids: Annotated[TextList, "Subnets of databases, in zone order."]
    nat_addresses: Annotated[TextList, "Fixed public addresses of everything that leaves the VPC, for allow-lists on the other side."]
    security_group_ids: Annotated[TextMap, "Security groups by role."]

    zone_id: Annotated[Text, "Hosted zone."]
    name_servers: Annotated[TextList, "Name servers that the registrar must delegate the domain to; empty for a zone brought along."]
    certificate_arn: Annotated[Text, "Certificate of the load balancer."]

    cluster_name: Annotated[Text, "ECS cluster."]
    repository_urls: Annotated[TextMap, "ECR repositories by service."]
    secret_arns: Annotated[TextMap, "Secrets by name; values stay in Secrets Manager."]
    assets_bucket: Annotated[Text, "Bucket of the site's static files, `/assets/*`."]

    postgres_address: Annotated[Text, "Host name of the PostgreSQL primary."]
    postgres_reader_address: Annotated[Text, "Host name of a PostgreSQL replica; the primary's where there is none."]
    postgres_port: Annotated[pulumi.Output[int], "Port of PostgreSQL."]
    cache_primary_address: Annotated[Text, "Host name of the cache's primary; TLS only."]
    cache_port: Annotated[pulumi.Output[int], "Port of the cache."]
    lease_table: Annotated[Text, "DynamoDB table of the fencing leases."]

    backup_vault_arn: Annotated[Text, "Backup vault of the platform's region."]
    dr_backup_vault_arn: Annotated[Text, "Backup vault of the second region."]
    critical_topic_arn: Annotated[Text, "SNS topic of alarms that wake people."]
    warning_topic_arn: Annotated[Text, "SNS topic of the other alarms."]
    trail_arn: Annotated[Text, "CloudTrail trail."]

    config_bucket: Annotated[Text, "Bucket of the copies of the configuration."]

    postgres_proxy_address: Annotated[Text | None, "Host name of RDS Proxy, reached with IAM authentication; absent without a proxy."] = (
        None
    )
    ds_record: Annotated[Text | None, "DS record that the registrar must publish while the zone is signed."] = None
    site_url: Annotated[Text | None, "The site."] = None
    api_url: Annotated[Text | None, "The API behind CloudFront."] = None
    websocket_url: Annotated[Text | None, "The WebSocket endpoint behind CloudFront."] = None
    distribution_id: Annotated[Text | None, "CloudFront distribution."] = None
    distribution_domain: Annotated[Text | None, "CloudFront's own name of the distribution."] = None
    load_balancer_dns: Annotated[Text | None, "AWS's own name of the load balancer; answers CloudFront alone."] = None
    load_balancer_zone_id: Annotated[Text | None, "Hosted zone of AWS's own name of the load balancer; a standby's settings need it."] = (
        None
    )
    uptime_check_ids: Annotated[TextMap | None, "Route 53 health checks of the site, by path."] = None
    timescale_writer_address: Annotated[Text | None, "Host name of TimescaleDB; port 5432 writes, port 5433 reads."] = None
    service_names: Annotated[TextMap | None, "ECS services by workload."] = None
    alarm_names: Annotated[TextList | None, "CloudWatch alarms."] = None
    task_templates: Annotated[TextMap | None, "Newest task definition of each web service, by workload: what a pipeline copies."] = None
    signing_profile_arn: Annotated[Text | None, "Signing profile of the images; absent where none must be signed."] = None
    queue_urls: Annotated[TextMap | None, "SQS queues of background jobs by name."] = None
    jobs: Annotated[TextMap | None, "One-off jobs by name: JSON with what is needed to run one."] = None
    app_config: Annotated[
        TextMap | None, "AppConfig: ids by `application`, `profile.<name>`, `environment.<name>`, `strategy.<name>`, and the key."
    ] = None

    def known(self) -> dict[str, pulumi.Output[Any]]:
        """The values that this phase has, by exported key, in the order of the declaration."""
        pairs = ((to_camel(item.name), getattr(self, item.name)) for item in fields(self))
        return {key: value for key, value in pairs if value is not None}

    def export(self) -> None:
        """Make them stack outputs. A secret value stays secret."""
        for key, value in self.known().items():
            pulumi.export(key, value)


def _declared(annotation: Any) -> tuple[Any, str]:
    """The plain type inside `Annotated[Output[T] | None, text]`, and the text."""
    declared, text = get_args(annotation)
    candidates = [declared, *get_args(declared)]
    output = next(item for item in candidates if get_origin(item) is pulumi.Output)
    return get_args(output)[0], text


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the exported document."""
    hints = get_type_hints(Outputs, include_extras=True)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for item in fields(Outputs):
        plain, text = _declared(hints[item.name])
        key = to_camel(item.name)
        properties[key] = TypeAdapter(plain).json_schema() | {"description": text}
        if item.default is not None:
            required.append(key)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"nautilus-infra/outputs/{CONTRACT_VERSION}",
        "title": "Stack outputs of nautilus-infra",
        "type": "object",
        "properties": properties,
        "required": sorted(required),
        "additionalProperties": False,
    }


def main() -> None:
    """Write the schema file again."""
    SCHEMA_FILE.parent.mkdir(exist_ok=True)
    SCHEMA_FILE.write_text(json.dumps(schema(), indent=2) + "\n")


if __name__ == "__main__":
    main()
