"""The provider process over gRPC, as the engine talks to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from nautilus.sandbox.simulation import types_table
from nautilus.sandbox.simulation.dependency_tap import install, provider_port
from nautilus.sandbox.simulation.values import OUTPUT, SIGNATURE, UNKNOWN, Secret, decode, encode
from tests.simulation.rule_cases import BASE
from tests.simulation.support import table, token, urn


class Process:
    """A provider process and its stubs."""

    def __init__(self, store: Path, *more: str) -> None:
        table()  # generated beforehand: a start with a cold cache takes seconds
        command = [
            sys.executable,
            "-m",
            "nautilus.sandbox.provider",
            "--store",
            str(store),
            "--table-cache",
            str(types_table.default_cache()),
            *more,
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        self.ports: dict[str, int] = json.loads(self.process.stdout.readline())
        self.channels = {name: grpc.insecure_channel(f"127.0.0.1:{port}") for name, port in self.ports.items()}
        self.aws: Any = provider_pb2_grpc.ResourceProviderStub(self.channels["aws"])
        self.random: Any = provider_pb2_grpc.ResourceProviderStub(self.channels["random"])

    def close(self) -> None:
        for channel in self.channels.values():
            channel.close()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def configure(self, **config: Any) -> None:
        self.aws.Configure(provider_pb2.ConfigureRequest(args=encode(config), acceptSecrets=True))

    def check(self, short: str, inputs: dict[str, Any], name: str = "it") -> Any:
        return self.aws.Check(provider_pb2.CheckRequest(urn=urn(short, name), news=encode(inputs)))

    def create(self, short: str, inputs: dict[str, Any], name: str = "it", *, preview: bool = False) -> Any:
        checked = self.check(short, inputs, name)
        assert not checked.failures, checked.failures
        return self.aws.Create(provider_pb2.CreateRequest(urn=urn(short, name), properties=checked.inputs, preview=preview))


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    found = Process(tmp_path_factory.mktemp("provider") / "store.db")
    yield found
    found.close()


def test_who_it_is(provider: Process) -> None:
    assert provider.aws.GetPluginInfo(empty_pb2.Empty()).version == table().versions["aws"]
    assert provider.random.GetPluginInfo(empty_pb2.Empty()).version == table().versions["random"]
    assert json.loads(provider.aws.GetSchema(provider_pb2.GetSchemaRequest()).schema)["name"] == "aws"
    assert isinstance(provider.aws.GetPluginInfo(empty_pb2.Empty()), plugin_pb2.PluginInfo)


def test_it_asks_for_dependencies_where_the_engine_has_them(provider: Process) -> None:
    response = provider.aws.Handshake(provider_pb2.ProviderHandshakeRequest())
    assert response.accept_secrets
    if "accepts_outputs_in_check" in response.DESCRIPTOR.fields_by_name:
        assert response.accepts_outputs_in_check


def test_check_returns_what_came_and_adds(provider: Process) -> None:
    provider.configure(region="eu-west-1", defaultTags=json.dumps({"tags": {"Project": "nautilus"}}))
    asset = {SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "path": "code.zip", "hash": "abc"}
    given = {
        "name": "f",
        "role": BASE["lambda.Function"]["role"],
        "runtime": "python3.13",
        "handler": "a.b",
        "code": asset,
        "environment": Secret({"variables": {"AA": "b"}}),
    }
    response = provider.check("lambda.Function", given)
    assert not response.failures
    assert response.inputs["code"]["path"] == "code.zip"
    inputs = decode(response.inputs)
    assert inputs["environment"] == Secret({"variables": {"AA": "b"}})
    assert inputs["region"] == "eu-west-1"
    assert inputs["tagsAll"] == {"Project": "nautilus"}


def test_findings_name_path_and_rule_and_no_property(provider: Process) -> None:
    """For a failure with a property, the engine prints the property's value, secrets included."""
    response = provider.check("lb.TargetGroup", BASE["lb.TargetGroup"] | {"name": "x" * 40, "port": 0})
    assert sorted(each.reason.partition(":")[0] for each in response.failures) == ["name", "port"]
    assert all("[lb-" in each.reason for each in response.failures)
    assert all(not each.property for each in response.failures)


