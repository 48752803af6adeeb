"""Rules of AWS Backup, CloudWatch, EventBridge, CloudTrail and Systems Manager."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

from nautilus.sandbox.simulation.rules import Finding, RuleContext, arn, listed, number, rule, truth
from nautilus.sandbox.simulation.values import UNKNOWN, is_list, is_map, shown

_PLAN = "aws:backup/plan:Plan"
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS = (("minutes", 0, 59), ("hours", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 1, 7), ("year", 1970, 2199))


def schedule_problem(text: str, *, rates: bool = True) -> str | None:
    """What is wrong with an AWS schedule expression (`cron(…)` of six fields, `rate(…)`, `at(…)`), or None."""
    if re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)", text):
        return None
    rate = re.fullmatch(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)", text)
    if rate:
        if not rates:
            return "must be cron(…)"
        count, unit = int(rate[1]), rate[2]
        if count < 1 or (count == 1) == unit.endswith("s"):
            return "a rate is like rate(1 hour) or rate(5 minutes)"
        return None
    cron = re.fullmatch(r"cron\((.+)\)", text)
    if cron is None:
        return "must be cron(…)" + (" or rate(…)" if rates else "")
    fields = cron[1].split()
    if len(fields) != 6:
        return f"has {len(fields)} fields, but AWS wants six: minutes hours day-of-month month day-of-week year"
    if (fields[2] == "?") == (fields[4] == "?"):
        return "must have ? as exactly one of day-of-month and day-of-week"
    for value, (name, low, high) in zip(fields, _FIELDS, strict=True):
        if not _field_ok(value, name, low, high):
            return f"has {value!r} as {name} ({low} to {high})"
    return None


def _field_ok(value: str, name: str, low: int, high: int) -> bool:
    for part in value.split(","):
        base, _, step = part.partition("/")
        if step and not step.isdigit():
            return False
        if base in {"*", "?"}:
            continue
        if name == "day of month" and (base in {"L", "LW"} or re.fullmatch(r"\d{1,2}W", base)):
            continue
        if name == "day of week" and re.fullmatch(r"(\d|[A-Z]{3})(L|#[1-5])?", base.upper()):
            day = base.upper().rstrip("L").partition("#")[0]
            if day in _DAYS or (day.isdigit() and low <= int(day) <= high) or base.upper() == "L":
                continue
            return False
        names = {"month": _MONTHS, "day of week": _DAYS}.get(name, [])
        ends = [str(names.index(end.upper()) + low) if end.upper() in names else end for end in base.split("-")]
        if not 1 <= len(ends) <= 2 or not all(end.isdigit() and low <= int(end) <= high for end in ends):
            return False
    return True


@rule("backup-lifecycle", "AWS Backup Lifecycle: cold storage for 90 days at least; continuous backups live 1 to 35 days", _PLAN)
def backup_lifecycle(ctx: RuleContext) -> Iterator[Finding]:
    """Retention that AWS Backup refuses."""
    names: list[Any] = []
    for index, each in enumerate(ctx.items("rules")):
        if not is_map(each):
            continue
        path = f"rules[{index}]"
        if each.get("ruleName") in names:
            yield f"{path}.ruleName", f"is {shown(each.get('ruleName'))}, which another rule has too"
        names.append(each.get("ruleName"))
        life = each.get("lifecycle")
        yield from _lifecycle(life, f"{path}.lifecycle")
        for position, copy in enumerate(listed(each.get("copyActions"))):
            if is_map(copy):
                yield from _lifecycle(copy.get("lifecycle"), f"{path}.copyActions[{position}].lifecycle")
                vault = copy.get("destinationVaultArn")
                if isinstance(vault, str) and (found := arn(vault)) is not None and found.service != "backup":
                    yield f"{path}.copyActions[{position}].destinationVaultArn", f"is {shown(vault)}, but must be the ARN of a backup vault"
        if truth(each.get("enableContinuousBackup")):
            days = number(life.get("deleteAfter")) if is_map(life) else None
            if days is None and not (is_map(life) and life.get("deleteAfter") is UNKNOWN):
                yield f"{path}.lifecycle.deleteAfter", "is missing, but continuous backups live 1 to 35 days"
            elif days is not None and not 1 <= days <= 35:
                yield f"{path}.lifecycle.deleteAfter", f"is {days:g}, but continuous backups live 1 to 35 days"
            if is_map(life) and number(life.get("coldStorageAfter")):
                yield f"{path}.lifecycle.coldStorageAfter", "is given, but continuous backups have no cold storage"
        schedule = each.get("schedule")
        if isinstance(schedule, str) and (problem := schedule_problem(schedule)):
            yield f"{path}.schedule", f"is {shown(schedule)}: {problem}"
        start, complete = number(each.get("startWindow")), number(each.get("completionWindow"))
        if start is not None and complete is not None and complete < start + 60:
            yield f"{path}.completionWindow", f"is {complete:g} minutes, but must be at least 60 more than startWindow ({start:g})"


def _lifecycle(life: Any, path: str) -> Iterator[Finding]:
    if not is_map(life):
        return
    cold, delete = number(life.get("coldStorageAfter")), number(life.get("deleteAfter"))
    if cold and delete and delete < cold + 90:
        yield f"{path}.deleteAfter", f"is {delete:g} days, but must be at least 90 days after coldStorageAfter ({cold:g})"


@rule(
    "backup-vault-lock",
    "AWS Backup PutBackupVaultLockConfiguration: minimum ≤ maximum retention, in days",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
)
def vault_lock(ctx: RuleContext) -> Iterator[Finding]:
    """Locks that contradict themselves."""
    low, high = ctx.number("minRetentionDays"), ctx.number("maxRetentionDays")
    if low is not None and low < 1:
        yield "minRetentionDays", f"is {low:g}, but must be 1 or more"
    if high is not None and not 1 <= high <= 36500:
        yield "maxRetentionDays", f"is {high:g}, but AWS accepts 1 to 36500"
    if low is not None and high is not None and low > high:
        yield "minRetentionDays", f"is {low:g}, above maxRetentionDays {high:g}"


@rule("backup-lock-retention", "AWS Backup vault lock: jobs whose retention the lock refuses fail later, silently", _PLAN)
def lock_retention(ctx: RuleContext) -> Iterator[Finding]:
    """Retention outside the lock of the rule's vault."""
    locks = {known.get("backupVaultName"): known for known in ctx.run.of_token("aws:backup/vaultLockConfiguration:VaultLockConfiguration")}
    for index, each in enumerate(ctx.items("rules")):
        lock = locks.get(each.get("targetVaultName")) if is_map(each) and isinstance(each.get("targetVaultName"), str) else None
        if lock is None:
            continue
        life = each.get("lifecycle")
        days = number(life.get("deleteAfter")) if is_map(life) else None
        low, high = number(lock.get("minRetentionDays")), number(lock.get("maxRetentionDays"))
        if days is not None and ((low is not None and days < low) or (high is not None and days > high)):
            yield (
                f"rules[{index}].lifecycle.deleteAfter",
                f"is {days:g} days, but the vault's lock accepts {low or 1:g} to {high or 36500:g}",
            )


