"""Works on the machines' share of the recurring operations: takes them from the queue `operations`, looks, and reports to the owner by mail.

Configuration in the environment:

    STACK       prod                        for the report
    PREFIX      nautilus-prod               what the stack's names start with
    CLUSTER     nautilus-prod-cluster       the ECS cluster
    VAULT       nautilus-prod-backup        the backup vault
    TOPIC_ARN   arn:aws:sns:…               where reports go; a filter on `owner` decides whose mail it becomes

A report says what was found, never what to do: `passed` is false as soon as one line needs a person. A message that cannot be worked on is
not taken off the queue; after some tries it lies in the dead-letter queue, which has an alarm.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

_BOTO = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
FRESH_HOURS = 26
"""A recovery point a day, and the time until it is complete."""
KNOWN_DAYS = 8
"""What had a recovery point in this time holds data that must have a new one."""
_FAILED = ("ABORTED", "EXPIRED", "FAILED", "PARTIAL")
_SUBJECT = 100
"""Characters of a mail's subject (SNS)."""
_LINES = 200
"""Lines of a report: SNS takes 256 KB."""

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


@dataclass(frozen=True)
class Stack:
    """Where to look."""

    name: str
    prefix: str
    cluster: str
    vault: str
    topic_arn: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Stack:
        """From the function's environment.

        Raises:
            ValueError: a variable is missing: a check that looks nowhere must not report that all is well.
        """
        try:
            return cls(*(environment[key] for key in ("STACK", "PREFIX", "CLUSTER", "VAULT", "TOPIC_ARN")))
        except KeyError as missing:
            raise ValueError(f"the variable {missing} is not set") from None


def _pages(client: Any, call: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(call).paginate(**arguments):
        yield from page[key]


def system_health(stack: Stack, client: Callable[[str], Any], now: datetime) -> list[str]:  # noqa: ARG001 - every check has the same form
    """What is wrong with the stack at this moment: alarms that are on, services without their tasks, databases that are not available."""
    found = [
        f"alarm {alarm['AlarmName']} is on since {alarm['StateUpdatedTimestamp']:%Y-%m-%d %H:%M} UTC"
        for alarm in _pages(client("cloudwatch"), "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{stack.prefix}-", StateValue="ALARM")
        if alarm["StateValue"] == "ALARM"
    ]
    ecs = client("ecs")
    services = list(_pages(ecs, "list_services", "serviceArns", cluster=stack.cluster))
    for start in range(0, len(services), 10):
        found += [
            f"service {service['serviceName']} runs {service['runningCount']} of {service['desiredCount']} tasks"
            for service in ecs.describe_services(cluster=stack.cluster, services=services[start : start + 10])["services"]
            if service["runningCount"] < service["desiredCount"]
        ]
    found += [
        f"database {database['DBInstanceIdentifier']} is {database['DBInstanceStatus']}"
        for database in _pages(client("rds"), "describe_db_instances", "DBInstances")
        if database["DBInstanceIdentifier"].startswith(f"{stack.prefix}-") and database["DBInstanceStatus"] != "available"
    ]
    return found


def backup_verification(stack: Stack, client: Callable[[str], Any], now: datetime) -> list[str]:
    """What is wrong with the last day's backups: jobs that failed, and what holds data but has no new recovery point."""
    backup = client("backup")
    since = now - timedelta(hours=FRESH_HOURS)
    found = [
        f"backup of {job.get('ResourceArn', 'something')} ended {job['State']}: {job.get('StatusMessage', 'no reason given')}"
        for state in _FAILED
        for job in _pages(backup, "list_backup_jobs", "BackupJobs", ByBackupVaultName=stack.vault, ByCreatedAfter=since, ByState=state)
    ]
    newest: dict[str, datetime] = {}
    points = _pages(
        backup,
        "list_recovery_points_by_backup_vault",
        "RecoveryPoints",
        BackupVaultName=stack.vault,
        ByCreatedAfter=now - timedelta(days=KNOWN_DAYS),
    )
    for point in points:
        if point["Status"] in ("AVAILABLE", "COMPLETED"):
            resource = point["ResourceArn"]
            newest[resource] = max(newest.get(resource, point["CreationDate"]), point["CreationDate"])
    if not newest:
        found.append(f"vault {stack.vault} has no recovery point of the last {KNOWN_DAYS} days")
    found += [
        f"{resource} was last saved {created:%Y-%m-%d %H:%M} UTC, more than {FRESH_HOURS} hours ago"
        for resource, created in sorted(newest.items())
        if created < since
    ]
    return found


CHECKS: Mapping[str, Callable[[Stack, Callable[[str], Any], datetime], list[str]]] = {
    "daily-backup-verification": backup_verification,
    "daily-system-health": system_health,
}
"""Every operation that a machine does, by its name in the calendar."""


def work(body: str, stack: Stack, client: Callable[[str], Any], now: datetime) -> dict[str, Any]:
    """Do one operation and send its report.

    Raises:
        ValueError: The message is none of the calendar's, or of an operation that no machine does.
    """
    message = json.loads(body)
    if not isinstance(message, dict) or not isinstance(message.get("operation"), str):
        raise ValueError("the message names no operation")
    name = message["operation"]
    if name not in CHECKS:
        raise ValueError(f"no machine does {name}")
    found = CHECKS[name](stack, client, now)
    report = {
        "operation": name,
        "stack": stack.name,
        "owner": message.get("owner", ""),
        "passed": not found,
        "found": found[:_LINES],
        "more": max(0, len(found) - _LINES),
        "due": message.get("due", ""),
        "looked": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "page": message.get("page", ""),
    }
    words = "all well" if not found else f"{len(found)} to look at"
    client("sns").publish(
        TopicArn=stack.topic_arn, Subject=f"{stack.name}: {name}: {words}"[:_SUBJECT], Message=json.dumps(report, indent=2)
    )
    return report


def handler(event: Any, context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Entry point: messages of the queue, in batches. What failed is named, and comes again."""
    stack = Stack.read(os.environ)
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            report = work(record["body"], stack, lambda service: boto3.client(service, config=_BOTO), datetime.now(UTC))
            log.info("%s: %d to look at", report["operation"], len(report["found"]))
        except Exception:
            log.exception("message %s could not be worked on", record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
