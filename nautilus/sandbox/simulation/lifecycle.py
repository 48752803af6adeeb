"""The life of a resource in the simulated account: check, diff, create, read, update, delete, as the engine asks for them, without gRPC."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from nautilus.sandbox.simulation import generators, invokes, replacements, types_table
from nautilus.sandbox.simulation.api import ApiModels
from nautilus.sandbox.simulation.autoname import NAME_PROPERTIES
from nautilus.sandbox.simulation.check import DEFAULTS_KEY, Checked, Checker
from nautilus.sandbox.simulation.computed import Maker
from nautilus.sandbox.simulation.context import Known, Peer, Run, Urn
from nautilus.sandbox.simulation.replacements import Effect
from nautilus.sandbox.simulation.rules.general import unique_answer, unique_key
from nautilus.sandbox.simulation.store import Row, Store
from nautilus.sandbox.simulation.values import UNKNOWN, Secret, dumps, has_unknown, is_list, is_map, reveal

Log = Callable[[str, str, str], None]
"""Called with severity (`debug`, `info`, `warning`, `error`), message, and URN or an empty string."""


class AwsError(Exception):
    """What AWS would answer to a call that it refuses, in its words."""


class Kind(Enum):
    """What happened to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One changed property."""

    kind: Kind
    replaces: bool


@dataclass
class Difference:
    """What an update would do."""

    changes: dict[str, Change] = field(default_factory=dict[str, Change])
    """By property path."""
    replaces: list[str] = field(default_factory=list[str])
    """Top-level inputs that need a new resource."""
    delete_first: bool = False
    """The old resource must go before the new one can be made: they share a physical name."""
    unknown_effect: list[str] = field(default_factory=list[str])
    """Top-level inputs whose effect is not in the reviewed table."""


def _changes(old: Any, new: Any, path: str) -> dict[str, Kind]:
    old, new = (value.value if isinstance(value, Secret) else value for value in (old, new))
    if old is None and new is None:
        return {}
    if old is None:
        return {path: Kind.ADD}
    if new is None:
        return {path: Kind.DELETE}
    if is_map(old) and is_map(new):
        out: dict[str, Kind] = {}
        for key in sorted({*old, *new}):
            here = f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'
            out |= _changes(old.get(key), new.get(key), here)
        return out
    if is_list(old) and is_list(new):
        out = {}
        for index in range(max(len(old), len(new))):
            left = old[index] if index < len(old) else None
            right = new[index] if index < len(new) else None
            out |= _changes(left, right, f"{path}[{index}]")
        return out
    return {} if _same(old, new) else {path: Kind.UPDATE}


def _same(old: Any, new: Any) -> bool:
    if old is UNKNOWN or new is UNKNOWN:
        return False
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return True
    # Pulumi's wire has one number type, and AWS takes numbers and booleans as text.
    return isinstance(old, (str, int, float, bool)) and isinstance(new, (str, int, float, bool)) and _text(old) == _text(new)


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


# Lists that AWS keeps as sets: their order means nothing.
_SETS = frozenset(
    [
        "subnets",
        "subnetIds",
        "securityGroups",
        "securityGroupIds",
        "vpcSecurityGroupIds",
        "vpcSubnetIds",
        "vpcZoneIdentifiers",
        "routeTableIds",
        "cidrBlocks",
        "ipv6CidrBlocks",
        "prefixListIds",
        "aliases",
        "allowedMethods",
        "cachedMethods",
        "enabledCloudwatchLogsExports",
        "managedPolicyArns",
        "resources",
        "notResources",
        "records",
        "alarmActions",
        "okActions",
        "insufficientDataActions",
        "subjectAlternativeNames",
        "targetGroupArns",
        "requiresCompatibilities",
        "logDestinationConfigs",
        "addresses",
        "terminationPolicies",
        "events",
        "backupVaultEvents",
        "capacityProviders",
        "clientIdLists",
        "thumbprintLists",
    ]
)


def _as_set(name: str, value: Any) -> Any:
    if name in _SETS and is_list(value) and all(isinstance(each, str) for each in value):
        return sorted(value)
    return value


class Simulator:
    """A simulated account. One for each process; several provider instances (peers) may use it at once.

    Args:
        store: what exists.
        cache: folder of the types table and API models.
        log: where notes for the user go.
    """

    def __init__(self, store: Store, cache: Path, log: Log | None = None) -> None:
        self.table = types_table.load(cache)
        self.checker = Checker(self.table, ApiModels(cache))
        self.maker = Maker(self.table)
        self.store = store
        self.log: Log = log or (lambda _severity, _message, _urn: None)
        self.run = Run(store)
        self._managed: set[str] = set()
        self._adopted: set[str] = set()
        self._unchecked: dict[str, set[str]] = {}
        self._told_unchecked = False
        self._loaded = False
        self._lock = threading.RLock()

    def begin(self) -> None:
        """Forget the last engine run: another program may follow."""
        with self._lock:
            self.run = Run(self.store)
            self._managed.clear()
            self._unchecked.clear()
            self._loaded = False
            self._told_unchecked = False

    # -------------------------------------------------------------- check

    def check(
        self,
        urn_text: str,
        news: Mapping[str, Any],
        olds: Mapping[str, Any],
        peer: Peer,
        dependencies: Mapping[str, set[str]] | None = None,
    ) -> Checked:
        """Checks and completes inputs; see `Checker.check`."""
        with self._lock:
            urn = Urn(urn_text)
            if olds:
                self._managed.add(urn_text)
            if dependencies:
                self.run.note_dependencies(urn.token, urn.name, dependencies)
            preview = has_unknown(dict(news))
            checked = self.checker.check(urn, news, peer, self.run, olds=olds, generation=self._generation(urn_text), preview=preview)
            before = self._unchecked.get(urn_text, set())
            for text in checked.trouble:
                self.log("warning", f"a rule of the simulation could not be applied, please report it: {text}", urn_text)
            if checked.failures and before and not preview:
                # The message says why the preview let it pass.
                checked.failures = [
                    type(one)(one.path, f"{one.reason}; the value was unknown at preview", one.rule)
                    if one.path.partition("[")[0] in before
                    else one
                    for one in checked.failures
                ]
            self._unchecked[urn_text] = {path.partition("[")[0] for path in checked.unchecked}
            if checked.unchecked and preview and not self._told_unchecked:
                self._told_unchecked = True
                self.log(
                    "info", "some values are unknown until `up`; the rules about them are checked then, before the resource is made", ""
                )
            return checked

    def _generation(self, urn: str) -> int:
        rows = self.store.of_urn(urn)
        if rows and urn not in self._managed:
            return rows[-1].generation  # made before a crash: the engine does not know it, and it will be found again
        return self.store.next_generation(urn)

    # -------------------------------------------------------------- diff

    def diff(
        self, urn_text: str, ident: str, old_inputs: Mapping[str, Any], news: Mapping[str, Any], ignored: list[str], peer: Peer
    ) -> Difference:
        """What changes between two sets of inputs.

        Args:
            urn_text: the resource.
            ident: its id.
            old_inputs: inputs of the last deployment, or as refreshed.
            news: checked inputs.
            ignored: paths of `ignore_changes` (the engine has applied them to the inputs already).
            peer: the provider instance.
        """
        del peer
        with self._lock:
            urn = Urn(urn_text)
            self._managed.add(urn_text)
            out = Difference()
            if ident in self._adopted:
                return out  # an import of something that only the program can describe
            row = self.table.resource(urn.token)
            skip = {path.partition(".")[0].partition("[")[0] for path in ignored if "." not in path and "[" not in path}
            for name in sorted({*old_inputs, *news} - {DEFAULTS_KEY} - skip):
                found = _changes(_as_set(name, old_inputs.get(name)), _as_set(name, news.get(name)), name)
                if not found:
                    continue
                result = replacements.effect(row, name) if row else Effect.UNKNOWN
                if name == "tagsAll" and "tags" in out.changes:
                    result = Effect.UPDATE
                replaces = result is Effect.REPLACE
                if result is Effect.UNKNOWN:
                    out.unknown_effect.append(name)
                if replaces:
                    out.replaces.append(name)
                out.changes |= {path: Change(kind, replaces) for path, kind in found.items()}
            if out.unknown_effect:
                self.log(
                    "warning",
                    f"replacement unknown: the simulation has no reviewed entry for {', '.join(out.unknown_effect)} of {urn.token}; "
                    "it shows an update, AWS may replace the resource",
                    urn_text,
                )
            if out.replaces and row is not None:
                name_property = NAME_PROPERTIES.get(urn.token, "name")
                same_name = reveal(old_inputs.get(name_property)) == reveal(news.get(name_property))
                fixed = replacements.named_by_program(row, name_property, dict(news))
                out.delete_first = fixed and same_name and not _side_by_side(urn.token)
            return out

    # -------------------------------------------------------------- create, update, delete

    def create(self, urn_text: str, inputs: Mapping[str, Any], peer: Peer, *, preview: bool) -> tuple[str, dict[str, Any]]:
        """Makes a resource: (id, outputs); at preview the id is empty and computed outputs are unknown.

        The same URN with the same inputs gives the same resource after a crash.

        Raises:
            AwsError: AWS would refuse, for example for a name that is taken.
        """
        with self._lock:
            urn = Urn(urn_text)
            rows = self.store.of_urn(urn_text)
            orphan = rows[-1] if rows and urn_text not in self._managed else None
            generation = orphan.generation if orphan else self.store.next_generation(urn_text)
            if urn.token.startswith("random:"):
                ident, outputs = generators.make(urn, inputs, generation=generation)
                if preview or not ident:
                    return "", outputs
                self.store.put(urn_text, ident, urn.token, peer, inputs, outputs, generation=generation)
                return ident, outputs
            if preview:
                return "", self.maker.plan(urn, inputs)
            if orphan is not None and dumps(dict(orphan.inputs)) == dumps(dict(inputs)):
                self.run.note_exists(orphan.known())
                return orphan.id, orphan.outputs
            region = _region(inputs, peer)
            key = unique_key(urn.token, reveal(dict(inputs)), region)
            holder = self.store.named(key) if key else None
            if holder is not None and (orphan is None or holder.urn != urn_text):
                answer = unique_answer(urn.token)
                if answer:
                    raise AwsError(
                        f"{answer}: {key[2] if key else ''} exists already in the simulated account ({holder.urn.rpartition('::')[2]}, {holder.id})"
                    )
            made = self.maker.make(urn, inputs, peer, self.run, generation=generation)
            ident = orphan.id if orphan else made.id
            self._put(urn_text, ident, urn.token, inputs, made.outputs, peer, generation, key)
            return ident, made.outputs

    def update(
        self, urn_text: str, ident: str, inputs: Mapping[str, Any], olds: Mapping[str, Any], peer: Peer, *, preview: bool
    ) -> dict[str, Any]:
        """Changes a resource in place and returns its outputs."""
        with self._lock:
            urn = Urn(urn_text)
            if urn.token.startswith("random:"):
                return dict(olds) | {key: value for key, value in inputs.items() if key != DEFAULTS_KEY}
            if preview:
                return self.maker.plan(urn, inputs, olds=olds)
            row = self.store.get(urn_text, ident)
            generation = row.generation if row else self.store.next_generation(urn_text)
            version = reveal(olds.get("latestVersion"))
            extra = {"__version": int(version) + 1} if isinstance(version, (int, float)) else {}
            seeded = Urn(row.urn) if row else urn
            made = self.maker.make(seeded if seeded.token == urn.token else urn, inputs, peer, self.run, generation=generation, extra=extra)
            outputs = made.outputs
            for name in ("version", "revision"):
                before = reveal(olds.get(name))
                if isinstance(before, (int, float)) and not isinstance(before, bool) and name in outputs:
                    outputs[name] = int(before) + 1
            key = unique_key(urn.token, reveal(dict(inputs)), _region(inputs, peer))
            if row is not None and row.urn != urn_text:
                self.store.delete(row.urn, ident)  # the resource was renamed in the program
            self._put(urn_text, ident, urn.token, inputs, outputs, peer, generation, key)
            return outputs

    def _put(
        self,
        urn: str,
        ident: str,
        token: str,
        inputs: Mapping[str, Any],
        outputs: dict[str, Any],
        peer: Peer,
        generation: int,
        key: tuple[str, ...] | None,
    ) -> None:
        self.store.put(urn, ident, token, peer, inputs, outputs, generation=generation, region=_region(inputs, peer), name_key=key)
        self.run.note_exists(Known(urn, token, ident, dict(inputs), outputs))

    def delete(self, urn_text: str, ident: str) -> None:
        """Deletes a resource; one that is gone already is no error.

        Raises:
            AwsError: AWS would refuse, for example because of deletion protection.
        """
        with self._lock:
            row = self.store.get(urn_text, ident)
            if row is None:
                return
            reason = _undeletable(row, self.store)
            if reason is not None:
                raise AwsError(reason)
            self.store.delete(row.urn, ident)
            self.run.forget(row.urn, ident)

    # -------------------------------------------------------------- read

    def read(
        self, urn_text: str, ident: str, inputs: Mapping[str, Any], properties: Mapping[str, Any], peer: Peer
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """The live state: (id, inputs, outputs). An empty id means that the resource is gone.

        With neither inputs nor properties this is an import or a lookup: a resource of the account by id, ARN or name. An id that the account does not
        have stands for something that existed before the simulation, and gets plausible values.
        """
        with self._lock:
            urn = Urn(urn_text)
            if urn.token.startswith("random:"):
                return (ident, dict(inputs), dict(properties)) if properties else (ident, {}, {"result": ident})
            row = self.store.get(urn_text, ident)
            if row is not None:
                self.run.note_exists(row.known())
                current = self._inputs_of(row, inputs)
                return row.id, current, row.outputs
            if inputs or properties:
                return "", {}, {}
            return self._adopt(urn, ident, peer)

    def _inputs_of(self, row: Row, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs as the account shows them now: drift in an output that is an input too appears here."""
        names = set(inputs or row.inputs)
        out: dict[str, Any] = {}
        for name in names:
            before = inputs.get(name, row.inputs.get(name))
            if name == DEFAULTS_KEY or (name not in row.outputs and name not in row.inputs):
                out[name] = before
            elif name in row.outputs:
                out[name] = row.outputs[name]
        table_row = self.table.resource(row.token)
        for name, value in row.outputs.items():
            # Nobody asked for it, and it is not as it was made: someone has set it by hand.
            if table_row is not None and name in table_row.inputs and name not in out and dumps(value) != dumps(row.made.get(name)):
                out[name] = value
        return out

    def _adopt(self, urn: Urn, ident: str, peer: Peer) -> tuple[str, dict[str, Any], dict[str, Any]]:
        known = self.store.find(ident)
        if known is not None and known.token == urn.token:
            self.run.note_exists(known)
            return known.id, {key: value for key, value in known.inputs.items() if key != DEFAULTS_KEY}, known.outputs
        table_row = self.table.resource(urn.token)
        if table_row is None:
            raise AwsError(f"{urn.token} is not a resource type of pulumi-aws {self.table.versions.get('aws', '')}")
        seed: dict[str, Any] = {}
        name_property = NAME_PROPERTIES.get(urn.token, "name")
        if name_property in table_row.inputs and not ident.startswith("arn:"):
            seed[name_property] = ident
        if "region" in table_row.inputs:
            seed["region"] = peer.region
        made = self.maker.make(Urn(f"{urn.text}@{ident}"), seed, peer, self.run)
        outputs = {name: ident if value == made.id else value for name, value in made.outputs.items()}
        if isinstance(outputs.get("arn"), str):
            outputs["arn"] = ident if ident.startswith("arn:") else outputs["arn"].replace(made.id, ident)
        self._adopted.add(ident)
        self._put(urn.text, ident, urn.token, seed, outputs, peer, 0, None)
        self.log("info", f"the simulated account has no {urn.token} {ident}; it is taken to exist, with plausible values", "")
        return ident, seed, outputs

    # -------------------------------------------------------------- functions

    def invoke(self, token: str, args: dict[str, Any], peer: Peer) -> dict[str, Any]:
        """The result of a provider function.

        Raises:
            UnknownFunctionError: it is not simulated.
        """
        with self._lock:
            if token in invokes.LOOKUPS and not self._loaded:
                self._loaded = True
                for row in self.store.all():
                    if row.urn not in self.run.checked:
                        self.run.note_exists(row.known())
            return invokes.invoke(token, args, peer, self.run, self.table)


