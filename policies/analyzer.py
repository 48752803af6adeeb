"""The pack as the engine talks to it: Pulumi's analyzer protocol over gRPC.

The policy SDK's own server hands every policy a fresh copy of every resource, hides unknown values behind proxies that raise, drops the
marks of secrets, and lets one failing rule take the verdicts of all others with it. Here each resource is converted once, every rule is a
policy of its own to the engine (so that its id is shown and its level can be configured), and no rule can silence another.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent import futures
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from policies.catalogue import RULES
from policies.evaluation import EXEMPTIONS_RULE, Finding, Run, summarise
from policies.exemptions import Exemptions, load
from policies.resources import Resource, Stack
from policies.rule import Enforcement, Kind, Rule, Severity, StackRule
from policies.values import Properties, parse_json, properties, texts

PACK = "nautilus"
"""The pack's name in the engine's output and configuration."""

_MESSAGE_LIMIT = 400 * 1024 * 1024
_SEVERITY = {
    Severity.CRITICAL: proto.POLICY_SEVERITY_CRITICAL,
    Severity.HIGH: proto.POLICY_SEVERITY_HIGH,
    Severity.MEDIUM: proto.POLICY_SEVERITY_MEDIUM,
    Severity.LOW: proto.POLICY_SEVERITY_LOW,
}
_ENFORCEMENT: Mapping[Enforcement, proto.EnforcementLevel.ValueType] = {
    Enforcement.MANDATORY: proto.MANDATORY,
    Enforcement.ADVISORY: proto.ADVISORY,
}
_EXEMPTIONS_TITLE = "Exemptions are well-formed, needed and not expired."
_EXEMPTIONS_FIX = "Repair the resource and remove the exemption, or let its owner renew it in policies/exemptions.yaml."


def today() -> date:
    """The current day, UTC. The only clock of the pack."""
    return datetime.now(UTC).date()


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """Answers the engine: what the pack holds, what each resource violates, what the stack as a whole violates."""

    def __init__(
        self,
        rules: Sequence[Rule] = RULES,
        *,
        exemptions: Callable[[date], Exemptions] | None = None,
        clock: Callable[[], date] = today,
        on_cancel: Callable[[], None] | None = None,
    ) -> None:
        """Prepare a pack.

        Args:
            rules: The rules it holds.
            exemptions: Reads the exemptions, given the day; none when not given.
            clock: Says which day it is.
            on_cancel: Called when the engine asks the pack to end.

        Raises:
            ValueError: Two rules share an id.
        """
        ids = [rule.id for rule in rules]
        if len(set(ids)) != len(ids):
            raise ValueError("rule ids repeat: " + ", ".join(sorted({rule for rule in ids if ids.count(rule) > 1})))
        self._rules = tuple(rules)
        self._by_id = {rule.id: rule for rule in rules}
        self._exemptions = exemptions or (lambda _: Exemptions())
        self._clock = clock
        self._on_cancel = on_cancel
        self._lock = threading.Lock()
        self._levels: dict[str, proto.EnforcementLevel.ValueType] = {}
        self._preview = os.environ.get("PULUMI_DRY_RUN") == "true"
        self._unlocked = False
        self._secrets: frozenset[str] = frozenset()
        self._run: Run | None = None
        self._inputs: dict[str, Properties] = {}
        self._providers: dict[str, Properties] = {}

    def GetAnalyzerInfo(self, request: empty_pb2.Empty, context: object) -> proto.AnalyzerInfo:
        """What the pack is called and which policies it holds."""
        info = proto.AnalyzerInfo(name=PACK, displayName="Nautilus", version=_version(), supportsConfig=True)
        for rule in self._rules:
            info.policies.append(
                proto.PolicyInfo(
                    name=rule.id,
                    displayName=rule.id,
                    description=rule.title,
                    enforcementLevel=_ENFORCEMENT[rule.enforcement],
                    severity=_SEVERITY[rule.severity],
                    policy_type=proto.POLICY_TYPE_STACK if isinstance(rule, StackRule) else proto.POLICY_TYPE_RESOURCE,
                    remediation_steps=rule.remediation,
                    tags=list(rule.references),
                )
            )
        info.policies.append(
            proto.PolicyInfo(
                name=EXEMPTIONS_RULE,
                displayName=EXEMPTIONS_RULE,
                description=_EXEMPTIONS_TITLE,
                enforcementLevel=proto.MANDATORY,
                severity=proto.POLICY_SEVERITY_HIGH,
                policy_type=proto.POLICY_TYPE_STACK,
                remediation_steps=_EXEMPTIONS_FIX,
            )
        )
        return info

    def GetPluginInfo(self, request: empty_pb2.Empty, context: object) -> plugin_pb2.PluginInfo:
        """The pack's version."""
        return plugin_pb2.PluginInfo(version=_version())

    def Configure(self, request: proto.ConfigureAnalyzerRequest, context: object) -> empty_pb2.Empty:
        """Take the levels of `--policy-pack-config`."""
        with self._lock:
            self._levels = {name: config.enforcementLevel for name, config in request.policyConfig.items()}
            self._forget()
        return empty_pb2.Empty()

    def ConfigureStack(
        self,
        request: proto.AnalyzerStackConfigureRequest,
        context: object,
    ) -> proto.AnalyzerStackConfigureResponse:
        """Learn whether this is a preview, whether the stack is unlocked, and which values its configuration keeps secret."""
        with self._lock:
            self._preview = request.dry_run
            self._unlocked = request.config.get(f"{request.project}:unlock") == "true"
            self._secrets = _secret_values(request)
            self._forget()
        return proto.AnalyzerStackConfigureResponse()

    def Remediate(self, request: proto.AnalyzeRequest, context: object) -> proto.RemediateResponse:
        """Change nothing: the pack judges, it does not rewrite."""
        return proto.RemediateResponse()

    def Analyze(self, request: proto.AnalyzeRequest, context: object) -> proto.AnalyzeResponse:
        """Judge one resource by its inputs, before the engine acts on it."""
        with self._lock:
            inputs = properties(request.properties)
            self._inputs[request.urn] = inputs
            resource = Resource(
                urn=request.urn,
                type_=request.type,
                name=request.name,
                inputs=inputs,
                provider=self._provider(request),
            )
            return self._response(self._current_run().resource(resource))

    def AnalyzeStack(self, request: proto.AnalyzeStackRequest, context: object) -> proto.AnalyzeResponse:
        """Judge how all resources relate, once all of them are registered."""
        with self._lock:
            run = self._current_run()
            stack = Stack(
                (self._recorded(resource) for resource in request.resources),
                today=run.today,
                preview=self._preview,
                unlocked=self._unlocked,
                secrets=self._secrets,
            )
            findings = run.stack(stack)
            self._forget()
            return self._response(summarise(findings))

    def Cancel(self, request: empty_pb2.Empty, context: object) -> empty_pb2.Empty:
        """End."""
        if self._on_cancel:
            self._on_cancel()
        return empty_pb2.Empty()

    def _recorded(self, raw: proto.AnalyzerResource) -> Resource:
        # At this point the engine sends outputs. What the program asked for was seen in Analyze; a resource that was not (--target) is
        # judged by its outputs, which repeat its inputs.
        outputs = _Once(raw)
        inputs = self._inputs.get(raw.urn)
        return Resource(
            urn=raw.urn,
            type_=raw.type,
            name=raw.name,
            inputs=outputs() if inputs is None else inputs,
            outputs=outputs,
            dependencies={prop: list(origin.urns) for prop, origin in raw.propertyDependencies.items()},
            provider=self._provider(raw),
        )

    def _provider(self, raw: proto.AnalyzeRequest | proto.AnalyzerResource) -> Properties | None:
        if not raw.HasField("provider"):
            return None
        urn = raw.provider.urn
        if urn not in self._providers:
            self._providers[urn] = properties(raw.provider.properties)
        return self._providers[urn]

    def _level(self, rule: str) -> proto.EnforcementLevel.ValueType:
        known = self._by_id.get(rule)
        return self._levels.get(rule, _ENFORCEMENT[known.enforcement] if known else proto.MANDATORY)

    def _current_run(self) -> Run:
        if self._run is None:
            day = self._clock()
            enabled = [rule for rule in self._rules if self._level(rule.id) != proto.DISABLED]
            self._run = Run(enabled, exemptions=self._exemptions(day), today=day, preview=self._preview)
        return self._run

    def _forget(self) -> None:
        self._run = None
        self._inputs.clear()
        self._providers.clear()

    def _response(self, findings: Iterable[Finding]) -> proto.AnalyzeResponse:
        response = proto.AnalyzeResponse()
        for finding in findings:
            level = self._level(finding.rule)
            if level != proto.DISABLED:
                response.diagnostics.append(self._diagnostic(finding, level))
        return response

    def _diagnostic(self, finding: Finding, level: proto.EnforcementLevel.ValueType) -> proto.AnalyzeDiagnostic:
        rule = self._by_id.get(finding.rule)
        title, fix = (rule.title, rule.remediation) if rule else (_EXEMPTIONS_TITLE, _EXEMPTIONS_FIX)
        if not finding.blocks:
            level = proto.ADVISORY
        elif finding.kind is Kind.BROKEN or level == proto.REMEDIATE:
            # A rule that cannot run protects nothing, whatever its level; and nothing here remediates.
            level = proto.MANDATORY
        lines = [title, f"{finding.rule}: {finding.message}"]
        if (finding.blocks or finding.kind is Kind.ELSEWHERE) and level == proto.ADVISORY:
            # A warning is one line to whoever reads many of them, so that line says it all.
            lines[1] = f"{finding.rule}: {finding.urn.rpartition('::')[2] or 'the stack'}: {finding.message} (advice: {fix})"
        elif finding.kind in (Kind.VIOLATION, Kind.UNRESOLVED):
            lines.append(f"fix: {fix}")
        return proto.AnalyzeDiagnostic(
            policyName=finding.rule,
            policyPackName=PACK,
            policyPackVersion=_version(),
            description=title,
            message="\n".join(lines),
            enforcementLevel=level,
            urn=finding.urn,
            severity=_severity(rule, finding),
        )


