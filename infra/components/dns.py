"""Names and certificates: the hosted zone, certificates that validate themselves through it, and the aliases that point at us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.dnssec import Dnssec, QueryLog
from infra.components.edge_region import edge_region
from infra.settings.edge import Dns as Settings
from infra.settings.edge import DnsSec, Standby

RECORD_SECONDS = 300
ISSUER = "amazon.com"
"""The certificate authority that may issue for the domain, as CAA records name Amazon's."""
NO_DATA = "LastKnownStatus"
"""A load balancer that nobody asks reports nothing: that is no reason to move."""


def names_of(domain: str) -> tuple[str, str, str]:
    """The names that the platform answers to: the site, its `www.`, and `origin.` of the load balancer."""
    return domain, f"www.{domain}", f"origin.{domain}"


def _validation(options: Sequence[Any], name: str, part: str) -> str:
    """One part of the record that proves `name`. AWS returns the options in no particular order."""
    for option in options:
        if option.domain_name == name:
            return str(getattr(option, part))
    raise ValueError(f"the certificate has no validation record for {name}")


def _authorities(contact: str | None) -> list[str]:
    """Values of the CAA record: Amazon may issue, nobody may issue a wildcard, and where to complain."""
    return [*([f'0 iodef "mailto:{contact}"'] if contact else []), f'0 issue "{ISSUER}"', '0 issuewild ";"']


class Dns(Component):
    """The zone and the certificates of a domain.

    Makes, unless the settings bring them along: `route53.Zone` (stateful: a new one has other name servers); an `acm.Certificate`
    for the site, `www.` and `origin.` in the stack's region, and one for the first two in us-east-1 for CloudFront (ACM-01); a
    `route53.Record` of validation for each name, one for both certificates, because ACM asks an account for the same record of a name
    in every region; with `validate` an `acm.CertificateValidation` each; a CAA record that lets Amazon alone issue, and nobody a wildcard,
    if both certificates are ours; and for a zone of ours a `QueryLog` and, where the settings say so, `Dnssec`.

    Validation waits for the registrar's delegation, 75 minutes at most. A first `up` without delegation passes `validate=False`;
    the ARNs are then those of certificates that no listener takes yet.
    Sources: NRC-002, NRC-003, NRC-028, PFC-054, PFC-055, DTO-008, DTO-010.
    """

    token: ClassVar[str] = "dns"

    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[Sequence[str]]
    """Servers to enter at the registrar; empty if the settings bring the zone along."""
    certificate_arn: pulumi.Output[str]
    """For the load balancer; known once valid if `validate`."""
    cdn_certificate_arn: pulumi.Output[str]
    """For CloudFront, in us-east-1; known once valid if `validate`."""
    ds_record: pulumi.Output[str] | None
    """What the registrar must publish while the zone is signed; None where it must not hold any."""
    signed: bool
    """Whether the zone is signed, also while that is withdrawn."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        settings: Settings,
        validate: bool = True,
        log_key_arn: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make zone and certificates.

        Args:
            settings: Names, and what is brought along.
            validate: Wait until the certificates are valid.
            log_key_arn: Key of the stack's log groups; a query log needs it, so there is none without.
        """
        super().__init__(name, ctx, opts)
        domain = settings.domain
        self._zone(settings)
        ours = settings.zone_id is None
        if ours and settings.query_log and log_key_arn is not None:
            QueryLog(f"{name}-queries", ctx, domain=domain, zone_id=self.zone_id, log_key_arn=log_key_arn, opts=self.child())
        self.signed = ours and settings.dnssec is not DnsSec.OFF
        self.ds_record = None
        if self.signed:
            withdrawing = settings.dnssec is DnsSec.WITHDRAWING
            signed = Dnssec(f"{name}-dnssec", ctx, zone_id=self.zone_id, withdrawing=withdrawing, opts=self.child())
            self.ds_record = None if withdrawing else signed.ds_record
        site, www, origin = names_of(domain)
        own: aws.acm.Certificate | None = None
        cdn: aws.acm.Certificate | None = None
        if settings.certificate_arn is None:
            own = self._certificate("origin", [site, www, origin], region=None)
        if settings.cdn_certificate_arn is None:
            cdn = self._certificate("cdn", [site, www], region=edge_region(self))
        records: list[aws.route53.Record] = []
        if own is not None:
            records = self._prove(own, {"apex": site, "www": www, "origin": origin})
        elif cdn is not None:
            records = self._prove(cdn, {"apex": site, "www": www})
        self.certificate_arn = self._arn("origin", own, settings.certificate_arn, records, None, validate=validate)
        edge = edge_region(self)
        self.cdn_certificate_arn = self._arn("cdn", cdn, settings.cdn_certificate_arn, records, edge, validate=validate)
        if own is not None and cdn is not None:
            aws.route53.Record(
                f"{name}-caa",
                zone_id=self.zone_id,
                name=domain,
                type="CAA",
                ttl=RECORD_SECONDS,
                records=_authorities(settings.caa_contact),
                opts=self.child(delete_before_replace=True),
            )
        self.register_outputs({"zoneId": self.zone_id, "nameServers": self.name_servers})

    def _zone(self, settings: Settings) -> None:
        if settings.zone_id is not None:
            self.zone_id = pulumi.Output.from_input(settings.zone_id)
            self.name_servers = pulumi.Output.from_input([])
            return
        zone = aws.route53.Zone(
            self.logical,
            name=settings.domain,
            comment=f"{self.ctx.names.prefix}: names of the platform",
            force_destroy=self.ctx.unlocked,
            tags={"Name": settings.domain},
            opts=self.stateful(),
        )
        self.zone_id = zone.zone_id
        self.name_servers = zone.name_servers

    def _certificate(self, part: str, names: list[str], *, region: str | None) -> aws.acm.Certificate:
        return aws.acm.Certificate(
            f"{self.logical}-{part}",
            domain_name=names[0],
            subject_alternative_names=names[1:],
            validation_method="DNS",
            key_algorithm="RSA_2048",
            region=region,
            tags={"Name": self.ctx.names(part)},
            opts=self.child(),
        )

    def _prove(self, certificate: aws.acm.Certificate, names: Mapping[str, str]) -> list[aws.route53.Record]:
        options = certificate.domain_validation_options

        def part_of(name: str, part: str) -> pulumi.Output[str]:
            return options.apply(lambda found: _validation(found, name, part))

        return [
            aws.route53.Record(
                f"{self.logical}-proof-{short}",
                zone_id=self.zone_id,
                name=part_of(name, "resource_record_name"),
                type=part_of(name, "resource_record_type"),
                ttl=RECORD_SECONDS,
                records=[part_of(name, "resource_record_value")],
                # Another stack of the account may have proved the same name in a zone that both use: the record would be the same.
                allow_overwrite=True,
                opts=self.child(),
            )
            for short, name in names.items()
        ]

    def _arn(
        self,
        part: str,
        made: aws.acm.Certificate | None,
        given: str | None,
        records: list[aws.route53.Record],
        region: str | None,
        *,
        validate: bool,
    ) -> pulumi.Output[str]:
        if made is None:
            if given is None:
                raise ValueError(f"no certificate for {part}")
            return pulumi.Output.from_input(given)
        if not validate:
            return made.arn
        validation = aws.acm.CertificateValidation(
            f"{self.logical}-{part}", certificate_arn=made.arn, region=region, opts=self.child(depends_on=records)
        )
        return validation.certificate_arn


