"""Names of images, and the registry's documents."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.plan.iam import repository_arn
from infra.plan.images import (
    CACHE_LIFECYCLE,
    LONGEST_REPOSITORY,
    UPSTREAMS,
    findings_pattern,
    push_policy,
    registry_policy,
    scanning_rules,
    upstream_image,
    upstream_repository,
)

ACCOUNT, REGION, SUFFIX = "123456789012", "us-east-1", "amazonaws.com"
DIGEST = "sha256:" + "0" * 64
FLUENT_BIT = "aws-observability/aws-for-fluent-bit"
names = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}", fullmatch=True)


def test_a_public_image_is_named_through_the_cache() -> None:
    image = upstream_image(ACCOUNT, REGION, SUFFIX, "ecr-public", FLUENT_BIT, DIGEST)
    assert image == f"{ACCOUNT}.dkr.ecr.{REGION}.{SUFFIX}/ecr-public/{FLUENT_BIT}@{DIGEST}"
    assert repository_arn(image) == f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/ecr-public/{FLUENT_BIT}", "roles are given this repository"


@given(names)
def test_every_repositorys_name_stays_below_its_registrys_prefix(repository: str) -> None:
    found = upstream_repository("ecr-public", repository)
    assert found == f"ecr-public/{repository}"
    assert repository_arn(upstream_image(ACCOUNT, REGION, SUFFIX, "ecr-public", repository, DIGEST)).endswith(f"repository/{found}")


@pytest.mark.parametrize(
    ("upstream", "repository", "digest", "words"),
    [
        ("docker-hub", FLUENT_BIT, DIGEST, "no cache of 'docker-hub'"),
        ("ecr-public", "Upper/case", DIGEST, "no name of a repository"),
        ("ecr-public", "a//b", DIGEST, "no name of a repository"),
        ("ecr-public", "a/" + "b" * LONGEST_REPOSITORY, DIGEST, "no name of a repository"),
        ("ecr-public", FLUENT_BIT, "latest", "no digest"),
        ("ecr-public", FLUENT_BIT, DIGEST.upper(), "no digest"),
    ],
)
def test_what_is_no_image_is_refused(upstream: str, repository: str, digest: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        upstream_image(ACCOUNT, REGION, SUFFIX, upstream, repository, digest)


def test_prefixes_are_what_ecr_takes_and_need_no_credential() -> None:
    for prefix, upstream in UPSTREAMS.items():
        assert prefix == upstream.prefix
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", prefix)
        assert 2 <= len(prefix) <= 30
        assert upstream.url == "public.ecr.aws", "every other registry asks for a credential in Secrets Manager"


def test_copies_go_by_number_because_digests_have_no_tags() -> None:
    [rule] = json.loads(CACHE_LIFECYCLE)["rules"]
    assert (rule["selection"]["tagStatus"], rule["selection"]["countType"]) == ("any", "imageCountMoreThan")


def test_ecrs_own_scan_knows_pushes_alone() -> None:
    assert scanning_rules(enhanced=False, continuous=["nautilus-prod"]) == {"SCAN_ON_PUSH": ["*"]}
    assert scanning_rules(enhanced=True, continuous=["b", "a", "b"]) == {"CONTINUOUS_SCAN": ["a/*", "b/*"], "SCAN_ON_PUSH": ["*"]}
    assert scanning_rules(enhanced=True, continuous=[]) == {"SCAN_ON_PUSH": ["*"]}


def test_the_registrys_policy_only_refuses() -> None:
    [statement] = json.loads(registry_policy(account_id=ACCOUNT, region=REGION))["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Action"] == ["ecr:CreateRepository", "ecr:ReplicateImage"], "what a registry's policy may speak of"


def test_both_scanners_are_listened_to_for_this_stack_alone() -> None:
    patterns = {key: json.loads(text) for key, text in findings_pattern("nautilus-prod/").items()}
    assert {one["source"][0] for one in patterns.values()} == {"aws.ecr", "aws.inspector2"}
    assert patterns["scan"]["detail"]["repository-name"] == [{"prefix": "nautilus-prod/"}]
    image = patterns["enhanced"]["detail"]["resources"]["details"]["awsEcrContainerImage"]
    assert image == {"repositoryName": [{"prefix": "nautilus-prod/"}]}


def test_whoever_pushes_signs_only_where_there_is_a_profile() -> None:
    profile = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/p"
    plain = json.loads(push_policy(repository_arns=["r"], profile_arn=None))["Statement"]
    assert [one["Sid"] for one in plain] == ["RegistryLogin", "PushAndRead"]
    assert plain[1]["Resource"] == "r"
    signed = json.loads(push_policy(repository_arns=["r"], profile_arn=profile))["Statement"][-1]
    assert (signed["Resource"], signed["Action"]) == (profile, ["signer:GetSigningProfile", "signer:SignPayload"])