@rule(
    "backup-restore-test",
    "AWS Backup restore testing: schedule, validation window 1 to 168 hours",
    "aws:backup/restoreTestingPlan:RestoreTestingPlan",
)
def restore_test(ctx: RuleContext) -> Iterator[Finding]:
    """Restore tests that AWS Backup refuses."""
    schedule = ctx.text("scheduleExpression")
    if schedule is not None and (problem := schedule_problem(schedule, rates=False)):
        yield "scheduleExpression", f"is {shown(schedule)}: {problem}"
    window = ctx.number("startWindowHours")
    if window is not None and not 1 <= window <= 168:
        yield "startWindowHours", f"is {window:g}, but AWS accepts 1 to 168"


_KINDS = {"RDS": "rds", "EBS": "ec2", "EFS": "elasticfilesystem", "DynamoDB": "dynamodb", "S3": "s3", "EC2": "ec2", "Aurora": "rds"}


@rule(
    "backup-restore-selection",
    "AWS Backup RestoreTestingSelectionForCreate: ARNs of the type, at most 30, or conditions, not both",
    "aws:backup/restoreTestingSelection:RestoreTestingSelection",
)
def restore_selection(ctx: RuleContext) -> Iterator[Finding]:
    """Selections of a restore test that AWS Backup refuses, or that restore nothing."""
    arns, conditions = ctx.inputs.get("protectedResourceArns"), ctx.inputs.get("protectedResourceConditions")
    if arns and conditions:
        yield "protectedResourceConditions", "is given together with protectedResourceArns; give one"
    if arns in (None, []) and conditions is None:
        yield "protectedResourceArns", "is missing: give protectedResourceArns or protectedResourceConditions"
    if is_list(arns) and len(arns) > 30:
        yield "protectedResourceArns", f"names {len(arns)} resources, but AWS accepts 30"
    service = _KINDS.get(ctx.text("protectedResourceType") or "")
    for index, each in enumerate(arns if is_list(arns) else []):
        found = arn(each)
        if found is not None and service is not None and found.service != service:
            yield f"protectedResourceArns[{index}]", f"is {shown(each)}, which is no {ctx.text('protectedResourceType')}"


