"""Tells people of every change of the halt flag."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pulumi

from infra.component import Component, Context
from infra.components.events import RULE_LIMIT, tell
from infra.plan.iam import canonical

_MESSAGE = "<operation> of the halt flag <name> at <time>: <description>. Runbook: docs/runbooks/trading-halt.md."


def changes_of(parameter: str) -> dict[str, Any]:
    """EventBridge's pattern for every change of one parameter, a deletion included."""
    return {"source": ["aws.ssm"], "detail-type": ["Parameter Store Change"], "detail": {"name": [parameter]}}


class HaltWatch(Component):
    """A rule on the parameter's own events: whoever halts or resumes trading, by whatever means, people hear of it at once.

    The parameter itself stands outside Pulumi (`nautilus engine halt|resume`); its description, which the event carries, says who and
    why. Makes: `cloudwatch.EventRule` and `EventTarget`. Parameter Store emits its events on a best-effort basis, so this tells people
    and stops nobody: who trades reads the flag.

    Sources: NRC-074 (trading halts); DTO-130, DTO-131 (people are told).
    """

    token: ClassVar[str] = "halt-watch"

    def __init__(
        self, name: str, ctx: Context, *, parameter: str, topic_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the rule.

        Args:
            name: Logical name.
            ctx: The stack.
            parameter: The flag's full name, such as `/nautilus/prod/trading/halt`.
            topic_arn: The critical topic; its policy must admit EventBridge.
            opts: Options of the component.
        """
        super().__init__(name, ctx, opts)
        rule = tell(
            self,
            name,
            name=ctx.names(name, limit=RULE_LIMIT),
            what="Trading was halted or resumed. Runbook: docs/runbooks/trading-halt.md.",
            pattern=canonical(changes_of(parameter)),
            topic_arn=topic_arn,
            words={
                "input_paths": {
                    "description": "$.detail.description",
                    "name": "$.detail.name",
                    "operation": "$.detail.operation",
                    "time": "$.time",
                },
                # A JSON string, as SNS gets it: the words in angle brackets are the paths above.
                "input_template": json.dumps(_MESSAGE),
            },
        )
        self.rule_name = rule.name
        self.register_outputs({"ruleName": self.rule_name})
