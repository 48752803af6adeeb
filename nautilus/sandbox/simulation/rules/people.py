"""Rules of the ways in for people: Client VPN and Session Manager."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from nautilus.sandbox.simulation.rules import Finding, RuleContext, number, outside, rule, truth
from nautilus.sandbox.simulation.rules.network import network_of
from nautilus.sandbox.simulation.values import UNKNOWN, is_map, shown

_ENDPOINT = "aws:ec2clientvpn/endpoint:Endpoint"
_NEEDS = {
    "certificate-authentication": "rootCertificateChainArn",
    "federated-authentication": "samlProviderArn",
    "directory-service-authentication": "activeDirectoryId",
}


@rule("client-vpn-range", "EC2 CreateClientVpnEndpoint: a client range of /12 to /22 that does not overlap the VPC", _ENDPOINT)
def client_vpn_range(ctx: RuleContext) -> Iterator[Finding]:
    """Client ranges of the wrong size, or over the VPC."""
    block = network_of(ctx.inputs.get("clientCidrBlock"))
    if isinstance(block, str):
        yield "clientCidrBlock", block
        return
    if not isinstance(block, ipaddress.IPv4Network):
        return
    if not 12 <= block.prefixlen <= 22:
        yield "clientCidrBlock", f"is a /{block.prefixlen}, but AWS accepts /12 to /22"
    vpcs, _ = ctx.related("vpcId", "aws:ec2/vpc:Vpc")
    for vpc in vpcs:
        outer = network_of(vpc.get("cidrBlock"))
        if isinstance(outer, ipaddress.IPv4Network) and block.overlaps(outer):
            yield "clientCidrBlock", f"is {block}, which overlaps the VPC's {outer}"


@rule("client-vpn-sign-in", "EC2 ClientVpnAuthenticationRequest: each way of signing in needs its own reference", _ENDPOINT)
def client_vpn_sign_in(ctx: RuleContext) -> Iterator[Finding]:
    """Ways of signing in without what they need, or more of them than AWS takes."""
    options = ctx.items("authenticationOptions")
    if len(options) > 2:
        yield "authenticationOptions", f"lists {len(options)} ways of signing in, but AWS accepts one, or certificates and one more"
    for index, each in enumerate(options):
        if not is_map(each):
            continue
        kind = each.get("type")
        if kind is UNKNOWN or kind is None:
            continue
        if kind not in _NEEDS:
            yield f"authenticationOptions[{index}].type", f"is {shown(kind)}, but AWS accepts {', '.join(sorted(_NEEDS))}"
        elif each.get(_NEEDS[kind]) is None:
            yield f"authenticationOptions[{index}].{_NEEDS[kind]}", f"is missing, but {kind} needs it"


@rule("client-vpn-log", "EC2 ConnectionLogOptions: a log group where connections are logged", _ENDPOINT)
def client_vpn_log(ctx: RuleContext) -> Iterator[Finding]:
    """Connection logs that go nowhere."""
    options = ctx.inputs.get("connectionLogOptions")
    if is_map(options) and truth(options.get("enabled")) and options.get("cloudwatchLogGroup") is None:
        yield "connectionLogOptions.cloudwatchLogGroup", "is missing, but an enabled connection log needs one"


@rule(
    "client-vpn-authorization",
    "EC2 AuthorizeClientVpnIngress: a network, and one group or everybody",
    "aws:ec2clientvpn/authorizationRule:AuthorizationRule",
)
def client_vpn_authorization(ctx: RuleContext) -> Iterator[Finding]:
    """Authorization rules for nobody, for somebody twice, or for no network."""
    block = network_of(ctx.inputs.get("targetNetworkCidr"))
    if isinstance(block, str):
        yield "targetNetworkCidr", block
    group, everybody = ctx.inputs.get("accessGroupId"), ctx.inputs.get("authorizeAllGroups")
    if group is None and (everybody is None or truth(everybody) is False):
        yield "accessGroupId", "is missing: name a group, or set authorizeAllGroups"
    elif group is not None and truth(everybody):
        yield "accessGroupId", "is given together with authorizeAllGroups, and AWS accepts one of the two"


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else None


@rule("ssm-session-document", "Systems Manager: Session document schema 1.0", "aws:ssm/document:Document")
def ssm_session_document(ctx: RuleContext) -> Iterator[Finding]:
    """Session preferences that Session Manager does not take."""
    content = ctx.text("content")
    if ctx.text("documentType") != "Session" or content is None or ctx.chosen("documentFormat", "JSON") != "JSON":
        return
    document = _object(content)
    if document is None:
        yield "content", "is not a JSON object"
        return
    if document.get("schemaVersion") != "1.0":
        yield "content", f"has schemaVersion {shown(document.get('schemaVersion'))}, but a Session document has 1.0"
    kind = document.get("sessionType")
    kinds = ("InteractiveCommands", "NonInteractiveCommands", "Port", "Standard_Stream")
    if kind not in kinds:
        yield "content", f"has sessionType {shown(kind)}, but AWS accepts {', '.join(kinds)}"
    if ctx.text("name") == "SSM-SessionManagerRunShell" and kind != "Standard_Stream":
        yield "content", "has another sessionType than Standard_Stream, which preferences must have"
    given = document.get("inputs")
    if kind == "Standard_Stream" and not isinstance(given, dict):
        yield "content", "has no inputs, which a Standard_Stream session needs"
        return
    inputs: dict[str, Any] = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    for name, most in (("idleSessionTimeout", 60), ("maxSessionDuration", 1440)):
        value = inputs.get(name)
        if value in (None, ""):
            continue
        minutes = number(value)
        if minutes is None or outside(minutes, 1, most) or not isinstance(value, str):
            yield "content", f'has {name} {shown(value)}, but AWS accepts a string of 1 to {most} minutes, such as "15"'