_CONTROLS: Mapping[str, tuple[str, ...]] = {
    "BACKUP_LAST_RECOVERY_POINT_CREATED": ("recoveryPointAgeUnit", "recoveryPointAgeValue"),
    "BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK": ("requiredFrequencyUnit", "requiredFrequencyValue", "requiredRetentionDays"),
    "BACKUP_RECOVERY_POINT_ENCRYPTED": (),
    "BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED": ("principalArnList",),
    "BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK": ("requiredRetentionDays",),
    "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN": (),
    "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK": ("maxRetentionDays", "minRetentionDays"),
    "BACKUP_RESOURCES_PROTECTED_BY_CROSS_ACCOUNT": ("crossAccountList",),
    "BACKUP_RESOURCES_PROTECTED_BY_CROSS_REGION": ("crossRegionList",),
    "RESTORE_TIME_FOR_RESOURCES_MEET_TARGET": ("maxRestoreTime",),
}
"""AWS Backup Audit Manager's controls and the parameters that each knows."""


@rule("backup-framework", "AWS Backup Audit Manager: known controls and parameters, each control once", "aws:backup/framework:Framework")
def framework(ctx: RuleContext) -> Iterator[Finding]:
    """Frameworks whose deployment would fail."""
    seen: list[str] = []
    for index, each in enumerate(ctx.items("controls")):
        name = each.get("name") if is_map(each) else None
        if not isinstance(name, str):
            continue
        if name not in _CONTROLS:
            yield f"controls[{index}].name", f"is {shown(name)}, which is no control of Audit Manager"
            continue
        if name in seen:
            yield f"controls[{index}].name", f"is {shown(name)}, given twice"
        seen.append(name)
        for position, parameter in enumerate(listed(each.get("inputParameters"))):
            key = parameter.get("name") if is_map(parameter) else None
            if isinstance(key, str) and key not in _CONTROLS[name]:
                yield f"controls[{index}].inputParameters[{position}].name", f"is {shown(key)}, which {name} does not know"
        scope = each.get("scope")
        if is_map(scope) and is_map(scope.get("tags")) and len(scope["tags"]) > 1:
            yield f"controls[{index}].scope.tags", f"has {len(scope['tags'])} tags, but a control's scope takes one"


@rule(
    "backup-report",
    "AWS Backup ReportSetting: compliance reports name their frameworks, job reports none",
    "aws:backup/reportPlan:ReportPlan",
)
def report(ctx: RuleContext) -> Iterator[Finding]:
    """Reports about nothing."""
    setting = ctx.inputs.get("reportSetting")
    template = setting.get("reportTemplate") if is_map(setting) else None
    if not is_map(setting) or not isinstance(template, str):
        return
    frameworks = setting.get("frameworkArns")
    if template.endswith("_COMPLIANCE_REPORT") and frameworks in (None, []):
        yield "reportSetting.frameworkArns", f"is missing, but {template} is about frameworks"
    if template.endswith("_JOB_REPORT") and frameworks not in (None, []) and frameworks is not UNKNOWN:
        yield "reportSetting.frameworkArns", f"is given, but {template} is about jobs"


