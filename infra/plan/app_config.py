"""What AppConfig is given: three documents, the JSON Schemas that hold them, how each is rolled out, and which alarms take it back. Pure.

| profile | what it says | who changes it |
| --- | --- | --- |
| `flags` | features that are on | `nautilus flags deploy flags FILE` |
| `volume` | the share of the trading volume, in percent | `nautilus flags volume PERCENT` |
| `limits` | risk limits, and a ceiling over the volume | `nautilus flags deploy limits FILE`, `nautilus flags ceiling PERCENT` |

Each profile has an environment of its own name, for two reasons. AppConfig runs one deployment at a time in an environment, and a cut of the
volume may not wait for twenty minutes of a flag's rollout. And the alarms that roll back belong to the environment: `limits` has none,
because AppConfig takes back whatever is deployed while an alarm is on or has no data (AWS-RULES section 6), and a limit that somebody
tightens in trouble must stay tight. The halt flag is not here at all.

A share of hosts means nothing to one engine: a strategy that grows in steps would hand the new document to the only task at a random moment.
So what grows is the document's own value, step by step, each step one deployment with its bake time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from infra.plan.iam import Json, canonical, policy, statement
from infra.settings.flags import Flags

CONTENT_TYPE = "application/json"
DRAFT_04 = "http://json-schema.org/draft-04/schema#"
"""The only draft that AppConfig's inline validators speak (AppConfig user guide, validators)."""

LONGEST_SCHEMA = 32_768
"""Characters of an inline validator (AppConfig's API)."""

MOST_MONITORS = 5
"""Alarms of an environment (AppConfig's API)."""

DRAWDOWN_BELOW = 25
"""Percent (PFC-015)."""

NAME = r"^[a-z][a-zA-Z0-9_-]{0,63}$"
"""A flag's or an attribute's key (AppConfig's reference of feature flags)."""


class Profile(StrEnum):
    """A configuration profile, and the environment of the same name."""

    FLAGS = "flags"
    VOLUME = "volume"
    LIMITS = "limits"

    @property
    def kind(self) -> str:
        """AppConfig's type of profile."""
        return "AWS.AppConfig.FeatureFlags" if self is Profile.FLAGS else "AWS.Freeform"

    @property
    def holds(self) -> str:
        """What it says, in a few words."""
        return {
            Profile.FLAGS: "Features that are on",
            Profile.VOLUME: "The share of the trading volume, in percent",
            Profile.LIMITS: "Risk limits, and a ceiling over the volume",
        }[self]


@dataclass(frozen=True)
class Strategy:
    """How a document is handed out, in AppConfig's terms. It always grows linearly."""

    minutes: int
    """Until all hosts have it, 0 to 1,440."""
    growth_percent: int
    """Share of the hosts that a step adds, 1 to 100."""
    bake_minutes: int
    """How long the alarms are watched afterwards, 0 to 1,440."""
    why: str


def strategies(flags: Flags) -> dict[str, Strategy]:
    """The three ways: `gradual` for flags, `watched` for a volume that rises, `immediate` for limits, a volume that falls and the first documents."""
    return {
        "gradual": Strategy(10, 20, 10, "A fifth of the tasks every two minutes, then ten minutes under watch"),
        "watched": Strategy(0, 100, flags.volume_bake_minutes, "At once, then under watch until the step counts"),
        "immediate": Strategy(0, 100, 0, "At once, not under watch"),
    }


MONITORS: Mapping[Profile, tuple[str, ...]] = MappingProxyType(
    {
        Profile.FLAGS: ("backend-rollout-errors", "backend-rollout-latency", "frontend-rollout-errors"),
        Profile.VOLUME: ("backend-rollout-errors", "engine-absent", "engine-twice", "ib-gateway-absent"),
        Profile.LIMITS: (),
    }
)
"""Alarms that roll a profile's deployment back, by their key in the alarm table. Each says what a period without data means, so that none
stays in INSUFFICIENT_DATA, which AppConfig takes for an alarm; only the first minutes after an alarm was made are without a verdict."""


def monitors(profile: Profile, known: Collection[str]) -> tuple[str, ...]:
    """The alarms of a profile's environment among those that the stack has (a stack without an engine has none of its alarms)."""
    return tuple(key for key in MONITORS[profile] if key in known)


NOT_ABOVE = (("maxOrderValueUsd", "maxPositionValueUsd"), ("maxPositionValueUsd", "maxExposureUsd"))
"""Limits that may not be above another one: no JSON Schema of draft-04 can say it, so the settings and the command do."""


def first_documents(flags: Flags) -> dict[Profile, Json]:
    """The first version of each document: flags off, the lowest share, the stack file's limits, and nothing held down by the ceiling."""
    own = flags.limits
    return {
        Profile.FLAGS: {
            "version": "1",
            "flags": {name: {"name": name, "description": text} for name, text in flags.names.items()},
            "values": {name: {"enabled": False} for name in flags.names},
        },
        Profile.VOLUME: {"percent": flags.volume_steps[0]},
        Profile.LIMITS: {
            "maxOrderValueUsd": own.max_order_value_usd,
            "maxPositionValueUsd": own.max_position_value_usd,
            "maxExposureUsd": own.max_exposure_usd,
            "maxLeverage": own.max_leverage,
            "maxDailyLossUsd": own.max_daily_loss_usd,
            "maxDrawdownPercent": own.max_drawdown_percent,
            "maxOrdersPerMinute": own.max_orders_per_minute,
            "instruments": list(own.instruments),
            "volumeCeilingPercent": 100,
        },
    }


