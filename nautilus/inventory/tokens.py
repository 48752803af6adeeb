"""Types of the resources that decide who reaches whom, and where they stand."""

from __future__ import annotations

from typing import Final

VPC: Final = ("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc")
SUBNET: Final = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
VPC_BLOCK: Final = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
ROUTE_TABLE: Final = "aws:ec2/routeTable:RouteTable"
DEFAULT_ROUTE_TABLE: Final = "aws:ec2/defaultRouteTable:DefaultRouteTable"
ROUTE: Final = "aws:ec2/route:Route"
TABLE_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN_TABLE: Final = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
NAT: Final = "aws:ec2/natGateway:NatGateway"
ADDRESS: Final = "aws:ec2/eip:Eip"
ADDRESS_ASSOCIATION: Final = "aws:ec2/eipAssociation:EipAssociation"
INTERFACE: Final = "aws:ec2/networkInterface:NetworkInterface"
INTERFACE_ATTACHMENT: Final = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
INSTANCE: Final = "aws:ec2/instance:Instance"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
SCALING_GROUP: Final = "aws:autoscaling/group:Group"
SCALING_ATTACHMENT: Final = "aws:autoscaling/attachment:Attachment"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
ENDPOINT_TABLE: Final = "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation"
FIREWALL: Final = "aws:networkfirewall/firewall:Firewall"
FIREWALL_POLICY: Final = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
FIREWALL_RULES: Final = "aws:networkfirewall/ruleGroup:RuleGroup"
NACL: Final = "aws:ec2/networkAcl:NetworkAcl"
NACL_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"
NACL_ASSOCIATION: Final = "aws:ec2/networkAclAssociation:NetworkAclAssociation"
DEFAULT_NACL: Final = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUPS: Final = (GROUP, DEFAULT_GROUP)
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUP_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
PREFIX_LIST: Final = "aws:ec2/managedPrefixList:ManagedPrefixList"
BALANCER: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
LISTENER: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
LISTENER_RULE: Final = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
TARGET_GROUP: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
TARGET_ATTACHMENT: Final = ("aws:lb/targetGroupAttachment:TargetGroupAttachment", "aws:alb/targetGroupAttachment:TargetGroupAttachment")
SERVICE: Final = "aws:ecs/service:Service"
DATABASE: Final = "aws:rds/instance:Instance"
DATABASE_CLUSTER: Final = "aws:rds/cluster:Cluster"
DATABASE_MEMBER: Final = "aws:rds/clusterInstance:ClusterInstance"
DATABASE_PROXY: Final = "aws:rds/proxy:Proxy"
DATABASE_SUBNETS: Final = "aws:rds/subnetGroup:SubnetGroup"
CACHE: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
CACHE_CLUSTER: Final = "aws:elasticache/cluster:Cluster"
CACHE_SERVERLESS: Final = "aws:elasticache/serverlessCache:ServerlessCache"
CACHE_SUBNETS: Final = "aws:elasticache/subnetGroup:SubnetGroup"
MOUNT_TARGET: Final = "aws:efs/mountTarget:MountTarget"
FUNCTION: Final = "aws:lambda/function:Function"
VPN: Final = "aws:ec2clientvpn/endpoint:Endpoint"
VPN_ASSOCIATION: Final = "aws:ec2clientvpn/networkAssociation:NetworkAssociation"
DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
RECORD: Final = "aws:route53/record:Record"
CERTIFICATES: Final = ("aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation")
