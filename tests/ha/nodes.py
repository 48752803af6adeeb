"""Three machines out of namespaces: each has its own root directory, addresses and process tree, and hangs with one cable on a bridge.

Only inside the drill's own network, mount and process namespaces (`tests.ha.drill`): nothing of it is seen by, or outlives, the rest of the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.plan.timescale import Cluster, Node
from tests.ha.packages import POSTGRES
from tests.ha.rendered import ETCD_IMAGE, IMAGE, NETWORK, PASSWORDS, node_files

HERE = Path(__file__).parent
USER = 1000
"""`postgres` in the production image, and so on the test's nodes."""
SERVICES = ("nautilus-volumes", "etcd", "patroni")
STAND_INS = {"docker": "docker", "aws": "aws", "curl": "curl"} | dict.fromkeys(
    ("blkid", "mkfs.xfs", "mount", "mountpoint", "xfs_growfs", "modprobe"), "nothing"
)
ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "nsswitch.conf", "protocols", "services", "ssl", "hosts")
LINKS = ("bin", "sbin", "lib", "lib64")


def call(*command: str) -> str:
    """Run a program; its output.

    Raises:
        RuntimeError: It failed; with what it said.
    """
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def wait_for(what: str, ready: Callable[[], bool], seconds: float, every: float = 0.1) -> float:
    """Seconds until `ready()` holds.

    Raises:
        TimeoutError: It does not within `seconds`.
    """
    begun = time.monotonic()
    while not ready():
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - begun