@rule("backup-selection", "AWS Backup BackupSelection: resources, tags or conditions", "aws:backup/selection:Selection")
def selection(ctx: RuleContext) -> Iterator[Finding]:
    """Selections that select nothing."""
    if all(ctx.inputs.get(name) in (None, []) for name in ("resources", "selectionTags", "conditions", "notResources")):
        yield "resources", "is missing: give resources, selectionTags or conditions"


# ------------------------------------------------------------------ alarms

_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


@rule("alarm-metric", "CloudWatch PutMetricAlarm: one metric with a statistic, or metric queries", _ALARM)
def alarm_metric(ctx: RuleContext) -> Iterator[Finding]:
    """Alarms that watch nothing, or two things."""
    queries = ctx.items("metricQueries")
    single = not ctx.absent("metricName")
    if queries and single:
        yield "metricQueries", "is given together with metricName; give one"
    if not queries and not single and ctx.inputs.get("metricQueries") is not UNKNOWN:
        yield "metricName", "is missing: give metricName and namespace, or metricQueries"
    if single:
        for name in ("namespace", "period"):
            if ctx.absent(name):
                yield name, "is missing, but metricName is given"
        given = [name for name in ("statistic", "extendedStatistic") if not ctx.absent(name)]
        if len(given) != 1:
            yield "statistic", f"{len(given)} of statistic and extendedStatistic are given, but an alarm takes one"
    if ctx.absent("threshold") and ctx.absent("thresholdMetricId"):
        yield "threshold", "is missing"
    extended = ctx.text("extendedStatistic")
    if extended is not None and not re.fullmatch(
        r"(p\d{1,2}(\.\d{1,10})?|p100|(tm|wm|tc|ts|pr|iqm).*|TM\(.*\)|WM\(.*\)|PR\(.*\)|TC\(.*\)|TS\(.*\)|IQM)", extended
    ):
        yield "extendedStatistic", f"is {shown(extended)}, but must be a percentile such as p95, or tm, wm, tc, ts, pr, iqm"
    identities = [each.get("id") for each in queries if is_map(each)]
    returning = [each for each in queries if is_map(each) and truth(each.get("returnData"))]
    if queries and len(returning) != 1 and not any(is_map(each) and each.get("returnData") is UNKNOWN for each in queries):
        yield "metricQueries", f"return data from {len(returning)} queries, but exactly one must"
    for index, each in enumerate(queries):
        if not is_map(each):
            continue
        identity = each.get("id")
        if isinstance(identity, str) and not re.fullmatch(r"[a-z][A-Za-z0-9_]{0,254}", identity):
            yield (
                f"metricQueries[{index}].id",
                f"is {shown(identity)}, but starts with a lower-case letter and takes letters, digits and underscores",
            )
        if identities.count(identity) > 1:
            yield f"metricQueries[{index}].id", f"is {shown(identity)}, given twice"
        if (each.get("metric") is None) == (each.get("expression") is None):
            yield f"metricQueries[{index}]", "takes either metric or expression"
        metric = each.get("metric")
        period = number(metric.get("period")) if is_map(metric) else None
        yield from _span(ctx, period, f"metricQueries[{index}].metric.period")


def _span(ctx: RuleContext, period: float | None, path: str) -> Iterator[Finding]:
    times = ctx.number("evaluationPeriods")
    if period is None or times is None:
        return
    longest = 604800 if period >= 3600 else 86400
    if period * times > longest:
        yield (
            path,
            f"is {period:g} s times {times:g} evaluation periods, but CloudWatch looks back {longest // 86400} day{'s' if longest > 86400 else ''} at most",
        )


@rule("alarm-evaluation", "CloudWatch PutMetricAlarm: datapoints ≤ evaluation periods; a day of data; five actions", _ALARM)
def alarm_evaluation(ctx: RuleContext) -> Iterator[Finding]:
    """Alarms that could never fire."""
    times, points = ctx.number("evaluationPeriods"), ctx.number("datapointsToAlarm")
    if times is not None and times < 1:
        yield "evaluationPeriods", f"is {times:g}, but must be 1 or more"
    if times is not None and points is not None and not 1 <= points <= times:
        yield "datapointsToAlarm", f"is {points:g}, but must be 1 to evaluationPeriods ({times:g})"
    yield from _span(ctx, ctx.number("period"), "period")
    period = ctx.number("period")
    if period is not None and period < 60 and (ctx.text("namespace") or "").startswith("AWS/"):
        yield "period", f"is {period:g} s, but metrics of {ctx.text('namespace')} come once a minute"
    missing = ctx.text("treatMissingData")
    if missing is not None and missing not in {"missing", "ignore", "breaching", "notBreaching"}:
        yield "treatMissingData", f"is {shown(missing)}, but AWS accepts missing, ignore, breaching, notBreaching"
    yield from _alarm_actions(ctx)


