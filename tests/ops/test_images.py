"""The gate before a deployment: what passes, and that nothing passes which could not be judged."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nautilus.ops.images import SIGNATURE, Missing, accepted_on, check, findings, signature
from tests.ops.conftest import REGION, CachedSession

REPOSITORY = "nautilus-prod/backend"
ARM, AMD, INDEX = ("sha256:" + letter * 64 for letter in "abc")
PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/nautilus_prod_images_1"
OTHER = PROFILE.replace("prod", "staging")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def critical(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "severity": "CRITICAL"} for name in names]


def scan(status: str = "COMPLETE", found: list[dict[str, Any]] | None = None, **counts: int) -> dict[str, Any]:
    return {"imageScanStatus": {"status": status}, "imageScanFindings": {"findings": found or [], "findingSeverityCounts": counts}}


class Ecr:
    """ECR's answers by image: a list is asked through from the front, its last one stays."""

    def __init__(self, scans: dict[str, Any], *, index: list[tuple[str, str]] | None = None, images: tuple[str, ...] = (ARM, AMD)) -> None:
        self.scans = {key: list(value) if isinstance(value, list) else [value] for key, value in scans.items()}
        self.index = index
        self.images = images
        self.signing: list[dict[str, str]] = []
        self.referrers: list[dict[str, str]] = []
        self.asked: list[str] = []

    def batch_get_image(self, *, repositoryName: str, imageIds: list[dict[str, str]], acceptedMediaTypes: list[str]) -> dict[str, Any]:  # noqa: N803 (AWS's names)
        assert repositoryName == REPOSITORY
        assert MANIFEST in acceptedMediaTypes
        digest = imageIds[0]["imageDigest"]
        if digest == INDEX and self.index is not None:
            kind = "application/vnd.oci.image.index.v1+json"
            parts = [{"digest": one, "platform": {"architecture": name}} for one, name in self.index]
            return {"images": [{"imageManifest": json.dumps({"manifests": parts}), "imageManifestMediaType": kind}]}
        if digest not in self.images:
            return {"images": []}
        return {"images": [{"imageManifest": "{}", "imageManifestMediaType": MANIFEST}]}

    def describe_image_scan_findings(self, *, repositoryName: str, imageId: dict[str, str], maxResults: int, **more: str) -> dict[str, Any]:  # noqa: N803 (AWS's names)
        digest = imageId["imageDigest"]
        self.asked.append(digest)
        answers = self.scans[digest]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "no"}}, "DescribeImageScanFindings")
        return answer

    def describe_image_signing_status(self, **_: Any) -> dict[str, Any]:
        return {"signingStatuses": self.signing}

    def list_image_referrers(self, *, filter: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: A002 - AWS's own word
        assert filter == {"artifactTypes": [SIGNATURE]}
        return {"referrers": self.referrers}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_an_image_without_critical_findings_passes() -> None:
    verdict = findings(Ecr({ARM: scan(HIGH=3)}), REPOSITORY, ARM)
    assert verdict.passed
    assert (verdict.status, dict(verdict.counts), verdict.reason) == ("COMPLETE", {"HIGH": 3}, "no critical finding")


def test_a_critical_finding_stops_it_unless_it_is_accepted() -> None:
    ecr = Ecr({ARM: scan(found=critical("CVE-2026-1", "CVE-2026-2"), CRITICAL=2)})
    stopped = findings(ecr, REPOSITORY, ARM)
    assert (stopped.passed, stopped.critical) == (False, ("CVE-2026-1", "CVE-2026-2"))
    half = findings(ecr, REPOSITORY, ARM, accept=frozenset({"CVE-2026-1"}))
    assert (half.passed, half.critical, half.accepted) == (False, ("CVE-2026-2",), ("CVE-2026-1",))
    assert findings(ecr, REPOSITORY, ARM, accept=frozenset({"CVE-2026-1", "CVE-2026-2"})).passed


def test_every_page_counts() -> None:
    first = scan(found=[{"name": "CVE-2026-1", "severity": "HIGH"}], CRITICAL=1) | {"nextToken": "more"}
    second = scan(found=critical("CVE-2026-9"))
    assert findings(Ecr({ARM: [first, second]}), REPOSITORY, ARM).critical == ("CVE-2026-9",)


def test_inspectors_findings_count_by_their_id() -> None:
    found = {"severity": "CRITICAL", "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2026-7"}}
    answer = {
        "imageScanStatus": {"status": "ACTIVE"},
        "imageScanFindings": {"enhancedFindings": [found], "findingSeverityCounts": {"CRITICAL": 1}},
    }
    assert findings(Ecr({ARM: answer}), REPOSITORY, ARM).critical == ("CVE-2026-7",)
    assert findings(Ecr({ARM: answer}), REPOSITORY, ARM, accept=frozenset({"CVE-2026-7"})).passed


