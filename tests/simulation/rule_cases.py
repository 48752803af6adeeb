"""One sound resource for each type that has rules, and for each rule at least one change that breaks it."""

from __future__ import annotations

import json
from typing import Any

from nautilus.sandbox.simulation.values import UNKNOWN
from tests.simulation.support import arn

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
IDENTITY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}
RESOURCE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}],
}
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}],
}
TOPIC = arn("sns", "alerts")
ROLE = arn("iam", "role/r", region="")
CERT = arn("acm", "certificate/0c0ffee0-0000-4000-8000-000000000000")
GROUP = arn("elasticloadbalancing", "targetgroup/web/0123456789abcdef")
GROUP2 = arn("elasticloadbalancing", "targetgroup/green/0123456789abcdee")
LISTENER = arn("elasticloadbalancing", "listener/app/web/0123456789abcdef/fedcba9876543210")
LISTENER_RULE = arn("elasticloadbalancing", "listener-rule/app/web/0123456789abcdef/fedcba9876543210/0000000000000001")
BALANCER = arn("elasticloadbalancing", "loadbalancer/app/web/0123456789abcdef")
FUNCTION = arn("lambda", "function:hook")
ACL = arn("wafv2", "regional/webacl/main/0c0ffee0-0000-4000-8000-000000000000")
RUN_CLUSTER = arn("ecs", "cluster/apps")
RUN_QUEUE = arn("sqs", "not-started")
RUN_TARGET: dict[str, Any] = {
    "arn": RUN_CLUSTER,
    "roleArn": ROLE,
    "ecsParameters": {
        "taskDefinitionArn": arn("ecs", "task-definition/job:1"),
        "launchType": "FARGATE",
        "networkConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]},
    },
}
POLICY_ID = "658327ea-f89d-4fab-a63d-7e88639e58f6"


def container(**more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "name": "app",
        "image": "public.ecr.aws/x/y@sha256:00",
        "essential": True,
        "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app"},
        },
    }
    return {key: value for key, value in (base | more).items() if value is not None}


def containers(*items: dict[str, Any], **more: Any) -> str:
    return json.dumps(list(items) or [container(**more)])


def preferences(**more: Any) -> str:
    inputs = {"idleSessionTimeout": "15", "maxSessionDuration": "60"} | more
    return json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs})


BEHAVIOR = {
    "targetOriginId": "web",
    "viewerProtocolPolicy": "redirect-to-https",
    "allowedMethods": ["GET", "HEAD"],
    "cachedMethods": ["GET", "HEAD"],
    "cachePolicyId": POLICY_ID,
}
ORIGIN = {
    "originId": "web",
    "domainName": "web.example.com",
    "customOriginConfig": {"httpPort": 80, "httpsPort": 443, "originProtocolPolicy": "https-only", "originSslProtocols": ["TLSv1.2"]},
}
CACHE_KEY = {
    "cookiesConfig": {"cookieBehavior": "none"},
    "headersConfig": {"headerBehavior": "none"},
    "queryStringsConfig": {"queryStringBehavior": "all"},
    "enableAcceptEncodingGzip": True,
}
WAF_RULE = {
    "name": "rate",
    "priority": 1,
    "action": {"block": {}},
    "statement": {"rateBasedStatement": {"limit": 2000, "aggregateKeyType": "IP"}},
    "visibilityConfig": {"cloudwatchMetricsEnabled": True, "metricName": "rate", "sampledRequestsEnabled": True},
}
WAF_MATCH = {
    "byteMatchStatement": {
        "fieldToMatch": {"uriPath": {}},
        "positionalConstraint": "STARTS_WITH",
        "searchString": "/api",
        "textTransformations": [{"priority": 0, "type": "NONE"}],
    }
}
VISIBILITY = {"cloudwatchMetricsEnabled": True, "metricName": "acl", "sampledRequestsEnabled": True}
ADVANCED = {"alternateTargetGroupArn": GROUP2, "productionListenerRule": LISTENER_RULE, "roleArn": ROLE}
HOOK = {"hookTargetArn": FUNCTION, "roleArn": ROLE, "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"]}
BACKUP_RULE = {
    "ruleName": "daily",
    "targetVaultName": "main",
    "schedule": "cron(0 2 * * ? *)",
    "lifecycle": {"deleteAfter": 30},
    "startWindow": 60,
    "completionWindow": 180,
}

ACL_RULE = {"ruleNo": 100, "action": "allow", "protocol": "6", "cidrBlock": "10.0.0.0/16", "fromPort": 443, "toPort": 443}
ACL_ICMP = ACL_RULE | {"ruleNo": 110, "protocol": "1", "fromPort": 0, "toPort": 0, "icmpType": 3, "icmpCode": 4}
ACL_ALL = ACL_RULE | {"ruleNo": 120, "action": "deny", "protocol": "-1", "fromPort": 0, "toPort": 0}