def _alarm_actions(ctx: RuleContext) -> Iterator[Finding]:
    for name in ("alarmActions", "okActions", "insufficientDataActions"):
        values = ctx.get(name)
        if is_list(values) and len(values) > 5:
            yield name, f"names {len(values)}, but AWS accepts 5"
        for index, each in enumerate(values if is_list(values) else []):
            found = arn(each)
            if isinstance(each, str) and found is None:
                yield f"{name}[{index}]", f"is {shown(each)}, but must be an ARN"
            elif found is not None and found.service == "sns" and found.region != ctx.region:
                yield f"{name}[{index}]", f"is a topic of {found.region}, but the alarm is in {ctx.region}"
            elif found is not None and found.service == "sns" and found.resource.count(":"):
                yield f"{name}[{index}]", f"is {shown(each)}, a subscription; name the topic"


@rule(
    "alarm-composite",
    "CloudWatch PutCompositeAlarm: rule expressions of 10240 characters, at most 5 actions",
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
)
def composite(ctx: RuleContext) -> Iterator[Finding]:
    """Expressions that CloudWatch cannot read."""
    text = ctx.text("alarmRule")
    if text is not None:
        if len(text) > 10240:
            yield "alarmRule", f"has {len(text)} characters, but AWS accepts 10240"
        if text.count("(") != text.count(")"):
            yield "alarmRule", f"has {text.count('(')} opening and {text.count(')')} closing brackets"
        rest = re.sub(
            r'\b(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*("[^"]*"|[^()]*)\s*\)|\b(AND|OR|NOT|TRUE|FALSE)\b|\b(AT_LEAST)\b|[()\s,\d%]', "", text
        )
        if rest:
            yield "alarmRule", f"has {shown(rest)}, which is none of ALARM, OK, INSUFFICIENT_DATA, AND, OR, NOT, AT_LEAST, TRUE, FALSE"
    yield from _alarm_actions(ctx)


@rule("dashboard-body", "CloudWatch PutDashboard: JSON with widgets", "aws:cloudwatch/dashboard:Dashboard")
def dashboard(ctx: RuleContext) -> Iterator[Finding]:
    """Dashboards that CloudWatch cannot read."""
    text = ctx.text("dashboardBody")
    if text is None:
        return
    try:
        body = json.loads(text)
    except ValueError as error:
        yield "dashboardBody", f"is no JSON ({error})"
        return
    widgets = body.get("widgets") if is_map(body) else None
    if not is_list(widgets):
        yield "dashboardBody.widgets", "is missing"
        return
    if len(widgets) > 500:
        yield "dashboardBody.widgets", f"has {len(widgets)}, but AWS accepts 500"
    for index, each in enumerate(widgets):
        if not is_map(each) or each.get("type") not in {"metric", "text", "log", "alarm", "explorer", "custom"}:
            yield f"dashboardBody.widgets[{index}].type", "is missing or unknown (metric, text, log, alarm, explorer, custom)"
            continue
        for name, low, high in (("x", 0, 23), ("width", 1, 24), ("height", 1, 1000)):
            value = number(each.get(name))
            if value is not None and not low <= value <= high:
                yield f"dashboardBody.widgets[{index}].{name}", f"is {value:g}, but AWS accepts {low} to {high}"
        if each.get("type") != "text" and not is_map(each.get("properties")):
            yield f"dashboardBody.widgets[{index}].properties", "is missing"


