"""The Pulumi engine's event log as typed records.

The engine writes one JSON document a line (`--event-log`). Secrets in it are blinded by the engine: they appear as the mapping that
`SECRET_SIGNATURE` marks, never as text.
Values that a preview cannot know appear as `UNKNOWN`. Both forms are those of an exported state, so one reader serves both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that only an `up` can know."""

SECRET_SIGNATURE: Final = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
"""Key and value that mark a mapping as a secret."""

STACK_TYPE: Final = "pulumi:pulumi:Stack"

_COLOUR_TAG = re.compile(r"<\{%.*?%\}>")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_EMPTY: Mapping[str, Any] = MappingProxyType({})


def plain(text: str) -> str:
    """`text` without Pulumi's `<{%…%}>` tags and without terminal escapes."""
    return _ANSI.sub("", _COLOUR_TAG.sub("", text))


def is_secret(value: Any) -> bool:
    """Whether `value` is the engine's mapping for a secret."""
    return isinstance(value, Mapping) and cast("Mapping[str, Any]", value).get(SECRET_SIGNATURE[0]) == SECRET_SIGNATURE[1]


class Severity(StrEnum):
    """How grave a diagnostic is; `INFO_ERR` is a line that a program wrote to stderr."""

    DEBUG = "debug"
    INFO = "info"
    INFO_ERR = "info#err"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message; `urn` is None when it concerns no resource. `ephemeral` ones are status lines that later ones replace."""

    severity: Severity
    message: str
    urn: str | None = None
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class ResourceState:
    """A resource before or after a step."""

    urn: str
    type: str
    id: str
    parent: str
    provider: str
    custom: bool
    protect: bool
    retain_on_delete: bool
    external: bool
    pending_delete: bool
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PropertyDiff:
    """How one property path changes. `kind` is add, delete or update, with `-replace` when it forces a replacement."""

    kind: str
    input_diff: bool

    @property
    def replaces(self) -> bool:
        """Whether this property forces a replacement."""
        return self.kind.endswith("-replace")


@dataclass(frozen=True, slots=True)
class Step:
    """What the engine does to one resource. `op` is Pulumi's own word (create, update, delete, replace, create-replacement,
    delete-replaced, same, read, refresh, import …).
    """

    op: str
    urn: str
    type: str
    provider: str = ""
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    detailed_diff: Mapping[str, PropertyDiff] | None = None
    old: ResourceState | None = None
    new: ResourceState | None = None
    logical: bool = False

    @property
    def name(self) -> str:
        """The logical name: the last part of the URN."""
        return self.urn.rpartition("::")[2]

    @property
    def changes(self) -> bool:
        """Whether the step changes anything (not `same`, a read or a refresh without a difference)."""
        return self.op not in UNCHANGED_OPS


UNCHANGED_OPS: Final = frozenset({"same", "read", "read-discard", "discard-replaced", "refresh"})
"""Operations that leave both state and world as they were. A refresh that finds a difference reports `update` or `delete`."""


@dataclass(frozen=True, slots=True)
class Prelude:
    """The operation starts; `config` has secrets blinded."""

    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins. `planning` is true in a preview."""

    step: Step
    planning: bool


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step has ended well, with its outputs."""

    step: Step
    planning: bool


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step has ended badly; the reason came as a `Diagnostic` with the same URN."""

    step: Step


@dataclass(frozen=True, slots=True)
class PolicyViolation:
    """A policy reports a resource (`urn`), or the stack as a whole (`urn` None). `level` is mandatory, advisory, warning or remediate."""

    policy: str
    pack: str
    pack_version: str
    level: str
    message: str
    urn: str | None = None
    severity: str = ""

    @property
    def mandatory(self) -> bool:
        """Whether the finding stops the operation."""
        return self.level == "mandatory"


@dataclass(frozen=True, slots=True)
class PolicyLoading:
    """A policy pack is being loaded."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The operation's end: count of resources by operation, duration in whole seconds, packs that ran by version."""

    changes: Mapping[str, int]
    seconds: int
    is_preview: bool
    result: str
    maybe_corrupt: bool
    policy_packs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """A line that the engine itself writes, such as the list of protected resources."""

    message: str


