"""A provider for tests of the engine's surroundings: `aws:test:Thing` resources that can be slow, fail, or change.

Speaks the contract of the real one: prints its ports, ends on SIGTERM, when stdin closes, or with its parent. What it made is in a JSON
file, keyed by URN, so creates are idempotent.
Inputs with a meaning: `delay` (seconds a create takes), `fail` (a message to fail the create with), `replace` (a change of it replaces).
"""

# ruff: noqa: N802 - the names are gRPC's; the printed line is the contract

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2 as plug
from pulumi.runtime.proto import provider_pb2 as prov
from pulumi.runtime.proto import provider_pb2_grpc as prov_grpc


class Store:
    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, threading.Lock()

    def load(self) -> dict:
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def change(self, urn: str, value: dict | None) -> None:
        with self.lock:
            data = self.load()
            if value is None:
                data.pop(urn, None)
            else:
                data[urn] = value
            temporary = self.path.with_suffix(".tmp")
            temporary.write_text(json.dumps(data))
            temporary.replace(self.path)


class Provider(prov_grpc.ResourceProviderServicer):
    def __init__(self, store: Store) -> None:
        self.store = store

    def Handshake(self, request, context):
        return prov.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    def Attach(self, request, context):
        return empty_pb2.Empty()

    def GetPluginInfo(self, request, context):
        return plug.PluginInfo(version="7.51.1")

    def GetSchema(self, request, context):
        return prov.GetSchemaResponse(schema='{"name":"aws","version":"7.51.1"}')

    def CheckConfig(self, request, context):
        return prov.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):
        return prov.DiffResponse()

    def Configure(self, request, context):
        return prov.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=True)

    def Check(self, request, context):
        return prov.CheckResponse(inputs=request.news)

    def Diff(self, request, context):
        old, new = json_format.MessageToDict(request.old_inputs), json_format.MessageToDict(request.news)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        replaces = ["replace"] if "replace" in changed else []
        kind = prov.DiffResponse.DIFF_SOME if changed else prov.DiffResponse.DIFF_NONE
        return prov.DiffResponse(changes=kind, diffs=changed, replaces=replaces)

    def Create(self, request, context):
        out = struct_pb2.Struct()
        out.CopyFrom(request.properties)
        inputs = json_format.MessageToDict(request.properties)
        if request.preview:
            return prov.CreateResponse(properties=out)
        if "fail" in inputs:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, inputs["fail"])
        time.sleep(float(inputs.get("delay", 0)))
        id_ = "thing-" + request.urn.rpartition("::")[2]
        out["arn"] = f"arn:aws:test:::{id_}"
        self.store.change(request.urn, json_format.MessageToDict(out))
        return prov.CreateResponse(id=id_, properties=out)

    def Update(self, request, context):
        out = struct_pb2.Struct()
        out.CopyFrom(request.news)
        out["arn"] = f"arn:aws:test:::{request.id}"
        if not request.preview:
            self.store.change(request.urn, json_format.MessageToDict(out))
        return prov.UpdateResponse(properties=out)

    def Delete(self, request, context):
        self.store.change(request.urn, None)
        return empty_pb2.Empty()

    def Read(self, request, context):
        held = self.store.load().get(request.urn)
        if held is None and not request.inputs.fields:
            held = {"value": "imported", "arn": f"arn:aws:test:::{request.id}"}  # an import
        if held is None:
            return prov.ReadResponse()
        out = struct_pb2.Struct()
        out.update(held)
        inputs = struct_pb2.Struct()
        inputs.update({key: value for key, value in held.items() if key != "arn"})
        return prov.ReadResponse(id=request.id, properties=out, inputs=inputs)

    def Invoke(self, request, context):
        return prov.InvokeResponse()

    def Cancel(self, request, context):
        return empty_pb2.Empty()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", type=Path, required=True)
    arguments, _ = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = grpc.server(futures.ThreadPoolExecutor(32))
    prov_grpc.add_ResourceProviderServicer_to_server(Provider(Store(arguments.store)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(json.dumps({"aws": port, "random": port}), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
