"""Rules about load balancers: what they accept, from whom, where they stand and what they leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.checks import flag_on, one_of, word_in
from policies.resources import Resource, Stack
from policies.rule import (
    Given,
    Kind,
    Problem,
    ResourceRule,
    Severity,
    StackRule,
    absent,
    bad,
    elsewhere,
    good,
    unknown,
    unresolved,
    violation,
)
from policies.security_groups import is_outside, permissions
from policies.subnets import brought_along
from policies.tokens import (
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_POLICY,
    DISTRIBUTION,
    GROUPS,
    INGRESS_RULE,
    INGRESS_SOURCES,
    LISTENER_RULES,
    LISTENERS,
    LOAD_BALANCERS,
    SECURITY_GROUP,
    SUBNET,
    SUBNETS,
    TARGET_GROUPS,
    VPC,
    WEB_ACL_ASSOCIATION,
)
from policies.values import ABSENT, UNKNOWN, Value, descend, has_unknown, items

_BALANCER, _LISTENER, _RULE, _TARGETS = LOAD_BALANCERS[0], LISTENERS[0], LISTENER_RULES[0], TARGET_GROUPS[0]
_MODERN = re.compile(r"ELBSecurityPolicy-TLS13-1-(3|2(-Res)?)(-FIPS)?(-PQ)?-\d{4}-\d{2}").fullmatch
_MIN_ZONES = 2


def _application(balancer: Resource) -> bool:
    """Whether it speaks HTTP. One of unknown kind may."""
    return balancer.get("loadBalancerType") in (ABSENT, UNKNOWN, "application")


def _to_https(resource: Resource, prop: str) -> Iterator[Problem]:
    actions = items(resource.get(prop))
    if not actions:
        yield violation(resource, prop, "it says nothing about what becomes of a request in clear text")
    for action in actions:
        kind, protocol = descend(action, "type"), descend(action, "redirect.protocol")
        if kind is UNKNOWN or protocol is UNKNOWN:
            yield unresolved(resource, prop)
        elif kind != "redirect":
            yield violation(resource, prop, f"answers a request in clear text with `{kind}` instead of a redirect to HTTPS")
        elif protocol != "HTTPS":
            # A redirect that names no protocol keeps the one of the request.
            yield violation(resource, prop, "redirects a request in clear text to clear text again")


def _clear_text_redirected(stack: Stack) -> Iterator[Problem]:
    for listener in stack.of(*LISTENERS):
        protocol = listener.get("protocol")
        if protocol is UNKNOWN:
            yield unresolved(listener, "protocol")
        elif protocol == "HTTP":
            yield from _to_https(listener, "defaultActions")
            for rule in stack.users(listener, "listenerArn", *LISTENER_RULES):
                yield from _to_https(rule, "actions")


def _listening(protocol: object, action: str = "redirect", target: object = "HTTPS") -> Given:
    redirect = {"redirect": {"protocol": target, "statusCode": "HTTP_301"}} if action == "redirect" else {}
    return Given(_LISTENER, "web", {"port": 80, "protocol": protocol, "defaultActions": [{"type": action, **redirect}]})


LB_01 = StackRule(
    id="LB-01",
    severity=Severity.HIGH,
    title="Listeners that speak HTTP answer with a redirect to HTTPS and nothing else.",
    rationale="One listener in clear text is enough to read sessions and orders. A load balancer without any such listener is fine too.",
    remediation='Remove the listener, or give it and all its rules a `redirect` action with `protocol="HTTPS"`.',
    references=("FSBP ELB.1", "FSBP ELB.18", "CKV_AWS_2", "CKV2_AWS_20", "AVD-AWS-0054"),
    types=(*LISTENERS, *LISTENER_RULES),
    check=_clear_text_redirected,
    examples=(
        good("a redirect", _listening("HTTP")),
        good("HTTPS may forward", _listening("HTTPS", "forward")),
        good("TCP is no HTTP", _listening("TCP", "forward")),
        bad("it forwards", _listening("HTTP", "forward")),
        bad("it redirects to HTTP", _listening("HTTP", target="#{protocol}")),
        bad(
            "a rule of it forwards",
            Given(_RULE, "api", {"listenerArn": UNKNOWN, "actions": [{"type": "forward"}]}, {"listenerArn": ["web"]}),
            _listening("HTTP"),
        ),
        unknown("which protocol is not known", _listening(UNKNOWN), expect={"web": Kind.UNRESOLVED}),
        unknown("what it does is not known", _listening("HTTP", target=UNKNOWN), expect={"web": Kind.UNRESOLVED}),
        absent("no listener at all"),
        absent("a redirect to nowhere", _listening("HTTP", target=None), expect={"web": Kind.VIOLATION}),
    ),
)


def _modern_tls(resource: Resource) -> Iterator[Problem]:
    protocol = resource.get("protocol")
    if protocol is UNKNOWN:
        yield unresolved(resource, "protocol")
    elif protocol in ("HTTPS", "TLS"):
        message = "{} lets clients use TLS 1.0, or ciphers without forward secrecy"
        yield from word_in(resource, "sslPolicy", resource.get("sslPolicy"), lambda word: bool(_MODERN(word)), message)


def _tls(policy: object = None) -> Given:
    return Given(_LISTENER, "web", {"protocol": "HTTPS", "sslPolicy": policy})


LB_02 = ResourceRule(
    id="LB-02",
    severity=Severity.HIGH,
    title="TLS listeners take TLS 1.2 and 1.3 with forward secrecy, nothing older.",
    rationale="Old protocols and ciphers let whoever records the traffic today read it once a key leaks.",
    remediation='Set `ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06"` or a stricter one.',
    references=("FSBP ELB.17", "CKV_AWS_103", "CKV2_AWS_74", "AVD-AWS-0047"),
    types=LISTENERS,
    check=_modern_tls,
    examples=(
        good("TLS 1.3, and 1.2", _tls("ELBSecurityPolicy-TLS13-1-2-2021-06")),
        good("the restricted and the post-quantum one", _tls("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")),
        good("TLS 1.3 alone", _tls("ELBSecurityPolicy-TLS13-1-3-2021-06")),
        good("HTTP has no TLS", Given(_LISTENER, "web", {"protocol": "HTTP"})),
        bad("AWS's oldest", _tls("ELBSecurityPolicy-2016-08")),
        bad("with the extended ciphers", _tls("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06")),
        bad("with TLS 1.0", _tls("ELBSecurityPolicy-TLS13-1-0-2021-06")),
        unknown("not known", _tls(UNKNOWN), expect={"web": Kind.UNRESOLVED}),
        absent("AWS takes its oldest", _tls(), expect={"web": Kind.VIOLATION}),
    ),
)


def _invalid_headers(resource: Resource) -> Iterator[Problem]:
    if _application(resource):
        message = "passes on header fields that are not valid HTTP"
        yield from flag_on(resource, "dropInvalidHeaderFields", message)


def _balancer(**props: object) -> Given:
    return Given(_BALANCER, "balancer", {"loadBalancerType": "application", **props})


LB_03 = ResourceRule(
    id="LB-03",
    severity=Severity.MEDIUM,
    title="Application load balancers drop invalid header fields.",
    rationale="A header that the load balancer and the application read differently smuggles requests past the web firewall.",
    remediation="Set `drop_invalid_header_fields=True`.",
    references=("FSBP ELB.4", "CKV_AWS_131", "AVD-AWS-0052"),
    types=LOAD_BALANCERS,
    check=_invalid_headers,
    examples=(
        good("dropped", _balancer(dropInvalidHeaderFields=True)),
        good("a network load balancer reads no headers", _balancer(loadBalancerType="network")),
        bad("passed on", _balancer(dropInvalidHeaderFields=False)),
        unknown("not known", _balancer(dropInvalidHeaderFields=UNKNOWN), expect={"balancer": Kind.UNRESOLVED}),
        absent("passed on by default", _balancer(), expect={"balancer": Kind.VIOLATION}),
    ),
)


def _requests_logged(stack: Stack) -> Iterator[Problem]:
    for balancer in stack.of(*LOAD_BALANCERS):
        if not _application(balancer):
            continue
        enabled = balancer.flag("accessLogs.enabled", default=False)
        if enabled is UNKNOWN:
            yield unresolved(balancer, "accessLogs")
        elif not enabled:
            yield violation(balancer, "accessLogs", "records no requests")
        else:
            yield from _log_bucket_readable(balancer)


def _log_bucket_readable(balancer: Resource) -> Iterator[Problem]:
    policies = balancer.sources("accessLogs", BUCKET_POLICY)
    buckets = {
        bucket.urn: bucket
        for bucket in (*balancer.sources("accessLogs", BUCKET), *(one for policy in policies for one in policy.sources("bucket", BUCKET)))
    }
    if not buckets and balancer.get("accessLogs.bucket") is UNKNOWN:
        yield unresolved(balancer, "accessLogs")
    for bucket in buckets.values():
        if bucket.stack is None:
            continue
        for encryption in bucket.stack.users(bucket, "bucket", BUCKET_ENCRYPTION):
            rules = encryption.get("rules")
            algorithms = [descend(item, "applyServerSideEncryptionByDefault.sseAlgorithm") for item in items(rules)]
            if UNKNOWN in algorithms:
                yield unresolved(encryption, "rules")
            elif any(str(algorithm).startswith("aws:kms") for algorithm in algorithms):
                yield violation(balancer, "accessLogs", f"bucket {bucket.name} is encrypted with KMS: load balancers cannot write there")


_LOGS = (
    Given(BUCKET, "logs", {"bucket": "logs"}),
    _balancer(accessLogs={"enabled": True, "bucket": "logs"}),
)


def _encrypted(algorithm: object) -> Given:
    return Given(
        BUCKET_ENCRYPTION, "encryption", {"bucket": "logs", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]}
    )


LB_04 = StackRule(
    id="LB-04",
    severity=Severity.MEDIUM,
    title="Application load balancers write an access log to a bucket that they can write to.",
    rationale="The log is the only record of who asked what; a load balancer writes only to a bucket with S3's own encryption (SSE-S3).",
    remediation="Set `access_logs` with `enabled=True` and a bucket whose default encryption is AES256.",
    references=("FSBP ELB.5", "CKV_AWS_91"),
    types=(*LOAD_BALANCERS, BUCKET_ENCRYPTION),
    check=_requests_logged,
    examples=(
        good("logged", *_LOGS, _encrypted("AES256")),
        good("a bucket of another stack", _LOGS[1]),
        bad("switched off", _balancer(accessLogs={"enabled": False, "bucket": "logs"})),
        bad("a bucket with KMS", *_LOGS, _encrypted("aws:kms"), at="balancer"),
        unknown("which encryption is not known", *_LOGS, _encrypted(UNKNOWN), expect={"encryption": Kind.UNRESOLVED}),
        unknown(
            "a bucket that nothing explains",
            _balancer(accessLogs={"enabled": True, "bucket": UNKNOWN}),
            expect={"balancer": Kind.UNRESOLVED},
        ),
        absent("no log", _balancer(), expect={"balancer": Kind.VIOLATION}),
        absent("network load balancers log TLS alone", _balancer(loadBalancerType="network")),
    ),
)


def _kept(stack: Stack) -> Iterator[Problem]:
    if stack.unlocked:
        return
    for balancer in stack.of(*LOAD_BALANCERS):
        yield from flag_on(balancer, "enableDeletionProtection", "can be deleted by one call")


LB_05 = StackRule(
    id="LB-05",
    severity=Severity.HIGH,
    title="Load balancers are protected from deletion.",
    rationale="A deleted load balancer comes back under another name, and everything that points at it is down until then.",
    remediation="Set `enable_deletion_protection=True`; to destroy a stack on purpose, set its `unlock`, with which this rule rests.",
    references=("FSBP ELB.6", "CKV_AWS_150"),
    types=LOAD_BALANCERS,
    check=_kept,
    examples=(
        good("protected", _balancer(enableDeletionProtection=True)),
        bad("not protected", _balancer(enableDeletionProtection=False)),
        bad("a network load balancer too", _balancer(loadBalancerType="network", enableDeletionProtection="false")),
        unknown("not known", _balancer(enableDeletionProtection=UNKNOWN), expect={"balancer": Kind.UNRESOLVED}),
        absent("off by default", _balancer(), expect={"balancer": Kind.VIOLATION}),
    ),
)


def _desync(resource: Resource) -> Iterator[Problem]:
    if _application(resource):
        value = resource.get("desyncMitigationMode")
        message = "handles ambiguous requests in the mode {}"
        yield from word_in(resource, "desyncMitigationMode", value, one_of(("defensive", "strictest")), message, default="defensive")


LB_06 = ResourceRule(
    id="LB-06",
    severity=Severity.MEDIUM,
    title="Application load balancers defend against ambiguous requests.",
    rationale="Two servers that disagree where a request ends can be made to answer one client with another's data.",
    remediation='Set `desync_mitigation_mode="defensive"` or `"strictest"`.',
    references=("FSBP ELB.12", "CKV_AWS_328"),
    types=LOAD_BALANCERS,
    check=_desync,
    examples=(
        good("defensive", _balancer(desyncMitigationMode="defensive")),
        good("strictest", _balancer(desyncMitigationMode="strictest")),
        bad("only watching", _balancer(desyncMitigationMode="monitor")),
        unknown("not known", _balancer(desyncMitigationMode=UNKNOWN), expect={"balancer": Kind.UNRESOLVED}),
        absent("defensive is AWS's default", _balancer()),
    ),
)


def _in_two_zones(stack: Stack) -> Iterator[Problem]:
    for balancer in stack.of(*LOAD_BALANCERS):
        prop = "subnets" if balancer.get("subnets") is not ABSENT else "subnetMappings"
        named = items(balancer.get(prop))
        homes = balancer.sources(prop, *SUBNETS)
        zones = [home.get("availabilityZone") for home in homes]
        known = {zone for zone in zones if isinstance(zone, str)}
        if len(known) >= _MIN_ZONES:
            continue
        # A list longer than what the stack explains names subnets from outside.
        if UNKNOWN in zones or len(named) > max(len(homes), 1) or not homes:
            if len(named) == 1 and not has_unknown(named):
                yield violation(balancer, prop, "stands in one subnet, and so in one zone")
            elif not named:
                yield violation(balancer, prop, "stands in no subnet")
            elif brought_along(balancer, prop):
                yield elsewhere(balancer, prop, "its subnets are of a VPC that was brought along: look there whether their zones are two")
            else:
                yield unresolved(
                    balancer, prop, "its subnets are not of this stack, or their zones not known: nothing shows that they are two"
                )
        else:
            yield violation(balancer, prop, f"stands in {', '.join(sorted(known)) or 'no zone'} alone")


def _placed(*subnets: str) -> Given:
    return Given(_BALANCER, "balancer", {"subnets": [UNKNOWN for _ in subnets]}, {"subnets": subnets})


def _zone(name: str, zone: object) -> Given:
    return Given(SUBNET, name, {"availabilityZone": zone})


LB_07 = StackRule(
    id="LB-07",
    severity=Severity.HIGH,
    title="Load balancers stand in two zones or more.",
    rationale="One that stands in a single zone is down with it, however many zones the services behind it are in.",
    remediation="Give it subnets of two different zones or more.",
    references=("FSBP ELB.13",),
    types=LOAD_BALANCERS,
    check=_in_two_zones,
    examples=(
        good("two zones", _placed("a", "b"), _zone("a", "us-east-1a"), _zone("b", "us-east-1b")),
        bad("one zone", _placed("a"), _zone("a", "us-east-1a")),
        bad("two subnets of one zone", _placed("a", "b"), _zone("a", "us-east-1a"), _zone("b", "us-east-1a")),
        bad("one subnet, wherever it is", Given(_BALANCER, "balancer", {"subnets": ["subnet-0a"]})),
        unknown(
            "zones that are not known", _placed("a", "b"), _zone("a", UNKNOWN), _zone("b", UNKNOWN), expect={"balancer": Kind.UNRESOLVED}
        ),
        unknown(
            "subnets from outside a stack with a VPC of its own",
            Given(_BALANCER, "balancer", {"subnets": ["subnet-0a", "subnet-0b"]}),
            Given(VPC, "vpc", {}),
            expect={"balancer": Kind.UNRESOLVED},
        ),
        unknown(
            "a VPC that was brought along",
            Given(_BALANCER, "balancer", {"subnets": ["subnet-0a", "subnet-0b"]}),
            expect={"balancer": Kind.ELSEWHERE},
        ),
        absent("no subnets", Given(_BALANCER, "balancer", {}), expect={"balancer": Kind.VIOLATION}),
    ),
)


def _public(stack: Stack) -> Iterator[Resource]:
    for balancer in stack.of(*LOAD_BALANCERS):
        if _application(balancer) and balancer.flag("internal", default=False) is not True:
            yield balancer


def _behind_firewall(stack: Stack) -> Iterator[Problem]:
    open_ones = list(_public(stack))
    associations = stack.of(WEB_ACL_ASSOCIATION)
    lost = [one for one in associations if one.get("resourceArn") is UNKNOWN and not one.sources("resourceArn")]
    for balancer in open_ones:
        mine = stack.users(balancer, "resourceArn", WEB_ACL_ASSOCIATION)
        if not mine and lost:
            yield unresolved(lost[0], "resourceArn")
        elif not mine:
            yield violation(balancer, "internal", "faces the internet without a web firewall")


def _shielded(balancer: str = "balancer") -> Given:
    return Given(WEB_ACL_ASSOCIATION, "shield", {"resourceArn": UNKNOWN, "webAclArn": UNKNOWN}, {"resourceArn": [balancer]})


LB_08 = StackRule(
    id="LB-08",
    severity=Severity.HIGH,
    title="Every internet-facing application load balancer is behind a web firewall.",
    rationale="CloudFront's firewall does not see whoever finds the load balancer's own address; its own does.",
    remediation="Associate a regional web ACL with it (`wafv2.WebAclAssociation`).",
    references=("FSBP ELB.16", "CKV2_AWS_28"),
    types=(*LOAD_BALANCERS, WEB_ACL_ASSOCIATION),
    check=_behind_firewall,
    examples=(
        good("associated", _balancer(internal=False), _shielded()),
        good("an internal one", _balancer(internal=True)),
        good("WAF does not take network load balancers", _balancer(internal=False, loadBalancerType="network")),
        bad("in the open", _balancer(internal=False)),
        bad("the firewall of another", _balancer(internal=False), Given(_BALANCER, "inner", {"internal": True}), _shielded("inner")),
        unknown(
            "nothing says of which",
            _balancer(internal=False),
            Given(WEB_ACL_ASSOCIATION, "shield", {"resourceArn": UNKNOWN}),
            expect={"shield": Kind.UNRESOLVED},
        ),
        absent("public is AWS's default", _balancer(), expect={"balancer": Kind.VIOLATION}),
    ),
)

_SEALED = ("HTTPS", "TLS", "QUIC")


def _targets_checked(resource: Resource) -> Iterator[Problem]:
    enabled = resource.flag("healthCheck.enabled", default=True)
    if enabled is UNKNOWN:
        yield unresolved(resource, "healthCheck")
    elif not enabled:
        yield violation(resource, "healthCheck", "nobody checks whether its targets are alive")
    elif resource.get("healthCheck") is ABSENT and resource.get("targetType") != "lambda":
        yield violation(resource, "healthCheck", "its health check is AWS's guess: a page that the application may not have")
    protocol = resource.get("protocol")
    if protocol is UNKNOWN:
        yield unresolved(resource, "protocol")
    elif protocol == "HTTP":
        yield violation(resource, "protocol", "requests travel from the load balancer to its targets in clear text")


def _targets(protocol: object = "HTTPS", **check: object) -> Given:
    return Given(_TARGETS, "app", {"port": 8000, "protocol": protocol, "healthCheck": {"path": "/health", **check}})


LB_09 = ResourceRule(
    id="LB-09",
    severity=Severity.MEDIUM,
    title="Target groups check the health of their targets and talk to them encrypted.",
    rationale="Without a check of its own a broken task keeps its share of requests; clear text can be read by whoever gets inside the network.",
    remediation='Set `health_check` with the application\'s own path, and `protocol="HTTPS"` once the targets have a certificate.',
    references=("FSBP ELB.22", "CKV_AWS_261", "CKV_AWS_378"),
    types=TARGET_GROUPS,
    check=_targets_checked,
    examples=(
        good("checked and encrypted", _targets()),
        good("TCP passes the encryption of its ends through", _targets("TCP")),
        bad("clear text", _targets("HTTP")),
        bad("switched off", _targets(enabled=False)),
        unknown("not known", _targets(UNKNOWN), expect={"app": Kind.UNRESOLVED}),
        absent("no health check", Given(_TARGETS, "app", {"protocol": "HTTPS"}), expect={"app": Kind.VIOLATION}),
        absent("a function needs none", Given(_TARGETS, "app", {"targetType": "lambda"})),
    ),
)


def _only_from_cdn(stack: Stack) -> Iterator[Problem]:
    if not stack.of(DISTRIBUTION):
        return
    edge = {group.urn: balancer for balancer in _public(stack) for group in balancer.sources("securityGroups", *GROUPS)}
    for carrier in stack.of(*INGRESS_SOURCES):
        for permission in permissions(carrier):
            targets = [carrier] if carrier.type in GROUPS else list(carrier.sources("securityGroupId", *GROUPS))
            for target in targets:
                if target.urn in edge:
                    yield from _strangers(carrier, permission.cidrs, edge[target.urn])


def _strangers(carrier: Resource, cidrs: tuple[tuple[str, Value], ...], balancer: Resource) -> Iterator[Problem]:
    for prop, cidr in cidrs:
        at = prop or "ingress"
        if cidr is UNKNOWN:
            if not carrier.sources(prop, *SUBNETS, VPC):
                yield unresolved(carrier, at, f"`{at}` is not known yet: it may admit more than CloudFront to {balancer.name}")
        elif isinstance(cidr, str) and is_outside(cidr):
            yield violation(carrier, at, f"admits {cidr} to {balancer.name}, which CloudFront alone should reach")


def _admits(**source: object) -> Given:
    return Given(
        INGRESS_RULE,
        "in",
        {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, **source},
        {"securityGroupId": ["edge"]},
    )


_EDGE = (
    Given(SECURITY_GROUP, "edge", {}),
    Given(_BALANCER, "balancer", {"internal": False, "securityGroups": [UNKNOWN]}, {"securityGroups": ["edge"]}),
)
_CDN = Given(DISTRIBUTION, "cdn", {"enabled": True})

LB_10 = StackRule(
    id="LB-10",
    severity=Severity.HIGH,
    title="Behind CloudFront the load balancer admits CloudFront alone.",
    rationale="Whoever reaches the load balancer directly goes around CloudFront's firewall, its rate limits and its cache.",
    remediation="Admit CloudFront's managed prefix list (`prefix_list_id`) to the load balancer's group and no address block.",
    references=(),
    types=INGRESS_SOURCES,
    check=_only_from_cdn,
    examples=(
        good("the prefix list", *_EDGE, _CDN, _admits(prefixListId="pl-3b927c52")),
        good("from inside", *_EDGE, _CDN, _admits(cidrIpv4="10.0.0.0/16")),
        good("without CloudFront the world is its client", *_EDGE, _admits(cidrIpv4="0.0.0.0/0")),
        bad("the world", _admits(cidrIpv4="0.0.0.0/0"), *_EDGE, _CDN),
        bad("one address out there", _admits(cidrIpv4="198.51.100.7/32"), *_EDGE, _CDN),
        bad(
            "an inline rule",
            Given(SECURITY_GROUP, "edge", {"ingress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "ipv6CidrBlocks": ["::/0"]}]}),
            _EDGE[1],
            _CDN,
        ),
        unknown("a block that nothing explains", *_EDGE, _CDN, _admits(cidrIpv4=UNKNOWN), expect={"in": Kind.UNRESOLVED}),
        absent("a load balancer that admits nobody", *_EDGE, _CDN),
    ),
)

RULES = (LB_01, LB_02, LB_03, LB_04, LB_05, LB_06, LB_07, LB_08, LB_09, LB_10)
