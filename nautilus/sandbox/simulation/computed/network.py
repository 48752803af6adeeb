"""Computed values of VPC, subnets, gateways, security groups, endpoints."""

from __future__ import annotations

import json
from typing import Any

from nautilus.sandbox.simulation import formats
from nautilus.sandbox.simulation.computed.subject import Subject, simple, spec
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.values import is_list


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


simple("aws:ec2/vpc:Vpc", "ec2", "vpc/{id}", prefix="vpc", extra=_vpc)
simple("aws:ec2/subnet:Subnet", "ec2", "subnet/{id}", prefix="subnet", extra=_subnet)
simple("aws:ec2/internetGateway:InternetGateway", "ec2", "internet-gateway/{id}", prefix="igw")
simple("aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "ec2", "egress-only-internet-gateway/{id}", prefix="eigw")
simple("aws:ec2/routeTable:RouteTable", "ec2", "route-table/{id}", prefix="rtb")
simple("aws:ec2/networkAcl:NetworkAcl", "ec2", "network-acl/{id}", prefix="acl")
simple("aws:ec2/vpnGateway:VpnGateway", "ec2", "vpn-gateway/{id}", prefix="vgw")
simple("aws:ec2/customerGateway:CustomerGateway", "ec2", "customer-gateway/{id}", prefix="cgw")
simple("aws:ec2/vpnConnection:VpnConnection", "ec2", "vpn-connection/{id}", prefix="vpn")
simple("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "ec2", "vpc-peering-connection/{id}", prefix="pcx")
simple("aws:ec2/vpcDhcpOptions:VpcDhcpOptions", "ec2", "dhcp-options/{id}", prefix="dopt")
simple("aws:ec2/managedPrefixList:ManagedPrefixList", "ec2", "prefix-list/{id}", prefix="pl", extra=lambda _s: {"version": 1})
simple("aws:ec2/flowLog:FlowLog", "ec2", "vpc-flow-log/{id}", prefix="fl")
simple("aws:ec2/placementGroup:PlacementGroup", "ec2", "placement-group/{name}", extra=lambda s: {"placementGroupId": s.seed.ec2("pg")})
simple("aws:ec2/keyPair:KeyPair", "ec2", "key-pair/{name}", by="keyName", extra=lambda s: {"keyPairId": s.seed.ec2("key")})


def _client_vpn(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("cvpn-endpoint")
    portal = f"https://self-service.clientvpn.amazonaws.com/endpoints/{ident}" if s.text("selfServicePortal") == "enabled" else ""
    return {"dnsName": f"*.{ident}.prod.clientvpn.{s.region}.amazonaws.com", "selfServicePortalUrl": portal}


simple("aws:ec2clientvpn/endpoint:Endpoint", "ec2", "client-vpn-endpoint/{id}", prefix="cvpn-endpoint", extra=_client_vpn)


@spec("aws:ec2clientvpn/networkAssociation:NetworkAssociation")
def _client_vpn_association(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("cvpn-assoc")
    subnet = s.find("subnetId")
    vpc = subnet.get("vpcId") if subnet else None
    return {"id": ident, "associationId": ident, "vpcId": vpc if isinstance(vpc, str) else s.seed.ec2("vpc")}


@spec("aws:ec2clientvpn/authorizationRule:AuthorizationRule")
def _client_vpn_authorization(s: Subject) -> dict[str, Any]:
    parts = (s.text("clientVpnEndpointId"), s.text("targetNetworkCidr"), s.text("accessGroupId"))
    return {"id": ",".join(part for part in parts if part)}


simple("aws:ec2transitgateway/transitGateway:TransitGateway", "ec2", "transit-gateway/{id}", prefix="tgw")
simple(
    "aws:ec2/securityGroup:SecurityGroup",
    "ec2",
    "security-group/{id}",
    prefix="sg",
    extra=lambda s: {"description": "Managed by Pulumi", "revokeRulesOnDelete": False, "name": s.name},
)


@spec(
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


@spec("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
def _group_rule(s: Subject) -> dict[str, Any]:
    ident = s.seed.ec2("sgr")
    return {"id": ident, "securityGroupRuleId": ident, "arn": s.arn("ec2", f"security-group-rule/{ident}")}


@spec("aws:ec2/securityGroupRule:SecurityGroupRule")
def _old_group_rule(s: Subject) -> dict[str, Any]:
    return {"id": f"sgrule-{s.seed.digits(10)}", "securityGroupRuleId": s.seed.ec2("sgr")}


@spec("aws:ec2/eip:Eip")
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


@spec("aws:ec2/natGateway:NatGateway")
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


@spec("aws:ec2/route:Route")
def _route(s: Subject) -> dict[str, Any]:
    target = s.text("destinationCidrBlock") or s.text("destinationIpv6CidrBlock") or s.text("destinationPrefixListId")
    return {"id": f"r-{s.text('routeTableId', s.seed.ec2('rtb'))}{Seed(target).digits(10)}", "origin": "CreateRoute", "state": "active"}


@spec("aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/networkAclAssociation:NetworkAclAssociation")
def _association(s: Subject) -> dict[str, Any]:
    return {"id": s.seed.ec2("rtbassoc" if "routeTable" in s.urn.token else "aclassoc")}


@spec("aws:ec2/vpcEndpoint:VpcEndpoint")
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


CLOUDFRONT_LISTS = {
    "ap-northeast-1": "pl-58a04531",
    "ap-northeast-2": "pl-22a6434b",
    "ap-northeast-3": "pl-31a14458",
    "ap-south-1": "pl-9aa247f3",
    "ap-southeast-1": "pl-31a34658",
    "ap-southeast-2": "pl-b8a742d1",
    "ca-central-1": "pl-38a64351",
    "eu-central-1": "pl-a3a144ca",
    "eu-north-1": "pl-fab65393",
    "eu-west-1": "pl-4fa04526",
    "eu-west-2": "pl-93a247fa",
    "eu-west-3": "pl-75b1541c",
    "sa-east-1": "pl-5da64334",
    "us-east-1": "pl-3b927c52",
    "us-east-2": "pl-b6a144df",
    "us-west-1": "pl-4ea04527",
    "us-west-2": "pl-82a045eb",
}
"""AWS's real list of CloudFront's origin-facing addresses by region (AWS networking blog), which readers of a plan know by its id."""


def prefix_list_id(region: str, service: str) -> str:
    """Id of an AWS-managed prefix list, such as that of S3 in a region."""
    known = {("us-east-1", "s3"): "pl-63a5400a", ("us-east-1", "dynamodb"): "pl-02cd2c6b"}
    if service == "cloudfront" and region in CLOUDFRONT_LISTS:
        return CLOUDFRONT_LISTS[region]
    return known.get((region, service)) or f"pl-{Seed(f'{region}/{service}').hex(8)}"


@spec("aws:ec2/networkInterface:NetworkInterface")
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
