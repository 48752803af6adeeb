"""The nodes' files: rendered as in production, then changed in the few named places where this machine differs from a node.

A node has a root directory of its own, so paths, ports and users stay as rendered. A change that finds nothing to change stops the test:
then a template has moved on and this list must follow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infra.plan.timescale import SCOPE, Cluster, File, Node, files
from tests.ha.packages import MAJOR

NETWORK = "10.83.0"
NAMES = ("a", "b", "c")
PASSWORDS = {"superuser": "first-Super-1", "replication": "first-Replication-1", "rest": "first-Rest-1", "market": "first-Market-1"}
IMAGE = "registry.example/timescaledb-ha@sha256:" + "a" * 64
ETCD_IMAGE = "registry.example/etcd@sha256:" + "b" * 64


class DriftError(AssertionError):
    """A template no longer holds what a change replaces."""


@dataclass(frozen=True)
class Change:
    """One difference from production: in the file that ends with `file`, what matches `pattern` becomes `new`; and why."""

    file: str
    pattern: str
    new: str
    why: str

    def apply(self, text: str) -> str:
        """The changed text.

        Raises:
            DriftError: Nothing matches.
        """
        changed, count = re.subn(self.pattern, self.new, text, flags=re.MULTILINE)
        if not count:
            raise DriftError(f"{self.file}: nothing matches {self.pattern!r} any more ({self.why})")
        return changed


CHANGES = (
    Change("pgbackrest.conf", r"^repo1-type=s3$", "repo1-type=posix", "the repository is a folder that all nodes share"),
    Change("pgbackrest.conf", r"^repo1-s3-.*\n", "", "a folder has no bucket, endpoint or region"),
    Change("patroni.yml", r"^( +shared_preload_libraries: )timescaledb,", r"\1", "Debian has no TimescaleDB"),
    Change("patroni-restore.yml", r"^( +shared_preload_libraries: )timescaledb,", r"\1", "Debian has no TimescaleDB"),
    Change("bootstrap.sh", r"^CREATE EXTENSION IF NOT EXISTS timescaledb;\n", "", "Debian has no TimescaleDB"),
)


def cluster() -> Cluster:
    """The cluster of the test: production's timing and files, this machine's addresses and PostgreSQL."""
    return Cluster(
        scope=SCOPE,
        region="us-east-1",
        major=MAJOR,
        image=IMAGE,
        etcd_image=ETCD_IMAGE,
        log_group="/nautilus/test/timescale",
        bucket="nautilus-test-archive",
        retention_days=14,
        slow_query_ms=1_000,
        secrets=("superuser", "replication", "rest", "market"),
        nodes=tuple(Node(name, f"{NETWORK}.{11 + index}", f"vol-0{name * 16}", f"vol-1{name * 16}") for index, name in enumerate(NAMES)),
    )


def node_files(whole: Cluster, node: Node, changes: Sequence[Change] = CHANGES) -> tuple[File, ...]:
    """The files of a node of the test.

    Raises:
        DriftError: A change's file is gone, or has nothing of what it replaces.
    """
    rendered = files(whole, node)
    texts = {file.path: file.text for file in rendered}
    for change in changes:
        paths = [path for path in texts if path.endswith("/" + change.file)]
        if len(paths) != 1:
            raise DriftError(f"{change.file}: {len(paths)} rendered files end so ({change.why})")
        texts[paths[0]] = change.apply(texts[paths[0]])
    return tuple(File(file.path, file.mode, texts[file.path]) for file in rendered)
