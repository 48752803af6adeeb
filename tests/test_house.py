"""The house stays in order: which room may import which, what the trees may not say, and how decisions are numbered."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("infra", "policies", "nautilus")

ALLOWED = {
    "infra.plan": {"infra.plan", "infra.settings", "infra.naming"},
    "infra.settings": {"infra.settings", "infra.plan"},
    "infra.naming": set[str](),
    "infra.component": {"infra.naming"},
    "infra.components": {"infra.components", "infra.component", "infra.plan", "infra.settings", "infra.naming"},
    "infra": {"infra"},
    "policies": {"policies", "nautilus.inventory"},
    "nautilus.engine": {"nautilus.engine"},
    "nautilus.inventory": {"nautilus.inventory"},
    "nautilus.sandbox": {"nautilus.sandbox", "nautilus.engine"},
    "nautilus.ops": {"nautilus.ops", "nautilus.runtime"},
    "nautilus.runtime": {"nautilus.runtime"},
    "nautilus.cli": {"infra", "policies", "nautilus"},
}
"""What each room may import of our own packages. `ops` never sees `infra`; only `cli` may enter every room."""


def room(module: str) -> str:
    """The longest declared room that `module` lies in."""
    return max((name for name in ALLOWED if module == name or module.startswith(name + ".")), key=len, default=module)


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Modules that a file imports, at top level or anywhere."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def modules() -> dict[str, Path]:
    """Every module of our own packages by dotted name."""
    files = [path for package in ROOMS for path in (ROOT / package).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def own(names: set[str]) -> set[str]:
    """Those of `names` that are ours."""
    return {name for name in names if name.split(".")[0] in ROOMS}


def test_rooms_import_only_what_the_design_allows() -> None:
    broken = [
        f"{module} imports {target}"
        for module, path in modules().items()
        for target in sorted(own(imports(path)))
        if not any(target == may or target.startswith(may + ".") for may in ALLOWED[room(module)])
    ]
    assert broken == []


def test_plan_is_pure() -> None:
    for module, path in modules().items():
        if module.startswith("infra.plan"):
            assert not {name.split(".")[0] for name in imports(path)} & {"pulumi", "pulumi_aws", "pulumi_random", "boto3"}, module


def test_policies_do_not_load_the_provider_sdk() -> None:
    for module, path in modules().items():
        if module.startswith("policies"):
            assert "pulumi_aws" not in {name.split(".")[0] for name in imports(path)}, module


def test_only_settings_read_the_configuration() -> None:
    readers = [module for module, path in modules().items() if module.startswith("infra") and "pulumi.Config" in path.read_text()]
    assert all(module.startswith("infra.settings") for module in readers), readers


def test_no_import_cycles() -> None:
    known = modules()
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, path in known.items():
        for target in own(imports(path, top_level_only=True)):
            if target in known and target != module:
                graph.add_edge(module, target)
    assert list(nx.simple_cycles(graph)) == []


def test_components_do_not_ask_which_stack_they_are_in() -> None:
    asking = re.compile(r"environment\s*(==|!=|is|in)\s|get_stack\(")
    for path in (ROOT / "infra" / "components").glob("*.py"):
        assert not asking.search(path.read_text()), path.name


def test_decisions_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for name in names:
        first = (ROOT / "docs" / "decisions" / name).read_text().splitlines()[0]
        assert first.startswith(f"# {int(name[:4])}. "), name


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: the list of files comes from git")
    return [ROOT / line for line in listed.stdout.splitlines() if not line.endswith(".lock") and (ROOT / line).is_file()]


def test_nothing_names_a_home_or_leaves_work_undone(tracked: list[Path]) -> None:
    forbidden = re.compile(
        "|".join((r"/home/[a-z]+/", "/" + "root/", "/" + r"work/(main|shared)", "Not" + "ImplementedError", r"\b(TO" + "DO|FIX" + r"ME)\b"))
    )
    hits = [
        f"{path.relative_to(ROOT)}: {found.group()}" for path in tracked if (found := forbidden.search(path.read_text(errors="ignore")))
    ]
    assert hits == []


def test_markdown_links_lead_somewhere(tracked: list[Path]) -> None:
    link = re.compile(r"\[[^\]]*\]\((?!https?://|#|mailto:)([^)#]+)")
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked
        if path.suffix == ".md"
        for target in link.findall(path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []
