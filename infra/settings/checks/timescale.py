"""TimescaleDB."""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan.timescale import instance_refusal
from infra.settings.checks.finding import Finding
from infra.settings.data import TimescalePlacement
from infra.settings.root import Settings


def timescale(settings: Settings) -> Iterator[Finding]:
    """TimescaleDB's place, version, machines and volumes."""
    own = settings.timescale
    if own.placement is TimescalePlacement.RDS:
        yield Finding(
            ("timescale", "placement"),
            "cannot be: RDS refuses `shared_preload_libraries = timescaledb`, so the extension never loads there",
            "ec2",
            "ec2",
        )
    if own.enabled and own.major != settings.postgres.major:
        yield Finding(
            ("timescale", "major"),
            f"must equal postgres.major = {settings.postgres.major}, so that one client and one dump fit both",
            str(settings.postgres.major),
            settings.postgres.major,
            (("postgres", "major"), ("timescale", "enabled")),
        )
    refused = instance_refusal(own.instance_type)
    if refused:
        accepted = "a type of a Nitro family, such as m7g.xlarge"
        yield Finding(("timescale", "instanceType"), refused, accepted, "m7g.xlarge", (("timescale", "enabled"),))
    most = min(16_000, own.volume_gb * 500)
    if own.volume_iops > most:
        yield Finding(
            ("timescale", "volumeIops"),
            f"is more than 500 for each of timescale.volumeGb = {own.volume_gb} GiB",
            f"3,000 to {most:,}",
            most,
            (("timescale", "volumeGb"),),
        )
