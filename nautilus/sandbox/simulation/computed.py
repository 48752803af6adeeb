"""Values that AWS would make up for a resource: ids, ARNs, endpoints, in AWS's real formats and always the same for a stack.

A type has a `Spec` here where a program is likely to use its values; every other type falls back on its name patterns (an `arn` looks like an ARN, an
id like an id), so that each output has a value of its declared type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nautilus.sandbox.simulation import formats
from nautilus.sandbox.simulation.autoname import NAME_PROPERTIES
from nautilus.sandbox.simulation.context import Known, Peer, Run, Urn, partition_of
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.types_table import ResourceType, Type, TypesTable
from nautilus.sandbox.simulation.values import UNKNOWN, Asset, Secret, is_list, is_map, reveal

_WHEN = "2025-01-01T00:00:00Z"
"""The one moment of the simulation: no clock, so that a plan is the same tomorrow."""


@dataclass(frozen=True)
class Subject:
    """A resource whose values are made."""

    urn: Urn
    inputs: Mapping[str, Any]
    """Plain inputs: secrets opened."""
    peer: Peer
    run: Run
    generation: int = 0

    @cached_property
    def seed(self) -> Seed:
        """The source of its values: stack, project, URN and generation."""
        return Seed(f"{self.urn.text}#{self.generation}")

    @property
    def region(self) -> str:
        """Its own region, else the provider's."""
        own = self.inputs.get("region")
        return own if isinstance(own, str) else self.peer.region

    @property
    def account(self) -> str:
        """Account id."""
        return self.peer.account

    @property
    def name(self) -> str:
        """Physical name, or the logical one where the type has no name."""
        value = self.inputs.get(NAME_PROPERTIES.get(self.urn.token, "name"))
        if not isinstance(value, str):
            value = self.inputs.get("name")
        if not isinstance(value, str):
            prefix = self.inputs.get(f"{NAME_PROPERTIES.get(self.urn.token, 'name')}Prefix")
            value = f"{prefix}{self.seed.digits(26, 'prefix')}" if isinstance(prefix, str) else self.urn.name
        return value

    def text(self, name: str, default: str = "") -> str:
        """A string input, or the default."""
        value = self.inputs.get(name)
        return value if isinstance(value, str) else default

    def integer(self, name: str, default: int) -> int:
        """A whole-number input, or the default."""
        value = self.inputs.get(name)
        try:
            return int(value) if value is not None and value is not UNKNOWN else default
        except (TypeError, ValueError):
            return default

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN of this account and region."""
        at = self.region if region is None else region
        owner = self.account if account is None else account
        return f"arn:{partition_of(self.region)}:{service}:{at}:{owner}:{resource}"

    def suffix(self) -> str:
        """Domain of AWS's service endpoints in the region."""
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    def find(self, name: str) -> Known | None:
        """The resource that a string input names by id or ARN."""
        value = self.inputs.get(name)
        return self.run.find(value) if isinstance(value, str) else None

    def vpc_of(self, name: str) -> str:
        """The VPC of the subnets that an input lists; an invented one if they are not known."""
        value = self.inputs.get(name)
        for each in value if is_list(value) else [value]:
            known = self.run.find(each) if isinstance(each, str) else None
            if known is not None and isinstance(known.get("vpcId"), str):
                return known.get("vpcId")
        return self.seed.ec2("vpc")


Make = Callable[[Subject], dict[str, Any]]


@dataclass(frozen=True)
class Spec:
    """How values of one type are made."""

    make: Make
    """Returns computed outputs, and the physical id under `id`."""


_SPECS: dict[str, Make] = {}


def _spec(*tokens: str) -> Callable[[Make], Make]:
    def register(function: Make) -> Make:
        for token in tokens:
            _SPECS[token] = function
        return function

    return register


def _simple(
    token: str,
    service: str,
    resource: str,
    *,
    prefix: str = "",
    uuid: bool = False,
    by: str = "",
    regional: bool = True,
    extra: Make | None = None,
) -> None:
    """A type whose id and ARN follow a pattern.

    Args:
        token: resource type.
        service: service in the ARN.
        resource: resource part of the ARN, with {id}, {name} and {hex}.
        prefix: id of EC2's family with this prefix.
        uuid: the id is a UUID.
        by: the id is `name`, `arn`, or another input.
        regional: whether the ARN names the region.
        extra: further outputs.
    """

    def make(s: Subject) -> dict[str, Any]:
        ident = s.seed.ec2(prefix) if prefix else s.seed.uuid() if uuid else ""
        arn = s.arn(service, resource.format(id=ident, name=s.name, hex=s.seed.hex(16, "arn")), region=None if regional else "")
        if not ident:
            ident = arn if by == "arn" else s.name if by in {"", "name"} else s.text(by, s.name)
        return {"id": ident, "arn": arn, "ownerId": s.account, **(extra(s) if extra else {})}

    _SPECS[token] = make


# ------------------------------------------------------------------ network


def _vpc(s: Subject) -> dict[str, Any]:
    table = s.seed.ec2("rtb", "main")
    return {
        "defaultNetworkAclId": s.seed.ec2("acl", "default"),
        "defaultRouteTableId": table,
        "mainRouteTableId": table,
        "defaultSecurityGroupId": s.seed.ec2("sg", "default"),
        "dhcpOptionsId": s.seed.ec2("dopt", "default"),
        "enableNetworkAddressUsageMetrics": False,
        "enableDnsHostnames": False,
        "instanceTenancy": "default",
        "enableDnsSupport": True,
    }


def _subnet(s: Subject) -> dict[str, Any]:
    zone = s.text("availabilityZone") or f"{s.region}a"
    return {
        "availabilityZone": zone,
        "availabilityZoneId": formats.zone_id(zone),
        "privateDnsHostnameTypeOnLaunch": "ip-name",
        "mapPublicIpOnLaunch": False,
        "assignIpv6AddressOnCreation": False,
    }


