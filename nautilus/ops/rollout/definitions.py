"""A copy of a task definition with one image replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

BY_TAG: Final = "RolledOutBy"
WHY_TAG: Final = "RolloutReason"
"""Tags on a copy: who rolled it out, and why."""
_MOST_TAGS: Final = 50


class CannotCopyError(Exception):
    """The template has no container of the service's name, or no room for another tag."""


def tag_value(text: str) -> str:
    """`text` as ECS takes it in a tag: letters, digits, spaces and `_.:/=+-@`, at most 256 of them."""
    return " ".join(re.sub(r"[^\w .:/=+\-@]", " ", text).split())[:256]


def image_of(definition: Mapping[str, Any], container: str) -> str | None:
    """The image of the container of this name."""
    for item in definition.get("containerDefinitions", []):
        if item.get("name") == container:
            return str(item.get("image", ""))
    return None


def copy_of(
    client: Any,
    definition: Mapping[str, Any],
    tags: Sequence[Mapping[str, str]],
    *,
    container: str,
    image: str,
    more_tags: Mapping[str, str],
) -> dict[str, Any]:
    """The request that registers `definition` again with another image in the container of this name; sidecars keep theirs.

    What AWS adds to an answer (ARN, revision, status, compatibilities …) is left out: the API model names what a registration takes, so a
    field that AWS adds to both travels along without a change here.

    Args:
        client: An ECS client, for its model.
        definition: `taskDefinition` of DescribeTaskDefinition.
        tags: Its tags.
        container: Name of the main container.
        image: Image by digest.
        more_tags: Added to the tags, replacing those of the same key; empty ones are left out.

    Raises:
        CannotCopyError: No such container, or more than 50 tags.
    """
    accepted = client.meta.service_model.operation_model("RegisterTaskDefinition").input_shape.members
    request = {key: deepcopy(value) for key, value in definition.items() if key in accepted}
    if image_of(request, container) is None:
        names = ", ".join(str(item.get("name")) for item in request.get("containerDefinitions", []))
        raise CannotCopyError(f"{definition.get('taskDefinitionArn')} has no container {container}, only {names or 'none'}")
    for item in request["containerDefinitions"]:
        if item["name"] == container:
            item["image"] = image
    named = {str(tag["key"]): str(tag.get("value", "")) for tag in tags if not str(tag["key"]).startswith("aws:")}
    for name in (BY_TAG, WHY_TAG):
        named.pop(name, None)
    named |= {key: tag_value(value) for key, value in more_tags.items() if tag_value(value)}
    if len(named) > _MOST_TAGS:
        raise CannotCopyError(f"{definition.get('taskDefinitionArn')} has no room for another tag: ECS takes {_MOST_TAGS}")
    if named:
        request["tags"] = [{"key": key, "value": value} for key, value in sorted(named.items())]
    return request
