"""Provider functions (invokes), answered from the simulation: no account, no network.

A function that is not here gives an error that names it, rather than an answer that might mislead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nautilus.sandbox.simulation.computed.network import prefix_list_id
from nautilus.sandbox.simulation.context import Known, Peer, Run, partition_of
from nautilus.sandbox.simulation.formats import Seed, alb_zone, zone_id
from nautilus.sandbox.simulation.types_table import FunctionType, Type, TypesTable
from nautilus.sandbox.simulation.values import UNKNOWN, has_unknown, is_list, is_map


class UnknownFunctionError(Exception):
    """The simulation does not know a function, or cannot answer it."""


class _Call:
    """One invocation."""

    def __init__(self, args: dict[str, Any], peer: Peer, run: Run) -> None:
        self.args = args
        self.peer = peer
        self.run = run
        own = args.get("region")
        self.region = own if isinstance(own, str) else peer.region
        self.partition = partition_of(self.region)
        self.suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"


# Managed policies of CloudFront: documented ids, the same in every account.
_MANAGED: dict[str, dict[str, str]] = {
    "cache-policy": {
        "Managed-CachingOptimized": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        "Managed-CachingDisabled": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "Managed-CachingOptimizedForUncompressedObjects": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        "Managed-Elemental-MediaPackage": "08627262-05a9-4f76-9ded-b50ca2e3a84f",
        "Managed-Amplify": "2e54312d-136d-493c-8eb9-b001f22f67d2",
        "UseOriginCacheControlHeaders": "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        "UseOriginCacheControlHeaders-QueryStrings": "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
    },
    "origin-request-policy": {
        "Managed-AllViewer": "216adef6-5c7f-47e4-b989-5492eafa07d3",
        "Managed-AllViewerExceptHostHeader": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        "Managed-AllViewerAndCloudFrontHeaders-2022-06": "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        "Managed-CORS-S3Origin": "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
        "Managed-CORS-CustomOrigin": "59781a5b-3903-41f3-afcb-af62929ccde1",
        "Managed-UserAgentRefererHeaders": "acba4595-bd28-49b8-b9fe-13317c0390fa",
        "Managed-HostHeaderOnly": "bf0718e1-ba1e-49d1-88b1-f726733018ae",
    },
    "response-headers-policy": {
        "Managed-SecurityHeadersPolicy": "67f7725c-6f97-4210-82d7-5512b31e9d03",
        "Managed-SimpleCORS": "60669652-455b-4ae9-85a4-c4c02393f86c",
        "Managed-CORS-With-Preflight": "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
        "Managed-CORS-and-SecurityHeadersPolicy": "e61eb60c-9c35-4d20-a928-2b84e02af89c",
        "Managed-CORS-with-preflight-and-SecurityHeadersPolicy": "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
    },
}
_ZONE_LETTERS: dict[str, str] = {
    "us-east-1": "abcdef",
    "us-west-2": "abcd",
    "us-west-1": "ac",
    "ca-central-1": "abd",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
}
_ELB_ACCOUNTS: dict[str, str] = {
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-central-1": "054676820928",
    "ap-northeast-1": "582318560864",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
}


def zones_of(region: str) -> list[str]:
    """Availability zones of a region, as an account sees them."""
    return [f"{region}{letter}" for letter in _ZONE_LETTERS.get(region, "abc")]


def _caller(c: _Call) -> dict[str, Any]:
    return {
        "accountId": c.peer.account,
        "arn": f"arn:{c.partition}:iam::{c.peer.account}:user/simulation",
        "userId": Seed(c.peer.account).iam("AIDA"),
        "id": c.peer.account,
    }


def _region(c: _Call) -> dict[str, Any]:
    name = c.args.get("name")
    region = name if isinstance(name, str) else c.region
    return {"name": region, "region": region, "id": region, "description": f"Simulated {region}", "endpoint": f"ec2.{region}.{c.suffix}"}


def _partition(c: _Call) -> dict[str, Any]:
    reverse = ".".join(reversed(c.suffix.split(".")))
    return {"partition": c.partition, "id": c.partition, "dnsSuffix": c.suffix, "reverseDnsPrefix": reverse}


def _zones(c: _Call) -> dict[str, Any]:
    names = [name for name in zones_of(c.region) if name not in (c.args.get("excludeNames") or [])]
    return {
        "names": names,
        "zoneIds": [zone_id(name) for name in names],
        "groupNames": [c.region],
        "id": c.region,
        "state": c.args.get("state"),
        "region": c.region,
    }


def _prefix_list(c: _Call) -> dict[str, Any]:
    name = c.args.get("name") or ""
    service = str(name).rpartition(".")[2] if "cloudfront" not in str(name) else "cloudfront"
    ident = c.args.get("prefixListId") or c.args.get("id") or prefix_list_id(c.region, service)
    return {
        "id": ident,
        "name": name,
        "prefixListId": ident,
        "arn": f"arn:{c.partition}:ec2:{c.region}:aws:prefix-list/{ident}",
        "cidrBlocks": ["52.216.0.0/15"],
        "entries": [],
        "ownerId": "AWS",
        "addressFamily": "IPv4",
        "maxEntries": 0,
        "version": 0,
        "tags": {},
    }


def _document(c: _Call) -> dict[str, Any]:
    """IAM's getPolicyDocument: statements in, canonical JSON out."""
    statements: list[Any] = []
    for source in c.args.get("sourcePolicyDocuments") or []:
        if isinstance(source, str):
            found = json.loads(source).get("Statement", [])
            statements += found if is_list(found) else [found]
    statements += [_statement(each) for each in c.args.get("statements") or []]
    for override in c.args.get("overridePolicyDocuments") or []:
        found: Any = json.loads(override).get("Statement", []) if isinstance(override, str) else []
        for each in found if is_list(found) else [found]:
            # A statement with a Sid takes the place of the one that has it.
            sid = each.get("Sid") if is_map(each) else None
            statements = [kept for kept in statements if not sid or kept.get("Sid") != sid]
            statements.append(each)
    body: dict[str, Any] = {"Version": c.args.get("version") or "2012-10-17"}
    if c.args.get("policyId"):
        body["Id"] = c.args["policyId"]
    body["Statement"] = statements
    text = json.dumps(body, indent=2)
    return {"json": text, "minifiedJson": json.dumps(body, separators=(",", ":")), "id": Seed(text).digits(10)}


