"""Rules about subnets and what stands around them: access lists, flow logs, endpoints, NAT gateways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policies.checks import partnered
from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.security_groups import is_world
from policies.subnets import occupied_subnets, workload_subnets
from policies.tokens import (
    DEFAULT_NETWORK_ACL,
    DEFAULT_SUBNET,
    DEFAULT_VPC,
    ECS_SERVICE,
    NAT_GATEWAY,
    NETWORK_ACL,
    NETWORK_ACL_RULE,
    SUBNET,
    SUBNETS,
    VPC,
    VPC_ENDPOINT,
)
from policies.values import ABSENT, UNKNOWN, Gap, Value, descend, items

_NACL, _DEFAULT_NACL, _NACL_RULE = NETWORK_ACL, DEFAULT_NETWORK_ACL, NETWORK_ACL_RULE
_FLOW_LOG = "aws:ec2/flowLog:FlowLog"
_ADMIN = {22: "SSH", 3389: "remote desktop"}
_WITH_PORTS = ("6", "tcp", "-1", "all")


@dataclass(frozen=True)
class _Entry:
    carrier: Resource
    prop: str
    number: Value
    action: Value
    protocol: Value
    first: Value
    last: Value
    blocks: tuple[Value, ...]

    def covers(self, port: int) -> bool:
        """Whether it may be about a TCP port; what is unknown may."""
        if self.protocol is not UNKNOWN and str(self.protocol).lower() not in _WITH_PORTS:
            return False
        if str(self.protocol).lower() in ("-1", "all") or any(isinstance(bound, Gap) for bound in (self.first, self.last)):
            return True
        return int(str(self.first)) <= port <= int(str(self.last))

    @property
    def certain(self) -> bool:
        return not any(value is UNKNOWN for value in (self.number, self.action, self.protocol, self.first, self.last, *self.blocks))


def _entries(acl: Resource) -> list[_Entry]:
    found = [
        _Entry(
            acl,
            "ingress",
            descend(item, "ruleNo"),
            descend(item, "action"),
            descend(item, "protocol"),
            descend(item, "fromPort"),
            descend(item, "toPort"),
            (descend(item, "cidrBlock"), descend(item, "ipv6CidrBlock")),
        )
        for item in items(acl.get("ingress"))
    ]
    if acl.stack is not None:
        found += [
            _Entry(
                rule,
                "cidrBlock",
                rule.get("ruleNumber"),
                rule.get("ruleAction"),
                rule.get("protocol"),
                rule.get("fromPort"),
                rule.get("toPort"),
                (rule.get("cidrBlock"), rule.get("ipv6CidrBlock")),
            )
            for rule in acl.stack.users(acl, "networkAclId", _NACL_RULE)
            if rule.flag("egress", default=False) is not True
        ]
    return found


def _order(entry: _Entry) -> int:
    # An entry whose number is not known may come first.
    return entry.number if isinstance(entry.number, int) else 0


def _no_administration(stack: Stack) -> Iterator[Problem]:
    with_nat = {home.urn for gateway in stack.of(NAT_GATEWAY) for home in gateway.sources("subnetId", *SUBNETS)}
    occupied = set(occupied_subnets(stack))
    for acl in stack.of(_NACL, _DEFAULT_NACL):
        homes = {home.urn for home in acl.sources("subnetIds", *SUBNETS)}
        if homes & with_nat and not homes & occupied:
            continue
        ordered = sorted(_entries(acl), key=_order)
        for port, name in _ADMIN.items():
            for version in (0, 1):
                yield from _first_match(acl, [entry for entry in ordered if entry.covers(port)], port, name, version)


def _first_match(acl: Resource, entries: list[_Entry], port: int, name: str, version: int) -> Iterator[Problem]:
    for entry in entries:
        block = entry.blocks[version]
        if block is UNKNOWN or (not entry.certain and isinstance(block, str) and is_world(block)):
            yield unresolved(
                entry.carrier, entry.prop, f"an entry of {acl.name} is not known yet: it may admit the world to {port} ({name})"
            )
            return
        if isinstance(block, str) and is_world(block):
            if str(entry.action).lower() == "allow":
                yield violation(entry.carrier, entry.prop, f"{acl.name} admits {block} to {port} ({name})")
                return
            if block in ("0.0.0.0/0", "::/0"):
                return


def _acl(*ingress: dict[str, object], name: str = "acl") -> Given:
    return Given(_NACL, name, {"ingress": list(ingress)})


def _entry(number: object, action: str, first: object, last: object, cidr: object = "0.0.0.0/0") -> dict[str, object]:
    return {"ruleNo": number, "action": action, "protocol": "tcp", "fromPort": first, "toPort": last, "cidrBlock": cidr}


NET_05 = StackRule(
    id="NET-05",
    severity=Severity.MEDIUM,
    title="No network access list admits the world to SSH or remote desktop.",
    rationale=(
        "The list is the second wall: it must hold on the day when a security group is wrong. Subnets with NAT gateways and nothing else are "
        "excepted: these answer nothing that was not asked from inside, and their replies come to any port from 1024, 3389 among them."
    ),
    remediation="Deny ports 22 and 3389 from 0.0.0.0/0 with a lower number than what admits the ports of replies.",
    references=("FSBP EC2.21", "CIS 5.2", "CKV_AWS_229", "CKV_AWS_231", "CKV_AWS_232", "CKV_AWS_352", "AVD-AWS-0105"),
    types=(_NACL, _DEFAULT_NACL, _NACL_RULE),
    check=_no_administration,
    examples=(
        good("HTTPS", _acl(_entry(100, "allow", 443, 443))),
        good("replies, after a denial", _acl(_entry(90, "deny", 3389, 3389), _entry(100, "allow", 1024, 65535))),
        good("SSH from one's own network", _acl(_entry(100, "allow", 22, 22, "10.0.0.0/8"))),
        good(
            "replies to NAT gateways",
            Given(_NACL, "acl", {"subnetIds": [UNKNOWN], "ingress": [_entry(100, "allow", 1024, 65535)]}, {"subnetIds": ["nat"]}),
            Given(SUBNET, "nat", {}),
            Given(NAT_GATEWAY, "gateway", {"subnetId": UNKNOWN}, {"subnetId": ["nat"]}),
        ),
        bad(
            "the same with something else beside the gateways",
            Given(_NACL, "acl", {"subnetIds": [UNKNOWN], "ingress": [_entry(100, "allow", 1024, 65535)]}, {"subnetIds": ["nat"]}),
            Given(SUBNET, "nat", {}),
            Given(NAT_GATEWAY, "gateway", {"subnetId": UNKNOWN}, {"subnetId": ["nat"]}),
            Given(ECS_SERVICE, "backend", {"networkConfiguration": {"subnets": [UNKNOWN]}}, {"networkConfiguration": ["nat"]}),
        ),
        bad("SSH", _acl(_entry(100, "allow", 22, 22))),
        bad("the denial comes too late", _acl(_entry(110, "deny", 3389, 3389), _entry(100, "allow", 1024, 65535))),
        bad("everything", _acl({"ruleNo": 100, "action": "allow", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlock": "0.0.0.0/0"})),
        bad(
            "a rule of its own",
            Given(
                _NACL_RULE,
                "in",
                {
                    "networkAclId": UNKNOWN,
                    "ruleNumber": 100,
                    "ruleAction": "allow",
                    "protocol": "6",
                    "fromPort": 22,
                    "toPort": 22,
                    "ipv6CidrBlock": "::/0",
                },
                {"networkAclId": ["acl"]},
            ),
            Given(_NACL, "acl", {}),
        ),
        unknown("an unknown block", _acl(_entry(100, "allow", 22, 22, UNKNOWN)), expect={"acl": Kind.UNRESOLVED}),
        unknown("unknown entries", Given(_NACL, "acl", {"ingress": UNKNOWN}), expect={"acl": Kind.UNRESOLVED}),
        absent("a list without entries denies everything", Given(_NACL, "acl", {})),
    ),
)


def _no_public_addresses(resource: Resource) -> Iterator[Problem]:
    # A default subnet hands out public addresses until told otherwise; one of our own does not.
    given = resource.flag("mapPublicIpOnLaunch", default=resource.type == DEFAULT_SUBNET)
    if isinstance(given, Gap):
        yield unresolved(resource, "mapPublicIpOnLaunch")
    elif given:
        yield violation(resource, "mapPublicIpOnLaunch", "gives a public address to whatever is started in it")


NET_06 = ResourceRule(
    id="NET-06",
    severity=Severity.MEDIUM,
    title="No subnet hands out public addresses by itself.",
    rationale="A public address that nobody asked for is half of what an attacker needs; load balancers and NAT gateways ask for theirs.",
    remediation="Set `map_public_ip_on_launch=False`.",
    references=("FSBP EC2.15", "CKV_AWS_130", "AVD-AWS-0164"),
    types=SUBNETS,
    check=_no_public_addresses,
    examples=(
        good("said so", Given(SUBNET, "a", {"mapPublicIpOnLaunch": False})),
        bad("it does", Given(SUBNET, "a", {"mapPublicIpOnLaunch": True})),
        unknown("not known", Given(SUBNET, "a", {"mapPublicIpOnLaunch": UNKNOWN}), expect={"a": Kind.UNRESOLVED}),
        absent("a subnet of our own does not", Given(SUBNET, "a", {})),
        absent("a default subnet does", Given(DEFAULT_SUBNET, "a", {}), expect={"a": Kind.VIOLATION}),
    ),
)


def _flows_logged(stack: Stack) -> Iterator[Problem]:
    yield from partnered(stack, VPC, _FLOW_LOG, "vpcId", "id", "nothing records its traffic: it has no flow log")
    for log in stack.of(_FLOW_LOG):
        traffic = log.get("trafficType")
        if traffic is UNKNOWN:
            yield unresolved(log, "trafficType")
        elif log.get("transitGatewayId") is ABSENT and traffic != "ALL":
            yield violation(log, "trafficType", f"records {'nothing' if traffic is ABSENT else traffic} instead of ALL")


def _log(**props: object) -> Given:
    return Given(_FLOW_LOG, "flow", {"vpcId": UNKNOWN, "trafficType": "ALL", **props}, {"vpcId": ["vpc"]})


_VPC = Given(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"})

NET_07 = StackRule(
    id="NET-07",
    severity=Severity.MEDIUM,
    title="A flow log records all traffic of every VPC.",
    rationale="After an incident the flow log is what says who talked to whom; refused and admitted traffic are both half of the answer.",
    remediation='Add an `ec2.FlowLog` of the VPC with `traffic_type="ALL"`.',
    references=("FSBP EC2.6", "CIS 3.7", "CKV2_AWS_11", "AVD-AWS-0178"),
    types=(VPC, _FLOW_LOG),
    check=_flows_logged,
    examples=(
        good("all of it", _VPC, _log()),
        bad("no log", _VPC),
        bad("half of it", _log(trafficType="REJECT"), _VPC),
        bad("the log of another VPC", _VPC, Given(_FLOW_LOG, "flow", {"vpcId": "vpc-0b", "trafficType": "ALL"})),
        unknown("which traffic is not known", _VPC, _log(trafficType=UNKNOWN), expect={"flow": Kind.UNRESOLVED}),
        unknown(
            "nothing says which VPC",
            _VPC,
            Given(_FLOW_LOG, "flow", {"vpcId": UNKNOWN, "trafficType": "ALL"}),
            expect={"flow": Kind.UNRESOLVED},
        ),
        absent("a stack without a VPC of its own"),
    ),
)

_ENDPOINTS = ("ecr.api", "ecr.dkr", "kms", "logs", "s3", "secretsmanager")


def _endpoints_there(stack: Stack) -> Iterator[Problem]:
    """In each VPC in whose subnets services run without a public address."""
    subnets = {
        subnet.urn: subnet
        for service in stack.of(ECS_SERVICE)
        if service.flag("networkConfiguration.assignPublicIp", default=False) is not True
        for subnet in service.sources("networkConfiguration", *SUBNETS)
    }
    vpcs = {vpc.urn: vpc for subnet in subnets.values() for vpc in subnet.sources("vpcId", VPC, DEFAULT_VPC)}
    for vpc in vpcs.values():
        there: set[str] = set()
        lost: list[Resource] = []
        for endpoint in stack.users(vpc, "vpcId", VPC_ENDPOINT):
            name = endpoint.get("serviceName")
            if isinstance(name, str):
                there |= {service for service in _ENDPOINTS if name.endswith(f".{service}")}
            else:
                lost.append(endpoint)
        missing = [service for service in _ENDPOINTS if service not in there]
        if missing and lost:
            for endpoint in lost:
                yield unresolved(endpoint, "serviceName")
        elif missing:
            yield violation(vpc, "id", f"services run in it without endpoints of their own for {', '.join(missing)}")


def _endpoint(service: object, name: str = "") -> Given:
    named = f"com.amazonaws.us-east-1.{service}" if isinstance(service, str) else service
    return Given(VPC_ENDPOINT, name or str(service), {"vpcId": UNKNOWN, "serviceName": named}, {"vpcId": ["vpc"]})


_APP = Given(SUBNET, "app", {"availabilityZone": "us-east-1a", "vpcId": UNKNOWN}, {"vpcId": ["vpc"]})
_APP_B = Given(SUBNET, "app-b", {"availabilityZone": "us-east-1b", "vpcId": UNKNOWN}, {"vpcId": ["vpc"]})
_SERVICE = Given(
    ECS_SERVICE, "backend", {"networkConfiguration": {"subnets": [UNKNOWN, UNKNOWN]}}, {"networkConfiguration": ["app", "app-b"]}
)
_RUNNING = (_VPC, _APP, _APP_B, _SERVICE)

NET_08 = StackRule(
    id="NET-08",
    severity=Severity.MEDIUM,
    title="Services reach ECR, logs, secrets, keys and S3 through endpoints of their own VPC.",
    rationale="Through an endpoint a request can be held to our own account; through the NAT, images and secrets also cost by the gigabyte.",
    remediation="Add the missing `ec2.VpcEndpoint`s; `network.endpoints: full` has them all.",
    references=("FSBP EC2.10", "FSBP EC2.55", "FSBP EC2.56"),
    types=(VPC, DEFAULT_VPC, VPC_ENDPOINT),
    check=_endpoints_there,
    examples=(
        good("all of them", *_RUNNING, *(_endpoint(service) for service in _ENDPOINTS)),
        good("nothing runs in it", _VPC, _APP),
        bad("one is missing", *_RUNNING, *(_endpoint(service) for service in _ENDPOINTS[1:])),
        bad("none at all", *_RUNNING),
        unknown("one is not known", *_RUNNING, _endpoint(UNKNOWN, "some"), expect={"some": Kind.UNRESOLVED}),
        absent("a stack without services", _VPC),
    ),
)


def _nat_in_each_zone(stack: Stack) -> Iterator[Problem]:
    gateways = [gateway for gateway in stack.of(NAT_GATEWAY) if gateway.get("connectivityType") != "private"]
    if not gateways:
        return
    served: set[str] = set()
    for gateway in gateways:
        homes = gateway.sources("subnetId", *SUBNETS)
        if not homes:
            yield unresolved(gateway, "subnetId", "its subnet is not of this stack: nothing shows which zone it serves")
            return
        for home in homes:
            zone = home.get("availabilityZone")
            if not isinstance(zone, str):
                yield unresolved(home, "availabilityZone")
                return
            served.add(zone)
    zones = {zone for subnet in workload_subnets(stack).values() if isinstance(zone := subnet.get("availabilityZone"), str)}
    if left := sorted(zones - served):
        yield violation(
            gateways[0], "subnetId", f"no NAT gateway stands in {', '.join(left)}, where services run: with its zone they lose the internet"
        )


def _nat(subnet: str = "app", **props: object) -> Given:
    return Given(NAT_GATEWAY, f"nat-{subnet}", {"subnetId": UNKNOWN, **props}, {"subnetId": [subnet]})


NET_13 = StackRule(
    id="NET-13",
    severity=Severity.MEDIUM,
    title="Every zone in which services run has a NAT gateway of its own.",
    rationale="One gateway for all takes every zone's way out with it when its own zone fails. It costs less: the settings may choose it.",
    remediation="Set `network.nat: per-zone`.",
    references=(),
    types=(NAT_GATEWAY, *SUBNETS),
    check=_nat_in_each_zone,
    examples=(
        good("one a zone", _nat(), _nat("app-b"), *_RUNNING),
        good("no way out at all", *_RUNNING),
        bad("one for all", _nat(), *_RUNNING),
        unknown(
            "where it stands is not known", *_RUNNING, Given(NAT_GATEWAY, "nat", {"subnetId": UNKNOWN}), expect={"nat": Kind.UNRESOLVED}
        ),
        absent("nothing runs", _VPC, _APP, _nat()),
    ),
)

RULES = (NET_05, NET_06, NET_07, NET_08, NET_13)
