"""Feature flags, trading volume and risk limits in AppConfig: what is deployed, what may follow it, and how it is handed out.

Three profiles, each with an environment of its own name: `flags`, `volume`, `limits`. Two rules that no JSON Schema can say stand here: the
volume rises one step at a time, and whatever lets the engine do more waits until the alarms are quiet. What lets it do less never waits
for alarms; because AppConfig takes back what is deployed while an alarm of the environment is on, a fall of the volume in trouble goes
through the ceiling in `limits`, whose environment has no alarms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from botocore.exceptions import ClientError

from nautilus.ops.steps import code_of

PROFILES = ("flags", "limits", "volume")
RUNNING = frozenset({"BAKING", "DEPLOYING", "ROLLING_BACK", "VALIDATING"})
"""States of a deployment that has not ended (AppConfig's API)."""

NOT_ABOVE = (("maxOrderValueUsd", "maxPositionValueUsd"), ("maxPositionValueUsd", "maxExposureUsd"))
"""Limits that may not be above another one."""

REVERT_HOURS = 72
"""How long AppConfig takes a completed deployment back."""

MOST_TEXT = 400
"""Characters of a reason. It travels in a header together with a name, and AppConfig takes 1,024 there, ASCII alone."""

Document = dict[str, Any]


class RefusedError(Exception):
    """What was asked may not be done now.

    Args:
        code: Stable word for machines.
        reason: One sentence.
        details: Further lines.
    """

    def __init__(self, code: str, reason: str, details: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.details = tuple(details)


class Direction(StrEnum):
    """What a new document means for the risk."""

    RISES = "rises"
    FALLS = "falls"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Place:
    """The stack output `appConfig`."""

    application: str
    profiles: Mapping[str, str]
    environments: Mapping[str, str]
    strategies: Mapping[str, str]
    key: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document."""

    number: int
    description: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a version."""

    number: int
    version: int
    state: str
    percent: float
    started: datetime | None
    ended: datetime | None
    description: str = ""
    events: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state in RUNNING

    def as_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "number": self.number,
            "version": self.version,
            "state": self.state,
            "percent": self.percent,
            "started": self.started.isoformat() if self.started else None,
            "ended": self.ended.isoformat() if self.ended else None,
            "description": self.description,
            "events": list(self.events),
        }


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that takes deployments back."""

    name: str
    state: str

    @property
    def quiet(self) -> bool:
        """Whether AppConfig goes on: an alarm without data counts as one that is on."""
        return self.state == "OK"


@dataclass(frozen=True, slots=True)
class Started:
    """A deployment that was begun."""

    profile: str
    version: int
    deployment: int
    strategy: str
    direction: Direction


def parse_place(facts: Mapping[str, Any]) -> Place:
    """The stack output `appConfig`.

    Raises:
        ValueError: A part is missing.
    """

    def group(kind: str, wanted: Sequence[str]) -> dict[str, str]:
        return {name: str(facts[f"{kind}.{name}"]) for name in wanted}

    try:
        return Place(
            str(facts["application"]),
            group("profile", PROFILES),
            group("environment", PROFILES),
            group("strategy", ("gradual", "immediate", "watched")),
            str(facts["key"]),
        )
    except KeyError as missing:
        raise ValueError(f"the output appConfig has no {missing.args[0]}") from None


# --- documents ----------------------------------------------------------------------------------------------------------------


def parse_document(text: str) -> Document:
    """A document as JSON.

    Raises:
        ValueError: It is no JSON object, or says a key twice, of which JSON would silently keep one.
    """

    def once(pairs: list[tuple[str, Any]]) -> Document:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"says {', '.join(twice)} twice")
        return dict(pairs)

    try:
        found: object = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return cast("Document", found)


def as_text(document: Document) -> str:
    """The document as it is stored: sorted, so that equal documents are equal texts."""
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def steps_of(schema: Mapping[str, Any]) -> tuple[int, ...]:
    """The shares of the volume that the validator of `volume` admits, rising, 0 among them.

    Raises:
        ValueError: It is not of the form that this platform makes.
    """
    try:
        return tuple(sorted(int(one) for one in schema["properties"]["percent"]["enum"]))
    except (KeyError, TypeError, ValueError):
        raise ValueError("the validator of volume names no steps") from None


def findings(profile: str, document: Document, schema: Mapping[str, Any] | None) -> list[str]:
    """What is wrong with a document, one line each: the validator's words, and the rules that no schema can say."""
    from jsonschema import Draft4Validator

    found: list[str] = []
    if schema is not None:
        errors = Draft4Validator(dict(schema)).iter_errors(document)  # pyright: ignore[reportUnknownMemberType] - jsonschema's stubs leave it open
        found += sorted(f"{'.'.join(map(str, error.absolute_path)) or profile}: {error.message}" for error in errors)
    if found:
        return found
    if profile == "limits":
        found += [
            f"{small}: is {document[small]:,}, above {large} = {document[large]:,}"
            for small, large in NOT_ABOVE
            if small in document and large in document and document[small] > document[large]
        ]
    if profile == "flags":
        flags, values = document.get("flags", {}), document.get("values", {})
        found += [f"values.{name}: is no flag" for name in sorted(set(values) - set(flags))]
        found += [f"flags.{name}: has no value" for name in sorted(set(flags) - set(values))]
    return found


def direction(profile: str, old: Document | None, new: Document) -> Direction:
    """Whether `new` lets the engine do more than `old`, or less. Without an old one there is more of everything; a mixed change is a rise.

    Of flags, those that are only turned off are a fall.
    """
    if old is None:
        return Direction.RISES
    if profile == "flags":
        return _flags_direction(old, new)
    if old == new:
        return Direction.SAME
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, list) and isinstance(before, list):
            if set(cast("list[str]", value)) - set(cast("list[str]", before)):
                return Direction.RISES
        elif before is None or (isinstance(value, int | float) and value > before):
            return Direction.RISES
    return Direction.RISES if set(old) - set(new) else Direction.FALLS


