"""Rules of VPC, subnets, security groups, endpoints and the network firewall."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from nautilus.sandbox.simulation.rules import Finding, RuleContext, number, rule
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown, walk

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SUBNET = "aws:ec2/subnet:Subnet"
_VPC = "aws:ec2/vpc:Vpc"


def network_of(value: Any) -> Network | str | None:
    """A CIDR block as a network, the reason why it is none, or None for what is unknown or no string."""
    if not isinstance(value, str):
        return None
    try:
        return ipaddress.ip_network(value, strict=True)
    except ValueError as error:
        try:
            right = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return f"is {shown(value)}, but must be a CIDR block such as 10.0.0.0/16 ({error})"
        return f"is {shown(value)}, which has host bits set; the block is {right}"


@rule(
    "vpc-cidr",
    "VPC and subnet sizing: IPv4 blocks between /16 and /28",
    _VPC,
    _SUBNET,
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
)
def vpc_cidr(ctx: RuleContext) -> Iterator[Finding]:
    """Block sizes of VPCs and subnets."""
    block = network_of(ctx.inputs.get("cidrBlock"))
    if isinstance(block, str):
        yield "cidrBlock", block
    elif block is not None and block.version == 4 and not 16 <= block.prefixlen <= 28:
        yield "cidrBlock", f"is {shown(str(block))}, but AWS accepts blocks between /16 and /28"


@rule("subnet-in-vpc", "A subnet's block lies in its VPC's and overlaps no other subnet", _SUBNET)
def subnet_in_vpc(ctx: RuleContext) -> Iterator[Finding]:
    """Subnets outside their VPC, or over one another."""
    block = network_of(ctx.inputs.get("cidrBlock"))
    if block is None or isinstance(block, str):
        return
    vpcs, _ = ctx.related("vpcId", _VPC)
    for vpc in vpcs:
        outer = network_of(vpc.get("cidrBlock"))
        if outer is not None and not isinstance(outer, str) and outer.version == block.version:
            more = [
                network_of(each.get("cidrBlock"))
                for each in ctx.run.of_token("aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation")
            ]
            blocks = [outer, *(each for each in more if each is not None and not isinstance(each, str))]
            if not any(block.version == each.version and block.subnet_of(each) for each in blocks):  # type: ignore[arg-type]  # same version
                yield "cidrBlock", f"is {shown(str(block))}, outside its VPC's {outer}"
    owner = ctx.inputs.get("vpcId")
    told = ctx.run.dependencies(ctx.urn, "vpcId")
    for other in ctx.run.of_token(_SUBNET):
        if other.urn == ctx.urn.text:
            continue
        same = other.inputs.get("vpcId") == owner if isinstance(owner, str) else bool(told) and _told_same(ctx, other.urn, told)
        theirs = network_of(other.inputs.get("cidrBlock"))
        if same and theirs is not None and not isinstance(theirs, str) and theirs.version == block.version and block.overlaps(theirs):
            yield "cidrBlock", f"is {shown(str(block))}, which overlaps {theirs} of {other.urn.rpartition('::')[2]}"


def _told_same(ctx: RuleContext, urn: str, told: frozenset[str] | None) -> bool:
    from nautilus.sandbox.simulation.context import Urn

    return bool(told) and ctx.run.dependencies(Urn(urn), "vpcId") == told


def zones_behind(ctx: RuleContext, name: str) -> tuple[set[str], bool]:
    """Zones of the subnets that an input lists, and whether they are all known."""
    subnets, complete = ctx.related(name, _SUBNET)
    zones = {known.get("availabilityZone") for known in subnets}
    if any(not isinstance(zone, str) for zone in zones):
        return {zone for zone in zones if isinstance(zone, str)}, False
    return {zone for zone in zones if isinstance(zone, str)}, complete


def too_few_zones(ctx: RuleContext, name: str, what: str) -> Iterator[Finding]:
    """A list of subnets that cannot span two zones."""
    value = ctx.inputs.get(name)
    if not is_list(value):
        return
    if len(value) < 2:
        yield (
            name,
            f"names {len(value)} subnet{'' if len(value) == 1 else 's'}, but {what} needs subnets in at least two availability zones",
        )
        return
    zones, complete = zones_behind(ctx, name)
    if complete and zones and len(zones) < 2:
        yield name, f"lies in {', '.join(sorted(zones))} only, but {what} needs subnets in at least two availability zones"
    elif not complete:
        # Whichever subnets these are: if all of the run's lie in one zone, these do.
        everywhere = {known.get("availabilityZone") for known in ctx.run.of_token(_SUBNET)}
        if ctx.preview and len(everywhere) == 1 and isinstance(next(iter(everywhere)), str) and all(each is UNKNOWN for each in value):
            yield name, f"lies in {next(iter(everywhere))} only, as every subnet does, but {what} needs at least two availability zones"


@rule(
    "lb-two-zones",
    "Elastic Load Balancing CreateLoadBalancer: an Application Load Balancer needs two zones, one subnet in each",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
)
def lb_two_zones(ctx: RuleContext) -> Iterator[Finding]:
    """Application load balancers in one zone, or with two subnets in one."""
    if ctx.text("loadBalancerType") not in {None, "application"}:
        return
    mappings = ctx.inputs.get("subnetMappings")
    if is_list(mappings):
        if len(mappings) < 2:
            yield (
                "subnetMappings",
                f"names {len(mappings)} subnet, but an Application Load Balancer needs subnets in at least two availability zones",
            )
        return
    if ctx.absent("subnets"):
        yield "subnets", "is missing: name at least two subnets, in two availability zones"
        return
    yield from too_few_zones(ctx, "subnets", "an Application Load Balancer")
    subnets, _ = ctx.related("subnets", _SUBNET)
    zones = [known.get("availabilityZone") for known in subnets]
    doubled = sorted({zone for zone in zones if isinstance(zone, str) and zones.count(zone) > 1})
    if doubled and len(set(zones)) > 1:
        yield "subnets", f"has more than one subnet in {', '.join(doubled)}; a load balancer takes one in each zone"


@rule(
    "rds-two-zones",
    "RDS CreateDBSubnetGroup: subnets in at least two zones (DBSubnetGroupDoesNotCoverEnoughAZs)",
    "aws:rds/subnetGroup:SubnetGroup",
)
def rds_two_zones(ctx: RuleContext) -> Iterator[Finding]:
    """Database subnet groups in one zone."""
    yield from too_few_zones(ctx, "subnetIds", "a database subnet group")


_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_PROTOCOLS_WITHOUT_PORTS = {"-1", "all"}


def ports(protocol: Any, low: Any, high: Any, prefix: str) -> Iterator[Finding]:
    """Ports, or an ICMP type and code, that do not fit the protocol."""
    start, end = number(low), number(high)
    if protocol in _PROTOCOLS_WITHOUT_PORTS:
        return
    if str(protocol) in {"icmp", "icmpv6", "1", "58"}:
        for name, value in (("fromPort", start), ("toPort", end)):
            if value is not None and not -1 <= value <= 255:
                yield f"{prefix}{name}", f"is {value:g}, but an ICMP type or code is -1 to 255"
        return
    for name, value in (("fromPort", start), ("toPort", end)):
        if value is not None and not 0 <= value <= 65535:
            yield f"{prefix}{name}", f"is {value:g}, but a port is 0 to 65535"
    if start is not None and end is not None and start > end:
        yield f"{prefix}fromPort", f"is {start:g}, above toPort {end:g}"


@rule("sg-rules", "EC2 IpPermission: port ranges, protocols and CIDR blocks", _GROUP, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
def inline_rules(ctx: RuleContext) -> Iterator[Finding]:
    """Inline rules of a security group."""
    for side in ("ingress", "egress"):
        for index, each in enumerate(ctx.items(side)):
            if is_map(each):
                prefix = f"{side}[{index}]."
                yield from ports(each.get("protocol"), each.get("fromPort"), each.get("toPort"), prefix)
                for name in ("cidrBlocks", "ipv6CidrBlocks"):
                    blocks = each.get(name)
                    for position, block in enumerate(blocks if is_list(blocks) else []):
                        found = network_of(block)
                        if isinstance(found, str):
                            yield f"{prefix}{name}[{position}]", found


@rule(
    "sg-rule",
    "EC2 AuthorizeSecurityGroupIngress: one source, a port range unless the protocol is -1",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
)
def standalone_rule(ctx: RuleContext) -> Iterator[Finding]:
    """Standalone security group rules."""
    sources = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
    given = [name for name in sources if not ctx.absent(name)]
    if len(given) != 1:
        yield "", f"names {len(given)} of {', '.join(sources)}, but a rule takes exactly one"
    protocol = ctx.text("ipProtocol")
    yield from ports(protocol, ctx.inputs.get("fromPort"), ctx.inputs.get("toPort"), "")
    if protocol in _PROTOCOLS_WITHOUT_PORTS:
        for name in ("fromPort", "toPort"):
            if number(ctx.inputs.get(name)) not in {None, -1.0, 0.0}:
                yield name, "is given, but a rule for every protocol (-1) covers every port"
    elif protocol is not None:
        for name in ("fromPort", "toPort"):
            if ctx.absent(name):
                yield name, f"is missing, but protocol {protocol} needs a port range"
    for name, version in (("cidrIpv4", 4), ("cidrIpv6", 6)):
        found = network_of(ctx.inputs.get(name))
        if isinstance(found, str):
            yield name, found
        elif found is not None and found.version != version:
            yield name, f"is {shown(str(found))}, an IPv{found.version} block"


@rule("sg-old-rule", "EC2 AuthorizeSecurityGroupIngress: port ranges and CIDR blocks", "aws:ec2/securityGroupRule:SecurityGroupRule")
def old_rule(ctx: RuleContext) -> Iterator[Finding]:
    """Old-style security group rules."""
    yield from ports(ctx.text("protocol"), ctx.inputs.get("fromPort"), ctx.inputs.get("toPort"), "")
    for name in ("cidrBlocks", "ipv6CidrBlocks"):
        for index, block in enumerate(ctx.items(name)):
            found = network_of(block)
            if isinstance(found, str):
                yield f"{name}[{index}]", found


@rule("route-target", "EC2 CreateRoute: one destination and one target", "aws:ec2/route:Route")
def route_target(ctx: RuleContext) -> Iterator[Finding]:
    """Routes with no target, or several."""
    targets = [
        "carrierGatewayId",
        "coreNetworkArn",
        "egressOnlyGatewayId",
        "gatewayId",
        "localGatewayId",
        "natGatewayId",
        "networkInterfaceId",
        "transitGatewayId",
        "vpcEndpointId",
        "vpcPeeringConnectionId",
        "odbNetworkArn",
    ]
    given = [name for name in targets if not ctx.absent(name)]
    # Of two that only an `up` can tell, one may turn out to be nothing.
    known = [name for name in given if ctx.inputs.get(name) is not UNKNOWN]
    if len(known) > 1 or not given:
        yield "", f"names {len(given)} targets ({', '.join(given) or 'none'}), but a route takes exactly one of {', '.join(targets)}"
    destinations = [
        name for name in ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId") if not ctx.absent(name)
    ]
    if len(destinations) != 1:
        yield "", f"names {len(destinations)} destinations, but a route takes exactly one"
    for name in ("destinationCidrBlock", "destinationIpv6CidrBlock"):
        found = network_of(ctx.inputs.get(name))
        if isinstance(found, str):
            yield name, found


@rule("nat-address", "EC2 CreateNatGateway: a public NAT gateway needs an Elastic IP", "aws:ec2/natGateway:NatGateway")
def nat_address(ctx: RuleContext) -> Iterator[Finding]:
    """NAT gateways without an address, or a private one with an address."""
    if ctx.text("availabilityMode") == "regional":
        return
    private = ctx.text("connectivityType") == "private"
    if private and not ctx.absent("allocationId"):
        yield "allocationId", "is given, but a private NAT gateway takes no Elastic IP"
    if not private and ctx.absent("allocationId"):
        yield "allocationId", "is missing: a public NAT gateway needs an Elastic IP"
    if ctx.absent("subnetId"):
        yield "subnetId", "is missing"


@rule(
    "vpc-endpoint",
    "EC2 CreateVpcEndpoint: route tables for gateways, subnets for interfaces, a service of the region",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
)
def vpc_endpoint(ctx: RuleContext) -> Iterator[Finding]:
    """Gateway and interface endpoints that were given each other's settings."""
    kind = ctx.chosen("vpcEndpointType", "Gateway")
    service = ctx.text("serviceName")
    if kind == "Gateway":
        for name in ("subnetIds", "securityGroupIds"):
            if ctx.inputs.get(name):
                yield name, "is given, but a gateway endpoint takes route tables only"
        if service is not None and service.startswith("com.amazonaws.") and not service.endswith((".s3", ".dynamodb", ".s3express")):
            yield "vpcEndpointType", f"is Gateway, but {service} has interface endpoints only"
    elif kind == "Interface" and ctx.inputs.get("routeTableIds"):
        yield "routeTableIds", "is given, but an interface endpoint takes subnets and security groups"
    if (
        service is not None
        and service.startswith("com.amazonaws.")
        and not service.startswith(("com.amazonaws.vpce", "com.amazonaws.s3-global", f"com.amazonaws.{ctx.region}."))
    ):
        parts = service.split(".")
        if len(parts) > 3 and parts[2].count("-") >= 2 and ctx.absent("serviceRegion"):
            yield "serviceName", f"is {shown(service)}, a service of {parts[2]}, but the endpoint is in {ctx.region}"