def _region(inputs: Mapping[str, Any], peer: Peer) -> str:
    own = reveal(inputs.get("region"))
    return own if isinstance(own, str) else peer.region


def _side_by_side(token: str) -> bool:
    """Types whose versions live side by side under one name."""
    return token in {"aws:ecs/taskDefinition:TaskDefinition", "aws:lambda/layerVersion:LayerVersion"}


# Type → (input that protects, what AWS answers).
_PROTECTED: dict[str, tuple[str, str]] = {
    "aws:rds/instance:Instance": (
        "deletionProtection",
        "InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection and try again.",
    ),
    "aws:rds/cluster:Cluster": (
        "deletionProtection",
        "InvalidParameterCombination: Cannot delete protected Cluster, please disable deletion protection and try again.",
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        "enableDeletionProtection",
        "OperationNotPermitted: Load balancer '{id}' cannot be deleted because deletion protection is enabled",
    ),
    "aws:alb/loadBalancer:LoadBalancer": (
        "enableDeletionProtection",
        "OperationNotPermitted: Load balancer '{id}' cannot be deleted because deletion protection is enabled",
    ),
    "aws:dynamodb/table:Table": (
        "deletionProtectionEnabled",
        "ValidationException: Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
    ),
    "aws:ec2/instance:Instance": (
        "disableApiTermination",
        "OperationNotPermitted: The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
    ),
    "aws:networkfirewall/firewall:Firewall": (
        "deleteProtection",
        "InvalidOperationException: Unable to fulfill request because the following related configurations are set: delete protection",
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        "deletionProtectionEnabled",
        "ValidationException: Log group {id} cannot be deleted because deletion protection is enabled",
    ),
}


