"""Saves the configuration of the stack: every source by itself, a manifest over all of them, metrics about how it went.

    config/2026/11/21/application/parameters/parameters.json
    config/2026/11/21/application/manifest-030012.json

Called by schedules with `{"part": "application"}` at 03:00 UTC and `{"part": "system"}` at 04:00 (seed 003). A source that fails is named in
the manifest and counted; the others are saved all the same. The bucket locks every version that is written, so a run again on the same day
adds versions and takes none away: the manifest names each object with its version and SHA-256.

Published on every run, in the stack's namespace:

    ConfigRuns                 1 for a run that wrote its manifest; silence means that nobody saves
    ConfigSourcesFailed        sources that could not be read or written
    ConfigObjectsWritten       objects, without the manifest
    RepositoryBundleAgeHours   age of the newest Git bundle under repository/ (`application` only; nothing while there is none)
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from lambdas.config_backup import application, system
    from lambdas.config_backup.scope import Aws, Item, Settings
else:  # Lambda puts the files side by side
    import application
    import system
    from scope import Aws, Item, Settings

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)

Source = Callable[[Aws], Iterator[Item]]

SOURCES: Mapping[str, Mapping[str, Source]] = {
    "application": {
        "certificates": application.certificates,
        "containers": application.task_definitions,
        "images": application.images,
        "parameters": application.parameters,
        "state": application.state,
    },
    "system": {
        "access": system.access,
        "alarms": system.alarms,
        "dashboards": system.dashboards,
        "egress-firewall": system.egress_firewall,
        "name-firewall": system.name_firewall,
        "network": system.network,
        "servers": system.servers,
        "web-firewall": system.web_firewall,
    },
}
"""What is saved when, by the name under which it is saved."""

REPOSITORY = "repository/"
"""Where the pipeline puts Git bundles (`nautilus backup repository`)."""


def put(aws: Aws, key: str, body: bytes) -> dict[str, Any]:
    """Write one object; S3 itself compares the hash with what arrived. Its line of the manifest."""
    digest = hashlib.sha256(body)
    answer = aws.client("s3").put_object(
        Bucket=aws.settings.bucket,
        Key=key,
        Body=body,
        ContentType="application/json" if key.endswith(".json") else "application/octet-stream",
        ChecksumAlgorithm="SHA256",
        ChecksumSHA256=b64encode(digest.digest()).decode(),
    )
    return {"key": key, "version": answer.get("VersionId"), "sha256": digest.hexdigest(), "bytes": len(body)}


def save(aws: Aws, sources: Mapping[str, Source], folder: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Read and write every source: the manifest's lines, and what failed by source.

    A source is written only when all of it was read: half a list would look like a whole one.
    """
    written: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for name, source in sources.items():
        try:
            items = list(source(aws))
            written += [put(aws, f"{folder}/{name}/{item.name}", item.body) for item in items]
        except Exception as error:
            log.exception("source %s was not saved", name)
            failed[name] = f"{type(error).__name__}: {error}"[:500]
    return written, failed


def newest_bundle(aws: Aws) -> datetime | None:
    """When the newest Git bundle was uploaded; None while there is none."""
    times = [one["LastModified"] for one in aws.objects(aws.settings.bucket, REPOSITORY) if one["Key"].endswith(".bundle")]
    return max(times, default=None)


def run(aws: Aws, part: str, now: datetime, sources: Mapping[str, Source] | None = None) -> dict[str, Any]:
    """One run: objects, manifest, metrics. The manifest.

    Raises:
        ValueError: there is no such part.
    """
    if part not in SOURCES:
        raise ValueError(f"there is no part {part!r} (accepted: {', '.join(SOURCES)})")
    folder = f"config/{now:%Y/%m/%d}/{part}"
    written, failed = save(aws, SOURCES[part] if sources is None else sources, folder)
    metrics = {"ConfigRuns": 1.0, "ConfigSourcesFailed": float(len(failed)), "ConfigObjectsWritten": float(len(written))}
    manifest: dict[str, Any] = {
        "stack": aws.settings.prefix,
        "part": part,
        "at": now.isoformat(timespec="seconds"),
        "objects": sorted(written, key=lambda one: one["key"]),
        "failed": failed,
    }
    if part == "application" and (newest := newest_bundle(aws)):
        manifest["repository"] = newest.isoformat(timespec="seconds")
        metrics["RepositoryBundleAgeHours"] = max((now - newest).total_seconds() / 3600, 0.0)
    body = json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n"
    manifest["manifest"] = put(aws, f"{folder}/manifest-{now:%H%M%S}.json", body)
    data = [{"MetricName": name, "Value": value, "Unit": "None" if "Age" in name else "Count"} for name, value in metrics.items()]
    aws.client("cloudwatch").put_metric_data(Namespace=aws.settings.namespace, MetricData=data)
    return manifest


def handler(event: Any, context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Entry point of the Lambda function. What it returns is for people who invoke it by hand."""
    manifest = run(Aws(Settings.read(os.environ)), event["part"], datetime.now(UTC))
    log.info(json.dumps({"part": manifest["part"], "objects": len(manifest["objects"]), "failed": manifest["failed"]}))
    return manifest
