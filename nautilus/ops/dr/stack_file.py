"""The stack file of the region that takes over, made from the present one. Plain data in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

NAMESPACE = "nautilus-infra:"
MOST_CHARACTERS = 12
"""Longest project name that the settings take."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """What differs in the region that takes over."""

    project: str
    domain: str
    snapshot_id: str
    key_arn: str


def takeover_project(project: str) -> str:
    """A project name for the stack that takes over: `-dr` added, or taken away on the way back.

    >>> takeover_project("nautilus"), takeover_project("nautilus-dr"), takeover_project("longest-name")
    ('nautilus-dr', 'nautilus', 'longest-n-dr')
    """
    if project.endswith("-dr"):
        return project.removesuffix("-dr")
    return f"{project[: MOST_CHARACTERS - 3].rstrip('-')}-dr"


def free_block(taken: list[str]) -> str:
    """A private /16 that overlaps none of `taken`."""
    used = [IPv4Network(one, strict=False) for one in taken]
    return next(str(one) for one in IPv4Network("10.0.0.0/8").subnets(new_prefix=16) if not any(one.overlaps(other) for other in used))


def takeover_file(present: Mapping[str, Any], settings: Mapping[str, Any], takeover: Takeover) -> tuple[dict[str, Any], list[str]]:
    """The document of the new stack file, and what a person has to look at in it.

    Args:
        present: The present stack file, as YAML gives it.
        settings: The same settings with all defaults, by section, with the keys of the file.
        takeover: What differs.

    The stack begins as `foundation`, without a second region of its own (`dr.enabled` is turned on for the way back, once it runs), and
    keeps no secret of the present file: what Pulumi encrypted there is encrypted with a key of the region that is lost.
    """
    sections: dict[str, dict[str, Any]] = {
        key.removeprefix(NAMESPACE): dict(value)
        for key, value in present.get("config", {}).items()
        if key.startswith(NAMESPACE) and isinstance(value, Mapping)
    }
    look: list[str] = []
    account, network, dr = settings["account"], settings["network"], settings["dr"]
    sections.setdefault("platform", {}).update({"project": takeover.project, "phase": "foundation"})
    sections.setdefault("account", {}).update({"region": account["drRegion"], "drRegion": account["region"]})
    taken = [network["cidr"], dr["cidr"], *network["peerCidrs"], "172.17.0.0/16"]
    own = sections.setdefault("network", {})
    own.update({"cidr": free_block(taken), "zones": list(dr["zones"])})
    foreign = [key for key in ("existing", "endpointsWithout") if own.pop(key, None) is not None]
    look += [f"network.{key} was of the other region and is left out" for key in foreign]
    dns = sections.setdefault("edge", {}).setdefault("dns", {})
    dns["domain"] = takeover.domain
    foreign = [key for key in ("zoneId", "standby") if dns.pop(key, None) is not None]
    look += [f"edge.dns.{key} belongs to the other stack and is left out" for key in foreign]
    look.append(f"edge.dns.domain is {takeover.domain}: its zone must be delegated")
    look += _foreign(sections, account["region"])
    if settings["timescale"]["enabled"] and "amiId" in sections.get("timescale", {}):
        look.append(f"timescale.amiId: images have another id in every region; name the one of {account['drRegion']}")
    sections["dr"] = {"enabled": False, "restore": {"snapshotId": takeover.snapshot_id, "keyArn": takeover.key_arn}}
    return {"config": {f"{NAMESPACE}{name}": value for name, value in sections.items()}}, look


def _foreign(sections: dict[str, Any], region: str, path: str = "") -> list[str]:
    """Take out every ARN of the present region, deep in the sections: nothing there opens with it."""
    found: list[str] = []
    for key, value in list(sections.items()):
        where = f"{path}{key}"
        if isinstance(value, dict):
            found += _foreign(value, region, f"{where}.")  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, str) and value.startswith("arn:") and value.split(":")[3] == region:
            del sections[key]
            found.append(f"{where} was an ARN of {region} and is left out: name one of the new region")
    return found
