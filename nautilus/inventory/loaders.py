"""Inventories from the documents that Pulumi writes. Each loader takes parsed JSON and never keeps a secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from nautilus.inventory.records import Inventory, PlannedResource, urn_name, urn_type
from nautilus.inventory.values import redact

_GONE = frozenset({"delete", "delete-replaced", "discard-replaced", "read-discard", "remove-pending-replace"})
"""Operations after which the old resource is no longer part of the plan."""

_KINDS = "expected a state (`nautilus state export`), a preview (`pulumi preview --json`) or an event log"


class InventoryError(ValueError):
    """The document is none of the known kinds, or broken."""


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("list[Any]", value)) if isinstance(value, list) else ()


def _resource(state: Mapping[str, Any], operation: str | None) -> PlannedResource:
    urn = state.get("urn")
    if not isinstance(urn, str) or not urn.startswith("urn:"):
        raise InventoryError(f"a resource without a URN: {_KINDS}")
    return PlannedResource(
        urn=urn,
        type=str(state.get("type") or urn_type(urn)),
        name=urn_name(urn),
        custom=bool(state.get("custom")),
        parent=str(state.get("parent") or ""),
        provider=str(state.get("provider") or ""),
        protect=bool(state.get("protect")),
        retain_on_delete=bool(state.get("retainOnDelete")),
        inputs=_mapping(redact(_mapping(state.get("inputs")))),
        outputs=_mapping(redact(_mapping(state.get("outputs")))),
        dependencies=_texts(state.get("dependencies")),
        property_dependencies={key: _texts(urns) for key, urns in _mapping(state.get("propertyDependencies")).items()},
        operation=operation,
    )


def from_preview(document: Mapping[str, Any]) -> Inventory:
    """The plan that `pulumi preview --json` prints: every resource that will exist afterwards, with its dependencies."""
    steps = document.get("steps")
    if not isinstance(steps, list):
        raise InventoryError("not a preview: it has no list `steps`")
    found: dict[str, PlannedResource] = {}
    for raw in cast("list[Any]", steps):
        step = _mapping(raw)
        operation, state = str(step.get("op", "")), step.get("newState")
        if isinstance(state, dict) and operation not in _GONE:
            resource = _resource(cast("dict[str, Any]", state), operation)
            found[resource.urn] = resource
    return Inventory(found.values())


def from_state(document: Mapping[str, Any]) -> Inventory:
    """The state that `pulumi stack export` prints. What only waits for its deletion is left out."""
    deployment = document.get("deployment")
    if not isinstance(deployment, dict):
        raise InventoryError("not a state: it has no `deployment`")
    resources = cast("dict[str, Any]", deployment).get("resources") or []
    if not isinstance(resources, list):
        raise InventoryError("not a state: `deployment.resources` is no list")
    states = [_mapping(item) for item in cast("list[Any]", resources)]
    return Inventory(_resource(state, None) for state in states if not state.get("delete"))


def from_events(documents: Iterable[Mapping[str, Any]]) -> Inventory:
    """The plan in an engine's event log (`--event-log`), one document an event.

    The log carries no dependencies: `from_preview` and `from_state` do.
    """
    found: dict[str, PlannedResource] = {}
    for document in documents:
        for kind in ("resourcePreEvent", "resOutputsEvent"):
            metadata = _mapping(_mapping(document.get(kind)).get("metadata"))
            operation, state = str(metadata.get("op", "")), metadata.get("new")
            if isinstance(state, dict) and operation not in _GONE:
                resource = _resource(cast("dict[str, Any]", state), operation)
                found[resource.urn] = resource
    return Inventory(found.values())


def from_mocks(registrations: Iterable[Mapping[str, Any]]) -> Inventory:
    """The registrations that unit-test mocks recorded.

    Mappings with `type`, `name`, `inputs`, and where known `urn`, `custom`, `parent`, `outputs`, `dependencies`, `propertyDependencies`,
    `protect`, `retainOnDelete`.

    A registration without a URN gets one of the stack `test`.
    """
    found: list[PlannedResource] = []
    for registration in registrations:
        kind, name = str(registration.get("type", "")), str(registration.get("name", ""))
        if not kind or not name:
            raise InventoryError("a registration of mocks needs `type` and `name`")
        state = dict(registration)
        state.setdefault("urn", f"urn:pulumi:test::test::{kind}::{name}")
        state.setdefault("custom", True)
        found.append(_resource(state, "create"))
    return Inventory(found)


def load(text: str) -> Inventory:
    """An inventory from the text of any known document: a state, a preview, or an event log.

    Raises InventoryError when it is none of them.
    """
    try:
        document = find_document(text)
    except InventoryError:
        return _event_log(text)
    if "deployment" in document:
        return from_state(document)
    if "steps" in document:
        return from_preview(document)
    return _event_log(text)


def _event_log(text: str) -> Inventory:
    documents: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                documents.append(_mapping(json.loads(line)))
            except ValueError:
                raise InventoryError(f"line {number} is not JSON: {_KINDS}") from None
    if not any("sequence" in item for item in documents):
        raise InventoryError(_KINDS)
    return from_events(documents)


def find_document(text: str) -> dict[str, Any]:
    """The JSON object in what a command printed, which may have warnings before and after it.

    Raises InventoryError when there is none.
    """
    decoder = json.JSONDecoder()
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    while start or text.startswith("{"):
        try:
            document, _ = decoder.raw_decode(text, start)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return cast("dict[str, Any]", document)
        following = text.find("\n{", start)
        if following < 0:
            break
        start = following + 1
    raise InventoryError("there is no JSON document in it")
