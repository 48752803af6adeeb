"""A node's first process: sees to its file system, then runs its rendered units as systemd would. Debian's own Python, no package of ours.

`python3 supervisor.py SPEC` in fresh mount, network, process and shared-memory namespaces. It waits for a line on its input (the network is there), and
when it is killed the kernel kills everything else in the node, as a machine that loses power does.
"""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import stat
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

KNOWN = {"Type", "RemainAfterExit", "ExecStart", "ExecStartPre", "ExecStop", "Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec"}
"""Settings of a unit's [Service] that are obeyed here or make no difference here; another one stops the test: the templates have moved on."""
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC = 1, 32, 4096, 16384
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def mount(source: str, target: Path, kind: str = "none", flags: int = 0, data: str = "") -> None:
    """mount(2); raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    target.mkdir(parents=True, exist_ok=True)
    if libc.mount(source.encode(), str(target).encode(), kind.encode(), flags, data.encode()):
        error = ctypes.get_errno()
        raise OSError(error, f"mount {source} on {target}: {os.strerror(error)}")


def build(spec: dict[str, Any]) -> None:
    """The node's root: the machine's programs read-only, everything else its own."""
    root = Path(spec["root"])
    mount("/usr", root / "usr", flags=MS_BIND | MS_REC)
    mount("none", root / "usr", flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
    mount(spec["programs"], root / "usr/local/sbin", flags=MS_BIND)
    mount(spec["repository"], root / "pgbackrest", flags=MS_BIND)
    mount(spec["parameters"], root / "run/stand-in/parameters", flags=MS_BIND)
    mount("proc", root / "proc", "proc")
    mount("tmpfs", root / "dev", "tmpfs", data="mode=0755")
    mount("tmpfs", root / "dev/shm", "tmpfs", data="mode=1777")
    old = os.umask(0)
    for name, (major, minor) in DEVICES.items():
        os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
    os.umask(old)
    (root / "dev/fd").symlink_to("/proc/self/fd")
    # Volumes are looked for by name and never opened: their file systems are folders here.
    for device in spec["devices"]:
        path = root / device.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 250))
    os.chroot(root)
    os.chdir("/")


def service(name: str, folder: Path = Path("/etc/systemd/system")) -> dict[str, list[str]]:
    """[Service] of a rendered unit.

    Raises:
        ValueError: It holds a setting that is not understood here.
    """
    found: dict[str, list[str]] = {}
    section = ""
    for line in (folder / f"{name}.service").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "Service" and "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            if key not in KNOWN:
                raise ValueError(f"{name}.service: {key} is not understood here")
            found.setdefault(key, []).append(value)
    return found


def begin(name: str, unit: dict[str, list[str]]) -> int:
    """Start a unit in a process of its own, its log in /var/log."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        # As systemd and docker have it. PostgreSQL 15 may read its input when the postmaster dies in a commit: the end of file lets it go.
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        log = os.open(f"/var/log/{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number in (1, 2):
            os.dup2(log, number)
        for before in unit.get("ExecStartPre", []):
            # A shell, because a program that is missing is a failure like another.
            if subprocess.run(["/bin/sh", "-c", before.lstrip("-")], check=False).returncode and not before.startswith("-"):
                os._exit(1)
        command = shlex.split(unit["ExecStart"][0])
        os.execv(command[0], command)
    except Exception:  # noqa: BLE001 (whatever it is belongs into the log, and this process ends)
        traceback.print_exc()
    finally:
        os._exit(1)


def main() -> None:
    """Build the root, wait for the network, run one-shot units in their order, then the services for ever."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    build(spec)
    os.environ.clear()
    os.environ.update(PATH="/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", LANG="C.UTF-8", HOME="/root")
    units = {name: service(name) for name in spec["units"]}
    sys.stdin.readline()
    running: dict[int, str] = {}
    for name, unit in units.items():
        if unit.get("Type") == ["oneshot"]:
            if os.waitstatus_to_exitcode(os.waitpid(begin(name, unit), 0)[1]):
                raise SystemExit(f"{name} failed: see its log")
        else:
            running[begin(name, unit)] = name
    print("ready", flush=True)
    again: dict[str, float] = {}
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pid = 0
        name = running.pop(pid, "") if pid else ""
        if name and units[name].get("Restart") == ["always"]:
            again[name] = time.monotonic() + float(units[name].get("RestartSec", ["0.1"])[0])
        for due in [each for each, at in again.items() if at <= time.monotonic()]:
            del again[due]
            running[begin(due, units[due])] = due
        if not pid:
            time.sleep(0.05)


if __name__ == "__main__":
    main()
