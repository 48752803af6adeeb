"""The configuration of a provider instance: what of it matters to a simulation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from nautilus.sandbox.simulation.context import Peer
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, reveal


def _parsed(value: Any) -> Any:
    """Provider configuration travels as JSON text wherever it is not a string."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return _opened(json.loads(value))
        except ValueError:
            return value
    return value


def _opened(value: Any) -> Any:
    # JSON-encoded configuration carries secrets as signed objects.
    if is_map(value):
        if "4dabf18193072939515e22adb298388d" in value:
            return _opened(value.get("value"))
        return {key: _opened(item) for key, item in value.items()}
    if is_list(value):
        return [_opened(item) for item in value]
    return value


def peer_of(config: Mapping[str, Any], default: Peer) -> Peer:
    """The peer that a provider's inputs describe. Credentials are neither needed nor looked at."""
    values = {key: _parsed(reveal(value)) for key, value in config.items()}
    region = values.get("region")
    accounts = values.get("allowedAccountIds")
    tags = values.get("defaultTags")
    ignored = values.get("ignoreTags")
    given = tags.get("tags") if is_map(tags) else None
    account = next((each for each in accounts if isinstance(each, str)), None) if is_list(accounts) else None
    return Peer(
        region=region if isinstance(region, str) and region else default.region,
        account=account or default.account,
        default_tags=given if is_map(given) else {},
        ignored_keys=tuple(ignored.get("keys") or ()) if is_map(ignored) else (),
        ignored_prefixes=tuple(ignored.get("keyPrefixes") or ()) if is_map(ignored) else (),
    )


def failures(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Findings (property, reason) about a provider's inputs."""
    values = {key: _parsed(reveal(value)) for key, value in config.items()}
    found: list[tuple[str, str]] = []
    region = values.get("region")
    if isinstance(region, str) and region is not UNKNOWN and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        found.append(("region", f"is {region!r}, but must be a region such as us-east-1"))
    accounts = values.get("allowedAccountIds")
    listed = [each for each in accounts if isinstance(each, str)] if is_list(accounts) else []
    found += [
        ("allowedAccountIds", f"holds {each!r}, but an account id has 12 digits") for each in listed if not re.fullmatch(r"\d{12}", each)
    ]
    return found
