"""Fargate's sizes and container definitions, as pure data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.plan.iam import Json, canonical, secret_arn

USER = "10001"
"""User and group of every container: not root, and no user of the usual base images."""

SCRATCH = "/tmp"  # noqa: S108 - the path inside a container with a read-only root, not a temporary file of ours

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


def container(
    name: str,
    *,
    image: str,
    log: Log,
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    port: int | None = None,
    health: Probe | None = None,
    mounts: Sequence[Mount] = (),
    entry_point: Sequence[str] = (),
    command: Sequence[str] = (),
    essential: bool = True,
    stop_seconds: int = 60,
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

    Raises:
        ValueError: a stop time out of bounds, a port out of range, or what `check_environment` refuses.
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
        "ulimits": [{"name": "nofile", "softLimit": 65_535, "hardLimit": 65_535}],
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
    return out


def definitions(*containers: Json) -> str:
    """A task's container definitions in canonical JSON.

    Raises:
        ValueError: none, two of one name, or no essential one (ECS refuses all three).
    """
    names = [one["name"] for one in containers]
    if len(set(names)) != len(names) or not any(one["essential"] for one in containers):
        raise ValueError(f"a task needs differently named containers, one of them essential: {', '.join(names) or 'none'}")
    return canonical(list(containers))


def gateway_watch(port: int, *, seconds: int = 15) -> str:
    """A bash script that asks the IB Gateway for an API handshake every `seconds` and logs what it found.

    The handshake is answered only after a login, so an open port alone does not pass (AWS-RULES section 3). Each line is
    `{"event":"gateway.heartbeat","connected":1}` or `…0}`; a metric filter makes the alarm's metric of it. It runs in a
    container that is not essential: a lost login raises an alarm and kills nothing, because blind restarts stack
    two-factor requests and lock the operator out. The image must hold bash and coreutils.

    Args:
        port: The gateway's own port inside the task, 4001 live or 4002 paper.
        seconds: Between two attempts.
    """
    return "\n".join(
        (
            "trap 'exit 0' TERM INT",
            "handshake() (",
            f"  exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1",
            # The prefix API\0, then the client's range of versions behind its length of nine bytes.
            r"  printf 'API\0\0\0\0\011v100..187' >&3",
            # The answer: four bytes of length, then the server's version in digits.
            "  version=$(timeout 4 head -c 7 <&3 | tail -c 3)",
            '  [[ "$version" =~ ^[0-9]{3}$ ]]',
            ")",
            "while :; do",
            "  if handshake 2>/dev/null; then connected=1; else connected=0; fi",
            """  printf '{"event":"gateway.heartbeat","connected":%d}\\n' "$connected\"""",
            f"  sleep {seconds} & wait $!",
            "done",
        )
    )
