"""Computed values of SNS, SQS, CloudWatch, CloudTrail, SSM, firewalls and the rest."""

from __future__ import annotations

from typing import Any

from nautilus.sandbox.simulation.computed.subject import Subject, simple, spec
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.values import is_list, is_map

simple(
    "aws:sns/topic:Topic",
    "sns",
    "{name}",
    by="arn",
    extra=lambda s: {
        "owner": s.account,
        "name": s.name,
        "signatureVersion": 1,
        "tracingConfig": "PassThrough",
        "policy": "",
        "beginningArchiveTime": "",
        "fifoThroughputScope": "",
    },
)


@spec("aws:sns/topicPolicy:TopicPolicy")
def _topic_policy(s: Subject) -> dict[str, Any]:
    return {"id": s.text("arn", s.urn.name), "owner": s.account}


@spec("aws:sns/topicSubscription:TopicSubscription")
def _subscription(s: Subject) -> dict[str, Any]:
    arn = f"{s.text('topic', s.arn('sns', 'topic'))}:{s.seed.uuid()}"
    pending = s.text("protocol") in {"email", "email-json", "http", "https"}
    return {
        "id": arn,
        "arn": arn,
        "ownerId": s.account,
        "confirmationWasAuthenticated": not pending,
        "pendingConfirmation": pending,
        "filterPolicyScope": "",
    }


@spec("aws:sqs/queue:Queue")
def _queue(s: Subject) -> dict[str, Any]:
    url = f"https://sqs.{s.region}.{s.suffix()}/{s.account}/{s.name}"
    return {
        "id": url,
        "url": url,
        "arn": s.arn("sqs", s.name),
        "sqsManagedSseEnabled": s.inputs.get("kmsMasterKeyId") is None,
        "kmsDataKeyReusePeriodSeconds": 300,
        "visibilityTimeoutSeconds": 30,
        "messageRetentionSeconds": 345600,
        "maxMessageSize": 262144,
        "delaySeconds": 0,
        "receiveWaitTimeSeconds": 0,
        "policy": "",
        "redrivePolicy": "",
        "redriveAllowPolicy": "",
        "deduplicationScope": "",
        "fifoThroughputLimit": "",
    }


