"""The system's configuration, 04:00 UTC (seed 003): networks, firewalls, servers, who may do what, dashboards and alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from lambdas.config_backup.scope import GLOBAL_REGION, Aws, Item, document, without_metadata
else:  # Lambda puts the files side by side
    from scope import GLOBAL_REGION, Aws, Item, document, without_metadata


def network(aws: Aws) -> Iterator[Item]:
    """VPCs, subnets, routes, network ACLs and security groups with the stack's tags."""
    kinds = {
        "Vpcs": "describe_vpcs",
        "Subnets": "describe_subnets",
        "RouteTables": "describe_route_tables",
        "NetworkAcls": "describe_network_acls",
        "SecurityGroups": "describe_security_groups",
        "SecurityGroupRules": "describe_security_group_rules",
    }
    found: dict[str, list[Any]] = {}
    for field, operation in kinds.items():
        # Rules carry the tags of the provider as their groups do.
        found[field] = list(aws.pages("ec2", operation, field, Filters=aws.tag_filters))
    yield document("network.json", found)


def servers(aws: Aws) -> Iterator[Item]:
    """The newest version of every launch template: the nodes' configuration. No secret stands in one: nodes fetch theirs when they start."""
    ec2 = aws.client("ec2")
    found: list[object] = []
    for one in aws.pages("ec2", "describe_launch_templates", "LaunchTemplates", Filters=aws.tag_filters):
        versions = ec2.describe_launch_template_versions(LaunchTemplateId=one["LaunchTemplateId"], Versions=["$Latest"])
        found += versions["LaunchTemplateVersions"]
    yield document("launch-templates.json", found)


def web_firewall(aws: Aws) -> Iterator[Item]:
    """Web ACLs, rule groups, address sets and patterns, of this region and of CloudFront."""
    kinds = {
        "WebACLs": ("list_web_acls", "get_web_acl", "WebACL"),
        "RuleGroups": ("list_rule_groups", "get_rule_group", "RuleGroup"),
        "IPSets": ("list_ip_sets", "get_ip_set", "IPSet"),
        "RegexPatternSets": ("list_regex_pattern_sets", "get_regex_pattern_set", "RegexPatternSet"),
    }
    found: dict[str, Any] = {}
    for scope, region in (("REGIONAL", aws.settings.region), ("CLOUDFRONT", GLOBAL_REGION)):
        client = aws.client("wafv2", region)
        for field, (listing, getting, part) in kinds.items():
            named = [
                one for one in aws.pages("wafv2", listing, field, region=region, token="NextMarker", Scope=scope) if aws.named(one["Name"])
            ]
            found.setdefault(scope, {})[field] = [
                getattr(client, getting)(Name=one["Name"], Scope=scope, Id=one["Id"])[part] for one in named
            ]
    yield document("web-firewall.json", found)


def egress_firewall(aws: Aws) -> Iterator[Item]:
    """The egress firewall: firewalls, their policies and rule groups."""
    client = aws.client("network-firewall")
    kinds = {
        "Firewalls": ("list_firewalls", "describe_firewall", "FirewallName", "FirewallArn"),
        "FirewallPolicies": ("list_firewall_policies", "describe_firewall_policy", "Name", "Arn"),
        "RuleGroups": ("list_rule_groups", "describe_rule_group", "Name", "Arn"),
    }
    found: dict[str, Any] = {}
    for field, (listing, describing, name, arn) in kinds.items():
        argument = "FirewallArn" if field == "Firewalls" else "FirewallPolicyArn" if field == "FirewallPolicies" else "RuleGroupArn"
        found[field] = [
            without_metadata(getattr(client, describing)(**{argument: one[arn]}))
            for one in aws.pages("network-firewall", listing, field)
            if aws.named(one[name])
        ]
    yield document("egress-firewall.json", found)


def name_firewall(aws: Aws) -> Iterator[Item]:
    """The DNS firewall: rule groups with their rules, and the domains of each list."""
    groups: list[object] = []
    for one in aws.pages("route53resolver", "list_firewall_rule_groups", "FirewallRuleGroups"):
        if aws.named(one["Name"]):
            rules = list(aws.pages("route53resolver", "list_firewall_rules", "FirewallRules", FirewallRuleGroupId=one["Id"]))
            groups.append({"group": one, "rules": rules})
    lists: list[object] = []
    for one in aws.pages("route53resolver", "list_firewall_domain_lists", "FirewallDomainLists"):
        # Those with an owner are AWS's own, which nobody may read.
        if aws.named(one["Name"]) and not one.get("ManagedOwnerName"):
            domains = list(aws.pages("route53resolver", "list_firewall_domains", "Domains", FirewallDomainListId=one["Id"]))
            lists.append({"list": one, "domains": sorted(domains)})
    yield document("name-firewall.json", {"groups": groups, "lists": lists})


def access(aws: Aws) -> Iterator[Item]:
    """Roles of the stack with all of their policies, and its own managed policies."""
    iam = aws.client("iam")
    roles: list[object] = []
    for role in aws.pages("iam", "list_roles", "Roles"):
        name = role["RoleName"]
        if not aws.named(name):
            continue
        inline = {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=name)
        }
        attached = [one["PolicyArn"] for one in aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)]
        roles.append({"role": role, "inline": inline, "attached": sorted(attached)})
    policies = [
        {
            "policy": one,
            "document": iam.get_policy_version(PolicyArn=one["Arn"], VersionId=one["DefaultVersionId"])["PolicyVersion"]["Document"],
        }
        for one in aws.pages("iam", "list_policies", "Policies", Scope="Local")
        if aws.named(one["PolicyName"])
    ]
    yield document("access.json", {"roles": roles, "policies": policies})


def alarms(aws: Aws) -> Iterator[Item]:
    """Alarms without their state, which changes by the minute, and dashboards."""
    found: dict[str, list[object]] = {"MetricAlarms": [], "CompositeAlarms": []}
    paginator = aws.client("cloudwatch").get_paginator("describe_alarms")
    for page in paginator.paginate(AlarmNamePrefix=f"{aws.settings.prefix}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        for kind, kept in found.items():
            kept += [{key: value for key, value in one.items() if not key.startswith("State")} for one in page.get(kind, ())]
    yield document("alarms.json", found)


def dashboards(aws: Aws) -> Iterator[Item]:
    """Dashboards, by name."""
    client = aws.client("cloudwatch")
    bodies = {
        one["DashboardName"]: client.get_dashboard(DashboardName=one["DashboardName"])["DashboardBody"]
        for one in aws.pages("cloudwatch", "list_dashboards", "DashboardEntries", DashboardNamePrefix=f"{aws.settings.prefix}-")
    }
    yield document("dashboards.json", bodies)
