"""The header by which the load balancer knows CloudFront. The order is infra/plan/origin.py's, which also proves that it shuts nobody out:

    setSecret     `origin-header-previous` takes what the secret holds now; nothing is applied yet
    finishSecret  the secret takes the new value; then the rules accept both; then CloudFront sends the new one

An `up` at any moment in between applies the same two secrets in the same order. CloudFront's edges change over minutes, and nobody waits here
for them: the next rotation does not start before the distribution says Deployed. The one exception is a value that stands in the stack's
state, which nobody may know any longer than need be: the first rotation waits for the edges, then puts a fresh value in its place, and the
rules follow. `origin-header-previous` carries the label FIRST as long as it holds such a value, so an interrupted wait is made good.

Where there is no distribution yet (phase `foundation`), nobody sends either value, and both are drawn afresh.
"""

from __future__ import annotations

import copy
import json
import secrets
import string
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config

_BOTO = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})


FIRST = "FIRST"
"""Label of a version whose value stands in the state of the stack that made it (handler.py)."""
_WAIT_SECONDS, _LOOK_SECONDS = 780, 15
"""How long the first rotation waits for CloudFront's edges, and how often it looks; the function has 900 seconds."""


class NotSpreadError(Exception):
    """CloudFront still changes, or sends something else than the secret says: a rotation now would shut its edges out."""


class OriginHeader:
    """Reads HEADER, LENGTH, PREVIOUS_SECRET (ARN); DISTRIBUTION_ID, ORIGIN_DOMAIN and RULES (JSON list of listener-rule ARNs), all three
    empty where there is no distribution.
    """

    def __init__(
        self, environment: Mapping[str, str], clients: Mapping[str, Any] | None = None, pause: Callable[[float], None] = time.sleep
    ) -> None:
        made = clients or {name: boto3.client(name, config=_BOTO) for name in ("cloudfront", "elbv2", "secretsmanager")}  # type: ignore[call-overload]
        self._cdn, self._balancer, self._store = made["cloudfront"], made["elbv2"], made["secretsmanager"]
        self._pause = pause
        self._header = environment["HEADER"]
        self._length = int(environment["LENGTH"])
        self._previous = environment["PREVIOUS_SECRET"]
        self._distribution = environment.get("DISTRIBUTION_ID", "")
        self._origin = environment.get("ORIGIN_DOMAIN", "")
        self._rules: list[str] = json.loads(environment.get("RULES") or "[]")
        if bool(self._distribution) != bool(self._rules):
            raise ValueError("DISTRIBUTION_ID and RULES go together")

    def new(self, current: str, first: bool) -> str:  # noqa: ARG002 - the protocol's
        """Letters and digits, drawn afresh.

        Raises:
            NotSpreadError: the last change has not spread.
        """
        self._settled(current)
        return self._draw()

    def set(self, current: str, pending: str, previous: str | None) -> None:  # noqa: ARG002 - the protocol's
        """`origin-header-previous` takes what CloudFront sends now, and its label with it: before the first rotation there is no `previous`.

        Raises:
            NotSpreadError: the last change has not spread.
        """
        self._settled(current)
        if self._distribution:
            self._keep(current, FIRST if previous is None else None)

    def test(self, pending: str) -> None:
        """A load balancer takes the value (ELB: up to 128 characters, `*` and `?` are wildcards).

        Raises:
            ValueError: it would not, or would take it for a pattern.
        """
        if not 32 <= len(pending) <= 128 or not pending.isalnum():
            raise ValueError("the header's value is not 32 to 128 letters and digits")

    def finished(self, value: str) -> None:
        """The rules accept both values, then CloudFront sends the new one; a value of the state is dropped as soon as no edge sends it.

        Raises:
            NotSpreadError: CloudFront takes longer than the function may wait. The next attempt, or the next rotation, ends it.
        """
        if not self._distribution:
            self._keep(self._draw())
            return
        self._apply(value)
        self._send(value)
        if self._previous_stood_in_state():
            self._wait()
            self._keep(self._draw())
            self._apply(value)

    def _apply(self, value: str) -> None:
        """The rules accept what the two secrets hold."""
        previous = self._store.get_secret_value(SecretId=self._previous)["SecretString"]
        for rule in self._rules:
            self._accept(rule, sorted({value, previous}))

    def _previous_stood_in_state(self) -> bool:
        stages = self._store.describe_secret(SecretId=self._previous).get("VersionIdsToStages", {}).values()
        return any("AWSCURRENT" in one and FIRST in one for one in stages)

    def _wait(self) -> None:
        for _ in range(_WAIT_SECONDS // _LOOK_SECONDS):
            if self._cdn.get_distribution(Id=self._distribution)["Distribution"]["Status"] == "Deployed":
                return
            self._pause(_LOOK_SECONDS)
        raise NotSpreadError(f"{self._distribution} is not Deployed after {_WAIT_SECONDS} seconds")

    def _draw(self) -> str:
        return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(self._length))

    def _keep(self, value: str, label: str | None = None) -> None:
        """`origin-header-previous` holds `value`. A label that is given moves along; without one it stays where it was."""
        if self._store.get_secret_value(SecretId=self._previous)["SecretString"] != value:
            stages = ["AWSCURRENT", *([label] if label else [])]
            self._store.put_secret_value(SecretId=self._previous, SecretString=value, VersionStages=stages)

    def _settled(self, current: str) -> None:
        if not self._distribution:
            return
        found = self._cdn.get_distribution(Id=self._distribution)["Distribution"]
        if found["Status"] != "Deployed":
            raise NotSpreadError(f"{self._distribution} is {found['Status']}: wait until it is Deployed")
        if self._sent(found["DistributionConfig"])["HeaderValue"] != current:
            raise NotSpreadError(f"{self._distribution} sends something else than the secret holds: apply the secret first (`nautilus up`)")

    def _sent(self, config: Any) -> Any:
        """The header, as the origin has it, in CloudFront's answer itself."""
        for origin in config["Origins"]["Items"]:
            if origin["DomainName"] == self._origin:
                for header in origin.get("CustomHeaders", {}).get("Items", []):
                    if header["HeaderName"].lower() == self._header.lower():
                        return header
        raise NotSpreadError(f"{self._distribution} sends no {self._header} to {self._origin}")

    def _accept(self, arn: str, values: list[str]) -> None:
        """Change what a rule asks of the header, and neither its paths nor its actions: the weights are ECS's."""
        rule = self._balancer.describe_rules(RuleArns=[arn])["Rules"][0]
        conditions: list[dict[str, Any]] = []
        found = False
        for condition in rule["Conditions"]:
            # `Values` repeats what the typed configuration holds; ELB takes one of the two.
            kept = {
                key: value for key, value in condition.items() if key != "Values" or not any(name.endswith("Config") for name in condition)
            }
            typed = kept.get("HttpHeaderConfig")
            if typed and typed["HttpHeaderName"].lower() == self._header.lower():
                found = True
                if sorted(typed["Values"]) == values:
                    return
                kept["HttpHeaderConfig"] = {**typed, "Values": values}
            conditions.append(kept)
        if not found:
            raise NotSpreadError(f"{arn} asks for no {self._header}")
        self._balancer.modify_rule(RuleArn=arn, Conditions=conditions)

    def _send(self, value: str) -> None:
        answer = self._cdn.get_distribution_config(Id=self._distribution)
        config = copy.deepcopy(answer["DistributionConfig"])
        header = self._sent(config)
        if header["HeaderValue"] == value:
            return
        header["HeaderValue"] = value
        self._cdn.update_distribution(Id=self._distribution, IfMatch=answer["ETag"], DistributionConfig=config)
