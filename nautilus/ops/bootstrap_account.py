"""Bootstrap, part three: what the account must have or allow before the first `up`: service-linked roles and quotas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from nautilus.ops.steps import Finding, Status, code_of

SERVICE_LINKED_ROLES: Final = (
    "ecs.amazonaws.com",
    "ecs.application-autoscaling.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "autoscaling.amazonaws.com",
    "rds.amazonaws.com",
    "elasticache.amazonaws.com",
    "elasticfilesystem.amazonaws.com",
    "backup.amazonaws.com",
    "replication.ecr.amazonaws.com",
    "network-firewall.amazonaws.com",
    "clientvpn.amazonaws.com",
)
"""Services that want a role of their own in the account. Most make it at the first use, which fails now and then because the role is not
there yet when it is needed; key policies that name the role of auto scaling are refused while it does not exist."""

_TAKEN: Final = "has been taken"


@dataclass
class ServiceLinkedRole:
    """A service's own role in the account. It is found by its path, which names the service; the role's own name follows no rule."""

    client: Any
    service: str

    @property
    def name(self) -> str:
        """The step's name."""
        return f"service-role:{self.service}"

    @property
    def title(self) -> str:
        """The step's title."""
        return f"service-linked role of {self.service}"

    def _arn(self) -> str | None:
        found = self.client.list_roles(PathPrefix=f"/aws-service-role/{self.service}/", MaxItems=1)["Roles"]
        return str(found[0]["Arn"]) if found else None

    def check(self) -> Finding:
        """Look for the role."""
        arn = self._arn()
        if arn is None:
            return Finding(
                Status.MISSING, f"{self.service} has none in this account", (f"create the service-linked role of {self.service}",)
            )
        return Finding(Status.DONE, arn)

    def apply(self) -> str:
        """Make it. That the service made it meanwhile is as good."""
        try:
            self.client.create_service_linked_role(AWSServiceName=self.service)
        except ClientError as error:
            if code_of(error) != "InvalidInput" or _TAKEN not in str(error):
                raise
        return self._arn() or f"the service-linked role of {self.service}"


@dataclass(frozen=True)
class Needs:
    """What one stack needs of the account's quotas.

    `fargate_vcpu` counts the most tasks of every service, twice for those that roll out blue-green.
    """

    vpcs: int
    elastic_ips: int
    nat_gateways_per_zone: int
    load_balancers: int
    fargate_vcpu: float


@dataclass
class Quota:
    """One quota of the account against what the stack needs beside what others use already.

    AWS raises quotas on request, which takes hours to days.
    """

    client: Any
    service: str
    code: str
    label: str
    need: float
    used: Callable[[], float] | None
    """What others use, where that can be counted cheaply."""

    @property
    def name(self) -> str:
        """The step's name."""
        return f"quota:{self.service}/{self.code}"

    @property
    def title(self) -> str:
        """The step's title."""
        return f"quota: {self.label}"

    def _value(self) -> float | None:
        for operation in ("get_service_quota", "get_aws_default_service_quota"):
            try:
                return float(getattr(self.client, operation)(ServiceCode=self.service, QuotaCode=self.code)["Quota"]["Value"])
            except ClientError as error:
                # The applied value does not exist until somebody has raised it, for some quotas: then the default counts.
                if code_of(error) not in ("NoSuchResourceException", "NoSuchResource"):
                    raise
            except AttributeError:
                continue
        return None

    def check(self) -> Finding:
        """Compare; nothing can be applied."""
        if self.need <= 0:
            return Finding(Status.DONE, "none needed")
        try:
            value = self._value()
        except ClientError as error:
            return Finding(Status.UNKNOWN, f"the quota cannot be read: {error}")
        if value is None:
            return Finding(Status.UNKNOWN, "the quota cannot be read")
        used = self.used() if self.used is not None else 0
        text = f"{value:g} allowed, {used:g} used by others, {self.need:g} needed"
        if used + self.need <= value:
            return Finding(Status.DONE, text)
        wanted = used + self.need
        ask = (
            "aws service-quotas request-service-quota-increase"
            f" --service-code {self.service} --quota-code {self.code} --desired-value {wanted:g}"
        )
        return Finding(Status.WARNING, text, (ask,))

    def apply(self) -> str:
        """Never called: `check` gives nothing that can be applied."""
        return self.label


def _own(tags: list[dict[str, str]] | None, prefix: str) -> bool:
    """Whether a resource's name says that it belongs to the stack itself, which a second run finds."""
    return any(tag["Key"] == "Name" and tag["Value"].startswith(prefix) for tag in tags or [])


def quotas(session: Any, needs: Needs, prefix: str) -> list[Quota]:
    """The quotas that a first `up` runs into, for a stack whose physical names start with `prefix`."""
    client = session.client("service-quotas")
    ec2, elb = session.client("ec2"), session.client("elbv2")

    def vpcs() -> float:
        return sum(not _own(item.get("Tags"), prefix) for page in ec2.get_paginator("describe_vpcs").paginate() for item in page["Vpcs"])

    def addresses() -> float:
        return sum(not _own(item.get("Tags"), prefix) for item in ec2.describe_addresses()["Addresses"] if item.get("Domain") == "vpc")

    def balancers() -> float:
        pages = elb.get_paginator("describe_load_balancers").paginate()
        found = [item for page in pages for item in page["LoadBalancers"] if item["Type"] == "application"]
        return sum(not item["LoadBalancerName"].startswith(prefix) for item in found)

    return [
        Quota(client, "vpc", "L-F678F1CE", "VPCs in the region", needs.vpcs, vpcs),
        Quota(client, "ec2", "L-0263D0A3", "Elastic IP addresses in the region", needs.elastic_ips, addresses),
        Quota(client, "vpc", "L-FE5A380F", "NAT gateways in a zone", needs.nat_gateways_per_zone, None),
        Quota(client, "elasticloadbalancing", "L-53DA6B97", "application load balancers in the region", needs.load_balancers, balancers),
        Quota(client, "fargate", "L-3032A538", "Fargate On-Demand vCPUs", needs.fargate_vcpu, None),
    ]
