"""A tiny project, and the sandbox on the fake provider, for the engine tests."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from nautilus.sandbox.engine import PolicyPack, Sandbox

FAKE_PROVIDER = Path(__file__).with_name("fake_provider.py")

THING = dedent("""\
    import pulumi

    class Thing(pulumi.CustomResource):
        def __init__(self, name, opts=None, **props):
            super().__init__("aws:test:Thing", name, {**props, "arn": None}, opts)

    """)


def project(folder: Path, program: str, *, stacks: dict[str, str] | None = None, runtime: str = "python") -> Path:
    """Write a project with `program` (after the class Thing) and its stack files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: tiny\nruntime: {runtime}\n")
    (folder / "__main__.py").write_text(THING + dedent(program))
    for name, text in (stacks if stacks is not None else {"local": "config: {}\n"}).items():
        (folder / f"Pulumi.{name}.yaml").write_text(dedent(text))
    return folder


def sandbox(checkout: Path, stack: str = "local", **options) -> Sandbox:
    def command(store: Path) -> list[str]:
        return [sys.executable, str(FAKE_PROVIDER), "--store", str(store)]

    return Sandbox(checkout, stack, provider_command=command, **options)


def policy_pack(folder: Path, body: str) -> PolicyPack:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.1.0\n")
    (folder / "__main__.py").write_text(dedent(body))
    return PolicyPack(folder)


def digests(folder: Path) -> dict[str, str]:
    """Digest of each file of a checkout outside `.nautilus` and caches."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".nautilus" not in path.parts and "__pycache__" not in path.parts
    }


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)
