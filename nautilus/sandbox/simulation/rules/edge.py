"""Rules of load balancer listeners, CloudFront, WAF, certificates and Route 53."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nautilus.sandbox.simulation.rules import Finding, RuleContext, arn, listed, number, rule, truth
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown

_LISTENERS = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
_RULES = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
_GROUPS = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
_CERTIFICATE = "aws:acm/certificate:Certificate"
_ACTION_NEEDS = {
    "redirect": "redirect",
    "fixed-response": "fixedResponse",
    "authenticate-oidc": "authenticateOidc",
    "authenticate-cognito": "authenticateCognito",
}


def _actions(ctx: RuleContext, name: str) -> Iterator[Finding]:
    for index, each in enumerate(ctx.items(name)):
        if not is_map(each):
            continue
        path = f"{name}[{index}]"
        kind = each.get("type")
        need = _ACTION_NEEDS.get(kind) if isinstance(kind, str) else None
        if need is not None and each.get(need) is None:
            yield f"{path}.{need}", f"is missing, but the action's type is {kind}"
        if kind == "forward" and each.get("targetGroupArn") is None and each.get("forward") is None:
            yield f"{path}.targetGroupArn", "is missing, but the action forwards"
        forward = each.get("forward")
        if is_map(forward):
            groups = forward.get("targetGroups")
            if is_list(groups) and not 1 <= len(groups) <= 5:
                yield f"{path}.forward.targetGroups", f"names {len(groups)} target groups, but AWS accepts 1 to 5"
            stickiness = forward.get("stickiness")
            if is_map(stickiness):
                duration = number(stickiness.get("duration"))
                if truth(stickiness.get("enabled")) and duration is not None and not 1 <= duration <= 604800:
                    yield f"{path}.forward.stickiness.duration", f"is {duration:g} s, but AWS accepts 1 to 604800"
        fixed = each.get("fixedResponse")
        if is_map(fixed):
            code, body = fixed.get("statusCode"), fixed.get("messageBody")
            if isinstance(code, (str, int)) and not re.fullmatch(r"[245]\d\d", str(code)):
                yield f"{path}.fixedResponse.statusCode", f"is {shown(code)}, but must be 2xx, 4xx or 5xx"
            if isinstance(body, str) and len(body) > 1024:
                yield f"{path}.fixedResponse.messageBody", f"has {len(body)} characters, but AWS accepts 1024"
        redirect = each.get("redirect")
        if is_map(redirect):
            code = redirect.get("statusCode")
            if isinstance(code, str) and code not in {"HTTP_301", "HTTP_302"}:
                yield f"{path}.redirect.statusCode", f"is {shown(code)}, but AWS accepts HTTP_301, HTTP_302"
            if all(redirect.get(part) is None for part in ("host", "path", "port", "protocol", "query")):
                yield f"{path}.redirect", "changes nothing: a redirect to itself"


@rule("lb-listener", "Elastic Load Balancing CreateListener: TLS listeners need a certificate and take a known policy", *_LISTENERS)
def listener(ctx: RuleContext) -> Iterator[Finding]:
    """Listeners that contradict themselves."""
    protocol = ctx.text("protocol")
    if protocol in {"HTTPS", "TLS"}:
        if ctx.absent("certificateArn"):
            yield "certificateArn", f"is missing, but {protocol} needs a certificate"
    elif protocol is not None:
        for name in ("certificateArn", "sslPolicy"):
            if not ctx.absent(name) and ctx.inputs.get(name) != "":
                yield name, f"is given, but the protocol is {protocol}"
    policy = ctx.text("sslPolicy")
    if policy and not re.fullmatch(r"ELBSecurityPolicy-[A-Za-z0-9-]+", policy):
        yield "sslPolicy", f"is {shown(policy)}, but must be one of AWS's policies such as ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    certificate = arn(ctx.inputs.get("certificateArn"))
    if certificate is not None and certificate.service == "acm" and certificate.region != ctx.region:
        yield "certificateArn", f"is in {certificate.region}, but the listener is in {ctx.region}"
    yield from _actions(ctx, "defaultActions")


@rule("lb-listener-rule", "Elastic Load Balancing CreateRule: conditions, actions, no forward beside redirect", *_RULES)
def listener_rule(ctx: RuleContext) -> Iterator[Finding]:
    """Listener rules that AWS refuses."""
    yield from _actions(ctx, "actions")
    conditions = ctx.inputs.get("conditions")
    if is_list(conditions) and not conditions:
        yield "conditions", "is empty, but a rule needs a condition"
    total = wildcards = 0
    for index, each in enumerate(ctx.items("conditions")):
        if not is_map(each):
            continue
        kinds = [
            name
            for name in ("hostHeader", "httpHeader", "httpRequestMethod", "pathPattern", "queryStrings", "sourceIp")
            if each.get(name) is not None
        ]
        if len(kinds) != 1:
            yield f"conditions[{index}]", f"tests {len(kinds)} things, but a condition tests exactly one"
        for kind in kinds:
            inner = each.get(kind)
            values = inner.get("values") if is_map(inner) else inner
            if is_list(values):
                total += len(values)
                if len(values) > 3:
                    yield f"conditions[{index}].{kind}.values", f"has {len(values)} values, but AWS accepts 3 in a condition"
                if kind in {"pathPattern", "hostHeader", "httpHeader"}:
                    wildcards += sum(value.count("*") + value.count("?") for value in values if isinstance(value, str))
                for position, value in enumerate(values):
                    if kind in {"pathPattern", "hostHeader"} and isinstance(value, str) and len(value) > 128:
                        yield f"conditions[{index}].{kind}.values[{position}]", f"has {len(value)} characters, but AWS accepts 128"
                    if kind == "pathPattern" and isinstance(value, str) and not value.startswith(("/", "*", "?")):
                        yield f"conditions[{index}].{kind}.values[{position}]", f"is {shown(value)}, but a path starts with '/'"
    if total > 5:
        yield "conditions", f"has {total} values in all, but AWS accepts 5 in a rule"
    if wildcards > 5:
        yield "conditions", f"has {wildcards} wildcards in all, but AWS accepts 5 in a rule"
    kinds = [each.get("type") for each in ctx.items("actions") if is_map(each)]
    finals = [kind for kind in kinds if kind in {"forward", "redirect", "fixed-response"}]
    if kinds and UNKNOWN not in kinds and len(finals) != 1:
        yield "actions", f"has {len(finals)} of forward, redirect and fixed-response, but a rule takes exactly one"


@rule("lb-rule-priority-unique", "Elastic Load Balancing CreateRule: priorities are unique on a listener (PriorityInUse)", *_RULES)
def rule_priority(ctx: RuleContext) -> Iterator[Finding]:
    """Two rules of one listener with one priority."""
    priority = ctx.number("priority")
    if priority is None:
        return
    owner = ctx.text("listenerArn")
    if owner is None:
        told = ctx.run.dependencies(ctx.urn, "listenerArn")
        if not told:
            ctx.later("priority")
            return
        owner = "|".join(sorted(told))
    holder = ctx.run.claim(ctx.urn.text, ("listener-rule", owner, f"{priority:g}"))
    if holder is not None:
        yield "priority", f"is {priority:g}, which {holder.rpartition('::')[2]} has on the same listener"


@rule(
    "lb-target-group", "Elastic Load Balancing CreateTargetGroup: port and protocol by target type; a time-out below the interval", *_GROUPS
)
def target_group(ctx: RuleContext) -> Iterator[Finding]:
    """Target groups that contradict themselves."""
    if ctx.text("targetType") != "lambda":
        for name in ("port", "protocol", "vpcId"):
            if ctx.absent(name):
                yield name, "is missing, but targets other than functions need it"
    check = ctx.get("healthCheck")
    if is_map(check):
        interval, timeout = number(check.get("interval")), number(check.get("timeout"))
        if interval is not None and timeout is not None and timeout >= interval:
            yield "healthCheck.timeout", f"is {timeout:g} s, but must be below the interval of {interval:g} s"
        protocol = check.get("protocol") or (ctx.text("protocol") if ctx.text("protocol") in {"HTTP", "HTTPS"} else None)
        if protocol == "TCP":
            for name in ("path", "matcher"):
                if check.get(name):
                    yield f"healthCheck.{name}", "is given, but a TCP check sends no request"
        matcher = check.get("matcher")
        if isinstance(matcher, str) and matcher and not re.fullmatch(r"\d{1,3}([-,]\d{1,3})*", matcher):
            yield "healthCheck.matcher", f"is {shown(matcher)}, but must be codes such as 200, 200,202 or 200-299"


# ------------------------------------------------------------------ cloudfront

_DISTRIBUTION = "aws:cloudfront/distribution:Distribution"


def _behaviors(ctx: RuleContext) -> Iterator[tuple[str, Mapping[str, Any]]]:
    default = ctx.get("defaultCacheBehavior")
    if is_map(default):
        yield "defaultCacheBehavior", default
    for index, each in enumerate(ctx.items("orderedCacheBehaviors")):
        if is_map(each):
            yield f"orderedCacheBehaviors[{index}]", each


@rule("cloudfront-certificate", "CloudFront: the certificate comes from us-east-1; aliases need one", _DISTRIBUTION)
def cloudfront_certificate(ctx: RuleContext) -> Iterator[Finding]:
    """Certificates of another region, and aliases without one."""
    viewer = ctx.get("viewerCertificate")
    if not is_map(viewer):
        return
    value = viewer.get("acmCertificateArn")
    found = arn(value)
    if found is not None and found.region != "us-east-1":
        yield "viewerCertificate.acmCertificateArn", f"is in {found.region}, but CloudFront takes certificates of us-east-1 only"
    elif value is UNKNOWN:
        told = ctx.run.dependencies(ctx.urn, "viewerCertificate") or frozenset()
        regions = {
            ctx.run.checked[urn].inputs.get("region")
            for urn in told
            if urn in ctx.run.checked and ctx.run.checked[urn].token == _CERTIFICATE
        }
        if not regions:
            regions = {known.inputs.get("region") for known in ctx.run.of_token(_CERTIFICATE)}
            # Without a word on which certificate it is, only certain trouble counts: there is none in us-east-1.
            if not regions or "us-east-1" in regions or UNKNOWN in regions:
                ctx.later("viewerCertificate.acmCertificateArn")
                regions = set()
        for region in sorted(str(each) for each in regions if each != "us-east-1"):
            yield "viewerCertificate.acmCertificateArn", f"is in {region}, but CloudFront takes certificates of us-east-1 only"
    own = value is not None or viewer.get("iamCertificateId") is not None
    aliases = ctx.inputs.get("aliases")
    if is_list(aliases) and aliases and not own:
        yield "aliases", "are given, but the viewer certificate is CloudFront's own, which covers cloudfront.net only"
    if own and viewer.get("sslSupportMethod") is None:
        yield "viewerCertificate.sslSupportMethod", "is missing: sni-only is the usual choice with a certificate of your own"
    version = viewer.get("minimumProtocolVersion")
    if not own and isinstance(version, str) and version != "TLSv1":
        yield "viewerCertificate.minimumProtocolVersion", f"is {shown(version)}, but CloudFront's own certificate takes TLSv1 only"


@rule("cloudfront-origins", "CloudFront DistributionConfig: behaviours name an origin of the distribution", _DISTRIBUTION)
def cloudfront_origins(ctx: RuleContext) -> Iterator[Finding]:
    """Behaviours and groups that point at nothing."""
    origins = [each for each in ctx.items("origins") if is_map(each)]
    names = [each.get("originId") for each in origins]
    groups = [each for each in ctx.items("originGroups") if is_map(each)]
    targets = {*names, *(each.get("originId") for each in groups)}
    for index, each in enumerate(origins):
        path = f"origins[{index}]"
        if names.count(each.get("originId")) > 1:
            yield f"{path}.originId", f"is {shown(each.get('originId'))}, given twice"
        domain = each.get("domainName")
        if isinstance(domain, str) and ("/" in domain or ":" in domain):
            yield f"{path}.domainName", f"is {shown(domain)}, but must be a host name without scheme, port or path"
        kinds = [name for name in ("customOriginConfig", "s3OriginConfig", "vpcOriginConfig") if each.get(name) is not None]
        if len(kinds) > 1:
            yield path, f"has {' and '.join(kinds)}, but an origin takes one"
        if (
            isinstance(each.get("originPath"), str)
            and each["originPath"]
            and (not each["originPath"].startswith("/") or each["originPath"].endswith("/"))
        ):
            yield f"{path}.originPath", f"is {shown(each['originPath'])}, but must start with '/' and not end with one"
    if UNKNOWN in targets or ctx.inputs.get("origins") is UNKNOWN:
        return
    for path, behavior in _behaviors(ctx):
        target = behavior.get("targetOriginId")
        if isinstance(target, str) and target not in targets:
            yield (
                f"{path}.targetOriginId",
                f"is {shown(target)}, which is no origin here ({', '.join(sorted(str(each) for each in targets))})",
            )
    for index, group in enumerate(groups):
        for position, member in enumerate(listed(group.get("members"))):
            if is_map(member) and isinstance(member.get("originId"), str) and member["originId"] not in names:
                yield f"originGroups[{index}].members[{position}].originId", f"is {shown(member['originId'])}, which is no origin here"


@rule(
    "cloudfront-behaviors",
    "CloudFront CacheBehavior: a cache policy or forwarded values, methods in AWS's three sets, one function of each kind and event",
    _DISTRIBUTION,
)
def cloudfront_behaviors(ctx: RuleContext) -> Iterator[Finding]:
    """Cache behaviours that CloudFront refuses."""
    for path, behavior in _behaviors(ctx):
        policy, forwarded = behavior.get("cachePolicyId"), behavior.get("forwardedValues")
        if policy is not None and forwarded is not None:
            yield f"{path}.forwardedValues", "is given together with cachePolicyId; give one"
        if policy is None and forwarded is None:
            yield f"{path}.cachePolicyId", "is missing"
        if policy is not None:
            for name in ("minTtl", "defaultTtl", "maxTtl"):
                if number(behavior.get(name)):
                    yield f"{path}.{name}", "is given, but the cache policy sets the times"
        for name in ("cachePolicyId", "originRequestPolicyId", "responseHeadersPolicyId"):
            value = behavior.get(name)
            if isinstance(value, str) and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
                yield f"{path}.{name}", f"is {shown(value)}, but must be a policy's id (a UUID)"
        allowed, cached = behavior.get("allowedMethods"), behavior.get("cachedMethods")
        sets = [{"GET", "HEAD"}, {"GET", "HEAD", "OPTIONS"}, {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}]
        if is_list(allowed) and UNKNOWN not in allowed and set(allowed) not in sets:
            yield (
                f"{path}.allowedMethods",
                f"is {shown(allowed)}, but CloudFront takes GET and HEAD, those and OPTIONS, or all seven methods",
            )
        if is_list(cached) and UNKNOWN not in cached and set(cached) not in sets[:2]:
            yield f"{path}.cachedMethods", f"is {shown(cached)}, but CloudFront caches GET and HEAD, or those and OPTIONS"
        events: list[Any] = []
        for name in ("functionAssociations", "lambdaFunctionAssociations"):
            events += [each.get("eventType") for each in listed(behavior.get(name)) if is_map(each)]
        for event in sorted({each for each in events if isinstance(each, str) and events.count(each) > 1}):
            yield path, f"has more than one function at {event}"
    for index, each in enumerate(ctx.items("customErrorResponses")):
        if is_map(each) and (each.get("responseCode") is None) != (each.get("responsePagePath") in {None, ""}):
            yield f"customErrorResponses[{index}]", "needs responseCode and responsePagePath together"


@rule(
    "cloudfront-behavior-paths",
    "CloudFront DistributionConfig: a path pattern once; functions at viewer events alone; countries with a restriction and only then",
    _DISTRIBUTION,
)
def cloudfront_paths(ctx: RuleContext) -> Iterator[Finding]:
    """Paths that are given twice, functions at an origin's events, a restriction that says nothing."""
    seen: list[Any] = []
    for path, behavior in _behaviors(ctx):
        pattern = behavior.get("pathPattern")
        if isinstance(pattern, str):
            if pattern in seen:
                yield f"{path}.pathPattern", f"is {shown(pattern)}, which another behaviour has too"
            seen.append(pattern)
        for index, each in enumerate(listed(behavior.get("functionAssociations"))):
            event = each.get("eventType") if is_map(each) else None
            if isinstance(event, str) and event not in {"viewer-request", "viewer-response"}:
                where = f"{path}.functionAssociations[{index}].eventType"
                yield where, f"is {shown(event)}, but a CloudFront function runs at viewer-request or viewer-response"
    restrictions = ctx.get("restrictions")
    geo = restrictions.get("geoRestriction") if is_map(restrictions) else None
    if is_map(geo) and is_list(geo.get("locations") or []) and UNKNOWN not in geo.values():
        places, kind = geo.get("locations") or [], geo.get("restrictionType")
        if kind == "none" and places:
            yield "restrictions.geoRestriction.locations", f"is {shown(places)}, but the restriction is none"
        elif kind in {"whitelist", "blacklist"} and not places:
            yield "restrictions.geoRestriction.locations", f"is empty, but a {kind} names countries"


