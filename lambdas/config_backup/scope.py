"""What belongs to this stack, how AWS is asked for it page by page, and what one thing to save is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

_BOTO = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5})
_PAGES = 1_000
"""A list of more pages has no end: a token that comes back for ever."""

GLOBAL_REGION = "us-east-1"
"""Where CloudFront's web ACLs and certificates live."""


@dataclass(frozen=True)
class Settings:
    """The function's environment."""

    prefix: str
    """Start of every physical name, `nautilus-prod`."""
    path: str
    """Start of every parameter and log group, `/nautilus/prod`."""
    project: str
    environment: str
    """The tags `Project` and `Environment`, by which unnamed things are known."""
    region: str
    bucket: str
    namespace: str
    state_bucket: str | None
    """Bucket of Pulumi's state; None where the state lives elsewhere."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """From the environment.

        Raises:
            ValueError: a variable is missing. The run then fails, and the alarm on silence is raised.
        """
        try:
            return cls(
                prefix=environment["PREFIX"],
                path=environment["PARAMETER_PATH"],
                project=environment["PROJECT"],
                environment=environment["STACK"],
                region=environment["AWS_REGION"],
                bucket=environment["BUCKET"],
                namespace=environment["NAMESPACE"],
                state_bucket=environment.get("STATE_BUCKET") or None,
            )
        except KeyError as missing:
            raise ValueError(f"the variable {missing} is not set") from None


@dataclass(frozen=True)
class Item:
    """One object to save."""

    name: str
    """Its place below the source, such as `task-definitions.json`."""
    body: bytes


class Aws:
    """Clients by service and region, made once, and lists without end of page.

    Args:
        settings: The stack.
        client: Makes a client of a service in a region.
    """

    def __init__(self, settings: Settings, client: Callable[[str, str], Any] | None = None) -> None:
        self.settings = settings
        self._make = client or (lambda service, region: boto3.client(service, region_name=region, config=_BOTO))
        self._made: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of `service`, in the stack's region unless another is named."""
        key = (service, region or self.settings.region)
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def pages(
        self, service: str, operation: str, field: str, *, region: str | None = None, token: str | None = None, **asked: Any
    ) -> Iterator[Any]:
        """Every element of a list, over all of its pages.

        Args:
            service: Such as `ecs`.
            operation: boto3's name, such as `list_services`.
            field: Field of the answer that holds the list.
            region: Another region than the stack's.
            token: Name of the token in question and answer, for lists that boto3 has no paginator for.
            asked: The question.

        Raises:
            RuntimeError: the list does not end.
        """
        client = self.client(service, region)
        if token is None:
            for page in client.get_paginator(operation).paginate(**asked):
                yield from page[field]
            return
        for _ in range(_PAGES):
            page = getattr(client, operation)(**asked)
            yield from page[field]
            if not page.get(token):
                return
            asked = {**asked, token: page[token]}
        raise RuntimeError(f"{service}: {operation} has no last page")

    def objects(self, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        """Every object below `prefix`. S3 leaves the list out of an answer that has none."""
        for page in self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", ())

    def named(self, name: str) -> bool:
        """Whether a physical name is this stack's: `nautilus-prod-…` and `nautilus-prod/…`, but not `nautilus-prod2-…`."""
        return name.startswith((f"{self.settings.prefix}-", f"{self.settings.prefix}/")) or name == self.settings.prefix

    def ours(self, tags: Any) -> bool:
        """Whether the tags, as AWS lists them (`Key` or `key`), are this stack's."""
        found = {one.get("Key", one.get("key")): one.get("Value", one.get("value")) for one in tags or ()}
        return found.get("Project") == self.settings.project and found.get("Environment") == self.settings.environment

    @property
    def tag_filters(self) -> list[dict[str, Any]]:
        """The same as EC2's filters."""
        return [
            {"Name": "tag:Project", "Values": [self.settings.project]},
            {"Name": "tag:Environment", "Values": [self.settings.environment]},
        ]


def document(name: str, content: Any) -> Item:
    """JSON in one canonical form: what did not change has the hash of yesterday. Times are text in ISO 8601, bytes are refused."""

    def text(value: Any) -> str:
        if hasattr(value, "isoformat"):
            return str(value.isoformat())
        raise TypeError(f"{type(value).__name__} in {name}")

    return Item(name, json.dumps(content, default=text, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n")


def without_metadata(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without boto3's own part, which differs on every call."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}
