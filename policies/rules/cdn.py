"""Rules about CloudFront distributions."""

from __future__ import annotations

from collections.abc import Iterator

from policies.checks import one_of, word_in
from policies.resources import Resource, Stack
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, StackRule, absent, bad, good, unknown, unresolved, violation
from policies.tokens import BUCKET, DISTRIBUTION, LOG_DELIVERY, LOG_SOURCE, ORIGIN_ACCESS, RESPONSE_HEADERS, WEB_ACL
from policies.values import ABSENT, UNKNOWN, Value, descend, items

_YEAR = 31_536_000
_TYPES = (DISTRIBUTION,)


def _behaviors(resource: Resource) -> Iterator[tuple[str, Value]]:
    """Every cache behaviour with the input that holds it. One unknown behaviour stands for an unknown list."""
    default = resource.get("defaultCacheBehavior")
    if default is not ABSENT:
        yield "defaultCacheBehavior", default
    for behavior in items(resource.get("orderedCacheBehaviors")):
        yield "orderedCacheBehaviors", behavior


def _label(behavior: Value) -> str:
    path = descend(behavior, "pathPattern")
    return f"behaviour {path}" if isinstance(path, str) else "the default behaviour"


def _viewers_encrypted(resource: Resource) -> Iterator[Problem]:
    for prop, behavior in _behaviors(resource):
        value = descend(behavior, "viewerProtocolPolicy")
        message = f"{_label(behavior)} answers viewers with {{}}"
        yield from word_in(resource, prop, value, one_of(("redirect-to-https", "https-only")), message)


def _behavior(**props: object) -> dict[str, object]:
    return {"targetOriginId": "app", "viewerProtocolPolicy": "redirect-to-https", **props}


def _cdn(**props: object) -> Given:
    return Given(DISTRIBUTION, "cdn", {"enabled": True, "defaultCacheBehavior": _behavior(), **props})


CF_01 = ResourceRule(
    id="CF-01",
    severity=Severity.HIGH,
    title="Viewers speak HTTPS to CloudFront.",
    rationale="A session cookie that crosses a café's network in clear text belongs to the café.",
    remediation='Set `viewer_protocol_policy` of every behaviour to `"redirect-to-https"` or `"https-only"`.',
    references=("FSBP CloudFront.3", "CKV_AWS_34", "AVD-AWS-0012"),
    types=_TYPES,
    check=_viewers_encrypted,
    examples=(
        good("a redirect", _cdn()),
        good("a refusal", _cdn(orderedCacheBehaviors=[_behavior(pathPattern="/api/*", viewerProtocolPolicy="https-only")])),
        bad("both", _cdn(defaultCacheBehavior=_behavior(viewerProtocolPolicy="allow-all"))),
        bad("one path", _cdn(orderedCacheBehaviors=[_behavior(pathPattern="/api/*", viewerProtocolPolicy="allow-all")])),
        unknown("not known", _cdn(defaultCacheBehavior=_behavior(viewerProtocolPolicy=UNKNOWN)), expect={"cdn": Kind.UNRESOLVED}),
        unknown("behaviours that are not known", _cdn(orderedCacheBehaviors=UNKNOWN), expect={"cdn": Kind.UNRESOLVED}),
        absent("it says nothing", _cdn(defaultCacheBehavior={"targetOriginId": "app"}), expect={"cdn": Kind.VIOLATION}),
    ),
)

_NEW_TLS = one_of(("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"))


def _modern_tls(resource: Resource) -> Iterator[Problem]:
    if _own_name(resource) is True:
        value = resource.get("viewerCertificate.minimumProtocolVersion")
        yield from word_in(resource, "viewerCertificate", value, _NEW_TLS, "lets viewers use {}", default="TLSv1")
    else:
        yield from _no_certificate(resource, "under CloudFront's own name viewers may use TLS 1.0")


def _own_name(resource: Resource) -> bool | None:
    """Whether it shows a certificate of ours; `None` where that is not known."""
    default = resource.flag("viewerCertificate.cloudfrontDefaultCertificate", default=False)
    shown = [resource.get(f"viewerCertificate.{key}") for key in ("acmCertificateArn", "iamCertificateId")]
    if default is True or all(value is ABSENT for value in shown):
        return None if resource.get("viewerCertificate") is UNKNOWN else False
    return None if default is UNKNOWN else True