def _undeletable(row: Row, store: Store) -> str | None:
    """Why AWS would refuse to delete a resource, or None."""
    protected = _PROTECTED.get(row.token)
    current = reveal(row.outputs)
    if protected is not None and current.get(protected[0]) in {True, "true"}:
        return protected[1].format(id=row.id)
    if row.token == "aws:rds/instance:Instance":  # a type token
        replica = current.get("replicateSourceDb")
        if not replica and current.get("skipFinalSnapshot") not in {True, "true"} and not current.get("finalSnapshotIdentifier"):
            return "InvalidParameterCombination: FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
    if row.token == "aws:s3/bucket:Bucket" and current.get("forceDestroy") not in {True, "true"}:  # a type token
        for other in store.all():
            if other.token.startswith("aws:s3/bucketObject") and other.outputs.get("bucket") == row.id:
                return f"BucketNotEmpty: The bucket you tried to delete is not empty ({row.id} holds {other.outputs.get('key')})"
    if row.token == "aws:route53/zone:Zone" and current.get("forceDestroy") not in {True, "true"}:  # a type token
        for other in store.all("aws:route53/record:Record"):
            if other.outputs.get("zoneId") == row.id and other.outputs.get("type") not in {"NS", "SOA"}:
                return f"HostedZoneNotEmpty: The specified hosted zone contains non-required resource record sets and so cannot be deleted ({row.id})"
    return None