@rule(
    "cloudfront-cache-policy",
    "CloudFront CachePolicyConfig: minimum, default and maximum TTL rise; nothing stands in the key of what is never cached",
    "aws:cloudfront/cachePolicy:CachePolicy",
)
def cloudfront_cache_policy(ctx: RuleContext) -> Iterator[Finding]:
    """Times that contradict each other, and keys without a cache."""
    low, usual, high = (number(ctx.get(name)) for name in ("minTtl", "defaultTtl", "maxTtl"))
    if low is not None and usual is not None and low > usual:
        yield "defaultTtl", f"is {usual:g} s, less than minTtl = {low:g}"
    if usual is not None and high is not None and usual > high:
        yield "maxTtl", f"is {high:g} s, less than defaultTtl = {usual:g}"
    key = ctx.get("parametersInCacheKeyAndForwardedToOrigin")
    if high != 0 or not is_map(key):
        return
    path = "parametersInCacheKeyAndForwardedToOrigin"
    for name, choice in (
        ("cookiesConfig", "cookieBehavior"),
        ("headersConfig", "headerBehavior"),
        ("queryStringsConfig", "queryStringBehavior"),
    ):
        part = key.get(name)
        if is_map(part) and isinstance(part.get(choice), str) and part[choice] != "none":
            yield f"{path}.{name}.{choice}", f"is {shown(part[choice])}, but nothing is cached (maxTtl = 0): it must be none"
    for name in ("enableAcceptEncodingBrotli", "enableAcceptEncodingGzip"):
        if key.get(name) is True:
            yield f"{path}.{name}", "is on, but nothing is cached (maxTtl = 0)"


