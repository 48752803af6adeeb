"""Computed values of EC2, ECS, ECR, Lambda and scaling."""

from __future__ import annotations

from typing import Any

from nautilus.sandbox.simulation.computed.subject import WHEN, Subject, simple, spec, zone_of
from nautilus.sandbox.simulation.context import partition_of
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.values import Asset

simple(
    "aws:ec2/launchTemplate:LaunchTemplate",
    "ec2",
    "launch-template/{id}",
    prefix="lt",
    extra=lambda s: {"latestVersion": s.integer("__version", 1), "defaultVersion": s.integer("defaultVersion", 1), "name": s.name},
)
simple(
    "aws:ebs/volume:Volume",
    "ec2",
    "volume/{id}",
    prefix="vol",
    extra=lambda s: {
        "createTime": WHEN,
        "type": "gp2",
        "throughput": 125 if s.text("type") == "gp3" else 0,
        "iops": 3000 if s.text("type") == "gp3" else 100,
        "encrypted": False,
    },
)
simple("aws:ebs/snapshot:Snapshot", "ec2", "snapshot/{id}", prefix="snap")
simple("aws:ec2/ami:Ami", "ec2", "image/{id}", prefix="ami")


@spec("aws:ec2/instance:Instance")
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
        "availabilityZone": zone_of(s, "subnetId"),
        "publicIp": "",
        "publicDns": "",
        "passwordData": "",
    }


@spec("aws:autoscaling/group:Group")
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


@spec("aws:autoscaling/policy:Policy")
def _asg_policy(s: Subject) -> dict[str, Any]:
    return {
        "id": s.name,
        "arn": s.arn(
            "autoscaling", f"scalingPolicy:{s.seed.uuid()}:autoScalingGroupName/{s.text('autoscalingGroupName')}:policyName/{s.name}"
        ),
    }


simple(
    "aws:ecs/cluster:Cluster",
    "ecs",
    "cluster/{name}",
    by="arn",
    extra=lambda _s: {"settings": [{"name": "containerInsights", "value": "disabled"}]},
)
simple("aws:ecs/capacityProvider:CapacityProvider", "ecs", "capacity-provider/{name}", by="arn")


@spec("aws:ecs/service:Service")
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


@spec("aws:ecs/taskDefinition:TaskDefinition")
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


@spec("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders")
def _capacity(s: Subject) -> dict[str, Any]:
    return {"id": s.text("clusterName", s.urn.name)}


@spec("aws:ecr/repository:Repository")
def _repository(s: Subject) -> dict[str, Any]:
    return {
        "id": s.name,
        "arn": s.arn("ecr", f"repository/{s.name}"),
        "registryId": s.account,
        "repositoryUrl": f"{s.account}.dkr.ecr.{s.region}.{s.suffix()}/{s.name}",
    }


@spec("aws:ecr/lifecyclePolicy:LifecyclePolicy", "aws:ecr/repositoryPolicy:RepositoryPolicy")
def _repository_policy(s: Subject) -> dict[str, Any]:
    return {"id": s.text("repository", s.urn.name), "registryId": s.account}


@spec("aws:ecr/pullThroughCacheRule:PullThroughCacheRule")
def _pull_through(s: Subject) -> dict[str, Any]:
    return {"id": s.text("ecrRepositoryPrefix", s.urn.name), "registryId": s.account}


@spec("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate")
def _creation_template(s: Subject) -> dict[str, Any]:
    return {"id": s.text("prefix", s.urn.name), "registryId": s.account}


@spec(
    "aws:ecr/registryPolicy:RegistryPolicy",
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
    "aws:ecr/replicationConfiguration:ReplicationConfiguration",
)
def _registry(s: Subject) -> dict[str, Any]:
    return {"id": s.account, "registryId": s.account}


@spec("aws:signer/signingProfile:SigningProfile")
def _signing_profile(s: Subject) -> dict[str, Any]:
    arn = s.arn("signer", f"/signing-profiles/{s.name}")
    version = s.seed.base36(10, "version")
    return {
        "id": s.name,
        "arn": arn,
        "version": version,
        "versionArn": f"{arn}/{version}",
        "status": "Active",
        "platformDisplayName": "Notation for container registries",
        "revocationRecords": [],
    }


@spec("aws:lambda/function:Function")
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


@spec("aws:lambda/permission:Permission")
def _permission(s: Subject) -> dict[str, Any]:
    name = s.text("statementId") or f"{s.urn.name}-{s.seed.hex(7)}"
    return {"id": name, "statementId": name}


@spec("aws:lambda/functionUrl:FunctionUrl")
def _function_url(s: Subject) -> dict[str, Any]:
    ident = s.seed.base36(32)
    return {"id": s.text("functionName", s.urn.name), "urlId": ident, "functionUrl": f"https://{ident}.lambda-url.{s.region}.on.aws/"}


@spec("aws:lambda/eventSourceMapping:EventSourceMapping")
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


@spec("aws:lambda/layerVersion:LayerVersion")
def _layer(s: Subject) -> dict[str, Any]:
    layer = s.arn("lambda", f"layer:{s.text('layerName', s.urn.name)}")
    return {"id": f"{layer}:1", "arn": f"{layer}:1", "layerArn": layer, "version": "1", "createdDate": WHEN}


@spec("aws:appautoscaling/target:Target")
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


@spec("aws:appautoscaling/policy:Policy")
def _scaling_policy(s: Subject) -> dict[str, Any]:
    alarm = s.arn("cloudwatch", f"alarm:TargetTracking-{s.text('resourceId')}-AlarmHigh-{s.seed.uuid('high')}")
    return {
        "id": s.name,
        "arn": s.arn(
            "autoscaling", f"scalingPolicy:{s.seed.uuid()}:resource/{s.text('serviceNamespace')}/{s.text('resourceId')}:policyName/{s.name}"
        ),
        "alarmArns": [alarm],
    }
