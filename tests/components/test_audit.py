"""The CloudTrail trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from infra.components.audit import Audit, bucket_statements, trail_name
from tests.components.compute import ACCOUNT, KEY, REGION, Stack, context, synth


@dataclass
class Bucket:
    name: pulumi.Output[str]
    arn: pulumi.Output[str]


def build() -> Stack:
    def run() -> dict[str, Any]:
        bucket = Bucket(pulumi.Output.from_input("trail-bucket"), pulumi.Output.from_input("arn:aws:s3:::trail-bucket"))
        audit = Audit("audit", context(), bucket=bucket, key_arn=KEY, log_key_arn=KEY)
        return {"arn": audit.trail_arn}

    return synth(run)


def test_every_region_is_recorded_validated_and_encrypted() -> None:
    made = build().one("Trail")
    assert made["isMultiRegionTrail"] is True
    assert made["includeGlobalServiceEvents"] is True
    assert made["enableLogFileValidation"] is True
    assert made["enableLogging"] is True
    assert (made["kmsKeyId"], made["s3BucketName"]) == (KEY, "trail-bucket")


def test_events_are_searchable_in_a_managed_log_group() -> None:
    stack = build()
    log = stack.one("LogGroup")
    made = stack.one("Trail")
    assert made["cloudWatchLogsGroupArn"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{log['name']}:*"
    assert made["cloudWatchLogsRoleArn"] == "arn:audit-role"
    assert (log["kmsKeyId"], log["retentionInDays"]) == (KEY, 365)
    assert "audit-policy" in made.depends_on


def test_objects_are_recorded_except_the_trails_own() -> None:
    management, objects = build().one("Trail")["advancedEventSelectors"]
    assert management["fieldSelectors"] == [{"field": "eventCategory", "equals": ["Management"]}]
    assert {one["field"]: one for one in objects["fieldSelectors"]} == {
        "eventCategory": {"field": "eventCategory", "equals": ["Data"]},
        "resources.type": {"field": "resources.type", "equals": ["AWS::S3::Object"]},
        "resources.ARN": {"field": "resources.ARN", "notStartsWiths": ["arn:aws:s3:::trail-bucket/"]},
    }


def test_the_bucket_admits_this_trail_by_names_known_beforehand() -> None:
    ctx = context()
    acl, write = bucket_statements(ctx, "trail-bucket")
    trail = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{trail_name(ctx)}"
    assert trail_name(ctx) == build().one("Trail")["name"]
    assert {one["Condition"]["StringEquals"]["aws:SourceArn"] for one in (acl, write)} == {trail}
    assert write["Resource"] == f"arn:aws:s3:::trail-bucket/AWSLogs/{ACCOUNT}/*"