def test_peers_have_regions_and_accounts_of_their_own(provider: Process) -> None:
    provider.configure(region="us-east-1")
    other = grpc.insecure_channel(f"127.0.0.1:{provider.ports['aws']}", options=[("grpc.use_local_subchannel_pool", 1)])
    stub: Any = provider_pb2_grpc.ResourceProviderStub(other)
    stub.Configure(provider_pb2.ConfigureRequest(args=encode({"region": "ap-south-1", "allowedAccountIds": '["210987654321"]'})))
    request = provider_pb2.CheckRequest(urn=urn("sns.Topic", "p"), news=encode({"name": "p"}))
    assert decode(stub.Check(request).inputs)["region"] == "ap-south-1"
    assert decode(provider.aws.Check(request).inputs)["region"] == "us-east-1"
    created = stub.Create(provider_pb2.CreateRequest(urn=urn("sns.Topic", "p"), properties=encode({"name": "p", "region": "ap-south-1"})))
    assert created.id == "arn:aws:sns:ap-south-1:210987654321:p"
    other.close()


def test_a_life(provider: Process) -> None:
    provider.configure(region="us-east-1")
    where = urn("sns.Topic", "life")
    preview = provider.create("sns.Topic", {"name": "life"}, "life", preview=True)
    assert preview.id == ""
    assert decode(preview.properties)["arn"] is UNKNOWN
    made = provider.create("sns.Topic", {"name": "life"}, "life")
    inputs = decode(provider.check("sns.Topic", {"name": "life"}, "life").inputs)
    news = encode(inputs | {"displayName": "Life", "name": "afterlife"})
    diff = provider.aws.Diff(provider_pb2.DiffRequest(id=made.id, urn=where, olds=made.properties, old_inputs=encode(inputs), news=news))
    assert list(diff.replaces) == ["name"]
    assert diff.detailedDiff["name"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
    assert diff.detailedDiff["displayName"].kind == provider_pb2.PropertyDiff.ADD
    updated = provider.aws.Update(
        provider_pb2.UpdateRequest(id=made.id, urn=where, olds=made.properties, news=encode(inputs | {"displayName": "Life"}))
    )
    assert decode(updated.properties)["displayName"] == "Life"
    read = provider.aws.Read(provider_pb2.ReadRequest(id=made.id, urn=where, properties=updated.properties, inputs=encode(inputs)))
    assert read.id == made.id
    provider.aws.Delete(provider_pb2.DeleteRequest(id=made.id, urn=where))
    assert provider.aws.Read(provider_pb2.ReadRequest(id=made.id, urn=where, properties=updated.properties, inputs=encode(inputs))).id == ""


def test_what_aws_refuses_is_an_error_of_the_resource(provider: Process) -> None:
    provider.configure(region="us-east-1")
    made = provider.create("dynamodb.Table", BASE["dynamodb.Table"] | {"deletionProtectionEnabled": True}, "locked")
    with pytest.raises(grpc.RpcError) as caught:
        provider.aws.Delete(provider_pb2.DeleteRequest(id=made.id, urn=urn("dynamodb.Table", "locked")))
    assert "protected against deletion" in str(caught.value)


def test_functions(provider: Process) -> None:
    result = provider.aws.Invoke(provider_pb2.InvokeRequest(tok="aws:index/getCallerIdentity:getCallerIdentity"))
    assert decode(getattr(result, "return"))["accountId"] == "123456789012"
    failed = provider.aws.Invoke(provider_pb2.InvokeRequest(tok="aws:ec2/getSpotPrice:getSpotPrice"))
    assert "getSpotPrice" in failed.failures[0].reason


def test_a_provider_resource_with_a_wrong_region(provider: Process) -> None:
    response = provider.aws.CheckConfig(provider_pb2.CheckRequest(news=encode({"region": "virginia"})))
    assert response.failures[0].property == "region"
    diff = provider.aws.DiffConfig(provider_pb2.DiffRequest(old_inputs=encode({"region": "a"}), news=encode({"region": "b"})))
    assert list(diff.replaces) == ["region"]


def test_dependencies_in_output_values_are_followed(provider: Process) -> None:
    """Engines newer than 3.259 pass them; two subnets of one zone are refused before either has an id."""
    provider.configure(region="us-east-1")
    for index in range(2):
        provider.check("ec2.Subnet", {"vpcId": UNKNOWN, "cidrBlock": f"10.0.{index}.0/24", "availabilityZone": "us-east-1a"}, f"dep{index}")
    provider.check("ec2.Subnet", {"vpcId": UNKNOWN, "cidrBlock": "10.0.9.0/24", "availabilityZone": "us-east-1b"}, "elsewhere")
    subnets = [{SIGNATURE: OUTPUT, "dependencies": [urn("ec2.Subnet", f"dep{index}")]} for index in range(2)]
    response = provider.check("lb.LoadBalancer", {"name": "deps", "subnets": subnets}, "deps")
    assert ["lb-two-zones" in each.reason for each in response.failures] == [True]


def test_dependencies_told_by_the_tap_are_followed(provider: Process) -> None:
    class Monitor:
        calls = 0

        def RegisterResource(self, request: Any) -> str:  # noqa: N802
            del request
            self.calls += 1
            return "registered"

    class Request:
        type = token("lb.LoadBalancer")
        name = "tapped"

        class Urns:
            urns = (urn("ec2.Subnet", "tap0"), urn("ec2.Subnet", "tap1"))

        propertyDependencies = {"subnets": Urns}  # noqa: N815, RUF012  # the protocol's name

    provider.configure(region="us-east-1")
    for index in range(2):
        provider.check("ec2.Subnet", {"vpcId": UNKNOWN, "cidrBlock": f"10.7.{index}.0/24", "availabilityZone": "us-east-1a"}, f"tap{index}")
    provider.check("ec2.Subnet", {"vpcId": UNKNOWN, "cidrBlock": "10.8.9.0/24", "availabilityZone": "us-east-1b"}, "elsewhere")
    monitor = Monitor()
    assert install(monitor, environment={"PULUMI_DEBUG_PROVIDERS": f"aws:{provider.ports['aws']},random:1"})
    assert monitor.RegisterResource(Request()) == "registered"
    assert monitor.calls == 1
    response = provider.check("lb.LoadBalancer", {"name": "tapped", "subnets": [UNKNOWN, UNKNOWN]}, "tapped")
    assert ["lb-two-zones" in each.reason for each in response.failures] == [True]


def test_the_tap_does_nothing_without_a_provider() -> None:
    assert not install(object(), environment={})
    assert provider_port("random:5,aws:77") == 77
    assert provider_port("") is None


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        self.messages.append(f"{engine_pb2.LogSeverity.Name(request.severity)} {request.message}")
        return empty_pb2.Empty()


def test_notes_go_to_the_engine(provider: Process) -> None:
    engine = _Engine()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        provider.aws.Attach(plugin_pb2.PluginAttach(address=f"127.0.0.1:{port}"))
        provider.configure(region="us-east-1")
        provider.check("ecs.TaskDefinition", BASE["ecs.TaskDefinition"] | {"containerDefinitions": UNKNOWN}, "noted")
        assert [each.split()[0] for each in engine.messages] == ["INFO"]
        assert "checked then" in engine.messages[0]
    finally:
        server.stop(None)


def test_random_values(provider: Process) -> None:
    where = "urn:pulumi:test::p::random:index/randomPassword:RandomPassword::pw"
    checked = provider.random.Check(provider_pb2.CheckRequest(urn=where, news=encode({"length": 16})))
    made = provider.random.Create(provider_pb2.CreateRequest(urn=where, properties=checked.inputs, preview=True))
    assert isinstance(decode(made.properties)["result"], Secret)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "stdin", "parent"])
def test_it_leaves_at_once(tmp_path: Path, how: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    found = Process(tmp_path / "store.db", "--parent-pid", str(parent.pid))
    try:
        start = time.monotonic()
        match how:
            case "stdin":
                assert found.process.stdin is not None
                found.process.stdin.close()
            case "parent":
                parent.kill()
                parent.wait()
            case _:
                os.kill(found.process.pid, getattr(signal, how))
        assert found.process.wait(timeout=10) == 0
        assert time.monotonic() - start < 5
    finally:
        found.close()
        parent.kill()
        parent.wait()


def test_a_store_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "dir.db").mkdir()
    command = [
        sys.executable,
        "-m",
        "nautilus.sandbox.provider",
        "--store",
        str(tmp_path / "dir.db"),
        "--table-cache",
        str(types_table.default_cache()),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(timeout=30) == 3
    assert said.count("\n") == 1
    assert "dir.db" in said


def test_it_imports_no_sdk() -> None:
    code = "import sys, nautilus.sandbox.provider; print([name for name in sys.modules if name.startswith(('pulumi_aws', 'pulumi_random', 'botocore', 'pulumi.resource', 'yaml'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