@rule("flow-log-target", "EC2 CreateFlowLogs: a destination, and a role for CloudWatch Logs", "aws:ec2/flowLog:FlowLog")
def flow_log_target(ctx: RuleContext) -> Iterator[Finding]:
    """Flow logs that go nowhere."""
    sources = [
        name
        for name in ("vpcId", "subnetId", "eniId", "transitGatewayId", "transitGatewayAttachmentId", "regionalNatGatewayId")
        if not ctx.absent(name)
    ]
    if len(sources) != 1:
        yield "", f"watches {len(sources)} things, but a flow log takes exactly one of vpcId, subnetId, eniId, transitGatewayId"
    kind = ctx.chosen("logDestinationType", "cloud-watch-logs")
    if ctx.absent("logDestination"):
        yield "logDestination", f"is missing, but {kind} needs the ARN of the log group, bucket or stream"
    if kind == "cloud-watch-logs" and ctx.absent("iamRoleArn"):
        yield "iamRoleArn", "is missing, but CloudWatch Logs needs a role that may write"
    if ctx.absent("trafficType") and ctx.absent("transitGatewayId") and ctx.absent("transitGatewayAttachmentId"):
        yield "trafficType", "is missing: ACCEPT, REJECT or ALL"


@rule("network-firewall-zones", "Network Firewall CreateFirewall: one subnet in each zone", "aws:networkfirewall/firewall:Firewall")
def firewall_subnets(ctx: RuleContext) -> Iterator[Finding]:
    """Firewalls without subnets, or with the same subnet twice."""
    mappings = ctx.items("subnetMappings")
    if not mappings and ctx.absent("transitGatewayId") and ctx.inputs.get("subnetMappings") is not UNKNOWN:
        yield "subnetMappings", "is missing: a firewall needs at least one subnet"
    names = [str(each["subnetId"]) for each in mappings if is_map(each) and isinstance(each.get("subnetId"), str)]
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield "subnetMappings", f"names {name} twice"