@rule(
    "cloudfront-origin-request-headers",
    "CloudFront OriginRequestPolicyConfig: Authorization and Accept-Encoding belong to a cache policy",
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy",
)
def cloudfront_origin_request(ctx: RuleContext) -> Iterator[Finding]:
    """Headers that an origin request policy cannot forward."""
    config = ctx.get("headersConfig")
    headers = config.get("headers") if is_map(config) else None
    for index, each in enumerate(listed(headers.get("items")) if is_map(headers) else []):
        if isinstance(each, str) and each.lower() in {"authorization", "accept-encoding"}:
            yield f"headersConfig.headers.items[{index}]", f"is {shown(each)}, which CloudFront forwards by a cache policy alone"


@rule("cloudfront-web-acl", "CloudFront: the web ACL is a global one (WAFv2, scope CLOUDFRONT), by ARN", _DISTRIBUTION)
def cloudfront_web_acl(ctx: RuleContext) -> Iterator[Finding]:
    """A regional web ACL, or an id in place of the ARN."""
    value = ctx.text("webAclId")
    if value is None or not value:
        return
    found = arn(value)
    if found is None:
        yield "webAclId", f"is {shown(value)}, but must be the ARN of a WAFv2 web ACL"
    elif not found.resource.startswith("global/") or found.region != "us-east-1":
        yield "webAclId", f"is {shown(value)}, a regional web ACL; CloudFront takes one of scope CLOUDFRONT, in us-east-1"


