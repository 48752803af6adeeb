"""The unit-test mocks: what they record, and what they refuse."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws
import pulumi_random as random
import pytest

from nautilus.sandbox.simulation.mocks import CheckError, SimulationMocks, synth

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Part(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("nautilus:part:Part", name)
        self.topic = aws.sns.Topic("alerts", opts=pulumi.ResourceOptions(parent=self, protect=True, ignore_changes=["tags"]))


def network() -> aws.lb.LoadBalancer:
    vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16")
    subnets = [
        aws.ec2.Subnet(f"s-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone=f"us-east-1{zone}")
        for index, zone in enumerate("ab")
    ]
    return aws.lb.LoadBalancer("web", subnets=[each.id for each in subnets])


def test_resources_are_recorded_with_computed_values() -> None:
    found = synth(network)
    balancer = found.one("lb.LoadBalancer")
    assert balancer.outputs["dnsName"].endswith(".us-east-1.elb.amazonaws.com")
    assert balancer.inputs["subnets"] == [each.id for each in found.by_type("aws:ec2/subnet:Subnet")]
    assert set(balancer.property_dependencies["subnets"]) == {each.urn for each in found.by_type("ec2.Subnet")}
    assert balancer.outputs["vpcId"] == found.one("ec2.Vpc", "main").id
    assert isinstance(found.result, aws.lb.LoadBalancer)
    assert len(found) == 4


def test_parents_and_options_are_recorded() -> None:
    found = synth(lambda: Part("p"))
    topic = found.one("sns.Topic")
    assert topic.parent == found.named("p").urn
    assert topic.urn.endswith("nautilus:part:Part$aws:sns/topic:Topic::alerts")
    assert topic.protect
    assert topic.ignore_changes == ("tags",)
    assert not found.named("p").custom
    assert found.urns() == sorted(each.urn for each in found)


def test_a_broken_rule_raises_with_resource_and_rule() -> None:
    with pytest.raises(CheckError, match=r"(?s)aws:lb/targetGroup:TargetGroup 'web'.*lb-target-group-name"):
        synth(lambda: aws.lb.TargetGroup("web", name="x" * 40, port=80, protocol="HTTP", vpc_id="vpc-0"))


def test_findings_can_be_collected() -> None:
    found = synth(lambda: aws.lb.TargetGroup("web", name="x" * 40, port=80, protocol="HTTP", vpc_id="vpc-0"), strict=False)
    assert [(name, one.rule) for _, name, one in found.failures] == [("web", "lb-target-group-name")]


def test_an_error_behind_a_chain_of_outputs_is_the_first_one() -> None:
    def build() -> None:
        group = aws.lb.TargetGroup("web", name="x" * 40, port=80, protocol="HTTP", vpc_id="vpc-0")
        aws.ssm.Parameter("p", type="String", value=group.arn.apply(lambda arn: arn + "!"))

    with pytest.raises(CheckError, match="lb-target-group-name"):
        synth(build)


def test_an_error_of_the_program_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        synth(lambda: 1 // 0)


def test_relations_are_checked() -> None:
    def build() -> None:
        vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16")
        subnets = [
            aws.ec2.Subnet(f"s{index}", vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone="us-east-1a")
            for index in range(2)
        ]
        aws.lb.LoadBalancer("web", subnets=[each.id for each in subnets])

    with pytest.raises(CheckError, match="lb-two-zones"):
        synth(build)


def test_a_generator_that_allows_an_at_sign() -> None:
    def build() -> None:
        password = random.RandomPassword("pw", length=24)
        aws.rds.Instance(
            "db",
            engine="postgres",
            instance_class="db.t4g.micro",
            allocated_storage=20,
            username="app",
            password=password.result,
            skip_final_snapshot=True,
        )

    with pytest.raises(CheckError, match="rds-password") as caught:
        synth(build)
    assert "24" not in str(caught.value)


def test_secrets_are_marked() -> None:
    def build() -> pulumi.Output[str]:
        secret = aws.secretsmanager.Secret("s", name="db")
        return aws.secretsmanager.SecretVersion("v", secret_id=secret.id, secret_string=pulumi.Output.secret("hunter2")).version_id

    version = synth(build).one("secretsmanager.SecretVersion")
    assert version.secrets == {"secretString"}
    assert version.inputs["secretString"] == "hunter2"


def test_exports_and_functions() -> None:
    def build() -> None:
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("zones", aws.get_availability_zones_output(state="available").names)

    found = synth(build, region="eu-west-1", account="210987654321")
    assert found.exports == {"account": "210987654321", "zones": ["eu-west-1a", "eu-west-1b", "eu-west-1c"]}
    assert synth(lambda: None).exports == {}, "exports of an earlier run are gone"


def test_an_explicit_provider_and_a_region_of_its_own() -> None:
    def build() -> None:
        provider = aws.Provider(
            "main", region="eu-west-1", allowed_account_ids=["210987654321"], default_tags={"tags": {"Project": "nautilus"}}
        )
        options = pulumi.ResourceOptions(provider=provider)
        aws.sns.Topic("here", opts=options)
        aws.sns.Topic("there", region="us-east-1", tags={"Name": "x"}, opts=options)

    found = synth(build)
    assert found.one("sns.Topic", "here").id.startswith("arn:aws:sns:eu-west-1:210987654321:here-")
    there = found.one("sns.Topic", "there")
    assert there.id.startswith("arn:aws:sns:us-east-1:210987654321:there-")
    assert there.inputs["tagsAll"] == {"Project": "nautilus", "Name": "x"}
    assert there.provider


def test_configuration_is_given_and_taken_back() -> None:
    found = synth(lambda: pulumi.Config("nautilus-infra").require("environment"), config={"nautilus-infra:environment": "test"})
    assert found.result == "test"
    assert synth(lambda: pulumi.Config("nautilus-infra").get("environment")).result is None


def test_preview_and_names() -> None:
    assert synth(pulumi.runtime.is_dry_run, preview=True).result is True
    assert synth(lambda: f"{pulumi.get_project()}/{pulumi.get_stack()}", stack="prod").result == "nautilus-infra/prod"


def test_overrides() -> None:
    found = synth(lambda: aws.sns.Topic("a").arn, overrides={"aws:sns/topic:Topic": {"owner": "someone"}})
    assert found.one("sns.Topic").outputs["owner"] == "someone"


def test_looking_up_what_is_not_there_says_what_is() -> None:
    found = synth(lambda: aws.sns.Topic("a"))
    with pytest.raises(LookupError, match="aws:sns/topic:Topic 'a'"):
        found.one("rds.Instance")


def test_a_policy_as_an_object_and_assets() -> None:
    def build() -> None:
        role = aws.iam.Role("r", assume_role_policy=TRUST)
        aws.lambda_.Function(
            "f",
            role=role.arn,
            runtime="python3.13",
            handler="a.b",
            code=pulumi.AssetArchive({"a.py": pulumi.StringAsset("def b(*_): pass")}),
        )

    found = synth(build)
    assert json.loads(found.one("iam.Role").inputs["assumeRolePolicy"]) == TRUST
    assert found.one("lambda.Function").outputs["invokeArn"]


def test_the_mocks_serve_the_sdks_own_monitor_too() -> None:
    pulumi.runtime.settings.set_root_resource(None)  # type: ignore[arg-type]
    pulumi.runtime.set_mocks(SimulationMocks(), project="p", stack="s")
    seen: list[str] = []

    @pulumi.runtime.test
    def build() -> pulumi.Output[None]:
        return aws.sns.Topic("a").arn.apply(seen.append)

    build()
    assert seen[0].startswith("arn:aws:sns:us-east-1:123456789012:a-")
