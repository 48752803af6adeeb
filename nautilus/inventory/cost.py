"""What planned resources cost a month: arithmetic on an inventory's records and the dated price table, nothing else.

Counted is what has a fixed price, by hour or month. What is billed by use is named and not counted, unless a volume is given. A type
that the table does not know, or a size without a price, is reported as not priced: nothing is silently zero.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

from nautilus.inventory.prices import Price, PriceTable
from nautilus.inventory.records import Inventory, PlannedResource

ZERO = Decimal(0)


class UnpricedError(Exception):
    """A resource has a fixed price that cannot be told; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One resource's share of a price."""

    urn: str
    type: str
    name: str
    component: str
    price: Price
    quantity: Decimal
    """In units of the price, for a month: two NAT gateways are 1460 hours."""
    most: Decimal | None = None
    """The same when everything is scaled out as far as it may be; None where nothing scales."""

    @property
    def monthly(self) -> Decimal:
        """US dollars a month."""
        return self.quantity * self.price.usd

    @property
    def at_most(self) -> Decimal:
        """US dollars a month, scaled out."""
        return (self.quantity if self.most is None else self.most) * self.price.usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A resource whose price is not known, and why."""

    type: str
    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A stack's costs. Free and billed-by-use resources are counted by type."""

    lines: tuple[Line, ...]
    unpriced: tuple[Unpriced, ...]
    free: Mapping[str, int]
    by_use: Mapping[str, int]
    waived: Decimal
    """What AWS takes off for NAT gateways behind firewall endpoints, one for one, in US dollars a month. Not in the total."""

    @property
    def monthly(self) -> Decimal:
        """US dollars a month."""
        return sum((line.monthly for line in self.lines), ZERO)

    @property
    def at_most(self) -> Decimal:
        """US dollars a month with every service scaled out."""
        return sum((line.at_most for line in self.lines), ZERO)

    def by(self, key: Callable[[Line], str]) -> dict[str, tuple[Decimal, Decimal]]:
        """Sums of `monthly` and `at_most` by a key, the dearest first."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for line in self.lines:
            low, high = sums.get(key(line), (ZERO, ZERO))
            sums[key(line)] = low + line.monthly, high + line.at_most
        return dict(sorted(sums.items(), key=lambda item: (-item[1][0], item[0])))

    @property
    def guesses(self) -> tuple[Price, ...]:
        """The prices used that were not looked up, by key."""
        return tuple(sorted({line.price for line in self.lines if not line.price.verified}, key=lambda price: price.key))


# --- reading a resource ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scene:
    """What a pricer sees."""

    inventory: Inventory
    table: PriceTable
    resource: PlannedResource

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.resource.inputs

    @property
    def hours(self) -> Decimal:
        return Decimal(self.table.hours)

    def text(self, key: str, default: str = "") -> str:
        value = self.inputs.get(key)
        return value if isinstance(value, str) else default

    def number(self, key: str, default: int | None = None) -> Decimal:
        return _number(self.inputs.get(key), key, default)

    def count(self, key: str) -> Decimal:
        """Entries of a list; of a list that only an `up` knows, the resources that it is made of."""
        value = self.inputs.get(key)
        if isinstance(value, list):
            return Decimal(len(cast("list[Any]", value)))
        needed = self.resource.property_dependencies.get(key, ())
        if value is not None and needed:
            return Decimal(len(needed))
        raise UnpricedError(f"its {key} is not known before an up" if value is not None else f"it has no {key}")

    def needs(self, key: str, *types: str) -> PlannedResource | None:
        """The first resource of these types that a property uses."""
        for urn in self.resource.property_dependencies.get(key, ()):
            found = self.inventory.get(urn)
            if found is not None and found.type in types:
                return found
        return None

    def users(self, kind: str, key: str) -> Iterator[PlannedResource]:
        """Resources of a type whose property uses this one."""
        return (item for item in self.inventory.of_type(kind) if self.resource.urn in item.property_dependencies.get(key, ()))

    def size(self, family: str, size: str, kind: str) -> str:
        """The key of an instance's price."""
        key = f"{family}.{size}.{kind}"
        if self.table.get(key) is None:
            raise UnpricedError(f"the table has no price of {size or 'an unnamed size'} ({kind})")
        return key


