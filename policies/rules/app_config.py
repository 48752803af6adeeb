"""Rules about configuration that people change while the platform runs (AppConfig)."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Resource
from policies.rule import Given, Kind, Problem, ResourceRule, Severity, absent, bad, good, unknown, unresolved, violation
from policies.values import ABSENT, UNKNOWN, items

PROFILE = "aws:appconfig/configurationProfile:ConfigurationProfile"
DEPLOYMENT = "aws:appconfig/deployment:Deployment"
_FLAGS = "AWS.AppConfig.FeatureFlags"


def _held(resource: Resource) -> Iterator[Problem]:
    kind, validators, where = resource.get("type"), resource.get("validators"), resource.get("locationUri")
    if kind is UNKNOWN:
        yield unresolved(resource, "type")
    elif kind != _FLAGS and validators is UNKNOWN:
        yield unresolved(resource, "validators")
    elif kind != _FLAGS and not items(validators):
        yield violation(resource, "validators", "any document can be deployed: nothing holds it against its bounds first")
    key = resource.get("kmsKeyIdentifier")
    if where is UNKNOWN:
        yield unresolved(resource, "locationUri")
    elif where == "hosted":
        if key is UNKNOWN and not resource.sources("kmsKeyIdentifier"):
            yield unresolved(resource, "kmsKeyIdentifier")
        elif key is ABSENT:
            yield violation(resource, "kmsKeyIdentifier", "hosted documents lie under a key of AWS's")


_KEY = "arn:aws:kms:us-east-1:123456789012:key/a"
_VALIDATORS = [{"type": "JSON_SCHEMA", "content": "{}"}]
_SOUND: dict[str, object] = {"locationUri": "hosted", "type": "AWS.Freeform", "validators": _VALIDATORS, "kmsKeyIdentifier": _KEY}


def _profile(**changes: object) -> Given:
    return Given(PROFILE, "profile", {key: value for key, value in {**_SOUND, **changes}.items() if value is not None})


CFG_01 = ResourceRule(
    id="CFG-01",
    severity=Severity.HIGH,
    title="Documents that people deploy are held against a validator, and lie under a key of one's own.",
    rationale="A slip in a risk limit or in the share of the trading volume reaches the engine within a minute, without a review.",
    remediation="Give the profile a JSON Schema (draft-04) under `validators`, and `kms_key_identifier`.",
    references=("NRC-073", "PFC-221"),
    types=(PROFILE,),
    check=_held,
    examples=(
        good("a validator and a key", _profile()),
        good("feature flags, which AppConfig holds against its own schema", _profile(type=_FLAGS, validators=None)),
        good("another store has its own key", _profile(locationUri="ssm-parameter://limits", kmsKeyIdentifier=None)),
        bad("no validator", _profile(validators=None)),
        bad("an empty list of them", _profile(validators=[])),
        bad("AppConfig's default is freeform", _profile(type=None, validators=None)),
        bad("AWS's key", _profile(kmsKeyIdentifier=None)),
        bad("flags under AWS's key", _profile(type=_FLAGS, validators=None, kmsKeyIdentifier=None)),
        unknown(
            "a key that is still to be made",
            Given(PROFILE, "profile", {**_SOUND, "kmsKeyIdentifier": UNKNOWN}, {"kmsKeyIdentifier": ["key"]}),
            Given("aws:kms/key:Key", "key", {}),
        ),
        unknown("a key from nowhere", _profile(kmsKeyIdentifier=UNKNOWN), expect={"profile": Kind.UNRESOLVED}),
        unknown("validators that are computed", _profile(validators=UNKNOWN), expect={"profile": Kind.UNRESOLVED}),
        unknown("a type that is computed", _profile(type=UNKNOWN), expect={"profile": Kind.UNRESOLVED}),
        unknown("a store that is computed", _profile(locationUri=UNKNOWN), expect={"profile": Kind.UNRESOLVED}),
        absent("a profile without anything", Given(PROFILE, "profile", {"locationUri": "hosted"}), expect={"profile": Kind.VIOLATION}),
    ),
)


def _not_ours(resource: Resource) -> Iterator[Problem]:
    version = resource.get("configurationVersion")
    if version is UNKNOWN:
        yield unresolved(resource, "configurationVersion", "a deployment is a resource, and which version it deploys is not known yet")
    else:
        yield violation(resource, "configurationVersion", "an update can deploy an old document over the one that people deployed")


CFG_02 = ResourceRule(
    id="CFG-02",
    severity=Severity.HIGH,
    title="What is deployed is not a resource.",
    rationale="Once a refresh has lost sight of it, the next update deploys its version again: trading volume and limits jump back.",
    remediation="Leave deployments to `nautilus flags`, which knows what is deployed and asks the alarms.",
    references=("NRC-073", "PFC-135"),
    types=(DEPLOYMENT,),
    check=_not_ours,
    examples=(
        good("a profile alone", _profile()),
        bad("a first version", Given(DEPLOYMENT, "deployment", {"configurationVersion": "1"})),
        unknown(
            "a version that is still to be made",
            Given(DEPLOYMENT, "deployment", {"configurationVersion": UNKNOWN}, {"configurationVersion": ["version"]}),
            expect={"deployment": Kind.UNRESOLVED},
        ),
        absent("without a version", Given(DEPLOYMENT, "deployment", {}), expect={"deployment": Kind.VIOLATION}),
    ),
)

RULES = (CFG_01, CFG_02)