@rule("cloudfront-alias-unique", "CloudFront: an alias belongs to one distribution (CNAMEAlreadyExists)", _DISTRIBUTION)
def cloudfront_alias(ctx: RuleContext) -> Iterator[Finding]:
    """One alias on two distributions."""
    for index, each in enumerate(ctx.items("aliases")):
        if isinstance(each, str):
            holder = ctx.run.claim(ctx.urn.text, (f"cloudfront-alias {each.lower()}",))
            if holder is not None:
                yield f"aliases[{index}]", f"is {shown(each)}, which {holder.rpartition('::')[2]} has too"


@rule("cloudfront-function-code", "CloudFront Functions: 10 KB of code", "aws:cloudfront/function:Function")
def cloudfront_function(ctx: RuleContext) -> Iterator[Finding]:
    """Functions that are too large."""
    code = ctx.text("code")
    if code is not None and len(code.encode()) > 10240:
        yield "code", f"has {len(code.encode())} bytes, but CloudFront accepts 10240"


# ------------------------------------------------------------------ waf

_ACL = "aws:wafv2/webAcl:WebAcl"


@rule(
    "waf-scope-region",
    "WAF: scope CLOUDFRONT lives in us-east-1",
    _ACL,
    "aws:wafv2/ipSet:IpSet",
    "aws:wafv2/ruleGroup:RuleGroup",
    "aws:wafv2/regexPatternSet:RegexPatternSet",
)
def waf_scope(ctx: RuleContext) -> Iterator[Finding]:
    """Global objects outside us-east-1."""
    if ctx.text("scope") == "CLOUDFRONT" and ctx.region != "us-east-1":
        yield "scope", f"is CLOUDFRONT, but the resource is in {ctx.region}; that scope exists in us-east-1 only"