def _number(value: Any, what: str, default: int | None = None) -> Decimal:
    if value is None and default is not None:
        return Decimal(default)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnpricedError(f"its {what} is not a number")
    try:
        return Decimal(str(value))
    except ArithmeticError:
        raise UnpricedError(f"its {what} is not known before an up") from None


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


_Part = tuple[str, Decimal] | tuple[str, Decimal, Decimal]
"""Price key, quantity a month, and where it scales the quantity at most."""
_Pricer = Callable[[_Scene], Iterable[_Part]]

# --- one function a kind of resource -----------------------------------------------------------------------------------------


def _hourly(key: str) -> _Pricer:
    return lambda scene: [(key, scene.hours)]


def _monthly(key: str) -> _Pricer:
    return lambda _scene: [(key, Decimal(1))]


FREE_ENDPOINTS = ("guardduty-data",)
"""Interface endpoints for which AWS takes nothing, by hour or GB (GuardDuty's guide to its runtime agent)."""


def _endpoint(scene: _Scene) -> Iterator[_Part]:
    if scene.text("vpcEndpointType", "Gateway") != "Interface" or scene.text("serviceName").endswith(FREE_ENDPOINTS):
        return
    yield "endpoint.hour", scene.hours * scene.count("subnetIds")


def _firewall(scene: _Scene) -> Iterator[_Part]:
    yield "firewall.hour", scene.hours * scene.count("subnetMappings")


def _load_balancer(scene: _Scene) -> Iterator[_Part]:
    kind = scene.text("loadBalancerType", "application")
    keys = {"application": "alb.hour", "network": "nlb.hour"}
    if kind not in keys:
        raise UnpricedError(f"the table has no price of a {kind} load balancer")
    yield keys[kind], scene.hours
    if scene.inputs.get("internal") is not True:
        # An internet-facing balancer holds a public address in each zone.
        yield "ipv4.hour", scene.hours * scene.count("subnets" if "subnets" in scene.inputs else "subnetMappings")


GP3_FREE_IOPS, GP3_FREE_MBPS, RDS_STRIPED_GB = 3_000, 125, 400
"""What gp3 includes; RDS for PostgreSQL stripes from 400 GiB on and includes four times as much."""


def _database(scene: _Scene) -> Iterator[_Part]:
    kind = "multi" if scene.inputs.get("multiAz") is True else "single"
    yield scene.size("rds", scene.text("instanceClass"), kind), scene.hours
    source = scene.resource
    if "allocatedStorage" not in source.inputs:
        # A replica has as much as what it copies.
        source = scene.needs("replicateSourceDb", source.type) or source
    gigabytes = _number(source.inputs.get("allocatedStorage"), "allocatedStorage")
    storage = source.inputs.get("storageType", "gp2") if "storageType" not in scene.inputs else scene.inputs["storageType"]
    if storage != "gp3":
        raise UnpricedError(f"the table has no price of RDS storage {storage}")
    yield f"rds.gp3.gb.{kind}", gigabytes
    included = GP3_FREE_IOPS * (4 if gigabytes >= RDS_STRIPED_GB else 1)
    extra = scene.number("iops", included) - included
    if extra > 0:
        yield f"rds.gp3.iops.{kind}", extra


def _cache(scene: _Scene) -> Iterator[_Part]:
    engine = scene.text("engine", "redis")
    shards = scene.inputs.get("numNodeGroups")
    if shards is not None:
        nodes = _number(shards, "numNodeGroups") * (scene.number("replicasPerNodeGroup", 0) + 1)
    else:
        nodes = scene.number("numCacheClusters", 1)
    yield scene.size("cache", scene.text("nodeType"), engine), scene.hours * nodes


