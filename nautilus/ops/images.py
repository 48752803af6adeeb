"""The gate before an image is deployed: what its scan found, and whether ECR has signed it with the stack's own profile.

`check` answers for one image; `nautilus images check` and `nautilus rollout start` ask it. It never lets an image pass that it could not
judge: no scan, a scan that failed, an image that cannot be scanned and a scan that is not done in time are all refusals, each with its reason.

What a signature is worth here: ECR says that it has signed this digest with that profile (managed signing), and the signature lies beside the
image. That the signature's bytes are genuine is for `notation verify` to show, which needs the registry's trust store (docs/images.md).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final, cast

from botocore.exceptions import ClientError

from nautilus.ops.steps import code_of

CRITICAL: Final = "CRITICAL"
SIGNATURE: Final = "application/vnd.cncf.notary.signature"
"""Artifact type of a Notary Project signature (its specification)."""
WAIT_SECONDS: Final = 300.0
"""How long a scan that runs is waited for; ECR's own take less than a minute."""
_PAUSE: Final = 5.0
_PAGE: Final = 100
_MOST_PAGES: Final = 100
"""Pages of findings that are read: an image with more than 10,000 has its answer."""
_DONE: Final = frozenset({"COMPLETE", "ACTIVE"})
"""ECR's own scan ends; Amazon Inspector's goes on, and its findings stand."""
_RUNNING: Final = frozenset({"IN_PROGRESS", "PENDING"})
_INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS: Final = (*_INDEXES, "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_PROCESSORS: Final = {"ARM64": "arm64", "X86_64": "amd64"}


class Missing(StrEnum):
    """Why there is no scan to judge by, in our words; every other status is ECR's."""

    NO_IMAGE = "NO_IMAGE"
    NO_SCAN = "NO_SCAN"
    TOO_LONG = "TOO_LONG"


@dataclass(frozen=True)
class ScanVerdict:
    """What the scan of one image says."""

    repository: str
    digest: str
    status: str
    """ECR's own status (`COMPLETE`, `ACTIVE`, `FAILED`, `UNSUPPORTED_IMAGE`, …), or one of `Missing`."""
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    """Findings by severity."""
    critical: tuple[str, ...] = ()
    """Critical findings that nobody has accepted, by their ids, sorted."""
    accepted: tuple[str, ...] = ()
    """Critical findings that somebody has, sorted."""

    @property
    def passed(self) -> bool:
        """Whether the image may be deployed, as far as its scan goes."""
        return self.status in _DONE and not self.critical

    @property
    def reason(self) -> str:
        """Why it may not, or what was found, as a sentence's end."""
        if self.status not in _DONE:
            return {
                Missing.NO_IMAGE: "the registry has no such image",
                Missing.NO_SCAN: "nobody has scanned it",
                Missing.TOO_LONG: "its scan is not done in time",
            }.get(cast("Missing", self.status), f"its scan ended {self.status}")
        if self.critical:
            return (
                f"it has {len(self.critical)} critical findings: {', '.join(self.critical[:10])}{', …' if len(self.critical) > 10 else ''}"
            )
        rest = f", {len(self.accepted)} accepted" if self.accepted else ""
        return f"no critical finding{rest}"

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return {
            "repository": self.repository,
            "digest": self.digest,
            "status": str(self.status),
            "counts": dict(sorted(self.counts.items())),
            "critical": list(self.critical),
            "accepted": list(self.accepted),
            "passed": self.passed,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class SignatureVerdict:
    """Whether ECR has signed an image with the profile that is asked for."""

    profile: str
    status: str
    """`COMPLETE`, `IN_PROGRESS`, `FAILED`, `OTHER_PROFILE`, `NONE`, or `NO_ARTIFACT`: signed, but the signature is gone."""
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether it has, and the signature lies beside the image."""
        return self.status == "COMPLETE"

    @property
    def reason(self) -> str:
        """What is missing, as a sentence's end."""
        words = {
            "COMPLETE": "signed by the stack's profile",
            "NONE": "ECR has not signed it",
            "OTHER_PROFILE": "it is signed by another profile alone",
            "NO_ARTIFACT": "ECR says that it is signed, but no signature lies beside it",
            "IN_PROGRESS": "ECR is still signing it",
        }.get(self.status, f"signing it ended {self.status}")
        return f"{words} ({self.detail})" if self.detail else words


@dataclass(frozen=True)
class ImageVerdict:
    """Whether an image may be deployed."""

    scan: ScanVerdict
    signature: SignatureVerdict | None = None
    """None where the stack asks for no signature."""

    @property
    def passed(self) -> bool:
        """Whether it may."""
        return self.scan.passed and (self.signature is None or self.signature.passed)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything that stands against it; empty if nothing does."""
        parts = (self.scan, self.signature)
        return tuple(part.reason for part in parts if part is not None and not part.passed)

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        signature = self.signature
        return {
            **self.scan.as_json(),
            "signature": None
            if signature is None
            else {"profile": signature.profile, "status": signature.status, "passed": signature.passed, "reason": signature.reason},
            "passed": self.passed,
            "reasons": list(self.reasons),
        }


def accepted_on(entries: Mapping[str, str | date], today: date) -> frozenset[str]:
    """The findings that are accepted on a day, from the last day of each (ISO or a date): what has ended counts no longer.

    Raises:
        ValueError: A day cannot be read.
    """
    return frozenset(key for key, until in entries.items() if (until if isinstance(until, date) else date.fromisoformat(until)) >= today)


def _platforms(ecr: Any, repository: str, digest: str, processor: str | None) -> list[str] | None:
    """Digests of what would run: the image itself, or those that an index names; None where the registry has no such image.

    Of an index, all images that run anywhere, or those for one processor. ECR scans images, not indexes. What an index holds beside images (attestations, whose platform is `unknown`) runs nowhere.
    """
    answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=list(_MANIFESTS))
    images = answer.get("images", [])
    if not images:
        return None
    document = json.loads(images[0]["imageManifest"])
    kind = images[0].get("imageManifestMediaType") or document.get("mediaType", "")
    if kind not in _INDEXES:
        return [digest]
    wanted = None if processor is None else _PROCESSORS.get(processor, processor)
    return [
        entry["digest"]
        for entry in document.get("manifests", [])
        if (kind := entry.get("platform", {}).get("architecture")) != "unknown" and wanted in (None, kind)
    ]


def _names(finding: Mapping[str, Any]) -> str:
    details = finding.get("packageVulnerabilityDetails") or {}
    return str(details.get("vulnerabilityId") or finding.get("name") or finding.get("findingArn") or "unnamed")


def _scanned(
    ecr: Any,
    repository: str,
    digest: str,
    *,
    accept: frozenset[str],
    deadline: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> ScanVerdict:
    """The verdict on one image that is no index."""
    while True:
        try:
            first = ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageDigest": digest}, maxResults=_PAGE)
            status = str(first.get("imageScanStatus", {}).get("status", Missing.NO_SCAN))
        except ClientError as error:
            if code_of(error) not in ("ScanNotFoundException", "ImageNotFoundException"):
                raise
            missing = Missing.NO_SCAN if code_of(error) == "ScanNotFoundException" else Missing.NO_IMAGE
            return ScanVerdict(repository, digest, missing)
        if status not in _RUNNING:
            break
        if clock() >= deadline:
            return ScanVerdict(repository, digest, Missing.TOO_LONG)
        sleep(_PAUSE)
    if status not in _DONE:
        return ScanVerdict(repository, digest, status)
    return _judged(ecr, repository, digest, status, first, accept)


def _judged(ecr: Any, repository: str, digest: str, status: str, first: Mapping[str, Any], accept: frozenset[str]) -> ScanVerdict:
    """The verdict on a scan that is done, all its pages read."""
    page, found, pages = first, set[str](), 1
    counts: dict[str, int] = dict((first.get("imageScanFindings") or {}).get("findingSeverityCounts") or {})
    while True:
        findings = page.get("imageScanFindings") or {}
        for finding in (*(findings.get("findings") or ()), *(findings.get("enhancedFindings") or ())):
            if finding.get("severity") == CRITICAL:
                found.add(_names(finding))
        token = page.get("nextToken")
        if not token or pages == _MOST_PAGES:
            break
        pages += 1
        page = ecr.describe_image_scan_findings(
            repositoryName=repository, imageId={"imageDigest": digest}, nextToken=token, maxResults=_PAGE
        )
    if counts.get(CRITICAL, 0) and not found:
        # The count and the list are two answers of ECR's; where they differ, the count is believed.
        found.add(f"{counts[CRITICAL]} unnamed")
    critical = tuple(sorted(found - accept))
    return ScanVerdict(repository, digest, status, counts, critical, tuple(sorted(found & accept)))


def findings(
    ecr: Any,
    repository: str,
    digest: str,
    *,
    accept: frozenset[str] = frozenset(),
    processor: str | None = None,
    wait_seconds: float = WAIT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> ScanVerdict:
    """What the scan of an image found.

    Args:
        ecr: A client of ECR, of the registry's region.
        repository: With its prefix, such as `nautilus-prod/backend`.
        digest: `sha256:` and 64 hexadecimal digits: an image, or an index, all of whose images are judged.
        accept: Ids of critical findings that do not count (`accepted_on`).
        processor: `ARM64` or `X86_64`: of an index only these images are judged; None judges all.
        wait_seconds: How long a scan that runs is waited for, over all images of an index.
        sleep: For tests.
        clock: For tests: seconds that only rise.

    Raises:
        ClientError: AWS refuses, for want of rights or because there is no such repository.
    """
    images = _platforms(ecr, repository, digest, processor)
    if not images:
        return ScanVerdict(repository, digest, Missing.NO_IMAGE)
    deadline = clock() + wait_seconds
    verdicts = [_scanned(ecr, repository, one, accept=accept, deadline=deadline, sleep=sleep, clock=clock) for one in images]
    if len(verdicts) == 1:
        one = verdicts[0]
        return ScanVerdict(repository, digest, one.status, one.counts, one.critical, one.accepted)
    # An index is as good as the worst image that it may run.
    bad = next((one.status for one in verdicts if one.status not in _DONE), verdicts[0].status)
    counts: dict[str, int] = {}
    for verdict in verdicts:
        for severity, count in verdict.counts.items():
            counts[severity] = max(counts.get(severity, 0), count)
    return ScanVerdict(
        repository,
        digest,
        bad,
        counts,
        tuple(sorted({name for one in verdicts for name in one.critical})),
        tuple(sorted({name for one in verdicts for name in one.accepted})),
    )


def signature(ecr: Any, repository: str, digest: str, *, profile: str) -> SignatureVerdict:
    """Whether ECR has signed an image with `profile`, and the signature lies beside it.

    Args:
        ecr: A client of ECR, of the registry's region.
        repository: With its prefix.
        digest: What is deployed: an index is signed itself.
        profile: ARN of the signing profile.

    Raises:
        ClientError: AWS refuses, for want of rights or because there is no such image.
    """
    answer = ecr.describe_image_signing_status(repositoryName=repository, imageId={"imageDigest": digest})
    statuses = answer.get("signingStatuses", [])
    own = [one for one in statuses if one.get("signingProfileArn") == profile]
    if not own:
        return SignatureVerdict(profile, "OTHER_PROFILE" if statuses else "NONE")
    status = str(own[0].get("status", "FAILED"))
    if status != "COMPLETE":
        return SignatureVerdict(profile, status, str(own[0].get("failureReason") or own[0].get("failureCode") or ""))
    beside = ecr.list_image_referrers(
        repositoryName=repository, subjectId={"imageDigest": digest}, filter={"artifactTypes": [SIGNATURE]}, maxResults=50
    )
    return SignatureVerdict(profile, "COMPLETE" if beside.get("referrers") else "NO_ARTIFACT")


def check(
    ecr: Any,
    repository: str,
    digest: str,
    *,
    accept: frozenset[str] = frozenset(),
    processor: str | None = None,
    profile: str | None = None,
    wait_seconds: float = WAIT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> ImageVerdict:
    """Whether an image may be deployed: what `findings` says, and with a `profile` what `signature` says.

    Raises:
        ClientError: AWS refuses, for want of rights or because there is no such repository.
    """
    scan = findings(ecr, repository, digest, accept=accept, processor=processor, wait_seconds=wait_seconds, sleep=sleep, clock=clock)
    if profile is None or scan.status == Missing.NO_IMAGE:
        return ImageVerdict(scan, None if profile is None else SignatureVerdict(profile, "NONE"))
    return ImageVerdict(scan, signature(ecr, repository, digest, profile=profile))
