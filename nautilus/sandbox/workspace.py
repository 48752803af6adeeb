"""Everything that a sandbox run touches on disk, inside `<checkout>/.nautilus/sandbox/`.

    home/            PULUMI_HOME
    state/           the file backend
    project/         a copy of Pulumi.yaml, where stacks are created
    store/           what the simulated provider remembers, one file a stack
    runs/<id>/       one operation: its stack file, event log, output, the processes that it started
    locks/           one lock a stack
    placeholders.json  the workspace's encryption salt and its encrypted placeholders

No stack file of the project is ever written: an operation reads a scratch copy, in which each secret is a labelled placeholder, because the
real one is encrypted for somebody else.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import yaml

PASSPHRASE: Final = "nautilus-sandbox"
RUN_VARIABLE: Final = "NAUTILUS_SANDBOX_RUN"
KEPT_RUNS: Final = 10
KEPT_HISTORY: Final = 5
STALE_SECONDS: Final = 3600.0
ORPHAN_GRACE_SECONDS: Final = 5.0
"""How long an engine that lost its nautilus may take to write its state before it is killed."""

_CREDENTIALS: Final = re.compile(r"^(AWS_|PULUMI_|AMAZON_|BOTO_|VAULT_|NAUTILUS_SANDBOX_RUN$|NAUTILUS_RUNNER)")
_STACK_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")

Progress = Callable[[str], None]


class WorkspaceError(Exception):
    """The project or its stack file cannot be used; the text names file and repair."""


class BusyError(Exception):
    """Another live run works on this stack in this checkout."""


# -- processes --------------------------------------------------------------------------------------------------------


def process_start(pid: int) -> str | None:
    """A token for the process `pid` that a later process with the same number does not have; None when there is none (or a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The command's name may hold spaces and brackets: fields count from the last bracket.
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def _started_after(pid: int, moment: datetime) -> bool:
    """Whether the process `pid` began after `moment`: then it is not the one that wrote something at `moment`."""
    try:
        if sys.platform.startswith("linux"):
            boot = next(int(line.split()[1]) for line in Path("/proc/stat").read_text("ascii").splitlines() if line.startswith("btime"))
            began = boot + int(process_start(pid) or 0) / os.sysconf("SC_CLK_TCK")
        else:
            token = process_start(pid)
            began = time.mktime(time.strptime(token, "%a %b %d %H:%M:%S %Y")) if token else 0.0
    except (OSError, ValueError, StopIteration):
        return False
    return began > moment.timestamp() + 2


@dataclass(frozen=True)
class ProcessRef:
    """A process that we started."""

    name: str
    pid: int
    start: str

    @staticmethod
    def of(name: str, pid: int) -> ProcessRef:
        """The running process `pid`."""
        return ProcessRef(name, pid, process_start(pid) or "")

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return process_start(self.pid) == self.start != ""

    def send(self, number: int) -> None:
        """Send a signal, if the process still runs."""
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)


def _marked_processes(run_id: str) -> list[ProcessRef]:
    """Processes of the run `run_id` that nobody recorded: they carry its id in their environment (Linux; elsewhere they watch their
    parents).
    """
    marker = f"{RUN_VARIABLE}={run_id}".encode()
    found: list[ProcessRef] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marker in (entry / "environ").read_bytes().split(b"\0"):
                found.append(ProcessRef.of("descendant", int(entry.name)))
    return [ref for ref in found if ref.pid != os.getpid()]


# -- stack files ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PreparedStack:
    """A scratch stack file. `placeholders` are the config paths of the secrets that were replaced; `notes` say what else was left out."""

    path: Path
    placeholders: tuple[str, ...]
    notes: tuple[str, ...]


def placeholder(path: str) -> str:
    """The text that stands for the secret at the config path `path`."""
    return f"sandbox-placeholder:{path}"