def _volume(inputs: Mapping[str, Any], sizes: tuple[str, str] = ("type", "size")) -> Iterator[_Part]:
    kind = inputs.get(sizes[0], "gp2")
    if kind != "gp3":
        raise UnpricedError(f"the table has no price of EBS storage {kind}")
    yield "ebs.gp3.gb", _number(inputs.get(sizes[1]), sizes[1])
    iops = _number(inputs.get("iops"), "iops", GP3_FREE_IOPS) - GP3_FREE_IOPS
    throughput = _number(inputs.get("throughput"), "throughput", GP3_FREE_MBPS) - GP3_FREE_MBPS
    if iops > 0:
        yield "ebs.gp3.iops", iops
    if throughput > 0:
        yield "ebs.gp3.mbps", throughput


DETAILED_METRICS = 7
"""Custom metrics that an EC2 instance with detailed monitoring is billed for."""


def _machine(scene: _Scene, inputs: Mapping[str, Any], disks: Sequence[Mapping[str, Any]], detailed: bool) -> Iterator[_Part]:
    yield scene.size("ec2", str(inputs.get("instanceType") or ""), "linux"), scene.hours
    for disk in disks:
        yield from ((part[0], part[1]) for part in _volume(disk, ("volumeType", "volumeSize")))
    if detailed:
        yield "metric.month", Decimal(DETAILED_METRICS)


def _group(scene: _Scene) -> Iterator[_Part]:
    template = scene.needs("launchTemplate", "aws:ec2/launchTemplate:LaunchTemplate")
    if template is None:
        raise UnpricedError("its launch template is not in the plan")
    inputs = template.inputs
    disks = [disk for mapping in _list(inputs.get("blockDeviceMappings")) if (disk := _mapping(_mapping(mapping).get("ebs")))]
    least = scene.number("desiredCapacity", int(scene.number("minSize", 0)))
    most = scene.number("maxSize", int(least))
    for part in _machine(scene, inputs, disks, _mapping(inputs.get("monitoring")).get("enabled") is True):
        yield part[0], part[1] * least, part[1] * max(least, most)


def _instance(scene: _Scene) -> Iterator[_Part]:
    root = _mapping(scene.inputs.get("rootBlockDevice"))
    disks = [disk for disk in (root, *map(_mapping, _list(scene.inputs.get("ebsBlockDevices")))) if disk]
    yield from _machine(scene, scene.inputs, disks, scene.inputs.get("monitoring") is True)


FARGATE_FREE_DISK = 20
"""GiB of task disk that cost nothing."""


def _service(scene: _Scene) -> Iterator[_Part]:
    providers = {str(_mapping(one).get("capacityProvider")) for one in _list(scene.inputs.get("capacityProviderStrategies"))}
    if scene.text("launchType") == "EC2" or (providers and not providers & {"FARGATE", "FARGATE_SPOT"}):
        return  # the instances that it runs on are priced
    if "FARGATE_SPOT" in providers:
        raise UnpricedError("the price of Spot capacity moves")
    task = scene.needs("taskDefinition", "aws:ecs/taskDefinition:TaskDefinition")
    if task is None:
        raise UnpricedError("its task definition is not in the plan")
    arm = _mapping(task.inputs.get("runtimePlatform")).get("cpuArchitecture") == "ARM64"
    chip = "arm" if arm else "x86"
    cpus = _number(task.inputs.get("cpu"), "cpu") / 1024
    gigabytes = _number(task.inputs.get("memory"), "memory") / 1024
    disk = _mapping(task.inputs.get("ephemeralStorage")).get("sizeInGib")
    least = scene.number("desiredCount", 0)
    most = least
    for target in scene.users("aws:appautoscaling/target:Target", "resourceId"):
        least = max(
            _number(target.inputs.get("minCapacity"), "minCapacity"), min(least, _number(target.inputs.get("maxCapacity"), "maxCapacity"))
        )
        most = _number(target.inputs.get("maxCapacity"), "maxCapacity")
    each = [(f"fargate.{chip}.vcpu.hour", cpus), (f"fargate.{chip}.gb.hour", gigabytes)]
    extra = _number(disk, "ephemeralStorage", FARGATE_FREE_DISK) - FARGATE_FREE_DISK
    if extra > 0:
        each.append(("fargate.disk.gb.hour", extra))
    for key, amount in each:
        yield key, amount * least * scene.hours, amount * most * scene.hours