@rule(
    "network-firewall-rules",
    "Network Firewall CreateRuleGroup: Suricata rules with unique sids, or a rule source",
    "aws:networkfirewall/ruleGroup:RuleGroup",
)
def firewall_rules(ctx: RuleContext) -> Iterator[Finding]:
    """Suricata rules that Network Firewall would refuse."""
    import re

    group = ctx.get("ruleGroup")
    text = ctx.text("rules")
    source = group.get("rulesSource") if is_map(group) else None
    if text is None and is_map(source) and isinstance(source.get("rulesString"), str):
        text = source["rulesString"]
    if ctx.absent("rules") and ctx.absent("ruleGroup"):
        yield "", "has neither rules nor ruleGroup"
    if text is None:
        return
    path = "rules" if ctx.text("rules") is not None else "ruleGroup.rulesSource.rulesString"
    sids: set[str] = set()
    for line_number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if not re.match(
            r"(pass|drop|reject|alert)\s+\S+\s+\S+\s+\S+\s+(->|<>)\s+\S+\s+\S+\s*\(.*\)\s*$", re.sub(r"\[[^\]]*\]", "[]", line)
        ):
            yield path, f"line {line_number} is no Suricata rule (action protocol source port -> target port (options)): {shown(line)}"
            continue
        found = re.search(r"\bsid\s*:\s*(\d+)", line)
        if found is None:
            yield path, f"line {line_number} has no sid"
        elif found[1] in sids:
            yield path, f"line {line_number} repeats sid {found[1]}"
        else:
            sids.add(found[1])
    capacity = ctx.number("capacity")
    if capacity is not None and len(sids) > capacity:
        yield "capacity", f"is {capacity:g}, but there are {len(sids)} rules (capacity is fixed when the group is created)"


