"""What a stack has published about its services: names of AWS resources, nothing secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

WEB: Final = ("backend", "frontend")
"""Services whose traffic ECS shifts. Every other one is a singleton: ECS stops its old task before it starts the new one, and asks no hook."""
STANDBY: Final = "-standby"
"""End of the name of a service that stands by for another one, with the same image and settings."""


def workload(service: str) -> str:
    """Whose image and settings a service has: its own, or those of the one that it stands by for."""
    return service.removesuffix(STANDBY)


class NotReadyError(Exception):
    """The stack has published nothing, or nothing about services: it was not brought up so far."""


@dataclass(frozen=True)
class Facts:
    """One stack's services, by the names that the command line uses (`backend`, `ib-gateway`)."""

    root: str
    """Start of every parameter of the stack, such as `/nautilus/prod`."""
    cluster: str
    services: Mapping[str, str]
    """ECS's name of each service."""
    repositories: Mapping[str, str] = field(default_factory=dict[str, str])
    """URL of each service's ECR repository, without tag or digest."""
    templates: Mapping[str, str] = field(default_factory=dict[str, str])
    """ARN of the task definition that Pulumi registered last, by service."""
    signing_profile: str | None = None
    """ARN of the profile that images are signed with; None where none are."""

    def record(self, service: str, name: str) -> str:
        """The parameter `rollouts/<service>/<name>`."""
        return f"{self.root}/rollouts/{service}/{name}"

    @property
    def halt_parameter(self) -> str:
        """The halt flag's parameter."""
        return f"{self.root}/trading/halt"

    def migration_parameter(self, service: str) -> str:
        """The parameter that says how the newest migration of a service's database went."""
        return f"{self.root}/migrations/{service}"


def _value(text: str) -> Any:
    """A published value: text, or JSON for lists and maps."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _texts(value: Any) -> dict[str, str]:
    return {str(key): str(item) for key, item in cast("dict[Any, Any]", value).items()} if isinstance(value, dict) else {}


def parse_facts(root: str, values: Mapping[str, Any]) -> Facts:
    """The facts in a stack's outputs.

    Args:
        root: Start of the stack's parameters, such as `/nautilus/prod`.
        values: Outputs by their exported names.

    Raises:
        NotReadyError: There is no cluster or no service in them.
    """
    cluster, services = values.get("clusterName"), _texts(values.get("serviceNames"))
    if not isinstance(cluster, str) or not cluster or not services:
        raise NotReadyError(f"{root}/outputs names no services: the stack is not up, or its phase is `foundation`")
    return Facts(
        root=root,
        cluster=cluster,
        services=dict(sorted(services.items())),
        repositories=_texts(values.get("repositoryUrls")),
        templates=_texts(values.get("taskTemplates")),
        signing_profile=values.get("signingProfileArn") or None,
    )


def read_facts(ssm: Any, root: str) -> Facts:
    """The facts as the stack published them in Parameter Store, which needs no access to Pulumi's state.

    Args:
        ssm: A client of Systems Manager in the platform's region.
        root: Such as `/nautilus/prod`.

    Raises:
        NotReadyError: Nothing is published, or no services are.
    """
    prefix = f"{root}/outputs/"
    values: dict[str, Any] = {}
    for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=prefix.rstrip("/")):
        for item in page["Parameters"]:
            values[str(item["Name"]).removeprefix(prefix)] = _value(str(item["Value"]))
    if not values:
        raise NotReadyError(f"there is nothing under {prefix}: the stack is not up")
    return parse_facts(root, values)