def _secret(scene: _Scene) -> Iterator[_Part]:
    yield "secret.month", Decimal(1 + len(_list(scene.inputs.get("replicas"))))


PAID_GROUPS = MappingProxyType(
    {
        "AWSManagedRulesBotControlRuleSet": "waf.bot-control.month",
        "AWSManagedRulesATPRuleSet": "waf.account-takeover.month",
        "AWSManagedRulesACFPRuleSet": "waf.account-creation.month",
        "AWSManagedRulesAntiDDoSRuleSet": "waf.anti-ddos.month",
    }
)
"""AWS-managed rule groups with a fee of their own."""


def _named(value: Any) -> Iterator[str]:
    """Every managed rule group in a web ACL's rules, in either spelling of its document."""
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            if key in ("managedRuleGroupStatement", "ManagedRuleGroupStatement"):
                group = _mapping(item)
                yield str(group.get("name") or group.get("Name") or "")
            yield from _named(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _named(item)


def _rules(scene: _Scene, key: str) -> list[Any]:
    text = scene.inputs.get(key)
    if not isinstance(text, str):
        return _list(scene.inputs.get("rules"))
    try:
        return _list(json.loads(text))
    except ValueError:
        raise UnpricedError("its rules are not known before an up") from None


def _web_acl(scene: _Scene) -> Iterator[_Part]:
    rules = _rules(scene, "ruleJson")
    yield "waf.acl.month", Decimal(1)
    if rules:
        yield "waf.rule.month", Decimal(len(rules))
    for group in sorted(set(_named(rules))):
        if group in PAID_GROUPS:
            yield PAID_GROUPS[group], Decimal(1)


def _rule_group(scene: _Scene) -> Iterator[_Part]:
    rules = _rules(scene, "rulesJson")
    if rules:
        yield "waf.rule.month", Decimal(len(rules))


def _distribution(scene: _Scene) -> Iterator[_Part]:
    if _mapping(scene.inputs.get("viewerCertificate")).get("sslSupportMethod") == "vip":
        yield "cloudfront.own-address.month", Decimal(1)


def _health_check(scene: _Scene) -> Iterator[_Part]:
    kind = scene.text("type")
    options = [
        kind.startswith("HTTPS"),
        kind.endswith("STR_MATCH"),
        scene.inputs.get("requestInterval") in (10, "10"),
        scene.inputs.get("measureLatency") is True,
    ]
    yield "route53.check.month", Decimal(1)
    if any(options):
        yield "route53.check-option.month", Decimal(sum(options))


def _resolver(scene: _Scene) -> Iterator[_Part]:
    yield "resolver.endpoint.hour", scene.hours * scene.count("ipAddresses")


def _domains(scene: _Scene) -> Iterator[_Part]:
    yield "dns-firewall.domain.month", scene.count("domains")


def _dns_association(scene: _Scene) -> Iterator[_Part]:
    group = scene.needs("firewallRuleGroupId", "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup")
    rules = () if group is None else scene.inventory.of_type("aws:route53/resolverFirewallRule:ResolverFirewallRule")
    if any(rule.inputs.get("dnsThreatProtection") and group.urn in rule.all_dependencies for rule in rules if group is not None):
        yield "dns-firewall.advanced.hour", scene.hours


def _alarm(scene: _Scene) -> Iterator[_Part]:
    queries = [_mapping(query) for query in _list(scene.inputs.get("metricQueries"))]
    metrics = [_mapping(query.get("metric")) for query in queries if query.get("metric")] if queries else [scene.inputs]
    bands = any("ANOMALY_DETECTION_BAND" in str(query.get("expression", "")) for query in queries)
    for key in ("alarm.standard.month", "alarm.fast.month"):
        found = [one for one in metrics if (_number(one.get("period"), "period", 300) < 60) == (key == "alarm.fast.month")]
        if found:
            # A band is two metrics more, the upper and the lower edge.
            yield key, Decimal(len(found) * (3 if bands else 1))


def _metric_filter(scene: _Scene) -> Iterator[_Part]:
    # Billed while it gives data.
    yield (
        "metric.month",
        Decimal(1 if "metricTransformation" in scene.inputs else len(_list(scene.inputs.get("metricTransformations"))) or 1),
    )


def _parameter(scene: _Scene) -> Iterator[_Part]:
    if scene.text("tier") == "Advanced":
        yield "ssm.advanced.month", Decimal(1)
    elif scene.text("tier") == "Intelligent-Tiering":
        raise UnpricedError("its tier, and so its price, is chosen by AWS")


def _table(scene: _Scene) -> Iterator[_Part]:
    if scene.text("billingMode", "PROVISIONED") == "PROVISIONED":
        yield "dynamodb.read.hour", scene.number("readCapacity") * scene.hours
        yield "dynamodb.write.hour", scene.number("writeCapacity") * scene.hours


def _authority(scene: _Scene) -> Iterator[_Part]:
    short = scene.text("usageMode") == "SHORT_LIVED_CERTIFICATE"
    yield ("acmpca.short.month" if short else "acmpca.general.month"), Decimal(1)


PRICERS: Mapping[str, _Pricer] = MappingProxyType(
    {
        "aws:acmpca/certificateAuthority:CertificateAuthority": _authority,
        "aws:autoscaling/group:Group": _group,
        "aws:cloudfront/distribution:Distribution": _distribution,
        "aws:cloudfront/monitoringSubscription:MonitoringSubscription": _monthly("cloudfront.metrics.month"),
        "aws:cloudwatch/compositeAlarm:CompositeAlarm": _monthly("alarm.composite.month"),
        "aws:cloudwatch/dashboard:Dashboard": _monthly("dashboard.month"),
        "aws:cloudwatch/logMetricFilter:LogMetricFilter": _metric_filter,
        "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
        "aws:dynamodb/table:Table": _table,
        "aws:ebs/volume:Volume": lambda scene: _volume(scene.inputs),
        "aws:ec2/eip:Eip": _hourly("ipv4.hour"),
        "aws:ec2/instance:Instance": _instance,
        "aws:ec2/natGateway:NatGateway": _hourly("nat.hour"),
        "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
        "aws:ec2clientvpn/networkAssociation:NetworkAssociation": _hourly("vpn.association.hour"),
        "aws:ecs/service:Service": _service,
        "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
        "aws:kms/externalKey:ExternalKey": _monthly("kms.key.month"),
        "aws:kms/key:Key": _monthly("kms.key.month"),
        "aws:kms/replicaKey:ReplicaKey": _monthly("kms.key.month"),
        "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
        "aws:networkfirewall/firewall:Firewall": _firewall,
        "aws:rds/instance:Instance": _database,
        "aws:route53/healthCheck:HealthCheck": _health_check,
        "aws:route53/resolverEndpoint:ResolverEndpoint": _resolver,
        "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": _domains,
        "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": _dns_association,
        "aws:route53/zone:Zone": _monthly("route53.zone.month"),
        "aws:secretsmanager/secret:Secret": _secret,
        "aws:ssm/parameter:Parameter": _parameter,
        "aws:wafv2/ruleGroup:RuleGroup": _rule_group,
        "aws:wafv2/webAcl:WebAcl": _web_acl,
    }
)
"""Types with a fixed price. One that yields nothing for a resource is free, or billed by use, as the table says."""

NOTHING_FIXED: Mapping[str, str] = MappingProxyType(
    {
        "aws:dynamodb/table:Table": "on demand: by request and GB",
        "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": "by query",
    }
)
"""Priced types that are billed by use in the form that has no fixed price; of the others that form is free."""


def known_types(table: PriceTable) -> frozenset[str]:
    """Every type that has a price, is free, or is billed by use."""
    return frozenset(PRICERS) | frozenset(table.free) | frozenset(table.by_use)


# --- a stack --------------------------------------------------------------------------------------------------------------


@dataclass
class _Sums:
    lines: list[Line] = field(default_factory=list[Line])
    unpriced: list[Unpriced] = field(default_factory=list[Unpriced])
    free: dict[str, int] = field(default_factory=dict[str, int])
    by_use: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, kind: str, *, used: bool) -> None:
        counts = self.by_use if used else self.free
        counts[kind] = counts.get(kind, 0) + 1


