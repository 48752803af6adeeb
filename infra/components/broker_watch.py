"""The watch over the broker's addresses: a scheduled Lambda (lambdas/broker_addresses) that resolves its server names and counts strangers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import ClassVar

import pulumi

from infra.component import Component, Context
from infra.components.function import Code, lambda_function
from infra.components.schedule import Call, schedule
from infra.plan.broker_addresses import HOSTS, PORTS
from infra.plan.egress import parse_address
from infra.plan.iam import policy, statement, write_logs, write_traces

EVERY = "rate(1 hour)"
"""How often the names are resolved. The alarms in `infra.plan.alarms.broker_alarms` count on it."""


def watch_policy(*, log_group_arn: str, namespace: str) -> str:
    """What the watch may do: write its log and its trace, and metrics of this one namespace (the action knows no resource)."""
    return policy(
        write_logs(log_group_arn),
        statement(
            ["cloudwatch:PutMetricData"], ["*"], sid="WriteMetrics", conditions={"StringEquals": {"cloudwatch:namespace": namespace}}
        ),
        write_traces(),
    )


def broker_networks(addresses: Iterable[str]) -> tuple[str, ...]:
    """The networks among `egress.addresses` that are open on all of the broker's ports, sorted: what the names may resolve to."""
    first, last = (int(port) for port in PORTS.split("-"))
    rules = [parse_address(key) for key in addresses]
    return tuple(sorted({rule.cidr for rule in rules if rule.first <= first and rule.last >= last}))


class BrokerWatch(Component):
    """One function a stack, every hour, outside the VPC so that it sees public DNS and is not held by the firewall that it watches.

    Makes: `lambda.Function` with its `iam.Role` and `cloudwatch.LogGroup`; `scheduler.Schedule` with a role that may invoke this function
    alone. There is no dead-letter queue: a lost run is repeated in an hour, and a day of silence raises `broker-watch-silent`.

    Sources: DTO-051 (regular audit of the firewall's rules), DTO-048; AWS-RULES.md section 3.
    """

    token: ClassVar[str] = "broker-watch"

    function_name: str
    """Physical name, for the runbook."""
    function_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        allowed: Iterable[str],
        namespace: str,
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the watch.

        Args:
            name: Logical name.
            ctx: The stack.
            allowed: The keys of `egress.addresses`, `network:ports`; those on the broker's ports are what its names may resolve to.
            namespace: CloudWatch namespace of the stack (`infra.plan.alarms.custom_namespace`).
            log_key_arn: KMS key of the log.
            opts: Options of the component.

        Raises:
            ValueError: an entry of `allowed` is not of that form.
        """
        super().__init__(name, ctx, opts)
        self.function_name = ctx.names(name, limit=64)
        function = lambda_function(
            self,
            Code(
                folder="broker_addresses",
                description="Resolves the broker's server names and counts addresses that the firewall does not let out to",
                seconds=60,
                purpose="What the watch over the broker's addresses may do",
                variables={
                    "ALLOWED": json.dumps(broker_networks(allowed)),
                    "HOSTS": json.dumps(sorted(host.name for host in HOSTS)),
                    "NAMESPACE": namespace,
                },
            ),
            permissions=lambda arn: watch_policy(log_group_arn=arn, namespace=namespace),
            log_key_arn=log_key_arn,
        )
        schedule(
            self,
            function,
            Call(when=EVERY, description="Compares the broker's addresses with the firewall's list"),
            purpose="With which the schedule calls the watch over the broker's addresses",
            patience_seconds=1800,
            retries=2,
        )
        self.function_arn = function.arn
        self.register_outputs({"functionArn": self.function_arn})