def _flags_direction(old: Document, new: Document) -> Direction:
    before, after = ({part: _without_times(one.get(part, {})) for part in ("flags", "values")} for one in (old, new))
    if before == after:
        return Direction.SAME
    turned_off = {
        name: {**value, "enabled": False} if after["values"].get(name, {}).get("enabled") is False else value
        for name, value in before["values"].items()
    }
    return Direction.FALLS if {"flags": before["flags"], "values": turned_off} == after else Direction.RISES


def _without_times(part: Any) -> Any:
    """AppConfig adds the times of creation and change to flags; they mean nothing here."""
    if isinstance(part, dict):
        mapping = cast("Mapping[str, Any]", part)
        return {key: _without_times(value) for key, value in mapping.items() if key not in ("_createdAt", "_updatedAt")}
    return part


def step_refusal(current: int | None, wanted: int, steps: Sequence[int]) -> str | None:
    """Why the volume may not go from `current` to `wanted` percent; None where it may.

    Args:
        current: What is deployed; None where nothing is.
        wanted: The new share.
        steps: The shares that may be set, rising.
    """
    if wanted not in steps:
        return f"{wanted} % is no step: {', '.join(map(str, steps))}"
    now = current or 0
    nearest = next((step for step in steps if step > now), now)
    if wanted > nearest:
        return f"from {now} % the next step is {nearest} %, not {wanted} %: the volume rises one step at a time"
    return None


def effective_volume(volume: Document | None, limits: Document | None) -> int:
    """The share of the volume that counts, in percent: the lower of volume and ceiling; 0 while one of the two is missing."""
    if volume is None or limits is None:
        return 0
    return min(int(volume["percent"]), int(limits["volumeCeilingPercent"]))


# --- what AppConfig holds --------------------------------------------------------------------------------------------------------


def _pages(ask: Callable[..., Mapping[str, Any]], **arguments: Any) -> Iterator[Mapping[str, Any]]:
    token: str | None = None
    while True:
        answer = ask(**arguments, MaxResults=50, **({"NextToken": token} if token else {}))
        yield from answer.get("Items", [])
        token = answer.get("NextToken")
        if not token:
            return