def _no_certificate(resource: Resource, message: str) -> Iterator[Problem]:
    if _own_name(resource) is None:
        yield unresolved(resource, "viewerCertificate")
    else:
        yield violation(resource, "viewerCertificate", message)


_ARN = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"


def _certified(**props: object) -> Given:
    shown = {"acmCertificateArn": _ARN, "sslSupportMethod": "sni-only", "minimumProtocolVersion": "TLSv1.2_2021", **props}
    return _cdn(viewerCertificate=shown)


CF_02 = ResourceRule(
    id="CF-02",
    severity=Severity.HIGH,
    title="CloudFront takes TLS 1.2 of 2021 or newer from viewers.",
    rationale="Older versions allow ciphers without forward secrecy.",
    remediation='Show a certificate of our own and set `minimum_protocol_version="TLSv1.2_2021"` or newer.',
    references=("FSBP CloudFront.15", "CKV_AWS_174", "AVD-AWS-0013"),
    types=_TYPES,
    check=_modern_tls,
    examples=(
        good("TLS 1.2", _certified()),
        good("TLS 1.3 alone", _certified(minimumProtocolVersion="TLSv1.3_2025")),
        bad("TLS 1.2 of 2019", _certified(minimumProtocolVersion="TLSv1.2_2019")),
        bad("CloudFront's own name", _cdn(viewerCertificate={"cloudfrontDefaultCertificate": True})),
        unknown("not known", _certified(minimumProtocolVersion=UNKNOWN), expect={"cdn": Kind.UNRESOLVED}),
        unknown("an unknown certificate is one", _certified(acmCertificateArn=UNKNOWN)),
        absent("TLS 1.0 is the default", _certified(minimumProtocolVersion=None), expect={"cdn": Kind.VIOLATION}),
        absent("no certificate", _cdn(), expect={"cdn": Kind.VIOLATION}),
    ),
)


def _own_certificate(resource: Resource) -> Iterator[Problem]:
    if _own_name(resource) is True:
        value = resource.get("viewerCertificate.sslSupportMethod")
        yield from word_in(resource, "viewerCertificate", value, one_of(("sni-only",)), "serves its certificate by {} instead of SNI")
    else:
        yield from _no_certificate(resource, "shows CloudFront's own certificate")


CF_03 = ResourceRule(
    id="CF-03",
    severity=Severity.MEDIUM,
    title="CloudFront shows a certificate of ours, chosen by name (SNI).",
    rationale="Under CloudFront's own name viewers cannot tell us from anybody else; dedicated addresses cost 600 dollars a month for nothing.",
    remediation='Set `acm_certificate_arn` and `ssl_support_method="sni-only"`.',
    references=("FSBP CloudFront.7", "FSBP CloudFront.8", "CKV2_AWS_42"),
    types=_TYPES,
    check=_own_certificate,
    examples=(
        good("ours, by name", _certified()),
        bad("CloudFront's", _cdn(viewerCertificate={"cloudfrontDefaultCertificate": True})),
        bad("on addresses of its own", _certified(sslSupportMethod="vip")),
        unknown("not known", _cdn(viewerCertificate=UNKNOWN), expect={"cdn": Kind.UNRESOLVED}),
        absent("none", _cdn(), expect={"cdn": Kind.VIOLATION}),
    ),
)


def _requests_logged(stack: Stack) -> Iterator[Problem]:
    for cdn in stack.of(DISTRIBUTION):
        bucket = cdn.get("loggingConfig.bucket")
        if bucket is not ABSENT and bucket != "":
            continue  # standard logs of the first kind; an unknown bucket is one
        sources = [source for source in stack.of(LOG_SOURCE) if source.get("logType") in ("ACCESS_LOGS", UNKNOWN)]
        mine = [source for source in sources if cdn in source.sources("resourceArn", DISTRIBUTION)]
        lost = [source for source in sources if source.get("resourceArn") is UNKNOWN and not source.sources("resourceArn")]
        if any(stack.users(source, "deliverySourceName", LOG_DELIVERY) for source in mine):
            continue
        if mine:
            yield violation(mine[0], "name", "no delivery takes these logs anywhere")
        elif lost:
            yield unresolved(lost[0], "resourceArn")
        else:
            yield violation(cdn, "loggingConfig", "records no requests, neither by `logging_config` nor by a log delivery source")


