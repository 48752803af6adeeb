"""Git bundles and the proof by reading back, against moto and a real Git."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.config_backup import handler
from lambdas.config_backup.scope import Aws, Settings, document
from nautilus.ops.config_backup import BundleError, Checked, bundle, newest_manifest, upload, verify
from tests.ops.conftest import REGION, CachedSession

NOW = datetime(2026, 11, 21, 3, 0, 12, tzinfo=UTC)
BUCKET = "copies"


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always"]
    return subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number in range(3):
        (folder / "file").write_text(str(number))
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", f"commit {number}")
    git(folder, "tag", "v1", "HEAD~1")
    git(folder, "branch", "other", "HEAD~2")
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def s3(session: CachedSession) -> Any:
    client = session.client("s3")
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_object_lock_configuration(
        Bucket=BUCKET,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 90}}},
    )
    return client


def test_the_whole_repository_comes_back_from_the_bucket(repository: Path, scratch: Path, tmp_path: Path, s3: Any) -> None:
    made = bundle(repository, scratch)
    key = upload(s3, BUCKET, made, NOW)
    assert key == f"repository/2026/11/21/{git(repository, 'rev-parse', 'HEAD')}.bundle"
    restored = tmp_path / "restored.bundle"
    restored.write_bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    git(tmp_path, "clone", "-q", str(restored), "again")
    again = tmp_path / "again"
    assert git(again, "rev-list", "--count", "HEAD") == "3"
    assert git(again, "rev-parse", "v1") == git(repository, "rev-parse", "v1")
    assert git(again, "rev-parse", "origin/other") == git(repository, "rev-parse", "other")


def test_the_function_sees_how_old_the_bundle_is(repository: Path, scratch: Path, s3: Any) -> None:
    upload(s3, BUCKET, bundle(repository, scratch), NOW)
    settings = Settings("nautilus-prod", "/nautilus/prod", "nautilus", "prod", REGION, BUCKET, "N", None)
    assert handler.newest_bundle(Aws(settings)) is not None


def test_a_shallow_clone_is_refused(repository: Path, scratch: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    with pytest.raises(BundleError, match="fetch-depth: 0"):
        bundle(tmp_path / "shallow", scratch)


def test_a_folder_without_commits_is_refused(scratch: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    with pytest.raises(BundleError, match="rev-parse"):
        bundle(empty, scratch)


def test_a_bundle_that_was_changed_on_the_way_does_not_arrive(repository: Path, scratch: Path, s3: Any) -> None:
    """S3 compares what arrived with the hash of what was bundled. moto does not, so boto3's question is what is looked at."""
    made = bundle(repository, scratch)
    asked: list[dict[str, Any]] = []

    class Watching:
        def put_object(self, **question: Any) -> None:
            asked.append(question)

    upload(Watching(), BUCKET, made, NOW)
    (question,) = asked
    assert question["ChecksumAlgorithm"] == "SHA256"
    import base64

    assert base64.b64decode(question["ChecksumSHA256"]).hex() == made.sha256


# --- reading back -----------------------------------------------------------------------------------------------------------


def saved(s3: Any, session: CachedSession, at: datetime = NOW, *, broken: bool = False) -> dict[str, Any]:
    """A run of the function with two sources."""

    def source(aws: Aws) -> Any:
        yield document("a.json", {"at": at.isoformat()})
        yield document("b.json", [])

    def failing(aws: Aws) -> Any:
        raise RuntimeError("no")
        yield

    settings = Settings("nautilus-prod", "/nautilus/prod", "nautilus", "prod", REGION, BUCKET, "N", None)
    sources: dict[str, handler.Source] = {"one": source, **({"two": failing} if broken else {})}
    return handler.run(Aws(settings, client=session.client), "system", at, sources)


def test_what_the_function_saved_reads_back(s3: Any, session: CachedSession) -> None:
    manifest = saved(s3, session)
    found = verify(s3, BUCKET, "system")
    assert found == Checked("system", "config/2026/11/21/system/manifest-030012.json", NOW, 2, (), ())
    assert found is not None
    assert found.good
    assert found.objects == len(manifest["objects"])


def test_a_changed_object_and_a_missing_one_are_found(s3: Any, session: CachedSession) -> None:
    saved(s3, session)
    key = "config/2026/11/21/system/manifest-030012.json"
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    first, second = manifest["objects"]
    first["sha256"] = "0" * 64
    s3.delete_object(Bucket=BUCKET, Key=second["key"], VersionId=second["version"], BypassGovernanceRetention=True)
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(manifest), ChecksumAlgorithm="SHA256")
    found = verify(s3, BUCKET, "system")
    assert found is not None
    assert found.broken == (first["key"], second["key"])
    assert not found.good


def test_a_source_that_was_not_saved_is_not_good(s3: Any, session: CachedSession) -> None:
    saved(s3, session, broken=True)
    found = verify(s3, BUCKET, "system")
    assert found is not None
    assert found.failed == ("two",)
    assert not found.good


def test_the_newest_manifest_and_the_one_of_a_day(s3: Any, session: CachedSession) -> None:
    for day, hour in ((20, 3), (21, 3), (21, 9), (19, 23)):
        saved(s3, session, datetime(2026, 11, day, hour, 0, 0, tzinfo=UTC))
    assert newest_manifest(s3, BUCKET, "system") == "config/2026/11/21/system/manifest-090000.json"
    assert newest_manifest(s3, BUCKET, "system", "2026/11/19") == "config/2026/11/19/system/manifest-230000.json"
    assert newest_manifest(s3, BUCKET, "system", "2026/11/18") is None
    assert verify(s3, BUCKET, "application") is None


def test_what_is_no_manifest_is_no_answer(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="config/2026/11/21/system/manifest-030012.json", Body=b'{"objects": []}', ChecksumAlgorithm="SHA256")
    with pytest.raises(ValueError, match="no manifest"):
        verify(s3, BUCKET, "system")


def test_a_refusal_is_no_answer(s3: Any, session: CachedSession) -> None:
    saved(s3, session)

    class Refused:
        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

        def get_object(self, **question: Any) -> Any:
            if "VersionId" in question:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
            return s3.get_object(**question)

    with pytest.raises(ClientError, match="AccessDenied"):
        verify(Refused(), BUCKET, "system")
