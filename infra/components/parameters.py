"""Stack outputs as SSM parameters, for tools that do not speak Pulumi."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context


def _text(value: Any) -> str:
    """A parameter holds text: lists and maps become JSON with sorted keys. SSM refuses an empty value, so an empty one is a JSON null."""
    if isinstance(value, str):
        return value or "null"
    return json.dumps(value, sort_keys=True)


def _compact(value: Any) -> str:
    """The same without spaces: of a long list each byte counts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


LONG = frozenset({"alarmNames"})
"""Keys whose text outgrows the 4,096 bytes of SSM's standard tier; the advanced one takes 8,192, for 0.05 $ a month."""


class Parameters(Component):
    """One `String` parameter for each value, under `prefix`.

    Makes: `aws:ssm:Parameter` for each value. Secret values are refused: they belong in Secrets Manager.
    """

    token: ClassVar[str] = "parameters"

    def __init__(
        self, name: str, ctx: Context, *, prefix: str, values: Mapping[str, pulumi.Output[Any]], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, ctx, opts)
        for key, value in values.items():
            # The prefix is ours alone, so a value that an interrupted `up` left there is overwritten, not refused.
            aws.ssm.Parameter(
                f"{name}-{key}",
                name=f"{prefix}/{key}",
                type="String",
                tier="Advanced" if key in LONG else "Standard",
                value=value.apply(_compact if key in LONG else _text),
                overwrite=True,
                opts=self.child(),
            )
        self.register_outputs({"prefix": prefix})