@rule(
    "network-firewall-policy",
    "Network Firewall FirewallPolicy: stateful defaults need STRICT_ORDER, priorities are unique",
    "aws:networkfirewall/firewallPolicy:FirewallPolicy",
)
def firewall_policy(ctx: RuleContext) -> Iterator[Finding]:
    """Default actions that do not go with the rule order."""
    policy = ctx.get("firewallPolicy")
    if not is_map(policy):
        return
    options = policy.get("statefulEngineOptions")
    order = options.get("ruleOrder") if is_map(options) else None
    if policy.get("statefulDefaultActions") and order != "STRICT_ORDER" and order is not UNKNOWN:
        yield "firewallPolicy.statefulDefaultActions", "is given, but default actions need statefulEngineOptions.ruleOrder STRICT_ORDER"
    for name in ("statefulRuleGroupReferences", "statelessRuleGroupReferences"):
        references = policy.get(name)
        items = [each for each in references if is_map(each)] if is_list(references) else []
        priorities = [each.get("priority") for each in items]
        for index, each in enumerate(items):
            if each.get("priority") is None and order == "STRICT_ORDER" and name.startswith("stateful"):
                yield f"firewallPolicy.{name}[{index}].priority", "is missing, but strict order needs one"
            elif each.get("priority") is not None and each["priority"] is not UNKNOWN and priorities.count(each["priority"]) > 1:
                yield f"firewallPolicy.{name}[{index}].priority", f"is {each['priority']}, which another group has too"