def _object(properties: Mapping[str, Any], **more: Any) -> Json:
    return {"type": "object", "properties": dict(properties), "required": sorted(properties), "additionalProperties": False, **more}


def _volume_schema(flags: Flags) -> Json:
    return _object({"percent": {"type": "integer", "enum": [0, *flags.volume_steps]}})


def _limits_schema(flags: Flags) -> Json:
    own, times = flags.limits, flags.limits.headroom

    def whole(value: int) -> Json:
        return {"type": "integer", "minimum": 1, "maximum": value * times}

    drawdown: Json = {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": own.max_drawdown_percent * times}
    if own.max_drawdown_percent * times >= DRAWDOWN_BELOW:
        # In draft-04 this is a truth value beside the maximum; later drafts made a number of it.
        drawdown |= {"maximum": DRAWDOWN_BELOW, "exclusiveMaximum": True}
    return _object(
        {
            "maxOrderValueUsd": whole(own.max_order_value_usd),
            "maxPositionValueUsd": whole(own.max_position_value_usd),
            "maxExposureUsd": whole(own.max_exposure_usd),
            "maxLeverage": {"type": "number", "minimum": 1, "maximum": own.max_leverage * times},
            "maxDailyLossUsd": whole(own.max_daily_loss_usd),
            "maxDrawdownPercent": drawdown,
            "maxOrdersPerMinute": whole(own.max_orders_per_minute),
            "instruments": {
                "type": "array",
                "items": {"type": "string", "pattern": r"^[A-Z0-9][A-Za-z0-9_./=-]{0,62}\.[A-Z0-9]{1,20}$"},
                "uniqueItems": True,
                "maxItems": 200,
            },
            "volumeCeilingPercent": {"type": "integer", "minimum": 0, "maximum": 100},
        }
    )


def _flags_schema() -> Json:
    """AppConfig holds feature flags against a schema of its own, of draft-07. This is as much of it as a desk needs to refuse early."""
    text = {"type": "string", "minLength": 1, "maxLength": 64}
    flag = {
        "type": "object",
        "properties": {
            "name": text,
            "description": {"type": "string", "maxLength": 1024},
            "attributes": {"type": "object", "maxProperties": 25},
            "_createdAt": {"type": "string"},
            "_updatedAt": {"type": "string"},
            "_deprecation": {"type": "object"},
        },
        "additionalProperties": False,
    }
    value = {"type": "object", "properties": {"enabled": {"type": "boolean"}}, "required": ["enabled"]}
    return {
        "type": "object",
        "properties": {
            "version": {"enum": ["1"]},
            "flags": {"type": "object", "patternProperties": {NAME: flag}, "additionalProperties": False},
            "values": {"type": "object", "patternProperties": {NAME: value}, "additionalProperties": False},
        },
        "required": ["flags", "values", "version"],
        "additionalProperties": False,
    }


def schemas(flags: Flags) -> dict[Profile, Json]:
    """The JSON Schema (draft-04) of each document. That of `flags` is for the desk alone: AppConfig brings its own."""
    title = "nautilus {}"
    return {
        profile: {"$schema": DRAFT_04, "title": title.format(profile.value), **body}
        for profile, body in {
            Profile.FLAGS: _flags_schema(),
            Profile.VOLUME: _volume_schema(flags),
            Profile.LIMITS: _limits_schema(flags),
        }.items()
    }


def validator(profile: Profile, flags: Flags) -> str | None:
    """The inline validator of a profile; None for feature flags.

    Raises:
        ValueError: It is longer than AppConfig takes.
    """
    if profile is Profile.FLAGS:
        return None
    text = canonical(schemas(flags)[profile])
    if len(text) > LONGEST_SCHEMA:
        raise ValueError(f"the schema of {profile.value} has {len(text)} characters; AppConfig takes {LONGEST_SCHEMA}")
    return text


def alarm_policy(*, region: str, account_id: str, partition: str = "aws") -> str:
    """The role with which AppConfig looks at the alarms: this account's in this region. It asks for a list of names, which knows no narrower
    resource, and ours are no composite alarms, which would need every resource (CloudWatch DescribeAlarms)."""
    return policy(statement(["cloudwatch:DescribeAlarms"], [f"arn:{partition}:cloudwatch:{region}:{account_id}:alarm:*"], sid="ReadAlarms"))


def variables(application: str) -> dict[str, str]:
    """What a reading container is told. The environment of a profile has the profile's own name, and AppConfig takes names for ids."""
    return {"APPCONFIG_APPLICATION": application, "APPCONFIG_PROFILES": ",".join(sorted(profile.value for profile in Profile))}