def schema_of(client: Any, place: Place, profile: str) -> dict[str, Any] | None:
    """The JSON Schema that AppConfig holds a profile's documents against; None for feature flags, for which it has its own."""
    answer = client.get_configuration_profile(ApplicationId=place.application, ConfigurationProfileId=place.profiles[profile])
    return next((json.loads(one["Content"]) for one in answer.get("Validators") or [] if one["Type"] == "JSON_SCHEMA"), None)


def versions(client: Any, place: Place, profile: str) -> list[Version]:
    """The versions of a document, newest first."""
    found = _pages(
        client.list_hosted_configuration_versions, ApplicationId=place.application, ConfigurationProfileId=place.profiles[profile]
    )
    return sorted((Version(int(one["VersionNumber"]), one.get("Description", "")) for one in found), key=lambda one: -one.number)


def document_of(client: Any, place: Place, profile: str, number: int) -> Document:
    """One version of a document.

    Raises:
        RefusedError: There is no such version.
        ValueError: It is no document of ours.
    """
    try:
        answer = client.get_hosted_configuration_version(
            ApplicationId=place.application, ConfigurationProfileId=place.profiles[profile], VersionNumber=number
        )
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            raise RefusedError("no-version", f"{profile} has no version {number}") from None
        raise
    return parse_document(answer["Content"].read().decode())


def _deployment(answer: Mapping[str, Any]) -> Deployment:
    return Deployment(
        number=int(answer["DeploymentNumber"]),
        version=int(answer["ConfigurationVersion"]),
        state=str(answer["State"]),
        percent=float(answer.get("PercentageComplete", 0.0)),
        started=answer.get("StartedAt"),
        ended=answer.get("CompletedAt"),
        description=str(answer.get("Description", "")),
        # AppConfig puts the newest event first.
        events=tuple(
            f"{one['EventType'].lower().replace('_', ' ')} by {one.get('TriggeredBy', 'nobody').lower().replace('_', ' ')}"
            + (f": {one['Description']}" if one.get("Description") else "")
            for one in reversed(answer.get("EventLog", []))
        ),
    )


def deployments(client: Any, place: Place, profile: str) -> list[Deployment]:
    """The deployments of a profile, newest first, without their events; one of another profile only while it keeps the environment busy."""
    found = _pages(client.list_deployments, ApplicationId=place.application, EnvironmentId=place.environments[profile])
    mine = place.profiles[profile]
    own = (one for one in found if one.get("ConfigurationProfileId", mine) == mine or one["State"] in RUNNING)
    return sorted((_deployment(one) for one in own), key=lambda one: -one.number)


def deployment(client: Any, place: Place, profile: str, number: int) -> Deployment:
    """One deployment with its events, oldest first."""
    return _deployment(
        client.get_deployment(ApplicationId=place.application, EnvironmentId=place.environments[profile], DeploymentNumber=number)
    )


def deployed(found: Sequence[Deployment]) -> Deployment | None:
    """The deployment whose document readers have, among `found`, newest first: one that was taken back does not count."""
    return next((one for one in found if one.state == "COMPLETE"), None)


def alarms(client: Any, cloudwatch: Any, place: Place, profile: str) -> list[Alarm]:
    """The alarms of a profile's environment and their states. One that is gone has no data."""
    answer = client.get_environment(ApplicationId=place.application, EnvironmentId=place.environments[profile])
    names = sorted(one["AlarmArn"].partition(":alarm:")[2] for one in answer.get("Monitors") or [])
    if not names:
        return []
    found = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    states = {one["AlarmName"]: one["StateValue"] for one in found}
    return [Alarm(name, states.get(name, "INSUFFICIENT_DATA")) for name in names]


def current(client: Any, place: Place, profile: str) -> tuple[Deployment | None, Document | None]:
    """What readers have: the deployment and the document; nothing before the first one."""
    found = deployed(deployments(client, place, profile))
    return (found, document_of(client, place, profile, found.version)) if found else (None, None)


# --- changes ---------------------------------------------------------------------------------------------------------------------


def check_why(why: str) -> str:
    """A reason as AppConfig can keep it.

    Raises:
        ValueError: Too short, too long, or not printable ASCII.
    """
    text = " ".join(why.split())
    if not re.fullmatch(r"[ -~]{4,}", text) or len(text) > MOST_TEXT:
        raise ValueError(f"takes 4 to {MOST_TEXT} printable ASCII characters")
    return text