_simple("aws:ec2/vpc:Vpc", "ec2", "vpc/{id}", prefix="vpc", extra=_vpc)
_simple("aws:ec2/subnet:Subnet", "ec2", "subnet/{id}", prefix="subnet", extra=_subnet)
_simple("aws:ec2/internetGateway:InternetGateway", "ec2", "internet-gateway/{id}", prefix="igw")
_simple("aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "ec2", "egress-only-internet-gateway/{id}", prefix="eigw")
_simple("aws:ec2/routeTable:RouteTable", "ec2", "route-table/{id}", prefix="rtb")
_simple("aws:ec2/networkAcl:NetworkAcl", "ec2", "network-acl/{id}", prefix="acl")
_simple("aws:ec2/vpnGateway:VpnGateway", "ec2", "vpn-gateway/{id}", prefix="vgw")
_simple("aws:ec2/customerGateway:CustomerGateway", "ec2", "customer-gateway/{id}", prefix="cgw")
_simple("aws:ec2/vpnConnection:VpnConnection", "ec2", "vpn-connection/{id}", prefix="vpn")
_simple("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "ec2", "vpc-peering-connection/{id}", prefix="pcx")
_simple("aws:ec2/vpcDhcpOptions:VpcDhcpOptions", "ec2", "dhcp-options/{id}", prefix="dopt")
_simple("aws:ec2/managedPrefixList:ManagedPrefixList", "ec2", "prefix-list/{id}", prefix="pl", extra=lambda _s: {"version": 1})
_simple("aws:ec2/flowLog:FlowLog", "ec2", "vpc-flow-log/{id}", prefix="fl")
_simple("aws:ec2/placementGroup:PlacementGroup", "ec2", "placement-group/{name}", extra=lambda s: {"placementGroupId": s.seed.ec2("pg")})
_simple("aws:ec2/keyPair:KeyPair", "ec2", "key-pair/{name}", by="keyName", extra=lambda s: {"keyPairId": s.seed.ec2("key")})
_simple("aws:ec2clientvpn/endpoint:Endpoint", "ec2", "client-vpn-endpoint/{id}", prefix="cvpn-endpoint")
_simple("aws:ec2transitgateway/transitGateway:TransitGateway", "ec2", "transit-gateway/{id}", prefix="tgw")
_simple(
    "aws:ec2/securityGroup:SecurityGroup",
    "ec2",
    "security-group/{id}",
    prefix="sg",
    extra=lambda s: {"description": "Managed by Pulumi", "revokeRulesOnDelete": False, "name": s.name},
)


@_spec(
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
    "aws:ec2/defaultRouteTable:DefaultRouteTable",
)
def _adopted(s: Subject) -> dict[str, Any]:
    # These adopt what came with the VPC, and so have its id.
    name, prefix, kind = {
        "DefaultSecurityGroup": ("defaultSecurityGroupId", "sg", "security-group"),
        "DefaultNetworkAcl": ("defaultNetworkAclId", "acl", "network-acl"),
        "DefaultRouteTable": ("defaultRouteTableId", "rtb", "route-table"),
    }[s.urn.token.rpartition(":")[2]]
    vpc = s.find("vpcId")
    given = s.text(name) or (vpc.get(name) if vpc else None)
    ident = given if isinstance(given, str) else s.seed.ec2(prefix)
    return {
        "id": ident,
        "arn": s.arn("ec2", f"{kind}/{ident}"),
        "ownerId": s.account,
        "name": "default",
        "description": "default VPC security group",
    }


@_spec("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
def _group_rule(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("sgr")
    return {"id": ident, "securityGroupRuleId": ident, "arn": s.arn("ec2", f"security-group-rule/{ident}")}


@_spec("aws:ec2/securityGroupRule:SecurityGroupRule")
def _old_group_rule(s: Subject) -> dict[str, Any]:
    return {"id": f"sgrule-{s.seed.digits(10)}", "securityGroupRuleId": s.seed.ec2("sgr")}


@_spec("aws:ec2/eip:Eip")
def _eip(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("eipalloc")
    public = s.seed.address("52")
    host = public.replace(".", "-")
    return {
        "id": ident,
        "allocationId": ident,
        "arn": s.arn("ec2", f"elastic-ip/{ident}"),
        "publicIp": public,
        "publicDns": f"ec2-{host}.{'compute-1' if s.region == 'us-east-1' else f'{s.region}.compute'}.amazonaws.com",
        "networkBorderGroup": s.region,
        "publicIpv4Pool": "amazon",
        "domain": "vpc",
        "ptrRecord": "",
        "associationId": "",
    }


@_spec("aws:ec2/natGateway:NatGateway")
def _nat(s: Subject) -> dict[str, Any]:
    eip = s.find("allocationId")
    return {
        "id": s.seed.ec2("nat"),
        "networkInterfaceId": s.seed.ec2("eni"),
        "associationId": s.seed.ec2("eipassoc"),
        "publicIp": eip.get("publicIp") if eip else s.seed.address("52"),
        "privateIp": s.seed.address("10.0"),
        "connectivityType": "public",
        "vpcId": s.vpc_of("subnetId"),
    }


@_spec("aws:ec2/route:Route")
def _route(s: Subject) -> dict[str, Any]:
    target = s.text("destinationCidrBlock") or s.text("destinationIpv6CidrBlock") or s.text("destinationPrefixListId")
    return {"id": f"r-{s.text('routeTableId', s.seed.ec2('rtb'))}{Seed(target).digits(10)}", "origin": "CreateRoute", "state": "active"}


@_spec("aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/networkAclAssociation:NetworkAclAssociation")
def _association(s: Subject) -> dict[str, Any]:
    return {"id": s.seed.ec2("rtbassoc" if "routeTable" in s.urn.token else "aclassoc")}


@_spec("aws:ec2/vpcEndpoint:VpcEndpoint")
def _endpoint(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("vpce")
    kind = s.text("vpcEndpointType", "Gateway")
    service = s.text("serviceName").removeprefix(f"com.amazonaws.{s.region}.")
    subnets = s.inputs.get("subnetIds")
    count = len(subnets) if is_list(subnets) else 0
    interface = kind == "Interface"
    return {
        "id": ident,
        "arn": s.arn("ec2", f"vpc-endpoint/{ident}"),
        "ownerId": s.account,
        "state": "available",
        "requesterManaged": False,
        "vpcEndpointType": kind,
        "networkInterfaceIds": [s.seed.ec2("eni", str(index)) for index in range(count)] if interface else [],
        "dnsEntries": (
            [
                {
                    "dnsName": f"{ident}-{s.seed.base36(8)}.{service}.{s.region}.vpce.amazonaws.com",
                    "hostedZoneId": Seed(s.region + service).zone(),
                }
            ]
            if interface
            else []
        ),
        "prefixListId": "" if interface else prefix_list_id(s.region, service),
        "cidrBlocks": [],
        "ipAddressType": "ipv4",
        "privateDnsEnabled": interface,
        "policy": json.dumps({"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}),
        "serviceRegion": s.region,
    }


def prefix_list_id(region: str, service: str) -> str:
    """Id of an AWS-managed prefix list, such as that of S3 in a region."""
    known = {("us-east-1", "s3"): "pl-63a5400a", ("us-east-1", "dynamodb"): "pl-02cd2c6b", ("us-east-1", "cloudfront"): "pl-3b927c52"}
    return known.get((region, service)) or f"pl-{Seed(f'{region}/{service}').hex(8)}"


@_spec("aws:ec2/networkInterface:NetworkInterface")
def _eni(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("eni")
    private = _first(s.inputs.get("privateIps")) or s.text("privateIp") or s.seed.address("10.0")
    raw = s.seed.hex(10, "mac")
    return {
        "id": ident,
        "arn": s.arn("ec2", f"network-interface/{ident}"),
        "ownerId": s.account,
        "macAddress": "0a:" + ":".join(raw[index : index + 2] for index in range(0, 10, 2)),
        "privateIp": private,
        "privateIps": [private],
        "privateIpLists": [private],
        "privateIpsCount": 0,
        "privateDnsName": f"ip-{private.replace('.', '-')}.{'ec2' if s.region == 'us-east-1' else f'{s.region}.compute'}.internal",
        "interfaceType": "interface",
        "sourceDestCheck": True,
    }


def _first(value: Any) -> str | None:
    return value[0] if is_list(value) and value and isinstance(value[0], str) else None


# ------------------------------------------------------------------ compute

_simple(
    "aws:ec2/launchTemplate:LaunchTemplate",
    "ec2",
    "launch-template/{id}",
    prefix="lt",
    extra=lambda s: {"latestVersion": s.integer("__version", 1), "defaultVersion": s.integer("defaultVersion", 1), "name": s.name},
)
_simple(
    "aws:ebs/volume:Volume",
    "ec2",
    "volume/{id}",
    prefix="vol",
    extra=lambda s: {
        "createTime": _WHEN,
        "type": "gp2",
        "throughput": 125 if s.text("type") == "gp3" else 0,
        "iops": 3000 if s.text("type") == "gp3" else 100,
        "encrypted": False,
    },
)
_simple("aws:ebs/snapshot:Snapshot", "ec2", "snapshot/{id}", prefix="snap")
_simple("aws:ec2/ami:Ami", "ec2", "image/{id}", prefix="ami")


@_spec("aws:ec2/instance:Instance")
def _instance(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("i")
    private = s.text("privateIp") or s.seed.address("10.0")
    return {
        "id": ident,
        "arn": s.arn("ec2", f"instance/{ident}"),
        "instanceState": "running",
        "privateIp": private,
        "privateDns": f"ip-{private.replace('.', '-')}.{'ec2' if s.region == 'us-east-1' else f'{s.region}.compute'}.internal",
        "primaryNetworkInterfaceId": s.seed.ec2("eni"),
        "availabilityZone": _zone_of(s, "subnetId"),
        "publicIp": "",
        "publicDns": "",
        "passwordData": "",
    }


def _zone_of(s: Subject, name: str) -> str:
    subnet = s.find(name)
    zone = subnet.get("availabilityZone") if subnet else None
    return zone if isinstance(zone, str) else s.text("availabilityZone") or f"{s.region}a"


@_spec("aws:autoscaling/group:Group")
def _asg(s: Subject) -> dict[str, Any]:
    service = s.arn("iam", "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", region="")
    return {
        "id": s.name,
        "arn": s.arn("autoscaling", f"autoScalingGroup:{s.seed.uuid()}:autoScalingGroupName/{s.name}"),
        "serviceLinkedRoleArn": service,
        "defaultCooldown": 300,
        "healthCheckType": "EC2",
        "desiredCapacity": s.integer("minSize", 1),
        "predictedCapacity": 0,
        "warmPoolSize": 0,
        "availabilityZones": [],
        "vpcZoneIdentifiers": [],
    }


@_spec("aws:autoscaling/policy:Policy")
def _asg_policy(s: Subject) -> dict[str, Any]:
    return {
        "id": s.name,
        "arn": s.arn(
            "autoscaling", f"scalingPolicy:{s.seed.uuid()}:autoScalingGroupName/{s.text('autoscalingGroupName')}:policyName/{s.name}"
        ),
    }


_simple(
    "aws:ecs/cluster:Cluster",
    "ecs",
    "cluster/{name}",
    by="arn",
    extra=lambda _s: {"settings": [{"name": "containerInsights", "value": "disabled"}]},
)
_simple("aws:ecs/capacityProvider:CapacityProvider", "ecs", "capacity-provider/{name}", by="arn")


@_spec("aws:ecs/service:Service")
def _service(s: Subject) -> dict[str, Any]:
    cluster = s.text("cluster", "default").rpartition("/")[2]
    arn = s.arn("ecs", f"service/{cluster}/{s.name}")
    return {
        "id": arn,
        "arn": arn,
        "iamRole": s.arn("iam", "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", region=""),
        "availabilityZoneRebalancing": "ENABLED",
        "launchType": "EC2",
        "platformVersion": "LATEST",
        "deploymentConfiguration": {"strategy": "ROLLING", "bakeTimeInMinutes": "0"},
        "cluster": s.arn("ecs", "cluster/default"),
        "triggers": {},
        "schedulingStrategy": "REPLICA",
        "propagateTags": "NONE",
    }


@_spec("aws:ecs/taskDefinition:TaskDefinition")
def _task(s: Subject) -> dict[str, Any]:
    family = s.text("family", s.urn.name)
    revision = 1 + s.generation
    bare = s.arn("ecs", f"task-definition/{family}")
    return {
        "id": family,
        "arn": f"{bare}:{revision}",
        "arnWithoutRevision": bare,
        "revision": revision,
        "networkMode": "bridge",
        "enableFaultInjection": False,
    }


@_spec("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders")
def _capacity(s: Subject) -> dict[str, Any]:
    return {"id": s.text("clusterName", s.urn.name)}


@_spec("aws:ecr/repository:Repository")
def _repository(s: Subject) -> dict[str, Any]:
    return {
        "id": s.name,
        "arn": s.arn("ecr", f"repository/{s.name}"),
        "registryId": s.account,
        "repositoryUrl": f"{s.account}.dkr.ecr.{s.region}.{s.suffix()}/{s.name}",
    }


@_spec("aws:ecr/lifecyclePolicy:LifecyclePolicy", "aws:ecr/repositoryPolicy:RepositoryPolicy")
def _repository_policy(s: Subject) -> dict[str, Any]:
    return {"id": s.text("repository", s.urn.name), "registryId": s.account}


@_spec("aws:lambda/function:Function")
def _function(s: Subject) -> dict[str, Any]:
    arn = s.arn("lambda", f"function:{s.name}")
    version = "1" if s.inputs.get("publish") is True else "$LATEST"
    code = s.inputs.get("code")
    digest = code.digest if isinstance(code, Asset) and code.digest else s.seed.hex(64, "code")
    call = f"arn:{partition_of(s.region)}:apigateway:{s.region}:lambda:path/2015-03-31/functions"
    encoded = Seed(digest).base64(32)
    return {
        "id": s.name,
        "arn": arn,
        "qualifiedArn": f"{arn}:{version}",
        "invokeArn": f"{call}/{arn}/invocations",
        "qualifiedInvokeArn": f"{call}/{arn}:{version}/invocations",
        "responseStreamingInvokeArn": f"arn:{partition_of(s.region)}:apigateway:{s.region}:lambda:path/2021-11-15/functions/{arn}/response-streaming-invocations",
        "version": version,
        "lastModified": "2025-01-01T00:00:00.000+0000",
        "sourceCodeSize": 4096,
        "codeSha256": encoded,
        "sourceCodeHash": encoded,
        "architectures": ["x86_64"],
        "ephemeralStorage": {"size": 512},
        "tracingConfig": {"mode": "PassThrough"},
        "loggingConfig": {"logFormat": "Text", "logGroup": f"/aws/lambda/{s.name}"},
        "memorySize": 128,
        "timeout": 3,
        "packageType": "Zip",
        "signingJobArn": "",
        "signingProfileVersionArn": "",
    }


@_spec("aws:lambda/permission:Permission")
def _permission(s: Subject) -> dict[str, Any]:
    name = s.text("statementId") or f"{s.urn.name}-{s.seed.hex(7)}"
    return {"id": name, "statementId": name}


@_spec("aws:lambda/functionUrl:FunctionUrl")
def _function_url(s: Subject) -> dict[str, Any]:
    ident = s.seed.base36(32)
    return {"id": s.text("functionName", s.urn.name), "urlId": ident, "functionUrl": f"https://{ident}.lambda-url.{s.region}.on.aws/"}


@_spec("aws:lambda/eventSourceMapping:EventSourceMapping")
def _mapping(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    name = s.text("functionName")
    return {
        "id": ident,
        "uuid": ident,
        "arn": s.arn("lambda", f"event-source-mapping:{ident}"),
        "functionArn": name if name.startswith("arn:") else s.arn("lambda", f"function:{name}"),
        "state": "Enabled",
        "stateTransitionReason": "USER_INITIATED",
    }


@_spec("aws:lambda/layerVersion:LayerVersion")
def _layer(s: Subject) -> dict[str, Any]:
    layer = s.arn("lambda", f"layer:{s.text('layerName', s.urn.name)}")
    return {"id": f"{layer}:1", "arn": f"{layer}:1", "layerArn": layer, "version": "1", "createdDate": _WHEN}


@_spec("aws:appautoscaling/target:Target")
def _scaling_target(s: Subject) -> dict[str, Any]:
    namespace = s.text("serviceNamespace", "ecs")
    roles = {
        "ecs": ("ecs", "ECSService"),
        "rds": ("rds", "RDSCluster"),
        "dynamodb": ("dynamodb", "DynamoDBTable"),
        "elasticache": ("elasticache", "ElastiCacheRG"),
    }
    short, long = roles.get(namespace, (namespace, namespace.title()))
    role = s.arn(
        "iam",
        f"role/aws-service-role/{short}.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_{long}",
        region="",
    )
    return {
        "id": s.text("resourceId", s.urn.name),
        "arn": s.arn("application-autoscaling", f"scalable-target/0ec{s.seed.hex(29)}"),
        "roleArn": role,
        "suspendedState": {"dynamicScalingInSuspended": False, "dynamicScalingOutSuspended": False, "scheduledScalingSuspended": False},
    }


@_spec("aws:appautoscaling/policy:Policy")
def _scaling_policy(s: Subject) -> dict[str, Any]:
    alarm = s.arn("cloudwatch", f"alarm:TargetTracking-{s.text('resourceId')}-AlarmHigh-{s.seed.uuid('high')}")
    return {
        "id": s.name,
        "arn": s.arn(
            "autoscaling", f"scalingPolicy:{s.seed.uuid()}:resource/{s.text('serviceNamespace')}/{s.text('resourceId')}:policyName/{s.name}"
        ),
        "alarmArns": [alarm],
    }


# ------------------------------------------------------------------ load balancing


def _elb_kind(s: Subject) -> str:
    return {"network": "net", "gateway": "gwy"}.get(s.text("loadBalancerType", "application"), "app")


@_spec("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
def _load_balancer(s: Subject) -> dict[str, Any]:
    kind = _elb_kind(s)
    suffix = f"{kind}/{s.name}/{s.seed.hex(16)}"
    internal = "internal-" if s.inputs.get("internal") is True and kind == "app" else ""
    host = f"{s.name}-{s.seed.hex(16)}.elb.{s.region}" if kind == "net" else f"{internal}{s.name}-{s.seed.digits(10)}.{s.region}.elb"
    return {
        "id": s.arn("elasticloadbalancing", f"loadbalancer/{suffix}"),
        "arn": s.arn("elasticloadbalancing", f"loadbalancer/{suffix}"),
        "arnSuffix": suffix,
        "dnsName": f"{host}.{s.suffix()}",
        "zoneId": formats.alb_zone(s.region, network=kind == "net"),
        "vpcId": s.vpc_of("subnets"),
        "internal": False,
        "ipAddressType": "ipv4",
        "securityGroups": [],
        "subnets": [],
        "subnetMappings": [{"subnetId": each} for each in s.inputs.get("subnets") or [] if isinstance(each, str)],
        "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "",
        "enablePrefixForIpv6SourceNat": "off",
        "secondaryIpsAutoAssignedPerSubnet": 0,
    }


@_spec("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
def _target_group(s: Subject) -> dict[str, Any]:
    suffix = f"targetgroup/{s.name}/{s.seed.hex(16)}"
    arn = s.arn("elasticloadbalancing", suffix)
    return {
        "id": arn,
        "arn": arn,
        "arnSuffix": suffix,
        "loadBalancerArns": [],
        "ipAddressType": "ipv4",
        "loadBalancingAlgorithmType": "round_robin",
        "loadBalancingAnomalyMitigation": "off",
        "loadBalancingCrossZoneEnabled": "use_load_balancer_configuration",
        "protocolVersion": "HTTP1",
        "preserveClientIp": "",
        "targetType": "instance",
    }


@_spec("aws:lb/listener:Listener", "aws:alb/listener:Listener")
def _listener(s: Subject) -> dict[str, Any]:
    balancer = s.text("loadBalancerArn").partition(":loadbalancer/")[2] or f"app/{s.urn.name}/{s.seed.hex(16, 'lb')}"
    arn = s.arn("elasticloadbalancing", f"listener/{balancer}/{s.seed.hex(16)}")
    secure = s.text("protocol") in {"HTTPS", "TLS"}
    return {
        "id": arn,
        "arn": arn,
        "protocol": "HTTP",
        "sslPolicy": "ELBSecurityPolicy-2016-08" if secure else "",
        "routingHttpResponseServerEnabled": True,
    }


@_spec("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
def _listener_rule(s: Subject) -> dict[str, Any]:
    listener = s.text("listenerArn").partition(":listener/")[2] or f"app/{s.urn.name}/{s.seed.hex(16, 'lb')}/{s.seed.hex(16, 'listener')}"
    arn = s.arn("elasticloadbalancing", f"listener-rule/{listener}/{s.seed.hex(16)}")
    return {"id": arn, "arn": arn, "priority": s.seed.number() % 50000 + 1}


@_spec("aws:lb/listenerCertificate:ListenerCertificate")
def _listener_certificate(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('listenerArn')}_{s.text('certificateArn')}"}


@_spec("aws:lb/targetGroupAttachment:TargetGroupAttachment")
def _attachment(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('targetGroupArn')}-{s.seed.digits(26)}"}


# ------------------------------------------------------------------ databases


@_spec("aws:rds/instance:Instance")
def _database(s: Subject) -> dict[str, Any]:
    ident = s.text("identifier", s.name)
    engine = s.text("engine", "postgres")
    port = s.integer("port", {"mysql": 3306, "mariadb": 3306, "oracle-ee": 1521, "sqlserver-ee": 1433}.get(engine, 5432))
    # The middle of the host name belongs to account and region, not to the database.
    owner = Seed(f"{s.account}/{s.region}").base36(12, "rds")
    address = f"{ident}.{owner}.{s.region}.rds.{s.suffix()}"
    version = s.text("engineVersion", "17.6")
    source = s.run.find(s.text("replicateSourceDb")) if s.text("replicateSourceDb") else None
    inherited = (
        {name: source.get(name) for name in ("engine", "engineVersion", "username", "dbName", "allocatedStorage", "kmsKeyId")}
        if source
        else {}
    )
    resource = f"db-{s.seed.upper(26)}"
    out: dict[str, Any] = {
        "id": resource,
        "resourceId": resource,
        "arn": s.arn("rds", f"db:{ident}"),
        "identifier": ident,
        "address": address,
        "endpoint": f"{address}:{port}",
        "port": port,
        "hostedZoneId": formats.rds_zone(s.region),
        "engine": engine,
        "engineVersion": version,
        "engineVersionActual": version if "." in version else f"{version}.6",
        "status": "available",
        "availabilityZone": f"{s.region}a",
        "backupWindow": "06:00-06:30",
        "maintenanceWindow": "sun:08:00-sun:08:30",
        "caCertIdentifier": "rds-ca-rsa2048-g1",
        "licenseModel": "postgresql-license",
        "optionGroupName": f"default:{engine}-{version.partition('.')[0]}",
        "parameterGroupName": f"default.{engine}{version.partition('.')[0]}",
        "storageType": "gp3" if s.inputs.get("iops") is None else "io1",
        "storageThroughput": 125,
        "iops": 3000,
        "networkType": "IPV4",
        "replicas": [],
        "replicaMode": "",
        "listenerEndpoints": [],
        "latestRestorableTime": _WHEN,
        "multiAz": False,
        "databaseInsightsMode": "standard",
        "engineLifecycleSupport": "open-source-rds-extended-support",
        "performanceInsightsRetentionPeriod": 7 if s.inputs.get("performanceInsightsEnabled") is True else 0,
        "backupRetentionPeriod": 0,
        "backupTarget": "region",
        "dbSubnetGroupName": "default",
        "vpcSecurityGroupIds": [],
        "monitoringRoleArn": "",
        "masterUserSecrets": [],
        "dbName": "",
        "username": "postgres",
        "allocatedStorage": 20,
        **{name: value for name, value in inherited.items() if value is not None},
    }
    if s.inputs.get("manageMasterUserPassword") is True:
        secret = f"rds!db-{s.seed.uuid('secret')}"
        out["masterUserSecrets"] = [
            {
                "secretArn": s.arn("secretsmanager", f"secret:{secret}-{s.seed.secret_suffix()}"),
                "secretStatus": "active",
                "kmsKeyId": s.text("masterUserSecretKmsKeyId"),
            }
        ]
    return out


_simple(
    "aws:rds/subnetGroup:SubnetGroup",
    "rds",
    "subgrp:{name}",
    extra=lambda s: {"description": "Managed by Pulumi", "supportedNetworkTypes": ["IPV4"], "vpcId": s.vpc_of("subnetIds")},
)
_simple("aws:rds/parameterGroup:ParameterGroup", "rds", "pg:{name}", extra=lambda _s: {"description": "Managed by Pulumi"})
_simple("aws:rds/optionGroup:OptionGroup", "rds", "og:{name}")
_simple("aws:rds/eventSubscription:EventSubscription", "rds", "es:{name}")


@_spec("aws:rds/proxy:Proxy")
def _proxy(s: Subject) -> dict[str, Any]:
    owner = Seed(f"{s.account}/{s.region}").base36(12, "rds")
    return {
        "id": s.name,
        "arn": s.arn("rds", f"db-proxy:prx-{s.seed.hex(17)}"),
        "endpoint": f"{s.name}.proxy-{owner}.{s.region}.rds.{s.suffix()}",
        "idleClientTimeout": 1800,
        "endpointNetworkType": "IPV4",
        "targetConnectionNetworkType": "IPV4",
        "defaultAuthScheme": "NONE",
        "vpcSecurityGroupIds": [],
    }


@_spec("aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup")
def _proxy_group(s: Subject) -> dict[str, Any]:
    return {"id": s.text("dbProxyName", s.urn.name), "name": "default", "arn": s.arn("rds", f"target-group:prx-tg-{s.seed.hex(17)}")}


@_spec("aws:rds/proxyTarget:ProxyTarget")
def _proxy_target(s: Subject) -> dict[str, Any]:
    database = s.text("dbInstanceIdentifier")
    return {
        "id": f"{s.text('dbProxyName')}/{s.text('targetGroupName', 'default')}/RDS_INSTANCE/{database}",
        "rdsResourceId": database,
        "type": "RDS_INSTANCE",
        "port": 5432,
        "endpoint": f"{database}.{Seed(f'{s.account}/{s.region}').base36(12, 'rds')}.{s.region}.rds.{s.suffix()}",
        "targetArn": "",
        "trackedClusterId": "",
    }


@_spec("aws:elasticache/replicationGroup:ReplicationGroup")
def _cache(s: Subject) -> dict[str, Any]:
    ident = s.text("replicationGroupId", s.name)
    owner = Seed(f"{s.account}/{s.region}").base36(6, "cache")
    short = {"us-east-1": "use1", "us-east-2": "use2", "us-west-1": "usw1", "us-west-2": "usw2"}.get(s.region) or formats.zone_id(
        f"{s.region}a"
    ).partition("-")[0]
    tls = s.inputs.get("transitEncryptionEnabled") is True
    sharded = s.integer("numNodeGroups", 1) > 1 or s.text("clusterMode") == "enabled"
    nodes = s.integer("numCacheClusters", s.integer("numNodeGroups", 1) * (1 + s.integer("replicasPerNodeGroup", 0)))
    host = f"{ident}.{owner}"
    tail = f"{short}.cache.{s.suffix()}"
    version = s.text("engineVersion", "7.1")
    return {
        "id": ident,
        "arn": s.arn("elasticache", f"replicationgroup:{ident}"),
        "primaryEndpointAddress": "" if sharded else f"master.{host}.{tail}" if tls else f"{host}.ng.0001.{tail}",
        "readerEndpointAddress": "" if sharded else f"replica.{host}.{tail}" if tls else f"{ident}-ro.{owner}.ng.0001.{tail}",
        "configurationEndpointAddress": (f"clustercfg.{host}.{tail}" if tls else f"{host}.clustercfg.{tail}") if sharded else "",
        "memberClusters": [f"{ident}-{index + 1:03}" for index in range(nodes)],
        "clusterEnabled": sharded,
        "clusterMode": "enabled" if sharded else "disabled",
        "numCacheClusters": nodes,
        "numNodeGroups": 1,
        "replicasPerNodeGroup": max(nodes - 1, 0),
        "engine": "redis",
        "engineVersion": version,
        "engineVersionActual": version if version.count(".") > 1 else f"{version}.0",
        "port": 6379,
        "maintenanceWindow": "sun:05:00-sun:06:00",
        "snapshotWindow": "03:00-04:00",
        "nodeType": "cache.t4g.micro",
        "autoMinorVersionUpgrade": True,
        "transitEncryptionMode": "required" if tls else "",
        "networkType": "ipv4",
        "ipDiscovery": "ipv4",
        "securityGroupIds": [],
    }


_simple(
    "aws:elasticache/subnetGroup:SubnetGroup",
    "elasticache",
    "subnetgroup:{name}",
    extra=lambda s: {"description": "Managed by Pulumi", "vpcId": s.vpc_of("subnetIds")},
)
_simple(
    "aws:elasticache/parameterGroup:ParameterGroup",
    "elasticache",
    "parametergroup:{name}",
    extra=lambda _s: {"description": "Managed by Pulumi"},
)
_simple("aws:elasticache/user:User", "elasticache", "user:{name}", by="userId")
_simple("aws:elasticache/userGroup:UserGroup", "elasticache", "usergroup:{name}", by="userGroupId")


@_spec("aws:dynamodb/table:Table")
def _table(s: Subject) -> dict[str, Any]:
    arn = s.arn("dynamodb", f"table/{s.name}")
    label = "2025-01-01T00:00:00.000"
    streams = s.inputs.get("streamEnabled") is True
    return {
        "id": s.name,
        "arn": arn,
        "streamArn": f"{arn}/stream/{label}" if streams else "",
        "streamLabel": label if streams else "",
        "readCapacity": 0,
        "writeCapacity": 0,
        "streamViewType": "",
        "billingMode": "PROVISIONED",
    }


# ------------------------------------------------------------------ edge


@_spec("aws:cloudfront/distribution:Distribution")
def _distribution(s: Subject) -> dict[str, Any]:
    ident = s.seed.distribution()
    return {
        "id": ident,
        "arn": s.arn("cloudfront", f"distribution/{ident}", region=""),
        "domainName": f"d{s.seed.base36(13)}.cloudfront.net",
        "hostedZoneId": formats.CLOUDFRONT_ZONE,
        "status": "Deployed",
        "etag": s.seed.distribution("etag"),
        "callerReference": f"terraform-{s.seed.digits(26)}",
        "inProgressValidationBatches": 0,
        "lastModifiedTime": "2025-01-01 00:00:00 +0000 UTC",
        "loggingV1Enabled": False,
        "continuousDeploymentPolicyId": "",
        "trustedKeyGroups": [{"enabled": False, "items": []}],
        "trustedSigners": [{"enabled": False, "items": []}],
        "httpVersion": "http2",
        "priceClass": "PriceClass_All",
        "waitForDeployment": True,
        "retainOnDelete": False,
        "staging": False,
    }


def _cloudfront_policy(kind: str) -> Make:
    def make(s: Subject) -> dict[str, Any]:
        ident = s.seed.uuid()
        return {"id": ident, "arn": s.arn("cloudfront", f"{kind}/{ident}", region=""), "etag": s.seed.distribution("etag")}

    return make


_SPECS["aws:cloudfront/cachePolicy:CachePolicy"] = _cloudfront_policy("cache-policy")
_SPECS["aws:cloudfront/originRequestPolicy:OriginRequestPolicy"] = _cloudfront_policy("origin-request-policy")
_SPECS["aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"] = _cloudfront_policy("response-headers-policy")
_SPECS["aws:cloudfront/keyGroup:KeyGroup"] = _cloudfront_policy("key-group")


@_spec("aws:cloudfront/originAccessControl:OriginAccessControl", "aws:cloudfront/publicKey:PublicKey", "aws:cloudfront/vpcOrigin:VpcOrigin")
def _origin_access(s: Subject) -> dict[str, Any]:
    kind = {"OriginAccessControl": "origin-access-control", "PublicKey": "public-key", "VpcOrigin": "vpcorigin"}[
        s.urn.token.rpartition(":")[2]
    ]
    ident = f"vo_{s.seed.base36(22)}" if kind == "vpcorigin" else s.seed.distribution()
    return {"id": ident, "arn": s.arn("cloudfront", f"{kind}/{ident}", region=""), "etag": s.seed.distribution("etag")}


@_spec("aws:cloudfront/function:Function")
def _edge_function(s: Subject) -> dict[str, Any]:
    return {
        "id": s.name,
        "arn": s.arn("cloudfront", f"function/{s.name}", region=""),
        "etag": s.seed.distribution("etag"),
        "liveStageEtag": s.seed.distribution("live"),
        "status": "UNASSOCIATED",
        "publish": True,
    }


@_spec("aws:acm/certificate:Certificate")
def _certificate(s: Subject) -> dict[str, Any]:
    arn = s.arn("acm", f"certificate/{s.seed.uuid()}")
    domain = s.text("domainName")
    alternatives = [each for each in s.inputs.get("subjectAlternativeNames") or [] if isinstance(each, str)]
    method = s.text("validationMethod", "NONE")
    names = list(dict.fromkeys([domain, *alternatives])) if domain else []
    options: list[dict[str, Any]] = []
    for name in names if method == "DNS" else []:
        # A wildcard and its parent share one record.
        bare = Seed(f"{s.account}/{name.removeprefix('*.')}")
        options.append(
            {
                "domainName": name,
                "resourceRecordName": f"_{bare.hex(32, 'name')}.{name.removeprefix('*.')}.",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": f"_{bare.hex(32, 'value')}.{bare.base36(10, 'host')}.acm-validations.aws.",
            }
        )
    return {
        "id": arn,
        "arn": arn,
        "domainValidationOptions": options,
        "subjectAlternativeNames": names,
        "status": "PENDING_VALIDATION" if method in {"DNS", "EMAIL"} else "ISSUED",
        "type": "AMAZON_ISSUED",
        "keyAlgorithm": "RSA_2048",
        "validationMethod": method,
        "notBefore": "",
        "notAfter": "",
        "pendingRenewal": False,
        "renewalEligibility": "INELIGIBLE",
        "renewalSummaries": [],
        "validationEmails": [],
        "options": {"certificateTransparencyLoggingPreference": "ENABLED"},
    }


@_spec("aws:acm/certificateValidation:CertificateValidation")
def _validation(s: Subject) -> dict[str, Any]:
    return {"id": f"{_WHEN[:10]} 00:00:00 +0000 UTC"}


@_spec("aws:route53/zone:Zone")
def _zone(s: Subject) -> dict[str, Any]:
    ident = s.seed.zone()
    servers = [
        f"ns-{s.seed.number(tail) % 2048}.awsdns-{s.seed.number(tail + 'n') % 64:02}.{tail}" for tail in ("com", "net", "org", "co.uk")
    ]
    return {
        "id": ident,
        "zoneId": ident,
        "arn": s.arn("route53", f"hostedzone/{ident}", region="", account=""),
        "nameServers": servers,
        "primaryNameServer": servers[0],
        "comment": "Managed by Pulumi",
        "forceDestroy": False,
        "enableAcceleratedRecovery": False,
    }


@_spec("aws:route53/record:Record")
def _record(s: Subject) -> dict[str, Any]:
    zone = s.find("zoneId")
    apex = zone.get("name") if zone else None
    name = s.text("name").rstrip(".")
    fqdn = (
        name if not isinstance(apex, str) or name.endswith(apex.rstrip(".")) else f"{name}.{apex.rstrip('.')}" if name else apex.rstrip(".")
    )
    parts = [s.text("zoneId"), fqdn, s.text("type"), *([s.text("setIdentifier")] if s.text("setIdentifier") else [])]
    return {"id": "_".join(parts), "fqdn": fqdn, "allowOverwrite": False}


@_spec("aws:route53/healthCheck:HealthCheck")
def _health_check(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {
        "id": ident,
        "arn": s.arn("route53", f"healthcheck/{ident}", region="", account=""),
        "failureThreshold": 3,
        "enableSni": True,
        "regions": [],
    }


def _waf(kind: str) -> Make:
    def make(s: Subject) -> dict[str, Any]:
        ident = s.seed.uuid()
        edge = s.text("scope", "REGIONAL") == "CLOUDFRONT"
        arn = s.arn("wafv2", f"{'global' if edge else 'regional'}/{kind}/{s.name}/{ident}", region="us-east-1" if edge else None)
        rules = s.inputs.get("rules")
        return {
            "id": ident,
            "arn": arn,
            "capacity": 25 * len(rules) if is_list(rules) else s.integer("capacity", 1),
            "lockToken": s.seed.uuid("lock"),
            "applicationIntegrationUrl": "",
        }

    return make


_SPECS["aws:wafv2/webAcl:WebAcl"] = _waf("webacl")
_SPECS["aws:wafv2/ipSet:IpSet"] = _waf("ipset")
_SPECS["aws:wafv2/ruleGroup:RuleGroup"] = _waf("rulegroup")
_SPECS["aws:wafv2/regexPatternSet:RegexPatternSet"] = _waf("regexpatternset")


@_spec("aws:wafv2/webAclAssociation:WebAclAssociation")
def _waf_association(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('webAclArn')},{s.text('resourceArn')}"}


@_spec("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")
def _waf_logging(s: Subject) -> dict[str, Any]:
    return {"id": s.text("resourceArn", s.urn.name)}


# ------------------------------------------------------------------ identity, keys, secrets


def _identity(kind: str, prefix: str, property_name: str = "uniqueId") -> Make:
    def make(s: Subject) -> dict[str, Any]:
        path = s.text("path", "/")
        arn = s.arn("iam", f"{kind}{path}{s.name}", region="")
        return {
            "id": arn if kind == "policy" else s.name,
            "arn": arn,
            property_name: s.seed.iam(prefix),
            "createDate": _WHEN,
            "path": "/",
            "maxSessionDuration": 3600,
            "managedPolicyArns": [],
            "inlinePolicies": [],
            "attachmentCount": 0,
        }

    return make


_SPECS["aws:iam/role:Role"] = _identity("role", "AROA")
_SPECS["aws:iam/user:User"] = _identity("user", "AIDA")
_SPECS["aws:iam/group:Group"] = _identity("group", "AGPA")
_SPECS["aws:iam/policy:Policy"] = _identity("policy", "ANPA", "policyId")
_SPECS["aws:iam/instanceProfile:InstanceProfile"] = _identity("instance-profile", "AIPA")


@_spec("aws:iam/rolePolicy:RolePolicy")
def _role_policy(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('role')}:{s.name}"}


@_spec("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def _role_attachment(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('role')}/{s.text('policyArn')}"}


@_spec("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
def _oidc(s: Subject) -> dict[str, Any]:
    arn = s.arn("iam", f"oidc-provider/{s.text('url').removeprefix('https://')}", region="")
    return {"id": arn, "arn": arn, "thumbprintLists": [s.seed.hex(40, "thumbprint")]}


@_spec("aws:iam/serviceLinkedRole:ServiceLinkedRole")
def _linked_role(s: Subject) -> dict[str, Any]:
    service = s.text("awsServiceName", "unknown.amazonaws.com")
    name = "AWSServiceRoleFor" + "".join(part.title() for part in service.partition(".")[0].split("-"))
    arn = s.arn("iam", f"role/aws-service-role/{service}/{name}", region="")
    return {
        "id": arn,
        "arn": arn,
        "name": name,
        "path": f"/aws-service-role/{service}/",
        "uniqueId": s.seed.iam("AROA"),
        "createDate": _WHEN,
    }


@_spec("aws:iam/accessKey:AccessKey")
def _access_key(s: Subject) -> dict[str, Any]:
    return {
        "id": s.seed.iam("AKIA")[:20],
        "secret": s.seed.base64(30, "secret"),
        "sesSmtpPasswordV4": s.seed.base64(32, "smtp"),
        "createDate": _WHEN,
        "status": "Active",
    }


@_spec("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey")
def _key(s: Subject) -> dict[str, Any]:
    multi = s.inputs.get("multiRegion") is True
    ident = f"mrk-{s.seed.hex(32, 'mrk')}" if multi else s.seed.uuid()
    if "replicaKey" in s.urn.token:
        ident = s.text("primaryKeyArn").rpartition("/")[2] or ident
    root = f"arn:{partition_of(s.region)}:iam::{s.account}:root"
    policy = {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
        ],
    }
    return {
        "id": ident,
        "keyId": ident,
        "arn": s.arn("kms", f"key/{ident}"),
        "multiRegion": False,
        "keyUsage": "ENCRYPT_DECRYPT",
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "keySpec": "SYMMETRIC_DEFAULT",
        "keyRotationEnabled": True,
        "isEnabled": True,
        "enableKeyRotation": False,
        "bypassPolicyLockoutSafetyCheck": False,
        "policy": json.dumps(policy),
        "rotationPeriodInDays": 365 if s.inputs.get("enableKeyRotation") is True else 0,
        "description": "",
    }


@_spec("aws:kms/alias:Alias")
def _alias(s: Subject) -> dict[str, Any]:
    target = s.text("targetKeyId")
    arn = target if target.startswith("arn:") else s.arn("kms", f"key/{target}")
    return {"id": s.name, "arn": s.arn("kms", s.name), "targetKeyArn": arn, "targetKeyId": target.rpartition("/")[2] or target}


@_spec("aws:kms/grant:Grant")
def _grant(s: Subject) -> dict[str, Any]:
    ident = s.seed.hex(64)
    return {"id": f"{s.text('keyId')}:{ident}", "grantId": ident, "grantToken": s.seed.base64(32, "token")}


@_spec("aws:secretsmanager/secret:Secret")
def _secret(s: Subject) -> dict[str, Any]:
    arn = s.arn("secretsmanager", f"secret:{s.name}-{s.seed.secret_suffix()}")
    return {"id": arn, "arn": arn, "policy": "", "recoveryWindowInDays": 30, "forceOverwriteReplicaSecret": False}


@_spec("aws:secretsmanager/secretVersion:SecretVersion")
def _secret_version(s: Subject) -> dict[str, Any]:
    arn = s.text("secretId")
    ident = f"terraform-{s.seed.digits(26)}"
    return {
        "id": f"{arn}|{ident}",
        "arn": arn,
        "secretArn": arn,
        "versionId": ident,
        "versionStages": ["AWSCURRENT"],
        "hasSecretStringWo": "secretStringWo" in s.inputs,
    }


@_spec("aws:secretsmanager/secretRotation:SecretRotation", "aws:secretsmanager/secretPolicy:SecretPolicy")
def _of_secret(s: Subject) -> dict[str, Any]:
    arn = s.text("secretId") or s.text("secretArn")
    return {"id": arn or s.urn.name, "rotationEnabled": True, "rotateImmediately": True}


# ------------------------------------------------------------------ storage and backup


@_spec("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
def _bucket(s: Subject) -> dict[str, Any]:
    name = s.text("bucket", s.name)
    partition = partition_of(s.region)
    website = formats.website_domain(s.region)
    return {
        "id": name,
        "bucket": name,
        "arn": f"arn:{partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.{s.suffix()}",
        "bucketRegionalDomainName": f"{name}.s3.{s.region}.{s.suffix()}",
        "bucketRegion": s.region,
        "hostedZoneId": formats.s3_zone(s.region),
        "websiteDomain": website if s.inputs.get("website") else "",
        "websiteEndpoint": f"{name}.{website}" if s.inputs.get("website") else "",
        "acl": "private",
        "requestPayer": "BucketOwner",
        "accelerationStatus": "",
        "objectLockEnabled": False,
        "forceDestroy": False,
        "bucketNamespace": "global",
        "policy": "",
        "versioning": {"enabled": False, "mfaDelete": False},
    }


_OF_BUCKET = (
    "bucketPolicy:BucketPolicy bucketPublicAccessBlock:BucketPublicAccessBlock bucketVersioning:BucketVersioning bucketOwnershipControls:BucketOwnershipControls "
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration bucketLifecycleConfiguration:BucketLifecycleConfiguration "
    "bucketLogging:BucketLogging bucketObjectLockConfiguration:BucketObjectLockConfiguration bucketNotification:BucketNotification "
    "bucketReplicationConfig:BucketReplicationConfig bucketCorsConfiguration:BucketCorsConfiguration bucketWebsiteConfiguration:BucketWebsiteConfiguration"
)
for _each in _OF_BUCKET.split():
    _SPECS[f"aws:s3/{_each}"] = lambda s: {"id": s.text("bucket", s.urn.name)}


@_spec("aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject")
def _object(s: Subject) -> dict[str, Any]:
    bucket, key = s.text("bucket"), s.text("key", s.urn.name)
    return {
        "id": f"{bucket}/{key}" if "v2" in s.urn.token else key,
        "arn": f"arn:{partition_of(s.region)}:s3:::{bucket}/{key}",
        "etag": s.seed.hex(32, "etag"),
        "versionId": s.seed.base36(32, "version"),
        "acl": "private",
        "contentType": "application/octet-stream",
        "storageClass": "STANDARD",
        "serverSideEncryption": "AES256",
        "bucketKeyEnabled": False,
    }


_simple("aws:backup/vault:Vault", "backup", "backup-vault:{name}", extra=lambda _s: {"recoveryPoints": 0, "forceDestroy": False})


@_spec("aws:backup/plan:Plan")
def _plan(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {
        "id": ident,
        "arn": s.arn("backup", f"backup-plan:{ident}"),
        "version": s.seed.base64(32, "version").replace("/", "_").replace("+", "-").rstrip("="),
    }


@_spec("aws:backup/selection:Selection")
def _selection(s: Subject) -> dict[str, Any]:
    return {"id": s.seed.uuid(), "notResources": []}


@_spec(
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    "aws:backup/vaultPolicy:VaultPolicy",
    "aws:backup/vaultNotifications:VaultNotifications",
)
def _of_vault(s: Subject) -> dict[str, Any]:
    name = s.text("backupVaultName", s.urn.name)
    return {"id": name, "backupVaultArn": s.arn("backup", f"backup-vault:{name}")}


_simple(
    "aws:backup/restoreTestingPlan:RestoreTestingPlan",
    "backup",
    "restore-testing-plan:{name}-{hex}",
    extra=lambda _s: {"scheduleExpressionTimezone": "UTC", "startWindowHours": 24},
)


@_spec("aws:backup/restoreTestingSelection:RestoreTestingSelection")
def _restore_selection(s: Subject) -> dict[str, Any]:
    return {
        "id": f"{s.name}:{s.text('restoreTestingPlanName')}",
        "validationWindowHours": 4,
        "protectedResourceArns": [],
        "restoreMetadataOverrides": {},
    }


@_spec("aws:efs/fileSystem:FileSystem")
def _efs(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("fs")
    return {
        "id": ident,
        "arn": s.arn("elasticfilesystem", f"file-system/{ident}"),
        "dnsName": f"{ident}.efs.{s.region}.{s.suffix()}",
        "ownerId": s.account,
        "name": s.urn.name,
        "creationToken": s.text("creationToken") or f"terraform-{s.seed.digits(26)}",
        "numberOfMountTargets": 0,
        "performanceMode": "generalPurpose",
        "throughputMode": "bursting",
        "encrypted": False,
        "availabilityZoneId": "",
        "availabilityZoneName": "",
        "protection": {"replicationOverwrite": "ENABLED"},
        "sizeInBytes": [{"value": 6144, "valueInIa": 0, "valueInStandard": 6144}],
    }


@_spec("aws:efs/mountTarget:MountTarget")
def _mount(s: Subject) -> dict[str, Any]:
    system = s.text("fileSystemId")
    zone = _zone_of(s, "subnetId")
    return {
        "id": s.seed.ec2("fsmt"),
        "networkInterfaceId": s.seed.ec2("eni"),
        "ipAddress": s.seed.address("10.0"),
        "ipAddressType": "IPV4_ONLY",
        "availabilityZoneName": zone,
        "availabilityZoneId": formats.zone_id(zone),
        "dnsName": f"{system}.efs.{s.region}.{s.suffix()}",
        "mountTargetDnsName": f"{zone}.{system}.efs.{s.region}.{s.suffix()}",
        "fileSystemArn": s.arn("elasticfilesystem", f"file-system/{system}"),
        "ownerId": s.account,
    }


@_spec("aws:efs/accessPoint:AccessPoint")
def _access_point(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("fsap")
    return {
        "id": ident,
        "arn": s.arn("elasticfilesystem", f"access-point/{ident}"),
        "fileSystemArn": s.arn("elasticfilesystem", f"file-system/{s.text('fileSystemId')}"),
        "ownerId": s.account,
        "rootDirectory": {"path": "/"},
    }


# ------------------------------------------------------------------ messages, logs, audit

_simple(
    "aws:sns/topic:Topic",
    "sns",
    "{name}",
    by="arn",
    extra=lambda s: {
        "owner": s.account,
        "name": s.name,
        "signatureVersion": 1,
        "tracingConfig": "PassThrough",
        "policy": "",
        "beginningArchiveTime": "",
        "fifoThroughputScope": "",
    },
)


@_spec("aws:sns/topicPolicy:TopicPolicy")
def _topic_policy(s: Subject) -> dict[str, Any]:
    return {"id": s.text("arn", s.urn.name), "owner": s.account}


@_spec("aws:sns/topicSubscription:TopicSubscription")
def _subscription(s: Subject) -> dict[str, Any]:
    arn = f"{s.text('topic', s.arn('sns', 'topic'))}:{s.seed.uuid()}"
    pending = s.text("protocol") in {"email", "email-json", "http", "https"}
    return {
        "id": arn,
        "arn": arn,
        "ownerId": s.account,
        "confirmationWasAuthenticated": not pending,
        "pendingConfirmation": pending,
        "filterPolicyScope": "",
    }


@_spec("aws:sqs/queue:Queue")
def _queue(s: Subject) -> dict[str, Any]:
    url = f"https://sqs.{s.region}.{s.suffix()}/{s.account}/{s.name}"
    return {
        "id": url,
        "url": url,
        "arn": s.arn("sqs", s.name),
        "sqsManagedSseEnabled": s.inputs.get("kmsMasterKeyId") is None,
        "kmsDataKeyReusePeriodSeconds": 300,
        "visibilityTimeoutSeconds": 30,
        "messageRetentionSeconds": 345600,
        "maxMessageSize": 262144,
        "delaySeconds": 0,
        "receiveWaitTimeSeconds": 0,
        "policy": "",
        "redrivePolicy": "",
        "redriveAllowPolicy": "",
        "deduplicationScope": "",
        "fifoThroughputLimit": "",
    }


@_spec("aws:sqs/queuePolicy:QueuePolicy", "aws:sqs/redrivePolicy:RedrivePolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
def _of_queue(s: Subject) -> dict[str, Any]:
    return {"id": s.text("queueUrl", s.urn.name)}


_simple(
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "cloudwatch",
    "alarm:{name}",
    extra=lambda _s: {"evaluateLowSampleCountPercentiles": "", "actionsEnabled": True, "treatMissingData": "missing"},
)
_simple("aws:cloudwatch/compositeAlarm:CompositeAlarm", "cloudwatch", "alarm:{name}", by="alarmName")
_simple(
    "aws:cloudwatch/logGroup:LogGroup",
    "logs",
    "log-group:{name}",
    extra=lambda _s: {"logGroupClass": "STANDARD", "deletionProtectionEnabled": False, "retentionInDays": 0, "skipDestroy": False},
)
_simple("aws:cloudwatch/eventRule:EventRule", "events", "rule/{name}", extra=lambda _s: {"eventBusName": "default", "state": "ENABLED"})


@_spec("aws:cloudwatch/eventTarget:EventTarget")
def _event_target(s: Subject) -> dict[str, Any]:
    target = s.text("targetId") or f"terraform-{s.seed.digits(26)}"
    return {"id": f"{s.text('rule')}-{target}", "targetId": target, "eventBusName": "default"}


@_spec("aws:cloudwatch/dashboard:Dashboard")
def _dashboard(s: Subject) -> dict[str, Any]:
    name = s.text("dashboardName", s.urn.name)
    return {"id": name, "dashboardArn": s.arn("cloudwatch", f"dashboard/{name}", region="")}


@_spec("aws:cloudwatch/queryDefinition:QueryDefinition")
def _query(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {"id": ident, "queryDefinitionId": ident, "arn": s.arn("logs", f"query-definition:{ident}")}


_simple(
    "aws:cloudtrail/trail:Trail",
    "cloudtrail",
    "trail/{name}",
    by="arn",
    extra=lambda s: {"homeRegion": s.region, "snsTopicArn": "", "includeGlobalServiceEvents": True, "enableLogging": True},
)
_simple(
    "aws:guardduty/detector:Detector",
    "guardduty",
    "detector/{hex}",
    extra=lambda s: {"id": s.seed.hex(32), "arn": s.arn("guardduty", f"detector/{s.seed.hex(32)}"), "accountId": s.account},
)
_simple("aws:accessanalyzer/analyzer:Analyzer", "access-analyzer", "analyzer/{name}", by="analyzerName")
_simple("aws:cfg/rule:Rule", "config", "config-rule/config-rule-{hex}", extra=lambda s: {"ruleId": f"config-rule-{s.seed.base36(6)}"})
_simple(
    "aws:budgets/budget:Budget",
    "budgets",
    "budget/{name}",
    regional=False,
    extra=lambda s: {"id": f"{s.account}:{s.name}", "accountId": s.account},
)
_simple("aws:synthetics/canary:Canary", "synthetics", "canary:{name}")
_simple("aws:sfn/stateMachine:StateMachine", "states", "stateMachine:{name}", by="arn")
_simple(
    "aws:amp/workspace:Workspace",
    "aps",
    "workspace/ws-{hex}",
    extra=lambda s: {
        "id": f"ws-{s.seed.uuid()}",
        "prometheusEndpoint": f"https://aps-workspaces.{s.region}.{s.suffix()}/workspaces/ws-{s.seed.uuid()}/",
    },
)
_simple("aws:scheduler/scheduleGroup:ScheduleGroup", "scheduler", "schedule-group/{name}")


@_spec("aws:scheduler/schedule:Schedule")
def _schedule(s: Subject) -> dict[str, Any]:
    group = s.text("groupName", "default")
    return {
        "id": f"{group}/{s.name}",
        "arn": s.arn("scheduler", f"schedule/{group}/{s.name}"),
        "groupName": "default",
        "actionAfterCompletion": "NONE",
    }


@_spec("aws:ssm/parameter:Parameter")
def _parameter(s: Subject) -> dict[str, Any]:
    name = s.name
    kind = s.text("type", "String")
    out: dict[str, Any] = {
        "id": name,
        "arn": s.arn("ssm", f"parameter{name if name.startswith('/') else f'/{name}'}"),
        "version": 1,
        "dataType": "text",
        "tier": "Standard",
        "keyId": "alias/aws/ssm" if kind == "SecureString" else "",
        "hasValueWo": "valueWo" in s.inputs,
    }
    # AWS keeps one value; pulumi shows it as `value` and, where it is no secret, as `insecureValue` too.
    if "insecureValue" in s.inputs:
        out["value"] = s.inputs["insecureValue"]
    elif kind != "SecureString" and "value" in s.inputs:
        out["insecureValue"] = s.inputs["value"]
    return out


_simple(
    "aws:networkfirewall/firewallPolicy:FirewallPolicy",
    "network-firewall",
    "firewall-policy/{name}",
    by="arn",
    extra=lambda s: {"updateToken": s.seed.uuid("token")},
)


@_spec("aws:networkfirewall/ruleGroup:RuleGroup")
def _rule_group(s: Subject) -> dict[str, Any]:
    kind = "stateless-rulegroup" if s.text("type") == "STATELESS" else "stateful-rulegroup"
    arn = s.arn("network-firewall", f"{kind}/{s.name}")
    return {"id": arn, "arn": arn, "updateToken": s.seed.uuid("token")}


@_spec("aws:networkfirewall/firewall:Firewall")
def _firewall(s: Subject) -> dict[str, Any]:
    arn = s.arn("network-firewall", f"firewall/{s.name}")
    states: list[dict[str, Any]] = []
    mappings = s.inputs.get("subnetMappings")
    for mapping in mappings if is_list(mappings) else []:
        subnet = mapping.get("subnetId") if is_map(mapping) else None
        known = s.run.find(subnet) if isinstance(subnet, str) else None
        zone = known.get("availabilityZone") if known else f"{s.region}{'abcdef'[len(states) % 6]}"
        states.append({"availabilityZone": zone, "attachments": [{"subnetId": subnet, "endpointId": s.seed.ec2("vpce", str(subnet))}]})
    # AWS returns the states in no order; a fixed shuffle keeps programs from relying on one.
    states.sort(key=lambda state: Seed(s.urn.text).hex(8, str(state["availabilityZone"])))
    return {
        "id": arn,
        "arn": arn,
        "updateToken": s.seed.uuid("token"),
        "firewallStatuses": [{"syncStates": states, "transitGatewayAttachmentSyncStates": []}],
        "transitGatewayOwnerAccountId": "",
        "availabilityZoneMappings": [],
    }


_simple(
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup",
    "route53resolver",
    "firewall-rule-group/rslvr-frg-{hex}",
    extra=lambda s: {"id": f"rslvr-frg-{s.seed.hex(16, 'arn')}", "shareStatus": "NOT_SHARED"},
)
_simple(
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList",
    "route53resolver",
    "firewall-domain-list/rslvr-fdl-{hex}",
    extra=lambda s: {"id": f"rslvr-fdl-{s.seed.hex(16, 'arn')}"},
)
_simple(
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation",
    "route53resolver",
    "firewall-rule-group-association/rslvr-frgassoc-{hex}",
    extra=lambda s: {"id": f"rslvr-frgassoc-{s.seed.hex(16, 'arn')}"},
)
_simple(
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig",
    "route53resolver",
    "resolver-query-log-config/rqlc-{hex}",
    extra=lambda s: {"id": f"rqlc-{s.seed.hex(16, 'arn')}", "shareStatus": "NOT_SHARED"},
)
_simple(
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
    "servicediscovery",
    "namespace/ns-{hex}",
    extra=lambda s: {
        "id": f"ns-{s.seed.base36(16)}",
        "arn": s.arn("servicediscovery", f"namespace/ns-{s.seed.base36(16)}"),
        "hostedZone": s.seed.zone(),
    },
)
_simple(
    "aws:servicediscovery/service:Service",
    "servicediscovery",
    "service/srv-{hex}",
    extra=lambda s: {"id": f"srv-{s.seed.base36(16)}", "arn": s.arn("servicediscovery", f"service/srv-{s.seed.base36(16)}")},
)


# ------------------------------------------------------------------ everything else

_SERVICE_OF = {
    "ec2": "ec2",
    "vpc": "ec2",
    "ebs": "ec2",
    "lb": "elasticloadbalancing",
    "alb": "elasticloadbalancing",
    "cfg": "config",
    "sfn": "states",
    "efs": "elasticfilesystem",
}
_KEBAB = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _fallback(name: str, kind: Type, s: Subject, table: TypesTable, depth: int = 0) -> Any:
    """A value of the declared type, of the form that its name promises."""
    match kind.kind:
        case "bool":
            return False
        case "int" | "num":
            return 0
        case "list":
            return []
        case "map":
            return {}
        case "object":
            return {}
        case "union":
            return _fallback(name, kind.options[0], s, table, depth)
        case "asset" | "any":
            return None
        case _:
            return _fallback_text(name, s)


def _fallback_text(name: str, s: Subject) -> str:
    module = s.urn.token.removeprefix("aws:").partition("/")[0]
    lower = name.lower()
    if lower == "arn" or (lower.endswith("arn") and name in {f"{module}Arn", "resourceArn"}):
        kind = _KEBAB.sub("-", s.urn.token.rpartition(":")[2]).lower()
        return s.arn(_SERVICE_OF.get(module, module), f"{kind}/{s.name}")
    if lower in {"ownerid", "accountid", "registryid", "owner", "awsaccountid", "registryownerid"}:
        return s.account
    if lower in {"hostedzoneid", "zoneid"}:
        return s.seed.zone(name)
    if lower in {"vpcid", "subnetid", "networkinterfaceid"}:
        return s.seed.ec2({"vpcid": "vpc", "subnetid": "subnet", "networkinterfaceid": "eni"}[lower])
    if lower.endswith(("dnsname", "domainname", "endpoint", "address", "hostname")):
        return f"{s.seed.base36(12, name)}.{s.region}.{s.suffix()}"
    if lower.endswith("url") or lower == "uri":
        return f"https://{s.seed.base36(12, name)}.{s.region}.{s.suffix()}/"
    if lower.endswith(("time", "date", "at")) and lower not in {"format"}:
        return _WHEN
    if lower in {"status", "state"}:
        return "ACTIVE"
    if lower == "region":
        return s.region
    if lower == "name":
        return s.name
    if lower.endswith("id") and lower != "id":
        return s.seed.uuid(name)
    return ""


def _documented(text: str, kind: Type) -> Any:
    """A documented default as a value of its type, or None."""
    match kind.kind:
        case "bool":
            return {"true": True, "false": False}.get(text.lower())
        case "int":
            return int(text) if re.fullmatch(r"-?\d+", text) else None
        case "num":
            return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
        case "str":
            return text if re.fullmatch(r"[\w./:-]{1,60}", text) else None
        case _:
            return None


@dataclass(frozen=True)
class Made:
    """What a resource has become."""

    id: str
    """Physical id; empty at preview."""
    outputs: dict[str, Any]


class Maker:
    """Computes ids and outputs from checked inputs."""

    def __init__(self, table: TypesTable) -> None:
        self.table = table

    def make(
        self, urn: Urn, inputs: Mapping[str, Any], peer: Peer, run: Run, *, generation: int = 0, extra: Mapping[str, Any] | None = None
    ) -> Made:
        """Id and outputs of a resource that exists.

        Args:
            urn: its URN.
            inputs: checked inputs, all known; secrets stay secret in the outputs.
            peer: the provider instance.
            run: for values that come from other resources (a database replica has its source's engine).
            generation: how many resources of this URN have existed before.
            extra: further hints for the type's maker, such as `__version` of a launch template.
        """
        plain = reveal(dict(inputs))
        subject = Subject(urn, plain | dict(extra or {}), peer, run, generation)
        maker = _SPECS.get(urn.token)
        made = maker(subject) if maker else {}
        row = self.table.resource(urn.token)
        outputs: dict[str, Any] = {key: value for key, value in inputs.items() if key != "__defaults" and value is not None}
        if row is None:
            return Made(str(made.pop("id", subject.name)), outputs | made)
        for name, value in made.items():
            if name != "id" and name in row.outputs and outputs.get(name) is None and value is not None:
                outputs[name] = value
        # What AWS computes wins over an input that only asked for it (a load balancer has the zone it was given, a database its real port).
        for name in row.computed:
            if name in made and made[name] is not None and name != "tagsAll":
                outputs[name] = made[name]
        for name in row.present:
            if outputs.get(name) is None:
                default = row.defaults.get(name)
                value = _documented(default, row.outputs[name]) if default is not None else None
                outputs[name] = value if value is not None else _fallback(name, row.outputs[name], subject, self.table)
        if "tagsAll" in row.outputs:
            outputs.setdefault("tagsAll", {})
        ident = made.get("id") or self._identity(row, subject, outputs)
        return Made(str(ident), self._secrets(row, inputs, outputs))

    def plan(
        self, urn: Urn, inputs: Mapping[str, Any], *, olds: Mapping[str, Any] | None = None, changed: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """Outputs as a preview knows them: what is given, documented defaults, and unknown for everything that AWS would compute.

        Args:
            urn: the resource's URN.
            inputs: checked inputs, unknowns included.
            olds: outputs before an update; computed ones stay known unless something changes that they may follow.
            changed: top-level inputs that change in an update.
        """
        row = self.table.resource(urn.token)
        outputs: dict[str, Any] = {key: value for key, value in inputs.items() if key != "__defaults" and value is not None}
        if row is None:
            return outputs
        for name in (*row.computed, *row.present):
            if name in outputs or name == "tagsAll":
                continue
            if olds is not None and olds.get(name) is not None and name not in _VOLATILE:
                outputs[name] = olds[name]
                continue
            default = row.defaults.get(name)
            value = _documented(default, row.outputs[name]) if default is not None and olds is None else None
            outputs[name] = value if value is not None else UNKNOWN
        if "tagsAll" in row.outputs:
            outputs.setdefault("tagsAll", {})
        del changed
        return self._secrets(row, inputs, outputs)

    @staticmethod
    def _secrets(row: ResourceType, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        for name in row.secrets:
            value = outputs.get(name)
            if value is not None and not isinstance(value, Secret):
                outputs[name] = Secret(value)
        # A value derived from a secret input (the same name on the output side) stays secret.
        for name, value in inputs.items():
            if isinstance(value, Secret) and name in outputs and not isinstance(outputs[name], Secret):
                outputs[name] = Secret(outputs[name])
        return outputs

    @staticmethod
    def _identity(row: ResourceType, s: Subject, outputs: Mapping[str, Any]) -> str:
        """An id for a type without a spec: the ARN where there is one, else the name, else something unique."""
        del row
        for name in (NAME_PROPERTIES.get(s.urn.token, "name"), "arn"):
            value = reveal(outputs.get(name)) if name else None
            if isinstance(value, str) and value:
                return value
        return f"{s.urn.name}-{s.seed.hex(12, 'id')}"


_VOLATILE = frozenset(
    {
        "latestVersion",
        "version",
        "versionId",
        "etag",
        "revision",
        "qualifiedArn",
        "qualifiedInvokeArn",
        "updateToken",
        "lockToken",
        "lastModified",
        "codeSha256",
    }
)
"""Outputs that change when a resource is updated in place."""


def known_types() -> frozenset[str]:
    """Types whose values have a spec of their own."""
    return frozenset(_SPECS)
