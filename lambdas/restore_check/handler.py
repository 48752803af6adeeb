"""Judges what AWS Backup's restore tests restored, tells AWS Backup, and publishes how long it took and how much was lost.

Runs outside the VPC, because it speaks to AWS's APIs alone; what has to reach a database is asked of the function `COMPARE`, which stands
in the VPC. Two events wake it: the end of a restore job (EventBridge), and every six hours `{"kind": "age"}`. The environment:

    NAMESPACE   CloudWatch namespace of the stack
    PLANS       JSON list: ARNs of the restore testing plans whose jobs are judged; a restore that a person began is left alone
    TYPES       JSON list: resource types that a test must have proved, such as RDS
    COMPARE     name of the function that compares databases
    LIVE        JSON: `host`, `port` and `database` of the live database

Published: RestoreChecked (1 a job), RestoreFailed (1 or 0), RestoreRto (seconds from the job's start to the first answer), RestoreRpo
(seconds that the restored database's newest row is behind), each also by ResourceType; and RestoreAgeDays, the age of the oldest among the
newest proofs of `TYPES`.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

_BOTO = Config(connect_timeout=5, read_timeout=900, retries={"mode": "standard", "total_max_attempts": 3})
_ONCE = Config(connect_timeout=5, read_timeout=900, retries={"total_max_attempts": 1}, tcp_keepalive=True)
"""For the comparison, whose answer takes minutes: on the way there a silent connection is cut after 350 seconds."""
UNPROVED_DAYS = 60
"""The age of a proof that is not there; the jobs of as many days are looked through."""
MESSAGE_LIMIT = 1000

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


@dataclass(frozen=True)
class Settings:
    """What to judge, and how."""

    namespace: str
    plans: frozenset[str]
    types: tuple[str, ...]
    compare: str
    live: Mapping[str, Any]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """From the function's environment.

        Raises:
            ValueError: A variable is missing or cannot be read. The run then fails, and the function's alarm is raised.
        """
        try:
            plans, types, live = (json.loads(environment[name]) for name in ("PLANS", "TYPES", "LIVE"))
            return cls(environment["NAMESPACE"], frozenset(plans), tuple(types), environment["COMPARE"], live)
        except KeyError as missing:
            raise ValueError(f"the variable {missing} is not set") from None


@dataclass(frozen=True)
class Outcome:
    """What was found about one restored resource."""

    problems: tuple[str, ...]
    words: str
    answer_seconds: float = 0.0
    rpo_seconds: float | None = None


def last(arn: str) -> str:
    """The name or id at the end of an ARN."""
    return arn.rpartition(":")[2].rpartition("/")[2]


def reference(job: Mapping[str, Any]) -> datetime:
    """The time that the restored data is of: the snapshot's, or for a restore from the log the job's start."""
    if ":continuous:" in job["RecoveryPointArn"]:
        return job["CreationDate"]
    return job.get("RecoveryPointCreationDate") or job["CreationDate"]


def check_database(job: Mapping[str, Any], settings: Settings) -> Outcome:
    """RDS: opened, counted and compared with the live database, by the function in the VPC."""
    identifier = last(job["CreatedResourceArn"])
    [instance] = boto3.client("rds", config=_BOTO).describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
    problems = [] if instance["StorageEncrypted"] else ["the restored instance is not encrypted"]
    if instance.get("PubliclyAccessible"):
        problems.append("the restored instance has a public address")
    endpoint = instance["Endpoint"]
    question = {
        "restored": {"host": endpoint["Address"], "port": endpoint["Port"]},
        "live": {"host": settings.live["host"], "port": settings.live["port"]},
        "database": settings.live["database"],
        "reference": reference(job).astimezone(UTC).isoformat(),
    }
    response = boto3.client("lambda", config=_ONCE).invoke(FunctionName=settings.compare, Payload=json.dumps(question).encode())
    answer = json.loads(response["Payload"].read())
    if response.get("FunctionError"):
        return Outcome((*problems, f"the comparison itself failed: {answer.get('errorType', 'error')}"), "not compared")
    problems += answer["problems"]
    return Outcome(
        tuple(problems), f"{answer['tables']} tables, {answer['rows']} rows", answer["answerSeconds"] or 0.0, answer["rpoSeconds"]
    )


def check_volume(job: Mapping[str, Any], settings: Settings) -> Outcome:  # noqa: ARG001 - one signature for all
    """EBS: the volume is there, encrypted, and not empty. What lies on it is proved by TimescaleDB's own restore from pgBackRest."""
    [volume] = boto3.client("ec2", config=_BOTO).describe_volumes(VolumeIds=[last(job["CreatedResourceArn"])])["Volumes"]
    problems = [] if volume["State"] in ("available", "in-use") else [f"the restored volume is {volume['State']}"]
    if not volume["Encrypted"]:
        problems.append("the restored volume is not encrypted")
    return Outcome(tuple(problems), f"{volume['Size']} GiB")


def check_files(job: Mapping[str, Any], settings: Settings) -> Outcome:  # noqa: ARG001 - one signature for all
    """EFS: the file system is available and encrypted."""
    found = boto3.client("efs", config=_BOTO).describe_file_systems(FileSystemId=last(job["CreatedResourceArn"]))
    [files] = found["FileSystems"]
    problems = [] if files["LifeCycleState"] == "available" else [f"the restored file system is {files['LifeCycleState']}"]
    if not files.get("Encrypted"):
        problems.append("the restored file system is not encrypted")
    return Outcome(tuple(problems), f"{files['SizeInBytes']['Value']} bytes")


