"""Computed values of CloudFront, certificates, Route 53 and WAF."""

from __future__ import annotations

from typing import Any

from nautilus.sandbox.simulation import formats
from nautilus.sandbox.simulation.computed.subject import SPECS, WHEN, Make, Subject, spec
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.values import is_list


@spec("aws:cloudfront/distribution:Distribution")
def _distribution(s: Subject) -> dict[str, Any]:
    ident = s.seed.distribution()
    return {
        "id": ident,
        "arn": s.arn("cloudfront", f"distribution/{ident}", region=""),
        "domainName": f"d{s.seed.base36(13)}.cloudfront.net",
        "hostedZoneId": formats.CLOUDFRONT_ZONE,
        "status": "Deployed",
        "etag": s.seed.distribution("etag"),
        "callerReference": f"terraform-{s.seed.digits(26)}",
        "inProgressValidationBatches": 0,
        "lastModifiedTime": "2025-01-01 00:00:00 +0000 UTC",
        "loggingV1Enabled": False,
        "continuousDeploymentPolicyId": "",
        "trustedKeyGroups": [{"enabled": False, "items": []}],
        "trustedSigners": [{"enabled": False, "items": []}],
        "httpVersion": "http2",
        "priceClass": "PriceClass_All",
        "waitForDeployment": True,
        "retainOnDelete": False,
        "staging": False,
    }


def _cloudfront_policy(kind: str) -> Make:
    def make(s: Subject) -> dict[str, Any]:
        ident = s.seed.uuid()
        return {"id": ident, "arn": s.arn("cloudfront", f"{kind}/{ident}", region=""), "etag": s.seed.distribution("etag")}

    return make


SPECS["aws:cloudfront/cachePolicy:CachePolicy"] = _cloudfront_policy("cache-policy")
SPECS["aws:cloudfront/originRequestPolicy:OriginRequestPolicy"] = _cloudfront_policy("origin-request-policy")
SPECS["aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"] = _cloudfront_policy("response-headers-policy")
SPECS["aws:cloudfront/keyGroup:KeyGroup"] = _cloudfront_policy("key-group")


@spec("aws:cloudfront/originAccessControl:OriginAccessControl", "aws:cloudfront/publicKey:PublicKey", "aws:cloudfront/vpcOrigin:VpcOrigin")
def _origin_access(s: Subject) -> dict[str, Any]:
    kind = {"OriginAccessControl": "origin-access-control", "PublicKey": "public-key", "VpcOrigin": "vpcorigin"}[
        s.urn.token.rpartition(":")[2]
    ]
    ident = f"vo_{s.seed.base36(22)}" if kind == "vpcorigin" else s.seed.distribution()
    return {"id": ident, "arn": s.arn("cloudfront", f"{kind}/{ident}", region=""), "etag": s.seed.distribution("etag")}


@spec("aws:cloudfront/function:Function")
def _edge_function(s: Subject) -> dict[str, Any]:
    return {
        "id": s.name,
        "arn": s.arn("cloudfront", f"function/{s.name}", region=""),
        "etag": s.seed.distribution("etag"),
        "liveStageEtag": s.seed.distribution("live"),
        "status": "UNASSOCIATED",
        "publish": True,
    }


@spec("aws:acm/certificate:Certificate")
def _certificate(s: Subject) -> dict[str, Any]:
    arn = s.arn("acm", f"certificate/{s.seed.uuid()}")
    domain = s.text("domainName")
    alternatives = [each for each in s.inputs.get("subjectAlternativeNames") or [] if isinstance(each, str)]
    method = s.text("validationMethod", "NONE")
    names = list(dict.fromkeys([domain, *alternatives])) if domain else []
    options: list[dict[str, Any]] = []
    for name in names if method == "DNS" else []:
        # A wildcard and its parent share one record.
        bare = Seed(f"{s.account}/{name.removeprefix('*.')}")
        options.append(
            {
                "domainName": name,
                "resourceRecordName": f"_{bare.hex(32, 'name')}.{name.removeprefix('*.')}.",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": f"_{bare.hex(32, 'value')}.{bare.base36(10, 'host')}.acm-validations.aws.",
            }
        )
    return {
        "id": arn,
        "arn": arn,
        "domainValidationOptions": options,
        "subjectAlternativeNames": names,
        "status": "PENDING_VALIDATION" if method in {"DNS", "EMAIL"} else "ISSUED",
        "type": "AMAZON_ISSUED",
        "keyAlgorithm": "RSA_2048",
        "validationMethod": method,
        "notBefore": "",
        "notAfter": "",
        "pendingRenewal": False,
        "renewalEligibility": "INELIGIBLE",
        "renewalSummaries": [],
        "validationEmails": [],
        "options": {"certificateTransparencyLoggingPreference": "ENABLED"},
    }