_STATEFUL_ACTIONS = frozenset(
    f"aws:{verb}_{what}"
    for verb in ("drop", "alert")
    for what in ("strict", "established", "established_app_layer", "established_app_layer_to_server")
)


@rule(
    "network-firewall-default-actions",
    "Network Firewall FirewallPolicy: known actions, and one family of the established ones",
    "aws:networkfirewall/firewallPolicy:FirewallPolicy",
)
def firewall_default_actions(ctx: RuleContext) -> Iterator[Finding]:
    """Stateful default actions that AWS does not know, or does not take together."""
    policy = ctx.get("firewallPolicy")
    actions = policy.get("statefulDefaultActions") if is_map(policy) else None
    given = [str(each) for each in actions if isinstance(each, str)] if is_list(actions) else []
    path = "firewallPolicy.statefulDefaultActions"
    for action in given:
        if action not in _STATEFUL_ACTIONS and action.startswith("aws:"):
            yield path, f"names {shown(action)}, which is none of {', '.join(sorted(_STATEFUL_ACTIONS))}"
    families = sorted({action.split("_", 1)[1] for action in given if action in _STATEFUL_ACTIONS and not action.endswith("_strict")})
    if len(families) > 1:
        yield path, f"mixes {' and '.join(families)}, which AWS does not take together"


@rule(
    "network-firewall-rule-size",
    "Network Firewall quotas: 8,192 characters a rule, 2,000,000 bytes a group",
    "aws:networkfirewall/ruleGroup:RuleGroup",
)
def firewall_rule_size(ctx: RuleContext) -> Iterator[Finding]:
    """Rules that are too long for the service."""
    group = ctx.get("ruleGroup")
    source = group.get("rulesSource") if is_map(group) else None
    for path, text in (
        ("rules", ctx.text("rules")),
        ("ruleGroup.rulesSource.rulesString", source.get("rulesString") if is_map(source) else None),
    ):
        if not isinstance(text, str):
            continue
        if not text.strip():
            yield path, "is empty, but a rule group needs at least one rule"
        if len(text.encode()) > 2_000_000:
            yield path, f"has {len(text.encode()):,} bytes, but AWS takes at most 2,000,000"
        for position, line in enumerate(text.splitlines(), 1):
            if len(line) > 8_192:
                yield path, f"line {position} has {len(line):,} characters, but AWS takes at most 8,192"


@rule(
    "cidr-format",
    "CIDR notation",
    "aws:ec2/networkAclRule:NetworkAclRule",
    "aws:wafv2/ipSet:IpSet",
    "aws:ec2/managedPrefixList:ManagedPrefixList",
)
def cidr_format(ctx: RuleContext) -> Iterator[Finding]:
    """Blocks in lists and rules."""
    for path, value in walk(dict(ctx.inputs)):
        if (
            path.startswith(("addresses[", "cidrBlock", "entries["))
            and isinstance(value, str)
            and (path.startswith("addresses") or path.endswith(("cidrBlock", "cidr")))
        ):
            found = network_of(value)
            if isinstance(found, str):
                yield path, found
