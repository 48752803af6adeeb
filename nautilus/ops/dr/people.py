"""What people do in a move. The tool says the commands, and looks itself whether they have taken effect wherever AWS can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from botocore.exceptions import ClientError

from nautilus.ops.dr.actions import Snapshot
from nautilus.ops.dr.gates import describe
from nautilus.ops.dr.step import Check, Kind, Step
from nautilus.ops.steps import code_of


class PersonStep(Step):
    """A step that a person takes."""

    kind = Kind.PERSON
    after: ClassVar[type[Step] | None] = None

    def checks(self) -> Sequence[Check]:
        """The step before it is through."""
        return [self.after(self.room).done()] if self.after else []


class StatedStep(PersonStep):
    """A step whose end only a person can see: it is done when they say so, and what they say is kept."""

    def done(self) -> Check:
        """A person has stated it, in this run or an earlier one (the runner passes earlier statements on)."""
        said = self.room.stated.done.get(self.name, "").strip()
        return Check(self.name, bool(said), f"stated: {said}" if said else f"nobody has stated it: --done {self.name}='WHO saw WHAT'")


class Foundation(PersonStep):
    """The ground floor of the stack that takes over, its database made from the snapshot."""

    name = "foundation"
    title = "Bring up the foundation in the second region"
    estimate = 3_600
    after = Snapshot

    def will(self) -> Sequence[str]:
        """The commands; the first three make a state that does not lie in the lost region."""
        stack, folder = self.room.stack, self.room.config_dir
        return [
            f"nautilus bootstrap --stack {stack} --config-dir {folder}",
            "# then the two pulumi commands that bootstrap prints: log in to the new state, make the stack",
            f"nautilus config check --stack {stack} --config-dir {folder}",
            f"nautilus up --stack {stack} --config-dir {folder}",
        ]

    def done(self) -> Check:
        """It has published its outputs, and its database is available."""
        phase = published_phase(self)
        name = f"{self.room.takeover_prefix}-postgres"
        instance = describe(self.room, name)
        status = str(instance["DBInstanceStatus"]) if instance else "missing"
        return Check(self.name, phase != "" and status == "available", f"phase {phase or 'none'}, {name} {status}")


class Images(PersonStep):
    """The images of the stack file in the repositories of the stack that takes over."""

    name = "images"
    title = "Copy the images into the new stack's repositories"
    estimate = 900
    after = Foundation

    def done(self) -> Check:
        """Each digest is there."""
        missing = missing_images(self, f"{self.room.takeover_prefix}/")
        return Check(self.name, not missing, f"missing: {', '.join(missing)}" if missing else f"{len(self.room.digests)} images")

    def will(self) -> Sequence[str]:
        """A copy that keeps the digest, for each that is missing."""
        facts = self.room.facts
        host = f"{facts.account}.dkr.ecr.{facts.region}.amazonaws.com"
        return [
            f"skopeo copy --all --preserve-digests docker://{host}/{facts.repositories_prefix}{name}@{self.room.digests[name]} "
            f"docker://{host}/{self.room.takeover_prefix}/{name}:takeover"
            for name in missing_images(self, f"{self.room.takeover_prefix}/")
        ]


class Services(PersonStep):
    """Everything that runs from an image, trading still halted."""

    name = "services"
    title = "Bring up the services, trading still halted"
    estimate = 2_700
    after = Images

    def will(self) -> Sequence[str]:
        """The phase and the command."""
        stack, folder = self.room.stack, self.room.config_dir
        return [
            f"pulumi config set --path nautilus-infra:platform.phase services --stack {stack} --config-file {folder}/Pulumi.{stack}.yaml",
            f"nautilus up --stack {stack} --config-dir {folder}",
            f"nautilus doctor --stack {stack} --config-dir {folder}",
        ]

    def done(self) -> Check:
        """The phase is published, and backend and frontend run what they want."""
        phase = published_phase(self)
        if phase != "services":
            return Check(self.name, False, f"phase {phase or 'none'}")
        prefix = self.room.takeover_prefix
        found = self.room.there("ecs").describe_services(cluster=f"{prefix}-cluster", services=[f"{prefix}-backend", f"{prefix}-frontend"])
        short = [one["serviceName"] for one in found["services"] if one["runningCount"] < max(one["desiredCount"], 1)]
        ok = len(found["services"]) == 2 and not short
        return Check(self.name, ok, f"too few tasks: {', '.join(short)}" if short else f"{len(found['services'])} of 2 web services run")


class MarketData(StatedStep):
    """TimescaleDB restored from the archive's copy."""

    name = "market-data"
    title = "Restore TimescaleDB from the archive's copy"
    estimate = 3_600
    after = Services

    def will(self) -> Sequence[str]:
        """Which page, and which bucket."""
        return [
            "docs/runbooks/region.md, market data",
            f"aws ssm get-parameter --region {self.room.facts.region} --name {self.room.path}/archive",
        ]


class Reconcile(StatedStep):
    """Orders and positions compared with the broker's."""

    name = "reconcile"
    title = "The desk compares orders and positions with the broker's"
    estimate = 1_800
    after = Services

    def will(self) -> Sequence[str]:
        """What is compared."""
        return [
            "the desk compares orders, positions and cash at the broker with the database; what differs is booked before trading goes on"
        ]


class Names(StatedStep):
    """People and programs reach the new region."""

    name = "names"
    title = "Send users to the new region"
    estimate = 600
    after = Services

    def will(self) -> Sequence[str]:
        """Two ways."""
        return [
            f"tell users the new stack's own name (siteUrl of nautilus outputs --stack {self.room.stack} --config-dir {self.room.config_dir})",
            "or move origin.<domain> to the new load balancer: docs/runbooks/region.md, names",
        ]


def published_phase(step: Step) -> str:
    """The phase that the stack that takes over has published in the second region; empty while there is none."""
    room = step.room
    name = f"/{room.takeover_project}/{room.facts.environment}/outputs/phase"
    try:
        return str(room.there("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return ""
        raise


def missing_images(step: Step, prefix: str) -> list[str]:
    """Repositories under `prefix` of the second region that lack their digest."""
    ecr = step.room.there("ecr")
    missing: list[str] = []
    for name, digest in sorted(step.room.digests.items()):
        try:
            ecr.describe_images(repositoryName=f"{prefix}{name}", imageIds=[{"imageDigest": digest}])
        except ClientError as error:
            if code_of(error) not in ("ImageNotFoundException", "RepositoryNotFoundException"):
                raise
            missing.append(name)
    return missing