@dataclass
class Machine:
    """One node, on or off. Its folder outlives its processes, as a node's volumes do."""

    name: str
    place: Path
    repository: Path
    parameters: Path
    address: str | None = None
    units: Sequence[str] = ()
    devices: Sequence[str] = ()
    _parent: subprocess.Popen[str] | None = field(default=None, repr=False)
    pid: int = 0
    """The node's first process, as the drill sees it."""

    @property
    def root(self) -> Path:
        """The node's root directory."""
        return self.place / "root"

    @property
    def socket(self) -> Path:
        """The folder of its PostgreSQL's socket."""
        return self.root / "run/postgresql"

    def prepare(self) -> None:
        """A root directory without programs (the supervisor brings them in) and without a database."""
        for folder in (
            "etc/nautilus",
            "usr",
            "var/lib",
            "var/log",
            "tmp",
            "run/stand-in",
            "run/postgresql",
            "root",
            "dev",
            "proc",
            "sys",
            "pgbackrest",
        ):
            (self.root / folder).mkdir(parents=True)
        (self.root / "tmp").chmod(0o1777)
        (self.root / "var/run").symlink_to("../run")
        os.chown(self.root / "run/postgresql", USER, USER)
        for name in LINKS:
            source = Path("/", name)
            if source.is_symlink():
                (self.root / name).symlink_to(source.readlink())
        for name in ETC:
            source = Path("/etc", name)
            if source.is_dir():
                # Keys of this machine's services are none of a node's business.
                shutil.copytree(source, self.root / "etc" / name, symlinks=True, ignore=shutil.ignore_patterns("private"))
            elif source.exists():
                shutil.copy2(source, self.root / "etc" / name)
        shell = "/usr/sbin/nologin"
        (self.root / "etc/passwd").write_text(f"root:x:0:0:root:/root:/bin/bash\npostgres:x:{USER}:{USER}::/var/lib/postgresql:{shell}\n")
        (self.root / "etc/group").write_text(f"root:x:0:\npostgres:x:{USER}:\n")
        programs = self.place / "programs"
        programs.mkdir()
        for name, source in STAND_INS.items():
            shutil.copy(HERE / "stand_ins" / source, programs / name)
        facts = {
            IMAGE: {"user": USER, "home": "/var/lib/postgresql", "path": str(POSTGRES)},
            ETCD_IMAGE: {"user": 0, "home": "/root", "path": "/usr/bin"},
        }
        (self.root / "run/stand-in/images.json").write_text(json.dumps(facts))
        (self.root / "run/stand-in/secrets.json").write_text(json.dumps(PASSWORDS))

    def furnish(self, whole: Cluster, node: Node) -> None:
        """Write the rendered files where cloud-init would."""
        for file in node_files(whole, node):
            local = file.path.startswith("/usr/local/sbin/")
            path = self.place / "programs" / Path(file.path).name if local else self.root / file.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text)
            path.chmod(int(file.mode, 8))

    def start(self) -> None:
        """Switch it on.

        Raises:
            RuntimeError: Its first process ended at once.
        """
        spec = {
            "root": str(self.root),
            "programs": str(self.place / "programs"),
            "repository": str(self.repository),
            "parameters": str(self.parameters),
            "units": list(self.units),
            "devices": list(self.devices),
        }
        (self.place / "spec.json").write_text(json.dumps(spec))
        with (self.place / "supervisor.log").open("ab") as log:
            self._parent = subprocess.Popen(
                [
                    "unshare",
                    "--net",
                    "--mount",
                    "--ipc",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "/usr/bin/python3",
                    "-I",
                    HERE / "supervisor.py",
                    self.place / "spec.json",
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
            )
        children = Path(f"/proc/{self._parent.pid}/task/{self._parent.pid}/children")
        wait_for(f"{self.name}: first process", lambda: bool(children.read_text().split()), 10, 0.02)
        self.pid = int(children.read_text().split()[0])
        if self.address:
            self._plug()
        assert self._parent.stdin
        self._parent.stdin.write("go\n")
        self._parent.stdin.flush()

    def _plug(self) -> None:
        cable, inner = f"port-{self.name}", f"node-{self.name}"
        # The last life's cable may still hang there for a moment.
        wait_for(f"{self.name}: old cable gone", lambda: not Path(f"/sys/class/net/{cable}").exists() or not self._unplug(cable), 10)
        call("ip", "link", "add", cable, "type", "veth", "peer", "name", inner)
        # A network interface on AWS keeps its hardware address when the instance behind it changes.
        mac = f"02:83:00:00:00:{int(str(self.address).rsplit('.', 1)[1]):02x}"
        call("ip", "link", "set", inner, "address", mac)
        call("ip", "link", "set", inner, "netns", str(self.pid))
        call("ip", "link", "set", cable, "master", "bridge", "up")
        within = ("nsenter", "--target", str(self.pid), "--net", "ip")
        call(*within, "link", "set", "lo", "up")
        call(*within, "address", "add", f"{self.address}/24", "dev", inner)
        call(*within, "link", "set", inner, "up")

    @staticmethod
    def _unplug(cable: str) -> bool:
        subprocess.run(["ip", "link", "delete", cable], check=False, capture_output=True)
        return True

    def kill(self) -> None:
        """SIGKILL to every process of the node at once: the kernel does it when a namespace's first process dies."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._parent
        self._parent.wait(30)
        self.pid = 0

    def cut(self) -> None:
        """Take it off the network, both ways, without telling anybody: its own interface stays up and its frames go nowhere."""
        call("ip", "link", "set", f"port-{self.name}", "nomaster")

    def heal(self) -> None:
        """Put it back on the network."""
        call("ip", "link", "set", f"port-{self.name}", "master", "bridge")

    def run(self, *command: str, user: int | None = None, environment: dict[str, str] | None = None) -> str:
        """Run a program on the node.

        Raises:
            RuntimeError: It failed.
        """
        return call(*self.within(*command, user=user, environment=environment))

    def within(self, *command: str, user: int | None = None, environment: dict[str, str] | None = None) -> list[str]:
        """The command line that runs `command` on the node."""
        whole = {"PATH": f"{POSTGRES}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **(environment or {})}
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user is not None else []
        enter = ["nsenter", "--target", str(self.pid), "--mount", "--net", "--ipc", "--pid", "--root", "--wd"]
        return [*enter, "env", "-i", *(f"{name}={value}" for name, value in whole.items()), *become, *command]

    def logs(self, lines: int = 25) -> str:
        """The ends of its logs."""
        found = [self.place / "supervisor.log", *sorted((self.root / "var/log").glob("*.log"))]
        return "\n".join(
            f"--- {self.name}: {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
            for path in found
            if path.exists()
        )


def bridge() -> None:
    """The switch that the nodes and their clients hang on."""
    call("ip", "link", "set", "lo", "up")
    call("ip", "link", "add", "bridge", "type", "bridge")
    call("ip", "address", "add", f"{NETWORK}.1/24", "dev", "bridge")
    call("ip", "link", "set", "bridge", "up")


def machines(place: Path, whole: Cluster) -> dict[str, Machine]:
    """The cluster's nodes, off, with all their files, and one repository."""
    repository = place / "repository"
    repository.mkdir(mode=0o750)
    os.chown(repository, USER, USER)
    parameters = place / "parameters"
    parameters.mkdir(mode=0o700)
    made: dict[str, Machine] = {}
    for node in whole.nodes:
        devices = [
            f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}" for volume in (node.data_volume, node.etcd_volume)
        ]
        machine = Machine(node.name, place / node.name, repository, parameters, node.address, SERVICES, devices)
        machine.prepare()
        machine.furnish(whole, node)
        made[node.name] = machine
    return made
