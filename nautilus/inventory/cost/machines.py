"""Prices of what computes and stores: databases, caches, instances, volumes, container services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from nautilus.inventory.cost.scene import Part, Scene, UnpricedError, quantity_of
from nautilus.inventory.values import listed, mapping

GP3_FREE_IOPS, GP3_FREE_MBPS, RDS_STRIPED_GB = 3_000, 125, 400
"""What gp3 includes; RDS for PostgreSQL stripes from 400 GiB on and includes four times as much."""


def database(scene: Scene) -> Iterator[Part]:
    """An RDS instance: the class, and its gp3 storage."""
    kind = "multi" if scene.inputs.get("multiAz") is True else "single"
    yield scene.size("rds", scene.text("instanceClass"), kind), scene.hours
    source = scene.resource
    if "allocatedStorage" not in source.inputs:
        # A replica has as much as what it copies.
        source = scene.needs("replicateSourceDb", source.type) or source
    gigabytes = quantity_of(source.inputs.get("allocatedStorage"), "allocatedStorage")
    storage = source.inputs.get("storageType", "gp2") if "storageType" not in scene.inputs else scene.inputs["storageType"]
    if storage != "gp3":
        raise UnpricedError(f"the table has no price of RDS storage {storage}")
    yield f"rds.gp3.gb.{kind}", gigabytes
    included = GP3_FREE_IOPS * (4 if gigabytes >= RDS_STRIPED_GB else 1)
    extra = scene.number("iops", included) - included
    if extra > 0:
        yield f"rds.gp3.iops.{kind}", extra
    free = GP3_FREE_MBPS * (4 if gigabytes >= RDS_STRIPED_GB else 1)
    wider = scene.number("storageThroughput", free) - free
    if wider > 0:
        yield f"rds.gp3.mbps.{kind}", wider


PROXY_FEWEST_VCPUS = 2
"""RDS Proxy is billed for two vCPUs of its database at least."""


def database_proxy(scene: Scene) -> Iterator[Part]:
    """RDS Proxy: by the vCPUs of the instances behind it."""
    vcpus = Decimal(0)
    for target in scene.users("aws:rds/proxyTarget:ProxyTarget", "dbProxyName"):
        for urn in target.property_dependencies.get("dbInstanceIdentifier", ()):
            found = scene.inventory.get(urn)
            if found is not None and found.type == "aws:rds/instance:Instance":
                vcpus += max(PROXY_FEWEST_VCPUS, rds_vcpus(str(found.inputs.get("instanceClass"))))
    if not vcpus:
        raise UnpricedError("the database behind it is not of this stack")
    yield "database-proxy.vcpu.hour", vcpus * scene.hours


def rds_vcpus(instance_class: str) -> int:
    """vCPUs of an RDS instance class: one for `medium` and 2 for `large` of the larger families, two up to `large` of the burstable ones.

    Raises:
        UnpricedError: The class's name does not say.
    """
    match = re.fullmatch(r"db\.(?P<family>[a-z])[a-z0-9-]*\.(?P<size>micro|small|medium|large|(?P<times>\d*)xlarge)", instance_class)
    if match is None:
        raise UnpricedError(f"the vCPUs of {instance_class} are not known")
    if match["size"].endswith("xlarge"):
        return 4 * int(match["times"] or 1)
    return 1 if match["size"] == "medium" and match["family"] != "t" else 2


def cache(scene: Scene) -> Iterator[Part]:
    """Nodes of an ElastiCache replication group. A global datastore's secondary names neither engine nor nodes: they are its primary's."""
    store = scene.needs("globalReplicationGroupId", "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup")
    if store is not None:
        primary = replace(scene, resource=store).needs("primaryReplicationGroupId", "aws:elasticache/replicationGroup:ReplicationGroup")
        if primary is None:
            raise UnpricedError("the primary of its global datastore is not known")
        leader = replace(scene, resource=primary)
        yield (
            scene.size("cache", leader.text("nodeType"), leader.text("engine", "redis")),
            scene.hours * scene.number("numCacheClusters", 1),
        )
        return
    engine = scene.text("engine", "redis")
    shards = scene.inputs.get("numNodeGroups")
    if shards is not None:
        nodes = quantity_of(shards, "numNodeGroups") * (scene.number("replicasPerNodeGroup", 0) + 1)
    else:
        nodes = scene.number("numCacheClusters", 1)
    yield scene.size("cache", scene.text("nodeType"), engine), scene.hours * nodes


def volume(inputs: Mapping[str, Any], sizes: tuple[str, str] = ("type", "size")) -> Iterator[Part]:
    """A gp3 volume; `sizes` are the properties of its type and size."""
    kind = inputs.get(sizes[0], "gp2")
    if kind != "gp3":
        raise UnpricedError(f"the table has no price of EBS storage {kind}")
    yield "ebs.gp3.gb", quantity_of(inputs.get(sizes[1]), sizes[1])
    iops = quantity_of(inputs.get("iops"), "iops", GP3_FREE_IOPS) - GP3_FREE_IOPS
    throughput = quantity_of(inputs.get("throughput"), "throughput", GP3_FREE_MBPS) - GP3_FREE_MBPS
    if iops > 0:
        yield "ebs.gp3.iops", iops
    if throughput > 0:
        yield "ebs.gp3.mbps", throughput


DETAILED_METRICS = 7
"""Custom metrics that an EC2 instance with detailed monitoring is billed for."""


def _machine(scene: Scene, inputs: Mapping[str, Any], disks: Sequence[Mapping[str, Any]], detailed: bool) -> Iterator[Part]:
    yield scene.size("ec2", str(inputs.get("instanceType") or ""), "linux"), scene.hours
    for disk in disks:
        yield from ((part[0], part[1]) for part in volume(disk, ("volumeType", "volumeSize")))
    if detailed:
        yield "metric.month", Decimal(DETAILED_METRICS)


def group(scene: Scene) -> Iterator[Part]:
    """The instances of a scaling group, from the least to the most."""
    template = scene.needs("launchTemplate", "aws:ec2/launchTemplate:LaunchTemplate")
    if template is None:
        raise UnpricedError("its launch template is not in the plan")
    inputs = template.inputs
    disks = [disk for device in listed(inputs.get("blockDeviceMappings")) if (disk := mapping(mapping(device).get("ebs")))]
    least = scene.number("desiredCapacity", int(scene.number("minSize", 0)))
    most = scene.number("maxSize", int(least))
    for part in _machine(scene, inputs, disks, mapping(inputs.get("monitoring")).get("enabled") is True):
        yield part[0], part[1] * least, part[1] * max(least, most)


def instance(scene: Scene) -> Iterator[Part]:
    """An EC2 instance with its volumes."""
    root = mapping(scene.inputs.get("rootBlockDevice"))
    disks = [disk for disk in (root, *map(mapping, listed(scene.inputs.get("ebsBlockDevices")))) if disk]
    yield from _machine(scene, scene.inputs, disks, scene.inputs.get("monitoring") is True)


FARGATE_FREE_DISK = 20
"""GiB of task disk that cost nothing."""


def service(scene: Scene) -> Iterator[Part]:
    """A service's Fargate tasks, from the least to the most."""
    providers = {str(mapping(one).get("capacityProvider")) for one in listed(scene.inputs.get("capacityProviderStrategies"))}
    if scene.text("launchType") == "EC2" or (providers and not providers & {"FARGATE", "FARGATE_SPOT"}):
        return  # the instances that it runs on are priced
    if "FARGATE_SPOT" in providers:
        raise UnpricedError("the price of Spot capacity moves")
    task = scene.needs("taskDefinition", "aws:ecs/taskDefinition:TaskDefinition")
    if task is None:
        raise UnpricedError("its task definition is not in the plan")
    arm = mapping(task.inputs.get("runtimePlatform")).get("cpuArchitecture") == "ARM64"
    chip = "arm" if arm else "x86"
    cpus = quantity_of(task.inputs.get("cpu"), "cpu") / 1024
    gigabytes = quantity_of(task.inputs.get("memory"), "memory") / 1024
    disk = mapping(task.inputs.get("ephemeralStorage")).get("sizeInGib")
    least = scene.number("desiredCount", 0)
    most = least
    for target in scene.users("aws:appautoscaling/target:Target", "resourceId"):
        least = max(
            quantity_of(target.inputs.get("minCapacity"), "minCapacity"),
            min(least, quantity_of(target.inputs.get("maxCapacity"), "maxCapacity")),
        )
        most = quantity_of(target.inputs.get("maxCapacity"), "maxCapacity")
    each = [(f"fargate.{chip}.vcpu.hour", cpus), (f"fargate.{chip}.gb.hour", gigabytes)]
    extra = quantity_of(disk, "ephemeralStorage", FARGATE_FREE_DISK) - FARGATE_FREE_DISK
    if extra > 0:
        each.append(("fargate.disk.gb.hour", extra))
    for key, amount in each:
        yield key, amount * least * scene.hours, amount * most * scene.hours