def regions(inventory: Inventory) -> tuple[str, ...]:
    """The regions of the AWS providers of a plan, sorted; empty where the plan does not name one."""
    providers = inventory.of_type("pulumi:providers:aws")
    return tuple(sorted({region for item in providers if isinstance(region := item.inputs.get("region"), str)}))


def priced_elsewhere(inventory: Inventory, table: PriceTable) -> tuple[str, ...]:
    """Regions of a plan's resources that are priced as the table's region, though the table is that of another, sorted."""
    used = {region for item in inventory.real if (region := _region(item)) is not None} | set(regions(inventory))
    return tuple(sorted(used - {table.region}))


def _region(resource: PlannedResource) -> str | None:
    own = resource.inputs.get("region")
    return own if isinstance(own, str) and "-" in own else None


def estimate(inventory: Inventory, table: PriceTable, *, anywhere: bool = False) -> Estimate:
    """What the resources of a plan or a state cost a month.

    Args:
        inventory: The plan, with dependencies: task definitions, launch templates and replicas are found by them.
        table: The prices.
        anywhere: Use the table's prices in every region; else what stands in a region that the table does not cover is not priced.
    """
    sums = _Sums()
    for resource in inventory.real:
        _add(sums, inventory, table, resource, anywhere)
    lines = sorted(sums.lines, key=lambda line: (line.component, line.type, line.name, line.price.key))
    hours = {key: sum((line.quantity for line in lines if line.price.key == key), ZERO) for key in ("nat.hour", "firewall.hour")}
    waived = min(hours.values()) * table["nat.hour"].usd
    return Estimate(
        lines=tuple(lines),
        unpriced=tuple(sorted(sums.unpriced, key=lambda item: (item.type, item.name))),
        free=dict(sorted(sums.free.items())),
        by_use=dict(sorted(sums.by_use.items())),
        waived=waived,
    )


