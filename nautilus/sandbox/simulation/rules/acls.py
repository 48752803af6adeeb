"""Rules of network ACLs with inline rules."""

from __future__ import annotations

from collections.abc import Iterator

from nautilus.sandbox.simulation.rules import Finding, RuleContext, number, rule
from nautilus.sandbox.simulation.rules.network import network_of, ports
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown

_ACL = "aws:ec2/networkAcl:NetworkAcl"
_RULE = "aws:ec2/networkAclRule:NetworkAclRule"
_QUOTA = 20
_ICMP = {"icmp", "1", "icmpv6", "58"}


@rule(
    "network-acl-rules",
    "EC2 CreateNetworkAclEntry: numbers 1 to 32766, each once a direction, one block, ports unless the protocol is -1",
    _ACL,
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
)
def inline_rules(ctx: RuleContext) -> Iterator[Finding]:
    """Inline rules that AWS refuses, or overwrites with one another."""
    for side in ("ingress", "egress"):
        seen: set[float] = set()
        for index, each in enumerate(ctx.items(side)):
            if not is_map(each):
                continue
            prefix = f"{side}[{index}]."
            position = number(each.get("ruleNo"))
            if position is not None and not 1 <= position <= 32_766:
                yield f"{prefix}ruleNo", f"is {position:g}, but AWS accepts 1 to 32766"
            elif position in seen:
                yield f"{prefix}ruleNo", f"is {position:g}, the number of another rule in this direction"
            if position is not None:
                seen.add(position)
            action = each.get("action")
            if isinstance(action, str) and action.lower() not in {"allow", "deny"}:
                yield f"{prefix}action", f"is {shown(action)}, but AWS accepts allow or deny"
            yield from _entry(each, prefix)


def _entry(each: object, prefix: str) -> Iterator[Finding]:
    if not is_map(each):
        return
    blocks = [name for name in ("cidrBlock", "ipv6CidrBlock") if each.get(name)]
    if len(blocks) != 1:
        yield prefix.rstrip("."), f"names {len(blocks)} blocks of addresses, but a rule takes exactly one of cidrBlock and ipv6CidrBlock"
    for name in blocks:
        found = network_of(each.get(name))
        if isinstance(found, str):
            yield f"{prefix}{name}", found
    protocol = each.get("protocol")
    if protocol in {"-1", "all"}:
        for name in ("fromPort", "toPort"):
            if number(each.get(name)) not in {None, 0.0}:
                yield f"{prefix}{name}", "is given, but a rule for every protocol (-1) takes port 0 (the provider's own check)"
    elif str(protocol) in _ICMP:
        for name in ("icmpType", "icmpCode"):
            if each.get(name) is None:
                yield f"{prefix}{name}", "is missing, but an ICMP rule needs a type and a code (-1 for all)"
    else:
        yield from ports(protocol, each.get("fromPort"), each.get("toPort"), prefix)


@rule(
    "network-acl-quota",
    "VPC quotas: 20 rules of an ACL in one direction, the closing deny rule included",
    _ACL,
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
)
def quota(ctx: RuleContext) -> Iterator[Finding]:
    """More rules than the quota of an account that has not asked for more."""
    for side in ("ingress", "egress"):
        count = len(ctx.items(side))
        if count >= _QUOTA:
            yield side, f"has {count} rules, but AWS allows {_QUOTA} with its own closing one"


@rule("network-acl-subnets", "EC2 ReplaceNetworkAclAssociation: a subnet has one network ACL", _ACL)
def one_acl_a_subnet(ctx: RuleContext) -> Iterator[Finding]:
    """Subnets that two ACLs claim, so that each takes them from the other."""
    mine = {each for each in ctx.items("subnetIds") if isinstance(each, str)}
    for other in ctx.run.of_token(_ACL):
        theirs = other.inputs.get("subnetIds")
        if other.urn != ctx.urn.text and is_list(theirs):
            for subnet in sorted(mine & {each for each in theirs if isinstance(each, str)}):
                yield "subnetIds", f"names {subnet}, as does {other.urn.rpartition('::')[2]}: a subnet has one network ACL"


@rule("network-acl-mixed", "Terraform AWS provider: inline rules and standalone ones of the same ACL overwrite each other", _RULE)
def never_both(ctx: RuleContext) -> Iterator[Finding]:
    """Standalone rules of an ACL that has inline ones."""
    acls, _ = ctx.related("networkAclId", _ACL)
    for acl in acls:
        given = [name for name in ("ingress", "egress") if acl.get(name) not in (None, UNKNOWN, [])]
        if given:
            yield "networkAclId", f"is {acl.urn.rpartition('::')[2]}, which has inline rules: the two would overwrite each other"
