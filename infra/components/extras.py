"""What settings may add to the tasks of the web services: a log router, a collector of traces and metrics, a shell."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.component import Context
from infra.components.cluster import Cluster
from infra.plan.alarms import custom_namespace
from infra.plan.iam import log_writer_policy, shell_policy, telemetry_policy
from infra.plan.images import upstream_image
from infra.plan.sidecars import COLLECTOR_REPOSITORY, ROUTER_REPOSITORY
from infra.settings.services import LogRouting
from infra.settings.workloads import Services

_UPSTREAM = "ecr-public"


@dataclass(frozen=True, kw_only=True)
class Tracing:
    """A collector of traces and metrics beside the main container."""

    image: pulumi.Input[str]
    """AWS's OpenTelemetry collector, from the registry's cache."""
    environment: str
    """Name of the stack's environment, on every trace and metric."""
    namespace: str
    """CloudWatch namespace of the metrics."""
    sampling_percent: int


@dataclass(frozen=True, kw_only=True)
class Shell:
    """ECS Exec."""

    session_log_arn: pulumi.Input[str]
    """Log group of the cluster's sessions."""
    key_arn: pulumi.Input[str]
    """KMS key of the channel and the log."""


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What settings may add to a web service's task. Nothing, unless said otherwise."""

    router_image: pulumi.Input[str] | None = None
    """AWS's Fluent Bit from the registry's cache: output then goes through it (FireLens)."""
    tracing: Tracing | None = None
    shell: Shell | None = None

    def policies(self, log_group_arn: pulumi.Output[str]) -> dict[str, pulumi.Input[str]]:
        """What they do with the task role, by the inline policy's name.

        Args:
            log_group_arn: Of the task's own log group.
        """
        out: dict[str, pulumi.Input[str]] = {}
        if self.router_image is not None:
            out["logs"] = log_group_arn.apply(log_writer_policy)
        if self.tracing is not None:
            out["telemetry"] = log_group_arn.apply(telemetry_policy)
        if self.shell is not None:
            out["shell"] = pulumi.Output.all(self.shell.session_log_arn, self.shell.key_arn).apply(
                lambda known: shell_policy(session_log_arn=known[0], key_arn=known[1])
            )
        return out


NO_EXTRAS = Extras()


def web_extras(settings: Services, ctx: Context, cluster: Cluster, *, environment: str, log_key_arn: pulumi.Input[str]) -> Extras:
    """The extras of a stack's web services.

    Args:
        settings: `services`.
        ctx: The stack.
        cluster: Where they run; its log takes the shells' sessions.
        environment: Name of the stack's environment.
        log_key_arn: KMS key of logs, which encrypts the shells' channels too.

    Raises:
        ValueError: something is switched on whose image is not named.
    """

    def public(repository: str, digest: str | None, setting: str) -> str:
        if digest is None:
            raise ValueError(f"services.{setting}.imageDigest is unset")
        suffix = "amazonaws.com.cn" if ctx.partition == "aws-cn" else "amazonaws.com"
        return upstream_image(ctx.account_id, ctx.region, suffix, _UPSTREAM, repository, digest)

    router, telemetry = settings.log_router, settings.telemetry
    return Extras(
        router_image=public(ROUTER_REPOSITORY, router.image_digest, "logRouter") if router.mode is LogRouting.FIRELENS else None,
        tracing=Tracing(
            image=public(COLLECTOR_REPOSITORY, telemetry.image_digest, "telemetry"),
            environment=environment,
            namespace=custom_namespace(ctx.names.prefix),
            sampling_percent=telemetry.sampling_percent,
        )
        if telemetry.enabled
        else None,
        shell=Shell(session_log_arn=cluster.session_log_arn, key_arn=log_key_arn) if settings.exec else None,
    )