def _add(sums: _Sums, inventory: Inventory, table: PriceTable, resource: PlannedResource, anywhere: bool) -> None:
    kind = resource.type
    pricer = PRICERS.get(kind)
    if pricer is None:
        if kind in table.free or kind in table.by_use:
            sums.count(kind, used=kind in table.by_use)
        else:
            sums.unpriced.append(Unpriced(type=kind, name=resource.path, why="the price table does not know this type"))
        return
    region = _region(resource)
    if region is not None and region not in table.regions and not anywhere:
        sums.unpriced.append(Unpriced(type=kind, name=resource.path, why=f"the table has no prices of {region}"))
        return
    group = inventory.group_of(resource.urn)
    component = group.name if group is not None else ""
    made: list[Line] = []
    try:
        for part in pricer(_Scene(inventory, table, resource)):
            quantity = part[1]
            most = part[2] if len(part) == 3 and part[2] != quantity else None
            if quantity or most:
                made.append(
                    Line(
                        urn=resource.urn,
                        type=kind,
                        name=resource.name,
                        component=component,
                        price=table[part[0]],
                        quantity=quantity,
                        most=most,
                    )
                )
    except UnpricedError as reason:
        # What could be told of it stays in the total, and the rest is named.
        sums.unpriced.append(Unpriced(type=kind, name=resource.path, why=str(reason)))
        sums.lines += made
        return
    if made:
        sums.lines += made
    else:
        sums.count(kind, used=kind in table.by_use or kind in NOTHING_FIXED)