def _description(who: str, why: str) -> str:
    plain = re.sub(r"[^!-~]", "?", who)
    return f"{plain}: {check_why(why)}"[:1024]


def strategy_for(profile: str, change: Direction) -> str:
    """How a document is handed out: what falls goes at once; flags go a fifth at a time; a volume that rises is watched; limits go at once."""
    if change is Direction.FALLS or profile == "limits":
        return "immediate"
    return "watched" if profile == "volume" else "gradual"


def deploy(client: Any, cloudwatch: Any, place: Place, profile: str, document: Document, *, who: str, why: str) -> Started:
    """Store a document as a new version and begin its deployment.

    Args:
        client: A client of AppConfig in the platform's region.
        cloudwatch: A client of CloudWatch there.
        place: The stack's application.
        profile: One of `PROFILES`.
        document: The document.
        who: Who asks; stored with version and deployment.
        why: The reason, 4 to 400 printable ASCII characters.

    Raises:
        RefusedError: A deployment runs; the document breaks a rule, jumps over a step or changes nothing; or an alarm is not quiet and
            AppConfig would take it back, or it would let the engine do more.
        ValueError: `why` has another form.
    """
    text = _description(who, why)
    before = deployments(client, place, profile)
    _none_runs(profile, before)
    schema = schema_of(client, place, profile)
    if wrong := findings(profile, document, schema):
        raise RefusedError("document", f"the document breaks {len(wrong)} rule{'s' if len(wrong) > 1 else ''} of {profile}", wrong)
    held = deployed(before)
    old = document_of(client, place, profile, held.version) if held else None
    if profile == "volume" and (jump := step_refusal(old["percent"] if old else None, int(document["percent"]), steps_of(schema or {}))):
        raise RefusedError("step", jump)
    change = direction(profile, old, document)
    if change is Direction.SAME:
        raise RefusedError("same", f"{profile} says so already: version {held.version if held else 0} is deployed")
    _quiet(client, cloudwatch, place, profile, change)
    newest = next(iter(versions(client, place, profile)), None)
    answer = client.create_hosted_configuration_version(
        ApplicationId=place.application,
        ConfigurationProfileId=place.profiles[profile],
        Content=as_text(document).encode(),
        ContentType="application/json",
        Description=text,
        # Two people at once: the second is refused.
        **({"LatestVersionNumber": newest.number} if newest else {}),
    )
    return _begin(client, place, profile, int(answer["VersionNumber"]), change, text)


def _none_runs(profile: str, found: Sequence[Deployment]) -> None:
    if busy := next((one for one in found if one.running), None):
        raise RefusedError("running", f"deployment {busy.number} of {profile} runs: {busy.state}, {busy.percent:g} %")


def _quiet(client: Any, cloudwatch: Any, place: Place, profile: str, change: Direction) -> None:
    """Refuse what AppConfig would take back, and what lets the engine do more while something is wrong.

    Limits have no alarms of their own, so that a tightened one stays; before they are loosened the volume's are looked at.
    """
    if profile == "limits" and change is Direction.FALLS:
        return
    loud = [one for one in alarms(client, cloudwatch, place, "volume" if profile == "limits" else profile) if not one.quiet]
    if loud:
        names = [f"{one.name}: {one.state}" for one in loud]
        if change is Direction.FALLS:
            raise RefusedError(f"alarm-{profile}", f"an alarm is not quiet, so AppConfig would take the lower {profile} back", names)
        raise RefusedError("alarm", f"{profile} {change.value} only while every alarm is quiet", names)


def _begin(client: Any, place: Place, profile: str, version: int, change: Direction, text: str) -> Started:
    way = strategy_for(profile, change)
    answer = client.start_deployment(
        ApplicationId=place.application,
        EnvironmentId=place.environments[profile],
        ConfigurationProfileId=place.profiles[profile],
        ConfigurationVersion=str(version),
        DeploymentStrategyId=place.strategies[way],
        KmsKeyIdentifier=place.key,
        Description=text,
    )
    return Started(profile, version, int(answer["DeploymentNumber"]), way, change)