BASE: dict[str, dict[str, Any]] = {
    "s3.BucketObjectv2": {"bucket": "nautilus-assets", "key": "page.html", "content": "x"},
    "accessanalyzer.Analyzer": {
        "analyzerName": "unused",
        "type": "ACCOUNT_UNUSED_ACCESS",
        "configuration": {"unusedAccess": {"unusedAccessAge": 90}},
    },
    "ec2.InstanceMetadataDefaults": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
    "ec2clientvpn.AuthorizationRule": {
        "clientVpnEndpointId": "cvpn-endpoint-0123456789abcdef0",
        "targetNetworkCidr": "10.0.0.0/16",
        "accessGroupId": "dba",
    },
    "ec2clientvpn.Endpoint": {
        "clientCidrBlock": "10.255.252.0/22",
        "serverCertificateArn": CERT,
        "authenticationOptions": [
            {"type": "federated-authentication", "samlProviderArn": arn("iam", "saml-provider/vpn", region="")},
        ],
        "connectionLogOptions": {"enabled": True, "cloudwatchLogGroup": "/nautilus/prod/vpn"},
        "clientLoginBannerOptions": {"enabled": True, "bannerText": "Administrators only."},
        "vpnPort": 443,
        "sessionTimeoutHours": 8,
    },
    "appconfig.Application": {"name": "nautilus-prod-flags", "description": "flags"},
    "appconfig.ConfigurationProfile": {
        "applicationId": "abc1234",
        "name": "volume",
        "description": "volume",
        "locationUri": "hosted",
        "type": "AWS.Freeform",
        "validators": [{"type": "JSON_SCHEMA", "content": '{"$schema":"http://json-schema.org/draft-04/schema#","type":"object"}'}],
    },
    "appconfig.Environment": {
        "applicationId": "abc1234",
        "name": "volume",
        "monitors": [{"alarmArn": arn("cloudwatch", "alarm:errors"), "alarmRoleArn": ROLE}],
    },
    "appconfig.DeploymentStrategy": {
        "name": "nautilus-prod-flags-gradual",
        "deploymentDurationInMinutes": 10,
        "finalBakeTimeInMinutes": 10,
        "growthFactor": 20,
        "growthType": "LINEAR",
        "replicateTo": "NONE",
    },
    "appconfig.HostedConfigurationVersion": {
        "applicationId": "abc1234",
        "configurationProfileId": "def5678",
        "content": '{"percent":1}',
        "contentType": "application/json",
        "description": "first",
    },
    "appconfig.Deployment": {
        "applicationId": "abc1234",
        "configurationProfileId": "def5678",
        "configurationVersion": "1",
        "deploymentStrategyId": "AppConfig.AllAtOnce",
        "environmentId": "fed4321",
    },
    "ssm.Document": {"name": "SSM-SessionManagerRunShell", "documentType": "Session", "content": preferences()},
    "ssm.ServiceSetting": {"settingId": "/ssm/documents/console/public-sharing-permission", "settingValue": "Disable"},
    "acm.Certificate": {"domainName": "example.com", "subjectAlternativeNames": ["*.example.com"], "validationMethod": "DNS"},
    "appautoscaling.Policy": {
        "policyType": "TargetTrackingScaling",
        "resourceId": "service/c/s",
        "scalableDimension": "ecs:service:DesiredCount",
        "serviceNamespace": "ecs",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": 70,
            "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    },
    "appautoscaling.ScheduledAction": {
        "resourceId": "service/c/s",
        "scalableDimension": "ecs:service:DesiredCount",
        "serviceNamespace": "ecs",
        "schedule": "cron(0 7 ? * MON-FRI *)",
        "scalableTargetAction": {"minCapacity": 2, "maxCapacity": 10},
    },
    "appautoscaling.Target": {
        "minCapacity": 2,
        "maxCapacity": 10,
        "resourceId": "service/c/s",
        "scalableDimension": "ecs:service:DesiredCount",
        "serviceNamespace": "ecs",
    },
    "autoscaling.Group": {
        "minSize": 1,
        "maxSize": 1,
        "launchTemplate": {"id": "lt-0123456789abcdef0", "version": "1"},
        "vpcZoneIdentifiers": ["subnet-0"],
    },
    "backup.Plan": {"rules": [BACKUP_RULE]},
    "backup.RestoreTestingPlan": {
        "name": "weekly_test",
        "scheduleExpression": "cron(0 5 ? * SUN *)",
        "recoveryPointSelection": {"algorithm": "LATEST_WITHIN_WINDOW", "includeVaults": ["*"], "recoveryPointTypes": ["SNAPSHOT"]},
    },
    "backup.Framework": {
        "name": "promises",
        "controls": [
            {"name": "BACKUP_RECOVERY_POINT_ENCRYPTED"},
            {
                "name": "BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK",
                "inputParameters": [{"name": "requiredRetentionDays", "value": "7"}],
                "scope": {"tags": {"Team": "platform"}},
            },
        ],
    },
    "backup.ReportPlan": {
        "name": "jobs",
        "reportDeliveryChannel": {"s3BucketName": "reports"},
        "reportSetting": {"reportTemplate": "BACKUP_JOB_REPORT"},
    },
    "backup.RestoreTestingSelection": {
        "name": "databases",
        "restoreTestingPlanName": "weekly_test",
        "iamRoleArn": ROLE,
        "protectedResourceType": "RDS",
        "protectedResourceArns": ["*"],
    },
    "backup.Selection": {"planId": "p", "iamRoleArn": ROLE, "resources": ["*"]},
    "backup.Vault": {"name": "main"},
    "backup.VaultLockConfiguration": {"backupVaultName": "main", "minRetentionDays": 7, "maxRetentionDays": 400},
    "budgets.Budget": {
        "budgetType": "COST",
        "limitAmount": "100",
        "limitUnit": "USD",
        "timeUnit": "MONTHLY",
        "notifications": [
            {
                "comparisonOperator": "GREATER_THAN",
                "threshold": 80,
                "thresholdType": "PERCENTAGE",
                "notificationType": "ACTUAL",
                "subscriberSnsTopicArns": [TOPIC],
            }
        ],
    },
    "cloudfront.Distribution": {
        "enabled": True,
        "origins": [ORIGIN],
        "defaultCacheBehavior": BEHAVIOR,
        "restrictions": {"geoRestriction": {"restrictionType": "none"}},
        "viewerCertificate": {"acmCertificateArn": CERT, "sslSupportMethod": "sni-only", "minimumProtocolVersion": "TLSv1.2_2021"},
        "aliases": ["www.example.com"],
    },
    "cloudfront.Function": {"runtime": "cloudfront-js-2.0", "code": "function handler(event) { return event.request; }"},
    "cloudfront.CachePolicy": {
        "name": "market-data",
        "minTtl": 0,
        "defaultTtl": 60,
        "maxTtl": 60,
        "parametersInCacheKeyAndForwardedToOrigin": CACHE_KEY,
    },
    "cloudfront.OriginRequestPolicy": {
        "name": "host",
        "cookiesConfig": {"cookieBehavior": "none"},
        "headersConfig": {"headerBehavior": "whitelist", "headers": {"items": ["Host"]}},
        "queryStringsConfig": {"queryStringBehavior": "none"},
    },
    "cloudfront.OriginAccessControl": {"originAccessControlOriginType": "s3", "signingBehavior": "always", "signingProtocol": "sigv4"},
    "cloudtrail.Trail": {"s3BucketName": "logs"},
    "cloudwatch.CompositeAlarm": {"alarmName": "all", "alarmRule": 'ALARM("a") OR ALARM("b")'},
    "cloudwatch.Dashboard": {
        "dashboardName": "main",
        "dashboardBody": json.dumps(
            {"widgets": [{"type": "metric", "x": 0, "y": 0, "width": 12, "height": 6, "properties": {"metrics": []}}]}
        ),
    },
    "cloudwatch.EventRule": {"eventPattern": json.dumps({"source": ["aws.ecs"]})},
    "cloudwatch.EventTarget": {"rule": "r", "arn": TOPIC},
    "cloudwatch.LogGroup": {"name": "/app/backend", "retentionInDays": 90},
    "cloudwatch.LogMetricFilter": {
        "logGroupName": "/app",
        "pattern": "ERROR",
        "metricTransformation": {"name": "errors", "namespace": "App", "value": "1"},
    },
    "cloudwatch.LogResourcePolicy": {"policyName": "p", "policyDocument": json.dumps(RESOURCE)},
    "cloudwatch.MetricAlarm": {
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 3,
        "metricName": "CPUUtilization",
        "namespace": "AWS/ECS",
        "period": 60,
        "statistic": "Average",
        "threshold": 80,
        "alarmActions": [TOPIC],
    },
    "dynamodb.Table": {"hashKey": "id", "attributes": [{"name": "id", "type": "S"}], "billingMode": "PAY_PER_REQUEST"},
    "ebs.Volume": {"availabilityZone": "us-east-1a", "size": 100, "type": "gp3", "iops": 6000, "throughput": 250, "encrypted": True},
    "ec2.DefaultSecurityGroup": {"vpcId": "vpc-0"},
    "ec2.FlowLog": {"vpcId": "vpc-0", "trafficType": "ALL", "logDestination": "arn:aws:s3:::logs", "logDestinationType": "s3"},
    "ec2.LaunchTemplate": {"userData": "IyEvYmluL3No"},
    "ec2.ManagedPrefixList": {"addressFamily": "IPv4", "maxEntries": 5, "entries": [{"cidr": "10.0.0.0/8"}]},
    "ec2.NatGateway": {"subnetId": "subnet-0", "allocationId": "eipalloc-0"},
    "ec2.NetworkAcl": {"vpcId": "vpc-0", "subnetIds": ["subnet-0"], "ingress": [ACL_RULE, ACL_ICMP, ACL_ALL], "egress": [ACL_RULE]},
    "ec2.NetworkAclRule": {"networkAclId": "acl-0", "ruleNumber": 100, "protocol": "-1", "ruleAction": "allow", "cidrBlock": "0.0.0.0/0"},
    "ec2.Route": {"routeTableId": "rtb-0", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-0"},
    "ec2.SecurityGroup": {
        "description": "web",
        "vpcId": "vpc-0",
        "ingress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"]}],
    },
    "ec2.SecurityGroupRule": {
        "type": "ingress",
        "securityGroupId": "sg-0",
        "protocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrBlocks": ["10.0.0.0/8"],
    },
    "ec2.Subnet": {"vpcId": "vpc-0", "cidrBlock": "10.0.0.0/24", "availabilityZone": "us-east-1a"},
    "ec2.Vpc": {"cidrBlock": "10.0.0.0/16"},
    "ec2.VpcEndpoint": {"vpcId": "vpc-0", "serviceName": "com.amazonaws.us-east-1.s3", "routeTableIds": ["rtb-0"]},
    "ecr.LifecyclePolicy": {
        "repository": "app",
        "policy": json.dumps(
            {
                "rules": [
                    {
                        "rulePriority": 1,
                        "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7},
                        "action": {"type": "expire"},
                    }
                ]
            }
        ),
    },
    "ecr.PullThroughCacheRule": {"ecrRepositoryPrefix": "ecr-public", "upstreamRegistryUrl": "public.ecr.aws"},
    "ecr.RegistryScanningConfiguration": {
        "scanType": "BASIC",
        "rules": [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}],
    },
    "ecr.Repository": {"name": "nautilus/backend"},
    "ecr.RepositoryCreationTemplate": {
        "prefix": "ecr-public",
        "description": "copies",
        "appliedFors": ["PULL_THROUGH_CACHE"],
        "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": arn("kms", "key/0")}],
        "customRoleArn": ROLE,
    },
    "ecs.Cluster": {"name": "main"},
    "ecs.Service": {
        "cluster": arn("ecs", "cluster/main"),
        "launchType": "FARGATE",
        "networkConfiguration": {"subnets": ["subnet-0"]},
        "loadBalancers": [{"containerName": "app", "containerPort": 8000, "targetGroupArn": GROUP, "advancedConfiguration": ADVANCED}],
        "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5", "lifecycleHooks": [HOOK]},
    },
    "ecs.TaskDefinition": {
        "family": "app",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "1024",
        "memory": "2048",
        "executionRoleArn": ROLE,
        "containerDefinitions": containers(),
    },
    "efs.AccessPoint": {
        "fileSystemId": "fs-0123456789abcdef0",
        "rootDirectory": {"path": "/jts", "creationInfo": {"ownerGid": 1, "ownerUid": 1, "permissions": "0755"}},
    },
    "efs.FileSystem": {"encrypted": True, "throughputMode": "elastic"},
    "elasticache.ReplicationGroup": {
        "replicationGroupId": "main",
        "description": "main",
        "engine": "valkey",
        "nodeType": "cache.r7g.large",
        "numCacheClusters": 2,
        "automaticFailoverEnabled": True,
        "multiAzEnabled": True,
        "transitEncryptionEnabled": True,
        "authToken": "abcdefgh12345678!",
        "snapshotWindow": "03:00-04:00",
        "maintenanceWindow": "sun:05:00-sun:06:00",
    },
    "elasticache.SubnetGroup": {"name": "main", "subnetIds": ["subnet-0", "subnet-1"]},
    "elasticache.User": {
        "userId": "main-backend",
        "userName": "backend",
        "engine": "valkey",
        "accessString": "on ~backend:* -@all +@read",
        "passwords": ["abcdefgh12345678"],
    },
    "elasticache.UserGroup": {"userGroupId": "main", "engine": "valkey", "userIds": ["main-backend"]},
    "elasticache.GlobalReplicationGroup": {"globalReplicationGroupIdSuffix": "main", "primaryReplicationGroupId": "main"},
    "iam.OpenIdConnectProvider": {"url": "https://token.actions.githubusercontent.com", "clientIdLists": ["sts.amazonaws.com"]},
    "iam.Policy": {"policy": json.dumps(IDENTITY)},
    "iam.Role": {"assumeRolePolicy": json.dumps(TRUST)},
    "iam.RolePolicyAttachment": {"role": "r", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    "kms.Alias": {"name": "alias/main", "targetKeyId": "k"},
    "kms.Key": {"enableKeyRotation": True, "policy": json.dumps(KEY_POLICY)},
    "lambda.Function": {"role": ROLE, "runtime": "python3.13", "handler": "a.b", "s3Bucket": "code", "s3Key": "a.zip"},
    "lb.Listener": {
        "loadBalancerArn": BALANCER,
        "port": 443,
        "protocol": "HTTPS",
        "certificateArn": CERT,
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "defaultActions": [{"type": "forward", "targetGroupArn": GROUP}],
    },
    "lb.ListenerRule": {
        "listenerArn": LISTENER,
        "priority": 10,
        "actions": [{"type": "forward", "targetGroupArn": GROUP}],
        "conditions": [{"pathPattern": {"values": ["/api/*"]}}],
    },
    "lb.LoadBalancer": {"name": "web", "subnets": ["subnet-a", "subnet-b"]},
    "lb.TargetGroup": {
        "name": "web",
        "port": 8000,
        "protocol": "HTTP",
        "vpcId": "vpc-0",
        "targetType": "ip",
        "healthCheck": {"path": "/health", "interval": 30, "timeout": 5},
    },
    "networkfirewall.Firewall": {
        "firewallPolicyArn": arn("network-firewall", "firewall-policy/p"),
        "vpcId": "vpc-0",
        "subnetMappings": [{"subnetId": "subnet-0"}],
    },
    "networkfirewall.FirewallPolicy": {
        "firewallPolicy": {
            "statelessDefaultActions": ["aws:forward_to_sfe"],
            "statelessFragmentDefaultActions": ["aws:forward_to_sfe"],
            "statefulEngineOptions": {"ruleOrder": "STRICT_ORDER"},
            "statefulDefaultActions": ["aws:drop_established"],
            "statefulRuleGroupReferences": [{"priority": 1, "resourceArn": arn("network-firewall", "stateful-rulegroup/a")}],
        }
    },
    "networkfirewall.LoggingConfiguration": {
        "firewallArn": arn("network-firewall", "firewall/f"),
        "loggingConfiguration": {
            "logDestinationConfigs": [{"logType": "ALERT", "logDestinationType": "CloudWatchLogs", "logDestination": {"logGroup": "/fw"}}]
        },
    },
    "networkfirewall.RuleGroup": {
        "type": "STATEFUL",
        "capacity": 100,
        "rules": 'pass tls $HOME_NET any -> any 443 (msg:"ok"; sid:1; rev:1;)',
    },
    "rds.Instance": {
        "identifier": "main",
        "engine": "postgres",
        "engineVersion": "17.6",
        "instanceClass": "db.r7g.large",
        "allocatedStorage": 100,
        "storageType": "gp3",
        "storageEncrypted": True,
        "username": "nautilus",
        "password": "abcdefgh1234",
        "finalSnapshotIdentifier": "main-final",
        "backupWindow": "01:00-01:30",
        "maintenanceWindow": "sun:03:30-sun:04:00",
        "monitoringInterval": 60,
        "monitoringRoleArn": ROLE,
        "performanceInsightsEnabled": True,
        "performanceInsightsRetentionPeriod": 7,
    },
    "rds.ParameterGroup": {"family": "postgres17", "parameters": [{"name": "rds.force_ssl", "value": "1"}]},
    "rds.Proxy": {
        "engineFamily": "POSTGRESQL",
        "roleArn": ROLE,
        "vpcSubnetIds": ["subnet-a", "subnet-b"],
        "auths": [{"authScheme": "SECRETS", "secretArn": arn("secretsmanager", "secret:x-abcdef")}],
    },
    "rds.ProxyDefaultTargetGroup": {
        "dbProxyName": "main",
        "connectionPoolConfig": {"maxConnectionsPercent": 90, "maxIdleConnectionsPercent": 50},
    },
    "rds.SubnetGroup": {"name": "main", "subnetIds": ["subnet-a", "subnet-b"]},
    "route53.HealthCheck": {
        "type": "HTTPS",
        "fqdn": "example.com",
        "port": 443,
        "resourcePath": "/health",
        "requestInterval": 30,
        "failureThreshold": 3,
        "regions": ["eu-west-1", "us-east-1", "us-west-2"],
    },
    "route53.KeySigningKey": {
        "name": "nautilus_prod",
        "hostedZoneId": "Z1",
        "keyManagementServiceArn": arn("kms", "key/0c0ffee0-0000-4000-8000-000000000000"),
        "status": "ACTIVE",
    },
    "route53.QueryLog": {"zoneId": "Z1", "cloudwatchLogGroupArn": arn("logs", "log-group:/aws/route53/example.com")},
    "shield.Protection": {"name": "balancer", "resourceArn": BALANCER},
    "route53.Record": {"zoneId": "Z1", "name": "api.example.com", "type": "A", "ttl": 60, "records": ["192.0.2.1"]},
    "route53.Zone": {"name": "example.com"},
    "route53.ResolverFirewallDomainList": {"name": "allowed", "domains": ["*.amazonaws.com.", "example.com", "_dmarc.example.com.", "*."]},
    "route53.ResolverFirewallRule": {
        "name": "rest",
        "firewallRuleGroupId": "rslvr-frg-0",
        "firewallDomainListId": "rslvr-fdl-0",
        "priority": 100,
        "action": "BLOCK",
        "blockResponse": "NXDOMAIN",
    },
    "route53.ResolverFirewallRuleGroupAssociation": {
        "name": "dns",
        "firewallRuleGroupId": "rslvr-frg-0",
        "vpcId": "vpc-0",
        "priority": 101,
    },
    "route53.ResolverQueryLogConfig": {"name": "dns", "destinationArn": arn("logs", "log-group:/dns")},
    "s3.Bucket": {"bucket": "nautilus-logs"},
    "s3.BucketLifecycleConfiguration": {
        "bucket": "b",
        "rules": [
            {"id": "old", "status": "Enabled", "transitions": [{"days": 30, "storageClass": "STANDARD_IA"}], "expiration": {"days": 90}}
        ],
    },
    "s3.BucketReplicationConfig": {
        "bucket": "b",
        "role": ROLE,
        "rules": [
            {
                "id": "all",
                "priority": 0,
                "status": "Enabled",
                "filter": {"prefix": ""},
                "deleteMarkerReplication": {"status": "Enabled"},
                "destination": {"bucket": "arn:aws:s3:::c"},
            }
        ],
    },
    "s3.BucketObjectLockConfiguration": {"bucket": "b", "rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 30}}},
    "s3.BucketPolicy": {"bucket": "b", "policy": json.dumps(RESOURCE)},
    "s3.BucketServerSideEncryptionConfiguration": {
        "bucket": "b",
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
    },
    "scheduler.Schedule": {
        "name": "nightly",
        "scheduleExpression": "rate(1 day)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {"arn": FUNCTION, "roleArn": ROLE},
    },
    "secretsmanager.Secret": {"name": "/nautilus/prod/database"},
    "secretsmanager.SecretRotation": {"secretId": "s", "rotationRules": {"automaticallyAfterDays": 30}},
    "secretsmanager.SecretVersion": {"secretId": "s", "secretString": "x"},
    "signer.SigningProfile": {
        "name": "nautilus_prod_images",
        "platformId": "Notation-OCI-SHA384-ECDSA",
        "signatureValidityPeriod": {"value": 24, "type": "MONTHS"},
    },
    "sns.Topic": {"name": "alerts"},
    "sns.TopicSubscription": {"topic": TOPIC, "protocol": "email", "endpoint": "ops@example.com"},
    "sqs.Queue": {"name": "jobs"},
    "sqs.RedriveAllowPolicy": {
        "queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs-dead",
        "redriveAllowPolicy": json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn("sqs", "jobs")]}),
    },
    "ssm.Parameter": {"name": "/nautilus/prod/url", "type": "String", "value": "x"},
    "vpc.SecurityGroupIngressRule": {
        "securityGroupId": "sg-0",
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.0.0.0/8",
    },
    "wafv2.IpSet": {"scope": "REGIONAL", "ipAddressVersion": "IPV4", "addresses": ["192.0.2.0/24"]},
    "wafv2.WebAcl": {
        "name": "main",
        "scope": "REGIONAL",
        "defaultAction": {"allow": {}},
        "rules": [WAF_RULE],
        "visibilityConfig": VISIBILITY,
    },
    "wafv2.WebAclAssociation": {"resourceArn": BALANCER, "webAclArn": ACL},
    "wafv2.WebAclLoggingConfiguration": {"resourceArn": ACL, "logDestinationConfigs": [arn("logs", "log-group:aws-waf-logs-main")]},
    "random:index/randomPassword:RandomPassword": {"length": 24},
}

GONE = object()
"""Takes a property away."""


def _doc(base: dict[str, Any], **statement: Any) -> str:
    return json.dumps(base | {"Statement": [base["Statement"][0] | statement]})