@spec("aws:acm/certificateValidation:CertificateValidation")
def _validation(_s: Subject) -> dict[str, Any]:
    return {"id": f"{WHEN[:10]} 00:00:00 +0000 UTC"}


@spec("aws:route53/zone:Zone")
def _zone(s: Subject) -> dict[str, Any]:
    ident = s.seed.zone()
    servers = [
        f"ns-{s.seed.number(tail) % 2048}.awsdns-{s.seed.number(tail + 'n') % 64:02}.{tail}" for tail in ("com", "net", "org", "co.uk")
    ]
    return {
        "id": ident,
        "zoneId": ident,
        "arn": s.arn("route53", f"hostedzone/{ident}", region="", account=""),
        "nameServers": servers,
        "primaryNameServer": servers[0],
        "comment": "Managed by Pulumi",
        "forceDestroy": False,
        "enableAcceleratedRecovery": False,
    }


@spec("aws:route53/record:Record")
def _record(s: Subject) -> dict[str, Any]:
    zone = s.find("zoneId")
    apex = zone.get("name") if zone else None
    name = s.text("name").rstrip(".")
    fqdn = (
        name if not isinstance(apex, str) or name.endswith(apex.rstrip(".")) else f"{name}.{apex.rstrip('.')}" if name else apex.rstrip(".")
    )
    parts = [s.text("zoneId"), fqdn, s.text("type"), *([s.text("setIdentifier")] if s.text("setIdentifier") else [])]
    return {"id": "_".join(parts), "fqdn": fqdn, "allowOverwrite": False}


@spec("aws:route53/keySigningKey:KeySigningKey")
def _signing_key(s: Subject) -> dict[str, Any]:
    tag, digest = s.seed.number("tag") % 65_536, s.seed.hex(64, "digest").upper()
    public = s.seed.hex(64, "public")
    return {
        "id": f"{s.text('hostedZoneId')},{s.text('name', s.urn.name)}",
        "digestAlgorithmMnemonic": "SHA-256",
        "digestAlgorithmType": 2,
        "digestValue": digest,
        "dnskeyRecord": f"257 3 13 {public}",
        "dsRecord": f"{tag} 13 2 {digest}",
        "flag": 257,
        "keyTag": tag,
        "publicKey": public,
        "signingAlgorithmMnemonic": "ECDSAP256SHA256",
        "signingAlgorithmType": 13,
        "status": "ACTIVE",
    }


@spec("aws:route53/hostedZoneDnsSec:HostedZoneDnsSec")
def _signed_zone(s: Subject) -> dict[str, Any]:
    return {"id": s.text("hostedZoneId", s.urn.name), "signingStatus": "SIGNING"}


@spec("aws:route53/queryLog:QueryLog")
def _query_log(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {"id": ident, "arn": s.arn("route53", f"queryloggingconfig/{ident}", region="", account="")}


@spec("aws:shield/protection:Protection")
def _protection(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {"id": ident, "arn": s.arn("shield", f"protection/{ident}", region="")}


@spec("aws:shield/protectionHealthCheckAssociation:ProtectionHealthCheckAssociation")
def _protection_check(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('shieldProtectionId')}+{s.text('healthCheckArn')}"}


@spec("aws:route53/healthCheck:HealthCheck")
def _health_check(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {
        "id": ident,
        "arn": s.arn("route53", f"healthcheck/{ident}", region="", account=""),
        "failureThreshold": 3,
        "enableSni": True,
        "regions": [],
    }


def _waf(kind: str) -> Make:
    def make(s: Subject) -> dict[str, Any]:
        ident = s.seed.uuid()
        edge = s.text("scope", "REGIONAL") == "CLOUDFRONT"
        arn = s.arn("wafv2", f"{'global' if edge else 'regional'}/{kind}/{s.name}/{ident}", region="us-east-1" if edge else None)
        rules = s.inputs.get("rules")
        return {
            "id": ident,
            "arn": arn,
            "capacity": 25 * len(rules) if is_list(rules) else s.integer("capacity", 1),
            "lockToken": s.seed.uuid("lock"),
            "applicationIntegrationUrl": "",
        }

    return make


SPECS["aws:wafv2/webAcl:WebAcl"] = _waf("webacl")
SPECS["aws:wafv2/ipSet:IpSet"] = _waf("ipset")
SPECS["aws:wafv2/ruleGroup:RuleGroup"] = _waf("rulegroup")
SPECS["aws:wafv2/regexPatternSet:RegexPatternSet"] = _waf("regexpatternset")


@spec("aws:wafv2/webAclAssociation:WebAclAssociation")
def _waf_association(s: Subject) -> dict[str, Any]:
    return {"id": f"{s.text('webAclArn')},{s.text('resourceArn')}"}


@spec("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")
def _waf_logging(s: Subject) -> dict[str, Any]:
    return {"id": s.text("resourceArn", s.urn.name)}