def _compose(path: Path) -> yaml.MappingNode:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise WorkspaceError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path} cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise WorkspaceError(f"{path} is not valid YAML: {error}") from error
    if node is None:
        return yaml.MappingNode("tag:yaml.org,2002:map", [])
    if not isinstance(node, yaml.MappingNode):
        raise WorkspaceError(f"{path} must be a mapping, with the settings under `config:`")
    return node


def _entry(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
    return next((pair for pair in pairs if isinstance(pair[0], yaml.ScalarNode) and pair[0].value == key), None)


def _put(node: yaml.MappingNode, key: str, value: yaml.Node) -> None:
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
    for index, (name, _) in enumerate(pairs):
        if isinstance(name, yaml.ScalarNode) and name.value == key:
            pairs[index] = (name, value)
            return
    pairs.append((_text(key), value))


def _text(value: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", value)


def _secure_nodes(node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.MappingNode]]:
    """Each `{secure: …}` below `node` with its config path."""
    if isinstance(node, yaml.MappingNode):
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        if len(pairs) == 1 and pairs[0][0].value == "secure" and isinstance(pairs[0][1], yaml.ScalarNode):
            yield path, node
            return
        for key, value in pairs:
            name = str(key.value)
            part = name if re.fullmatch(r"[A-Za-z0-9_:-]+", name) else f'["{name}"]'
            yield from _secure_nodes(value, part if not path else path + part if part.startswith("[") else f"{path}.{part}")
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(cast("list[yaml.Node]", node.value)):
            yield from _secure_nodes(item, f"{path}[{index}]")


def parse_path(path: str) -> list[str | int]:
    """`a.b[0]["c.d"]` as `["a", "b", 0, "c.d"]`.

    Raises ValueError when brackets or quotes do not close, or a part is empty.
    """
    parts: list[str | int] = []
    rest = path
    while rest:
        if found := re.match(r'\["((?:[^"\\]|\\.)+)"\]', rest):
            parts.append(found[1].replace('\\"', '"'))
        elif found := re.match(r"\[(\d+)\]", rest):
            parts.append(int(found[1]))
        elif found := re.match(r"\.?([^.\[\]]+)", rest):
            if rest.startswith(".") != bool(parts):
                raise ValueError(path)
            parts.append(found[1])
        else:
            raise ValueError(path)
        rest = rest[found.end() :]
    if not parts:
        raise ValueError(path)
    return parts


def _assign(node: yaml.Node, parts: list[str | int], value: yaml.Node, where: str) -> None:
    """Put `value` at `parts` below `node`, making what is missing on the way."""
    head, *tail = parts
    if isinstance(head, int):
        if not isinstance(node, yaml.SequenceNode) or head > len(node.value):
            raise WorkspaceError(f"the override {where!r} does not fit: there is no list with {head} elements there")
        if head == len(node.value):
            node.value.append(_container(tail))
        if tail:
            _assign(node.value[head], tail, value, where)
        else:
            node.value[head] = value
        return
    if not isinstance(node, yaml.MappingNode):
        raise WorkspaceError(f"the override {where!r} does not fit: {head!r} is inside a value that is not a mapping")
    if not tail:
        _put(node, head, value)
        return
    found = _entry(node, head)
    if found is None:
        _put(node, head, _container(tail))
        found = _entry(node, head)
    assert found is not None
    _assign(found[1], tail, value, where)


def _container(parts: list[str | int]) -> yaml.Node:
    if parts and isinstance(parts[0], int):
        return yaml.SequenceNode("tag:yaml.org,2002:seq", [])
    return yaml.MappingNode("tag:yaml.org,2002:map", [])


def _override(config: yaml.MappingNode, project: str, key: str, text: str) -> None:
    namespace, colon, rest = key.partition(":")
    name = f"{namespace}:{rest}" if colon else f"{project}:{key}"
    try:
        parts = parse_path(name.partition(":")[2])
        value = yaml.compose(text, Loader=yaml.SafeLoader) or _text("")
    except ValueError:
        raise WorkspaceError(f"the override {key!r} is not a config path such as namespace:a.b[0]") from None
    except yaml.YAMLError as error:
        raise WorkspaceError(f"the override {key!r} has a value that is not valid YAML: {text!r} ({error})") from error
    head = parts[0]
    if isinstance(head, int):
        raise WorkspaceError(f"the override {key!r} is not a config path such as namespace:a.b[0]")
    parts[0] = f"{name.partition(':')[0]}:{head}"
    # A key that stands in the file as it is written is that key, dots and all.
    _assign(config, [name] if _entry(config, name) else parts, value, key)


# -- locks and runs ---------------------------------------------------------------------------------------------------


@dataclass
class Run:
    """One operation in the workspace: its folder and the processes that it started."""

    id: str
    stack: str
    verb: str
    folder: Path
    exclusive: bool
    processes: list[ProcessRef] = field(default_factory=list[ProcessRef])

    def add_process(self, name: str, pid: int) -> None:
        """Record a process, so that a later run can end it should this one be killed."""
        self.processes.append(ProcessRef.of(name, pid))
        self.save()

    def save(self, *, finished: bool = False) -> None:
        """Write the record whole or not at all."""
        record = {
            "stack": self.stack,
            "verb": self.verb,
            "exclusive": self.exclusive,
            "finished": finished,
            "host": socket.gethostname(),
            "owner": vars(ProcessRef.of("nautilus", os.getpid())),
            "processes": [vars(ref) for ref in self.processes],
        }
        write_whole(self.folder / "run.json", json.dumps(record, indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write a private file so that a reader sees the old or the new text, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    temporary.write_text(text, "utf-8")
    temporary.chmod(0o600)
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; an empty one when there is none."""
    try:
        data: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def _refs(data: Any) -> list[ProcessRef]:
    if not isinstance(data, list):
        return []
    entries = [cast("dict[str, Any]", item) for item in cast("list[Any]", data) if isinstance(item, dict)]
    return [ProcessRef(str(e.get("name", "")), int(e.get("pid", 0)), str(e.get("start", ""))) for e in entries]


class Workspace:
    """The sandbox's place in one checkout.

    `checkout` holds Pulumi.yaml. `config_dir` is another folder to read stack files from (default: the project's own). `root` replaces
    `<checkout>/.nautilus/sandbox`.
    Raises WorkspaceError when there is no usable Pulumi.yaml.
    """

    def __init__(self, checkout: Path, *, config_dir: Path | None = None, root: Path | None = None) -> None:
        self.checkout = checkout.resolve()
        self.root = (root or self.checkout / ".nautilus" / "sandbox").resolve()
        project_file = self.checkout / "Pulumi.yaml"
        project = _compose(project_file)
        name = _entry(project, "name")
        if name is None or not isinstance(name[1], yaml.ScalarNode) or not name[1].value:
            raise WorkspaceError(f"{project_file} has no `name:`")
        self.project: str = str(name[1].value)
        own = _entry(project, "stackConfigDir")
        default = self.checkout / str(own[1].value) if own is not None and isinstance(own[1], yaml.ScalarNode) else self.checkout
        self.config_dir = (config_dir or default).resolve()
        self.home = self.root / "home"
        self.state = self.root / "state"
        self.runs = self.root / "runs"

    # -- paths --------------------------------------------------------------------------------------------------------

    def stack_file(self, stack: str) -> Path:
        """The project's file for `stack`. Raises WorkspaceError for a name that Pulumi would not take."""
        if not _STACK_NAME.fullmatch(stack):
            raise WorkspaceError(f"{stack!r} is not a stack name: letters, digits, `_`, `-` and `.`, at most 100")
        return self.config_dir / f"Pulumi.{stack}.yaml"

    def state_file(self, stack: str, state: Path | None = None) -> Path:
        """Where the backend keeps the stack."""
        return (state or self.state) / ".pulumi" / "stacks" / self.project / f"{stack}.json"

    def store_file(self, stack: str) -> Path:
        """Where the simulated provider keeps the stack's resources."""
        return self.root / "store" / f"{stack}.sqlite"

    def create(self) -> None:
        """Make the folders, readable by their owner only, and keep git away from them."""
        for folder in (self.root, self.home, self.state, self.runs, self.root / "locks", self.root / "store", self.root / "project"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "utf-8")
        copy = self.root / "project" / "Pulumi.yaml"
        current = (self.checkout / "Pulumi.yaml").read_bytes()
        if not copy.exists() or copy.read_bytes() != current:
            temporary = copy.with_name(f".Pulumi.yaml.{os.getpid()}")
            temporary.write_bytes(current)
            temporary.replace(copy)

    @property
    def project_folder(self) -> Path:
        """A folder with a copy of Pulumi.yaml and nothing else, for commands that write beside it."""
        return self.root / "project"

    @staticmethod
    def backend_url(folder: Path) -> str:
        """The file backend in `folder`, without the sidecar files that a kill can leave half written ("failed to load checkpoint: EOF")."""
        return folder.as_uri() + "?metadata=skip"

    # -- environment --------------------------------------------------------------------------------------------------

    def environment(self, *, run_id: str = "", state: Path | None = None) -> dict[str, str]:
        """The environment of every `pulumi` that the sandbox starts: no credentials, no settings of the user's own Pulumi, nothing outside
        the workspace.
        """
        env = {key: value for key, value in os.environ.items() if not _CREDENTIALS.match(key)}
        local = "127.0.0.1,localhost"
        for key in ("NO_PROXY", "no_proxy"):
            env[key] = f"{env[key]},{local}" if env.get(key) else local
        env |= {
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": self.backend_url(state or self.state),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # The CLI would write the whole state after every step, which is most of an operation's time. It is written at the end instead; what
            # a killed operation had made is adopted by the next one.
            "PULUMI_EXPERIMENTAL": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
            "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": "20",
            # A copy of the state after each operation helps nobody: what is simulated can be made again.
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            # Should a program ask the AWS SDK, it must not find a user's login in his home or the machine's role.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if run_id:
            env[RUN_VARIABLE] = run_id
        return env

    # -- stack files --------------------------------------------------------------------------------------------------

    def prepare(
        self, stack: str, folder: Path, encrypt: Callable[[list[str]], tuple[str, list[str]]], overrides: Mapping[str, str]
    ) -> PreparedStack:
        """Write the scratch copy of the stack file into `folder`.

        `encrypt` takes plain texts and gives the encryption salt and their ciphertexts. `overrides` maps config paths
        (`namespace:key.sub[0]`; without a namespace, the project's) to
        YAML values. Raises WorkspaceError when the stack file is missing or malformed, or an override does not fit.
        """
        source = self.stack_file(stack)
        if not source.exists():
            there = sorted(path.name for path in self.config_dir.glob("Pulumi.*.yaml"))
            raise WorkspaceError(f"{source} does not exist; stack files here: {', '.join(there) or 'none'}")
        tree = _compose(source)
        notes: list[str] = []
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", tree.value)
        if _entry(tree, "environment") is not None:
            notes.append(f"{source.name}: `environment:` is left out, the sandbox reaches no service")
        pairs[:] = [pair for pair in pairs if pair[0].value not in ("encryptionsalt", "encryptedkey", "secretsprovider", "environment")]
        found = _entry(tree, "config")
        config = found[1] if found is not None else None
        if not isinstance(config, yaml.MappingNode):
            if config is not None and config.value not in ("", "null", "~"):
                raise WorkspaceError(f"{source}: `config:` must be a mapping of settings")
            config = yaml.MappingNode("tag:yaml.org,2002:map", [])
            _put(tree, "config", config)
        for key, text in overrides.items():
            _override(config, self.project, key, text)
        secure = list(_secure_nodes(config, ""))
        salt, ciphertexts = encrypt([placeholder(path) for path, _ in secure])
        for (_, node), ciphertext in zip(secure, ciphertexts, strict=True):
            key, _ = node.value[0]
            node.value = [(key, _text(ciphertext))]
        _put(tree, "encryptionsalt", _text(salt))
        target = folder / source.name
        # Nodes, not values, are written back, so `02:00`, `0123` and quotes mean to Pulumi what they mean in the original.
        write_whole(target, yaml.serialize(tree, Dumper=yaml.SafeDumper, allow_unicode=True, width=4096))
        return PreparedStack(target, tuple(path for path, _ in secure), tuple(notes))

    @contextmanager
    def once(self, name: str) -> Generator[None]:
        """One process at a time in this checkout; waits for the other, which takes well under a second."""
        self.create()
        with (self.root / "locks" / f".{name}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # -- runs ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def run(self, stack: str, verb: str, progress: Progress, *, exclusive: bool) -> Generator[Run]:
        """A run of `verb` on `stack`.

        An `exclusive` one is alone on its stack in this checkout (else BusyError) and first clears what a killed one left: its processes
        and the backend's lock.
        """
        self.stack_file(stack)
        self.create()
        lock = self._lock(stack, verb) if exclusive else None
        try:
            if exclusive:
                self._recover(stack, progress)
            run_id = f"{stack}-{verb}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
            folder = self.runs / run_id
            folder.mkdir(mode=0o700)
            run = Run(run_id, stack, verb, folder, exclusive)
            run.save()
            try:
                yield run
            finally:
                run.save(finished=not any(ref.alive for ref in run.processes))
                self._forget_old_runs()
        finally:
            if lock is not None:
                os.close(lock)

    def _lock(self, stack: str, verb: str) -> int:
        path = self.root / "locks" / f"{stack}.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            holder = read_json(path)
            raise BusyError(
                f"the sandbox is busy: {holder.get('verb', 'a run')} of {stack} runs since {holder.get('since', 'a moment ago')} "
                f"(process {holder.get('pid', 'unknown')}) in {self.checkout}; wait for it, or end it with Ctrl-C"
            ) from None
        # The kernel frees the lock with its holder, however that one ends; the text is for whoever is refused.
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "verb": verb, "since": f"{datetime.now().astimezone():%H:%M:%S}"}).encode(), 0)
        return handle

    def _recover(self, stack: str, progress: Progress) -> None:
        """End the processes of dead runs of `stack`, then remove the backend's locks that nobody holds."""
        ours: set[int] = set()
        for record_path in sorted(self.runs.glob("*/run.json")):
            record = read_json(record_path)
            if record.get("stack") != stack:
                continue
            processes = _refs(record.get("processes"))
            ours |= {ref.pid for ref in processes if ref.name == "pulumi"}
            if record.get("finished"):
                continue
            owners = _refs([record.get("owner")])
            if not record.get("exclusive") and any(ref.alive for ref in owners):
                continue  # a live preview
            if not owners or owners[0].pid != os.getpid():
                progress(f"an earlier sandbox {record.get('verb', 'run')} of {stack} was killed; cleaning up after it")
            _end_processes(processes, record_path.parent.name)
            record["finished"] = True
            write_whole(record_path, json.dumps(record, indent=1))
        self.clear_dead_locks(stack, progress, ours=ours)

    def clear_dead_locks(self, stack: str, progress: Progress, *, ours: Collection[int] = (), state: Path | None = None) -> None:
        """Remove the backend's locks on `stack` that nobody holds. `ours` are ids of processes that our records know to be dead.

        Raises BusyError for a lock whose holder lives.
        """
        folder = (state or self.state) / ".pulumi" / "locks" / "organization" / self.project / stack
        for lock in sorted(folder.glob("*.json")):
            content = read_json(lock)
            pid, host = int(content.get("pid") or 0), str(content.get("hostname") or "")
            if host and host != socket.gethostname():
                # Another machine, or this one under another name (a container): ours only if our records say so.
                dead = pid in ours
            else:
                dead = not pid or process_start(pid) is None or _started_after(pid, _timestamp(content.get("timestamp")))
            if not dead:
                raise BusyError(
                    f"the sandbox's state of {stack} is locked by process {pid} on {host or 'this machine'}, "
                    f"which this run did not start; wait for it, or remove {lock}"
                )
            lock.unlink(missing_ok=True)
            progress(f"removed the lock of a run of {stack} that was killed (process {pid})")

    def _forget_old_runs(self) -> None:
        def changed(folder: Path) -> float:
            try:
                return folder.stat().st_mtime
            except OSError:
                return 0.0

        finished = [folder for folder in self.runs.iterdir() if read_json(folder / "run.json").get("finished")]
        for folder in sorted(finished, key=changed, reverse=True)[KEPT_RUNS:]:
            shutil.rmtree(folder, ignore_errors=True)

    # -- state --------------------------------------------------------------------------------------------------------

    def checkpoint(self, stack: str) -> dict[str, Any] | None:
        """The stack's deployment as the backend keeps it (secrets encrypted), None when the stack was never created."""
        document = read_json(self.state_file(stack))
        latest = cast("dict[str, Any]", document.get("checkpoint") or {}).get("latest")
        if document and latest is None:
            return {"manifest": {}, "resources": []}
        return cast("dict[str, Any] | None", latest)

    def trim_history(self, stack: str) -> None:
        """Keep the last few entries of the backend's history, each of which holds the whole state, and no torn-off temporary files."""
        for path in self.state.rglob("fileblob*"):
            with suppress(OSError):
                # A young one may belong to a run of another stack.
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
        folder = self.state / ".pulumi" / "history" / self.project / stack
        names = sorted({path.name.split(".")[0] for path in folder.glob(f"{stack}-*")}) if folder.is_dir() else []
        for name in names[:-KEPT_HISTORY]:
            for path in folder.glob(f"{name}.*"):
                path.unlink(missing_ok=True)

    def clear_pending_operations(self, stack: str) -> int:
        """Remove from the state what a killed run had begun; give their number.

        The provider creates by URN, so what it had begun is taken up again by the next `up`; left in place, each would only raise a warning
        that nobody can act on.
        """
        path = self.state_file(stack)
        document = read_json(path)
        latest = cast("dict[str, Any]", cast("dict[str, Any]", document.get("checkpoint") or {}).get("latest") or {})
        pending = latest.pop("pending_operations", None)
        if not pending:
            return 0
        write_whole(path, json.dumps(document, indent=4))
        return len(pending)


def _timestamp(value: Any) -> datetime:
    try:
        # Go writes nanoseconds, which Python does not read.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(value)))
    except ValueError:
        return datetime.now(UTC)


def _end_processes(processes: Iterable[ProcessRef], run_id: str) -> None:
    """End a dead run's processes: the engine first, which writes its state when it is asked to."""
    known = list(processes)
    engines = [ref for ref in known if ref.name == "pulumi" and ref.alive]
    for ref in engines:
        ref.send(signal.SIGINT)
    limit = time.monotonic() + ORPHAN_GRACE_SECONDS
    while any(ref.alive for ref in engines) and time.monotonic() < limit:
        time.sleep(0.05)
    for ref in [*known, *_marked_processes(run_id)]:
        ref.send(signal.SIGKILL)
    limit = time.monotonic() + ORPHAN_GRACE_SECONDS
    while any(ref.alive for ref in known) and time.monotonic() < limit:
        time.sleep(0.02)