@rule(
    "log-metric-filter",
    "CloudWatch Logs PutMetricFilter: a metric with name, namespace and value",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter",
)
def metric_filter(ctx: RuleContext) -> Iterator[Finding]:
    """Filters whose metric cannot be."""
    metric = ctx.get("metricTransformation")
    if is_map(metric):
        space = metric.get("namespace")
        if isinstance(space, str) and space.startswith("AWS/"):
            yield "metricTransformation.namespace", f"is {shown(space)}, but AWS/ is AWS's own"
        dimensions = metric.get("dimensions")
        if is_map(dimensions):
            if len(dimensions) > 3:
                yield "metricTransformation.dimensions", f"has {len(dimensions)}, but AWS accepts 3"
            if metric.get("defaultValue") is not None:
                yield "metricTransformation.defaultValue", "is given, but a metric with dimensions has none"


@rule("log-class", "CloudWatch Logs: the DELIVERY class keeps logs two days, whatever retention says", "aws:cloudwatch/logGroup:LogGroup")
def log_class(ctx: RuleContext) -> Iterator[Finding]:
    """Retention of a class that has none."""
    if ctx.text("logGroupClass") == "DELIVERY" and ctx.number("retentionInDays"):
        yield "retentionInDays", "is given, but log groups of class DELIVERY keep logs for two days"


# ------------------------------------------------------------------ events

_EVENT_RULE = "aws:cloudwatch/eventRule:EventRule"


@rule("event-rule", "EventBridge PutRule: a schedule or a pattern; patterns are JSON objects of lists", _EVENT_RULE)
def event_rule(ctx: RuleContext) -> Iterator[Finding]:
    """Rules that nothing would trigger."""
    if ctx.absent("scheduleExpression") and ctx.absent("eventPattern"):
        yield "eventPattern", "is missing: give eventPattern or scheduleExpression"
    schedule = ctx.text("scheduleExpression")
    if schedule is not None and (problem := schedule_problem(schedule)):
        yield "scheduleExpression", f"is {shown(schedule)}: {problem}"
    text = ctx.text("eventPattern")
    if text is not None:
        try:
            pattern = json.loads(text)
        except ValueError as error:
            yield "eventPattern", f"is no JSON ({error})"
            return
        yield from _pattern(pattern, "eventPattern")


def _pattern(value: Any, path: str) -> Iterator[Finding]:
    if not is_map(value) or not value:
        yield path, "must be an object with at least one field"
        return
    for key, item in value.items():
        if key == "$or":
            continue
        if is_map(item):
            yield from _pattern(item, f"{path}.{key}")
        elif not is_list(item):
            yield f"{path}.{key}", f"is {shown(item)}, but a pattern's values are lists"
        elif not item:
            yield f"{path}.{key}", "is empty"


@rule(
    "event-target",
    "EventBridge PutTargets: the ARN of a target; one of input, inputPath and inputTransformer",
    "aws:cloudwatch/eventTarget:EventTarget",
)
def event_target(ctx: RuleContext) -> Iterator[Finding]:
    """Targets that cannot be reached, or inputs that collide."""
    given = [name for name in ("input", "inputPath", "inputTransformer") if not ctx.absent(name)]
    if len(given) > 1:
        yield given[1], f"is given together with {given[0]}; give one"
    found = arn(ctx.inputs.get("arn"))
    if (
        found is not None
        and found.service in {"ecs", "kinesis", "states", "firehose", "ssm", "codebuild", "codepipeline", "events"}
        and ctx.absent("roleArn")
    ):
        yield "roleArn", f"is missing, but a target of {found.service} needs a role"
    retry = ctx.get("retryPolicy")
    if is_map(retry):
        age, attempts = number(retry.get("maximumEventAgeInSeconds")), number(retry.get("maximumRetryAttempts"))
        if age is not None and not 60 <= age <= 86400:
            yield "retryPolicy.maximumEventAgeInSeconds", f"is {age:g}, but AWS accepts 60 to 86400"
        if attempts is not None and not 0 <= attempts <= 185:
            yield "retryPolicy.maximumRetryAttempts", f"is {attempts:g}, but AWS accepts 0 to 185"