_SOURCE = Given(LOG_SOURCE, "log", {"name": "cdn", "logType": "ACCESS_LOGS", "resourceArn": UNKNOWN}, {"resourceArn": ["cdn"]})
_DELIVERY = Given(LOG_DELIVERY, "delivery", {"deliverySourceName": "cdn"}, {"deliverySourceName": ["log"]})

CF_04 = StackRule(
    id="CF-04",
    severity=Severity.MEDIUM,
    title="CloudFront logs requests, by its own configuration or by a log delivery.",
    rationale="What the cache answers or the firewall refuses never reaches the load balancer's log.",
    remediation="Add a `cloudwatch.LogDeliverySource` of type ACCESS_LOGS with a `LogDelivery`, or set `logging_config`.",
    references=("FSBP CloudFront.5", "CKV_AWS_86", "AVD-AWS-0010"),
    types=(DISTRIBUTION, LOG_SOURCE),
    check=_requests_logged,
    examples=(
        good("delivered", _cdn(), _SOURCE, _DELIVERY),
        good("the older kind", _cdn(loggingConfig={"bucket": "logs.s3.amazonaws.com"})),
        bad("not at all", _cdn()),
        bad("a source that nothing delivers", _cdn(), _SOURCE, at="log"),
        unknown(
            "nothing says of what",
            _cdn(),
            Given(LOG_SOURCE, "log", {"logType": "ACCESS_LOGS", "resourceArn": UNKNOWN}),
            expect={"log": Kind.UNRESOLVED},
        ),
        unknown("a bucket that does not exist yet", _cdn(loggingConfig={"bucket": UNKNOWN})),
        absent("no distribution at all"),
    ),
)


def _behind_firewall(stack: Stack) -> Iterator[Problem]:
    for cdn in stack.of(DISTRIBUTION):
        value, acls = cdn.get("webAclId"), cdn.sources("webAclId", WEB_ACL)
        if value is ABSENT or value == "":
            yield violation(cdn, "webAclId", "no web firewall stands before it")
        elif acls:
            for acl in acls:
                scope = acl.get("scope")
                message = f"its web ACL {acl.name} is of the scope {{}}, which CloudFront does not take"
                yield from word_in(cdn, "webAclId", scope, one_of(("CLOUDFRONT",)), message)
        elif value is UNKNOWN:
            yield unresolved(cdn, "webAclId")
        elif ":global/webacl/" not in str(value):
            yield violation(cdn, "webAclId", "its web ACL is not one of the scope CLOUDFRONT")


def _guarded(scope: object) -> tuple[Given, Given]:
    return (
        Given(DISTRIBUTION, "cdn", {"webAclId": UNKNOWN}, {"webAclId": ["acl"]}),
        Given(WEB_ACL, "acl", {"scope": scope}),
    )


CF_05 = StackRule(
    id="CF-05",
    severity=Severity.HIGH,
    title="A web firewall of the scope CLOUDFRONT stands before every distribution.",
    rationale="Only at CloudFront can the firewall count what one address asks for; an ACL of another scope is refused at creation.",
    remediation='Set `web_acl_id` to the ARN of a `wafv2.WebAcl` with `scope="CLOUDFRONT"`, made in us-east-1.',
    references=("FSBP CloudFront.6", "CKV_AWS_68", "AVD-AWS-0011"),
    types=_TYPES,
    check=_behind_firewall,
    examples=(
        good("one of the stack", *_guarded("CLOUDFRONT")),
        good("one of another stack", _cdn(webAclId="arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/1")),
        bad("none", _cdn(webAclId="")),
        bad("a regional one", *_guarded("REGIONAL")),
        bad("a regional one of another stack", _cdn(webAclId="arn:aws:wafv2:us-east-1:123456789012:regional/webacl/edge/1")),
        unknown("nothing explains it", _cdn(webAclId=UNKNOWN), expect={"cdn": Kind.UNRESOLVED}),
        unknown("its scope is not known", *_guarded(UNKNOWN), expect={"cdn": Kind.UNRESOLVED}),
        absent("none by default", _cdn(), expect={"cdn": Kind.VIOLATION}),
    ),
)


def _origins(cdn: Resource) -> list[Value]:
    return items(cdn.get("origins"))


def _is_bucket(origin: Value) -> bool:
    """Whether an origin is a bucket: it has neither the configuration of a web server nor of a VPC origin."""
    return all(descend(origin, key) is ABSENT for key in ("customOriginConfig", "vpcOriginConfig"))


