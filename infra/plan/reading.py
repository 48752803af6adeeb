"""Whether ECS can read the secrets of a task: the execution role's finished policy against the finished container definitions. Pure.

ECS finds a missing right when it starts a task, in the middle of a rollout. This finds it when the plan is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from infra.plan.iam import secret_arn

_UNDERSTOOD = ("ArnEquals", "ArnLike", "StringEquals", "StringLike")


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(patterns: Any, value: str, *, fold: bool = False) -> bool:
    """IAM's wildcards `*` and `?`. Square brackets are ordinary characters there."""
    return any(
        fnmatchcase(value.lower() if fold else value, (pattern.lower() if fold else pattern).replace("[", "[[]"))
        for pattern in _many(patterns)
    )


def _holds(conditions: Mapping[str, Mapping[str, Any]], request: Mapping[str, str]) -> bool | None:
    """Whether the conditions are met; None where an operator or a key is not understood."""
    for operator, keys in conditions.items():
        for key, accepted in keys.items():
            if operator not in _UNDERSTOOD or key not in request:
                return None
            exact = operator == "StringEquals"
            if not (request[key] in _many(accepted) if exact else _like(accepted, request[key])):
                return False
    return True


def allows(document: str, action: str, resource: str, request: Mapping[str, str]) -> bool:
    """Whether an identity policy allows `action` on `resource`. What it cannot tell counts against: no grant, but a refusal.

    Args:
        document: The policy as JSON, with `Action` and `Resource` (the `Not…` forms count as not understood).
        action: Such as `secretsmanager:GetSecretValue`.
        resource: ARN.
        request: Condition keys of the request, such as `kms:ViaService`.
    """
    allowed = False
    for one in _many(json.loads(document)["Statement"]):
        refuses = one["Effect"] == "Deny"
        if "NotAction" in one or "NotResource" in one:
            if refuses:
                return False
            continue
        if not _like(one["Action"], action, fold=True) or not _like(one["Resource"], resource):
            continue
        met = _holds(one.get("Condition", {}), request)
        if refuses and met is not False:
            return False
        allowed = allowed or (not refuses and met is True)
    return allowed


def unreadable(document: str, containers: str, *, keys: Mapping[str, str]) -> Iterator[str]:
    """What the role with the policy `document` cannot read of what `containers` name, in words, one for each variable.

    Args:
        document: The execution role's policy.
        containers: The task's container definitions as JSON.
        keys: KMS key of each secret, ARN by ARN; a secret that is missing here is reported, because nobody knows its key.
    """
    for container in json.loads(containers):
        for entry in container.get("secrets", []):
            arn = secret_arn(entry["valueFrom"])
            region = arn.split(":")[3]
            where = f"{entry['name']} of the container {container['name']}"
            if not allows(document, "secretsmanager:GetSecretValue", arn, {}):
                yield f"{where}: the role may not read {arn}"
            elif arn not in keys:
                yield f"{where}: nobody says which key encrypts {arn}"
            elif not allows(document, "kms:Decrypt", keys[arn], {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}):
                yield f"{where}: the role may not use the key {keys[arn]} in {region}, which encrypts {arn}"