def _severity(rule: Rule | None, finding: Finding) -> proto.PolicySeverity.ValueType:
    if not finding.blocks:
        return proto.POLICY_SEVERITY_LOW
    return _SEVERITY[rule.severity] if rule else proto.POLICY_SEVERITY_HIGH


class _Once:
    """A resource's outputs, converted when a rule asks for them."""

    def __init__(self, raw: proto.AnalyzerResource) -> None:
        self._raw = raw
        self._converted: Properties | None = None

    def __call__(self) -> Properties:
        if self._converted is None:
            self._converted = properties(self._raw.properties)
        return self._converted


def _secret_values(request: proto.AnalyzerStackConfigureRequest) -> frozenset[str]:
    values: set[str] = set()
    for key in request.config_secret_keys:
        text = request.config.get(key, "")
        values.add(text)
        if text.startswith(("{", "[")):
            try:
                values.update(texts(parse_json(text)))
            except ValueError:
                continue
    return frozenset(value for value in values if value)


@cache
def _version() -> str:
    try:
        return installed_version("nautilus-infra")
    except PackageNotFoundError:
        return "0.0.0"


def _end(server: grpc.Server) -> None:
    server.stop(grace=0.2)


def serve(exemptions: Path, *, rules: Sequence[Rule] = RULES) -> None:
    """Serve the pack on a free local port, print the port, and stay until the engine ends it.

    Args:
        exemptions: The file of accepted exceptions.
        rules: The rules it holds.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=2),
        options=[("grpc.max_receive_message_length", _MESSAGE_LIMIT), ("grpc.max_send_message_length", _MESSAGE_LIMIT)],
    )
    known: Mapping[str, Rule] = {rule.id: rule for rule in rules}
    analyzer = Analyzer(rules, exemptions=lambda day: load(exemptions, rules=known.keys(), today=day), on_cancel=lambda: _end(server))
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine may interrupt as soon as it has read the port.
    try:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(grace=None)
