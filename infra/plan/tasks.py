"""Fargate's sizes and container definitions, as pure data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from infra.plan.iam import Json, canonical, secret_arn

USER = "10001"
"""User and group of every container: not root, and no user of the usual base images."""

SCRATCH = "/tmp"  # noqa: S108 - the path inside a container with a read-only root, not a temporary file of ours

OPEN_FILES = 65_535
"""Files and connections that a container's processes may have open, unless its settings say otherwise."""

FARGATE: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16_384 + 1, 1024)),
    4096: tuple(range(8192, 30_720 + 1, 1024)),
    8192: tuple(range(16_384, 61_440 + 1, 4096)),
    16_384: tuple(range(32_768, 122_880 + 1, 8192)),
}
"""CPU units to the memory sizes in MiB that Fargate offers with them (AWS limit)."""

_SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$")
_INLINE_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def check_size(cpu: int, memory: int, *, setting: str) -> None:
    """Refuse a size that Fargate does not offer.

    Args:
        cpu: CPU units, 1,024 to one vCPU.
        memory: MiB.
        setting: The settings path that the message names, such as `services.backend`.

    Raises:
        ValueError: with the setting, its value and what is accepted.
    """
    offered = FARGATE.get(cpu)
    if offered is None:
        raise ValueError(f"{setting}.cpu = {cpu}: Fargate offers {', '.join(map(str, FARGATE))} CPU units")
    if memory not in offered:
        step = offered[1] - offered[0] if cpu > 256 else 0
        accepted = f"{offered[0]} to {offered[-1]} in steps of {step}" if step else ", ".join(map(str, offered))
        raise ValueError(f"{setting}.memory = {memory}: with {cpu} CPU units Fargate offers {accepted} MiB")


@dataclass(frozen=True)
class Probe:
    """A container's health check. All times in seconds; ECS accepts 5–300, 2–60, 1–10 and 0–300."""

    command: tuple[str, ...]
    interval: int = 10
    timeout: int = 5
    retries: int = 3
    start: int = 60

    def as_json(self) -> Json:
        """As ECS spells it.

        Raises:
            ValueError: a value out of ECS's bounds, or a command without `CMD` or `CMD-SHELL`.
        """
        bounds = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "start": (0, 300)}
        for field, (least, most) in bounds.items():
            if not least <= getattr(self, field) <= most:
                raise ValueError(f"a health check's {field} is {getattr(self, field)}, ECS accepts {least} to {most}")
        if not self.command or self.command[0] not in {"CMD", "CMD-SHELL"}:
            raise ValueError(f"a health check's command starts with CMD or CMD-SHELL, not {self.command[:1]}")
        return {
            "command": list(self.command),
            "interval": self.interval,
            "timeout": self.timeout,
            "retries": self.retries,
            "startPeriod": self.start,
        }


def http_probe(port: int, path: str) -> Probe:
    """The health check of seed 004: `curl -f`, every 10 s, 5 s to answer, three times. The image must hold curl."""
    return Probe(("CMD", "curl", "-f", f"http://localhost:{port}{path}"))


@dataclass(frozen=True)
class Log:
    """Where a container's output goes."""

    group: str
    region: str
    prefix: str

    def as_json(self) -> Json:
        """CloudWatch Logs, non-blocking: a slow log service must not stop an order; 25 MB is kept meanwhile, then lines are lost."""
        return {"logDriver": "awslogs", "options": self.options()}

    def options(self) -> dict[str, str]:
        """The driver's options, also used for Service Connect's proxy."""
        return {
            "awslogs-group": self.group,
            "awslogs-region": self.region,
            "awslogs-stream-prefix": self.prefix,
            "max-buffer-size": "25m",
            "mode": "non-blocking",
        }


@dataclass(frozen=True)
class Routed:
    """Output that goes through the task's log router (`infra.plan.sidecars`) to the same group."""

    group: str
    region: str
    prefix: str

    def as_json(self) -> Json:
        """CloudWatch Logs by Fluent Bit's own plug-in.

        `log_key` sends the line alone, without the envelope of container id and source: metric filters see what they see under awslogs.
        The buffer limit is in lines, where awslogs has bytes.
        """
        return {
            "logDriver": "awsfirelens",
            "options": {
                "Name": "cloudwatch_logs",
                "auto_create_group": "false",
                "log-driver-buffer-limit": "65536",
                "log_group_name": self.group,
                "log_key": "log",
                "log_stream_prefix": f"{self.prefix}/",
                "region": self.region,
                "retry_limit": "10",
            },
        }


@dataclass(frozen=True)
class Mount:
    """A volume of the task in a container."""

    volume: str
    path: str

    def as_json(self) -> Json:
        """As ECS spells it."""
        return {"sourceVolume": self.volume, "containerPath": self.path, "readOnly": False}


