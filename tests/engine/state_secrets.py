"""Every secret that stands in a stack's state, in clear text, and what explains it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MARK, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""How Pulumi's state marks a secret value."""
RANDOM = "random:index/randomPassword:RandomPassword"
MARKED_ANYWAY = {"aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion", "aws:ssm/parameter:Parameter"}
"""Types whose text the provider marks whatever it says: an address of a database, a list of flags."""
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"

COMPOSITE = {
    "aws:cloudfront/distribution:Distribution",
    "aws:elasticache/user:User",
    "aws:lb/listenerRule:ListenerRule",
    "pulumi:pulumi:Stack",
}
"""Types whose secret values are lists or objects with more than the secret in them; everything else is one text."""


@dataclass(frozen=True)
class Found:
    """A secret value of the state. Its text is never part of a message."""

    urn: str
    path: str
    text: str

    def __repr__(self) -> str:
        return f"{self.where} ({len(self.text)} characters)"

    @property
    def type(self) -> str:
        """The type of the resource that holds it."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def where(self) -> str:
        """Resource and property."""
        return f"{self.urn.rpartition('::')[2]} [{self.type}] {self.path}"


def secret_values(state: Mapping[str, Any]) -> Iterator[Found]:
    """Every secret of an export with `--show-secrets`.

    Raises:
        ValueError: the export does not show them.
    """
    for resource in state["deployment"].get("resources", []):
        for part in ("inputs", "outputs"):
            yield from _walk(resource.get(part), resource["urn"], part)


def _walk(value: Any, urn: str, path: str) -> Iterator[Found]:
    if isinstance(value, dict):
        if value.get(MARK) == SECRET:
            if "plaintext" not in value:
                raise ValueError(f"{urn} {path} is encrypted: export with --show-secrets")
            shown = json.loads(value["plaintext"])
            yield Found(urn, path, shown if isinstance(shown, str) else json.dumps(shown))
            return
        for key, item in value.items():
            yield from _walk(item, urn, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, urn, f"{path}[{number}]")


def generated(state: Mapping[str, Any]) -> dict[str, str]:
    """What was drawn at random, by the name of the secret that it was drawn for (`secrets-<name>-value`).

    Raises:
        ValueError: something else draws values.
    """
    values: dict[str, str] = {}
    for found in secret_values(state):
        if found.type == RANDOM and found.path == "outputs.result":
            name = found.urn.rpartition("::")[2]
            if not (name.startswith("secrets-") and name.endswith("-value")):
                raise ValueError(f"{name} draws a value outside of the inventory of secrets")
            values[name.removeprefix("secrets-").removesuffix("-value")] = found.text
    return values


def unexplained(state: Mapping[str, Any], firsts: Mapping[str, str]) -> list[Found]:
    """Secrets of the state that are none of the generated first values, nor made of one."""
    known = set(generated(state).values())

    def explained(found: Found) -> bool:
        if found.type == RANDOM and found.path.endswith(".bcryptHash"):
            return True  # a hash of the same value
        if found.type in MARKED_ANYWAY:
            # What stands there may hold no secret's value.
            return not any(value in found.text for value in known)
        if found.text in known or found.text in firsts.values():
            return True
        return found.type in COMPOSITE and any(value in found.text for value in known)

    return [found for found in secret_values(state) if not explained(found)]


def bare(state: Mapping[str, Any]) -> str:
    """Everything of an export that is not marked as a secret."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return None if value.get(MARK) == SECRET else {key: stripped(item) for key, item in value.items()}
        return [stripped(item) for item in value] if isinstance(value, list) else value

    return json.dumps(stripped(dict(state)))
