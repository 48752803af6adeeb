"""Fargate sizes and container definitions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan import tasks

DIGEST = "sha256:" + "ab" * 32
IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/backend@{DIGEST}"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:jwt-AbCdEf"
LOG = tasks.Log("/nautilus/dev/backend", "us-east-1", "backend")


def backend(**more: Any) -> dict[str, Any]:
    return tasks.container("backend", image=IMAGE, log=LOG, **more)


def test_every_container_is_hardened() -> None:
    made = backend(port=8000, health=tasks.http_probe(8000, "/health"), mounts=[tasks.Mount("scratch", "/tmp")], stop_seconds=60)
    assert made["user"] == "10001:10001"
    assert made["readonlyRootFilesystem"] is True
    assert made["privileged"] is False
    assert made["linuxParameters"] == {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}}
    assert made["mountPoints"] == [{"sourceVolume": "scratch", "containerPath": "/tmp", "readOnly": False}]
    assert made["portMappings"] == [{"name": "backend", "containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]
    assert made["stopTimeout"] == 60
    assert made["logConfiguration"] == {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": "/nautilus/dev/backend",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "backend",
            "mode": "non-blocking",
            "max-buffer-size": "25m",
        },
    }


def test_the_health_check_is_seed_004s() -> None:
    assert backend(health=tasks.http_probe(8000, "/health"))["healthCheck"] == {
        "command": ["CMD", "curl", "-f", "http://localhost:8000/health"],
        "interval": 10,
        "timeout": 5,
        "retries": 3,
        "startPeriod": 60,
    }


@given(
    st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}X", fullmatch=True), st.text(alphabet="abc123", max_size=5), max_size=6),
    st.randoms(),
)
def test_the_order_of_the_environment_does_not_change_the_definition(environment: dict[str, str], random: Any) -> None:
    shuffled = list(environment.items())
    random.shuffle(shuffled)
    assert tasks.definitions(backend(environment=environment)) == tasks.definitions(backend(environment=dict(shuffled)))


@given(st.integers(1, 20_000), st.integers(1, 130_000))
def test_a_size_is_accepted_exactly_where_fargate_offers_it(cpu: int, memory: int) -> None:
    offered = memory in tasks.FARGATE.get(cpu, ())
    if offered:
        tasks.check_size(cpu, memory, setting="services.backend")
    else:
        with pytest.raises(ValueError, match=r"services\.backend\.(cpu|memory) = "):
            tasks.check_size(cpu, memory, setting="services.backend")


def test_sizes_say_what_is_accepted() -> None:
    for cpu, sizes in tasks.FARGATE.items():
        for memory in sizes:
            tasks.check_size(cpu, memory, setting="x")
    with pytest.raises(
        ValueError, match=r"services\.engine\.memory = 4096: with 4096 CPU units Fargate offers 8192 to 30720 in steps of 1024 MiB"
    ):
        tasks.check_size(4096, 4096, setting="services.engine")
    with pytest.raises(ValueError, match=r"services\.engine\.cpu = 300: Fargate offers 256, 512"):
        tasks.check_size(300, 512, setting="services.engine")
    with pytest.raises(ValueError, match="512, 1024, 2048 MiB"):
        tasks.check_size(256, 600, setting="x")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"REDIS_PASSWORD": "x"}, "reads like a secret"),
        ({"BINANCE_API_KEY": "x"}, "reads like a secret"),
        ({"jwt_secret": "x"}, "reads like a secret"),
        ({"DATABASE_URL": "postgresql://user:pass@db:5432/x"}, "password in it"),
        ({"CACHE_URL": "rediss://:pass@cache:6379"}, "password in it"),
        ({"A-B": "x"}, "not a name"),
        ({"JWT": "x"}, "both"),
    ],
)
def test_an_environment_carries_no_secret(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backend(environment=environment, secrets={"JWT": SECRET})


def test_an_environment_may_name_a_secret_without_holding_it() -> None:
    made = backend(environment={"SECRET_ARN": SECRET, "DATABASE_URL": "postgresql://db:5432/x"}, secrets={"JWT_SECRET": f"{SECRET}:k::"})
    assert made["secrets"] == [{"name": "JWT_SECRET", "valueFrom": f"{SECRET}:k::"}]
    with pytest.raises(ValueError, match="ARN of a secret"):
        backend(secrets={"JWT_SECRET": "hunter2"})


@pytest.mark.parametrize("seconds", [1, 121])
def test_a_stop_lasts_2_to_120_seconds(seconds: int) -> None:
    with pytest.raises(ValueError, match="2 to 120"):
        backend(stop_seconds=seconds)


def test_what_ecs_refuses_is_refused_here() -> None:
    with pytest.raises(ValueError, match="which is none"):
        backend(port=70_000)
    with pytest.raises(ValueError, match="interval"):
        tasks.Probe(("CMD", "true"), interval=4).as_json()
    with pytest.raises(ValueError, match="start is 301"):
        tasks.Probe(("CMD", "true"), start=301).as_json()
    with pytest.raises(ValueError, match="CMD-SHELL"):
        tasks.Probe(("true",)).as_json()
    with pytest.raises(ValueError, match="essential"):
        tasks.definitions(backend(essential=False))
    with pytest.raises(ValueError, match="differently named"):
        tasks.definitions(backend(), backend())
    with pytest.raises(ValueError, match="none"):
        tasks.definitions()


def test_a_part_of_a_json_secret_is_named_by_its_key() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nautilus/prod/database-app-login-AbCdEf"
    made = backend(secrets={"DATABASE_PASSWORD": f"{arn}:password::"})
    assert made["secrets"] == [{"name": "DATABASE_PASSWORD", "valueFrom": f"{arn}:password::"}]


def test_an_order_of_starting_must_be_possible() -> None:
    ready = tasks.Probe(("CMD", "true"))
    first = tasks.container("first", image=IMAGE, log=LOG, health=ready)
    made = json.loads(tasks.definitions(backend(after={"first": "HEALTHY"}), first))
    assert made[0]["dependsOn"] == [{"containerName": "first", "condition": "HEALTHY"}]
    with pytest.raises(ValueError, match="waits for first, which is none"):
        tasks.definitions(backend(after={"first": "START"}))
    with pytest.raises(ValueError, match="has no health check"):
        tasks.definitions(backend(after={"first": "HEALTHY"}), tasks.container("first", image=IMAGE, log=LOG))
    with pytest.raises(ValueError, match="wait for each other: backend, first"):
        tasks.definitions(backend(after={"first": "START"}), tasks.container("first", image=IMAGE, log=LOG, after={"backend": "START"}))


@given(st.permutations(["a", "b", "c", "d"]), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=6))
def test_an_order_is_refused_exactly_where_it_has_a_circle(names: list[str], pairs: list[tuple[int, int]]) -> None:
    needs: dict[str, set[str]] = {name: set() for name in names}
    for later, earlier in pairs:
        needs[names[later]].add(names[earlier])
    containers = [tasks.container(name, image=IMAGE, log=LOG, after=dict.fromkeys(sorted(needs[name]), "START")) for name in names]

    def reaches(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(needs[start])
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo += needs[here]
        return seen

    if any(name in reaches(name) for name in names):
        with pytest.raises(ValueError, match="wait for each other"):
            tasks.definitions(*containers)
    else:
        assert len(json.loads(tasks.definitions(*containers))) == 4


def test_open_files_follow_the_setting() -> None:
    assert backend()["ulimits"] == [{"name": "nofile", "softLimit": 65_535, "hardLimit": 65_535}]
    assert backend(open_files=4096)["ulimits"] == [{"name": "nofile", "softLimit": 4096, "hardLimit": 4096}]