@rule("waf-rules", "WAF WebACL: names and priorities are unique; groups take an override action, other rules an action", _ACL)
def waf_rules(ctx: RuleContext) -> Iterator[Finding]:
    """Rules of a web ACL that collide or do not say what to do."""
    rules = [each for each in ctx.items("rules") if is_map(each)]
    for name in ("name", "priority"):
        seen = [each.get(name) for each in rules]
        for index, each in enumerate(rules):
            if each.get(name) is not None and each[name] is not UNKNOWN and seen.index(each[name]) < index:
                yield f"rules[{index}].{name}", f"is {shown(each[name])}, which another rule has too"
    for index, each in enumerate(rules):
        statement = each.get("statement")
        if not is_map(statement):
            continue
        group = any(statement.get(name) is not None for name in ("managedRuleGroupStatement", "ruleGroupReferenceStatement"))
        if group and each.get("overrideAction") is None:
            yield f"rules[{index}].overrideAction", "is missing, but a rule group needs one (none or count)"
        if group and each.get("action") is not None:
            yield f"rules[{index}].action", "is given, but a rule group takes overrideAction"
        if not group and each.get("action") is None:
            yield f"rules[{index}].action", "is missing: allow, block, count, captcha or challenge"
        rate = statement.get("rateBasedStatement")
        if is_map(rate):
            limit = number(rate.get("limit"))
            if limit is not None and not 10 <= limit <= 2_000_000_000:
                yield f"rules[{index}].statement.rateBasedStatement.limit", f"is {limit:g}, but AWS accepts 10 to 2000000000"
            window = number(rate.get("evaluationWindowSec"))
            if window is not None and window not in {60, 120, 300, 600}:
                yield (
                    f"rules[{index}].statement.rateBasedStatement.evaluationWindowSec",
                    f"is {window:g} s, but AWS accepts 60, 120, 300, 600",
                )
    visibility = ctx.get("visibilityConfig")
    if (
        is_map(visibility)
        and isinstance(visibility.get("metricName"), str)
        and not re.fullmatch(r"[\w#:.\-/]{1,255}", visibility["metricName"])
    ):
        yield "visibilityConfig.metricName", f"is {shown(visibility['metricName'])}, but takes letters, digits and _#:.-/"


