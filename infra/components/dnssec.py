"""What Route 53 does for a zone of ours beyond answering: signing it, and logging who asks."""

from __future__ import annotations

from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.edge_region import CDN_REGION, edge_key, edge_region
from infra.plan.dnssec import QUERY_LOG_PREFIX, query_log_policy, signing_key_policy
from infra.plan.key_policies import DataClass, Place, key_policy


def _place(ctx: Context) -> Place:
    return Place(account=ctx.account_id, region=CDN_REGION, partition=ctx.partition)


class Dnssec(Component):
    """A signed zone.

    Makes, in this order, and unmakes in the opposite one: a `kms.Key` of us-east-1 that signs, a `route53.KeySigningKey` and
    `route53.HostedZoneDnsSec`. All three are protected until `withdrawing`, because a zone that stops being signed while the registrar
    still holds its DS record vanishes for every resolver that checks. Sources: DNS-01, Route53.2.
    """

    token: ClassVar[str] = "dnssec"

    ds_record: pulumi.Output[str]
    """What the registrar must publish: key tag, algorithm, digest type and digest."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        zone_id: pulumi.Input[str],
        withdrawing: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Sign the zone.

        Args:
            zone_id: A public zone of this account.
            withdrawing: The DS record is gone from the registrar: nothing is protected any more, so that signing may end.
        """
        super().__init__(name, ctx, opts)

        def held(*after: pulumi.Resource) -> pulumi.ResourceOptions:
            return self.child(depends_on=after) if withdrawing else self.stateful(depends_on=after)

        key = edge_key(
            self, "key", holds="signs the zone of the platform", policy=signing_key_policy(_place(ctx)), signing=True, options=held()
        )
        signer = aws.route53.KeySigningKey(
            name,
            name=ctx.names.under("dnssec", limit=128),
            hosted_zone_id=zone_id,
            key_management_service_arn=key.arn,
            status="ACTIVE",
            opts=held(),
        )
        aws.route53.HostedZoneDnsSec(name, hosted_zone_id=signer.hosted_zone_id, signing_status="SIGNING", opts=held(signer))
        self.ds_record = signer.ds_record
        self.register_outputs({"dsRecord": self.ds_record})


class QueryLog(Component):
    """The log of every query to a zone of ours.

    Makes, all in us-east-1, where Route 53 writes: a `cloudwatch.LogGroup` `/aws/route53/<domain>` with a customer-managed key, a
    `cloudwatch.LogResourcePolicy` that lets Route 53 write it on behalf of this account, and `route53.QueryLog`. A stack of another
    region gets a `kms.Key` there. Sources: DNS-01, Route53.2, CW-01, CW-02.
    """

    token: ClassVar[str] = "query-log"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        domain: str,
        zone_id: pulumi.Input[str],
        log_key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Log the queries.

        Args:
            domain: Name of the zone.
            zone_id: A public zone of this account.
            log_key_arn: Key of the log group where the stack is in us-east-1; elsewhere it makes its own.
        """
        super().__init__(name, ctx, opts)
        region = edge_region(self)
        key_arn = log_key_arn
        if region is not None:
            policy = key_policy(DataClass.LOGS, _place(ctx))
            key_arn = edge_key(self, "key", holds="log of the zone's queries", policy=policy, options=self.stateful()).arn
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"{QUERY_LOG_PREFIX}{domain}",
            retention_in_days=ctx.log_days,
            kms_key_id=key_arn,
            region=region,
            opts=self.child(),
        )
        allowed = aws.cloudwatch.LogResourcePolicy(
            name,
            policy_name=ctx.names("route53-query-log"),
            policy_document=query_log_policy(ctx.account_id, CDN_REGION, partition=ctx.partition),
            region=region,
            opts=self.child(delete_before_replace=True),
        )
        # With `:*`, as CloudWatch Logs itself names its groups; Route 53 keeps what it is given.
        target = pulumi.Output.concat(group.arn, ":*")
        aws.route53.QueryLog(name, zone_id=zone_id, cloudwatch_log_group_arn=target, opts=self.child(depends_on=[allowed]))
        self.register_outputs({"logGroup": group.name})
