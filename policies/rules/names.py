"""Rules about names and their certificates: Route 53 and ACM."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.tokens import CERTIFICATE, CERTIFICATE_VALIDATION, DISTRIBUTION, LISTENERS, LOAD_BALANCERS, RECORD, ZONE
from policies.values import ABSENT, UNKNOWN, Value, descend, items

_QUERY_LOG = "aws:route53/queryLog:QueryLog"
_DNSSEC = "aws:route53/hostedZoneDnsSec:HostedZoneDnsSec"
_HOME = "us-east-1"
"""CloudFront takes certificates of this region alone."""


def _zone_watched(stack: Stack) -> Iterator[Problem]:
    lost = [
        user
        for type_, prop in ((_QUERY_LOG, "zoneId"), (_DNSSEC, "hostedZoneId"))
        for user in stack.of(type_)
        if user.get(prop) is UNKNOWN and not user.sources(prop)
    ]
    for user in lost:
        yield unresolved(user, "zoneId" if user.type == _QUERY_LOG else "hostedZoneId")
    for zone in stack.of(ZONE):
        if items(zone.get("vpcs")) or lost:
            continue  # a private zone has neither
        missing: list[str] = []
        if not stack.users(zone, "zoneId", _QUERY_LOG):
            missing.append("no query log")
        signing = stack.users(zone, "hostedZoneId", _DNSSEC)
        if not signing or any(one.get("signingStatus") == "NOT_SIGNING" for one in signing):
            missing.append("no signature (DNSSEC)")
        if missing:
            yield violation(zone, "name", f"has {' and '.join(missing)}")


_ZONE = Given(ZONE, "zone", {"name": "example.com"})
_LOG = Given(_QUERY_LOG, "log", {"zoneId": UNKNOWN}, {"zoneId": ["zone"]})
_SIGNED = Given(_DNSSEC, "dnssec", {"hostedZoneId": UNKNOWN}, {"hostedZoneId": ["zone"]})

DNS_01 = StackRule(
    id="DNS-01",
    severity=Severity.MEDIUM,
    title="Public zones log their queries and are signed.",
    rationale=(
        "The log shows who looks for names that do not exist; the signature keeps others from answering in our place. "
        "Both are settings, because a signature whose parent zone was forgotten takes the whole name off the internet."
    ),
    remediation="Switch on the query log and DNSSEC of the zone, and enter the DS record in the parent zone.",
    references=("FSBP Route53.2", "CKV2_AWS_38", "CKV2_AWS_39"),
    types=(ZONE, _QUERY_LOG, _DNSSEC),
    check=_zone_watched,
    examples=(
        good("both", _ZONE, _LOG, _SIGNED),
        good("a private zone", Given(ZONE, "zone", {"name": "inner", "vpcs": [{"vpcId": "vpc-0a"}]})),
        bad("neither", _ZONE),
        bad("no log", _ZONE, _SIGNED),
        bad("no signature", _ZONE, _LOG),
        bad(
            "signing is switched off",
            _ZONE,
            _LOG,
            Given(_DNSSEC, "dnssec", {"hostedZoneId": UNKNOWN, "signingStatus": "NOT_SIGNING"}, {"hostedZoneId": ["zone"]}),
        ),
        unknown("nothing says of which zone", _ZONE, Given(_QUERY_LOG, "log", {"zoneId": UNKNOWN}), expect={"log": Kind.UNRESOLVED}),
        absent("no zone of the stack's own"),
    ),
)

_TAKEABLE = (".cloudfront.net", ".elb.amazonaws.com", ".s3.amazonaws.com", ".elasticbeanstalk.com", ".awsglobalaccelerator.com")
"""Names of AWS that go to the next customer who asks, once their owner lets go of them."""


def _takeable(name: str) -> bool:
    bare = name.lower().rstrip(".")
    return bare.endswith(_TAKEABLE) or ".s3-website" in bare or (".s3." in bare and bare.endswith(".amazonaws.com"))


def _targets(record: Resource) -> Iterator[tuple[str, Value]]:
    for alias in items(record.get("aliases")):
        yield "aliases", descend(alias, "name")
    if record.get("type") == "CNAME":
        for name in items(record.get("records")):
            yield "records", name


def _targets_exist(stack: Stack) -> Iterator[Problem]:
    theirs = {
        str(value).lower().rstrip(".")
        for resource in stack.of(DISTRIBUTION, *LOAD_BALANCERS)
        for key in ("domainName", "dnsName")
        if isinstance(value := resource.outputs.values.get(key), str)
    }
    for record in stack.of(RECORD):
        if descend(record.get("failoverRoutingPolicies"), "type") == "SECONDARY" or any(
            descend(item, "type") == "SECONDARY" for item in items(record.get("failoverRoutingPolicies"))
        ):
            continue  # the second region's own stack answers for it
        for prop, target in _targets(record):
            if record.sources(prop):
                continue
            if target is UNKNOWN:
                yield unresolved(record, prop, "nothing of this stack explains where it points")
            elif isinstance(target, str) and _takeable(target) and target.lower().rstrip(".") not in theirs:
                yield violation(record, prop, f"points at {target}, which is nothing of this stack: once free, anybody may take that name")


def _record(type_: str = "A", depends: tuple[str, ...] = (), **props: object) -> Given:
    prop = "aliases" if "aliases" in props else "records"
    return Given(RECORD, "www", {"type": type_, "name": "www.example.com", **props}, {prop: depends} if depends else {})


def _alias(name: object) -> list[dict[str, object]]:
    return [{"name": name, "zoneId": "Z2FDTNDATAQYW2", "evaluateTargetHealth": False}]


DNS_02 = StackRule(
    id="DNS-02",
    severity=Severity.HIGH,
    title="Records point at what the stack has.",
    rationale="A record that outlives its target points at a name which the next customer of AWS may take, and with it our visitors.",
    remediation="Take the alias from the distribution or load balancer that it is for, and remove records without a target.",
    references=("CKV2_AWS_23",),
    types=(RECORD,),
    check=_targets_exist,
    examples=(
        good("computed from the distribution", _record(aliases=_alias(UNKNOWN), depends=("cdn",)), Given(DISTRIBUTION, "cdn", {})),
        good(
            "by its name",
            _record(aliases=_alias("d1.cloudfront.net")),
            Given(DISTRIBUTION, "cdn", {}, outputs={"domainName": "d1.cloudfront.net"}),
        ),
        good("a name outside AWS", _record("CNAME", records=["mail.example.net"])),
        good(
            "the second region", _record(aliases=_alias("b.us-west-2.elb.amazonaws.com"), failoverRoutingPolicies=[{"type": "SECONDARY"}])
        ),
        bad("a distribution that is gone", _record(aliases=_alias("d2.cloudfront.net"))),
        bad("a website bucket that is gone", _record("CNAME", records=["www.example.com.s3-website-us-east-1.amazonaws.com"])),
        unknown("nothing explains it", _record(aliases=_alias(UNKNOWN)), expect={"www": Kind.UNRESOLVED}),
        absent("a record that points nowhere", Given(RECORD, "caa", {"type": "CAA", "records": ['0 issue "amazon.com"']})),
    ),
)

_SHOWN_IN = {DISTRIBUTION: "viewerCertificate", **dict.fromkeys(LISTENERS, "certificateArn")}


def _certificates(user: Resource, prop: str) -> list[Resource]:
    """The certificates that a user shows, by way of their validation or directly."""
    proofs = user.sources(prop, CERTIFICATE_VALIDATION)
    validated = [certificate for proof in proofs for certificate in proof.sources("certificateArn", CERTIFICATE)]
    return [*validated, *user.sources(prop, CERTIFICATE)]


def _certificates_fit(stack: Stack) -> Iterator[Problem]:
    for type_, prop in _SHOWN_IN.items():
        for user in stack.of(type_):
            yield from _in_region(user, prop)
            for certificate in user.sources(prop, CERTIFICATE):
                imported = any(certificate.get(key) is not ABSENT for key in ("privateKey", "certificateAuthorityArn"))
                if not imported and not stack.users(certificate, "certificateArn", CERTIFICATE_VALIDATION):
                    yield violation(
                        user, prop, f"nothing waits until certificate {certificate.name} is validated: until then it is refused"
                    )


def _in_region(user: Resource, prop: str) -> Iterator[Problem]:
    value = user.get(f"{prop}.acmCertificateArn") if user.type == DISTRIBUTION else user.get(prop)
    if value is ABSENT or value == "":
        return
    wanted = _HOME if user.type == DISTRIBUTION else user.region
    parts = value.split(":") if isinstance(value, str) else []
    found = [certificate.region for certificate in _certificates(user, prop)] + ([parts[3]] if len(parts) > 3 else [])
    regions = {region for region in found if isinstance(region, str)}
    if not isinstance(wanted, str) or not regions:
        yield unresolved(user, prop, "which region its certificate is of is not known")
        return
    for region in sorted(regions):
        if region != wanted:
            yield violation(user, prop, f"its certificate is of {region}, and it takes those of {wanted} alone")


def _certificate(region: object = _HOME, **props: object) -> Given:
    return Given(CERTIFICATE, "certificate", {"domainName": "example.com", "validationMethod": "DNS", "region": region, **props})


_PROOF = Given(CERTIFICATE_VALIDATION, "proof", {"certificateArn": UNKNOWN}, {"certificateArn": ["certificate"]})
_SHOWN = Given(DISTRIBUTION, "cdn", {"viewerCertificate": {"acmCertificateArn": UNKNOWN}}, {"viewerCertificate": ["proof"]})

_SHOWN_AT_ONCE = Given(DISTRIBUTION, "cdn", {"viewerCertificate": {"acmCertificateArn": UNKNOWN}}, {"viewerCertificate": ["certificate"]})


def _listener(region: object = "eu-west-1", arn: object = UNKNOWN) -> Given:
    return Given(LISTENERS[0], "web", {"protocol": "HTTPS", "region": region, "certificateArn": arn}, {"certificateArn": ["certificate"]})


ACM_01 = StackRule(
    id="ACM-01",
    severity=Severity.HIGH,
    title="Certificates are validated before use, and of the region that takes them.",
    rationale="CloudFront takes certificates of us-east-1 alone, a load balancer those of its own region; one that nobody validates is none.",
    remediation='Wait with `acm.CertificateValidation`, and make CloudFront\'s certificate with `region="us-east-1"`.',
    references=("FSBP ACM.2",),
    types=(DISTRIBUTION, *LISTENERS),
    check=_certificates_fit,
    examples=(
        good("CloudFront's", _certificate(), _PROOF, _SHOWN),
        good("a load balancer's", _certificate("eu-west-1"), _PROOF, _listener()),
        good("imported", _certificate(privateKey="pem"), _SHOWN_AT_ONCE),
        good("validated beside its use", _certificate(), _PROOF, _SHOWN_AT_ONCE),
        good("not used yet: the name may not be ours before the zone is delegated", _certificate()),
        good(
            "of another stack",
            Given(LISTENERS[0], "web", {"region": _HOME, "certificateArn": f"arn:aws:acm:{_HOME}:123456789012:certificate/1"}),
        ),
        bad("nobody validates it", _SHOWN_AT_ONCE, _certificate()),
        bad("CloudFront's is of another region", _SHOWN, _certificate("eu-west-1"), _PROOF),
        bad("a load balancer's is of another region", _listener(), _certificate(), _PROOF),
        bad(
            "a literal of another region",
            Given(DISTRIBUTION, "cdn", {"viewerCertificate": {"acmCertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1"}}),
        ),
        unknown(
            "nothing explains it",
            Given(DISTRIBUTION, "cdn", {"viewerCertificate": {"acmCertificateArn": UNKNOWN}}),
            expect={"cdn": Kind.UNRESOLVED},
        ),
        absent("CloudFront's own name", Given(DISTRIBUTION, "cdn", {"viewerCertificate": {"cloudfrontDefaultCertificate": True}})),
        absent("a listener without TLS", Given(LISTENERS[0], "web", {"protocol": "HTTP"})),
    ),
)

RULES = (DNS_01, DNS_02, ACM_01)
