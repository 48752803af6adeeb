"""What the watchdog is told, by environment variables, all checked before anything starts."""

from __future__ import annotations

import ipaddress
import json
import math
import re
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nautilus.runtime.lease import LONGEST_SECONDS, SHORTEST_SECONDS, Terms

DEFAULT_STATUS_PORT = 8099
METADATA_SECONDS = 2.0
TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
LEASE = re.compile(r"[a-z][a-z0-9-]{0,63}")
HOLDER = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
PARAMETER = re.compile(r"(/[A-Za-z0-9_.-]+){1,15}")


class GateSettingsError(Exception):
    """Everything that is wrong with the variables, one line each: name, value, what is accepted."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the lines."""
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """One watchdog. Lengths are in seconds; `listen` is None where nothing is relayed."""

    table: str
    lease: str
    holder: str
    address: str
    region: str
    terms: Terms
    listen: tuple[str, int] | None
    upstream_lease: str
    upstream_port: int
    status_port: int
    halt_parameter: str


def usable(address: str) -> bool:
    """Whether a row's address may be connected to: IPv4 of a private network, and no address of the platform underneath."""
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return found.is_private and not (found.is_link_local or found.is_unspecified or found.is_multicast or found.is_reserved)


def metadata(base: str, path: str) -> dict[str, Any]:
    """What ECS's metadata endpoint says.

    Raises:
        OSError: no answer.
        ValueError: no JSON object.
    """
    with urllib.request.urlopen(f"{base}{path}", timeout=METADATA_SECONDS) as answer:  # noqa: S310 - http, of ECS's own variable
        found: Any = json.load(answer)
    if not isinstance(found, dict):
        raise ValueError(f"{path or '/'} of the metadata endpoint is no object")
    return found


def identity(variables: Mapping[str, str], ask: Callable[[str, str], dict[str, Any]] = metadata) -> tuple[str, str]:
    """Holder and own address: `HOLDER` and `HOLDER_ADDRESS`, else the task's identifier and private address from ECS.

    Raises:
        GateSettingsError: neither says who this is.
    """
    holder, address = variables.get("HOLDER", ""), variables.get("HOLDER_ADDRESS", "")
    base = variables.get("ECS_CONTAINER_METADATA_URI_V4", "")
    problems = list[str]()
    try:
        if not holder and base:
            holder = str(ask(base, "/task")["TaskARN"]).rsplit("/", 1)[-1]
        if not address and base:
            address = str(ask(base, "")["Networks"][0]["IPv4Addresses"][0])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        problems.append(
            f"ECS_CONTAINER_METADATA_URI_V4 = {base}: it does not say who this task is ({error!r}); set HOLDER and HOLDER_ADDRESS"
        )
    if not problems and not HOLDER.fullmatch(holder):
        problems.append(
            f"HOLDER = {holder!r}: accepted are 1 to 128 of letters, digits and _.:/- ; without it ECS's task identifier is used"
        )
    if not problems and address and not usable(address):
        problems.append(f"HOLDER_ADDRESS = {address!r}: accepted is an IPv4 address of a private network")
    if problems:
        raise GateSettingsError(problems)
    return holder, address


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables, self.problems = variables, list[str]()

    def refuse(self, name: str, accepted: str) -> None:
        self.problems.append(f"{name} = {self.variables.get(name, '')!r}: accepted {accepted}")

    def text(self, name: str, pattern: re.Pattern[str], accepted: str, *, needed: bool = True) -> str:
        value = self.variables.get(name, "")
        if (value or needed) and not pattern.fullmatch(value):
            self.refuse(name, accepted)
        return value

    def number(self, name: str, default: float, accepted: str) -> float:
        value = self.variables.get(name, "") or str(default)
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            self.refuse(name, accepted)
            return default
        return found

    def port(self, name: str, default: int | None, accepted: str = "is a port from 1024 to 65535") -> int:
        value = self.variables.get(name, "") or str(default or "")
        if not (value.isascii() and value.isdigit() and 1024 <= int(value) <= 65535):
            self.refuse(name, accepted)
            return default or 0
        return int(value)