# (rule, type, change of the sound resource, path of the finding)
CASES: list[tuple[str, str, dict[str, Any], str]] = [
    # every type
    ("tags", "ec2.Vpc", {"tags": {"aws:x": "y"}}, "tags.aws:x"),
    ("tags", "ec2.Vpc", {"tags": {"Name": "x" * 257}}, "tags.Name"),
    ("tags", "ec2.Vpc", {"tags": {"Name": "a&b"}}, "tags.Name"),
    ("tags", "ec2.Vpc", {"tags": {f"k{index}": "v" for index in range(51)}}, "tags"),
    ("tags", "s3.BucketObjectv2", {"tags": {f"k{index}": "v" for index in range(11)}}, "tags"),
    ("arn-format", "lambda.Function", {"role": ROLE, "kmsKeyArn": "key-1"}, "kmsKeyArn"),
    ("zone-in-region", "ec2.Subnet", {"availabilityZone": "eu-west-1a"}, "availabilityZone"),
    ("zone-in-region", "ec2.Subnet", {"availabilityZone": "a"}, "availabilityZone"),
    ("region-name", "ec2.Vpc", {"region": "virginia"}, "region"),
    ("name-length", "lb.LoadBalancer", {"name": GONE, "__name": "a-load-balancer-with-a-long-name"}, "name"),
    ("unknown-property", "lb.TargetGroup", {"healthCheck": {"pth": "/"}}, "healthCheck.pth"),
    ("missing-property", "ec2.Route", {"routeTableId": GONE}, "routeTableId"),
    ("wrong-type", "lb.LoadBalancer", {"subnets": "subnet-a"}, "subnets"),
    ("wrong-type", "rds.Instance", {"allocatedStorage": "much"}, "allocatedStorage"),
    ("wrong-type", "rds.Instance", {"multiAz": "yes"}, "multiAz"),
    ("api-model", "cloudwatch.MetricAlarm", {"comparisonOperator": "MoreThan"}, "comparisonOperator"),
    ("api-model", "wafv2.WebAcl", {"scope": "GLOBAL"}, "scope"),
    ("random-generator", "random:index/randomPassword:RandomPassword", {"length": 3, "minLower": 5}, "length"),
    # load balancing
    ("lb-name", "lb.LoadBalancer", {"name": "-web"}, "name"),
    ("lb-name", "lb.LoadBalancer", {"name": "internal-web"}, "name"),
    ("lb-name", "lb.LoadBalancer", {"name": "x" * 33}, "name"),
    ("lb-idle-timeout", "lb.LoadBalancer", {"idleTimeout": 4001}, "idleTimeout"),
    ("lb-client-keep-alive", "lb.LoadBalancer", {"clientKeepAlive": 10}, "clientKeepAlive"),
    ("lb-two-zones", "lb.LoadBalancer", {"subnets": ["subnet-a"]}, "subnets"),
    ("lb-two-zones", "lb.LoadBalancer", {"subnets": GONE}, "subnets"),
    ("lb-two-zones", "lb.LoadBalancer", {"subnets": GONE, "subnetMappings": [{"subnetId": "subnet-a"}]}, "subnetMappings"),
    ("lb-target-group-name", "lb.TargetGroup", {"name": "nautilus-prod-backend-blue-target-group-x"}, "name"),
    ("lb-target-group-port", "lb.TargetGroup", {"port": 70000}, "port"),
    ("lb-deregistration-delay", "lb.TargetGroup", {"deregistrationDelay": 3601}, "deregistrationDelay"),
    ("lb-slow-start", "lb.TargetGroup", {"slowStart": 10}, "slowStart"),
    ("lb-health-check", "lb.TargetGroup", {"healthCheck": {"interval": 301}}, "healthCheck.interval"),
    ("lb-health-check", "lb.TargetGroup", {"healthCheck": {"healthyThreshold": 1}}, "healthCheck.healthyThreshold"),
    ("lb-health-check-path", "lb.TargetGroup", {"healthCheck": {"path": "health"}}, "healthCheck.path"),
    ("lb-stickiness", "lb.TargetGroup", {"stickiness": {"type": "lb_cookie", "cookieDuration": 604801}}, "stickiness.cookieDuration"),
    ("lb-target-group", "lb.TargetGroup", {"vpcId": GONE}, "vpcId"),
    ("lb-target-group", "lb.TargetGroup", {"healthCheck": {"interval": 5, "timeout": 5}}, "healthCheck.timeout"),
    ("lb-target-group", "lb.TargetGroup", {"healthCheck": {"matcher": "ok"}}, "healthCheck.matcher"),
    ("lb-listener-port", "lb.Listener", {"port": 0}, "port"),
    ("lb-listener", "lb.Listener", {"certificateArn": GONE}, "certificateArn"),
    ("lb-listener", "lb.Listener", {"sslPolicy": "TLS13"}, "sslPolicy"),
    ("lb-listener", "lb.Listener", {"protocol": "HTTP"}, "certificateArn"),
    ("lb-listener", "lb.Listener", {"certificateArn": CERT.replace("us-east-1", "eu-west-1")}, "certificateArn"),
    ("lb-listener", "lb.Listener", {"defaultActions": [{"type": "redirect"}]}, "defaultActions[0].redirect"),
    (
        "lb-listener",
        "lb.Listener",
        {"defaultActions": [{"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "302"}}]},
        "defaultActions[0].fixedResponse.statusCode",
    ),
    (
        "lb-forward-weight",
        "lb.ListenerRule",
        {"actions": [{"type": "forward", "forward": {"targetGroups": [{"arn": GROUP, "weight": 1000}]}}]},
        "actions[0].forward.targetGroups[0].weight",
    ),
    ("lb-rule-priority", "lb.ListenerRule", {"priority": 50001}, "priority"),
    ("lb-listener-rule", "lb.ListenerRule", {"conditions": []}, "conditions"),
    ("lb-listener-rule", "lb.ListenerRule", {"conditions": [{"pathPattern": {"values": ["api"]}}]}, "conditions[0].pathPattern.values[0]"),
    (
        "lb-listener-rule",
        "lb.ListenerRule",
        {"conditions": [{"pathPattern": {"values": [f"/{index}" for index in range(6)]}}]},
        "conditions",
    ),
    (
        "lb-listener-rule",
        "lb.ListenerRule",
        {
            "actions": [
                {"type": "forward", "targetGroupArn": GROUP},
                {"type": "redirect", "redirect": {"statusCode": "HTTP_301", "port": "443"}},
            ]
        },
        "actions",
    ),
    (
        "lb-listener-rule",
        "lb.ListenerRule",
        {"conditions": [{"httpHeader": {"httpHeaderName": "X-Key", "values": ["a", "b", "c", "d"]}}]},
        "conditions[0].httpHeader.values",
    ),
    (
        "lb-listener-rule",
        "lb.ListenerRule",
        {
            "conditions": [
                {"pathPattern": {"values": ["/*/*/a", "/*/*/b"]}},
                {"httpHeader": {"httpHeaderName": "X-Key", "values": ["a?c*"]}},
            ]
        },
        "conditions",
    ),
    ("route53-health-check", "route53.HealthCheck", {"type": "PING"}, "type"),
    ("route53-health-check", "route53.HealthCheck", {"fqdn": None}, "fqdn"),
    ("route53-health-check", "route53.HealthCheck", {"type": "HTTPS_STR_MATCH"}, "searchString"),
    ("route53-health-check", "route53.HealthCheck", {"searchString": "ok"}, "searchString"),
    ("route53-health-check", "route53.HealthCheck", {"regions": ["eu-west-1", "us-east-1"]}, "regions"),
    ("route53-health-check", "route53.HealthCheck", {"regions": ["eu-west-1", "us-east-1", "eu-central-1"]}, "regions[2]"),
    ("route53-health-check", "route53.HealthCheck", {"type": "CLOUDWATCH_METRIC"}, "cloudwatchAlarmName"),
    ("route53-health-check", "route53.HealthCheck", {"type": "CALCULATED"}, "requestInterval"),
    ("route53-check-failures", "route53.HealthCheck", {"failureThreshold": 11}, "failureThreshold"),
    ("route53-check-interval", "route53.HealthCheck", {"requestInterval": 20}, "requestInterval"),
    ("route53-check-port", "route53.HealthCheck", {"port": 0}, "port"),
    ("route53-check-text", "route53.HealthCheck", {"resourcePath": "/" + "a" * 255}, "resourcePath"),
    (
        "route53-signing-key",
        "route53.KeySigningKey",
        {"keyManagementServiceArn": "arn:aws:kms:eu-west-1:123456789012:key/k"},
        "keyManagementServiceArn",
    ),
    ("route53-signing-key-name", "route53.KeySigningKey", {"name": "nautilus-prod"}, "name"),
    ("route53-signing-status", "route53.KeySigningKey", {"status": "ON"}, "status"),
    (
        "route53-query-log",
        "route53.QueryLog",
        {"cloudwatchLogGroupArn": "arn:aws:logs:eu-west-1:123456789012:log-group:q"},
        "cloudwatchLogGroupArn",
    ),
    ("shield-name", "shield.Protection", {"name": "a/b"}, "name"),
    ("shield-resource", "shield.Protection", {"resourceArn": "arn:aws:ec2:us-east-1:123456789012:elastic-ip/eipalloc-0"}, "resourceArn"),
    # identity
    ("iam-role-name", "iam.Role", {"name": "r" * 65}, "name"),
    ("iam-role-session", "iam.Role", {"maxSessionDuration": 60}, "maxSessionDuration"),
    ("iam-role-description", "iam.Role", {"description": "a – b"}, "description"),
    ("iam-policy-name", "iam.Policy", {"name": "a b"}, "name"),
    ("iam-path", "iam.Role", {"path": "service"}, "path"),
    ("iam-document", "iam.Role", {"assumeRolePolicy": "{"}, "assumeRolePolicy"),
    ("iam-document", "iam.Role", {"assumeRolePolicy": _doc(TRUST, Resource="*")}, "assumeRolePolicy.Statement[0].Resource"),
    (
        "iam-document",
        "iam.Role",
        {"assumeRolePolicy": _doc(TRUST, Principal={"Service": "ecs"})},
        "assumeRolePolicy.Statement[0].Principal.Service",
    ),
    ("iam-document", "iam.Policy", {"policy": _doc(IDENTITY, Effect="allow")}, "policy.Statement[0].Effect"),
    ("iam-document", "iam.Policy", {"policy": _doc(IDENTITY, Action="GetObject")}, "policy.Statement[0].Action"),
    ("iam-document", "iam.Policy", {"policy": _doc(IDENTITY, Resource="bucket")}, "policy.Statement[0].Resource"),
    ("iam-document", "iam.Policy", {"policy": _doc(IDENTITY, Principal="*")}, "policy.Statement[0].Principal"),
    (
        "iam-document",
        "iam.Policy",
        {"policy": _doc(IDENTITY, Condition={"StringIs": {"a": "b"}})},
        "policy.Statement[0].Condition.StringIs",
    ),
    ("iam-document", "iam.Policy", {"policy": _doc(IDENTITY, Resources="*")}, "policy.Statement[0].Resources"),
    (
        "iam-document",
        "iam.Policy",
        {"policy": json.dumps(IDENTITY | {"Statement": [IDENTITY["Statement"][0] | {"Sid": f"s{index}"} for index in range(90)]})},
        "policy",
    ),
    ("iam-document", "s3.BucketPolicy", {"policy": _doc(IDENTITY)}, "policy.Statement[0].Principal"),
    ("iam-document", "cloudwatch.LogResourcePolicy", {"policyDocument": "[]"}, "policyDocument"),
    ("iam-role-attachments", "iam.Role", {"managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"] * 21}, "managedPolicyArns"),
    ("iam-policy-arn", "iam.RolePolicyAttachment", {"policyArn": ROLE}, "policyArn"),
    ("oidc-provider", "iam.OpenIdConnectProvider", {"url": "http://x.example"}, "url"),
    ("kms-deletion-window", "kms.Key", {"deletionWindowInDays": 6}, "deletionWindowInDays"),
    ("kms-rotation-period", "kms.Key", {"rotationPeriodInDays": 30}, "rotationPeriodInDays"),
    ("kms-key", "kms.Key", {"customerMasterKeySpec": "RSA_2048"}, "enableKeyRotation"),
    ("kms-key", "kms.Key", {"policy": _doc(KEY_POLICY, Action="kms:Decrypt")}, "policy"),
    ("kms-alias-name", "kms.Alias", {"name": "main"}, "name"),
    ("secret-name", "secretsmanager.Secret", {"name": "a b"}, "name"),
    ("secret-name-suffix", "secretsmanager.Secret", {"name": "database-abc123"}, "name"),
    ("secret-recovery-window", "secretsmanager.Secret", {"recoveryWindowInDays": 3}, "recoveryWindowInDays"),
    ("secret-value", "secretsmanager.SecretVersion", {"secretString": GONE}, "secretString"),
    ("secret-value", "secretsmanager.SecretVersion", {"secretString": "x" * 65537}, "secretString"),
    (
        "secret-rotation-days",
        "secretsmanager.SecretRotation",
        {"rotationRules": {"automaticallyAfterDays": 1001}},
        "rotationRules.automaticallyAfterDays",
    ),
    ("secret-rotation", "secretsmanager.SecretRotation", {"rotationRules": {}}, "rotationRules"),
    (
        "secret-rotation",
        "secretsmanager.SecretRotation",
        {"rotationRules": {"scheduleExpression": "cron(30 2 ? * SUN *)", "duration": "1h"}},
        "rotationRules.scheduleExpression",
    ),
    (
        "secret-rotation",
        "secretsmanager.SecretRotation",
        {"rotationRules": {"scheduleExpression": "cron(0 2 ? * SUN 2027)"}},
        "rotationRules.scheduleExpression",
    ),
    (
        "secret-rotation",
        "secretsmanager.SecretRotation",
        {"rotationRules": {"scheduleExpression": "cron(0 22 ? * SUN *)", "duration": "3h"}},
        "rotationRules.duration",
    ),
    # databases
    ("rds-identifier", "rds.Instance", {"identifier": "Main"}, "identifier"),
    ("rds-identifier", "rds.Instance", {"identifier": "main--db"}, "identifier"),
    ("rds-username", "rds.Instance", {"username": "a" * 17}, "username"),
    (
        "rds-replica-region",
        "rds.Instance",
        {"replicateSourceDb": arn("rds", "db:main", region="us-east-1"), "region": "us-west-2", "kmsKeyId": GONE, "storageEncrypted": True},
        "kmsKeyId",
    ),
    (
        "rds-replica-region",
        "rds.Instance",
        {
            "replicateSourceDb": arn("rds", "db:main", region="us-east-1"),
            "region": "us-west-2",
            "kmsKeyId": arn("kms", "key/0c0ffee0-0000-4000-8000-000000000000", region="us-east-1"),
        },
        "kmsKeyId",
    ),
    ("rds-username-reserved", "rds.Instance", {"username": "admin"}, "username"),
    ("rds-database-name", "rds.Instance", {"dbName": "my-db"}, "dbName"),
    ("rds-password", "rds.Instance", {"password": "short"}, "password"),
    ("rds-password", "rds.Instance", {"password": "with@sign1234"}, "password"),
    ("rds-password", "rds.Instance", {"password": "with space 12"}, "password"),
    ("rds-credentials", "rds.Instance", {"password": GONE}, "password"),
    ("rds-credentials", "rds.Instance", {"manageMasterUserPassword": True}, "password"),
    ("rds-backup-retention", "rds.Instance", {"backupRetentionPeriod": 36}, "backupRetentionPeriod"),
    ("rds-port", "rds.Instance", {"port": 80}, "port"),
    ("rds-monitoring-interval", "rds.Instance", {"monitoringInterval": 7}, "monitoringInterval"),
    ("rds-monitoring", "rds.Instance", {"monitoringRoleArn": GONE}, "monitoringRoleArn"),
    ("rds-insights-retention", "rds.Instance", {"performanceInsightsRetentionPeriod": 30}, "performanceInsightsRetentionPeriod"),
    ("rds-storage", "rds.Instance", {"iops": 12000}, "iops"),
    ("rds-storage", "rds.Instance", {"allocatedStorage": 10}, "allocatedStorage"),
    ("rds-storage", "rds.Instance", {"allocatedStorage": 400, "iops": 12000, "storageThroughput": 3001}, "storageThroughput"),
    ("rds-storage", "rds.Instance", {"maxAllocatedStorage": 101}, "maxAllocatedStorage"),
    ("rds-final-snapshot", "rds.Instance", {"finalSnapshotIdentifier": GONE}, "finalSnapshotIdentifier"),
    ("rds-final-snapshot-name", "rds.Instance", {"finalSnapshotIdentifier": "-final"}, "finalSnapshotIdentifier"),
    ("rds-encryption", "rds.Instance", {"storageEncrypted": GONE, "kmsKeyId": arn("kms", "key/k")}, "storageEncrypted"),
    ("rds-windows", "rds.Instance", {"backupWindow": "03:00-03:45"}, "backupWindow"),
    ("rds-windows", "rds.Instance", {"maintenanceWindow": "sunday 03:00"}, "maintenanceWindow"),
    ("rds-exports", "rds.Instance", {"enabledCloudwatchLogsExports": ["audit"]}, "enabledCloudwatchLogsExports[0]"),
    ("rds-instance-class", "rds.Instance", {"instanceClass": "r7g.large"}, "instanceClass"),
    ("rds-group-name", "rds.SubnetGroup", {"name": "Main"}, "name"),
    ("rds-two-zones", "rds.SubnetGroup", {"subnetIds": ["subnet-a"]}, "subnetIds"),
    ("rds-parameters", "rds.ParameterGroup", {"parameters": [{"name": "max_connections", "value": "500"}]}, "parameters[0].applyMethod"),
    ("rds-parameters", "rds.ParameterGroup", {"family": "pg17"}, "family"),
    (
        "rds-timescaledb",
        "rds.ParameterGroup",
        {"parameters": [{"name": "shared_preload_libraries", "value": "timescaledb", "applyMethod": "pending-reboot"}]},
        "parameters[0].value",
    ),
    ("rds-proxy-name", "rds.Proxy", {"name": "1proxy"}, "name"),
    ("rds-proxy-idle-timeout", "rds.Proxy", {"idleClientTimeout": 28801}, "idleClientTimeout"),
    ("rds-proxy", "rds.Proxy", {"vpcSubnetIds": ["subnet-a"]}, "vpcSubnetIds"),
    ("rds-proxy", "rds.Proxy", {"auths": GONE}, "auths"),
    ("rds-proxy", "rds.Proxy", {"auths": GONE, "defaultAuthScheme": "NONE"}, "auths"),
    ("rds-proxy", "rds.Proxy", {"defaultAuthScheme": "IAM_AUTH"}, "requireTls"),
    (
        "rds-proxy",
        "rds.Proxy",
        {"auths": [{"authScheme": "SECRETS", "secretArn": arn("secretsmanager", "secret:x-abcdef"), "iamAuth": "REQUIRED"}]},
        "requireTls",
    ),
    (
        "rds-proxy",
        "rds.Proxy",
        {"auths": [{"authScheme": "SECRETS", "secretArn": arn("secretsmanager", "secret:x-abcdef"), "username": "app"}]},
        "auths[0].username",
    ),
    ("rds-proxy-auth-scheme", "rds.Proxy", {"defaultAuthScheme": "PASSWORD", "requireTls": True}, "defaultAuthScheme"),
    ("rds-proxy-engine", "rds.Proxy", {"engineFamily": "postgres"}, "engineFamily"),
    (
        "rds-blue-green",
        "rds.Instance",
        {"blueGreenUpdate": {"enabled": True}, "manageMasterUserPassword": True, "password": GONE},
        "blueGreenUpdate.enabled",
    ),
    ("rds-blue-green", "rds.Instance", {"blueGreenUpdate": {"enabled": True}, "backupRetentionPeriod": 0}, "blueGreenUpdate.enabled"),
    (
        "rds-proxy-pool",
        "rds.ProxyDefaultTargetGroup",
        {"connectionPoolConfig": {"maxConnectionsPercent": 50, "maxIdleConnectionsPercent": 60}},
        "connectionPoolConfig.maxIdleConnectionsPercent",
    ),
    ("elasticache-group-id", "elasticache.ReplicationGroup", {"replicationGroupId": "c" * 41}, "replicationGroupId"),
    ("elasticache-auth-token", "elasticache.ReplicationGroup", {"authToken": "short"}, "authToken"),
    ("elasticache-auth", "elasticache.ReplicationGroup", {"authToken": "abcdefgh12345678@"}, "authToken"),
    ("elasticache-auth", "elasticache.ReplicationGroup", {"transitEncryptionEnabled": False}, "authToken"),
    ("elasticache-port", "elasticache.ReplicationGroup", {"port": 80}, "port"),
    ("elasticache-nodes", "elasticache.ReplicationGroup", {"numCacheClusters": 7}, "numCacheClusters"),
    (
        "elasticache-shards",
        "elasticache.ReplicationGroup",
        {"numCacheClusters": GONE, "numNodeGroups": 501, "replicasPerNodeGroup": 1},
        "numNodeGroups",
    ),
    (
        "elasticache-replicas",
        "elasticache.ReplicationGroup",
        {"numCacheClusters": GONE, "numNodeGroups": 1, "replicasPerNodeGroup": 6},
        "replicasPerNodeGroup",
    ),
    ("elasticache-snapshot-retention", "elasticache.ReplicationGroup", {"snapshotRetentionLimit": 36}, "snapshotRetentionLimit"),
    ("elasticache-group-names", "elasticache.SubnetGroup", {"name": "Main"}, "name"),
    ("elasticache-user-id", "elasticache.User", {"userId": "u" * 41}, "userId"),
    ("elasticache-user-id", "elasticache.User", {"userId": "main--backend"}, "userId"),
    ("elasticache-user-group-id", "elasticache.UserGroup", {"userGroupId": "Main"}, "userGroupId"),
    ("elasticache-user-password", "elasticache.User", {"passwords": ["too-short"]}, "passwords[0]"),
    ("elasticache-user-password-mode", "elasticache.User", {"passwords": ["a" * 16, "b" * 16, "c" * 16]}, "passwords"),
    ("elasticache-user-password-mode", "elasticache.User", {"passwords": GONE}, "passwords"),
    ("elasticache-user-password-mode", "elasticache.User", {"engine": "redis", "noPasswordRequired": True}, "noPasswordRequired"),
    ("elasticache-user-password-mode", "elasticache.User", {"passwords": GONE, "noPasswordRequired": True}, "noPasswordRequired"),
    ("elasticache-user-password-mode", "elasticache.User", {"userId": "default"}, "userId"),
    ("elasticache-access-string", "elasticache.User", {"accessString": "~* +@all"}, "accessString"),
    ("elasticache-access-string", "elasticache.User", {"accessString": "on >password +@all"}, "accessString"),
    ("elasticache-access-string", "elasticache.User", {"accessString": "on everything"}, "accessString"),
    (
        "elasticache-datastore-suffix",
        "elasticache.GlobalReplicationGroup",
        {"globalReplicationGroupIdSuffix": "-"},
        "globalReplicationGroupIdSuffix",
    ),
    ("elasticache-datastore", "elasticache.GlobalReplicationGroup", {"cacheNodeType": "cache.t4g.medium"}, "cacheNodeType"),
    ("elasticache-datastore-member", "elasticache.ReplicationGroup", {"globalReplicationGroupId": "abcde-main"}, "nodeType"),
    ("elasticache-users", "elasticache.ReplicationGroup", {"userGroupIds": ["main"]}, "userGroupIds"),
    (
        "elasticache-users",
        "elasticache.ReplicationGroup",
        {"userGroupIds": ["main"], "authToken": GONE, "transitEncryptionEnabled": False},
        "userGroupIds",
    ),
    ("elasticache-failover", "elasticache.ReplicationGroup", {"numCacheClusters": 1}, "automaticFailoverEnabled"),
    ("elasticache-failover", "elasticache.ReplicationGroup", {"automaticFailoverEnabled": False}, "multiAzEnabled"),
    ("elasticache-windows", "elasticache.ReplicationGroup", {"snapshotWindow": "05:00-06:00"}, "snapshotWindow"),
    ("elasticache-windows", "elasticache.ReplicationGroup", {"snapshotWindow": "03:00-03:30"}, "snapshotWindow"),
    ("elasticache-description", "elasticache.ReplicationGroup", {"nodeType": "r7g.large"}, "nodeType"),
    ("elasticache-snapshots", "elasticache.ReplicationGroup", {"dataTieringEnabled": True}, "dataTieringEnabled"),
    (
        "elasticache-log-delivery",
        "elasticache.ReplicationGroup",
        {
            "logDeliveryConfigurations": [
                {"logType": "slow-log", "destination": "g", "destinationType": "cloudwatch-logs", "logFormat": "json"}
            ]
            * 2
        },
        "logDeliveryConfigurations",
    ),
    # backup
    ("backup-vault-name", "backup.Vault", {"name": "m"}, "name"),
    ("backup-plan-name", "backup.Plan", {"name": "a b"}, "name"),
    ("backup-restore-test-name", "backup.RestoreTestingPlan", {"name": "weekly-test"}, "name"),
    ("backup-restore-test", "backup.RestoreTestingPlan", {"scheduleExpression": "rate(7 days)"}, "scheduleExpression"),
    (
        "backup-restore-test-window",
        "backup.RestoreTestingPlan",
        {
            "recoveryPointSelection": {
                "algorithm": "LATEST_WITHIN_WINDOW",
                "includeVaults": ["*"],
                "recoveryPointTypes": ["SNAPSHOT"],
                "selectionWindowDays": 400,
            }
        },
        "recoveryPointSelection.selectionWindowDays",
    ),
    ("backup-restore-test-validation", "backup.RestoreTestingSelection", {"validationWindowHours": 169}, "validationWindowHours"),
    ("backup-restore-selection", "backup.RestoreTestingSelection", {"protectedResourceArns": []}, "protectedResourceArns"),
    ("backup-restore-selection", "backup.RestoreTestingSelection", {"protectedResourceArns": ["*"] * 31}, "protectedResourceArns"),
    (
        "backup-restore-selection",
        "backup.RestoreTestingSelection",
        {"protectedResourceArns": [arn("dynamodb", "table/leases")]},
        "protectedResourceArns[0]",
    ),
    (
        "backup-restore-selection",
        "backup.RestoreTestingSelection",
        {"protectedResourceConditions": {"stringEquals": [{"key": "aws:ResourceTag/Team", "value": "platform"}]}},
        "protectedResourceConditions",
    ),
    ("backup-audit-name", "backup.Framework", {"name": "the-promises"}, "name"),
    ("backup-audit-name", "backup.ReportPlan", {"name": "9_jobs"}, "name"),
    ("backup-framework", "backup.Framework", {"controls": [{"name": "BACKUP_EVERYTHING"}]}, "controls[0].name"),
    ("backup-framework", "backup.Framework", {"controls": [{"name": "BACKUP_RECOVERY_POINT_ENCRYPTED"}] * 2}, "controls[1].name"),
    (
        "backup-framework",
        "backup.Framework",
        {"controls": [{"name": "RESTORE_TIME_FOR_RESOURCES_MEET_TARGET", "inputParameters": [{"name": "rto", "value": "60"}]}]},
        "controls[0].inputParameters[0].name",
    ),
    (
        "backup-framework",
        "backup.Framework",
        {"controls": [{"name": "BACKUP_RECOVERY_POINT_ENCRYPTED", "scope": {"tags": {"A": "1", "B": "2"}}}]},
        "controls[0].scope.tags",
    ),
    ("backup-report-template", "backup.ReportPlan", {"reportSetting": {"reportTemplate": "ALL"}}, "reportSetting.reportTemplate"),
    (
        "backup-report",
        "backup.ReportPlan",
        {"reportSetting": {"reportTemplate": "CONTROL_COMPLIANCE_REPORT"}},
        "reportSetting.frameworkArns",
    ),
    (
        "backup-report",
        "backup.ReportPlan",
        {"reportSetting": {"reportTemplate": "COPY_JOB_REPORT", "frameworkArns": [arn("backup", "framework:x")]}},
        "reportSetting.frameworkArns",
    ),
    ("backup-lock-changeable-days", "backup.VaultLockConfiguration", {"changeableForDays": 2}, "changeableForDays"),
    ("backup-vault-lock", "backup.VaultLockConfiguration", {"minRetentionDays": 500}, "minRetentionDays"),
    ("backup-start-window", "backup.Plan", {"rules": [BACKUP_RULE | {"startWindow": 30}]}, "rules[0].startWindow"),
    (
        "backup-lifecycle",
        "backup.Plan",
        {"rules": [BACKUP_RULE | {"lifecycle": {"coldStorageAfter": 30, "deleteAfter": 100}}]},
        "rules[0].lifecycle.deleteAfter",
    ),
    (
        "backup-lifecycle",
        "backup.Plan",
        {"rules": [BACKUP_RULE | {"enableContinuousBackup": True, "lifecycle": {"deleteAfter": 36}}]},
        "rules[0].lifecycle.deleteAfter",
    ),
    ("backup-lifecycle", "backup.Plan", {"rules": [BACKUP_RULE | {"schedule": "cron(0 2 * * *)"}]}, "rules[0].schedule"),
    ("backup-lifecycle", "backup.Plan", {"rules": [BACKUP_RULE | {"completionWindow": 90}]}, "rules[0].completionWindow"),
    ("backup-selection", "backup.Selection", {"resources": []}, "resources"),
    # logs, alarms, events
    ("log-retention", "cloudwatch.LogGroup", {"retentionInDays": 31}, "retentionInDays"),
    ("log-group-name", "cloudwatch.LogGroup", {"name": "a b"}, "name"),
    ("log-class", "cloudwatch.LogGroup", {"logGroupClass": "DELIVERY"}, "retentionInDays"),
    (
        "log-metric-filter",
        "cloudwatch.LogMetricFilter",
        {"metricTransformation": {"name": "n", "namespace": "AWS/X", "value": "1"}},
        "metricTransformation.namespace",
    ),
    ("alarm-name", "cloudwatch.MetricAlarm", {"name": "a" * 256}, "name"),
    ("alarm-period", "cloudwatch.MetricAlarm", {"period": 90}, "period"),
    ("alarm-metric", "cloudwatch.MetricAlarm", {"statistic": GONE}, "statistic"),
    ("alarm-metric", "cloudwatch.MetricAlarm", {"metricName": GONE, "statistic": GONE, "period": GONE, "namespace": GONE}, "metricName"),
    ("alarm-metric", "cloudwatch.MetricAlarm", {"threshold": GONE}, "threshold"),
    ("alarm-metric", "cloudwatch.MetricAlarm", {"statistic": GONE, "extendedStatistic": "95"}, "extendedStatistic"),
    ("alarm-evaluation", "cloudwatch.MetricAlarm", {"datapointsToAlarm": 4}, "datapointsToAlarm"),
    ("alarm-evaluation", "cloudwatch.MetricAlarm", {"period": 300, "evaluationPeriods": 300}, "period"),
    ("alarm-evaluation", "cloudwatch.MetricAlarm", {"treatMissingData": "bad"}, "treatMissingData"),
    ("alarm-evaluation", "cloudwatch.MetricAlarm", {"alarmActions": [TOPIC] * 6}, "alarmActions"),
    ("alarm-evaluation", "cloudwatch.MetricAlarm", {"alarmActions": [TOPIC.replace("us-east-1", "eu-west-1")]}, "alarmActions[0]"),
    ("alarm-composite", "cloudwatch.CompositeAlarm", {"alarmRule": '(ALARM("a")'}, "alarmRule"),
    ("dashboard-body", "cloudwatch.Dashboard", {"dashboardBody": "{"}, "dashboardBody"),
    (
        "dashboard-body",
        "cloudwatch.Dashboard",
        {"dashboardBody": json.dumps({"widgets": [{"type": "graph"}]})},
        "dashboardBody.widgets[0].type",
    ),
    ("event-rule-name", "cloudwatch.EventRule", {"name": "a" * 65}, "name"),
    ("event-rule", "cloudwatch.EventRule", {"eventPattern": GONE}, "eventPattern"),
    ("event-rule", "cloudwatch.EventRule", {"eventPattern": json.dumps({"source": "aws.ecs"})}, "eventPattern.source"),
    ("event-rule", "cloudwatch.EventRule", {"scheduleExpression": "cron(0 2 ? * SUN#6 *)"}, "scheduleExpression"),
    ("event-target", "cloudwatch.EventTarget", {"arn": arn("ecs", "cluster/c")}, "roleArn"),
    ("scheduler-name", "scheduler.Schedule", {"name": "a b"}, "name"),
    ("scheduler-description", "scheduler.Schedule", {"description": "a" * 513}, "description"),
    ("scheduler-schedule", "scheduler.Schedule", {"scheduleExpression": "every day"}, "scheduleExpression"),
    ("scheduler-schedule", "scheduler.Schedule", {"flexibleTimeWindow": {"mode": "FLEXIBLE"}}, "flexibleTimeWindow.maximumWindowInMinutes"),
    ("scheduler-zone", "scheduler.Schedule", {"scheduleExpressionTimezone": "New York"}, "scheduleExpressionTimezone"),
    ("scheduler-target", "scheduler.Schedule", {"target": {"arn": RUN_CLUSTER, "roleArn": ROLE}}, "target.ecsParameters"),
    ("scheduler-target", "scheduler.Schedule", {"target": {**RUN_TARGET, "arn": RUN_QUEUE}}, "target.ecsParameters"),
    *(
        (
            "scheduler-target",
            "scheduler.Schedule",
            {"target": {**RUN_TARGET, "ecsParameters": {**RUN_TARGET["ecsParameters"], **wrong}}},
            f"target.ecsParameters.{at}",
        )
        for wrong, at in (
            ({"taskCount": 11}, "taskCount"),
            ({"launchType": "SPOT"}, "launchType"),
            ({"capacityProviderStrategies": [{"capacityProvider": "FARGATE"}]}, "launchType"),
            ({"taskDefinitionArn": RUN_CLUSTER}, "taskDefinitionArn"),
            ({"networkConfiguration": None}, "networkConfiguration"),
            ({"networkConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"] * 17}}, "networkConfiguration.subnets"),
        )
    ),
    *(
        ("scheduler-target", "scheduler.Schedule", {"target": {**RUN_TARGET, **wrong}}, f"target.{at}")
        for wrong, at in (
            ({"retryPolicy": {"maximumRetryAttempts": 186}}, "retryPolicy.maximumRetryAttempts"),
            ({"retryPolicy": {"maximumEventAgeInSeconds": 59}}, "retryPolicy.maximumEventAgeInSeconds"),
            ({"deadLetterConfig": {"arn": f"{RUN_QUEUE}.fifo"}}, "deadLetterConfig.arn"),
            ({"deadLetterConfig": {"arn": RUN_CLUSTER}}, "deadLetterConfig.arn"),
        )
    ),
    (
        "appautoscaling-schedule",
        "appautoscaling.ScheduledAction",
        {"scalableTargetAction": {"minCapacity": 5, "maxCapacity": 2}},
        "scalableTargetAction.minCapacity",
    ),
    ("cloudtrail-name", "cloudtrail.Trail", {"name": "a"}, "name"),
    (
        "cloudtrail-logs",
        "cloudtrail.Trail",
        {"cloudWatchLogsGroupArn": arn("logs", "log-group:g"), "cloudWatchLogsRoleArn": ROLE},
        "cloudWatchLogsGroupArn",
    ),
    ("ssm-parameter-name", "ssm.Parameter", {"name": "/aws/x"}, "name"),
    ("ssm-parameter", "ssm.Parameter", {"value": ""}, "value"),
    ("ssm-parameter", "ssm.Parameter", {"value": "x" * 4097}, "value"),
    ("budget", "budgets.Budget", {"limitAmount": "much"}, "limitAmount"),
    # storage and messages
    ("s3-bucket-name", "s3.Bucket", {"bucket": "My_Bucket"}, "bucket"),
    ("s3-bucket-name", "s3.Bucket", {"bucket": "192.168.0.1"}, "bucket"),
    ("s3-lifecycle", "s3.BucketLifecycleConfiguration", {"rules": [{"id": "x", "status": "Enabled"}]}, "rules[0]"),
    (
        "s3-lifecycle",
        "s3.BucketLifecycleConfiguration",
        {"rules": [{"id": "x", "status": "Enabled", "transitions": [{"days": 7, "storageClass": "STANDARD_IA"}]}]},
        "rules[0].transitions[0].days",
    ),
    (
        "s3-object-lock",
        "s3.BucketObjectLockConfiguration",
        {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1, "years": 1}}},
        "rule.defaultRetention",
    ),
    (
        "s3-replication",
        "s3.BucketReplicationConfig",
        {"rules": [{"status": "Enabled", "filter": {"prefix": ""}, "destination": {"bucket": "arn:aws:s3:::c"}}]},
        "rules[0].deleteMarkerReplication",
    ),
    (
        "s3-replication",
        "s3.BucketReplicationConfig",
        {
            "rules": [
                {"id": "a", "priority": 1, "status": "Enabled", "destination": {"bucket": "arn:aws:s3:::c"}},
                {"id": "b", "priority": 1, "status": "Enabled", "destination": {"bucket": "arn:aws:s3:::c"}},
            ]
        },
        "rules[0].priority",
    ),
    (
        "s3-replication",
        "s3.BucketReplicationConfig",
        {
            "rules": [
                {
                    "status": "Enabled",
                    "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}},
                    "destination": {"bucket": "arn:aws:s3:::c"},
                }
            ]
        },
        "rules[0].destination.encryptionConfiguration",
    ),
    (
        "s3-replication",
        "s3.BucketReplicationConfig",
        {
            "rules": [
                {"status": "Enabled", "destination": {"bucket": "arn:aws:s3:::c", "encryptionConfiguration": {"replicaKmsKeyId": "k"}}}
            ]
        },
        "rules[0].sourceSelectionCriteria",
    ),
    (
        "s3-replication",
        "s3.BucketReplicationConfig",
        {
            "rules": [
                {
                    "status": "Enabled",
                    "destination": {"bucket": "arn:aws:s3:::c", "replicationTime": {"status": "Enabled", "time": {"minutes": 15}}},
                }
            ]
        },
        "rules[0].destination.metrics",
    ),
    (
        "s3-replication",
        "s3.BucketReplicationConfig",
        {
            "rules": [
                {
                    "status": "Enabled",
                    "destination": {"bucket": "arn:aws:s3:::c", "metrics": {"status": "Enabled", "eventThreshold": {"minutes": 5}}},
                }
            ]
        },
        "rules[0].destination.metrics.eventThreshold.minutes",
    ),
    (
        "s3-encryption",
        "s3.BucketServerSideEncryptionConfiguration",
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256", "kmsMasterKeyId": "k"}}]},
        "rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId",
    ),
    ("sns-topic-name", "sns.Topic", {"name": "a b"}, "name"),
    ("sns-display-name", "sns.Topic", {"displayName": "x" * 101}, "displayName"),
    ("sns-fifo", "sns.Topic", {"fifoTopic": True}, "name"),
    ("sns-subscription", "sns.TopicSubscription", {"endpoint": "ops"}, "endpoint"),
    ("sqs-queue-name", "sqs.Queue", {"name": "a" * 81}, "name"),
    ("sqs-times", "sqs.Queue", {"visibilityTimeoutSeconds": 43201}, "visibilityTimeoutSeconds"),
    ("sqs-key-reuse", "sqs.Queue", {"kmsDataKeyReusePeriodSeconds": 59}, "kmsDataKeyReusePeriodSeconds"),
    ("sqs-fifo", "sqs.Queue", {"fifoQueue": True}, "name"),
    ("sqs-fifo", "sqs.Queue", {"redrivePolicy": "{}"}, "redrivePolicy"),
    ("dynamodb-name", "dynamodb.Table", {"name": "t"}, "name"),
    ("dynamodb-table", "dynamodb.Table", {"attributes": [{"name": "id", "type": "S"}, {"name": "x", "type": "S"}]}, "attributes[1]"),
    ("dynamodb-table", "dynamodb.Table", {"hashKey": "pk"}, "attributes"),
    ("ecr-repository-name", "ecr.Repository", {"name": "Nautilus/App"}, "name"),
    (
        "sqs-fifo",
        "sqs.Queue",
        {"redrivePolicy": json.dumps({"deadLetterTargetArn": arn("sqs", "dead.fifo"), "maxReceiveCount": 3})},
        "redrivePolicy.deadLetterTargetArn",
    ),
    ("sqs-redrive-allow", "sqs.RedriveAllowPolicy", {"redriveAllowPolicy": "{"}, "redriveAllowPolicy"),
    (
        "sqs-redrive-allow",
        "sqs.RedriveAllowPolicy",
        {"redriveAllowPolicy": json.dumps({"redrivePermission": "some"})},
        "redriveAllowPolicy.redrivePermission",
    ),
    (
        "sqs-redrive-allow",
        "sqs.RedriveAllowPolicy",
        {"redriveAllowPolicy": json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": []})},
        "redriveAllowPolicy.sourceQueueArns",
    ),
    (
        "sqs-redrive-allow",
        "sqs.RedriveAllowPolicy",
        {"redriveAllowPolicy": json.dumps({"redrivePermission": "denyAll", "sourceQueueArns": [arn("sqs", "jobs")]})},
        "redriveAllowPolicy.sourceQueueArns",
    ),
    ("ecr-cache-prefix", "ecr.PullThroughCacheRule", {"ecrRepositoryPrefix": "E"}, "ecrRepositoryPrefix"),
    ("ecr-template-prefix", "ecr.RepositoryCreationTemplate", {"prefix": "Nautilus"}, "prefix"),
    ("ecr-template-description", "ecr.RepositoryCreationTemplate", {"description": "a" * 257}, "description"),
    ("ecr-template", "ecr.RepositoryCreationTemplate", {"customRoleArn": GONE}, "customRoleArn"),
    ("ecr-template", "ecr.RepositoryCreationTemplate", {"appliedFors": ["PUSH"]}, "appliedFors[0]"),
    (
        "ecr-scanning",
        "ecr.RegistryScanningConfiguration",
        {"rules": [{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}]},
        "rules[0].scanFrequency",
    ),
    ("ecr-scanning", "ecr.RegistryScanningConfiguration", {"rules": [{"scanFrequency": "MANUAL", "repositoryFilters": []}] * 3}, "rules"),
    ("signer-profile-name", "signer.SigningProfile", {"name": "nautilus-prod"}, "name"),
    (
        "signer-profile",
        "signer.SigningProfile",
        {"signatureValidityPeriod": {"value": 136, "type": "MONTHS"}},
        "signatureValidityPeriod.value",
    ),
    ("signer-profile", "signer.SigningProfile", {"signatureValidityPeriod": {"value": 1, "type": "WEEKS"}}, "signatureValidityPeriod.type"),
    ("ecr-lifecycle", "ecr.LifecyclePolicy", {"policy": json.dumps({"rules": [{"rulePriority": 1}]})}, "policy.rules[0].selection"),
    ("efs-throughput", "efs.FileSystem", {"throughputMode": "provisioned"}, "provisionedThroughputInMibps"),
    ("efs-access-point", "efs.AccessPoint", {"rootDirectory": {"path": "jts"}}, "rootDirectory.path"),
    # network
    ("vpc-cidr", "ec2.Vpc", {"cidrBlock": "10.0.0.0/8"}, "cidrBlock"),
    ("vpc-cidr", "ec2.Subnet", {"cidrBlock": "10.0.0.1/24"}, "cidrBlock"),
    ("sg-name", "ec2.SecurityGroup", {"name": "sg-web"}, "name"),
    ("sg-description", "ec2.SecurityGroup", {"description": "für alle"}, "description"),
    ("sg-rules", "ec2.SecurityGroup", {"ingress": [{"protocol": "tcp", "fromPort": 500, "toPort": 100}]}, "ingress[0].fromPort"),
    (
        "sg-rules",
        "ec2.SecurityGroup",
        {"egress": [{"protocol": "tcp", "fromPort": 1, "toPort": 1, "cidrBlocks": ["10.0.0.1/8"]}]},
        "egress[0].cidrBlocks[0]",
    ),
    ("sg-rule", "vpc.SecurityGroupIngressRule", {"cidrIpv4": GONE}, ""),
    ("sg-rule", "vpc.SecurityGroupIngressRule", {"fromPort": GONE}, "fromPort"),
    ("sg-rule", "vpc.SecurityGroupIngressRule", {"cidrIpv4": "10.0.0.5/24"}, "cidrIpv4"),
    ("sg-old-rule", "ec2.SecurityGroupRule", {"toPort": 70000}, "toPort"),
    ("route-target", "ec2.Route", {"natGatewayId": "nat-0"}, ""),
    ("nat-address", "ec2.NatGateway", {"allocationId": GONE}, "allocationId"),
    ("vpc-endpoint", "ec2.VpcEndpoint", {"serviceName": "com.amazonaws.us-east-1.ecr.api"}, "vpcEndpointType"),
    ("vpc-endpoint", "ec2.VpcEndpoint", {"serviceName": "com.amazonaws.eu-west-1.s3"}, "serviceName"),
    ("flow-log-target", "ec2.FlowLog", {"logDestinationType": "cloud-watch-logs"}, "iamRoleArn"),
    ("flow-log-interval", "ec2.FlowLog", {"maxAggregationInterval": 300}, "maxAggregationInterval"),
    ("network-acl-rule", "ec2.NetworkAclRule", {"ruleNumber": 40000}, "ruleNumber"),
    ("network-acl-rules", "ec2.NetworkAcl", {"ingress": [ACL_RULE | {"ruleNo": 32767}]}, "ingress[0].ruleNo"),
    ("network-acl-rules", "ec2.NetworkAcl", {"egress": [ACL_RULE, ACL_RULE]}, "egress[1].ruleNo"),
    ("network-acl-rules", "ec2.NetworkAcl", {"ingress": [ACL_RULE | {"action": "pass"}]}, "ingress[0].action"),
    ("network-acl-rules", "ec2.NetworkAcl", {"ingress": [ACL_RULE | {"cidrBlock": "10.0.0.1/16"}]}, "ingress[0].cidrBlock"),
    ("network-acl-rules", "ec2.NetworkAcl", {"ingress": [ACL_RULE | {"ipv6CidrBlock": "::/0"}]}, "ingress[0]"),
    ("network-acl-rules", "ec2.NetworkAcl", {"ingress": [ACL_RULE | {"fromPort": 444}]}, "ingress[0].fromPort"),
    ("network-acl-rules", "ec2.NetworkAcl", {"ingress": [ACL_ALL | {"toPort": 65535}]}, "ingress[0].toPort"),
    ("network-acl-rules", "ec2.NetworkAcl", {"ingress": [{**ACL_ICMP, "icmpType": None}]}, "ingress[0].icmpType"),
    ("resolver-domains", "route53.ResolverFirewallDomainList", {"domains": ["a.*.example.com"]}, "domains[0]"),
    ("resolver-domains", "route53.ResolverFirewallDomainList", {"domains": ["a." * 128 + "com"]}, "domains[0]"),
    ("resolver-domains", "route53.ResolverFirewallDomainList", {"domains": [f"n{number}.bc" for number in range(1001)]}, "domains"),
    ("resolver-rule", "route53.ResolverFirewallRule", {"blockResponse": None}, "blockResponse"),
    ("resolver-rule", "route53.ResolverFirewallRule", {"action": "ALLOW"}, "blockResponse"),
    ("resolver-rule", "route53.ResolverFirewallRule", {"blockResponse": "OVERRIDE"}, "blockOverrideDomain"),
    ("resolver-rule", "route53.ResolverFirewallRule", {"blockOverrideDomain": "a.bc"}, "blockOverrideDomain"),
    ("resolver-association-priority", "route53.ResolverFirewallRuleGroupAssociation", {"priority": 100}, "priority"),
    ("resolver-association-priority", "route53.ResolverFirewallRuleGroupAssociation", {"priority": 9900}, "priority"),
    ("resolver-query-log", "route53.ResolverQueryLogConfig", {"destinationArn": arn("sns", "topic")}, "destinationArn"),
    ("network-acl-quota", "ec2.NetworkAcl", {"egress": [ACL_RULE | {"ruleNo": number} for number in range(1, 21)]}, "egress"),
    ("cidr-format", "wafv2.IpSet", {"addresses": ["192.0.2.1/24"]}, "addresses[0]"),
    ("network-firewall-name", "networkfirewall.Firewall", {"name": "main_fw"}, "name"),
    ("network-firewall-zones", "networkfirewall.Firewall", {"subnetMappings": [{"subnetId": "subnet-0"}] * 2}, "subnetMappings"),
    ("network-firewall-capacity", "networkfirewall.RuleGroup", {"capacity": 30001}, "capacity"),
    ("network-firewall-rules", "networkfirewall.RuleGroup", {"rules": "allow everything"}, "rules"),
    ("network-firewall-rules", "networkfirewall.RuleGroup", {"rules": 'pass tcp any any -> any 4001 (msg:"a";)'}, "rules"),
    (
        "network-firewall-policy",
        "networkfirewall.FirewallPolicy",
        {
            "firewallPolicy": BASE["networkfirewall.FirewallPolicy"]["firewallPolicy"]
            | {"statefulEngineOptions": {"ruleOrder": "DEFAULT_ACTION_ORDER"}}
        },
        "firewallPolicy.statefulDefaultActions",
    ),
    (
        "network-firewall-default-actions",
        "networkfirewall.FirewallPolicy",
        {
            "firewallPolicy": BASE["networkfirewall.FirewallPolicy"]["firewallPolicy"]
            | {"statefulDefaultActions": ["aws:drop_established", "aws:alert_established_app_layer"]}
        },
        "firewallPolicy.statefulDefaultActions",
    ),
    (
        "network-firewall-default-actions",
        "networkfirewall.FirewallPolicy",
        {"firewallPolicy": BASE["networkfirewall.FirewallPolicy"]["firewallPolicy"] | {"statefulDefaultActions": ["aws:drop_all"]}},
        "firewallPolicy.statefulDefaultActions",
    ),
    (
        "network-firewall-rule-size",
        "networkfirewall.RuleGroup",
        {"rules": f'pass tcp any any -> any 4001 (msg:"{"a" * 8192}"; sid:1;)'},
        "rules",
    ),
    ("network-firewall-rule-size", "networkfirewall.RuleGroup", {"rules": " "}, "rules"),
    (
        "network-firewall-log-type",
        "networkfirewall.LoggingConfiguration",
        {
            "loggingConfiguration": {
                "logDestinationConfigs": [{"logType": "ALL", "logDestinationType": "S3", "logDestination": {"bucketName": "b"}}]
            }
        },
        "loggingConfiguration.logDestinationConfigs[0].logType",
    ),
    (
        "network-firewall-log-target",
        "networkfirewall.LoggingConfiguration",
        {
            "loggingConfiguration": {
                "logDestinationConfigs": [{"logType": "FLOW", "logDestinationType": "SQS", "logDestination": {"queue": "q"}}]
            }
        },
        "loggingConfiguration.logDestinationConfigs[0].logDestinationType",
    ),
    # edge
    ("cloudfront-oac-name", "cloudfront.OriginAccessControl", {"name": "o" * 65}, "name"),
    ("cloudfront-function-name", "cloudfront.Function", {"name": "a b"}, "name"),
    ("cloudfront-function-code", "cloudfront.Function", {"code": "x" * 10241}, "code"),
    ("cloudfront-comment", "cloudfront.Distribution", {"comment": "x" * 129}, "comment"),
    (
        "cloudfront-certificate",
        "cloudfront.Distribution",
        {"viewerCertificate": {"acmCertificateArn": CERT.replace("us-east-1", "eu-west-1"), "sslSupportMethod": "sni-only"}},
        "viewerCertificate.acmCertificateArn",
    ),
    ("cloudfront-certificate", "cloudfront.Distribution", {"viewerCertificate": {"cloudfrontDefaultCertificate": True}}, "aliases"),
    (
        "cloudfront-origins",
        "cloudfront.Distribution",
        {"defaultCacheBehavior": BEHAVIOR | {"targetOriginId": "api"}},
        "defaultCacheBehavior.targetOriginId",
    ),
    (
        "cloudfront-origins",
        "cloudfront.Distribution",
        {"origins": [ORIGIN | {"domainName": "https://web.example.com"}]},
        "origins[0].domainName",
    ),
    (
        "cloudfront-origin-timeouts",
        "cloudfront.Distribution",
        {"origins": [ORIGIN | {"customOriginConfig": ORIGIN["customOriginConfig"] | {"originReadTimeout": 300}}]},
        "origins[0].customOriginConfig.originReadTimeout",
    ),
    (
        "cloudfront-behaviors",
        "cloudfront.Distribution",
        {"defaultCacheBehavior": BEHAVIOR | {"allowedMethods": ["GET", "POST"]}},
        "defaultCacheBehavior.allowedMethods",
    ),
    (
        "cloudfront-behaviors",
        "cloudfront.Distribution",
        {"defaultCacheBehavior": BEHAVIOR | {"cachePolicyId": "CachingOptimized"}},
        "defaultCacheBehavior.cachePolicyId",
    ),
    (
        "cloudfront-behavior-paths",
        "cloudfront.Distribution",
        {"orderedCacheBehaviors": [BEHAVIOR | {"pathPattern": "/api/*"}, BEHAVIOR | {"pathPattern": "/api/*"}]},
        "orderedCacheBehaviors[1].pathPattern",
    ),
    (
        "cloudfront-behavior-paths",
        "cloudfront.Distribution",
        {
            "defaultCacheBehavior": BEHAVIOR
            | {"functionAssociations": [{"eventType": "origin-request", "functionArn": "arn:aws:cloudfront::123456789012:function/f"}]}
        },
        "defaultCacheBehavior.functionAssociations[0].eventType",
    ),
    (
        "cloudfront-behavior-paths",
        "cloudfront.Distribution",
        {"restrictions": {"geoRestriction": {"restrictionType": "whitelist", "locations": []}}},
        "restrictions.geoRestriction.locations",
    ),
    (
        "cloudfront-behavior-paths",
        "cloudfront.Distribution",
        {"restrictions": {"geoRestriction": {"restrictionType": "none", "locations": ["KP"]}}},
        "restrictions.geoRestriction.locations",
    ),
    (
        "cloudfront-path-pattern",
        "cloudfront.Distribution",
        {"orderedCacheBehaviors": [BEHAVIOR | {"pathPattern": "/api/[a-z]"}]},
        "orderedCacheBehaviors[0].pathPattern",
    ),
    ("cloudfront-function-runtime", "cloudfront.Function", {"runtime": "nodejs20.x"}, "runtime"),
    ("cloudfront-policy-name", "cloudfront.CachePolicy", {"name": "market data"}, "name"),
    ("cloudfront-policy-comment", "cloudfront.OriginRequestPolicy", {"comment": "x" * 129}, "comment"),
    ("cloudfront-cache-policy", "cloudfront.CachePolicy", {"maxTtl": 30}, "maxTtl"),
    ("cloudfront-cache-policy", "cloudfront.CachePolicy", {"minTtl": 61}, "defaultTtl"),
    (
        "cloudfront-cache-policy",
        "cloudfront.CachePolicy",
        {"defaultTtl": 0, "maxTtl": 0},
        "parametersInCacheKeyAndForwardedToOrigin.queryStringsConfig.queryStringBehavior",
    ),
    (
        "cloudfront-origin-request-headers",
        "cloudfront.OriginRequestPolicy",
        {"headersConfig": {"headerBehavior": "whitelist", "headers": {"items": ["Host", "Authorization"]}}},
        "headersConfig.headers.items[1]",
    ),
    ("cloudfront-web-acl", "cloudfront.Distribution", {"webAclId": ACL}, "webAclId"),
    (
        "waf-statements",
        "wafv2.WebAcl",
        {
            "rules": [
                WAF_RULE
                | {
                    "statement": {
                        "rateBasedStatement": {
                            "limit": 10,
                            "aggregateKeyType": "IP",
                            "scopeDownStatement": {"andStatement": {"statements": [WAF_MATCH]}},
                        }
                    }
                }
            ]
        },
        "rules[0].statement.rateBasedStatement.scopeDownStatement.andStatement.statements",
    ),
    (
        "waf-statements",
        "wafv2.WebAcl",
        {
            "rules": [
                WAF_RULE
                | {
                    "statement": {
                        "notStatement": {"statement": {"byteMatchStatement": WAF_MATCH["byteMatchStatement"] | {"searchString": "x" * 201}}}
                    }
                }
            ]
        },
        "rules[0].statement.notStatement.statement.byteMatchStatement.searchString",
    ),
    (
        "waf-custom-response",
        "wafv2.WebAcl",
        {"rules": [WAF_RULE | {"action": {"block": {"customResponse": {"responseCode": 429, "customResponseBodyKey": "busy"}}}}]},
        "rules[0].action.block.customResponse.customResponseBodyKey",
    ),
    (
        "waf-custom-response",
        "wafv2.WebAcl",
        {"rules": [WAF_RULE | {"action": {"block": {"customResponse": {"responseCode": 600}}}}]},
        "rules[0].action.block.customResponse.responseCode",
    ),
    (
        "waf-custom-response",
        "wafv2.WebAcl",
        {"customResponseBodies": [{"key": "busy", "contentType": "TEXT_PLAIN", "content": "x" * 4097}]},
        "customResponseBodies[0].content",
    ),
    ("waf-ip-set", "wafv2.IpSet", {"addresses": ["0.0.0.0/0"]}, "addresses[0]"),
    ("waf-ip-set", "wafv2.IpSet", {"addresses": ["2001:db8::/32"]}, "addresses[0]"),
    ("waf-name", "wafv2.WebAcl", {"name": "a b"}, "name"),
    ("waf-description", "wafv2.WebAcl", {"description": "what (this) is"}, "description"),
    ("waf-scope-region", "wafv2.WebAcl", {"scope": "CLOUDFRONT", "region": "eu-west-1"}, "scope"),
    ("waf-rules", "wafv2.WebAcl", {"rules": [WAF_RULE, WAF_RULE | {"name": "other"}]}, "rules[1].priority"),
    ("waf-rules", "wafv2.WebAcl", {"rules": [{key: value for key, value in WAF_RULE.items() if key != "action"}]}, "rules[0].action"),
    (
        "waf-rules",
        "wafv2.WebAcl",
        {"rules": [WAF_RULE | {"statement": {"rateBasedStatement": {"limit": 5}}}]},
        "rules[0].statement.rateBasedStatement.limit",
    ),
    (
        "waf-log-destination",
        "wafv2.WebAclLoggingConfiguration",
        {"logDestinationConfigs": [arn("logs", "log-group:waf")]},
        "logDestinationConfigs[0]",
    ),
    ("waf-association", "wafv2.WebAclAssociation", {"webAclArn": ACL.replace("regional/", "global/")}, "webAclArn"),
    ("acm-domain", "acm.Certificate", {"domainName": "not a domain"}, "domainName"),
    ("acm-domain", "acm.Certificate", {"validationMethod": GONE}, "validationMethod"),
    ("route53-ttl", "route53.Record", {"ttl": -1}, "ttl"),
    ("route53-name", "route53.Zone", {"name": f"{'a' * 300}.com"}, "name"),
    ("route53-record", "route53.Record", {"ttl": GONE}, "ttl"),
    ("route53-record", "route53.Record", {"type": "CNAME", "records": ["a.example.com", "b.example.com"]}, "records"),
    ("route53-record", "route53.Record", {"records": ["web.example.com"]}, "records[0]"),
    ("route53-zone", "route53.Zone", {"name": "not a zone"}, "name"),
    # compute
    ("ecs-name", "ecs.Cluster", {"name": "a b"}, "name"),
    ("ecs-grace-period", "ecs.Service", {"healthCheckGracePeriodSeconds": -1}, "healthCheckGracePeriodSeconds"),
    ("ecs-deployment-percent", "ecs.Service", {"deploymentMaximumPercent": 300}, "deploymentMaximumPercent"),
    ("ecs-deployment", "ecs.Service", {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, "deploymentConfiguration.bakeTimeInMinutes"),
    (
        "ecs-deployment",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "1441"}},
        "deploymentConfiguration.bakeTimeInMinutes",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0}}},
        "deploymentConfiguration.canaryConfiguration.canaryPercent",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2}}},
        "deploymentConfiguration.linearConfiguration.stepPercent",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {
                "strategy": "BLUE_GREEN",
                "bakeTimeInMinutes": "5",
                "lifecycleHooks": [HOOK | {"lifecycleStages": ["PRE_TRAFFIC"]}],
            }
        },
        "deploymentConfiguration.lifecycleHooks[0].lifecycleStages[0]",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {
                "strategy": "BLUE_GREEN",
                "bakeTimeInMinutes": "5",
                "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"]}],
            }
        },
        "deploymentConfiguration.lifecycleHooks[0].lifecycleStages[0]",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {"loadBalancers": [{"containerName": "app", "containerPort": 8000, "targetGroupArn": GROUP}]},
        "loadBalancers[0].advancedConfiguration",
    ),
    ("ecs-traffic-shift", "ecs.Service", {"deploymentController": {"type": "CODE_DEPLOY"}}, "deploymentController.type"),
    ("ecs-service", "ecs.Service", {"networkConfiguration": GONE}, "networkConfiguration"),
    (
        "ecs-service",
        "ecs.Service",
        {"availabilityZoneRebalancing": "ENABLED", "deploymentMaximumPercent": 100, "deploymentMinimumHealthyPercent": 0},
        "availabilityZoneRebalancing",
    ),
    ("ecs-fargate-size", "ecs.TaskDefinition", {"memory": "512"}, "memory"),
    ("ecs-fargate-size", "ecs.TaskDefinition", {"cpu": "300"}, "cpu"),
    ("ecs-fargate-size", "ecs.TaskDefinition", {"networkMode": "bridge"}, "networkMode"),
    ("ecs-fargate-size", "ecs.TaskDefinition", {"executionRoleArn": GONE}, "executionRoleArn"),
    ("ecs-containers", "ecs.TaskDefinition", {"containerDefinitions": "{}"}, "containerDefinitions"),
    ("ecs-containers", "ecs.TaskDefinition", {"containerDefinitions": containers(stopTimeout=121)}, "containerDefinitions[0].stopTimeout"),
    ("ecs-containers", "ecs.TaskDefinition", {"containerDefinitions": containers(imagee="x")}, "containerDefinitions[0].imagee"),
    ("ecs-containers", "ecs.TaskDefinition", {"containerDefinitions": containers(cpu="1")}, "containerDefinitions[0].cpu"),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {"containerDefinitions": containers(healthCheck={"command": ["CMD-SHELL", "x"], "startPeriod": 301})},
        "containerDefinitions[0].healthCheck.startPeriod",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {"containerDefinitions": containers(portMappings=[{"containerPort": 8000, "hostPort": 80}])},
        "containerDefinitions[0].portMappings[0].hostPort",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {"containerDefinitions": containers(dependsOn=[{"containerName": "db", "condition": "START"}])},
        "containerDefinitions[0].dependsOn[0].containerName",
    ),
    ("ecs-containers", "ecs.TaskDefinition", {"containerDefinitions": containers(memory=4096)}, "containerDefinitions"),
    ("ecs-containers", "ecs.TaskDefinition", {"containerDefinitions": containers(essential=False)}, "containerDefinitions"),
    (
        "ecs-task-volumes",
        "ecs.TaskDefinition",
        {
            "volumes": [
                {
                    "name": "v",
                    "efsVolumeConfiguration": {
                        "fileSystemId": "fs-0",
                        "authorizationConfig": {"accessPointId": "fsap-0", "iam": "ENABLED"},
                    },
                }
            ]
        },
        "volumes[0].efsVolumeConfiguration.transitEncryption",
    ),
    ("lambda-name", "lambda.Function", {"name": "f" * 65}, "name"),
    ("lambda-memory", "lambda.Function", {"memorySize": 64}, "memorySize"),
    ("lambda-timeout", "lambda.Function", {"timeout": 901}, "timeout"),
    ("lambda-storage", "lambda.Function", {"ephemeralStorage": {"size": 100}}, "ephemeralStorage.size"),
    ("lambda-package", "lambda.Function", {"runtime": "python3.8"}, "runtime"),
    ("lambda-package", "lambda.Function", {"handler": GONE}, "handler"),
    ("lambda-environment", "lambda.Function", {"environment": {"variables": {"AWS_REGION": "x"}}}, "environment.variables.AWS_REGION"),
    ("lambda-environment", "lambda.Function", {"environment": {"variables": {"BIG": "x" * 5000}}}, "environment.variables"),
    ("launch-template-name", "ec2.LaunchTemplate", {"name": "a b c"}, "name"),
    ("launch-template-data", "ec2.LaunchTemplate", {"userData": "#!/bin/sh"}, "userData"),
    ("autoscaling-group-name", "autoscaling.Group", {"name": "a:b"}, "name"),
    ("autoscaling-sizes", "autoscaling.Group", {"minSize": 3}, "minSize"),
    ("autoscaling-sizes", "autoscaling.Group", {"launchTemplate": GONE}, "launchTemplate"),
    ("ebs-size", "ebs.Volume", {"size": 70000}, "size"),
    ("ebs-volume", "ebs.Volume", {"iops": 100}, "iops"),
    ("ebs-volume", "ebs.Volume", {"type": "gp2"}, "iops"),
    ("appautoscaling-target", "appautoscaling.Target", {"minCapacity": 11}, "minCapacity"),
    ("appautoscaling-target", "appautoscaling.Target", {"resourceId": "c/s"}, "resourceId"),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {"targetTrackingScalingPolicyConfiguration": GONE},
        "targetTrackingScalingPolicyConfiguration",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"} | {"strategy": "RED_BLACK"}},
        "deploymentConfiguration.strategy",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"} | {"bakeTimeInMinutes": "five"}},
        "deploymentConfiguration.bakeTimeInMinutes",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"} | {"bakeTimeInMinutes": "1.5"}},
        "deploymentConfiguration.bakeTimeInMinutes",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"targetType": "LAMBDA"}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].targetType",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"lifecycleStages": ["BEFORE"]}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].lifecycleStages[0]",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"timeoutConfiguration": {"timeoutInMinutes": "0", "action": "ROLLBACK"}}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].timeoutConfiguration.timeoutInMinutes",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"timeoutConfiguration": {"timeoutInMinutes": "20161", "action": "ROLLBACK"}}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].timeoutConfiguration.timeoutInMinutes",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"timeoutConfiguration": {"timeoutInMinutes": "20", "action": "CANCEL"}}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].timeoutConfiguration.action",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"linearConfiguration": {"stepPercent": 10, "stepBakeTimeInMinutes": "x"}, "strategy": "LINEAR"}
        },
        "deploymentConfiguration.linearConfiguration.stepBakeTimeInMinutes",
    ),
    ("ecs-deployment-model", "ecs.Service", {"alarms": {"alarmNames": ["a"], "enable": True}}, "alarms.rollback"),
    ("ecs-deployment-model", "ecs.Service", {"alarms": {"enable": True, "rollback": True}}, "alarms.alarmNames"),
    ("ecs-deployment-model", "ecs.Service", {"deploymentCircuitBreaker": {"enable": True}}, "deploymentCircuitBreaker.rollback"),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "loadBalancers": [
                {"containerName": "app", "containerPort": 8000, "targetGroupArn": GROUP, "advancedConfiguration": ADVANCED | {"roleArn": 7}}
            ]
        },
        "loadBalancers[0].advancedConfiguration.roleArn",
    ),
    (
        "ecs-deployment-model",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"listenerRule": LISTENER_RULE},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.listenerRule",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"productionListenerRule": None},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.productionListenerRule",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"alternateTargetGroupArn": None},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"roleArn": None},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.roleArn",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"alternateTargetGroupArn": GROUP},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"alternateTargetGroupArn": LISTENER_RULE},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"productionListenerRule": LISTENER},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.productionListenerRule",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"testListenerRule": LISTENER},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.testListenerRule",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"testListenerRule": LISTENER_RULE, "productionListenerRule": LISTENER_RULE},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.testListenerRule",
    ),
    (
        "ecs-traffic-shift",
        "ecs.Service",
        {
            "loadBalancers": [
                {
                    "containerName": "app",
                    "containerPort": 8000,
                    "targetGroupArn": GROUP,
                    "advancedConfiguration": ADVANCED | {"roleArn": GROUP},
                }
            ]
        },
        "loadBalancers[0].advancedConfiguration.roleArn",
    ),
    ("ecs-traffic-shift", "ecs.Service", {"schedulingStrategy": "DAEMON"}, "schedulingStrategy"),
    (
        "ecs-deployment",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"} | {"canaryConfiguration": {"canaryPercent": 10}}},
        "deploymentConfiguration.canaryConfiguration",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"} | {"linearConfiguration": {"stepPercent": 10}}},
        "deploymentConfiguration.linearConfiguration",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 101}}
        },
        "deploymentConfiguration.canaryConfiguration.canaryPercent",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 5, "canaryBakeTimeInMinutes": "1441"}}
        },
        "deploymentConfiguration.canaryConfiguration.canaryBakeTimeInMinutes",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 101}}
        },
        "deploymentConfiguration.linearConfiguration.stepPercent",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 10, "stepBakeTimeInMinutes": "-1"}}
        },
        "deploymentConfiguration.linearConfiguration.stepBakeTimeInMinutes",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["TEST_TRAFFIC_SHIFT"]}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].lifecycleStages[0]",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"lifecycleStages": []}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].lifecycleStages",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"hookTargetArn": None}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].hookTargetArn",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"} | {"lifecycleHooks": [HOOK | {"roleArn": None}]}},
        "deploymentConfiguration.lifecycleHooks[0].roleArn",
    ),
    (
        "ecs-deployment",
        "ecs.Service",
        {
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"}
            | {"lifecycleHooks": [HOOK | {"hookDetails": "{"}]}
        },
        "deploymentConfiguration.lifecycleHooks[0].hookDetails",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {
            "containerDefinitions": containers(
                container(dependsOn=[{"containerName": "side", "condition": "HEALTHY"}]), container(name="side", portMappings=None)
            )
        },
        "containerDefinitions[0].dependsOn[0].condition",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {
            "containerDefinitions": containers(
                container(dependsOn=[{"containerName": "side", "condition": "COMPLETE"}]), container(name="side", portMappings=None)
            )
        },
        "containerDefinitions[0].dependsOn[0].condition",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {
            "containerDefinitions": containers(
                container(dependsOn=[{"containerName": "side", "condition": "SUCCESS"}]), container(name="side", portMappings=None)
            )
        },
        "containerDefinitions[0].dependsOn[0].condition",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {
            "containerDefinitions": containers(
                container(dependsOn=[{"containerName": "side", "condition": "READY"}]), container(name="side", portMappings=None)
            )
        },
        "containerDefinitions[0].dependsOn[0].condition",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {
            "containerDefinitions": containers(
                container(dependsOn=[{"containerName": "side", "condition": "START"}]),
                container(name="side", portMappings=None, dependsOn=[{"containerName": "app", "condition": "START"}]),
            )
        },
        "containerDefinitions",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {"containerDefinitions": containers(logConfiguration={"logDriver": "awsfirelens"})},
        "containerDefinitions[0].logConfiguration.logDriver",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {"containerDefinitions": containers(logConfiguration={"logDriver": "awsfirelens"}, firelensConfiguration={"type": "fluentbit"})},
        "containerDefinitions[0].logConfiguration.logDriver",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {"containerDefinitions": containers(firelensConfiguration={"type": "vector"})},
        "containerDefinitions[0].firelensConfiguration.type",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {
            "containerDefinitions": containers(
                container(firelensConfiguration={"type": "fluentbit"}),
                container(name="side", portMappings=None, firelensConfiguration={"type": "fluentbit"}),
            )
        },
        "containerDefinitions[1].firelensConfiguration",
    ),
    (
        "ecs-containers",
        "ecs.TaskDefinition",
        {"containerDefinitions": containers(container(), container(name="side"))},
        "containerDefinitions[1].portMappings[0].containerPort",
    ),
    ("ecs-containers", "ecs.TaskDefinition", {"containerDefinitions": containers(privileged=True)}, "containerDefinitions[0].privileged"),
    ("ecs-fargate-size", "ecs.TaskDefinition", {"ephemeralStorage": {"sizeInGib": 20}}, "ephemeralStorage.sizeInGib"),
    ("ecs-fargate-size", "ecs.TaskDefinition", {"ephemeralStorage": {"sizeInGib": 201}}, "ephemeralStorage.sizeInGib"),
    (
        "ecs-cluster",
        "ecs.Cluster",
        {"configuration": {"executeCommandConfiguration": {"logging": "OVERRIDE"}}},
        "configuration.executeCommandConfiguration.logConfiguration",
    ),
    (
        "ecs-cluster",
        "ecs.Cluster",
        {"configuration": {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": "alias/x"}}},
        "configuration.managedStorageConfiguration.fargateEphemeralStorageKmsKeyId",
    ),
    (
        "ecs-cluster",
        "ecs.Cluster",
        {"configuration": {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": arn("kms", "alias/x")}}},
        "configuration.managedStorageConfiguration.fargateEphemeralStorageKmsKeyId",
    ),
    (
        "ecs-cluster",
        "ecs.Cluster",
        {"configuration": {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": arn("kms", "key/mrk-1234")}}},
        "configuration.managedStorageConfiguration.fargateEphemeralStorageKmsKeyId",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {
                    "metrics": [
                        {"id": "m", "metricStat": {"stat": "Sum", "metric": {"namespace": "n", "metricName": "x"}}, "returnData": False}
                    ]
                },
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {
                    "metrics": [
                        {"id": "e", "expression": "FILL(m, 0)"},
                        {"id": "m", "metricStat": {"stat": "Sum", "metric": {"namespace": "n", "metricName": "x"}}, "returnData": False}
                        | {"returnData": True},
                    ]
                },
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {
                    "metrics": [
                        {"id": "e", "expression": "FILL(m, 0)"} | {"expression": "FILL(n, 0)"},
                        {"id": "m", "metricStat": {"stat": "Sum", "metric": {"namespace": "n", "metricName": "x"}}, "returnData": False},
                    ]
                },
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics[0].expression",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {
                    "metrics": [
                        {"id": "e", "expression": "FILL(m, 0)"} | {"id": "E"},
                        {"id": "m", "metricStat": {"stat": "Sum", "metric": {"namespace": "n", "metricName": "x"}}, "returnData": False},
                    ]
                },
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics[0].id",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {
                    "metrics": [
                        {"id": "e", "expression": "FILL(m, 0)"} | {"id": "m"},
                        {"id": "m", "metricStat": {"stat": "Sum", "metric": {"namespace": "n", "metricName": "x"}}, "returnData": False},
                    ]
                },
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics[0].id",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {"metrics": [{"id": "e", "expression": "FILL(m, 0)"}, {"id": "m", "returnData": False}]},
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics[1]",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {
                    "metrics": [
                        {"id": "e", "expression": "FILL(m, 0)"},
                        {"id": "m", "metricStat": {"stat": "Sum", "metric": {"namespace": "n", "metricName": "x"}}, "returnData": False},
                    ],
                    "metricName": "x",
                },
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metricName",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {"metricName": "x", "namespace": "n"},
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.statistic",
    ),
    (
        "appautoscaling-policy",
        "appautoscaling.Policy",
        {
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 1,
                "customizedMetricSpecification": {
                    "metrics": [
                        {"id": "e", "expression": "FILL(m, 0)"},
                        {"id": "m", "metricStat": {"stat": "Sum", "metric": {"namespace": "n", "metricName": "x"}}, "returnData": False},
                        *({"id": f"x{n}", "expression": "1", "returnData": False} for n in range(9)),
                    ]
                },
            }
        },
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics",
    ),
    ("appautoscaling-schedule", "appautoscaling.ScheduledAction", {"schedule": "cron(0 7 * * *)"}, "schedule"),
    ("appautoscaling-schedule", "appautoscaling.ScheduledAction", {"schedule": "cron(0 7 * * MON-FRI *)"}, "schedule"),
    ("appautoscaling-schedule", "appautoscaling.ScheduledAction", {"schedule": "rate(0 days)"}, "schedule"),
    ("appautoscaling-bounds", "appautoscaling.ScheduledAction", {"timezone": "New York"}, "timezone"),
    ("appautoscaling-bounds", "appautoscaling.ScheduledAction", {"scalableTargetAction": {}}, "scalableTargetAction"),
    (
        "appautoscaling-schedule",
        "appautoscaling.ScheduledAction",
        {"scalableTargetAction": {"minCapacity": 3, "maxCapacity": 2}},
        "scalableTargetAction.minCapacity",
    ),
    # ways in for people
    ("client-vpn-port", "ec2clientvpn.Endpoint", {"vpnPort": 1195}, "vpnPort"),
    ("client-vpn-hours", "ec2clientvpn.Endpoint", {"sessionTimeoutHours": 9}, "sessionTimeoutHours"),
    (
        "client-vpn-banner",
        "ec2clientvpn.Endpoint",
        {"clientLoginBannerOptions": {"enabled": True, "bannerText": "x" * 1401}},
        "clientLoginBannerOptions.bannerText",
    ),
    ("client-vpn-range", "ec2clientvpn.Endpoint", {"clientCidrBlock": "10.0.0.0/23"}, "clientCidrBlock"),
    ("client-vpn-range", "ec2clientvpn.Endpoint", {"clientCidrBlock": "10.0.0.0/11"}, "clientCidrBlock"),
    ("client-vpn-range", "ec2clientvpn.Endpoint", {"clientCidrBlock": "10.0.0.1/22"}, "clientCidrBlock"),
    (
        "client-vpn-sign-in",
        "ec2clientvpn.Endpoint",
        {"authenticationOptions": [{"type": "federated-authentication"}]},
        "authenticationOptions[0].samlProviderArn",
    ),
    ("client-vpn-sign-in", "ec2clientvpn.Endpoint", {"authenticationOptions": [{"type": "password"}]}, "authenticationOptions[0].type"),
    (
        "client-vpn-log",
        "ec2clientvpn.Endpoint",
        {"connectionLogOptions": {"enabled": True}},
        "connectionLogOptions.cloudwatchLogGroup",
    ),
    ("client-vpn-group", "ec2clientvpn.AuthorizationRule", {"accessGroupId": "g" * 256}, "accessGroupId"),
    ("client-vpn-authorization", "ec2clientvpn.AuthorizationRule", {"accessGroupId": GONE}, "accessGroupId"),
    ("client-vpn-authorization", "ec2clientvpn.AuthorizationRule", {"authorizeAllGroups": True}, "accessGroupId"),
    ("client-vpn-authorization", "ec2clientvpn.AuthorizationRule", {"targetNetworkCidr": "10.0.0.1/16"}, "targetNetworkCidr"),
    ("metadata-hops", "ec2.InstanceMetadataDefaults", {"httpPutResponseHopLimit": 65}, "httpPutResponseHopLimit"),
    (
        "unused-access-age",
        "accessanalyzer.Analyzer",
        {"configuration": {"unusedAccess": {"unusedAccessAge": 366}}},
        "configuration.unusedAccess.unusedAccessAge",
    ),
    ("ssm-document-name", "ssm.Document", {"name": "AWS-Preferences"}, "name"),
    (
        "ssm-public-sharing",
        "ssm.ServiceSetting",
        {"settingId": arn("ssm", "servicesetting/ssm/documents/console/public-sharing-permission")},
        "settingId",
    ),
    ("ssm-session-document", "ssm.Document", {"content": "[]"}, "content"),
    ("ssm-session-document", "ssm.Document", {"content": preferences(idleSessionTimeout="61")}, "content"),
    ("ssm-session-document", "ssm.Document", {"content": preferences(maxSessionDuration=60)}, "content"),
    ("ssm-session-document", "ssm.Document", {"content": preferences().replace("Standard_Stream", "Port")}, "content"),
    ("ssm-session-document", "ssm.Document", {"content": preferences().replace("1.0", "2.2")}, "content"),
    # AppConfig
    ("appconfig-name", "appconfig.Application", {"name": "x" * 65}, "name"),
    ("appconfig-name", "appconfig.ConfigurationProfile", {"name": "x" * 129}, "name"),
    ("appconfig-name", "appconfig.Environment", {"name": ""}, "name"),
    ("appconfig-name", "appconfig.DeploymentStrategy", {"name": "x" * 65}, "name"),
    ("appconfig-description", "appconfig.Deployment", {"description": "x" * 1025}, "description"),
    ("appconfig-type", "appconfig.ConfigurationProfile", {"type": "Freeform"}, "type"),
    ("appconfig-hosted", "appconfig.ConfigurationProfile", {"locationUri": "ssm-parameter://x"}, "retrievalRoleArn"),
    (
        "appconfig-hosted",
        "appconfig.ConfigurationProfile",
        {"type": "AWS.AppConfig.FeatureFlags", "locationUri": "ssm-parameter://x", "retrievalRoleArn": ROLE},
        "locationUri",
    ),
    ("appconfig-validator", "appconfig.ConfigurationProfile", {"validators": [{"type": "LAMBDA", "content": FUNCTION}] * 3}, "validators"),
    (
        "appconfig-validator",
        "appconfig.ConfigurationProfile",
        {"validators": [{"type": "JSON_SCHEMA", "content": '{"$schema":"http://json-schema.org/draft-07/schema#"}'}]},
        "validators[0].content",
    ),
    (
        "appconfig-validator",
        "appconfig.ConfigurationProfile",
        {"validators": [{"type": "JSON_SCHEMA", "content": "[]"}]},
        "validators[0].content",
    ),
    ("appconfig-validator", "appconfig.ConfigurationProfile", {"validators": [{"type": "JSON_SCHEMA"}]}, "validators[0].content"),
    (
        "appconfig-validator",
        "appconfig.ConfigurationProfile",
        {"validators": [{"type": "JSON_SCHEMA", "content": json.dumps({"title": "x" * 32_768})}]},
        "validators[0].content",
    ),
    (
        "appconfig-monitors",
        "appconfig.Environment",
        {"monitors": [{"alarmArn": arn("cloudwatch", f"alarm:{n}")} for n in range(6)]},
        "monitors",
    ),
    (
        "appconfig-alarm-role",
        "appconfig.Environment",
        {"monitors": [{"alarmArn": arn("cloudwatch", "alarm:errors"), "alarmRoleArn": "alarms"}]},
        "monitors[0].alarmRoleArn",
    ),
    ("appconfig-strategy", "appconfig.DeploymentStrategy", {"deploymentDurationInMinutes": 1441}, "deploymentDurationInMinutes"),
    ("appconfig-strategy", "appconfig.DeploymentStrategy", {"finalBakeTimeInMinutes": -1}, "finalBakeTimeInMinutes"),
    ("appconfig-strategy", "appconfig.DeploymentStrategy", {"growthFactor": 0}, "growthFactor"),
    ("appconfig-strategy", "appconfig.DeploymentStrategy", {"growthType": "SQUARE"}, "growthType"),
    ("appconfig-strategy", "appconfig.DeploymentStrategy", {"replicateTo": "S3"}, "replicateTo"),
    ("appconfig-document", "appconfig.HostedConfigurationVersion", {"content": "percent: 1"}, "content"),
    ("appconfig-version-description", "appconfig.HostedConfigurationVersion", {"description": "größer"}, "description"),
    ("appconfig-version-label", "appconfig.HostedConfigurationVersion", {"versionLabel": "12"}, "versionLabel"),
    ("appconfig-strategy-id", "appconfig.Deployment", {"deploymentStrategyId": "AllAtOnce"}, "deploymentStrategyId"),
]

ELSEWHERE = frozenset(
    [
        "unique-name",
        "subnet-in-vpc",
        "rds-replica-source",
        "rds-family",
        "lb-rule-priority-unique",
        "cloudfront-alias-unique",
        "backup-lock-retention",
        "s3-lb-log-bucket",
        "network-acl-subnets",
        "network-acl-mixed",
        "resolver-rule-priority",
        "elasticache-default-user",
    ]
)
"""Rules about several resources, tested in test_relations.py."""


def changed(short: str, change: dict[str, Any]) -> dict[str, Any]:
    """The sound resource with a change."""
    merged = BASE[short] | change
    return {key: value for key, value in merged.items() if value is not GONE and key != "__name"}


def every_unknown(short: str) -> dict[str, Any]:
    """The sound resource with every input unknown, as at a preview of a program that computes everything."""
    return dict.fromkeys(BASE[short], UNKNOWN)
