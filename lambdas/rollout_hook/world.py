"""What the hook sees of AWS. Every call is short; whoever calls it decides how long not seeing is bearable."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nautilus.runtime import smoke

if TYPE_CHECKING:
    from lambdas.rollout_hook.orders import Smoke

_NAMES_A_CALL = 100  # DescribeAlarms takes at most 100 names
# Where ECS's API has no endpoint it lies behind the NAT, from which replies to ports below 32768 are refused (infra.plan.nacls.LINUX), and
# AWS lets a function in a VPC open connections from 1024 on: an attempt may be lost for that alone; the next one starts at another port.
_BOTO = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 3})
_SMOKE_SECONDS = 40
"""Longest run of the smoke test in one call, in seconds: half of what the function has."""
_ROLLING_BACK = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})


class CannotSeeError(Exception):
    """AWS did not say what the hook has to know: an API failed, an alarm does not exist, or the weights are unknown."""


@dataclass(frozen=True)
class Deployment:
    """A service deployment as ECS describes it."""

    first: bool = False
    """It replaces nothing: the service is new."""
    rolling_back: bool = False
    percent: float | None = None
    """Production traffic on the new version."""
    revision: str = ""
    """ARN of the new version's service revision."""


class World(Protocol):
    """What a decision may ask for. Each raises CannotSeeError where nobody answers."""

    def alarm_states(self, names: tuple[str, ...]) -> Mapping[str, str]:
        """State by name of the metric and composite alarms of `names` that exist."""
        ...

    def deployment(self, arn: str) -> Deployment:
        """The deployment."""
        ...

    def parameter(self, name: str) -> str | None:
        """A parameter's value; None where it does not exist."""
        ...

    def digests(self, revision: str) -> frozenset[str]:
        """Digests of the images of a service revision."""
        ...

    def smoke(self, orders: Smoke) -> smoke.Report:
        """One run of the smoke test against the load balancer's private addresses."""
        ...


def _asked(service: str, operation: str, **arguments: Any) -> dict[str, Any]:
    try:
        return getattr(boto3.client(service, config=_BOTO), operation)(**arguments)
    except (BotoCoreError, ClientError) as failed:
        raise CannotSeeError(f"{service} {operation}: {failed}") from failed


class Aws:
    """AWS itself."""

    def alarm_states(self, names: tuple[str, ...]) -> Mapping[str, str]:
        states: dict[str, str] = {}
        for start in range(0, len(names), _NAMES_A_CALL):
            asked = list(names[start : start + _NAMES_A_CALL])
            kinds = ["MetricAlarm", "CompositeAlarm"]
            found = _asked("cloudwatch", "describe_alarms", AlarmNames=asked, AlarmTypes=kinds, MaxRecords=_NAMES_A_CALL)
            for alarm in (*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])):
                states[alarm["AlarmName"]] = alarm["StateValue"]
        return states

    def deployment(self, arn: str) -> Deployment:
        found = _asked("ecs", "describe_service_deployments", serviceDeploymentArns=[arn]).get("serviceDeployments", [])
        if not found:
            raise CannotSeeError(f"ECS does not know the deployment {arn!r}")
        target = found[0].get("targetServiceRevision", {})
        sources = found[0].get("sourceServiceRevisions") or []
        weight = target.get("requestedProductionTrafficWeight")
        if weight is None:
            # Before the first shift the new version may have none; what the old one carries says the same.
            carried = [source.get("requestedProductionTrafficWeight") for source in sources]
            if carried and None not in carried:
                weight = max(0.0, 100.0 - sum(float(share) for share in carried))
        return Deployment(
            first=not sources,
            rolling_back=found[0].get("status") in _ROLLING_BACK,
            percent=None if weight is None else float(weight),
            revision=str(target.get("arn", "")),
        )

    def parameter(self, name: str) -> str | None:
        try:
            return str(boto3.client("ssm", config=_BOTO).get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as failed:
            if failed.response.get("Error", {}).get("Code") == "ParameterNotFound":
                return None
            raise CannotSeeError(f"ssm get_parameter {name}: {failed}") from failed
        except BotoCoreError as failed:
            raise CannotSeeError(f"ssm get_parameter {name}: {failed}") from failed

    def digests(self, revision: str) -> frozenset[str]:
        found = _asked("ecs", "describe_service_revisions", serviceRevisionArns=[revision]).get("serviceRevisions", [])
        if not found:
            raise CannotSeeError(f"ECS does not know the service revision {revision!r}")
        images = found[0].get("containerImages", [])
        named = (str(image.get("imageDigest") or str(image.get("image", "")).rpartition("@")[2]) for image in images)
        return frozenset(digest for digest in named if digest)

    def addresses(self, load_balancer: str) -> tuple[str, ...]:
        """Private addresses of a load balancer: its name leads to public ones, even from inside the VPC."""
        named = [{"Name": "description", "Values": [f"ELB app/{load_balancer}/*"]}]
        found = _asked("ec2", "describe_network_interfaces", Filters=named).get("NetworkInterfaces", [])
        return tuple(sorted(str(interface["PrivateIpAddress"]) for interface in found))

    def smoke(self, orders: Smoke) -> smoke.Report:
        addresses = self.addresses(orders.load_balancer)
        if not addresses:
            raise CannotSeeError(f"EC2 knows no network interface of the load balancer {orders.load_balancer}")
        until = time.monotonic() + _SMOKE_SECONDS
        report = smoke.Report(())
        # A zone may be shifted away, and each node reaches every task: the first node that passes is enough.
        for address in addresses:
            target = smoke.Target(host=orders.host, address=address, port=orders.port)
            report = smoke.run(target, orders.checks, until=until)
            if report.ok or any(result.status is not None for result in report.results):
                break
        return report
