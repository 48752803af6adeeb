"""The account's registry: what is scanned, cached and copied, and that repositories which ECR makes by itself are no worse than ours."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from infra.component import Context
from infra.components.account_registry import AccountRegistry, ImageReplication, creation_policy
from infra.naming import Names
from infra.plan.images import UPSTREAMS
from infra.settings.registry import AccountRegistry as Settings
from nautilus.sandbox.simulation.mocks import Recorded, Recording, synth
from policies.testing import evaluate, simulated

ACCOUNT, HOME, THERE = "123456789012", "us-east-1", "us-west-2"
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
SCANNING = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"


def context(*, unlocked: bool = False) -> Context:
    return Context(
        names=Names("nautilus", "account"), account_id=ACCOUNT, region=HOME, dr_region=THERE, zones=(), log_days=365, unlocked=unlocked
    )


def made(**settings: Any) -> Recording[Any]:
    return synth(lambda: AccountRegistry("registry", context(), settings=Settings.model_validate(settings)) and None)


def at(recording: Recording[Any], kind: str) -> dict[str, Recorded]:
    return {one.inputs["region"]: one for one in recording.by_type(kind)}


def test_both_regions_scan_every_push_with_ecrs_own_scanner() -> None:
    recording = made()
    for region in (HOME, THERE):
        one = at(recording, SCANNING)[region].inputs
        assert one["scanType"] == "BASIC"
        assert one["rules"] == [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}]
    settings = recording.by_type("aws:ecr/accountSetting:AccountSetting")
    assert {(one.inputs["region"], one.inputs["name"], one.inputs["value"]) for one in settings} == {
        (region, "BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE") for region in (HOME, THERE)
    }


def test_inspector_looks_again_at_what_production_runs() -> None:
    one = at(made(scanning="enhanced", continuous=["prod", "staging"]), SCANNING)[HOME].inputs
    assert one["scanType"] == "ENHANCED"
    rules = {rule["scanFrequency"]: [each["filter"] for each in rule["repositoryFilters"]] for rule in one["rules"]}
    assert rules == {"CONTINUOUS_SCAN": ["nautilus-prod/*", "nautilus-staging/*"], "SCAN_ON_PUSH": ["*"]}
    none = at(made(scanning="enhanced", continuous=[]), SCANNING)[HOME].inputs
    assert [rule["scanFrequency"] for rule in none["rules"]] == ["SCAN_ON_PUSH"]


def test_public_images_come_through_a_cache_whose_repositories_are_like_ours() -> None:
    recording = made()
    [rule] = recording.by_type("aws:ecr/pullThroughCacheRule:PullThroughCacheRule")
    assert (rule.inputs["ecrRepositoryPrefix"], rule.inputs["upstreamRegistryUrl"]) == ("ecr-public", "public.ecr.aws")
    templates = {one.inputs["prefix"]: one for one in recording.by_type(TEMPLATE)}
    assert set(templates) == {*UPSTREAMS, "nautilus-prod"}
    cache = templates["ecr-public"]
    assert cache.urn in rule.dependencies, "the first pull makes the repository"
    assert cache.inputs["appliedFors"] == ["PULL_THROUGH_CACHE"]
    [rule] = json.loads(cache.inputs["lifecyclePolicy"])["rules"]
    assert rule["selection"]["tagStatus"] == "any", "what is pulled by digest has no tag"
    for one in templates.values():
        assert one.inputs["imageTagMutability"] == "IMMUTABLE"
        [encryption] = one.inputs["encryptionConfigurations"]
        keys = at(recording, "aws:kms/key:Key")
        assert encryption == {"encryptionType": "KMS", "kmsKey": keys[one.inputs["region"]].outputs["arn"]}


def test_without_the_cache_only_the_copies_templates_stay() -> None:
    recording = made(pullThroughCache=False, replicated=["prod", "staging"])
    assert recording.by_type("aws:ecr/pullThroughCacheRule:PullThroughCacheRule") == []
    templates = {one.inputs["prefix"]: one for one in recording.by_type(TEMPLATE)}
    assert {prefix: (one.inputs["region"], one.inputs["appliedFors"]) for prefix, one in templates.items()} == {
        "nautilus-prod": (THERE, ["REPLICATION"]),
        "nautilus-staging": (THERE, ["REPLICATION"]),
    }
    [role] = recording.by_type("aws:iam/rolePolicy:RolePolicy")
    assert "ecr-public" not in role.inputs["policy"]


def test_ecrs_role_makes_these_repositories_under_these_keys_alone() -> None:
    repositories, keys = json.loads(creation_policy(key_arns=["k"], repositories=["r"]))["Statement"]
    assert (repositories["Resource"], keys["Resource"]) == ("r", "k")
    assert keys["Action"] == ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"]
    [role] = made().by_type("aws:iam/role:Role")
    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]["Principal"] == {"Service": "ecr.amazonaws.com"}


def test_no_other_account_copies_into_a_registry() -> None:
    for region, one in at(made(), "aws:ecr/registryPolicy:RegistryPolicy").items():
        [statement] = json.loads(one.inputs["policy"])["Statement"]
        assert (statement["Effect"], statement["Resource"]) == ("Deny", f"arn:aws:ecr:{region}:{ACCOUNT}:repository/*")
        assert statement["Condition"]["StringNotEquals"] == {"aws:PrincipalAccount": ACCOUNT}
        assert statement["Condition"]["Null"] == {"aws:PrincipalAccount": "false"}, "AWS's own services name no account"


def test_keys_outlast_a_destroy_unless_the_stack_is_unlocked() -> None:
    assert all(one.protect and one.retain_on_delete for one in made().by_type("aws:kms/key:Key"))
    free = synth(lambda: AccountRegistry("registry", context(unlocked=True), settings=Settings()) and None)
    assert not any(one.protect for one in free.by_type("aws:kms/key:Key"))


def images(*prefixes: str) -> Recording[Any]:
    return synth(lambda: ImageReplication("images", context(), prefixes=prefixes or ("nautilus-prod/", "nautilus-prod/")))


def test_pushes_are_copied_for_the_named_repositories_alone() -> None:
    [one] = images().by_type("ecr.ReplicationConfiguration")
    [rule] = one.inputs["replicationConfiguration"]["rules"]
    assert rule["destinations"] == [{"region": THERE, "registryId": ACCOUNT}]
    assert rule["repositoryFilters"] == [{"filter": "nautilus-prod/", "filterType": "PREFIX_MATCH"}]
    assert one.inputs["region"] == HOME
    with pytest.raises(Exception, match="0 prefixes"):
        synth(lambda: ImageReplication("images", context(), prefixes=()))


@pytest.mark.parametrize("build", [made, images])
def test_the_policies_find_nothing(build: Any) -> None:
    assert [str(one) for one in evaluate(simulated(build()), advice=True)] == []


def test_a_worse_template_is_found() -> None:
    recorded = simulated(made().resources)

    def found(**props: Any) -> set[str]:
        changed = [replace(one, props={**one.props, **props}) if one.type == TEMPLATE else one for one in recorded]
        return {one.rule for one in evaluate(changed, advice=True)}

    assert found(imageTagMutability="MUTABLE") == {"ECR-02"}
    assert found(encryptionConfigurations=[{"encryptionType": "AES256"}]) == {"ECR-01"}