def check_environment(environment: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Refuse an environment that carries a secret in clear text, or is ambiguous.

    Raises:
        ValueError: a name that is not a variable's name, that is both plain and secret, that reads like a secret's
            (`…_PASSWORD`, `…_TOKEN`, `…_API_KEY`), a URL with a password in it (control ECS.8), or a secret that is not
            the ARN of one.
    """
    for name in (*environment, *secrets):
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is not a name for an environment variable")
    both = sorted(environment.keys() & secrets.keys())
    if both:
        raise ValueError(f"set both as plain text and as a secret: {', '.join(both)}")
    for name, value in environment.items():
        if _SECRET_NAME.search(name.upper()):
            raise ValueError(f"{name} reads like a secret: pass its ARN in `secrets` instead of a value in `environment`")
        if _INLINE_PASSWORD.search(value):
            raise ValueError(f"{name} is a URL with a password in it: make it a secret")
    for value in secrets.values():
        secret_arn(value)


Condition = Literal["START", "HEALTHY"]
"""How far another container must be before one starts, as ECS spells it."""


def container(
    name: str,
    *,
    image: str,
    log: Log | Routed,
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    port: int | None = None,
    health: Probe | None = None,
    mounts: Sequence[Mount] = (),
    entry_point: Sequence[str] = (),
    command: Sequence[str] = (),
    essential: bool = True,
    stop_seconds: int = 60,
    after: Mapping[str, Condition] | None = None,
    cpu: int | None = None,
    memory: int | None = None,
    open_files: int = OPEN_FILES,
    router: bool = False,
) -> Json:
    """One container of a Fargate task: not root, read-only root, no Linux capability, an init process, logs to CloudWatch.

    Args:
        name: Also the name of its port, for Service Connect.
        image: By digest.
        log: Where output goes.
        environment: Plain values.
        secrets: Variable to secret ARN, `:json-key::` allowed.
        port: TCP port that it listens on.
        health: Container health check. ECS replaces the task when an essential container fails it.
        mounts: Writable places. ECS creates a scratch volume as root's unless the image declares the same path as a
            `VOLUME` that its user may write, so the images must do that.
        entry_point: Overrides the image's.
        command: Overrides the image's.
        essential: Whether the task stops with it.
        stop_seconds: Time between SIGTERM and SIGKILL, 2 to 120 (Fargate's limit).
        after: Other containers by name, and how far each must be before this one starts. ECS stops them in the opposite order.
        cpu: CPU units of the task's that this container is guaranteed, at least 1; None shares what the others leave.
        memory: MiB beyond which ECS kills the container, at least 6 (ECS's least); None lets it use the task's.
        open_files: Files and connections that a process may have open.
        router: Whether this container is the task's log router (FireLens).

    Raises:
        ValueError: a stop time out of bounds, a port out of range, less CPU or memory than ECS knows, or what
            `check_environment` refuses.
    """
    plain, hidden = dict(environment or {}), dict(secrets or {})
    check_environment(plain, hidden)
    if not 2 <= stop_seconds <= 120:
        raise ValueError(f"the container {name} stops in {stop_seconds} s, Fargate accepts 2 to 120")
    out: Json = {
        "name": name,
        "image": image,
        "essential": essential,
        "user": f"{USER}:{USER}",
        "readonlyRootFilesystem": True,
        "privileged": False,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "ulimits": [{"name": "nofile", "softLimit": open_files, "hardLimit": open_files}],
        "stopTimeout": stop_seconds,
        "environment": [{"name": key, "value": plain[key]} for key in sorted(plain)],
        "secrets": [{"name": key, "valueFrom": hidden[key]} for key in sorted(hidden)],
        "mountPoints": [mount.as_json() for mount in sorted(mounts, key=lambda one: one.path)],
        "logConfiguration": log.as_json(),
    }
    if port is not None:
        if not 1 <= port <= 65_535:
            raise ValueError(f"the container {name} listens on port {port}, which is none")
        out["portMappings"] = [{"name": name, "containerPort": port, "hostPort": port, "protocol": "tcp"}]
    if health is not None:
        out["healthCheck"] = health.as_json()
    if entry_point:
        out["entryPoint"] = list(entry_point)
    if command:
        out["command"] = list(command)
    if router:
        out["firelensConfiguration"] = {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "false"}}
    if after:
        out["dependsOn"] = [{"containerName": other, "condition": after[other]} for other in sorted(after)]
    for key, given, least in (("cpu", cpu, 1), ("memory", memory, 6)):
        if given is not None:
            if given < least:
                raise ValueError(f"the container {name} gets {key} {given}, ECS accepts {least} or more")
            out[key] = given
    return out


def definitions(*containers: Json) -> str:
    """A task's container definitions in canonical JSON.

    Raises:
        ValueError: none, two of one name, no essential one (ECS refuses all three), or one that waits for what never comes: a
            container that is not there, that waits for it in turn, or whose health nobody checks; or output for a router of which there
            is none, or more than one.
    """
    names = [one["name"] for one in containers]
    if len(set(names)) != len(names) or not any(one["essential"] for one in containers):
        raise ValueError(f"a task needs differently named containers, one of them essential: {', '.join(names) or 'none'}")
    _check_order({one["name"]: one for one in containers})
    routers = sum("firelensConfiguration" in one for one in containers)
    routed = sorted(one["name"] for one in containers if one["logConfiguration"]["logDriver"] == "awsfirelens")
    if routers > 1 or (routed and not routers):
        raise ValueError(f"a task has one log router or none, not {routers}; routed is the output of {', '.join(routed) or 'none'}")
    return canonical(list(containers))


def _check_order(containers: Mapping[str, Json]) -> None:
    """Refuse an order of starting that no task can follow."""
    waits = {name: [need["containerName"] for need in one.get("dependsOn", [])] for name, one in containers.items()}
    for name, one in containers.items():
        for need in one.get("dependsOn", []):
            other = need["containerName"]
            if other not in containers:
                raise ValueError(f"the container {name} waits for {other}, which is none of the task's: {', '.join(containers)}")
            if need["condition"] == "HEALTHY" and "healthCheck" not in containers[other]:
                raise ValueError(f"the container {name} waits for {other} to be healthy, but {other} has no health check")
    left = dict(waits)
    while left:
        ready = [name for name, needs in left.items() if not any(need in left for need in needs)]
        if not ready:
            raise ValueError(f"containers wait for each other: {', '.join(sorted(left))}")
        for name in ready:
            del left[name]