def _bucket_origins_signed(stack: Stack) -> Iterator[Problem]:
    for cdn in stack.of(DISTRIBUTION):
        for origin in _origins(cdn):
            control = descend(origin, "originAccessControlId")
            if origin is UNKNOWN:
                yield unresolved(cdn, "origins")
            elif _is_bucket(origin) and (control is ABSENT or control == ""):
                yield violation(cdn, "origins", f"reads origin {descend(origin, 'originId')} without signing: its bucket must be public")
        for access in cdn.sources("origins", ORIGIN_ACCESS):
            message = f"origin access control {access.name} signs with the behaviour {{}}"
            yield from word_in(access, "signingBehavior", access.get("signingBehavior"), one_of(("always",)), message)


def _with_origins(*origins: object, depends: tuple[str, ...] = ()) -> Given:
    return Given(DISTRIBUTION, "cdn", {"origins": list(origins)}, {"origins": depends})


def _bucket_origin(**props: object) -> dict[str, object]:
    return {"originId": "assets", "domainName": "assets.s3.us-east-1.amazonaws.com", **props}


def _web_origin(policy: object = "https-only", protocols: object = ("TLSv1.2",)) -> dict[str, object]:
    config = {"originProtocolPolicy": policy, "originSslProtocols": protocols, "httpPort": 80, "httpsPort": 443}
    return {"originId": "app", "domainName": "origin.example.com", "customOriginConfig": config}


def _signed(behavior: object = "always") -> Given:
    return Given(ORIGIN_ACCESS, "oac", {"originAccessControlOriginType": "s3", "signingBehavior": behavior, "signingProtocol": "sigv4"})


CF_06 = StackRule(
    id="CF-06",
    severity=Severity.HIGH,
    title="CloudFront signs what it reads from buckets (origin access control).",
    rationale="Without a signature the bucket has to be open to everybody, and the firewall before CloudFront can be gone around.",
    remediation="Give each bucket origin an `origin_access_control_id` whose control signs always, and keep the bucket private.",
    references=("FSBP CloudFront.13", "CKV2_AWS_46"),
    types=(DISTRIBUTION, ORIGIN_ACCESS),
    check=_bucket_origins_signed,
    examples=(
        good("signed", _with_origins(_bucket_origin(originAccessControlId=UNKNOWN), depends=("oac",)), _signed()),
        good("a web server needs none", _with_origins(_web_origin())),
        bad("open", _with_origins(_web_origin(), _bucket_origin())),
        bad(
            "the older identity",
            _with_origins(_bucket_origin(s3OriginConfig={"originAccessIdentity": "origin-access-identity/cloudfront/E1"})),
        ),
        bad(
            "a control that never signs",
            _with_origins(_bucket_origin(originAccessControlId=UNKNOWN), depends=("oac",)),
            _signed("never"),
            at="oac",
        ),
        unknown("origins that are not known", Given(DISTRIBUTION, "cdn", {"origins": UNKNOWN}), expect={"cdn": Kind.UNRESOLVED}),
        unknown(
            "when it signs is not known",
            _with_origins(_bucket_origin(originAccessControlId=UNKNOWN), depends=("oac",)),
            _signed(UNKNOWN),
            expect={"oac": Kind.UNRESOLVED},
        ),
        absent("no bucket", _with_origins(_web_origin())),
    ),
)


def _origins_encrypted(resource: Resource) -> Iterator[Problem]:
    for origin in _origins(resource):
        config = descend(origin, "customOriginConfig")
        if config is ABSENT:
            continue
        where = f"origin {descend(origin, 'originId')}"
        policy, protocols = descend(config, "originProtocolPolicy"), items(descend(config, "originSslProtocols"))
        yield from word_in(resource, "origins", policy, one_of(("https-only",)), f"{where} is asked by {{}}")
        if UNKNOWN in protocols:
            yield unresolved(resource, "origins")
        elif policy is not UNKNOWN and any(protocol not in ("TLSv1.2", "TLSv1.3") for protocol in protocols):
            yield violation(resource, "origins", f"{where} may be asked with {', '.join(str(protocol) for protocol in protocols)}")