@rule(
    "scheduler-schedule",
    "EventBridge Scheduler CreateSchedule: expression, flexible window 1 to 1440 minutes",
    "aws:scheduler/schedule:Schedule",
)
def schedule(ctx: RuleContext) -> Iterator[Finding]:
    """Schedules that Scheduler refuses."""
    text = ctx.text("scheduleExpression")
    if text is not None and (problem := schedule_problem(text)):
        yield "scheduleExpression", f"is {shown(text)}: {problem}"
    window = ctx.get("flexibleTimeWindow")
    if is_map(window):
        minutes = number(window.get("maximumWindowInMinutes"))
        if window.get("mode") == "FLEXIBLE" and not (minutes is not None and 1 <= minutes <= 1440):
            yield (
                "flexibleTimeWindow.maximumWindowInMinutes",
                f"is {shown(window.get('maximumWindowInMinutes'))}, but FLEXIBLE takes 1 to 1440",
            )
        if window.get("mode") == "OFF" and minutes:
            yield "flexibleTimeWindow.maximumWindowInMinutes", "is given, but the mode is OFF"


@rule(
    "scheduler-zone",
    "EventBridge Scheduler CreateSchedule: a time zone of the IANA database, at most 50 characters",
    "aws:scheduler/schedule:Schedule",
)
def schedule_zone(ctx: RuleContext) -> Iterator[Finding]:
    """Time zones that Scheduler does not know."""
    name = ctx.text("scheduleExpressionTimezone")
    if name is not None and (len(name) > 50 or name not in available_timezones()):
        yield "scheduleExpressionTimezone", f"is {shown(name)}, but AWS wants a time zone such as America/New_York"


@rule(
    "scheduler-target",
    "EventBridge Scheduler CreateSchedule: an ECS target is a cluster with parameters, its queue is a standard one, bounds of retries",
    "aws:scheduler/schedule:Schedule",
)
def schedule_target(ctx: RuleContext) -> Iterator[Finding]:
    """Targets that Scheduler refuses, or could never start."""
    target = ctx.get("target")
    if not is_map(target):
        return
    found, ecs = arn(target.get("arn")), target.get("ecsParameters")
    if found is not None:
        cluster = found.service == "ecs" and found.resource.startswith("cluster/")
        if is_map(ecs) and not cluster:
            yield "target.ecsParameters", "is given, but target.arn is no ECS cluster"
        if cluster and ecs is None:
            yield "target.ecsParameters", "is missing, but target.arn is an ECS cluster"
    if is_map(ecs):
        yield from _ecs_target(ecs)
    retry = target.get("retryPolicy")
    if is_map(retry):
        for name, low, high in (("maximumEventAgeInSeconds", 60, 86_400), ("maximumRetryAttempts", 0, 185)):
            value = number(retry.get(name))
            if value is not None and not low <= value <= high:
                yield f"target.retryPolicy.{name}", f"is {value:g}, but AWS accepts {low} to {high}"
    letters = target.get("deadLetterConfig")
    queue = arn(letters.get("arn")) if is_map(letters) else None
    if queue is not None and (queue.service != "sqs" or queue.resource.endswith(".fifo")):
        yield "target.deadLetterConfig.arn", "is no standard queue of SQS"


def _ecs_target(ecs: Mapping[str, Any]) -> Iterator[Finding]:
    path = "target.ecsParameters"
    count = number(ecs.get("taskCount"))
    if count is not None and not 1 <= count <= 10:
        yield f"{path}.taskCount", f"is {count:g}, but AWS accepts 1 to 10"
    launch = ecs.get("launchType")
    if isinstance(launch, str) and launch not in {"EC2", "EXTERNAL", "FARGATE"}:
        yield f"{path}.launchType", f"is {shown(launch)}, but AWS accepts EC2, EXTERNAL, FARGATE"
    if launch and ecs.get("capacityProviderStrategies"):
        yield f"{path}.launchType", "is given together with capacityProviderStrategies; give one"
    definition = arn(ecs.get("taskDefinitionArn"))
    if definition is not None and (definition.service != "ecs" or not definition.resource.startswith("task-definition/")):
        yield f"{path}.taskDefinitionArn", "is no task definition"
    network = ecs.get("networkConfiguration")
    if launch == "FARGATE" and network is None:
        yield f"{path}.networkConfiguration", "is missing, but a Fargate task has an address in a subnet"
    if is_map(network):
        for name, high in (("subnets", 16), ("securityGroups", 5)):
            values = network.get(name)
            if is_list(values) and len(values) > high:
                yield f"{path}.networkConfiguration.{name}", f"has {len(values)}, but AWS accepts {high}"


