"""Rules about what the egress firewall's own rule groups let out."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.suricata import name_is_narrow, passes
from policies.tokens import FIREWALL_RULES
from policies.values import ABSENT, UNKNOWN, Value, descend, has_unknown, items, texts

_LONGEST_QUOTE = 120
_NO_ADDRESS = ("ANY", "any", "0.0.0.0/0", "::/0")


def _nothing_passes_everything(resource: Resource) -> Iterator[Problem]:
    source = resource.get("ruleGroup.rulesSource")
    for prop, text in (("rules", resource.get("rules")), ("ruleGroup", descend(source, "rulesString"))):
        if text is UNKNOWN or resource.get("ruleGroup.ruleVariables") is UNKNOWN:
            yield unresolved(resource, prop)
        elif isinstance(text, str):
            yield from _text(resource, prop, text)
    domains = descend(source, "rulesSourceList")
    if descend(domains, "generatedRulesType") in ("ALLOWLIST", UNKNOWN):
        for target in items(descend(domains, "targets")):
            if target is UNKNOWN:
                yield unresolved(resource, "ruleGroup")
            elif not name_is_narrow(str(target)):
                yield violation(resource, "ruleGroup", f"allows the domain `{target}`: that is not one name but a part of the internet")
    for rule in items(descend(source, "statefulRules")):
        if rule is UNKNOWN or has_unknown(rule):
            yield unresolved(resource, "ruleGroup")
        else:
            yield from _text(resource, "ruleGroup", _written(rule))
    for rule in items(descend(source, "statelessRulesAndCustomActions.statelessRules")):
        actions = items(descend(rule, "ruleDefinition.actions"))
        if rule is UNKNOWN or UNKNOWN in actions:
            yield unresolved(resource, "ruleGroup")
        elif "aws:pass" in actions:
            yield violation(resource, "ruleGroup", "passes packets before any stateful rule has seen them")


def _text(resource: Resource, prop: str, text: str) -> Iterator[Problem]:
    sets = {
        str(descend(item, "key")): texts(descend(item, "ipSet.definitions"))
        for item in items(resource.get("ruleGroup.ruleVariables.ipSets"))
    }
    for rule in passes(text, sets):
        if rule.fault:
            yield violation(resource, prop, f"{rule.fault}: `{rule.text[:_LONGEST_QUOTE]}`")


def _written(rule: Value) -> str:
    """A rule of the form with fields, as Suricata text."""

    def field(key: str) -> str:
        value = descend(rule, f"header.{key}")
        return "any" if value is ABSENT or str(value) in _NO_ADDRESS else str(value)

    way = "<>" if descend(rule, "header.direction") == "ANY" else "->"
    options = (
        ":".join(
            [
                str(descend(option, "keyword")),
                *([", ".join(texts(descend(option, "settings")))] if texts(descend(option, "settings")) else []),
            ]
        )
        for option in items(descend(rule, "ruleOptions"))
    )
    ends = f"{field('source')} {field('sourcePort')} {way} {field('destination')} {field('destinationPort')}"
    return f"{str(descend(rule, 'action')).lower()} {field('protocol').lower()} {ends} ({'; '.join(options)};)"


def _rules(text: object, **more: object) -> Given:
    return Given(FIREWALL_RULES, "rules", {"type": "STATEFUL", "ruleGroup": {"rulesSource": {"rulesString": text}, **more}})


def _source(**source: object) -> Given:
    return Given(FIREWALL_RULES, "rules", {"ruleGroup": {"rulesSource": source}})


def _fields(destination: str, port: str, *options: tuple[str, str]) -> Given:
    header = {
        "protocol": "TCP",
        "source": "ANY",
        "sourcePort": "ANY",
        "direction": "FORWARD",
        "destination": destination,
        "destinationPort": port,
    }
    listed = [{"keyword": keyword, "settings": [value] if value else []} for keyword, value in options]
    return _source(statefulRules=[{"action": "PASS", "header": header, "ruleOptions": listed}])


_BELOW = (
    'pass tls $HOME_NET any -> $EXTERNAL_NET 443 (flow:to_server; tls.sni; dotprefix; content:".binance.com"; nocase; endswith; sid:1;)'
)
_EXACT = 'pass http $HOME_NET any -> $EXTERNAL_NET 80 (http.host; content:"ocsp.example.com"; startswith; endswith; sid:2;)'
_BROKER = "pass tcp $HOME_NET any -> 203.0.113.0/24 4000:4001 (flow:to_server; sid:3;)"

NFW_08 = ResourceRule(
    id="NFW-08",
    severity=Severity.HIGH,
    title="No rule of the egress firewall passes everything: each is held to a name, or to an address and ports.",
    rationale="A `pass` ends the inspection of its connection. One line that passes to anywhere makes the other thousand lines decoration.",
    remediation="Name what is needed in `egress.domains` or `egress.addresses`; for an incident `egress.emergency` takes the same.",
    references=(),
    types=(FIREWALL_RULES,),
    check=_nothing_passes_everything,
    examples=(
        good("names, and addresses with ports", _rules("\n".join((_BELOW, _EXACT, _BROKER)))),
        good("what is dropped may be everything", _rules("drop ip any any -> any any (sid:1;)\n# pass ip any any -> any any (sid:2;)")),
        good(
            "an address variable of the group itself",
            _rules(
                "pass tcp $HOME_NET any -> $BROKER 4001 (sid:1;)",
                ruleVariables={"ipSets": [{"key": "BROKER", "ipSet": {"definitions": ["203.0.113.0/24"]}}]},
            ),
        ),
        good("to the inside", _rules("pass tcp any any -> [10.0.0.0/8, 192.168.0.0/16] any (sid:1;)")),
        good("a list of domains", _source(rulesSourceList={"generatedRulesType": "ALLOWLIST", "targets": [".binance.com"]})),
        good("a list of bad domains", _source(rulesSourceList={"generatedRulesType": "DENYLIST", "targets": [".zip"]})),
        good("fields", _fields("203.0.113.7/32", "4001", ("sid", "1"))),
        bad("everything", _rules(f"{_BELOW}\npass ip any any -> any any (sid:9;)")),
        bad("to everywhere outside", _rules("pass tcp $HOME_NET any -> $EXTERNAL_NET any (flow:to_server; sid:9;)")),
        bad("one port of everywhere", _rules("pass tls $HOME_NET any -> any 443 (sid:9;)")),
        bad("every port of an address", _rules("pass tcp $HOME_NET any -> 203.0.113.7 any (sid:9;)")),
        bad("half of the internet", _rules("pass tcp $HOME_NET any -> [0.0.0.0/1,128.0.0.0/1] 443 (sid:9;)")),
        bad("all but one", _rules("pass tcp $HOME_NET any -> !203.0.113.7 443 (sid:9;)")),
        bad("both ways", _rules("pass tcp any any <> 203.0.113.7 443 (sid:9;)")),
        bad("a top-level domain", _rules('pass tls any any -> any 443 (tls.sni; dotprefix; content:".com"; endswith; sid:9;)')),
        bad("a name that may stand anywhere in another", _rules('pass tls any any -> any 443 (tls.sni; content:"binance.com"; sid:9;)')),
        bad("all names but one", _rules('pass tls any any -> any 443 (tls.sni; content:!"evil.example"; endswith; sid:9;)')),
        bad("content of something else", _rules('pass http any any -> any 80 (http.user_agent; content:"curl.example"; endswith; sid:9;)')),
        bad("over two lines", _rules("pass ip any any -> any any \\\n (sid:9;)")),
        bad("a line that cannot be read", _rules("pass everything")),
        bad("all domains", _source(rulesSourceList={"generatedRulesType": "ALLOWLIST", "targets": [".com"]})),
        bad("fields", _fields("ANY", "ANY", ("sid", "1"))),
        bad("the text beside the group", Given(FIREWALL_RULES, "rules", {"rules": "pass ip any any -> any any (sid:1;)"})),
        bad(
            "a stateless rule",
            _source(statelessRulesAndCustomActions={"statelessRules": [{"priority": 1, "ruleDefinition": {"actions": ["aws:pass"]}}]}),
        ),
        unknown("not known", _rules(UNKNOWN), expect={"rules": Kind.UNRESOLVED}),
        unknown(
            "domains that are not known",
            _source(rulesSourceList={"generatedRulesType": "ALLOWLIST", "targets": UNKNOWN}),
            expect={"rules": Kind.UNRESOLVED},
        ),
        unknown("fields that are not known", _source(statefulRules=UNKNOWN), expect={"rules": Kind.UNRESOLVED}),
        unknown(
            "a whole group that is not known", Given(FIREWALL_RULES, "rules", {"ruleGroup": UNKNOWN}), expect={"rules": Kind.UNRESOLVED}
        ),
        absent("no rules", Given(FIREWALL_RULES, "rules", {"type": "STATEFUL"})),
    ),
)

RULES = (NFW_08,)