CF_07 = ResourceRule(
    id="CF-07",
    severity=Severity.HIGH,
    title="CloudFront asks web origins by HTTPS with TLS 1.2.",
    rationale="Between CloudFront and us the request crosses the internet like any other, with the secret header in it.",
    remediation='Set `origin_protocol_policy="https-only"` and `origin_ssl_protocols=["TLSv1.2"]`.',
    references=("FSBP CloudFront.9", "FSBP CloudFront.10", "CKV2_AWS_54", "CKV2_AWS_72"),
    types=_TYPES,
    check=_origins_encrypted,
    examples=(
        good("encrypted", _with_origins(_web_origin())),
        good("a bucket is asked by HTTPS anyway", _with_origins(_bucket_origin())),
        bad("clear text", _with_origins(_web_origin("http-only"))),
        bad("as the viewer came", _with_origins(_web_origin("match-viewer"))),
        bad("TLS 1.0", _with_origins(_web_origin(protocols=["TLSv1", "TLSv1.2"]))),
        unknown("not known", _with_origins(_web_origin(UNKNOWN)), expect={"cdn": Kind.UNRESOLVED}),
        unknown("origins that are not known", Given(DISTRIBUTION, "cdn", {"origins": UNKNOWN}), expect={"cdn": Kind.UNRESOLVED}),
        absent("it says nothing", _with_origins({"originId": "app", "customOriginConfig": {}}), expect={"cdn": Kind.VIOLATION}),
    ),
)


def _root_object(resource: Resource) -> Iterator[Problem]:
    target = resource.get("defaultCacheBehavior.targetOriginId")
    root = resource.get("defaultRootObject")
    origins = _origins(resource)
    if root is ABSENT or root == "":
        if UNKNOWN in origins or target is UNKNOWN:
            yield unresolved(resource, "origins")
        elif any(descend(origin, "originId") == target and _is_bucket(origin) for origin in origins):
            yield violation(resource, "defaultRootObject", "asks its bucket for the empty name: that lists it, or fails")


def _from(origin: dict[str, object], **props: object) -> Given:
    return Given(DISTRIBUTION, "cdn", {"origins": [origin], "defaultCacheBehavior": {"targetOriginId": origin["originId"]}, **props})


CF_08 = ResourceRule(
    id="CF-08",
    severity=Severity.LOW,
    title="Where the default origin is a bucket, the root has an object.",
    rationale="Asked for the root, a bucket lists its objects or refuses; a web server answers for its own root.",
    remediation='Set `default_root_object="index.html"`.',
    references=("FSBP CloudFront.1", "CKV_AWS_305"),
    types=_TYPES,
    check=_root_object,
    examples=(
        good("named", _from(_bucket_origin(), defaultRootObject="index.html")),
        good("a web server", _from(_web_origin())),
        bad("a bucket's empty name", _from(_bucket_origin(), defaultRootObject="")),
        unknown("origins that are not known", _cdn(origins=UNKNOWN), expect={"cdn": Kind.UNRESOLVED}),
        absent("none", _from(_bucket_origin()), expect={"cdn": Kind.VIOLATION}),
    ),
)

_AWS_SECURITY_HEADERS = frozenset(
    {
        "67f7725c-6f97-4210-82d7-5512b31e9d03",  # SecurityHeadersPolicy
        "e61eb60c-9c35-4d20-a928-2b84e02af89c",  # CORS-and-SecurityHeadersPolicy
        "eaab4381-ed33-4a86-88ca-d9558dc6cd63",  # CORS-with-preflight-and-SecurityHeadersPolicy
    }
)


def _strict_transport(stack: Stack) -> Iterator[Problem]:
    for cdn in stack.of(DISTRIBUTION):
        for prop, behavior in _behaviors(cdn):
            yield from _headers_of(cdn, prop, behavior)


def _headers_of(cdn: Resource, prop: str, behavior: Value) -> Iterator[Problem]:
    value = descend(behavior, "responseHeadersPolicyId")
    if value is ABSENT or value == "":
        yield violation(cdn, prop, f"{_label(behavior)} adds no security headers")
        return
    if value in _AWS_SECURITY_HEADERS:
        return
    policies = cdn.sources(prop, RESPONSE_HEADERS)
    if isinstance(value, str):
        # Ids are no part of what the engine shows of a resource, so often nothing but the dependency says which one it is.
        policies = tuple(policy for policy in policies if value in policy.identities) or policies
    if not policies:
        yield unresolved(cdn, prop, f"the headers of {_label(behavior)} are not of this stack: nothing shows what they say")
    for policy in policies:
        age = policy.get("securityHeadersConfig.strictTransportSecurity.accessControlMaxAgeSec")
        if age is UNKNOWN:
            yield unresolved(policy, "securityHeadersConfig")
        elif not isinstance(age, int) or age < _YEAR:
            seconds = age if isinstance(age, int) else "no"
            yield violation(policy, "securityHeadersConfig", f"tells browsers to insist on HTTPS for {seconds} seconds, not for a year")