def use_note(kind: str, table: PriceTable) -> str:
    """By what a type is billed that has no fixed price."""
    return table.by_use.get(kind) or NOTHING_FIXED.get(kind, "by use")


# --- volumes ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """A volume of a month and what it costs."""

    what: str
    price: Price
    quantity: Decimal

    @property
    def monthly(self) -> Decimal:
        """US dollars a month."""
        return self.quantity * self.price.usd


INTERNET_FREE_GB = 100
"""GB a month to the internet that an account does not pay for."""


def usage(inventory: Inventory, table: PriceTable, *, traffic_gb: Decimal = ZERO, log_gb: Decimal = ZERO) -> tuple[Usage, ...]:
    """What a month's volumes cost beside the fixed prices.

    Args:
        inventory: The plan: its NAT gateways and firewall decide what the traffic passes.
        table: The prices.
        traffic_gb: GB from the app tier to the internet.
        log_gb: GB that CloudWatch Logs takes in.
    """
    found: list[Usage] = []
    if traffic_gb:
        nat = bool(inventory.of_type("aws:ec2/natGateway:NatGateway"))
        if nat:
            found.append(Usage("through the NAT", table["nat.gb"], traffic_gb))
        if inventory.of_type("aws:networkfirewall/firewall:Firewall"):
            found.append(Usage("through the egress firewall", table["firewall.gb"], traffic_gb))
            if nat:
                found.append(Usage("the NAT's share, waived behind the firewall", table["nat.gb"], -traffic_gb))
        if traffic_gb > INTERNET_FREE_GB:
            found.append(Usage("out to the internet", table["internet.gb"], traffic_gb - INTERNET_FREE_GB))
    if log_gb:
        found.append(Usage("into log groups", table["logs.gb"], log_gb))
    return tuple(found)


# --- network profiles ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkProfile:
    """One way to build the network, and what it costs. All amounts in US dollars."""

    endpoints: str
    nat: str
    firewall: bool
    current: bool
    """Whether the plan is built this way."""
    fixed: Decimal
    """A month: NAT gateways with their addresses, interface endpoints, firewall endpoints, by the list."""
    billed: Decimal
    """The same after AWS has waived NAT hours, one for one with firewall hours."""
    aws_low: Decimal
    """100 GB to AWS's APIs, if all of it goes to services that have an endpoint."""
    aws_high: Decimal
    """100 GB to AWS's APIs, if all of it goes to services that have none."""
    internet: Decimal
    """100 GB to the internet, without AWS's charge for data out, which is the same for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """From how many GB a month to AWS's APIs on endpoints are cheaper than the way through the NAT."""

    endpoints: str
    zones: int
    fixed: Decimal
    """What the endpoints cost a month, in US dollars."""
    gb_without_firewall: Decimal
    gb_with_firewall: Decimal


HUNDRED = Decimal(100)