class Aliases(Component):
    """Where the names point: the site and `www.` at CloudFront, `origin.` at the load balancer, or at its standby.

    Makes: three `route53.Record`s of type A, aliases. No AAAA: the edge speaks IPv4 (see `Cdn`). Two distributions cannot carry the same
    name, so the site always leads to this one; what fails over is `origin.`, the name that CloudFront asks. Its record is the primary of a
    failover from the start, so that a standby can come and go without the name being away. With a standby: its record, the second
    of the failover, and a `route53.HealthCheck` that follows an alarm, because the load balancer's security group lets no checker of Route 53 in.
    Sources: NRC-028, DNS-02, DTO-201, DTO-205.
    """

    token: ClassVar[str] = "aliases"

    failover_check_id: pulumi.Output[str] | None
    """The check that decides about the failover; None without a standby."""

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        domain: str,
        zone_id: pulumi.Input[str],
        cdn: tuple[pulumi.Input[str], pulumi.Input[str]],
        load_balancer: tuple[pulumi.Input[str], pulumi.Input[str]],
        standby: Standby | None = None,
        origin_alarm: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Point the names.

        Args:
            cdn: Domain name and hosted zone of the distribution.
            load_balancer: DNS name and hosted zone of the load balancer.
            standby: The load balancer of the second region; None leaves `origin.` with this one.
            origin_alarm: Name of an alarm of the stack's region on one metric with one statistic (Route 53 follows no other) that says
                that this load balancer does not answer; a standby needs it.

        Raises:
            ValueError: A standby without an alarm.
        """
        super().__init__(name, ctx, opts)
        if standby is not None and origin_alarm is None:
            raise ValueError(f"{name}: a standby needs an alarm that says when to go there")
        site, www, origin = names_of(domain)
        self.failover_check_id = None if standby is None else self._check(standby, origin_alarm)
        primary = aws.route53.Record(
            f"{name}-origin",
            zone_id=zone_id,
            name=origin,
            type="A",
            set_identifier="primary",
            failover_routing_policies=[aws.route53.RecordFailoverRoutingPolicyArgs(type="PRIMARY")],
            health_check_id=self.failover_check_id,
            aliases=[
                aws.route53.RecordAliasArgs(name=load_balancer[0], zone_id=load_balancer[1], evaluate_target_health=standby is not None)
            ],
            opts=self.child(),
        )
        if standby is not None:
            aws.route53.Record(
                f"{name}-origin-standby",
                zone_id=zone_id,
                name=origin,
                type="A",
                set_identifier="standby",
                failover_routing_policies=[aws.route53.RecordFailoverRoutingPolicyArgs(type="SECONDARY")],
                aliases=[aws.route53.RecordAliasArgs(name=standby.host, zone_id=standby.zone_id, evaluate_target_health=True)],
                opts=self.child(depends_on=[primary]),
            )
        for short, record, (target, zone) in (("apex", site, cdn), ("www", www, cdn)):
            aws.route53.Record(
                f"{name}-{short}",
                zone_id=zone_id,
                name=record,
                type="A",
                aliases=[aws.route53.RecordAliasArgs(name=target, zone_id=zone, evaluate_target_health=False)],
                opts=self.child(),
            )
        self.register_outputs({"site": site})

    def _check(self, standby: Standby, alarm: pulumi.Input[str] | None) -> pulumi.Output[str]:
        check = aws.route53.HealthCheck(
            f"{self.logical}-origin",
            type="CLOUDWATCH_METRIC",
            cloudwatch_alarm_name=alarm,
            cloudwatch_alarm_region=self.ctx.region,
            insufficient_data_health_status=NO_DATA,
            # Switched off, a check counts as healthy; turned round, as failed: so nothing that happens here can undo a planned move.
            disabled=standby.forced,
            invert_healthcheck=standby.forced,
            tags={"Name": self.ctx.names("origin")},
            opts=self.child(),
        )
        return check.id