def _with_headers(value: object, *depends: str) -> Given:
    return Given(DISTRIBUTION, "cdn", {"defaultCacheBehavior": _behavior(responseHeadersPolicyId=value)}, {"defaultCacheBehavior": depends})


def _headers(age: object) -> Given:
    return Given(RESPONSE_HEADERS, "headers", {"securityHeadersConfig": {"strictTransportSecurity": {"accessControlMaxAgeSec": age}}})


CF_09 = StackRule(
    id="CF-09",
    severity=Severity.MEDIUM,
    title="Every answer tells browsers to insist on HTTPS for a year.",
    rationale="Without it the first request of a visit may still go out in clear text, and somebody in between can keep it there.",
    remediation="Give every behaviour a `response_headers_policy_id` whose HSTS lasts 31536000 seconds or longer.",
    references=("CKV_AWS_259", "CKV2_AWS_32"),
    types=(DISTRIBUTION, RESPONSE_HEADERS),
    check=_strict_transport,
    examples=(
        good("two years", _with_headers(UNKNOWN, "headers"), _headers(63072000)),
        good("AWS's own policy", _with_headers("67f7725c-6f97-4210-82d7-5512b31e9d03")),
        bad("a day", _with_headers(UNKNOWN, "headers"), _headers(86400), at="headers"),
        bad(
            "one path without",
            _cdn(
                defaultCacheBehavior=_behavior(responseHeadersPolicyId="67f7725c-6f97-4210-82d7-5512b31e9d03"),
                orderedCacheBehaviors=[_behavior(pathPattern="/api/*")],
            ),
        ),
        unknown("nothing explains them", _with_headers(UNKNOWN), expect={"cdn": Kind.UNRESOLVED}),
        unknown("how long is not known", _with_headers(UNKNOWN, "headers"), _headers(UNKNOWN), expect={"headers": Kind.UNRESOLVED}),
        absent("no headers", _cdn(), expect={"cdn": Kind.VIOLATION}),
    ),
)


def _buckets_exist(stack: Stack) -> Iterator[Problem]:
    for cdn in stack.of(DISTRIBUTION):
        for origin in _origins(cdn):
            if origin is UNKNOWN or not _is_bucket(origin):
                continue
            domain = descend(origin, "domainName")
            if isinstance(domain, str):
                name = domain.partition(".s3")[0]
                if not any(name in bucket.identities for bucket in stack.of(BUCKET)):
                    yield violation(cdn, "origins", f"bucket {name} is not one of this stack: whoever makes it next serves our site")
            elif not cdn.sources("origins", BUCKET):
                yield unresolved(cdn, "origins", "nothing shows that the bucket of an origin exists")


CF_10 = StackRule(
    id="CF-10",
    severity=Severity.HIGH,
    title="The buckets that CloudFront reads exist in the stack.",
    rationale="The name of a bucket that nobody owns can be taken by anybody, who then speaks under our name.",
    remediation="Take the origin's `domain_name` from the bucket's `bucket_regional_domain_name`.",
    references=("FSBP CloudFront.12",),
    types=_TYPES,
    check=_buckets_exist,
    examples=(
        good(
            "computed from the bucket", _with_origins(_bucket_origin(domainName=UNKNOWN), depends=("assets",)), Given(BUCKET, "assets", {})
        ),
        good("by name", _with_origins(_bucket_origin()), Given(BUCKET, "files", {"bucket": "assets"})),
        bad("nobody's", _with_origins(_bucket_origin())),
        bad("another one exists", _with_origins(_bucket_origin()), Given(BUCKET, "files", {"bucket": "files"})),
        unknown("nothing explains it", _with_origins(_bucket_origin(domainName=UNKNOWN)), expect={"cdn": Kind.UNRESOLVED}),
        absent("no bucket", _with_origins(_web_origin())),
    ),
)

RULES = (CF_01, CF_02, CF_03, CF_04, CF_05, CF_06, CF_07, CF_08, CF_09, CF_10)