@rule(
    "appautoscaling-schedule",
    "Application Auto Scaling PutScheduledAction: an expression, and a capacity",
    "aws:appautoscaling/scheduledAction:ScheduledAction",
)
def scheduled_action(ctx: RuleContext) -> Iterator[Finding]:
    """Scheduled scaling that changes nothing or cannot be read."""
    text = ctx.text("schedule")
    if text is not None and (problem := schedule_problem(text)):
        yield "schedule", f"is {shown(text)}: {problem}"
    action = ctx.get("scalableTargetAction")
    if is_map(action):
        low, high = number(action.get("minCapacity")), number(action.get("maxCapacity"))
        if low is not None and high is not None and low > high:
            yield "scalableTargetAction.minCapacity", f"is {low:g}, above maxCapacity {high:g}"


# ------------------------------------------------------------------ trails and parameters


@rule(
    "cloudtrail-logs",
    "CloudTrail CreateTrail: log group ARN ends with ':*' and comes with a role; selectors of one kind",
    "aws:cloudtrail/trail:Trail",
)
def cloudtrail(ctx: RuleContext) -> Iterator[Finding]:
    """Trails that CloudTrail refuses."""
    group = ctx.text("cloudWatchLogsGroupArn")
    if group:
        if not group.endswith(":*"):
            yield "cloudWatchLogsGroupArn", f"is {shown(group, limit=120)}, but must end with ':*'"
        if ctx.absent("cloudWatchLogsRoleArn"):
            yield "cloudWatchLogsRoleArn", "is missing, but cloudWatchLogsGroupArn is given"
    if ctx.inputs.get("eventSelectors") and ctx.inputs.get("advancedEventSelectors"):
        yield "advancedEventSelectors", "is given together with eventSelectors; give one"
    if truth(ctx.inputs.get("isMultiRegionTrail")) and truth(ctx.inputs.get("includeGlobalServiceEvents")) is False:
        yield "includeGlobalServiceEvents", "is off, but a multi-region trail includes global services"


@rule(
    "ssm-parameter",
    "Systems Manager PutParameter: one value of 4 KB (8 KB advanced); a key goes with SecureString",
    "aws:ssm/parameter:Parameter",
)
def parameter(ctx: RuleContext) -> Iterator[Finding]:
    """Parameters that Systems Manager refuses."""
    given = [name for name in ("value", "insecureValue", "valueWo") if not ctx.absent(name)]
    if len(given) != 1:
        yield "value", f"{len(given)} of value, insecureValue and valueWo are given, but a parameter takes one"
    kind, tier = ctx.text("type"), ctx.chosen("tier", "Standard")
    if kind == "SecureString" and "insecureValue" in given:
        yield "insecureValue", "is given, but a SecureString takes value"
    if kind in {"String", "StringList"} and not ctx.absent("keyId"):
        yield "keyId", f"is given, but a {kind} is not encrypted"
    for name in given:
        text = ctx.text(name)
        if text is None:
            continue
        longest = 8192 if tier in {"Advanced", "Intelligent-Tiering"} else 4096
        if not text:
            yield name, "is empty, but a parameter needs a value"
        elif len(text.encode()) > longest:
            yield name, f"has {len(text.encode())} bytes, but tier {tier} takes {longest}"
    name = ctx.text("name")
    if name is not None and name.count("/") > 15:
        yield "name", f"has {name.count('/')} levels, but AWS accepts 15"


@rule("budget", "Budgets CreateBudget: an amount, thresholds and subscribers", "aws:budgets/budget:Budget")
def budget(ctx: RuleContext) -> Iterator[Finding]:
    """Budgets that Budgets refuses."""
    amount = ctx.inputs.get("limitAmount")
    if isinstance(amount, str) and number(amount) is None:
        yield "limitAmount", f"is {shown(amount)}, but must be a number"
    notes: list[Mapping[str, Any]] = [each for each in ctx.items("notifications") if is_map(each)]
    if len(notes) > 10:
        yield "notifications", f"has {len(notes)}, but AWS accepts 10"
    for index, each in enumerate(notes):
        if not any(each.get(name) for name in ("subscriberEmailAddresses", "subscriberSnsTopicArns")):
            yield f"notifications[{index}]", "has no subscriber: give subscriberEmailAddresses or subscriberSnsTopicArns"
