"""ECS's service deployments on moto, which lacks them; every answer is checked against botocore's model of the API.

The handlers sit on a real client, so that requests are validated and answers pass through boto3 as AWS's do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from botocore.model import ListShape, OperationModel, StringShape, StructureShape
from botocore.validate import ParamValidator
from moto.ecr.models import ecr_backends

from nautilus.ops.rollout.facts import Facts, read_facts
from nautilus.ops.rollout.gate import Clients
from tests.ops.conftest import ACCOUNT, REGION

CLUSTER = "nautilus-prod-cluster"
ROOT = "/nautilus/prod"
NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
"""A Saturday, when no exchange is open."""
LACKED = (
    "ListServiceDeployments",
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "StopServiceDeployment",
    "ContinueServiceDeployment",
)
"""Operations of ECS that moto does not have."""
RUNNING = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")


class DriftError(AssertionError):
    """A fake answer that AWS could not give."""


def check_answer(operation: OperationModel, answer: Mapping[str, Any]) -> None:
    """Refuse an answer that the API's model does not know: a member, a type or an enumerated value.

    Raises:
        DriftError: Naming everything that differs.
    """
    shape = operation.output_shape
    assert isinstance(shape, StructureShape)
    report = ParamValidator().validate(dict(answer), shape)
    wrong = [report.generate_report()] if report.has_errors() else list(_values(shape, answer, str(operation.name)))
    if wrong:
        raise DriftError("; ".join(wrong))


def _values(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Enumerated values, which botocore's own check leaves to AWS."""
    if isinstance(shape, StructureShape):
        if getattr(shape, "is_document_type", False):
            return
        members: dict[str, Any] = getattr(shape, "members", {})
        for name, item in value.items():
            yield from _values(members[name], item, f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            yield from _values(getattr(shape, "member", None), item, path)
    elif isinstance(shape, StringShape):
        known: list[str] = getattr(shape, "enum", [])
        if known and value not in known:
            yield f"{path}: {value!r} is none of {', '.join(known)}"


def digest(letter: str) -> str:
    """An image's digest."""
    return f"sha256:{letter * 64}"


@dataclass
class FakeEcs:
    """The deployments that ECS remembers, as DescribeServiceDeployments tells them, oldest first."""

    client: Any
    deployments: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    revisions: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    errors: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    """Errors that the next calls of an operation give, each code and message."""
    on_look: Callable[[FakeEcs], None] = lambda _fake: None
    """Runs before each DescribeServiceDeployments: time passes at ECS."""
    page: int = 2
    """Deployments on one page of a list."""
    at: datetime = NOW

    def add(
        self, service: str, status: str, new: str, old: str | None = None, *, weight: float | None = None, **more: Any
    ) -> dict[str, Any]:
        """A deployment of `new` over `old`, both ARNs of task definitions."""
        number = len(self.deployments) + 1
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-deployment/{CLUSTER}/nautilus-prod-{service}/d{number}"
        share = {"SUCCESSFUL": 100.0}.get(status, 0.0) if weight is None else weight
        made: dict[str, Any] = {
            "serviceDeploymentArn": arn,
            "serviceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{CLUSTER}/nautilus-prod-{service}",
            "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{CLUSTER}",
            "createdAt": self.at + timedelta(minutes=number),
            "startedAt": self.at + timedelta(minutes=number, seconds=10),
            "status": status,
            "targetServiceRevision": self._side(service, new, 2, share),
            "sourceServiceRevisions": [self._side(service, old, 2, 100 - share)] if old else [],
            "deploymentConfiguration": {"strategy": "LINEAR"},
            **more,
        }
        if status not in RUNNING:
            made.setdefault("finishedAt", made["startedAt"] + timedelta(minutes=15))
        self.deployments.append(made)
        return made

    def _side(self, service: str, definition: str, tasks: int, weight: float) -> dict[str, Any]:
        found = self.client.describe_task_definition(taskDefinition=definition)["taskDefinition"]
        image = found["containerDefinitions"][0]["image"]
        number = len(self.revisions) + 1
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/{CLUSTER}/nautilus-prod-{service}/r{number}"
        self.revisions[arn] = {
            "serviceRevisionArn": arn,
            "taskDefinition": found["taskDefinitionArn"],
            "containerImages": [{"containerName": service, "image": image, "imageDigest": image.partition("@")[2]}],
        }
        return {
            "arn": arn,
            "requestedTaskCount": tasks,
            "runningTaskCount": tasks,
            "pendingTaskCount": 0,
            "requestedProductionTrafficWeight": weight,
            "requestedTestTrafficWeight": 0.0,
        }

    def _find(self, arn: str) -> dict[str, Any] | None:
        return next((item for item in self.deployments if item["serviceDeploymentArn"] == arn), None)

    def answer(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any] | tuple[str, str]:
        """AWS's answer, or an error's code and message."""
        self.calls.append((operation, dict(asked)))
        if self.errors.get(operation):
            return self.errors[operation].pop(0)
        match operation:
            case "ListServiceDeployments":
                return self._list(asked)
            case "DescribeServiceDeployments":
                self.on_look(self)
                found = {arn: self._find(arn) for arn in asked["serviceDeploymentArns"]}
                return {
                    "serviceDeployments": [item for item in found.values() if item],
                    "failures": [{"arn": arn, "reason": "MISSING"} for arn, item in found.items() if not item],
                }
            case "DescribeServiceRevisions":
                return {"serviceRevisions": [self.revisions[arn] for arn in asked["serviceRevisionArns"] if arn in self.revisions]}
            case "StopServiceDeployment":
                one = self._find(asked["serviceDeploymentArn"])
                assert one is not None
                if asked.get("stopType") == "ABORT":
                    return ("InvalidParameterException", "stopType ABORT is not supported")
                one["status"] = "ROLLBACK_REQUESTED"
                return {"serviceDeploymentArn": asked["serviceDeploymentArn"]}
            case _:
                one = self._find(asked["serviceDeploymentArn"])
                assert one is not None
                hook = next(item for item in one["lifecycleHookDetails"] if item["hookId"] == asked["hookId"])
                hook["status"] = "SUCCEEDED"
                return {"serviceDeploymentArn": asked["serviceDeploymentArn"]}

    def _list(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        mine = [item for item in self.deployments if item["serviceArn"].endswith("/" + asked["service"])]
        mine = [item for item in mine if not asked.get("status") or item["status"] in asked["status"]]
        start = int(asked.get("nextToken", 0))
        briefs = [
            {
                **{key: value for key, value in item.items() if key in _BRIEF},
                "targetServiceRevisionArn": item["targetServiceRevision"]["arn"],
            }
            for item in mine[start : start + self.page]
        ]
        more = {"nextToken": str(start + self.page)} if start + self.page < len(mine) else {}
        return {"serviceDeployments": briefs, **more}


_BRIEF = ("serviceDeploymentArn", "serviceArn", "clusterArn", "createdAt", "startedAt", "finishedAt", "status", "statusReason")


@contextmanager
def deployments_on(client: Any) -> Generator[FakeEcs]:
    """Give a moto client of ECS what moto lacks; an UpdateService begins a deployment."""
    fake = FakeEcs(client)
    asked: dict[str, Any] = {}

    def remember(params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        asked[str(model.name)] = dict(params)

    def answer(model: OperationModel, **_: Any) -> tuple[Any, dict[str, Any]]:
        found = fake.answer(str(model.name), asked[str(model.name)])
        metadata = {"HTTPStatusCode": 200, "RetryAttempts": 0}
        if isinstance(found, tuple):
            code, text = found
            return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": text}, "ResponseMetadata": metadata}
        check_answer(model, found)
        return SimpleNamespace(status_code=200), {**found, "ResponseMetadata": metadata}

    def begin(parsed: dict[str, Any], **_: Any) -> None:
        if "service" not in parsed:
            return
        service = parsed["service"]["serviceName"].removeprefix("nautilus-prod-")
        before = [item for item in fake.deployments if item["serviceArn"].endswith(parsed["service"]["serviceName"])]
        old = fake.revisions[before[-1]["targetServiceRevision"]["arn"]]["taskDefinition"] if before else None
        fake.add(service, "PENDING", parsed["service"]["taskDefinition"], old)

    events = client.meta.events

    def note(params: dict[str, Any], model: OperationModel, **_: Any) -> None:
        fake.calls.append((str(model.name), dict(params)))

    handlers: list[tuple[str, Any]] = [("after-call.ecs.UpdateService", begin), ("before-parameter-build.ecs.UpdateService", note)]
    for name in LACKED:
        handlers += [(f"before-parameter-build.ecs.{name}", remember), (f"before-call.ecs.{name}", answer)]
    for event, handler in handlers:
        events.register(event, handler)
    try:
        yield fake
    finally:
        for event, handler in handlers:
            events.unregister(event, handler)


def template(service: str, image: str, **more: Any) -> dict[str, Any]:
    """A request for a task definition as the program makes it: the main container first, a sidecar, a volume, roles, a processor."""
    return {
        "family": f"nautilus-prod-{service}",
        "taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/nautilus-prod-{service}-task",
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/nautilus-prod-{service}-execution",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "2048",
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "volumes": [{"name": "scratch"}],
        "containerDefinitions": [
            {"name": service, "image": image, "essential": True, "readonlyRootFilesystem": True, "stopTimeout": 60},
            {"name": "collector", "image": "ecr/collector@" + digest("c"), "essential": False},
        ],
        "tags": [{"key": "Environment", "value": "prod"}],
        **more,
    }


@dataclass
class Platform:
    """A stack on moto: a cluster, services, images, alarms and what the stack published."""

    session: Any
    fake: FakeEcs
    templates: dict[str, str]
    outputs: dict[str, Any]
    pushed: int = 0

    @property
    def clients(self) -> Clients:
        """The clients that operations take."""
        return Clients(self.session.client("ecs"), self.session.client("ecr"), self.session.client("ssm"))

    @property
    def cloudwatch(self) -> Any:
        return self.session.client("cloudwatch")

    @property
    def facts(self) -> Facts:
        """What the operations read."""
        return read_facts(self.session.client("ssm"), ROOT)

    def publish(self) -> None:
        """Write the outputs where the stack writes them."""
        ssm = self.session.client("ssm")
        for key, value in self.outputs.items():
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            ssm.put_parameter(Name=f"{ROOT}/outputs/{key}", Value=text, Type="String", Overwrite=True)

    def parameter(self, name: str) -> Any:
        """A record of the stack as JSON; None where there is none."""
        ssm = self.session.client("ssm")
        found = ssm.get_parameters(Names=[f"{ROOT}/{name}"])["Parameters"]
        return json.loads(found[0]["Value"]) if found else None

    def put(self, name: str, value: Any) -> None:
        """Write a record."""
        text = value if isinstance(value, str) else json.dumps(value)
        self.session.client("ssm").put_parameter(Name=f"{ROOT}/{name}", Value=text, Type="String", Overwrite=True)

    def push(self, service: str, findings: Mapping[str, Any] | None = None, *, status: str = "COMPLETE", scanned: bool = True) -> str:
        """Push an image and have it scanned; its digest."""
        self.pushed += 1
        manifest = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "layers": [{"mediaType": "x", "size": 1, "digest": f"sha256:{self.pushed:064x}"}],
        }
        return self._put(
            service, manifest, {"findings": [], "findingSeverityCounts": {}} if findings is None else findings, status, scanned
        )

    def push_index(self, service: str, **parts: str) -> str:
        """Push an index of images by processor, `arm64=digest`, with the attestation that builders add; its digest."""
        manifests = [
            {"mediaType": IMAGE, "digest": found, "size": 1, "platform": {"os": "linux", "architecture": name}}
            for name, found in parts.items()
        ]
        manifests.append({"mediaType": IMAGE, "digest": digest("e"), "size": 1, "platform": {"os": "unknown", "architecture": "unknown"}})
        return self._put(service, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, {}, "COMPLETE", scanned=False)

    def _put(self, service: str, manifest: Mapping[str, Any], findings: Mapping[str, Any], status: str, scanned: bool) -> str:
        ecr, name = self.session.client("ecr"), f"nautilus-prod/{service}"
        made = ecr.put_image(
            repositoryName=name,
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=manifest["mediaType"],
            imageTag=f"t{len(ecr.list_images(repositoryName=name)['imageIds'])}",
        )["image"]["imageId"]["imageDigest"]
        if scanned:
            ecr.start_image_scan(repositoryName=name, imageId={"imageDigest": made})
            answer: dict[str, Any] = {
                "registryId": ACCOUNT,
                "repositoryName": name,
                "imageId": {"imageDigest": made},
                "imageScanStatus": {"status": status},
                "imageScanFindings": dict(findings),
            }
            check_answer(ecr.meta.service_model.operation_model("DescribeImageScanFindings"), answer)
            ecr_backends[ACCOUNT][REGION].scan_finding_results.append(answer)
        return made


IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@contextmanager
def platform_on(session: Any) -> Generator[Platform]:
    """A stack `prod` on moto: four services that run revision 1 since a successful deployment, and a pipeline's template."""
    ecs = session.client("ecs")
    with deployments_on(ecs) as fake:
        ecs.create_cluster(clusterName=CLUSTER)
        templates: dict[str, str] = {}
        for service in ("backend", "engine", "frontend", "ib-gateway"):
            session.client("ecr").create_repository(repositoryName=f"nautilus-prod/{service}")
            url = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nautilus-prod/{service}"
            made = ecs.register_task_definition(**template(service, f"{url}@{digest('1')}"))
            templates[service] = made["taskDefinition"]["taskDefinitionArn"]
            percents = {"minimumHealthyPercent": 0, "maximumPercent": 100} if service in ("engine", "ib-gateway") else {}
            ecs.create_service(
                cluster=CLUSTER,
                serviceName=f"nautilus-prod-{service}",
                taskDefinition=templates[service],
                desiredCount=2,
                deploymentConfiguration=percents,
            )
        outputs = {
            "clusterName": CLUSTER,
            "serviceNames": {name: f"nautilus-prod-{name}" for name in templates},
            "repositoryUrls": {name: f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/nautilus-prod/{name}" for name in templates},
            "taskTemplates": templates,
            "alarmNames": [],
        }
        made = Platform(session, fake, templates, outputs)
        made.publish()
        yield made
