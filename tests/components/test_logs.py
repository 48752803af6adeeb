"""Log groups."""

from __future__ import annotations

from infra.component import Component
from infra.components.logs import log_group
from tests.components.compute import KEY, context, synth


class Owner(Component):
    token = "owner"


def test_a_log_group_is_encrypted_and_kept_as_long_as_the_settings_say() -> None:
    stack = synth(lambda: log_group(Owner("owner", context(log_days=731)), "owner-log", path="/aws/lambda/x", key_arn=KEY) and None)
    made = stack.one("LogGroup", "owner-log")
    assert (made["name"], made["kmsKeyId"], made["retentionInDays"]) == ("/aws/lambda/x", KEY, 731)
    assert "owner$aws:cloudwatch/logGroup:LogGroup" in made.urn
