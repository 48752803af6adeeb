"""The watchdog's image: what the Dockerfile must say, and that it holds what the modules import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "containers" / "watchdog"
RUNTIME = ROOT / "nautilus" / "runtime"
OURS = "nautilus.runtime"
INSTALLED = {"boto3", "botocore"}


def instructions(text: str) -> list[tuple[str, str]]:
    """A Dockerfile's instructions with their arguments; continued lines are joined."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def complaints(text: str) -> list[str]:
    """What is wrong with a Dockerfile of the watchdog."""
    found, said = instructions(text), list[str]()
    last = max((index for index, (word, _) in enumerate(found) if word == "FROM"), default=0)
    final = found[last:]
    if any(word == "FROM" and not rest.startswith("${BASE}") for word, rest in found) or ("ARG", "BASE") not in found:
        said.append("base")
    if [rest for word, rest in final if word == "USER"] != ["10001:10001"]:
        said.append("user")
    if any(word == "HEALTHCHECK" for word, _ in found):
        said.append("health")
    if any(word in ("RUN", "CMD", "ENTRYPOINT") and not rest.startswith("[") for word, rest in found):
        said.append("shell")
    if ("ENTRYPOINT", '["python", "-m", "nautilus.runtime.gate"]') not in final:
        said.append("entry point")
    copied = {rest.split()[0] for word, rest in final if word == "COPY"}
    if not {"nautilus/__init__.py", "nautilus/runtime"} <= copied:
        said.append("modules")
    if not any(word == "RUN" and "--require-hashes" in rest for word, rest in found):
        said.append("hashes")
    return said


def test_the_dockerfile_says_what_it_must() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    assert complaints(text) == []
    assert ":latest" not in text
    for path in (rest.split()[0] for word, rest in instructions(text) if word == "COPY" and not rest.startswith("--from")):
        assert (ROOT / path).exists(), path


def test_a_worse_dockerfile_is_found_out() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    for before, after, said in (
        ("FROM ${BASE}\n", "FROM python:latest\n", "base"),
        ("ARG BASE\n", "ARG BASE=python\n", "base"),
        ("USER 10001:10001", "USER root", "user"),
        ("STOPSIGNAL SIGTERM", "HEALTHCHECK CMD true", "health"),
        ('ENTRYPOINT ["python", "-m", "nautilus.runtime.gate"]', "ENTRYPOINT python -m nautilus.runtime.gate", "shell"),
        ("COPY nautilus/runtime /app/nautilus/runtime", "", "modules"),
        ('"--require-hashes", ', "", "hashes"),
    ):
        assert before in text
        assert said in complaints(text.replace(before, after))


def entries(path: Path) -> dict[str, list[str]]:
    """Requirement to its hashes."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in path.read_text().splitlines():
        if pinned := re.match(r"([a-z0-9._-]+==[^\s;]+)", line):
            name = pinned[1]
            found[name] = []
        found.get(name, []).extend(re.findall(r"sha256:[0-9a-f]{64}", line))
    return found


def test_packages_are_the_locked_ones_with_their_hashes() -> None:
    wanted, lock = entries(FOLDER / "requirements.txt"), entries(ROOT / "requirements.lock")
    assert {name.partition("==")[0] for name in wanted} == {
        "boto3",
        "botocore",
        "jmespath",
        "python-dateutil",
        "s3transfer",
        "six",
        "urllib3",
    }
    for name, hashes in wanted.items():
        assert hashes, name
        assert hashes == lock[name]


def reached() -> set[Path]:
    """The modules that the watchdog loads, itself included."""
    found, waiting = set[Path](), [RUNTIME / "gate.py"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in imported(path):
            module = name.removeprefix(OURS + ".").partition(".")[0]
            if name.startswith(OURS) and (RUNTIME / f"{module}.py").exists():
                waiting.append(RUNTIME / f"{module}.py")
    return found


def imported(path: Path) -> set[str]:
    """Names of modules in a file's imports; `from nautilus.runtime import status` counts as that module."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == OURS else {node.module}
    return names


def test_the_watchdog_imports_the_standard_library_boto3_and_its_own_room() -> None:
    modules = reached()
    assert {"gate.py", "lease.py", "lease_store.py", "relay.py", "status.py", "deadline.py", "halt.py"} <= {path.name for path in modules}
    foreign = {
        f"{path.name}: {name}"
        for path in modules
        for name in imported(path)
        if not name.startswith(OURS) and name.partition(".")[0] not in sys.stdlib_module_names | INSTALLED
    }
    assert foreign == set()


def test_it_starts_with_nothing_but_what_the_image_holds(tmp_path: Path) -> None:
    """A copy of the image's folders, isolated from this environment's packages except the seven of the requirements."""
    (tmp_path / "nautilus").mkdir()
    (tmp_path / "nautilus" / "__init__.py").write_bytes((ROOT / "nautilus" / "__init__.py").read_bytes())
    (tmp_path / "nautilus" / "runtime").symlink_to(RUNTIME)
    import boto3

    packages = Path(boto3.__file__).parents[1]
    for name in ("boto3", "botocore", "jmespath", "dateutil", "s3transfer", "six.py", "urllib3"):
        (tmp_path / name).symlink_to(packages / name)
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-m", "nautilus.runtime.gate"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert '"event": "wrong-setting"' in done.stdout