def zones(inventory: Inventory) -> int:
    """Availability zones of the plan: of its subnets, else those that its services or endpoints span.

    Raises:
        ValueError: The plan shows none.
    """
    found = {zone for item in inventory.of_type("aws:ec2/subnet:Subnet") if isinstance(zone := item.inputs.get("availabilityZone"), str)}
    spans = [
        len(_list(_mapping(item.inputs.get("networkConfiguration")).get("subnets")))
        for item in inventory.of_type("aws:ecs/service:Service")
    ] + [len(_list(item.inputs.get("subnetIds"))) for item in inventory.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")]
    count = len(found) or max(spans, default=0)
    if not count:
        raise ValueError("the plan shows neither subnets nor services, so the number of zones is not known")
    return count


def _paid(services: Iterable[str]) -> int:
    return sum(service not in FREE_ENDPOINTS for service in services)


def profiles(inventory: Inventory, table: PriceTable, services: Mapping[str, Sequence[str]]) -> tuple[NetworkProfile, ...]:
    """Every combination of endpoints, NAT and firewall for as many zones as the plan has.

    Args:
        inventory: The plan; says how many zones there are, and which profile it has.
        table: The prices.
        services: Interface endpoints by profile, such as `{"full": [...], "essential": [...], "none": []}`.

    Raises:
        ValueError: The plan shows no zones.
    """
    count = zones(inventory)
    here = {
        str(item.inputs.get("serviceName", "")).split(".", 3)[-1]
        for item in inventory.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
        if item.inputs.get("vpcEndpointType") == "Interface"
    }
    nats = len(inventory.of_type("aws:ec2/natGateway:NatGateway"))
    guarded = bool(inventory.of_type("aws:networkfirewall/firewall:Firewall"))
    # A profile with some services left out is still that profile: it is the smallest that holds them all.
    fitting = sorted((len(offered), name) for name, offered in services.items() if here <= set(offered))
    own = fitting[0][1] if fitting else None
    hours = table.hours
    nat_gb, endpoint_gb, firewall_gb = (table[key].usd for key in ("nat.gb", "endpoint.gb", "firewall.gb"))
    found: list[NetworkProfile] = []
    for name, offered in services.items():
        endpoint_hours = _paid(offered) * count * hours
        for nat, gateways in (("per-zone", count), ("single", 1)):
            for firewall in (False, True):
                firewalls = count if firewall else 0
                fixed = (
                    gateways * hours * (table["nat.hour"].usd + table["ipv4.hour"].usd)
                    + endpoint_hours * table["endpoint.hour"].usd
                    + firewalls * hours * table["firewall.hour"].usd
                )
                # The waiver covers NAT hours and NAT gigabytes alike.
                way_out = max(nat_gb, firewall_gb) if firewall else nat_gb
                found.append(
                    NetworkProfile(
                        endpoints=name,
                        nat=nat,
                        firewall=firewall,
                        current=name == own and firewall == guarded and nats == gateways,
                        fixed=fixed,
                        billed=fixed - min(gateways, firewalls) * hours * table["nat.hour"].usd,
                        aws_low=HUNDRED * (endpoint_gb if offered else way_out),
                        aws_high=HUNDRED * (endpoint_gb if set(offered) >= _largest(services) else way_out),
                        internet=HUNDRED * way_out,
                    )
                )
    return tuple(found)


def _largest(services: Mapping[str, Sequence[str]]) -> set[str]:
    return {service for offered in services.values() for service in offered}


def break_even(table: PriceTable, services: Mapping[str, Sequence[str]], count: int) -> tuple[BreakEven, ...]:
    """For one endpoint in one zone, and for each profile in `count` zones: fixed price over what each GB saves against the NAT."""
    hour, endpoint_gb = table["endpoint.hour"].usd, table["endpoint.gb"].usd
    through_nat = table["nat.gb"].usd
    through_firewall = max(through_nat, table["firewall.gb"].usd)
    rows = [("one endpoint", 1, 1), *((name, _paid(offered), count) for name, offered in services.items() if offered)]
    return tuple(
        BreakEven(
            endpoints=name,
            zones=in_zones,
            fixed=(fixed := number * in_zones * table.hours * hour),
            gb_without_firewall=fixed / (through_nat - endpoint_gb),
            gb_with_firewall=fixed / (through_firewall - endpoint_gb),
        )
        for name, number, in_zones in rows
    )
