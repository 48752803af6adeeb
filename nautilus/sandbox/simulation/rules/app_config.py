"""Rules of AppConfig: validators, documents, alarms of an environment, and what a deployment names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from nautilus.sandbox.simulation.rules import Finding, RuleContext, rule
from nautilus.sandbox.simulation.values import is_map, shown

_PROFILE = "aws:appconfig/configurationProfile:ConfigurationProfile"
_FLAGS = "AWS.AppConfig.FeatureFlags"
_LONGEST_SCHEMA = 32_768


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


@rule(
    "appconfig-validator", "AppConfig CreateConfigurationProfile and user guide: two validators, inline JSON Schema of draft-04", _PROFILE
)
def appconfig_validator(ctx: RuleContext) -> Iterator[Finding]:
    """Validators that are too many, too long, or of another draft."""
    validators = ctx.items("validators")
    if len(validators) > 2:
        yield "validators", f"lists {len(validators)} validators, but AWS accepts at most 2"
    for index, each in enumerate(validators):
        if not is_map(each) or each.get("type") != "JSON_SCHEMA":
            continue
        content, path = each.get("content"), f"validators[{index}].content"
        if content is None:
            yield path, "is missing, but a JSON_SCHEMA validator is its content"
        if not isinstance(content, str):
            continue
        if len(content) > _LONGEST_SCHEMA:
            yield path, f"has {len(content)} characters, but AWS accepts at most {_LONGEST_SCHEMA:,}"
        schema = _object(content)
        if schema is None:
            yield path, "is not a JSON object"
        elif "draft-04" not in str(schema.get("$schema", "draft-04")):
            yield path, f"is a schema of {shown(schema['$schema'])}, but AppConfig speaks draft-04 alone"


@rule("appconfig-hosted", "AppConfig user guide: feature flags lie in the hosted store, which needs no role", _PROFILE)
def appconfig_hosted(ctx: RuleContext) -> Iterator[Finding]:
    """Feature flags elsewhere, and another store without the role that reads it."""
    where, kind = ctx.text("locationUri"), ctx.chosen("type", "AWS.Freeform")
    if where is None:
        return
    if kind == _FLAGS and where != "hosted":
        yield "locationUri", f"is {shown(where)}, but feature flags are hosted"
    if where != "hosted" and not where.startswith("codepipeline://") and ctx.absent("retrievalRoleArn"):
        yield "retrievalRoleArn", "is missing, but AppConfig reads every store but its own and CodePipeline with a role"


@rule("appconfig-monitors", "AppConfig CreateEnvironment: at most 5 alarms", "aws:appconfig/environment:Environment")
def appconfig_monitors(ctx: RuleContext) -> Iterator[Finding]:
    """More alarms than an environment takes."""
    if len(ctx.items("monitors")) > 5:
        yield "monitors", f"lists {len(ctx.items('monitors'))} alarms, but AWS accepts at most 5"


@rule(
    "appconfig-document",
    "AppConfig CreateHostedConfigurationVersion, and its reference of feature flags",
    "aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion",
)
def appconfig_document(ctx: RuleContext) -> Iterator[Finding]:
    """Documents that are not what their type says, and values of flags that nobody defined."""
    content, kind = ctx.text("content"), ctx.text("contentType")
    if content is None or kind != "application/json":
        return
    try:
        json.loads(content)
    except ValueError:
        yield "content", "is not JSON, although contentType says so"
        return
    profiles, _ = ctx.related("configurationProfileId", _PROFILE)
    if not any(profile.get("type") == _FLAGS for profile in profiles):
        return
    document = _object(content) or {}
    if document.get("version") != "1":
        yield "content", f'has version {shown(document.get("version"))}, but feature flags have "1"'
    flags, values = document.get("flags") or {}, document.get("values") or {}
    if isinstance(flags, dict) and isinstance(values, dict):
        for name in sorted(set(cast("dict[str, Any]", values)) - set(cast("dict[str, Any]", flags))):
            yield "content", f"has a value of {shown(name)}, which is no flag"