def _statements(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A statement and all that stand in it."""
    if not is_map(value):
        return
    yield path, value
    for name in ("andStatement", "orStatement"):
        inner = value.get(name)
        for index, each in enumerate(listed(inner.get("statements")) if is_map(inner) else []):
            yield from _statements(each, f"{path}.{name}.statements[{index}]")
    negated = value.get("notStatement")
    if is_map(negated):
        yield from _statements(negated.get("statement"), f"{path}.notStatement.statement")
    for name in ("rateBasedStatement", "managedRuleGroupStatement"):
        narrowed = value.get(name)
        if is_map(narrowed):
            yield from _statements(narrowed.get("scopeDownStatement"), f"{path}.{name}.scopeDownStatement")


@rule("waf-statements", "WAF Statement: and and or join two statements or more; a searched text has 1 to 200 bytes", _ACL)
def waf_statements(ctx: RuleContext) -> Iterator[Finding]:
    """Statements that WAF refuses wherever they stand."""
    for index, each in enumerate(ctx.items("rules")):
        if not is_map(each):
            continue
        for path, statement in _statements(each.get("statement"), f"rules[{index}].statement"):
            for name in ("andStatement", "orStatement"):
                inner = statement.get(name)
                parts = inner.get("statements") if is_map(inner) else None
                if is_list(parts) and len(parts) < 2:
                    yield f"{path}.{name}.statements", f"has {len(parts)}, but WAF joins two statements or more"
            match = statement.get("byteMatchStatement")
            text = match.get("searchString") if is_map(match) else None
            if isinstance(text, str) and not 1 <= len(text.encode()) <= 200:
                yield f"{path}.byteMatchStatement.searchString", f"has {len(text.encode())} bytes, but WAF takes 1 to 200"


@rule(
    "waf-custom-response", "WAF CustomResponse: its body is one of the web ACL's; codes 200 to 599; a body holds at most 4,096 bytes", _ACL
)
def waf_response(ctx: RuleContext) -> Iterator[Finding]:
    """Answers whose body nobody defines."""
    known: set[Any] = set()
    for index, each in enumerate(ctx.items("customResponseBodies")):
        if is_map(each):
            known.add(each.get("key"))
            content = each.get("content")
            if isinstance(content, str) and not 1 <= len(content.encode()) <= 4096:
                yield f"customResponseBodies[{index}].content", f"has {len(content.encode())} bytes, but WAF takes 1 to 4096"
    if ctx.inputs.get("customResponseBodies") is UNKNOWN or UNKNOWN in known:
        return
    for index, each in enumerate(ctx.items("rules")):
        action = each.get("action") if is_map(each) else None
        block = action.get("block") if is_map(action) else None
        answer = block.get("customResponse") if is_map(block) else None
        if not is_map(answer):
            continue
        path = f"rules[{index}].action.block.customResponse"
        key, code = answer.get("customResponseBodyKey"), number(answer.get("responseCode"))
        if isinstance(key, str) and key not in known:
            yield f"{path}.customResponseBodyKey", f"is {shown(key)}, which customResponseBodies does not define"
        if code is not None and not 200 <= code <= 599:
            yield f"{path}.responseCode", f"is {code:g}, but WAF accepts 200 to 599"


@rule("waf-ip-set", "WAF IPSet: networks of one family, never the whole internet", "aws:wafv2/ipSet:IpSet")
def waf_ip_set(ctx: RuleContext) -> Iterator[Finding]:
    """Networks that a list cannot hold."""
    version = ctx.text("ipAddressVersion")
    for index, each in enumerate(ctx.items("addresses")):
        if not isinstance(each, str):
            continue
        if each.endswith("/0"):
            yield f"addresses[{index}]", f"is {shown(each)}, but WAF takes /1 and longer"
        elif version in {"IPV4", "IPV6"} and (":" in each) != (version == "IPV6"):
            yield f"addresses[{index}]", f"is {shown(each)}, but the set is of {version}"


@rule(
    "waf-log-destination",
    "WAF PutLoggingConfiguration: the destination's name starts with aws-waf-logs-, without ':*' at the end",
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
)
def waf_logs(ctx: RuleContext) -> Iterator[Finding]:
    """Log destinations that WAF refuses."""
    for index, each in enumerate(ctx.items("logDestinationConfigs")):
        found = arn(each)
        if found is None:
            continue
        name = found.resource.removeprefix("log-group:").removeprefix("deliverystream/")
        if not name.startswith("aws-waf-logs-"):
            yield f"logDestinationConfigs[{index}]", f"is {shown(each, limit=120)}, but the name must start with aws-waf-logs-"
        if name.endswith(":*"):
            yield f"logDestinationConfigs[{index}]", f"is {shown(each, limit=120)}, but must not end with ':*'"
        acl = arn(ctx.inputs.get("resourceArn"))
        if acl is not None and found.region and found.region != acl.region:
            yield f"logDestinationConfigs[{index}]", f"is in {found.region}, but the web ACL is in {acl.region}"


@rule(
    "waf-association",
    "WAF AssociateWebACL: regional ACLs for load balancers and APIs; CloudFront names its ACL itself",
    "aws:wafv2/webAclAssociation:WebAclAssociation",
)
def waf_association(ctx: RuleContext) -> Iterator[Finding]:
    """Associations of the wrong scope."""
    acl, target = arn(ctx.inputs.get("webAclArn")), arn(ctx.inputs.get("resourceArn"))
    if acl is not None and acl.resource.startswith("global/"):
        yield "webAclArn", "is of scope CLOUDFRONT; put it into the distribution's webAclId"
    if target is not None and target.service == "cloudfront":
        yield "resourceArn", "is a CloudFront distribution; put the web ACL into its webAclId"


# ------------------------------------------------------------------ certificates and names

_DNS = re.compile(
    r"(?=.{1,253}\.?$)(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)


@rule("acm-domain", "ACM RequestCertificate: domain names, at most 64 characters in the first", _CERTIFICATE)
def certificate(ctx: RuleContext) -> Iterator[Finding]:
    """Names that no certificate can carry."""
    domain = ctx.text("domainName")
    imported = not ctx.absent("privateKey")
    if domain is None and not imported and ctx.absent("domainName"):
        yield "domainName", "is missing"
    if domain is not None and len(domain) > 64:
        yield "domainName", f"is {shown(domain)} of {len(domain)} characters, but AWS accepts 64 in the first name"
    names = ctx.get("subjectAlternativeNames")
    for path, each in [
        ("domainName", domain),
        *((f"subjectAlternativeNames[{index}]", value) for index, value in enumerate(names if is_list(names) else [])),
    ]:
        if isinstance(each, str) and (not _DNS.fullmatch(each) or "." not in each):
            yield path, f"is {shown(each)}, but must be a domain name such as api.example.com"
    if not imported and ctx.absent("validationMethod") and ctx.absent("certificateAuthorityArn"):
        yield "validationMethod", "is missing: DNS or EMAIL"


_RECORD = "aws:route53/record:Record"
_RECORD_TYPES = (
    "A",
    "AAAA",
    "CAA",
    "CNAME",
    "DS",
    "HTTPS",
    "MX",
    "NAPTR",
    "NS",
    "PTR",
    "SOA",
    "SPF",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
)


@rule("route53-record", "Route 53 ResourceRecordSet: records and a TTL, or an alias; no CNAME at the apex", _RECORD)
def record(ctx: RuleContext) -> Iterator[Finding]:
    """Records that Route 53 refuses."""
    kind = ctx.text("type")
    if kind is not None and kind not in _RECORD_TYPES:
        yield "type", f"is {shown(kind)}, but Route 53 accepts {', '.join(_RECORD_TYPES)}"
    alias, values = ctx.inputs.get("aliases"), ctx.inputs.get("records")
    if alias is not None and alias != []:
        for name in ("records", "ttl"):
            if not ctx.absent(name):
                yield name, "is given, but an alias has none"
        if kind == "CNAME":
            yield "type", "is CNAME, but an alias is A or AAAA"
    elif values is None:
        yield "records", "is missing: give records and ttl, or aliases"
    elif ctx.absent("ttl"):
        yield "ttl", "is missing, but records need it"
    name = ctx.text("name")
    if name is not None and name and not _DNS.fullmatch(name.replace("\\052", "*")):
        yield "name", f"is {shown(name)}, but must be a domain name"
    if kind == "CNAME" and is_list(values) and len(values) > 1:
        yield "records", f"has {len(values)} values, but a CNAME has one"
    zones, _ = ctx.related("zoneId", "aws:route53/zone:Zone")
    for zone in zones:
        apex = zone.get("name")
        if isinstance(apex, str) and name is not None:
            if kind == "CNAME" and name.rstrip(".") in {apex.rstrip("."), ""}:
                yield "type", f"is CNAME at the zone's apex {apex}; use an alias"
            if name.endswith(".") and not name.rstrip(".").endswith(apex.rstrip(".")):
                yield "name", f"is {shown(name)}, which is not in the zone {apex}"
    policies = [
        each
        for each in (
            "weightedRoutingPolicies",
            "failoverRoutingPolicies",
            "latencyRoutingPolicies",
            "geolocationRoutingPolicies",
            "cidrRoutingPolicy",
            "geoproximityRoutingPolicy",
            "multivalueAnswerRoutingPolicy",
        )
        if ctx.inputs.get(each)
    ]
    if policies and ctx.absent("setIdentifier"):
        yield "setIdentifier", f"is missing, but {policies[0]} needs it"
    for index, each in enumerate(values if is_list(values) else []):
        if not isinstance(each, str):
            continue
        if kind == "A" and not re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", each):
            yield f"records[{index}]", f"is {shown(each)}, but an A record holds IPv4 addresses"
        if kind == "TXT" and len(each) > 255 and '""' not in each and '" "' not in each:
            yield f"records[{index}]", f"has {len(each)} characters, but a string of a TXT record takes 255; split it with '\"\"'"
        if kind == "CAA" and not re.fullmatch(r'\d{1,3} (issue|issuewild|iodef) ".*"', each):
            yield f"records[{index}]", f'is {shown(each)}, but a CAA record is like 0 issue "amazon.com"'


@rule("route53-zone", "Route 53 CreateHostedZone: domain names; a private zone names a VPC", "aws:route53/zone:Zone")
def zone(ctx: RuleContext) -> Iterator[Finding]:
    """Zones that Route 53 refuses."""
    name = ctx.text("name")
    if name is not None and not _DNS.fullmatch(name):
        yield "name", f"is {shown(name)}, but must be a domain name"
    if ctx.inputs.get("vpcs") and not ctx.absent("delegationSetId"):
        yield "delegationSetId", "is given, but a private zone has none"


_CHECK = "aws:route53/healthCheck:HealthCheck"
_CHECKERS = ("ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1", "us-west-1", "us-west-2")
_ENDPOINT_CHECKS = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")
_CHECK_TYPES = (*_ENDPOINT_CHECKS, "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL")


@rule("route53-health-check", "Route 53 HealthCheckConfig: what each type of check needs, and three checker regions or more", _CHECK)
def health_check(ctx: RuleContext) -> Iterator[Finding]:
    """Checks that Route 53 refuses."""
    kind = ctx.text("type")
    if kind is None:
        return
    if kind not in _CHECK_TYPES:
        yield "type", f"is {shown(kind)}, but Route 53 accepts {', '.join(_CHECK_TYPES)}"
        return
    if kind in _ENDPOINT_CHECKS:
        if ctx.absent("fqdn") and ctx.absent("ipAddress"):
            yield "fqdn", f"is missing: a check of type {kind} needs a name or an address"
    elif not ctx.absent("requestInterval") or not ctx.absent("regions"):
        yield "requestInterval" if not ctx.absent("requestInterval") else "regions", f"is given, but a check of type {kind} asks nobody"
    if kind.endswith("STR_MATCH") and ctx.absent("searchString"):
        yield "searchString", f"is missing, but {kind} looks for it"
    if not kind.endswith("STR_MATCH") and ctx.inputs.get("searchString"):
        yield "searchString", f"is given, but a check of type {kind} reads no text"
    if kind == "CLOUDWATCH_METRIC":
        for name in ("cloudwatchAlarmName", "cloudwatchAlarmRegion"):
            if ctx.absent(name):
                yield name, "is missing, but the check follows an alarm"
    regions = ctx.get("regions")
    if is_list(regions):
        if regions and len(regions) < 3:
            yield "regions", f"has {len(regions)} regions, but Route 53 wants 3 or more"
        for index, each in enumerate(regions):
            if isinstance(each, str) and each not in _CHECKERS:
                yield f"regions[{index}]", f"is {shown(each)}, but Route 53 checks from {', '.join(_CHECKERS)}"


@rule(
    "route53-signing-key",
    "Route 53 CreateKeySigningKey: a KMS key of us-east-1 with ECC_NIST_P256 for signing",
    "aws:route53/keySigningKey:KeySigningKey",
)
def signing_key(ctx: RuleContext) -> Iterator[Finding]:
    """Keys that cannot sign a zone."""
    prop = "keyManagementServiceArn"
    found = arn(ctx.inputs.get(prop))
    if found is not None and found.region != "us-east-1":
        yield prop, f"is in {found.region}, but Route 53 signs with keys of us-east-1 only"
    keys, known = ctx.related(prop, "aws:kms/key:Key")
    for key in keys:
        if key.get("keyUsage") not in {"SIGN_VERIFY", UNKNOWN} or key.get("customerMasterKeySpec") not in {"ECC_NIST_P256", UNKNOWN}:
            yield prop, f"is a key of {shown(key.get('customerMasterKeySpec'))}, but Route 53 signs with ECC_NIST_P256 and SIGN_VERIFY only"
    if not known:
        ctx.later(prop)


@rule("route53-query-log", "Route 53 CreateQueryLoggingConfig: a log group of us-east-1", "aws:route53/queryLog:QueryLog")
def query_log(ctx: RuleContext) -> Iterator[Finding]:
    """Logs that Route 53 cannot write."""
    group = arn(ctx.inputs.get("cloudwatchLogGroupArn"))
    if group is not None and (group.service != "logs" or group.region != "us-east-1"):
        yield "cloudwatchLogGroupArn", f"is {shown(str(ctx.inputs.get('cloudwatchLogGroupArn')))}, but must be a log group of us-east-1"


_SHIELDED = {
    "cloudfront": ("distribution/",),
    "route53": ("hostedzone/",),
    "elasticloadbalancing": ("loadbalancer/",),
    "ec2": ("eip-allocation/",),
    "globalaccelerator": ("accelerator/",),
}


@rule("shield-resource", "Shield CreateProtection: what Shield Advanced protects", "aws:shield/protection:Protection")
def shield_resource(ctx: RuleContext) -> Iterator[Finding]:
    """Resources that Shield Advanced does not know."""
    text = ctx.text("resourceArn")
    if text is None:
        return
    found = arn(text)
    starts = _SHIELDED.get(found.service, ()) if found is not None else ()
    if found is None or not found.resource.startswith(starts or ("\0",)):
        yield (
            "resourceArn",
            f"is {shown(text)}, but Shield protects distributions, hosted zones, load balancers, addresses and accelerators",
        )