def test_a_count_without_names_cannot_be_accepted() -> None:
    verdict = findings(Ecr({ARM: scan(CRITICAL=2)}), REPOSITORY, ARM, accept=frozenset({"CVE-2026-1"}))
    assert (verdict.passed, verdict.critical) == (False, ("2 unnamed",))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("ScanNotFoundException", Missing.NO_SCAN),
        ("ImageNotFoundException", Missing.NO_IMAGE),
        (scan("FAILED"), "FAILED"),
        (scan("UNSUPPORTED_IMAGE"), "UNSUPPORTED_IMAGE"),
        (scan("SCAN_ELIGIBILITY_EXPIRED"), "SCAN_ELIGIBILITY_EXPIRED"),
        ({}, Missing.NO_SCAN),
    ],
)
def test_what_nobody_could_judge_does_not_pass(answer: Any, status: str) -> None:
    verdict = findings(Ecr({ARM: answer}), REPOSITORY, ARM)
    assert (verdict.passed, verdict.status) == (False, status)
    assert verdict.reason


def test_an_image_that_is_not_there_does_not_pass() -> None:
    assert findings(Ecr({}, images=()), REPOSITORY, ARM).status == Missing.NO_IMAGE


def test_other_errors_of_aws_are_not_answers() -> None:
    with pytest.raises(ClientError):
        findings(Ecr({ARM: "AccessDeniedException"}), REPOSITORY, ARM)


def test_a_running_scan_is_waited_for_and_not_for_ever() -> None:
    clock = Clock()
    ecr = Ecr({ARM: [scan("IN_PROGRESS"), scan("PENDING"), scan()]})
    assert findings(ecr, REPOSITORY, ARM, sleep=clock.sleep, clock=clock).passed
    assert clock.now == 10
    slow = Clock()
    verdict = findings(Ecr({ARM: scan("IN_PROGRESS")}), REPOSITORY, ARM, wait_seconds=60, sleep=slow.sleep, clock=slow)
    assert (verdict.passed, verdict.status, slow.now) == (False, Missing.TOO_LONG, 60)


def index(arm: Any, amd: Any) -> Ecr:
    return Ecr({ARM: arm, AMD: amd}, index=[(ARM, "arm64"), (AMD, "amd64"), ("sha256:" + "d" * 64, "unknown")])


def test_an_index_is_as_good_as_its_worst_image() -> None:
    both = findings(index(scan(), scan(HIGH=1)), REPOSITORY, INDEX)
    assert (both.passed, both.digest) == (True, INDEX)
    worse = findings(index(scan(HIGH=2), scan(found=critical("CVE-2026-1"), CRITICAL=1)), REPOSITORY, INDEX)
    assert (worse.passed, worse.critical, dict(worse.counts)) == (False, ("CVE-2026-1",), {"HIGH": 2, "CRITICAL": 1})
    assert findings(index(scan(), "ScanNotFoundException"), REPOSITORY, INDEX).status == Missing.NO_SCAN