def read(variables: Mapping[str, str], ask: Callable[[str, str], dict[str, Any]] = metadata) -> GateSettings:
    """The settings in these variables.

    `LEASE_TABLE`, `LEASE_NAME`: the row. `LEASE_SECONDS` (default 30, 3 to 300), `RENEW_SECONDS` (default and longest a third of the
    lease), `CLOCK_ERROR_SECONDS` (default 1, at most an eighth of the lease): equal on all contenders. `GATE_LISTEN` (`127.0.0.1:PORT`, or
    empty), `GATE_UPSTREAM_LEASE`, `GATE_UPSTREAM_PORT`: the path. `STATUS_PORT` (default 8099). `HALT_PARAMETER`: SSM name, or empty.
    `HOLDER`, `HOLDER_ADDRESS`: default from ECS. `AWS_REGION`: set by Fargate.

    Args:
        variables: The process's environment.
        ask: Asks ECS's metadata endpoint.

    Raises:
        GateSettingsError: all that is wrong.
    """
    reader = _Reader(variables)
    table = reader.text("LEASE_TABLE", TABLE, "is the table's name, 3 to 255 of letters, digits and _.-")
    lease = reader.text("LEASE_NAME", LEASE, "is the lease's name: a letter, then up to 63 of small letters, digits and -")
    seconds = reader.number("LEASE_SECONDS", 30.0, f"are {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} (seconds)")
    renew = reader.number("RENEW_SECONDS", seconds / 3, "are 0.2 to a third of LEASE_SECONDS (seconds)")
    error = reader.number("CLOCK_ERROR_SECONDS", min(1.0, seconds / 8), "are 0.05 to an eighth of LEASE_SECONDS (seconds)")
    terms = Terms()
    try:
        terms = Terms(seconds=seconds, renew=renew, clock_error=error)
    except ValueError as wrong:
        reader.problems.append(f"LEASE_SECONDS = {seconds:g}, RENEW_SECONDS = {renew:g}, CLOCK_ERROR_SECONDS = {error:g}: {wrong}")
    listen, upstream, upstream_port = None, "", 0
    if variables.get("GATE_LISTEN", ""):
        host, _, port = variables["GATE_LISTEN"].partition(":")
        if host != "127.0.0.1" or not (port.isascii() and port.isdigit() and 1024 <= int(port) <= 65535):
            # Other tasks must not reach the broker through this one.
            reader.refuse("GATE_LISTEN", "is 127.0.0.1 and a port from 1024 to 65535, such as 127.0.0.1:4003, or nothing")
        else:
            listen = (host, int(port))
        upstream = reader.text("GATE_UPSTREAM_LEASE", LEASE, "is the name of the lease whose holder is connected to, such as ib-gateway")
        upstream_port = reader.port("GATE_UPSTREAM_PORT", None)
        if upstream and upstream == lease:
            reader.refuse("GATE_UPSTREAM_LEASE", "is another lease than LEASE_NAME")
    status = reader.port("STATUS_PORT", DEFAULT_STATUS_PORT)
    if listen is not None and listen[1] == status:
        reader.refuse("STATUS_PORT", "is another port than GATE_LISTEN's")
    halt = reader.text(
        "HALT_PARAMETER", PARAMETER, "is an SSM parameter's name such as /nautilus/prod/trading/halt, or nothing", needed=False
    )
    region = variables.get("AWS_REGION", "") or variables.get("AWS_DEFAULT_REGION", "")
    if not region:
        reader.refuse("AWS_REGION", "is a region such as us-east-1; Fargate sets it")
    holder, address = "", ""
    try:
        holder, address = identity(variables, ask)
    except GateSettingsError as wrong:
        reader.problems += wrong.problems
    if reader.problems:
        raise GateSettingsError(reader.problems)
    return GateSettings(
        table=table,
        lease=lease,
        holder=holder,
        address=address,
        region=region,
        terms=terms,
        listen=listen,
        upstream_lease=upstream,
        upstream_port=upstream_port,
        status_port=status,
        halt_parameter=halt,
    )