def check_table(job: Mapping[str, Any], settings: Settings) -> Outcome:  # noqa: ARG001 - one signature for all
    """DynamoDB: the table is active and can be read."""
    client, name = boto3.client("dynamodb", config=_BOTO), last(job["CreatedResourceArn"])
    state = client.describe_table(TableName=name)["Table"]["TableStatus"]
    if state != "ACTIVE":
        return Outcome((f"the restored table is {state}",), "not read")
    count = client.scan(TableName=name, Select="COUNT")["Count"]
    return Outcome((), f"{count} items on the first page")


CHECKS = {"RDS": check_database, "EBS": check_volume, "EFS": check_files, "DynamoDB": check_table}


def judge(job: Mapping[str, Any], settings: Settings) -> Outcome:
    """What is to be said about one restore job that has come to its end."""
    if job["Status"] != "COMPLETED":
        return Outcome((f"the restore ended {job['Status']}: {job.get('StatusMessage', 'no reason given')}",), "not restored")
    check = CHECKS.get(job["ResourceType"])
    if check is None:
        return Outcome((f"nobody knows how to check a restored {job['ResourceType']}",), "not checked")
    return check(job, settings)


def measures(job: Mapping[str, Any], outcome: Outcome) -> dict[str, tuple[float, str]]:
    """Metrics of a judged job: value and unit by name."""
    values: dict[str, tuple[float, str]] = {
        "RestoreChecked": (1.0, "Count"),
        "RestoreFailed": (1.0 if outcome.problems else 0.0, "Count"),
    }
    if job["Status"] == "COMPLETED":
        took = (job["CompletionDate"] - job["CreationDate"]).total_seconds()
        values["RestoreRto"] = (took + outcome.answer_seconds, "Seconds")
    if outcome.rpo_seconds is not None:
        values["RestoreRpo"] = (outcome.rpo_seconds, "Seconds")
    return values


def publish(namespace: str, values: Mapping[str, tuple[float, str]], kind: str | None = None) -> None:
    """Send the metrics; where a resource type is given, a second time with it as a dimension."""
    data: list[dict[str, Any]] = []
    for name, (value, unit) in values.items():
        data.append({"MetricName": name, "Value": value, "Unit": unit})
        if kind:
            data.append({"MetricName": name, "Value": value, "Unit": unit, "Dimensions": [{"Name": "ResourceType", "Value": kind}]})
    boto3.client("cloudwatch", config=_BOTO).put_metric_data(Namespace=namespace, MetricData=data)


def on_job(job_id: str, settings: Settings) -> dict[str, Any]:
    """Judge one restore job, tell AWS Backup, and publish. A job of somebody else, or one that is judged already, is left alone."""
    backup = boto3.client("backup", config=_BOTO)
    job = backup.describe_restore_job(RestoreJobId=job_id)
    if job.get("CreatedBy", {}).get("RestoreTestingPlanArn") not in settings.plans:
        return {"job": job_id, "judged": False, "why": "not one of this stack's restore tests"}
    if job.get("ValidationStatus") in ("SUCCESSFUL", "FAILED"):
        return {"job": job_id, "judged": False, "why": f"judged before: {job['ValidationStatus']}"}
    outcome = judge(job, settings)
    values = measures(job, outcome)
    message = "; ".join(outcome.problems) or f"opened: {outcome.words}"
    publish(settings.namespace, values, job["ResourceType"])
    if job["Status"] == "COMPLETED":
        # Last, so that a run which fails before it is repeated as a whole.
        backup.put_restore_validation_result(
            RestoreJobId=job_id,
            ValidationStatus="FAILED" if outcome.problems else "SUCCESSFUL",
            ValidationStatusMessage=message[:MESSAGE_LIMIT],
        )
    for problem in outcome.problems:
        log.error("restore job %s: %s", job_id, problem)
    return {
        "job": job_id,
        "judged": True,
        "problems": list(outcome.problems),
        "words": message,
        "values": {k: v for k, (v, _) in values.items()},
    }


def age_days(settings: Settings, now: datetime) -> dict[str, float]:
    """Days since the newest successful proof of each type that must be proved; `UNPROVED_DAYS` where there is none."""
    proofs: dict[str, list[datetime]] = {}
    pages = boto3.client("backup", config=_BOTO).get_paginator("list_restore_jobs")
    for page in pages.paginate(ByStatus="COMPLETED", ByCreatedAfter=now - timedelta(days=UNPROVED_DAYS)):
        for job in page["RestoreJobs"]:
            ours = job.get("CreatedBy", {}).get("RestoreTestingPlanArn") in settings.plans
            when = job.get("CompletionDate")
            if ours and when and job.get("ValidationStatus") == "SUCCESSFUL":
                proofs.setdefault(job["ResourceType"], []).append(when)
    ages = {kind: (now - max(times)).total_seconds() / 86_400 for kind, times in proofs.items()}
    return {kind: round(ages.get(kind, UNPROVED_DAYS), 2) for kind in settings.types}


def handler(event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Entry point of the Lambda function. What it returns is for people who invoke it by hand."""
    settings = Settings.read(os.environ)
    if event.get("kind") == "age":
        ages = age_days(settings, datetime.now(UTC))
        publish(settings.namespace, {"RestoreAgeDays": (max(ages.values()), "None")})
        return {"ageDays": ages}
    return on_job(event["detail"]["restoreJobId"], settings)
