"""Copies of the configuration: Git bundles for the locked bucket, and the proof that what was saved can be read back."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

PARTS: Final = ("application", "system")
"""What lambdas/config_backup saves, each once a day."""
REPOSITORY: Final = "repository/"
CONFIG: Final = "config/"
_MANIFEST = re.compile(r"config/(?P<day>\d{4}/\d{2}/\d{2})/(?P<part>[a-z]+)/manifest-(?P<time>\d{6})\.json")


class BundleError(Exception):
    """The repository cannot be bundled, or the bundle would not give it back."""


@dataclass(frozen=True)
class Bundle:
    """A repository with its whole history in one file."""

    path: Path
    commit: str
    """What HEAD was, 40 hexadecimal digits."""
    sha256: str


def _git(folder: Path, *words: str) -> str:
    ran = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BundleError(f"git {words[0]}: {ran.stderr.strip() or 'failed'}")
    return ran.stdout.strip()


def bundle(folder: Path, into: Path) -> Bundle:
    """Put every branch and tag of the repository at `folder`, with its history, into one file in the folder `into`, and have Git check it.

    Raises:
        BundleError: it is no repository, has no commit, or is a shallow clone, whose history is not there to be saved.
    """
    if _git(folder, "rev-parse", "--is-shallow-repository") == "true":
        raise BundleError("the clone is shallow: its history is missing (actions/checkout: `fetch-depth: 0`)")
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    path = into / f"{commit}.bundle"
    _git(folder, "bundle", "create", str(path), "--all", "HEAD")
    # Against an empty repository: a bundle that needs commits from elsewhere restores nothing.
    empty = into / "empty.git"
    _git(into, "init", "--quiet", "--bare", str(empty))
    _git(empty, "bundle", "verify", str(path))
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Bundle(path, commit, digest.hexdigest())


def upload(client: Any, bucket: str, made: Bundle, now: datetime) -> str:
    """Write the bundle into the bucket, which locks it; S3 itself compares the hash. Its key.

    Raises:
        ClientError: AWS refuses, for want of rights or because what arrived has another hash.
    """
    key = f"{REPOSITORY}{now:%Y/%m/%d}/{made.commit}.bundle"
    with made.path.open("rb") as body:
        client.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType="application/x-git-bundle",
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=b64encode(bytes.fromhex(made.sha256)).decode(),
            Metadata={"commit": made.commit},
        )
    return key


@dataclass(frozen=True)
class Checked:
    """What reading one run's copies back gave."""

    part: str
    manifest: str
    """Key of the manifest."""
    at: datetime
    objects: int
    broken: tuple[str, ...]
    """Keys that are missing or have another hash."""
    failed: tuple[str, ...]
    """Sources that the run could not save."""

    @property
    def good(self) -> bool:
        """Whether every source was saved, and every object gives back what was saved."""
        return not self.broken and not self.failed


def _keys(client: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Contents", ()):
            yield one["Key"]


def newest_manifest(client: Any, bucket: str, part: str, day: str | None = None) -> str | None:
    """Key of the newest manifest of a part, of `day` (`2026/11/21`) where one is named; None without one."""
    found = [
        (match["day"], match["time"], key)
        for key in _keys(client, bucket, f"{CONFIG}{day}/{part}/" if day else CONFIG)
        if (match := _MANIFEST.fullmatch(key)) and match["part"] == part
    ]
    return max(found)[2] if found else None


def verify(client: Any, bucket: str, part: str, day: str | None = None) -> Checked | None:
    """Read back every object that the newest manifest names, in the version that it names, and compare size and SHA-256. None without one.

    Raises:
        ClientError: AWS refuses, other than for an object that is not there.
        ValueError: the manifest is none.
    """
    key = newest_manifest(client, bucket, part, day)
    if key is None:
        return None
    manifest = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    broken: list[str] = []
    try:
        for one in manifest["objects"]:
            version = {"VersionId": one["version"]} if one["version"] else {}
            try:
                body = client.get_object(Bucket=bucket, Key=one["key"], **version)["Body"].read()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}:
                    raise
                broken.append(one["key"])
                continue
            if (len(body), hashlib.sha256(body).hexdigest()) != (one["bytes"], one["sha256"]):
                broken.append(one["key"])
        return Checked(
            part, key, datetime.fromisoformat(manifest["at"]), len(manifest["objects"]), tuple(broken), tuple(sorted(manifest["failed"]))
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{key} is no manifest: {error}") from error