@dataclass(frozen=True, slots=True)
class EngineError:
    """A fault inside the engine."""

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event: the engine closes its log."""


@dataclass(frozen=True, slots=True)
class Other:
    """An event that this module has no type for; `kind` is its key in the log."""

    kind: str
    payload: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)


EngineEvent: TypeAlias = (
    Prelude
    | StepStarted
    | StepDone
    | StepFailed
    | Diagnostic
    | PolicyViolation
    | PolicyLoading
    | Summary
    | EngineOutput
    | EngineError
    | Ended
    | Other
)


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("list[Any]", value)) if isinstance(value, list) else ()


def _state(raw: Any) -> ResourceState | None:
    if not isinstance(raw, dict):
        return None
    data = cast("dict[str, Any]", raw)
    return ResourceState(
        urn=str(data.get("urn", "")),
        type=str(data.get("type", "")),
        id=str(data.get("id", "")),
        parent=str(data.get("parent", "")),
        provider=str(data.get("provider", "")),
        custom=bool(data.get("custom")),
        protect=bool(data.get("protect")),
        retain_on_delete=bool(data.get("retainOnDelete")),
        external=bool(data.get("external")),
        pending_delete=bool(data.get("delete")),
        inputs=_mapping(data.get("inputs")),
        outputs=_mapping(data.get("outputs")),
    )


def _step(raw: Any) -> Step:
    data = _mapping(_mapping(raw).get("metadata"))
    detailed: dict[str, PropertyDiff] | None = None
    if isinstance(data.get("detailedDiff"), dict):
        detailed = {
            path: PropertyDiff(str(_mapping(diff).get("diffKind", "update")), bool(_mapping(diff).get("inputDiff")))
            for path, diff in _mapping(data["detailedDiff"]).items()
        }
    return Step(
        op=str(data.get("op", "")),
        urn=str(data.get("urn", "")),
        type=str(data.get("type", "")),
        provider=str(data.get("provider", "")),
        keys=_strings(data.get("keys")),
        diffs=_strings(data.get("diffs")),
        detailed_diff=detailed,
        old=_state(data.get("old")),
        new=_state(data.get("new")),
        logical=bool(data.get("logical")),
    )


def _severity(text: Any) -> Severity:
    try:
        return Severity(str(text))
    except ValueError:
        return Severity.INFO


def parse(document: Mapping[str, Any]) -> EngineEvent:
    """One event of the log, from its JSON document. A kind that is not known gives `Other`, so a newer engine does not break a run."""
    for kind, payload in document.items():
        if kind in ("sequence", "timestamp"):
            continue
        data = _mapping(payload)
        match kind:
            case "diagnosticEvent":
                # The prefix only repeats the severity ("error: ").
                message = plain(str(data.get("message", "")))
                return Diagnostic(
                    _severity(data.get("severity")), message.rstrip("\n"), data.get("urn") or None, bool(data.get("ephemeral"))
                )
            case "resourcePreEvent":
                return StepStarted(_step(data), bool(data.get("planning")))
            case "resOutputsEvent":
                return StepDone(_step(data), bool(data.get("planning")))
            case "resOpFailedEvent":
                return StepFailed(_step(data))
            case "policyEvent":
                return PolicyViolation(
                    policy=str(data.get("policyName", "")),
                    pack=str(data.get("policyPackName", "")),
                    pack_version=str(data.get("policyPackVersion", "")),
                    level=str(data.get("enforcementLevel", "")),
                    message=plain(str(data.get("message", ""))).strip("\n"),
                    urn=data.get("resourceUrn") or None,
                    severity=str(data.get("severity", "")),
                )
            case "policyLoadEvent":
                return PolicyLoading()
            case "preludeEvent":
                return Prelude({str(key): str(value) for key, value in _mapping(data.get("config")).items()})
            case "summaryEvent":
                return Summary(
                    changes={str(op): int(count) for op, count in _mapping(data.get("resourceChanges")).items()},
                    seconds=int(data.get("durationSeconds") or 0),
                    is_preview=bool(data.get("isPreview")),
                    result=str(data.get("result", "")),
                    maybe_corrupt=bool(data.get("maybeCorrupt")),
                    policy_packs={str(name): str(version) for name, version in _mapping(data.get("PolicyPacks")).items()},
                )
            case "stdoutEvent":
                return EngineOutput(plain(str(data.get("message", ""))).rstrip("\n"))
            case "errorEvent":
                return EngineError(plain(str(data.get("error", ""))))
            case "cancelEvent":
                return Ended()
            case _:
                return Other(kind, data)
    return Other("")
