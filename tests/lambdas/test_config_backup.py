"""The copies of the configuration: each source against moto (or, where moto lacks the calls, against boto3's own checks), and the round trip."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from lambdas.config_backup import application, handler, system
from lambdas.config_backup.scope import Aws, Item, Settings, document

REGION, ACCOUNT, BUCKET = "us-east-1", "123456789012", "copies"
ENVIRONMENT = {
    "PREFIX": "nautilus-prod",
    "PARAMETER_PATH": "/nautilus/prod",
    "PROJECT": "nautilus",
    "STACK": "prod",
    "AWS_REGION": REGION,
    "BUCKET": BUCKET,
    "NAMESPACE": "Nautilus/nautilus-prod",
    "STATE_BUCKET": "state",
}
SETTINGS = Settings.read(ENVIRONMENT)
UPDATE = "0c0ffee0-0000-4000-8000-00000000000a"
NOW = datetime(2026, 11, 21, 3, 0, 12, tzinfo=UTC)
TAGS = [{"Key": "Project", "Value": "nautilus"}, {"Key": "Environment", "Value": "prod"}]
OTHERS = [{"Key": "Project", "Value": "nautilus"}, {"Key": "Environment", "Value": "staging"}]


def client(service: str, region: str = REGION) -> Any:
    return boto3.client(service, region_name=region)


@pytest.fixture(autouse=True)
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS of one account with an object-lock bucket for the copies."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        s3 = client("s3")
        s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
        s3.put_object_lock_configuration(
            Bucket=BUCKET,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 90}}},
        )
        yield


def saved(source: handler.Source, aws: Aws | None = None) -> dict[str, Any]:
    """What a source saves, as JSON by name."""
    return {item.name: json.loads(item.body) for item in source(aws or Aws(SETTINGS))}


# --- settings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if name != "STATE_BUCKET"])
def test_a_missing_variable_ends_the_run(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.read({key: value for key, value in ENVIRONMENT.items() if key != name})


def test_without_a_state_bucket_no_state_is_saved() -> None:
    settings = Settings.read({key: value for key, value in ENVIRONMENT.items() if key != "STATE_BUCKET"})
    assert settings.state_bucket is None
    assert list(application.state(Aws(settings))) == []


def test_names_of_a_longer_stack_are_not_ours() -> None:
    aws = Aws(SETTINGS)
    assert aws.named("nautilus-prod-alarm")
    assert aws.named("nautilus-prod/backend")
    assert aws.named("nautilus-prod")
    assert not aws.named("nautilus-prod2-alarm")
    assert not aws.named("nautilus-staging-alarm")


# --- application ----------------------------------------------------------------------------------------------------------


def test_the_newest_task_definitions_and_all_services() -> None:
    ecs = client("ecs")
    ecs.create_cluster(clusterName="nautilus-prod-cluster")
    ecs.create_cluster(clusterName="nautilus-staging-cluster")
    for family in ("nautilus-prod-backend", "nautilus-prod-backend", "nautilus-prod-engine", "nautilus-staging-backend"):
        ecs.register_task_definition(
            family=family,
            containerDefinitions=[
                {
                    "name": "main",
                    "image": "x",
                    "memory": 512,
                    "secrets": [{"name": "DATABASE_PASSWORD", "valueFrom": "arn:aws:secretsmanager:…"}],
                }
            ],
        )
    for number in range(12):  # more than ECS describes at once
        ecs.create_service(
            cluster="nautilus-prod-cluster", serviceName=f"s{number}", taskDefinition="nautilus-prod-backend", desiredCount=2
        )
    ecs.create_service(cluster="nautilus-staging-cluster", serviceName="other", taskDefinition="nautilus-staging-backend", desiredCount=1)
    found = saved(application.task_definitions)
    assert {(one["family"], one["revision"]) for one in found["task-definitions.json"]} == {
        ("nautilus-prod-backend", 2),
        ("nautilus-prod-engine", 1),
    }
    assert sorted(one["serviceName"] for one in found["services.json"]) == sorted(f"s{number}" for number in range(12))
    assert all("events" not in one and one["desiredCount"] == 2 for one in found["services.json"])


def test_images_by_digest() -> None:
    ecr = client("ecr")
    for name in ("nautilus-prod/backend", "nautilus-staging/backend"):
        ecr.create_repository(repositoryName=name)
        ecr.put_image(
            repositoryName=name,
            imageManifest=json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                    "config": {"digest": name},
                    "layers": [],
                }
            ),
            imageTag="v1",
        )
    (only,) = saved(application.images)["images.json"]
    assert only["repository"]["repositoryName"] == "nautilus-prod/backend"
    (image,) = only["images"]
    assert image["imageTags"] == ["v1"]
    assert image["imageDigest"].startswith("sha256:")


def test_a_secure_parameter_keeps_its_value_for_itself() -> None:
    ssm = client("ssm")
    for number in range(60):  # more than a page
        ssm.put_parameter(Name=f"/nautilus/prod/outputs/p{number}", Value=f"v{number}", Type="String")
    ssm.put_parameter(Name="/nautilus/prod/hidden", Value="canary-of-a-secret", Type="SecureString")
    ssm.put_parameter(Name="/nautilus/prod2/x", Value="another-stack", Type="String")
    ssm.put_parameter(Name="/nautilus/staging/x", Value="another-stack", Type="String")
    (item,) = application.parameters(Aws(SETTINGS))
    assert b"canary-of-a-secret" not in item.body
    assert b"another-stack" not in item.body
    found = {one["Name"]: one for one in json.loads(item.body)}
    assert len(found) == 61
    assert found["/nautilus/prod/outputs/p7"]["Value"] == "v7"
    hidden = found["/nautilus/prod/hidden"]
    assert "Value" not in hidden
    assert (hidden["Type"], hidden["Version"]) == ("SecureString", 1)


def test_certificates_of_both_regions_without_their_keys() -> None:
    settings = Settings.read(ENVIRONMENT | {"AWS_REGION": "eu-west-1"})
    for region in ("eu-west-1", "us-east-1", "us-west-2"):
        client("acm", region).request_certificate(DomainName=f"{region}.example.com", Tags=TAGS)
        client("acm", region).request_certificate(DomainName=f"other.{region}.example.com", Tags=OTHERS)
    found = saved(application.certificates, Aws(settings))["certificates.json"]
    assert [(one["region"], one["certificate"]["DomainName"]) for one in found] == [
        ("eu-west-1", "eu-west-1.example.com"),
        ("us-east-1", "us-east-1.example.com"),
    ]


def test_the_state_is_saved_as_it_is() -> None:
    s3, body = client("s3"), b'{"version": 3, "checkpoint": {"latest": {"resources": []}}}'
    s3.create_bucket(Bucket="state")
    for key in ("nautilus-infra/prod.json", "nautilus-infra/staging.json", "nautilus-infra/prod.json.attrs", "nautilus-infra/nonprod.json"):
        s3.put_object(Bucket="state", Key=f".pulumi/stacks/{key}", Body=body)
    assert list(application.state(Aws(SETTINGS))) == [Item("stacks-nautilus-infra-prod.json", body)]


def test_a_bucket_without_our_state_is_no_saved_state() -> None:
    client("s3").create_bucket(Bucket="state")
    with pytest.raises(LookupError, match="no state of prod"):
        list(application.state(Aws(SETTINGS)))


# --- system ---------------------------------------------------------------------------------------------------------------


def test_networks_by_their_tags() -> None:
    ec2 = client("ec2")

    def tagged(kind: str, tags: list[dict[str, str]]) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": tags}]

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", TAGS))["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tagged("vpc", OTHERS))["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", TagSpecifications=tagged("subnet", TAGS))
    ec2.create_subnet(VpcId=other, CidrBlock="10.1.1.0/24", TagSpecifications=tagged("subnet", OTHERS))
    group = ec2.create_security_group(VpcId=vpc, GroupName="cache", Description="x", TagSpecifications=tagged("security-group", TAGS))[
        "GroupId"
    ]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "IpRanges": [{"CidrIp": "10.0.1.0/24"}]}],
    )
    found = saved(system.network)["network.json"]
    assert [one["VpcId"] for one in found["Vpcs"]] == [vpc]
    assert [one["CidrBlock"] for one in found["Subnets"]] == ["10.0.1.0/24"]
    (kept,) = found["SecurityGroups"]
    assert kept["IpPermissions"][0]["FromPort"] == 6379


def test_the_newest_launch_template() -> None:
    ec2 = client("ec2")
    for name, tags in (("nautilus-prod-timescale", TAGS), ("other", OTHERS)):
        made = ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={"InstanceType": "m7g.large"},
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
        )["LaunchTemplate"]["LaunchTemplateId"]
        ec2.create_launch_template_version(LaunchTemplateId=made, LaunchTemplateData={"InstanceType": "m7g.xlarge"})
    (only,) = saved(system.servers)["launch-templates.json"]
    assert (only["LaunchTemplateName"], only["VersionNumber"]) == ("nautilus-prod-timescale", 2)


def test_web_firewalls_of_both_scopes() -> None:
    for region, scope in ((REGION, "REGIONAL"), ("us-east-1", "CLOUDFRONT")):
        waf = client("wafv2", region)
        for name in (f"nautilus-prod-{scope.lower()}", "somebody-else"):
            waf.create_web_acl(
                Name=name,
                Scope=scope,
                DefaultAction={"Allow": {}},
                VisibilityConfig={"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": True, "MetricName": "m"},
            )
        waf.create_ip_set(Name="nautilus-prod-offices", Scope=scope, IPAddressVersion="IPV4", Addresses=["192.0.2.0/24"])
    found = saved(system.web_firewall)["web-firewall.json"]
    assert {scope: [one["Name"] for one in parts["WebACLs"]] for scope, parts in found.items()} == {
        "REGIONAL": ["nautilus-prod-regional"],
        "CLOUDFRONT": ["nautilus-prod-cloudfront"],
    }
    assert found["REGIONAL"]["IPSets"][0]["Addresses"] == ["192.0.2.0/24"]


def test_a_list_that_never_ends_is_an_error() -> None:
    class Endless:
        def list_web_acls(self, **_asked: Any) -> dict[str, Any]:
            return {"WebACLs": [], "NextMarker": "again"}

    aws = Aws(SETTINGS, client=lambda _service, _region: Endless())
    with pytest.raises(RuntimeError, match="no last page"):
        list(aws.pages("wafv2", "list_web_acls", "WebACLs", token="NextMarker"))


def test_a_list_by_token_goes_on_to_its_last_page() -> None:
    class Three:
        def list_web_acls(self, NextMarker: str = "0", **_asked: Any) -> dict[str, Any]:  # noqa: N803 (AWS's name)
            page = int(NextMarker)
            return {"WebACLs": [page], **({"NextMarker": str(page + 1)} if page < 2 else {})}

    aws = Aws(SETTINGS, client=lambda _service, _region: Three())
    assert list(aws.pages("wafv2", "list_web_acls", "WebACLs", token="NextMarker")) == [0, 1, 2]


@contextmanager
def stubbed(service: str, *answers: tuple[str, dict[str, Any], dict[str, Any]]) -> Generator[Aws]:
    """An AWS that answers exactly so: boto3 checks questions and answers against its model of the service, which moto lacks."""
    made = client(service)
    with Stubber(made) as stub:
        for operation, asked, answer in answers:
            stub.add_response(operation, answer, asked)
        yield Aws(SETTINGS, client=lambda _service, _region: made)
        stub.assert_no_pending_responses()


def test_the_egress_firewall() -> None:
    arn = f"arn:aws:network-firewall:{REGION}:{ACCOUNT}"
    policy = {"StatelessDefaultActions": ["aws:forward_to_sfe"], "StatelessFragmentDefaultActions": ["aws:drop"]}
    response = {
        "FirewallPolicyName": "nautilus-prod-egress",
        "FirewallPolicyArn": f"{arn}:firewall-policy/nautilus-prod-egress",
        "FirewallPolicyId": "0c0ffee0-0000-4000-8000-000000000000",
    }
    with stubbed(
        "network-firewall",
        (
            "list_firewalls",
            {},
            {"Firewalls": [{"FirewallName": "somebody-else", "FirewallArn": f"{arn}:firewall/somebody-else"}], "NextToken": "2"},
        ),
        (
            "list_firewalls",
            {"NextToken": "2"},
            {"Firewalls": [{"FirewallName": "nautilus-prod-egress", "FirewallArn": f"{arn}:firewall/nautilus-prod-egress"}]},
        ),
        ("describe_firewall", {"FirewallArn": f"{arn}:firewall/nautilus-prod-egress"}, {"UpdateToken": UPDATE}),
        ("list_firewall_policies", {}, {"FirewallPolicies": [{"Name": "nautilus-prod-egress", "Arn": response["FirewallPolicyArn"]}]}),
        (
            "describe_firewall_policy",
            {"FirewallPolicyArn": response["FirewallPolicyArn"]},
            {"UpdateToken": UPDATE, "FirewallPolicyResponse": response, "FirewallPolicy": policy},
        ),
        ("list_rule_groups", {}, {"RuleGroups": []}),
    ) as aws:
        found = saved(system.egress_firewall, aws)["egress-firewall.json"]
    assert [one["UpdateToken"] for one in found["Firewalls"]] == [UPDATE]
    assert found["FirewallPolicies"][0]["FirewallPolicy"] == policy
    assert found["RuleGroups"] == []


def test_the_name_firewall_leaves_awss_own_lists_alone() -> None:
    group = {"Id": "rslvr-frg-1", "Name": "nautilus-prod-names"}
    lists = [
        {"Id": "rslvr-fdl-1", "Name": "nautilus-prod-allowed"},
        {"Id": "rslvr-fdl-2", "Name": "nautilus-prod-managed", "ManagedOwnerName": "Route 53 Resolver DNS Firewall"},
    ]
    with stubbed(
        "route53resolver",
        ("list_firewall_rule_groups", {}, {"FirewallRuleGroups": [group, {"Id": "rslvr-frg-2", "Name": "other"}]}),
        ("list_firewall_rules", {"FirewallRuleGroupId": "rslvr-frg-1"}, {"FirewallRules": [{"Name": "allow", "Priority": 1}]}),
        ("list_firewall_domain_lists", {}, {"FirewallDomainLists": lists}),
        ("list_firewall_domains", {"FirewallDomainListId": "rslvr-fdl-1"}, {"Domains": ["z.example.com.", "a.example.com."]}),
    ) as aws:
        found = saved(system.name_firewall, aws)["name-firewall.json"]
    assert found["groups"] == [{"group": group, "rules": [{"Name": "allow", "Priority": 1}]}]
    assert found["lists"] == [{"list": lists[0], "domains": ["a.example.com.", "z.example.com."]}]


def test_roles_with_every_policy() -> None:
    iam = client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    for name in ("nautilus-prod-backend", "nautilus-staging-backend", "OrganizationAccountAccessRole"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=name, PolicyName="run", PolicyDocument=json.dumps(rights))
    arn = iam.create_policy(PolicyName="nautilus-prod-extra", PolicyDocument=json.dumps(rights))["Policy"]["Arn"]
    iam.create_policy(PolicyName="elsewhere", PolicyDocument=json.dumps(rights))
    iam.attach_role_policy(RoleName="nautilus-prod-backend", PolicyArn=arn)
    found = saved(system.access)["access.json"]
    (role,) = found["roles"]
    assert role["role"]["RoleName"] == "nautilus-prod-backend"
    assert role["inline"] == {"run": rights}
    assert role["attached"] == [arn]
    assert [(one["policy"]["PolicyName"], one["document"]) for one in found["policies"]] == [("nautilus-prod-extra", rights)]


def test_alarms_without_the_state_that_changes_by_the_minute() -> None:
    cloudwatch = client("cloudwatch")
    for name in [f"nautilus-prod-a{number}" for number in range(120)] + ["nautilus-staging-a"]:
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="m",
            Namespace="n",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
        )
    first = list(system.alarms(Aws(SETTINGS)))
    cloudwatch.set_alarm_state(AlarmName="nautilus-prod-a0", StateValue="ALARM", StateReason="test")
    second = list(system.alarms(Aws(SETTINGS)))
    found = json.loads(first[0].body)["MetricAlarms"]
    assert len(found) == 120
    assert all(not key.startswith("State") for one in found for key in one)
    assert first == second


def test_dashboards() -> None:
    cloudwatch, body = client("cloudwatch"), json.dumps({"widgets": []})
    cloudwatch.put_dashboard(DashboardName="nautilus-prod-trading", DashboardBody=body)
    cloudwatch.put_dashboard(DashboardName="nautilus-staging-trading", DashboardBody=body)
    assert saved(system.dashboards)["dashboards.json"] == {"nautilus-prod-trading": body}


# --- a run ----------------------------------------------------------------------------------------------------------------


def published() -> dict[str, float]:
    """The metrics of the last hour, by name."""
    cloudwatch, now = client("cloudwatch"), datetime.now(UTC)
    found: dict[str, float] = {}
    for one in cloudwatch.list_metrics(Namespace=SETTINGS.namespace)["Metrics"]:
        (point,) = cloudwatch.get_metric_statistics(
            Namespace=SETTINGS.namespace,
            MetricName=one["MetricName"],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=7200,
            Statistics=["Maximum"],
        )["Datapoints"]
        found[one["MetricName"]] = point["Maximum"]
    return found


def one_item(_aws: Aws) -> Iterator[Item]:
    yield document("a.json", {"b": 1})


def broken(_aws: Aws) -> Iterator[Item]:
    yield document("half.json", [])
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListThings")


def test_what_was_saved_can_be_read_back_byte_for_byte() -> None:
    client("ssm").put_parameter(Name="/nautilus/prod/outputs/region", Value="us-east-1", Type="String")
    state = client("s3")
    state.create_bucket(Bucket="state")
    state.put_object(Bucket="state", Key=".pulumi/stacks/nautilus-infra/prod.json", Body=b"{}")
    manifest = handler.run(Aws(SETTINGS), "application", NOW)
    assert manifest["failed"] == {}
    s3 = client("s3")
    answer = s3.get_object(Bucket=BUCKET, Key="config/2026/11/21/application/manifest-030012.json")
    read: Mapping[str, Any] = json.loads(answer["Body"].read())
    assert read["objects"] == manifest["objects"]
    assert len(read["objects"]) == 6
    for one in read["objects"]:
        body = s3.get_object(Bucket=BUCKET, Key=one["key"], VersionId=one["version"])["Body"].read()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (one["sha256"], one["bytes"]), one["key"]
        assert s3.head_object(Bucket=BUCKET, Key=one["key"], VersionId=one["version"])["ObjectLockMode"] == "GOVERNANCE"


def test_a_second_run_adds_versions_and_takes_none_away() -> None:
    first = handler.run(Aws(SETTINGS), "system", NOW, {"a": one_item})
    second = handler.run(Aws(SETTINGS), "system", NOW + timedelta(minutes=5), {"a": one_item})
    (old,), (new,) = first["objects"], second["objects"]
    assert old["key"] == new["key"]
    assert old["version"] != new["version"]
    assert old["sha256"] == new["sha256"], "what did not change has the same hash"
    assert client("s3").get_object(Bucket=BUCKET, Key=old["key"], VersionId=old["version"])["Body"].read() == b'{\n "b": 1\n}\n'


def test_a_source_that_fails_is_named_and_the_rest_is_saved() -> None:
    manifest = handler.run(Aws(SETTINGS), "system", NOW, {"broken": broken, "good": one_item})
    assert [one["key"] for one in manifest["objects"]] == ["config/2026/11/21/system/good/a.json"], "half a list is not written"
    assert list(manifest["failed"]) == ["broken"]
    assert "AccessDenied" in manifest["failed"]["broken"]
    assert published() == {"ConfigRuns": 1, "ConfigSourcesFailed": 1, "ConfigObjectsWritten": 1}


def test_the_age_of_the_newest_bundle_is_measured() -> None:
    s3 = client("s3")
    s3.put_object(Bucket=BUCKET, Key="repository/2026/11/20/abc.bundle", Body=b"x", ChecksumAlgorithm="SHA256")
    s3.put_object(Bucket=BUCKET, Key="repository/2026/11/20/notes.txt", Body=b"x", ChecksumAlgorithm="SHA256")
    written = s3.head_object(Bucket=BUCKET, Key="repository/2026/11/20/abc.bundle")["LastModified"]
    handler.run(Aws(SETTINGS), "application", written + timedelta(hours=30), {})
    assert published()["RepositoryBundleAgeHours"] == 30


def test_without_a_bundle_its_age_is_not_reported() -> None:
    """Silence raises the alarm: an age would have to be invented."""
    handler.run(Aws(SETTINGS), "application", NOW, {})
    assert "RepositoryBundleAgeHours" not in published()


def test_a_run_that_cannot_write_its_manifest_reports_nothing() -> None:
    settings = Settings.read(ENVIRONMENT | {"BUCKET": "gone"})
    with pytest.raises(ClientError, match="NoSuchBucket"):
        handler.run(Aws(settings), "system", NOW, {"a": one_item})
    assert published() == {}


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="application, system"):
        handler.run(Aws(SETTINGS), "everything", NOW)


def test_the_handler_reads_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(handler.SOURCES, "system", {"a": one_item})  # pyright: ignore[reportArgumentType]
    assert handler.handler({"part": "system"})["failed"] == {}


def test_the_files_work_side_by_side_as_lambda_puts_them(tmp_path: Any) -> None:
    """In the archive there is no package: the handler must find its neighbours by their bare names."""
    import subprocess
    import sys
    from pathlib import Path

    folder = Path(handler.__file__).parent
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for file in folder.glob("*.py"):
            packed.write(file, file.name)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", "import handler; print(sorted(handler.SOURCES))"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == "['application', 'system']", ran.stderr


def test_json_refuses_what_it_cannot_say() -> None:
    with pytest.raises(TypeError, match="bytes in x"):
        document("x", {"a": b"1"})
