"""What stands where: everything with addresses of its own, with its subnets and security groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nautilus.inventory.names import role_of
from nautilus.inventory.network.model import Subnet, Thing
from nautilus.inventory.network.plan import Plan
from nautilus.inventory.network.subnets import standing
from nautilus.inventory.records import PlannedResource
from nautilus.inventory.references import Referred
from nautilus.inventory.tokens import (
    ADDRESS,
    ADDRESS_ASSOCIATION,
    BALANCER,
    CACHE,
    CACHE_CLUSTER,
    CACHE_SERVERLESS,
    CACHE_SUBNETS,
    DATABASE,
    DATABASE_CLUSTER,
    DATABASE_MEMBER,
    DATABASE_PROXY,
    DATABASE_SUBNETS,
    DEFAULT_GROUP,
    ENDPOINT,
    FUNCTION,
    GROUPS,
    INSTANCE,
    INTERFACE,
    LAUNCH_TEMPLATE,
    MOUNT_TARGET,
    SCALING_GROUP,
    SERVICE,
    SUBNET,
    VPN,
    VPN_ASSOCIATION,
)
from nautilus.inventory.values import at, flag, given


def things(plan: Plan, subnets: Mapping[str, Subnet]) -> tuple[Thing, ...]:
    """Everything with addresses of its own, in the order of roles and names."""
    return tuple(sorted(_Placements(plan, subnets).all(), key=lambda thing: (thing.role, thing.resource.name, thing.resource.urn)))


class _Placements:
    def __init__(self, plan: Plan, subnets: Mapping[str, Subnet]) -> None:
        self.plan = plan
        self.subnets = subnets
        self.default_group = {plan.vpc_of(group): group.urn for group in plan.all(DEFAULT_GROUP)}
        self.with_address = self._with_address()

    def all(self) -> Iterator[Thing]:
        yield from self._services()
        yield from self._databases()
        yield from self._caches()
        yield from self._machines()
        yield from self._balancers()
        yield from self._others()

    def _with_address(self) -> set[str]:
        """URNs of instances and interfaces that an elastic address is bound to."""
        found: set[str] = set()
        for address in self.plan.all(ADDRESS, ADDRESS_ASSOCIATION):
            for path, kind in (
                ("networkInterface", INTERFACE),
                ("networkInterfaceId", INTERFACE),
                ("instance", INSTANCE),
                ("instanceId", INSTANCE),
            ):
                found |= set(self.plan.refs.of(address, path, kind).urns)
        return found

    def _thing(
        self,
        role: str,
        resource: PlannedResource,
        subnets: Iterable[Subnet],
        groups: Referred,
        public: bool | None,
        *,
        ungrouped: bool = False,
        holds_data: bool = False,
    ) -> Thing:
        placed = tuple({subnet.urn: subnet for subnet in subnets}.values())
        urns = groups.urns
        unknown = bool(groups.unknown or groups.foreign)
        if not urns and not unknown and not ungrouped:
            # What names no group gets its VPC's default one.
            defaults = {self.default_group[subnet.vpc] for subnet in placed if subnet.vpc in self.default_group}
            urns, unknown = tuple(sorted(defaults)), not defaults
        return Thing(role, resource, placed, urns, public, unknown, ungrouped, holds_data)

    def _in(self, referred: Referred) -> tuple[Subnet, ...]:
        return standing(self.subnets, referred)

    def _services(self) -> Iterator[Thing]:
        for service in self.plan.all(SERVICE):
            standing = self._in(self.plan.refs.of(service, "networkConfiguration.subnets", *SUBNET))
            if standing:
                groups = self.plan.refs.of(service, "networkConfiguration.securityGroups", *GROUPS)
                public = flag(at(service.inputs, "networkConfiguration.assignPublicIp"))
                yield self._thing(role_of(service), service, standing, groups, public)
        for function in self.plan.all(FUNCTION):
            standing = self._in(self.plan.refs.of(function, "vpcConfig.subnetIds", *SUBNET))
            if standing:
                groups = self.plan.refs.of(function, "vpcConfig.securityGroupIds", *GROUPS)
                yield self._thing(role_of(function), function, standing, groups, False)

    def _databases(self) -> Iterator[Thing]:
        for database in self.plan.all(DATABASE):
            subnets = self.plan.refs.of(database, "dbSubnetGroupName", DATABASE_SUBNETS)
            if not subnets:
                source = self.plan.refs.of(database, "replicateSourceDb", DATABASE).first
                subnets = self.plan.refs.of(source, "dbSubnetGroupName", DATABASE_SUBNETS) if source is not None else subnets
            standing = self._grouped(subnets)
            groups = self.plan.refs.of(database, "vpcSecurityGroupIds", *GROUPS)
            public = flag(database.inputs.get("publiclyAccessible"))
            yield self._thing(role_of(database), database, standing, groups, public, holds_data=True)
        open_clusters = {
            urn
            for member in self.plan.all(DATABASE_MEMBER)
            if flag(member.inputs.get("publiclyAccessible")) is not False
            for urn in self.plan.refs.of(member, "clusterIdentifier", DATABASE_CLUSTER).urns
        }
        for cluster in self.plan.all(DATABASE_CLUSTER):
            standing = self._grouped(self.plan.refs.of(cluster, "dbSubnetGroupName", DATABASE_SUBNETS))
            groups = self.plan.refs.of(cluster, "vpcSecurityGroupIds", *GROUPS)
            yield self._thing(role_of(cluster), cluster, standing, groups, cluster.urn in open_clusters, holds_data=True)
        for proxy in self.plan.all(DATABASE_PROXY):
            standing = self._in(self.plan.refs.of(proxy, "vpcSubnetIds", *SUBNET))
            groups = self.plan.refs.of(proxy, "vpcSecurityGroupIds", *GROUPS)
            yield self._thing(role_of(proxy), proxy, standing, groups, False, holds_data=True)

    def _grouped(self, groups: Referred) -> tuple[Subnet, ...]:
        """The subnets of subnet groups; a group that nobody planned is one unknown subnet."""
        if not groups.found:
            return self._in(Referred((), groups.foreign, True))
        return tuple(subnet for group in groups.found for subnet in self._in(self.plan.refs.of(group, "subnetIds", *SUBNET)))

    def _caches(self) -> Iterator[Thing]:
        for cache in self.plan.all(CACHE, CACHE_CLUSTER):
            if given(cache.inputs.get("replicationGroupId")) and cache.type == CACHE_CLUSTER:
                continue
            standing = self._grouped(self.plan.refs.of(cache, "subnetGroupName", CACHE_SUBNETS))
            groups = self.plan.refs.of(cache, "securityGroupIds", *GROUPS)
            # ElastiCache has no public addresses at all.
            yield self._thing(role_of(cache), cache, standing, groups, False, holds_data=True)
        for cache in self.plan.all(CACHE_SERVERLESS):
            standing = self._in(self.plan.refs.of(cache, "subnetIds", *SUBNET))
            yield self._thing(
                role_of(cache), cache, standing, self.plan.refs.of(cache, "securityGroupIds", *GROUPS), False, holds_data=True
            )
        for target in self.plan.all(MOUNT_TARGET):
            standing = self._in(self.plan.refs.of(target, "subnetId", *SUBNET))
            yield self._thing(
                role_of(target), target, standing, self.plan.refs.of(target, "securityGroups", *GROUPS), False, holds_data=True
            )

    def _machines(self) -> Iterator[Thing]:
        for interface in self.plan.all(INTERFACE):
            if interface.urn in self.plan.carried:
                standing = self._in(self.plan.refs.of(interface, "subnetId", *SUBNET))
                groups = self.plan.refs.of(interface, "securityGroups", *GROUPS)
                yield self._thing(role_of(interface), interface, standing, groups, interface.urn in self.with_address)
        for instance in self.plan.all(INSTANCE):
            standing = self._in(self.plan.refs.of(instance, "subnetId", *SUBNET))
            if not standing:
                continue
            groups = self.plan.refs.of(instance, "vpcSecurityGroupIds", *GROUPS)
            asked = instance.inputs.get("associatePublicIpAddress")
            public = flag(asked) if given(asked) else any(subnet.gives_addresses for subnet in standing)
            yield self._thing(role_of(instance), instance, standing, groups, True if instance.urn in self.with_address else public)
        for group in self.plan.all(SCALING_GROUP):
            standing = self._in(self.plan.refs.of(group, "vpcZoneIdentifiers", *SUBNET))
            if not standing:
                continue
            referred = self.plan.refs.of(group, "launchTemplate.id", LAUNCH_TEMPLATE) or self.plan.refs.of(
                group, "launchTemplate", LAUNCH_TEMPLATE
            )
            template = referred.first
            if template is None:
                yield self._thing(role_of(group), group, standing, Referred((), (), True), None)
                continue
            groups = self.plan.refs.of(template, "vpcSecurityGroupIds", *GROUPS) or self.plan.refs.of(
                template, "networkInterfaces.securityGroups", *GROUPS
            )
            asked = at(template.inputs, "networkInterfaces.associatePublicIpAddress")
            asked = asked[0] if isinstance(asked, list) and asked else None
            public = flag(asked) if given(asked) else any(subnet.gives_addresses for subnet in standing)
            yield self._thing(role_of(group), group, standing, groups, public)

    def _balancers(self) -> Iterator[Thing]:
        for balancer in self.plan.all(*BALANCER):
            referred = self.plan.refs.of(balancer, "subnets", *SUBNET) or self.plan.refs.of(balancer, "subnetMappings.subnetId", *SUBNET)
            groups = self.plan.refs.of(balancer, "securityGroups", *GROUPS)
            network = balancer.inputs.get("loadBalancerType") in ("network", "gateway")
            inside = flag(balancer.inputs.get("internal"))
            public = None if inside is None else not inside
            yield self._thing(role_of(balancer), balancer, self._in(referred), groups, public, ungrouped=network and not groups)

    def _others(self) -> Iterator[Thing]:
        for endpoint in self.plan.all(ENDPOINT):
            if endpoint.inputs.get("vpcEndpointType") == "Interface":
                standing = self._in(self.plan.refs.of(endpoint, "subnetIds", *SUBNET))
                yield self._thing(role_of(endpoint), endpoint, standing, self.plan.refs.of(endpoint, "securityGroupIds", *GROUPS), False)
        by_endpoint: dict[str, list[Subnet]] = {}
        for association in self.plan.all(VPN_ASSOCIATION):
            endpoint = self.plan.refs.of(association, "clientVpnEndpointId", VPN).first
            if endpoint is not None:
                by_endpoint.setdefault(endpoint.urn, []).extend(self._in(self.plan.refs.of(association, "subnetId", *SUBNET)))
        for endpoint in self.plan.all(VPN):
            groups = self.plan.refs.of(endpoint, "securityGroupIds", *GROUPS)
            yield self._thing(role_of(endpoint), endpoint, by_endpoint.get(endpoint.urn, ()), groups, False)