@spec("aws:sqs/queuePolicy:QueuePolicy", "aws:sqs/redrivePolicy:RedrivePolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
def _of_queue(s: Subject) -> dict[str, Any]:
    return {"id": s.text("queueUrl", s.urn.name)}


simple(
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "cloudwatch",
    "alarm:{name}",
    extra=lambda _s: {"evaluateLowSampleCountPercentiles": "", "actionsEnabled": True, "treatMissingData": "missing"},
)
simple("aws:cloudwatch/compositeAlarm:CompositeAlarm", "cloudwatch", "alarm:{name}", by="alarmName")
simple(
    "aws:cloudwatch/logGroup:LogGroup",
    "logs",
    "log-group:{name}",
    extra=lambda _s: {"logGroupClass": "STANDARD", "deletionProtectionEnabled": False, "retentionInDays": 0, "skipDestroy": False},
)
simple("aws:cloudwatch/eventRule:EventRule", "events", "rule/{name}", extra=lambda _s: {"eventBusName": "default", "state": "ENABLED"})


@spec("aws:cloudwatch/eventTarget:EventTarget")
def _event_target(s: Subject) -> dict[str, Any]:
    target = s.text("targetId") or f"terraform-{s.seed.digits(26)}"
    return {"id": f"{s.text('rule')}-{target}", "targetId": target, "eventBusName": "default"}


@spec("aws:cloudwatch/dashboard:Dashboard")
def _dashboard(s: Subject) -> dict[str, Any]:
    name = s.text("dashboardName", s.urn.name)
    return {"id": name, "dashboardArn": s.arn("cloudwatch", f"dashboard/{name}", region="")}


@spec("aws:cloudwatch/queryDefinition:QueryDefinition")
def _query(s: Subject) -> dict[str, Any]:
    ident = s.seed.uuid()
    return {"id": ident, "queryDefinitionId": ident, "arn": s.arn("logs", f"query-definition:{ident}")}


simple(
    "aws:cloudtrail/trail:Trail",
    "cloudtrail",
    "trail/{name}",
    by="arn",
    extra=lambda s: {"homeRegion": s.region, "snsTopicArn": "", "includeGlobalServiceEvents": True, "enableLogging": True},
)
simple(
    "aws:guardduty/detector:Detector",
    "guardduty",
    "detector/{hex}",
    extra=lambda s: {"id": s.seed.hex(32), "arn": s.arn("guardduty", f"detector/{s.seed.hex(32)}"), "accountId": s.account},
)
simple("aws:accessanalyzer/analyzer:Analyzer", "access-analyzer", "analyzer/{name}", by="analyzerName")
simple("aws:cfg/rule:Rule", "config", "config-rule/config-rule-{hex}", extra=lambda s: {"ruleId": f"config-rule-{s.seed.base36(6)}"})
simple(
    "aws:budgets/budget:Budget",
    "budgets",
    "budget/{name}",
    regional=False,
    extra=lambda s: {"id": f"{s.account}:{s.name}", "accountId": s.account},
)
simple("aws:synthetics/canary:Canary", "synthetics", "canary:{name}")
simple("aws:sfn/stateMachine:StateMachine", "states", "stateMachine:{name}", by="arn")
simple(
    "aws:amp/workspace:Workspace",
    "aps",
    "workspace/ws-{hex}",
    extra=lambda s: {
        "id": f"ws-{s.seed.uuid()}",
        "prometheusEndpoint": f"https://aps-workspaces.{s.region}.{s.suffix()}/workspaces/ws-{s.seed.uuid()}/",
    },
)
simple("aws:scheduler/scheduleGroup:ScheduleGroup", "scheduler", "schedule-group/{name}")


@spec("aws:scheduler/schedule:Schedule")
def _schedule(s: Subject) -> dict[str, Any]:
    group = s.text("groupName", "default")
    return {
        "id": f"{group}/{s.name}",
        "arn": s.arn("scheduler", f"schedule/{group}/{s.name}"),
        "groupName": "default",
        "actionAfterCompletion": "NONE",
    }


@spec("aws:ssm/document:Document")
def _document(s: Subject) -> dict[str, Any]:
    return {
        "id": s.name,
        "arn": s.arn("ssm", f"document/{s.name}"),
        "owner": s.account,
        "status": "Active",
        "documentVersion": "1",
        "defaultVersion": "1",
        "latestVersion": "1",
        "hashType": "Sha256",
        "schemaVersion": "1.0" if s.text("documentType") == "Session" else "2.2",
        "platformTypes": ["Windows", "Linux", "MacOS"],
        "targetType": "",
    }


@spec("aws:ssm/serviceSetting:ServiceSetting")
def _service_setting(s: Subject) -> dict[str, Any]:
    setting = s.text("settingId")
    return {"id": setting, "arn": s.arn("ssm", f"servicesetting{setting}"), "status": "Customized"}


@spec("aws:ssm/parameter:Parameter")
def _parameter(s: Subject) -> dict[str, Any]:
    name = s.name
    kind = s.text("type", "String")
    out: dict[str, Any] = {
        "id": name,
        "arn": s.arn("ssm", f"parameter{name if name.startswith('/') else f'/{name}'}"),
        "version": 1,
        "dataType": "text",
        "tier": "Standard",
        "keyId": "alias/aws/ssm" if kind == "SecureString" else "",
        "hasValueWo": "valueWo" in s.inputs,
    }
    # AWS keeps one value; pulumi shows it as `value` and, where it is no secret, as `insecureValue` too.
    if "insecureValue" in s.inputs:
        out["value"] = s.inputs["insecureValue"]
    elif kind != "SecureString" and "value" in s.inputs:
        out["insecureValue"] = s.inputs["value"]
    return out


simple(
    "aws:networkfirewall/firewallPolicy:FirewallPolicy",
    "network-firewall",
    "firewall-policy/{name}",
    by="arn",
    extra=lambda s: {"updateToken": s.seed.uuid("token")},
)


@spec("aws:networkfirewall/ruleGroup:RuleGroup")
def _rule_group(s: Subject) -> dict[str, Any]:
    kind = "stateless-rulegroup" if s.text("type") == "STATELESS" else "stateful-rulegroup"
    arn = s.arn("network-firewall", f"{kind}/{s.name}")
    return {"id": arn, "arn": arn, "updateToken": s.seed.uuid("token")}


@spec("aws:networkfirewall/firewall:Firewall")
def _firewall(s: Subject) -> dict[str, Any]:
    arn = s.arn("network-firewall", f"firewall/{s.name}")
    states: list[dict[str, Any]] = []
    mappings = s.inputs.get("subnetMappings")
    for mapping in mappings if is_list(mappings) else []:
        subnet = mapping.get("subnetId") if is_map(mapping) else None
        known = s.run.find(subnet) if isinstance(subnet, str) else None
        zone = known.get("availabilityZone") if known else f"{s.region}{'abcdef'[len(states) % 6]}"
        states.append({"availabilityZone": zone, "attachments": [{"subnetId": subnet, "endpointId": s.seed.ec2("vpce", str(subnet))}]})
    # AWS returns the states in no order; a fixed shuffle keeps programs from relying on one.
    states.sort(key=lambda state: Seed(s.urn.text).hex(8, str(state["availabilityZone"])))
    return {
        "id": arn,
        "arn": arn,
        "updateToken": s.seed.uuid("token"),
        "firewallStatuses": [{"syncStates": states, "transitGatewayAttachmentSyncStates": []}],
        "transitGatewayOwnerAccountId": "",
        "availabilityZoneMappings": [],
    }


simple(
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup",
    "route53resolver",
    "firewall-rule-group/rslvr-frg-{hex}",
    extra=lambda s: {"id": f"rslvr-frg-{s.seed.hex(16, 'arn')}", "shareStatus": "NOT_SHARED"},
)
simple(
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList",
    "route53resolver",
    "firewall-domain-list/rslvr-fdl-{hex}",
    extra=lambda s: {"id": f"rslvr-fdl-{s.seed.hex(16, 'arn')}"},
)
simple(
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation",
    "route53resolver",
    "firewall-rule-group-association/rslvr-frgassoc-{hex}",
    extra=lambda s: {"id": f"rslvr-frgassoc-{s.seed.hex(16, 'arn')}"},
)
simple(
    "aws:route53/resolverQueryLogConfig:ResolverQueryLogConfig",
    "route53resolver",
    "resolver-query-log-config/rqlc-{hex}",
    extra=lambda s: {"id": f"rqlc-{s.seed.hex(16, 'arn')}", "shareStatus": "NOT_SHARED"},
)


@spec("aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation")
def _query_log_association(s: Subject) -> dict[str, Any]:
    return {"id": f"rqlca-{s.seed.hex(16, 'association')}"}


@spec("aws:route53/resolverFirewallConfig:ResolverFirewallConfig")
def _resolver_firewall_config(s: Subject) -> dict[str, Any]:
    return {"id": f"rslvr-fc-{s.seed.hex(16, 'config')}", "ownerId": s.account, "firewallFailOpen": "DISABLED"}


@spec("aws:route53/resolverFirewallRule:ResolverFirewallRule")
def _resolver_firewall_rule(s: Subject) -> dict[str, Any]:
    # The provider's own form: the rule has no id at AWS.
    return {
        "id": f"{s.text('firewallRuleGroupId')}:{s.text('firewallDomainListId')}",
        "firewallDomainRedirectionAction": "INSPECT_REDIRECTION_DOMAIN",
    }


simple(
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
    "servicediscovery",
    "namespace/ns-{hex}",
    extra=lambda s: {
        "id": f"ns-{s.seed.base36(16)}",
        "arn": s.arn("servicediscovery", f"namespace/ns-{s.seed.base36(16)}"),
        "hostedZone": s.seed.zone(),
    },
)
simple(
    "aws:servicediscovery/service:Service",
    "servicediscovery",
    "service/srv-{hex}",
    extra=lambda s: {"id": f"srv-{s.seed.base36(16)}", "arn": s.arn("servicediscovery", f"service/srv-{s.seed.base36(16)}")},
)


def _of_application(s: Subject, resource: str) -> str:
    return s.arn("appconfig", f"application/{s.text('applicationId', 'unknown')}/{resource}")


@spec("aws:appconfig/application:Application")
def _appconfig_application(s: Subject) -> dict[str, Any]:
    ident = s.seed.base36(7)
    return {"id": ident, "arn": s.arn("appconfig", f"application/{ident}")}


@spec("aws:appconfig/configurationProfile:ConfigurationProfile")
def _appconfig_profile(s: Subject) -> dict[str, Any]:
    ident = s.seed.base36(7)
    return {
        "id": f"{ident}:{s.text('applicationId')}",
        "configurationProfileId": ident,
        "arn": _of_application(s, f"configurationprofile/{ident}"),
        "type": "AWS.Freeform",
    }


@spec("aws:appconfig/environment:Environment")
def _appconfig_environment(s: Subject) -> dict[str, Any]:
    ident = s.seed.base36(7)
    return {
        "id": f"{ident}:{s.text('applicationId')}",
        "environmentId": ident,
        "arn": _of_application(s, f"environment/{ident}"),
        "state": "READY_FOR_DEPLOYMENT",
    }


@spec("aws:appconfig/deploymentStrategy:DeploymentStrategy")
def _appconfig_strategy(s: Subject) -> dict[str, Any]:
    ident = s.seed.base36(7)
    return {"id": ident, "arn": s.arn("appconfig", f"deploymentstrategy/{ident}"), "growthType": "LINEAR", "finalBakeTimeInMinutes": 0}


@spec("aws:appconfig/hostedConfigurationVersion:HostedConfigurationVersion")
def _appconfig_version(s: Subject) -> dict[str, Any]:
    profile, number = s.text("configurationProfileId", "unknown"), s.generation + 1
    return {
        "id": f"{s.text('applicationId')}/{profile}/{number}",
        "versionNumber": number,
        "arn": _of_application(s, f"configurationprofile/{profile}/hostedconfigurationversion/{number}"),
    }


@spec("aws:appconfig/deployment:Deployment")
def _appconfig_deployment(s: Subject) -> dict[str, Any]:
    environment, number = s.text("environmentId", "unknown"), s.generation + 1
    return {
        "id": f"{s.text('applicationId')}/{environment}/{number}",
        "deploymentNumber": number,
        "arn": _of_application(s, f"environment/{environment}/deployment/{number}"),
        "state": "COMPLETE",
        "kmsKeyArn": s.text("kmsKeyIdentifier"),
    }
