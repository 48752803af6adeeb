"""Computed values of RDS, ElastiCache and DynamoDB."""

from __future__ import annotations

from typing import Any

from nautilus.sandbox.simulation import formats
from nautilus.sandbox.simulation.computed.subject import WHEN, Subject, simple, spec
from nautilus.sandbox.simulation.formats import Seed


@spec("aws:rds/instance:Instance")
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
        "latestRestorableTime": WHEN,
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


simple(
    "aws:rds/subnetGroup:SubnetGroup",
    "rds",
    "subgrp:{name}",
    extra=lambda s: {"description": "Managed by Pulumi", "supportedNetworkTypes": ["IPV4"], "vpcId": s.vpc_of("subnetIds")},
)
simple("aws:rds/parameterGroup:ParameterGroup", "rds", "pg:{name}", extra=lambda _s: {"description": "Managed by Pulumi"})
simple("aws:rds/optionGroup:OptionGroup", "rds", "og:{name}")
simple("aws:rds/eventSubscription:EventSubscription", "rds", "es:{name}")


@spec("aws:rds/proxy:Proxy")
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


@spec("aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup")
def _proxy_group(s: Subject) -> dict[str, Any]:
    return {"id": s.text("dbProxyName", s.urn.name), "name": "default", "arn": s.arn("rds", f"target-group:prx-tg-{s.seed.hex(17)}")}


@spec("aws:rds/proxyTarget:ProxyTarget")
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


@spec("aws:elasticache/replicationGroup:ReplicationGroup")
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


simple(
    "aws:elasticache/subnetGroup:SubnetGroup",
    "elasticache",
    "subnetgroup:{name}",
    extra=lambda s: {"description": "Managed by Pulumi", "vpcId": s.vpc_of("subnetIds")},
)
simple(
    "aws:elasticache/parameterGroup:ParameterGroup",
    "elasticache",
    "parametergroup:{name}",
    extra=lambda _s: {"description": "Managed by Pulumi"},
)


@spec("aws:elasticache/globalReplicationGroup:GlobalReplicationGroup")
def _datastore(s: Subject) -> dict[str, Any]:
    # The first five characters are the region's, which AWS puts before the suffix.
    ident = f"{Seed(s.region).base36(5, 'datastore')}-{s.text('globalReplicationGroupIdSuffix', s.name)}"
    version = s.text("engineVersion", "7.1")
    return {
        "id": ident,
        "arn": s.arn("elasticache", f"globalreplicationgroup:{ident}", region=""),
        "globalReplicationGroupId": ident,
        "atRestEncryptionEnabled": True,
        "transitEncryptionEnabled": True,
        "authTokenEnabled": False,
        "clusterEnabled": False,
        "cacheNodeType": s.text("cacheNodeType", "cache.r7g.large"),
        "engine": "valkey",
        "engineVersionActual": version if version.count(".") > 1 else f"{version}.0",
        "automaticFailoverEnabled": True,
        "numNodeGroups": 1,
        "globalNodeGroups": [],
    }


simple("aws:elasticache/user:User", "elasticache", "user:{name}", by="userId")
simple("aws:elasticache/userGroup:UserGroup", "elasticache", "usergroup:{name}", by="userGroupId")


@spec("aws:dynamodb/table:Table")
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
