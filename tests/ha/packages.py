"""What the test needs of this machine, why it cannot run where something lacks, and how `make ha` gets it."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
from pathlib import Path

MAJOR = 15
"""Debian 12's PostgreSQL."""
POSTGRES = Path(f"/usr/lib/postgresql/{MAJOR}/bin")
PACKAGES = (
    f"postgresql-{MAJOR}",
    "patroni",
    "python3-etcd",
    "python3-idna",
    "etcd-server",
    "etcd-client",
    "pgbackrest",
    "iproute2",
    "util-linux",
    "openssl",
    "curl",
)
"""Debian packages. PyPI has none of the servers, so this is the one target that asks the system's packages."""
PROGRAMS = ("patroni", "etcd", "pgbackrest", "ip", "unshare", "nsenter", "setpriv", "openssl", "curl")
POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian asks it before it starts a service that was just installed."""


def lacking() -> str | None:
    """Why the test cannot run here; None when it can."""
    absent = [name for name in PROGRAMS if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    absent += [] if (POSTGRES / "postgres").exists() else [f"PostgreSQL {MAJOR} of Debian"]
    absent += [] if ctypes.util.find_library("pq") else ["libpq"]
    if absent:
        return f"not installed: {', '.join(absent)} (`make ha` installs what lacks)"
    if os.geteuid():
        return "needs root: nodes are made of network, mount and process namespaces"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "ip", "link", "add", "ha-probe", "type", "bridge"],
        check=False,
        capture_output=True,
        text=True,
    )
    return f"this machine permits no namespaces: {tried.stderr.strip()}" if tried.returncode else None


def install() -> None:
    """Install the packages with apt, without letting one start a service.

    Raises:
        RuntimeError: Not root, no apt, or apt failed.
    """
    if os.geteuid():
        raise RuntimeError(f"make ha installs {' '.join(PACKAGES)} with apt and needs root for it: run it as root")
    if not shutil.which("apt-get"):
        raise RuntimeError(f"make ha installs Debian packages, and this system has no apt-get: install {' '.join(PACKAGES)} by other means")
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            )
            if done.returncode:
                raise RuntimeError(f"{' '.join(command[:2])} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    finally:
        if ours:
            POLICY.unlink()


def versions() -> dict[str, str]:
    """The versions that a run measured."""
    asked = {
        "PostgreSQL": [str(POSTGRES / "postgres"), "--version"],
        "Patroni": ["/usr/bin/patroni", "--version"],
        "etcd": ["/usr/bin/etcd", "--version"],
        "pgBackRest": ["/usr/bin/pgbackrest", "version"],
    }
    found = {}
    for name, command in asked.items():
        first = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]
        found[name] = next(word for word in first.split() if word[0].isdigit())
    return found