def _one_or_many(values: Any) -> Any:
    items = sorted({str(each) for each in values}) if is_list(values) else values
    return items[0] if is_list(items) and len(items) == 1 else items


def _principals(blocks: Any) -> Any:
    grouped: dict[str, list[str]] = {}
    for block in blocks or []:
        grouped.setdefault(block["type"], []).extend(block.get("identifiers") or [])
    if grouped.get("*") == ["*"]:
        return "*"
    return {kind: _one_or_many(values) for kind, values in grouped.items()}


def _statement(block: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if block.get("sid"):
        out["Sid"] = block["sid"]
    out["Effect"] = block.get("effect") or "Allow"
    for name, target in (("actions", "Action"), ("notActions", "NotAction"), ("resources", "Resource"), ("notResources", "NotResource")):
        if block.get(name):
            out[target] = _one_or_many(block[name])
    for name, target in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if block.get(name):
            out[target] = _principals(block[name])
    conditions: dict[str, dict[str, Any]] = {}
    for each in block.get("conditions") or []:
        conditions.setdefault(each["test"], {})[each["variable"]] = _one_or_many(each.get("values") or [])
    if conditions:
        out["Condition"] = conditions
    return out


def _managed(kind: str) -> Callable[[_Call], dict[str, Any]]:
    def answer(c: _Call) -> dict[str, Any]:
        table = _MANAGED[kind]
        name, ident = c.args.get("name"), c.args.get("id")
        if isinstance(name, str):
            ident = table.get(name)
            if ident is None:
                raise UnknownFunctionError(f"CloudFront has no managed {kind} named {name!r}; the simulation knows {', '.join(table)}")
        else:
            name = next((each for each, value in table.items() if value == ident), "custom")
        return {
            "id": ident,
            "name": name,
            "arn": f"arn:{c.partition}:cloudfront::{c.peer.account}:{kind}/{ident}",
            "etag": Seed(str(ident)).distribution(),
        }

    return answer


def _ami(c: _Call) -> dict[str, Any]:
    ident = f"ami-0{Seed(json.dumps(c.args, sort_keys=True, default=str) + c.region).hex(16)}"
    owners = c.args.get("owners") or ["amazon"]
    architecture = "x86_64"
    for each in c.args.get("filters") or []:
        if is_map(each) and each.get("name") == "architecture" and each.get("values"):
            architecture = each["values"][0]
    return {
        "id": ident,
        "imageId": ident,
        "arn": f"arn:{c.partition}:ec2:{c.region}::image/{ident}",
        "architecture": architecture,
        "name": "simulated-image",
        "ownerId": owners[0] if str(owners[0]).isdigit() else "137112412989",
        "imageOwnerAlias": "amazon",
        "rootDeviceName": "/dev/xvda",
        "rootDeviceType": "ebs",
        "virtualizationType": "hvm",
        "creationDate": "2025-01-01T00:00:00.000Z",
        "state": "available",
    }


def _parameter(c: _Call) -> dict[str, Any]:
    name = str(c.args.get("name") or "")
    known = _named(c, "aws:ssm/parameter:Parameter", "name", name)
    if known is not None:
        return dict(known.outputs) | {"id": name}
    if not name.startswith("/aws/service/"):
        raise UnknownFunctionError(f"getParameter: this stack has no SSM parameter {name!r}")
    # Public parameters of AWS hold image ids.
    value = f"ami-0{Seed(name + c.region).hex(16)}"
    return {
        "id": name,
        "name": name,
        "type": "String",
        "value": value,
        "insecureValue": value,
        "version": 1,
        "arn": f"arn:{c.partition}:ssm:{c.region}::parameter{name}",
    }


def _secret_version(c: _Call) -> dict[str, Any]:
    secret = c.args.get("secretId")
    versions = [one for one in c.run.existing("aws:secretsmanager/secretVersion:SecretVersion") if one.get("secretId") == secret]
    version = versions[-1] if versions else None
    if version is None:
        raise UnknownFunctionError("getSecretVersion: this stack gives the secret no value")
    return dict(version.outputs) | {"id": f"{secret}|AWSCURRENT", "versionStage": "AWSCURRENT", "createdDate": "2025-01-01T00:00:00Z"}


def _named(c: _Call, token: str, prop: str, value: str) -> Known | None:
    # What exists comes first: a resource that this run has only checked so far shows its inputs and no outputs.
    candidates = (*c.run.existing(token), *c.run.of_token(token))
    return next((known for known in candidates if known.get(prop) == value), None)


def _lookup(token: str, *keys: tuple[str, str]) -> Callable[[_Call], dict[str, Any]]:
    """A function that reads a resource of this stack, by one of its arguments; something outside the stack is invented from its id."""

    def answer(c: _Call) -> dict[str, Any]:
        for argument, prop in keys:
            value = c.args.get(argument)
            if not isinstance(value, str):
                continue
            known = c.run.find(value)
            if known is None or known.token != token:
                known = _named(c, token, prop, value)
            if known is not None:
                return dict(known.outputs) | {"id": known.id}
        return {}

    return answer


def _vpc(c: _Call) -> dict[str, Any]:
    found = _lookup("aws:ec2/vpc:Vpc", ("id", "id"), ("cidrBlock", "cidrBlock"))(c)
    if found:
        return found
    ident = c.args.get("id") or Seed(json.dumps(c.args, sort_keys=True, default=str)).ec2("vpc")
    return {
        "id": ident,
        "arn": f"arn:{c.partition}:ec2:{c.region}:{c.peer.account}:vpc/{ident}",
        "cidrBlock": c.args.get("cidrBlock") or "172.31.0.0/16",
        "ownerId": c.peer.account,
    }


def _subnets(c: _Call) -> dict[str, Any]:
    wanted: dict[str, list[Any]] = {
        each["name"]: each.get("values") or [] for each in c.args.get("filters") or [] if is_map(each) and "name" in each
    }
    vpcs = wanted.get("vpc-id")
    found = [known.id for known in c.run.of_token("aws:ec2/subnet:Subnet") if known.id and (vpcs is None or known.get("vpcId") in vpcs)]
    if not found and vpcs:
        found = [Seed(f"{vpcs[0]}/{index}").ec2("subnet") for index in range(3)]
    return {"ids": sorted(found), "id": c.region}


def _zone(c: _Call) -> dict[str, Any]:
    found = _lookup("aws:route53/zone:Zone", ("zoneId", "zoneId"), ("name", "name"))(c)
    if found:
        return found
    name = str(c.args.get("name") or "example.com").rstrip(".")
    ident = c.args.get("zoneId") or Seed(name).zone()
    servers = [
        f"ns-{Seed(name).number(tail) % 2048}.awsdns-{Seed(name).number(tail + 'n') % 64:02}.{tail}"
        for tail in ("com", "net", "org", "co.uk")
    ]
    return {
        "id": ident,
        "zoneId": ident,
        "name": name,
        "arn": f"arn:{c.partition}:route53:::hostedzone/{ident}",
        "nameServers": servers,
        "primaryNameServer": servers[0],
    }


def _certificate(c: _Call) -> dict[str, Any]:
    domain = str(c.args.get("domain") or "")
    found = _named(c, "aws:acm/certificate:Certificate", "domainName", domain)
    if found is not None:
        return dict(found.outputs) | {"id": found.id, "domain": domain}
    arn = f"arn:{c.partition}:acm:{c.region}:{c.peer.account}:certificate/{Seed(domain + c.region).uuid()}"
    return {"id": arn, "arn": arn, "domain": domain, "status": "ISSUED"}


def _elb_account(c: _Call) -> dict[str, Any]:
    account = _ELB_ACCOUNTS.get(c.region, Seed(c.region).digits(12))
    return {"id": account, "arn": f"arn:{c.partition}:iam::{account}:root"}


def _engine_version(c: _Call) -> dict[str, Any]:
    preferred = c.args.get("preferredVersions") or []
    engine = str(c.args.get("engine") or "postgres")
    version = str(c.args.get("version") or (preferred[0] if preferred else "17"))
    full = version if "." in version else f"{version}.6"
    return {
        "id": full,
        "engine": engine,
        "version": full,
        "versionActual": full,
        "parameterGroupFamily": f"{engine}{full.partition('.')[0]}",
        "status": "available",
    }


def _tags(c: _Call) -> dict[str, Any]:
    return {"id": c.partition, "tags": dict(c.peer.default_tags)}


def _principal(c: _Call) -> dict[str, Any]:
    service = c.args.get("serviceName")
    return {"id": f"{service}.{c.region}", "name": f"{service}.{c.suffix}", "serviceName": service, "suffix": c.suffix, "region": c.region}


_FUNCTIONS: dict[str, Callable[[_Call], dict[str, Any]]] = {
    "aws:acm/getCertificate:getCertificate": _certificate,
    "aws:cloudfront/getCachePolicy:getCachePolicy": _managed("cache-policy"),
    "aws:cloudfront/getOriginRequestPolicy:getOriginRequestPolicy": _managed("origin-request-policy"),
    "aws:cloudfront/getResponseHeadersPolicy:getResponseHeadersPolicy": _managed("response-headers-policy"),
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:ec2/getPrefixList:getPrefixList": _prefix_list,
    "aws:ec2/getSubnet:getSubnet": _lookup("aws:ec2/subnet:Subnet", ("id", "id"), ("cidrBlock", "cidrBlock")),
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:elb/getServiceAccount:getServiceAccount": _elb_account,
    "aws:iam/getPolicyDocument:getPolicyDocument": _document,
    "aws:iam/getRole:getRole": _lookup("aws:iam/role:Role", ("name", "name")),
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getDefaultTags:getDefaultTags": _tags,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getServicePrincipal:getServicePrincipal": _principal,
    "aws:kms/getKey:getKey": _lookup("aws:kms/key:Key", ("keyId", "keyId")),
    "aws:lb/getHostedZoneId:getHostedZoneId": lambda c: {"id": alb_zone(c.region, network=c.args.get("loadBalancerType") == "network")},
    "aws:rds/getEngineVersion:getEngineVersion": _engine_version,
    "aws:route53/getZone:getZone": _zone,
    "aws:s3/getBucket:getBucket": _lookup("aws:s3/bucket:Bucket", ("bucket", "bucket")),
    "aws:secretsmanager/getSecret:getSecret": _lookup("aws:secretsmanager/secret:Secret", ("name", "name"), ("arn", "arn")),
    "aws:secretsmanager/getSecretVersion:getSecretVersion": _secret_version,
    "aws:ssm/getParameter:getParameter": _parameter,
}


LOOKUPS = frozenset(
    token
    for token in _FUNCTIONS
    if token.rpartition(":")[2]
    in {
        "getCertificate",
        "getKey",
        "getParameter",
        "getRole",
        "getSecret",
        "getSecretVersion",
        "getSubnet",
        "getSubnets",
        "getVpc",
        "getZone",
        "getBucket",
    }
)
"""Functions that look for a resource of the stack."""


def functions() -> list[str]:
    """Tokens of the functions that can be answered."""
    return sorted(_FUNCTIONS)


def _empty(kind: Type) -> Any:
    return {"bool": False, "int": 0, "num": 0, "list": [], "map": {}, "str": "", "object": {}}.get(kind.kind)


def invoke(token: str, args: dict[str, Any], peer: Peer, run: Run, table: TypesTable) -> dict[str, Any]:
    """The result of a function, every property of its type filled in.

    Raises:
        UnknownFunctionError: the function is not simulated, takes no such argument, or finds nothing.
    """
    row: FunctionType | None = table.function(token)
    answer = _FUNCTIONS.get(token)
    if row is None or answer is None:
        raise UnknownFunctionError(
            f"the simulation does not know the function {token}; it answers {', '.join(short(each) for each in functions())}"
        )
    strange = [name for name in args if name not in row.arguments]
    if strange:
        raise UnknownFunctionError(f"{token} has no argument {', '.join(strange)}; it takes {', '.join(row.arguments)}")
    if has_unknown(args):
        return dict.fromkeys((*row.results, "id"), UNKNOWN)
    made = answer(_Call(args, peer, run))
    if not made:
        raise UnknownFunctionError(f"{token}: nothing in this stack matches {json.dumps(args, default=str)}")
    out = {name: _empty(kind) for name, kind in row.results.items()}
    out |= {name: value for name, value in args.items() if name in row.results}
    out |= {name: value for name, value in made.items() if name in row.results and value is not None}
    if "region" in row.results and not out.get("region"):
        out["region"] = peer.region
    return out


def short(token: str) -> str:
    """`aws:ec2/getVpc:getVpc` as `ec2.getVpc`."""
    parts = token.split(":")
    return f"{parts[1].partition('/')[0]}.{parts[2]}"
