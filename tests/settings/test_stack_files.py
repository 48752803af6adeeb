"""The committed stacks: all in order, apart from each other, explained, and never written."""

from __future__ import annotations

import hashlib
import re
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path

import pytest

from infra.settings.docs import MINIMAL
from infra.settings.foundation import Environment
from infra.settings.loader import load_stack
from infra.settings.problems import SettingsError
from infra.settings.root import AccountSettings, Settings
from infra.settings.words import Kind, keys_of
from infra.settings.workloads import TradingMode
from infra.settings.yaml_reader import parse
from tests.settings.samples import ROOT, STACKS, sections

PLATFORMS = tuple(stack for stack in STACKS if stack != "account")


def platform(stack: str) -> Settings:
    settings = load_stack(stack, ROOT)
    assert isinstance(settings, Settings)
    return settings


def digests() -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(ROOT.glob("Pulumi*.yaml"))}


def test_every_stack_is_in_order_and_no_file_is_written() -> None:
    before = digests()
    assert len(before) == 6
    assert [load_stack(stack, ROOT).platform.environment.value for stack in STACKS] == list(STACKS)
    assert digests() == before


def test_the_account_stack() -> None:
    assert isinstance(load_stack("account", ROOT), AccountSettings)


def test_there_is_a_stack_for_each_environment() -> None:
    assert sorted(member.value for member in Environment) == sorted(STACKS)


def test_networks_do_not_overlap() -> None:
    blocks = {stack: IPv4Network(platform(stack).network.cidr) for stack in PLATFORMS}
    assert [(one, other) for one, other in combinations(blocks, 2) if blocks[one].overlaps(blocks[other])] == []


def test_domains_and_broker_connections_differ() -> None:
    assert len({platform(stack).edge.dns.domain for stack in PLATFORMS}) == len(PLATFORMS)
    beside_each_other = ("staging", "paper", "prod")
    assert len({platform(stack).trading.ib_client_id for stack in beside_each_other}) == len(beside_each_other)


@pytest.mark.parametrize("stack", ["staging", "paper", "prod"])
def test_sizes_are_the_seeds(stack: str) -> None:
    """4 vCPU and 16 GB a service, 2 to 10 tasks at CPU 70 % or memory 80 %, 10 → 50 → 100 % with five minutes each (seed 004)."""
    services = platform(stack).services
    for container in (services.backend, services.frontend, services.engine, services.ib_gateway):
        assert (container.cpu, container.memory) == (4096, 16_384)
    for web in (services.backend, services.frontend):
        assert (web.min_tasks, web.max_tasks, web.cpu_percent, web.memory_percent) == (2, 10, 70, 80)
        assert (web.rollout.steps, web.rollout.hold_minutes) == ([10, 50, 100], 5)


@pytest.mark.parametrize("stack", PLATFORMS)
def test_every_platform_has_productions_shape(stack: str) -> None:
    """Nothing of production is tried there for the first time."""
    settings, prod = platform(stack), platform("prod")
    assert settings.network.zones == prod.network.zones
    assert (settings.network.nat, settings.network.endpoints) == (prod.network.nat, prod.network.endpoints)
    assert settings.postgres.multi_az
    assert settings.postgres.replicas == prod.postgres.replicas
    assert settings.cache.replicas == prod.cache.replicas
    assert settings.postgres.major == prod.postgres.major
    assert settings.timescale.enabled
    assert settings.backup.lock == prod.backup.lock
    assert not settings.unlock


def test_real_money_moves_in_production_alone() -> None:
    assert {stack: platform(stack).trading.mode for stack in PLATFORMS} == {
        "local": TradingMode.PAPER, "staging": TradingMode.PAPER, "paper": TradingMode.PAPER, "prod": TradingMode.LIVE
    }  # fmt: skip
    assert platform("prod").trading.acknowledge_live_trading == "orders from this stack move real money"


def test_every_image_is_pinned_and_no_two_stacks_share_one() -> None:
    found: list[str] = []
    for stack in PLATFORMS:
        settings = platform(stack)
        services = settings.services
        mine = [part.image_digest for part in (services.backend, services.frontend, services.engine, services.ib_gateway)]
        assert all(mine)
        found += [digest for digest in (*mine, settings.timescale.image_digest) if digest]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("stack", STACKS)
def test_placeholders_are_plain_and_marked(stack: str) -> None:
    """A file explains itself: an example's account, domain and addresses, and which of them to change first."""
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=docs/settings.schema.json\n#\n# ")
    assert 'id: "123456789012"' in text
    assert set(re.findall(r"[\w.-]+@([\w.-]+)", text)) == {"example.com"}
    assert "secure:" not in text
    assert "encryptionsalt" not in text
    if stack != "local":
        for key in ("owner:", "id:", "emails:"):
            (line,) = [line for line in text.splitlines() if line.strip().startswith(key)]
            assert "(*)" in line


def test_production_explains_every_section() -> None:
    text = (ROOT / "Pulumi.prod.yaml").read_text()
    blocks = re.split(r"^  nautilus-infra:", text, flags=re.MULTILINE)[1:]
    assert len(blocks) >= 10
    silent = [block.split(":")[0] for number, block in enumerate(blocks) if "#" not in block and "#" not in blocks[number - 1][-200:]]
    assert silent == []


def test_the_minimal_example_is_complete(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.staging.yaml").write_text(MINIMAL)
    settings = load_stack("staging", tmp_path)
    assert isinstance(settings, Settings)


def test_nothing_can_be_left_out_of_the_minimal_example(tmp_path: Path) -> None:
    lines = MINIMAL.splitlines()
    leaves = [number for number, line in enumerate(lines) if not line.split("#")[0].rstrip().endswith(":")]
    assert len(leaves) == 6
    for number in leaves:
        (tmp_path / "Pulumi.staging.yaml").write_text("\n".join(lines[:number] + lines[number + 1 :]) + "\n")
        with pytest.raises(SettingsError):
            load_stack("staging", tmp_path)


def test_the_project_file_declares_the_top_level_keys() -> None:
    project = parse((ROOT / "Pulumi.yaml").read_bytes()).data
    assert project["name"] == "nautilus-infra"
    assert project["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}
    keys = keys_of(Settings)
    assert set(project["config"]) == set(keys)
    for name, declaration in project["config"].items():
        section = keys[name].shape.kind is Kind.SECTION
        assert declaration["type"] == ("object" if section else "boolean")
        # Without a default Pulumi demands the key of every stack, the account stack too.
        assert declaration["default"] == ({} if section else False)
        assert declaration["description"].endswith(".")


def test_the_sections_of_a_file_are_in_the_models_order() -> None:
    order = list(keys_of(Settings))
    for stack in STACKS:
        found = list(sections(stack))
        assert found == sorted(found, key=order.index), stack
