"""Type tokens that several rules share. Plain text on purpose: importing the provider's SDK would cost seconds."""

from __future__ import annotations

SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_SECURITY_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
SECURITY_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUPS = (SECURITY_GROUP, DEFAULT_SECURITY_GROUP)
INGRESS_SOURCES = (SECURITY_GROUP, DEFAULT_SECURITY_GROUP, SECURITY_GROUP_RULE, INGRESS_RULE)

VPC = "aws:ec2/vpc:Vpc"
DEFAULT_VPC = "aws:ec2/defaultVpc:DefaultVpc"
SUBNET = "aws:ec2/subnet:Subnet"
DEFAULT_SUBNET = "aws:ec2/defaultSubnet:DefaultSubnet"
SUBNETS = (SUBNET, DEFAULT_SUBNET)
ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
DEFAULT_ROUTE_TABLE = "aws:ec2/defaultRouteTable:DefaultRouteTable"
ROUTE_TABLES = (ROUTE_TABLE, DEFAULT_ROUTE_TABLE)
ROUTE = "aws:ec2/route:Route"
ROUTE_TABLE_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN_ROUTE_TABLE_ASSOCIATION = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway"
NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"
NETWORK_INTERFACE = "aws:ec2/networkInterface:NetworkInterface"
VPC_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
VPC_ENDPOINT_POLICY = "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy"
NETWORK_ACL = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_NETWORK_ACL = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
NETWORK_ACL_RULE = "aws:ec2/networkAclRule:NetworkAclRule"
INSTANCE = "aws:ec2/instance:Instance"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
AUTOSCALING_GROUP = "aws:autoscaling/group:Group"
ECS_SERVICE = "aws:ecs/service:Service"

FIREWALL = "aws:networkfirewall/firewall:Firewall"
FIREWALL_POLICY = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
FIREWALL_RULES = "aws:networkfirewall/ruleGroup:RuleGroup"
FIREWALL_LOGS = "aws:networkfirewall/loggingConfiguration:LoggingConfiguration"
DNS_ASSOCIATION = "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"
DNS_CONFIG = "aws:route53/resolverFirewallConfig:ResolverFirewallConfig"
DNS_GROUP = "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup"
DNS_LIST = "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList"
DNS_RULE = "aws:route53/resolverFirewallRule:ResolverFirewallRule"

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
ORIGIN_ACCESS = "aws:cloudfront/originAccessControl:OriginAccessControl"
RESPONSE_HEADERS = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
WEB_ACL = "aws:wafv2/webAcl:WebAcl"
WEB_ACL_ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
WEB_ACL_LOGS = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
LOG_SOURCE = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
LOG_DELIVERY = "aws:cloudwatch/logDelivery:LogDelivery"
CERTIFICATE = "aws:acm/certificate:Certificate"
CERTIFICATE_VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"

LISTENERS = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
LISTENER_RULES = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
TARGET_GROUPS = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
LOAD_BALANCERS = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

DB_INSTANCE = "aws:rds/instance:Instance"
DB_CLUSTER = "aws:rds/cluster:Cluster"
DB_CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
DB_SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
DB_PROXY = "aws:rds/proxy:Proxy"
DB_PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"
DB_PARAMETER_GROUPS = ("aws:rds/parameterGroup:ParameterGroup", "aws:rds/clusterParameterGroup:ClusterParameterGroup")
CACHE_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
CACHE_USER = "aws:elasticache/user:User"
SUBNET_GROUPS = (
    DB_SUBNET_GROUP,
    "aws:elasticache/subnetGroup:SubnetGroup",
    "aws:docdb/subnetGroup:SubnetGroup",
    "aws:memorydb/subnetGroup:SubnetGroup",
    "aws:neptune/subnetGroup:SubnetGroup",
    "aws:redshift/subnetGroup:SubnetGroup",
)

DATA_STORES = {
    DB_INSTANCE: "vpcSecurityGroupIds",
    DB_CLUSTER: "vpcSecurityGroupIds",
    "aws:rds/proxy:Proxy": "vpcSecurityGroupIds",
    "aws:elasticache/replicationGroup:ReplicationGroup": "securityGroupIds",
    "aws:elasticache/cluster:Cluster": "securityGroupIds",
    "aws:elasticache/serverlessCache:ServerlessCache": "securityGroupIds",
    "aws:docdb/cluster:Cluster": "vpcSecurityGroupIds",
    "aws:neptune/cluster:Cluster": "vpcSecurityGroupIds",
    "aws:memorydb/cluster:Cluster": "securityGroupIds",
    "aws:redshift/cluster:Cluster": "vpcSecurityGroupIds",
    "aws:opensearch/domain:Domain": "vpcOptions.securityGroupIds",
    "aws:efs/mountTarget:MountTarget": "securityGroups",
}
"""Types that hold data → the input that names their security groups."""

PLACEMENTS = {
    "aws:lb/loadBalancer:LoadBalancer": ("securityGroups", "subnets"),
    "aws:alb/loadBalancer:LoadBalancer": ("securityGroups", "subnets"),
    "aws:ecs/service:Service": ("networkConfiguration.securityGroups", "networkConfiguration.subnets"),
    "aws:ec2/instance:Instance": ("vpcSecurityGroupIds", "subnetId"),
    "aws:ec2/networkInterface:NetworkInterface": ("securityGroups", "subnetId"),
    "aws:lambda/function:Function": ("vpcConfig.securityGroupIds", "vpcConfig.subnetIds"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("securityGroupIds", "subnetIds"),
    "aws:efs/mountTarget:MountTarget": ("securityGroups", "subnetId"),
}
"""Types that put a security group into a subnet → the inputs that name the groups and the subnets."""