def test_of_an_index_only_what_runs_can_be_judged() -> None:
    mixed = index(scan(), scan(found=critical("CVE-2026-1"), CRITICAL=1))
    assert findings(mixed, REPOSITORY, INDEX, processor="ARM64").passed
    assert not findings(mixed, REPOSITORY, INDEX, processor="X86_64").passed
    assert findings(index(scan(), scan()), REPOSITORY, INDEX, processor="RISCV").status == Missing.NO_IMAGE


@pytest.mark.parametrize(
    ("signing", "referrers", "status"),
    [
        ([{"signingProfileArn": PROFILE, "status": "COMPLETE"}], [{"digest": AMD}], "COMPLETE"),
        ([{"signingProfileArn": PROFILE, "status": "COMPLETE"}], [], "NO_ARTIFACT"),
        ([{"signingProfileArn": OTHER, "status": "COMPLETE"}], [{"digest": AMD}], "OTHER_PROFILE"),
        ([{"signingProfileArn": PROFILE, "status": "FAILED", "failureReason": "no right"}], [{"digest": AMD}], "FAILED"),
        ([{"signingProfileArn": PROFILE, "status": "IN_PROGRESS"}], [], "IN_PROGRESS"),
        ([], [{"digest": AMD}], "NONE"),
    ],
)
def test_only_a_signature_of_our_own_profile_passes(signing: list[dict[str, str]], referrers: list[dict[str, str]], status: str) -> None:
    ecr = Ecr({ARM: scan()})
    ecr.signing, ecr.referrers = signing, referrers
    verdict = signature(ecr, REPOSITORY, ARM, profile=PROFILE)
    assert (verdict.status, verdict.passed) == (status, status == "COMPLETE")
    whole = check(ecr, REPOSITORY, ARM, profile=PROFILE)
    assert whole.passed is (status == "COMPLETE")
    assert bool(whole.reasons) is not whole.passed
    assert whole.as_json()["signature"]["profile"] == PROFILE


def test_no_signature_is_asked_for_where_none_is_required() -> None:
    verdict = check(Ecr({ARM: scan()}), REPOSITORY, ARM)
    assert verdict.passed
    assert verdict.as_json()["signature"] is None
    missing = check(Ecr({}, images=()), REPOSITORY, ARM, profile=PROFILE)
    assert not missing.passed
    assert len(missing.reasons) == 2


def test_an_acceptance_ends_with_its_day() -> None:
    entries = {"CVE-2026-1": "2026-11-30", "CVE-2026-2": date(2026, 11, 29)}
    assert accepted_on(entries, date(2026, 11, 29)) == {"CVE-2026-1", "CVE-2026-2"}
    assert accepted_on(entries, date(2026, 11, 30)) == {"CVE-2026-1"}
    with pytest.raises(ValueError, match="Invalid isoformat"):
        accepted_on({"CVE-2026-1": "soon"}, date(2026, 11, 29))


def test_ecr_itself_refuses_an_image_that_nobody_scanned(session: CachedSession) -> None:
    """On moto: the calls are those that the API knows."""
    ecr = session.client("ecr", REGION)
    ecr.create_repository(repositoryName=REPOSITORY)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": ARM}, "layers": []})
    put = ecr.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageManifestMediaType=MANIFEST, imageTag="v1")
    digest = put["image"]["imageId"]["imageDigest"]
    assert findings(ecr, REPOSITORY, digest).status == Missing.NO_SCAN
    assert findings(ecr, REPOSITORY, ARM).status == Missing.NO_IMAGE
    ecr.start_image_scan(repositoryName=REPOSITORY, imageId={"imageDigest": digest})
    judged = findings(ecr, REPOSITORY, digest)
    assert judged.status == "COMPLETE"
    assert judged.passed is (judged.counts.get("CRITICAL", 0) == 0)
    with pytest.raises(ClientError):
        findings(ecr, "nautilus-prod/nobody", digest)
