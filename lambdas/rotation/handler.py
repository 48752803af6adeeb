"""Secrets Manager's four steps, for whatever the secret opens; the kind of secret is the environment variable KIND.

Secrets Manager calls one step after the other, each with `SecretId`, the `ClientRequestToken` that is the pending version's id, and `Step`:

    createSecret  the pending version gets a value, unless an earlier attempt gave it one
    setSecret     what the secret opens accepts the pending value too
    testSecret    the pending value opens it
    finishSecret  AWSCURRENT moves to the pending version, then what only older values opened is closed

Any step may be repeated: Secrets Manager tries again after a failure, from the first step and with the same version. So each looks at what is
there before it acts. No value is ever logged, nor part of an error's text.

The very first version of a secret carries the label FIRST, because its value stands in the state of the stack that made it.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from lambdas.rotation.strategy import Strategy

CURRENT, PENDING, PREVIOUS, FIRST = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "FIRST"

STRATEGIES: Mapping[str, tuple[str, str]] = {
    "postgres-app": ("postgres", "AppLogin"),
    "postgres-administrator": ("postgres", "Administrator"),
    "cache-user": ("cache", "CacheUser"),
    "jwt": ("values", "SigningKey"),
    "value": ("values", "Value"),
    "origin-header": ("origin", "OriginHeader"),
}
"""Module and class of each kind. Only the module that runs is imported: a function has the libraries of its own kind alone."""

_BOTO = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


class RefusedError(Exception):
    """The call does not fit the secret's state: a rotation that nobody scheduled, or a version that is none of its."""


def strategy_of(environment: Mapping[str, str]) -> Strategy:
    """What KIND names.

    Raises:
        RefusedError: KIND is missing or unknown.
    """
    kind = environment.get("KIND", "")
    if kind not in STRATEGIES:
        raise RefusedError(f"KIND is {kind!r}, not one of {', '.join(STRATEGIES)}")
    module, name = STRATEGIES[kind]
    # In the archive the files lie side by side; in the repository they are a package.
    found = importlib.import_module(f"{__package__}.{module}" if __package__ else module)
    strategy: Strategy = getattr(found, name)(environment)
    return strategy


class Rotation:
    """One secret on its way from one version to the next."""

    def __init__(self, client: Any, strategy: Strategy, secret: str, token: str) -> None:
        """Look at the secret.

        Raises:
            RefusedError: rotation is off, the version does not exist, or it is neither pending nor current.
        """
        self._client = client
        self._strategy = strategy
        self._secret = secret
        self._token = token
        about = client.describe_secret(SecretId=secret)
        if not about.get("RotationEnabled"):
            raise RefusedError(f"rotation of {secret} is not enabled")
        self._stages: dict[str, list[str]] = about.get("VersionIdsToStages", {})
        if token not in self._stages:
            raise RefusedError(f"{secret} has no version {token}")
        mine = self._stages[token]
        self._done = CURRENT in mine
        if not self._done and PENDING not in mine:
            raise RefusedError(f"version {token} of {secret} is not pending")

    def run(self, step: str) -> None:
        """Take one step.

        Raises:
            RefusedError: there is no such step.
        """
        steps = {"createSecret": self._create, "setSecret": self._set, "testSecret": self._test, "finishSecret": self._finish}
        if step not in steps:
            raise RefusedError(f"{step!r} is not a step of a rotation")
        if self._done and step != "finishSecret":
            log.info("%s: version %s is current already, nothing to do for %s", self._secret, self._token, step)
            return
        steps[step]()
        log.info("%s: %s is done for version %s", self._secret, step, self._token)

    def _create(self) -> None:
        if self._value(PENDING, self._token) is not None:
            return
        current = self._current()
        value = self._strategy.new(current, self._first())
        self._client.put_secret_value(SecretId=self._secret, ClientRequestToken=self._token, SecretString=value, VersionStages=[PENDING])

    def _set(self) -> None:
        previous = None if self._first() else self._value(PREVIOUS)
        self._strategy.set(self._current(), self._pending(), previous)

    def _test(self) -> None:
        self._strategy.test(self._pending())

    def _finish(self) -> None:
        value = self._value(CURRENT, self._token) if self._done else self._pending()
        if not self._done:
            self._client.update_secret_version_stage(
                SecretId=self._secret, VersionStage=CURRENT, MoveToVersionId=self._token, RemoveFromVersionId=self._version(CURRENT)
            )
        if value is not None:
            self._strategy.finished(value)
        if PENDING in self._stages[self._token]:
            self._client.update_secret_version_stage(SecretId=self._secret, VersionStage=PENDING, RemoveFromVersionId=self._token)

    def _version(self, stage: str) -> str:
        found = [version for version, stages in self._stages.items() if stage in stages]
        if not found:
            raise RefusedError(f"{self._secret} has no version {stage}")
        return found[0]

    def _first(self) -> bool:
        return FIRST in self._stages[self._version(CURRENT)]

    def _current(self) -> str:
        found = self._value(CURRENT)
        if found is None:
            raise RefusedError(f"{self._secret} holds nothing yet")
        return found

    def _pending(self) -> str:
        found = self._value(PENDING, self._token)
        if found is None:
            raise RefusedError(f"version {self._token} of {self._secret} has no value yet: createSecret comes first")
        return found

    def _value(self, stage: str, token: str | None = None) -> str | None:
        try:
            named = {"VersionId": token} if token else {}
            found = self._client.get_secret_value(SecretId=self._secret, VersionStage=stage, **named)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        value: str = found["SecretString"]
        return value


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Called by Secrets Manager, once a step.

    Raises:
        Exception: whatever stopped the step; Secrets Manager then tries again, and announces RotationFailed when that does not help.
    """
    client: Any = boto3.client("secretsmanager", config=_BOTO)
    Rotation(client, strategy_of(os.environ), event["SecretId"], event["ClientRequestToken"]).run(event["Step"])