def start_first(client: Any, cloudwatch: Any, place: Place, profile: str, *, who: str, why: str) -> Started | None:
    """Deploy the first document of a profile, as the stack made it; None where one was deployed before.

    Raises:
        RefusedError: A deployment runs, there is no version, or an alarm is not quiet.
        ValueError: `why` has another form.
    """
    text = _description(who, why)
    before = deployments(client, place, profile)
    if deployed(before):
        return None
    _none_runs(profile, before)
    found = versions(client, place, profile)
    if not found:
        raise RefusedError("no-version", f"{profile} has no version: the stack makes the first one")
    loud = [f"{one.name}: {one.state}" for one in alarms(client, cloudwatch, place, profile) if not one.quiet]
    if loud:
        raise RefusedError("alarm", f"{profile} starts only while every alarm is quiet", loud)
    answer = client.start_deployment(
        ApplicationId=place.application,
        EnvironmentId=place.environments[profile],
        ConfigurationProfileId=place.profiles[profile],
        ConfigurationVersion=str(found[-1].number),
        DeploymentStrategyId=place.strategies["immediate"],
        KmsKeyIdentifier=place.key,
        Description=text,
    )
    return Started(profile, found[-1].number, int(answer["DeploymentNumber"]), "immediate", Direction.RISES)


def stop(client: Any, place: Place, profile: str, *, revert: bool) -> Deployment:
    """End the running deployment: readers go back to the document before it. With `revert` a completed one is taken back as well.

    AppConfig looks at no alarm here.

    Raises:
        RefusedError: Nothing runs and `revert` is not asked for, nothing was ever deployed, or the deployment is older than 72 hours.
    """
    found = deployments(client, place, profile)
    busy = next((one for one in found if one.running), None)
    target = busy or (deployed(found) if revert else None)
    if target is None:
        raise RefusedError("none-runs", f"no deployment of {profile} runs" if not revert else f"{profile} was never deployed")
    if target.state == "ROLLING_BACK":
        raise RefusedError("rolling-back", f"deployment {target.number} of {profile} is being taken back already")
    try:
        # Without the flag AppConfig stops a deployment while it grows, and not while it bakes.
        answer = client.stop_deployment(
            ApplicationId=place.application, EnvironmentId=place.environments[profile], DeploymentNumber=target.number, AllowRevert=True
        )
    except ClientError as error:
        if code_of(error) == "BadRequestException":
            raise RefusedError(
                "too-late", f"AppConfig does not take deployment {target.number} back: it does so for {REVERT_HOURS} hours", [str(error)]
            ) from None
        raise
    return _deployment(answer)


def follow(
    client: Any, place: Place, profile: str, number: int, *, seconds: float, sleep: Callable[[float], None], every: float = 10.0
) -> Iterator[Deployment]:
    """The deployment again and again until it has ended or `seconds` are over; the last one may still run."""
    waited = 0.0
    while True:
        seen = deployment(client, place, profile, number)
        yield seen
        if not seen.running or waited >= seconds:
            return
        sleep(every)
        waited += every


def prune(client: Any, place: Place, profile: str, *, keep: int) -> list[int]:
    """Delete old versions of a document; the numbers of those that are gone.

    The oldest one belongs to the stack and stays, and so does what is deployed or runs, unless `keep` is 0: that is for a stack that is
    about to be destroyed, because AppConfig deletes no profile that has versions.

    Args:
        client: A client of AppConfig.
        place: The stack's application.
        profile: One of `PROFILES`.
        keep: How many of the newest ones to keep.
    """
    found = versions(client, place, profile)
    kept = {one.number for one in found[:keep]} | {one.number for one in found[-1:]}
    if keep:
        held = deployments(client, place, profile)
        kept |= {one.version for one in held if one.running} | {one.version for one in (deployed(held),) if one}
    gone = [one.number for one in found if one.number not in kept]
    for number in gone:
        client.delete_hosted_configuration_version(
            ApplicationId=place.application, ConfigurationProfileId=place.profiles[profile], VersionNumber=number
        )
    return gone
