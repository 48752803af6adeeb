"""The sandbox's resource provider: Pulumi's provider protocol in front of the simulation, for the packages `aws` and `random`.

    python -m nautilus.sandbox.provider --store FILE --table-cache DIR [--parent-pid N]

prints one line of JSON, `{"aws": PORT, "random": PORT}`, when it listens, and serves until SIGTERM, SIGINT, the end of its standard input, or the
death of its parent. The engine attaches through `PULUMI_DEBUG_PROVIDERS`. It opens one connection for each provider instance, so region and default
tags belong to the connection's peer.

It imports neither `pulumi` nor `pulumi_aws`: the protocol classes are loaded past the SDK's own package, which would cost half a second a start.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC writes its own notes to standard error


def _protocol() -> tuple[Any, Any, Any, Any, Any]:
    """Pulumi's protocol modules (provider, its gRPC stubs, plugin, engine, its stubs) without the SDK around them."""
    if "pulumi" not in sys.modules:
        spec = importlib.util.find_spec("pulumi")
        if spec is None or spec.origin is None:
            raise ImportError("the `pulumi` package is not installed in this environment")
        root = Path(spec.origin).parent
        for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
            package = types.ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules[name] = package
    names = ("provider_pb2", "provider_pb2_grpc", "plugin_pb2", "engine_pb2", "engine_pb2_grpc")
    found = [importlib.import_module(f"pulumi.runtime.proto.{name}") for name in names]
    return found[0], found[1], found[2], found[3], found[4]


pb, pb_grpc, plugin_pb, engine_pb, engine_grpc = _protocol()

import grpc  # noqa: E402  # after the variable that quiets it
from google.protobuf import empty_pb2  # noqa: E402

from nautilus.sandbox.simulation import provider_config, types_table  # noqa: E402
from nautilus.sandbox.simulation.context import DEFAULT_REGION, Peer  # noqa: E402
from nautilus.sandbox.simulation.dependency_tap import METHOD  # noqa: E402
from nautilus.sandbox.simulation.invokes import UnknownFunctionError  # noqa: E402
from nautilus.sandbox.simulation.lifecycle import AwsError, Kind, Simulator  # noqa: E402
from nautilus.sandbox.simulation.store import Store, StoreError  # noqa: E402
from nautilus.sandbox.simulation.values import Secret, decode, encode, has_secret, reveal, to_wire  # noqa: E402

_LARGEST = 400 * 2**20
"""Bytes of a message, as the engine allows."""
_WORKERS = 16


class Engine:
    """The engine's log, once the engine has told its address."""

    def __init__(self) -> None:
        self.address = ""
        self._stub: Any = None
        self._lock = threading.Lock()

    def attach(self, address: str) -> bool:
        """Remember the engine. Returns whether it is another one than before."""
        with self._lock:
            if not address or address == self.address:
                return False
            self.address = address
            self._stub = engine_grpc.EngineStub(grpc.insecure_channel(address))
            return True

    def log(self, severity: str, message: str, urn: str) -> None:
        """Show a message in the engine's own output."""
        if self._stub is None:
            return
        level = {"debug": engine_pb.DEBUG, "info": engine_pb.INFO, "warning": engine_pb.WARNING, "error": engine_pb.ERROR}[severity]
        with suppress(grpc.RpcError):  # the engine is going away; its own end is what matters
            self._stub.Log(engine_pb.LogRequest(severity=level, message=message, urn=urn, streamId=0), timeout=5)


_KINDS: dict[tuple[Kind, bool], int] = {
    (Kind.ADD, False): pb.PropertyDiff.ADD,
    (Kind.ADD, True): pb.PropertyDiff.ADD_REPLACE,
    (Kind.DELETE, False): pb.PropertyDiff.DELETE,
    (Kind.DELETE, True): pb.PropertyDiff.DELETE_REPLACE,
    (Kind.UPDATE, False): pb.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): pb.PropertyDiff.UPDATE_REPLACE,
}


class Provider(pb_grpc.ResourceProviderServicer):
    """One package's face of the simulation."""

    def __init__(self, package: str, simulator: Simulator, engine: Engine) -> None:
        self.package = package
        self.version = simulator.table.versions[package]
        self._simulator = simulator
        self._engine = engine
        self._peers: dict[str, Peer] = {}
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        self._default = Peer(region=region)

    def _peer(self, context: Any) -> Peer:
        return self._peers.get(context.peer(), self._default)

    def _guard(self, context: Any, call: Callable[[], Any]) -> Any:
        """Runs a call; what AWS refuses, and our own mistakes, become errors of the resource rather than a broken stream."""
        try:
            return call()
        except (AwsError, UnknownFunctionError, StoreError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # noqa: BLE001  # the boundary of the process: anything else would show as a bare stream error
            import traceback

            sys.stderr.write(traceback.format_exc())
            context.abort(grpc.StatusCode.INTERNAL, f"the sandbox's provider failed: {type(error).__name__}: {error}")

    # -------------------------------------------------------------- about the provider

    def Handshake(self, request: Any, context: Any) -> Any:
        """First words; an engine that we have not met starts a new run."""
        if self._engine.attach(request.engine_address):
            self._simulator.begin()
        response = pb.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=True)
        if "accepts_outputs_in_check" in response.DESCRIPTOR.fields_by_name:
            response.accepts_outputs_in_check = True
        return response

    def Attach(self, request: Any, context: Any) -> Any:
        """The address of an engine that found us through PULUMI_DEBUG_PROVIDERS."""
        if self._engine.attach(request.address):
            self._simulator.begin()
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version of the SDK whose types we have."""
        return plugin_pb.PluginInfo(version=self.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        """A schema without types, enough for `pulumi import --generate-code=false`."""
        return pb.GetSchemaResponse(schema=json.dumps({"name": self.package, "version": self.version}))

    def GetMapping(self, request: Any, context: Any) -> Any:
        """No mappings."""
        return pb.GetMappingResponse()

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """The inputs of a provider resource."""
        found = provider_config.failures(decode(request.news))
        return pb.CheckResponse(inputs=request.news, failures=[pb.CheckFailure(property=path, reason=reason) for path, reason in found])

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Another region needs another provider; anything else changes in place."""
        old, new = reveal(decode(request.old_inputs or request.olds)), reveal(decode(request.news))
        changed = sorted(name for name in {*old, *new} - {"version"} if old.get(name) != new.get(name))
        if not changed:
            return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)
        replaces = ["region"] if "region" in changed and self.package == "aws" else []
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_SOME, diffs=changed, replaces=replaces)

    def Configure(self, request: Any, context: Any) -> Any:
        """Region, account and default tags of this connection."""
        self._peers[context.peer()] = provider_config.peer_of(decode(request.args), self._default)
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        """Nothing here takes long enough to be cancelled."""
        return empty_pb2.Empty()

    # -------------------------------------------------------------- resources

    def Check(self, request: Any, context: Any) -> Any:
        """Names and tags filled in, every rule applied."""

        def call() -> Any:
            urns: dict[str, set[str]] = {}
            given = decode(request.news, urns)
            checked = self._simulator.check(request.urn, given, decode(request.olds), self._peer(context), urns)
            response = pb.CheckResponse(inputs=request.news)
            # What the program gave goes back as it came (assets, secrets, output values); only additions are written.
            added = {name: value for name, value in checked.inputs.items() if name not in given or value is not given[name]}
            response.inputs.update({name: to_wire(value) for name, value in added.items()})
            for name in [name for name in response.inputs.fields if name not in checked.inputs]:
                del response.inputs.fields[name]
            # The path goes into the reason: for a failure with a property the engine prints that property's value, secrets included.
            response.failures.extend(pb.CheckFailure(reason=str(one)) for one in checked.failures)
            return response

        return self._guard(context, call)

    def Diff(self, request: Any, context: Any) -> Any:
        """What changes, and what needs a new resource."""

        def call() -> Any:
            olds = decode(request.old_inputs) or decode(request.olds)
            found = self._simulator.diff(
                request.urn, request.id, olds, decode(request.news), list(request.ignoreChanges), self._peer(context)
            )
            if not found.changes:
                return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
            detail = {
                path: pb.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=True) for path, change in found.changes.items()
            }
            return pb.DiffResponse(
                changes=pb.DiffResponse.DIFF_SOME,
                replaces=found.replaces,
                diffs=sorted({path.partition(".")[0].partition("[")[0] for path in found.changes}),
                detailedDiff=detail,
                hasDetailedDiff=True,
                deleteBeforeReplace=found.delete_first,
            )

        return self._guard(context, call)

    def Create(self, request: Any, context: Any) -> Any:
        """A new resource, or at preview what is known of it."""

        def call() -> Any:
            ident, outputs = self._simulator.create(request.urn, decode(request.properties), self._peer(context), preview=request.preview)
            return pb.CreateResponse(id=ident, properties=encode(outputs))

        return self._guard(context, call)

    def Read(self, request: Any, context: Any) -> Any:
        """The live state, for refresh, import and lookup."""

        def call() -> Any:
            inputs, properties = decode(request.inputs), decode(request.properties)
            ident, live, outputs = self._simulator.read(request.urn, request.id, inputs, properties, self._peer(context))
            return pb.ReadResponse(id=ident, inputs=encode(live), properties=encode(outputs)) if ident else pb.ReadResponse()

        return self._guard(context, call)

    def Update(self, request: Any, context: Any) -> Any:
        """An update in place."""

        def call() -> Any:
            news, olds = decode(request.news), decode(request.olds)
            outputs = self._simulator.update(request.urn, request.id, news, olds, self._peer(context), preview=request.preview)
            return pb.UpdateResponse(properties=encode(outputs))

        return self._guard(context, call)

    def Delete(self, request: Any, context: Any) -> Any:
        """The end of a resource, unless AWS would refuse."""

        def call() -> Any:
            self._simulator.delete(request.urn, request.id)
            return empty_pb2.Empty()

        return self._guard(context, call)

    def Invoke(self, request: Any, context: Any) -> Any:
        """A provider function."""

        def call() -> Any:
            args = decode(request.args)
            try:
                result = self._simulator.invoke(request.tok, reveal(args), self._peer(context))
            except UnknownFunctionError as error:
                return pb.InvokeResponse(failures=[pb.CheckFailure(reason=str(error))])
            if has_secret(args):
                result = {name: Secret(value) for name, value in result.items()}
            response = pb.InvokeResponse()
            getattr(response, "return").update({name: to_wire(value) for name, value in result.items() if value is not None})
            return response

        return self._guard(context, call)


def _graph(simulator: Simulator) -> Any:
    """The service that `dependency_tap` talks to."""

    def note(body: Mapping[str, Any], context: Any) -> bytes:
        del context
        simulator.run.note_dependencies(str(body["type"]), str(body["name"]), body["properties"])
        return b""

    service, _, method = METHOD.strip("/").partition("/")
    handler = grpc.unary_unary_rpc_method_handler(note, request_deserializer=json.loads, response_serializer=bytes)
    return grpc.method_handlers_generic_handler(service, {method: handler})


def serve(store: Path, cache: Path) -> tuple[dict[str, int], list[Any]]:
    """Starts the servers: (port by package, servers).

    Raises:
        StoreError: the store cannot be opened.
        types_table.TableError: an SDK is missing or unreadable.
    """
    engine = Engine()
    simulator = Simulator(Store(store), cache, engine.log)
    ports: dict[str, int] = {}
    servers: list[Any] = []
    for package in types_table.PACKAGES:
        options = [("grpc.max_receive_message_length", _LARGEST), ("grpc.max_send_message_length", _LARGEST)]
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=_WORKERS), options=options)
        pb_grpc.add_ResourceProviderServicer_to_server(Provider(package, simulator, engine), server)
        server.add_generic_rpc_handlers((_graph(simulator),))
        ports[package] = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
    return ports, servers


def _leave(_number: int = 0, _frame: object = None) -> None:
    # Every acknowledged create is on disk, so there is nothing to tidy up; waiting would hold up the engine's own end.
    os._exit(0)


def _watch_stdin() -> None:
    try:
        while os.read(0, 65536):
            pass
    except OSError:
        pass
    _leave()


def _watch_parent(parent: int) -> None:
    while True:
        try:
            os.kill(parent, 0)
        except PermissionError:
            pass
        except OSError:
            _leave()
        time.sleep(0.5)


def main(argv: list[str] | None = None) -> int:
    """Process entry; see the module's text."""
    parser = argparse.ArgumentParser(prog="nautilus.sandbox.provider")
    parser.add_argument("--store", type=Path, required=True, help="SQLite file of the simulated account")
    parser.add_argument("--table-cache", type=Path, required=True, help="folder of the types table")
    parser.add_argument("--parent-pid", type=int, help="leave when this process is gone")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    threading.Thread(target=_watch_stdin, daemon=True, name="stdin").start()
    if options.parent_pid:
        threading.Thread(target=_watch_parent, args=(options.parent_pid,), daemon=True, name="parent").start()
    try:
        ports, servers = serve(options.store, options.table_cache)
    except (StoreError, types_table.TableError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 3
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    for server in servers:
        server.wait_for_termination()
    return 0


if __name__ == "__main__":
    sys.exit(main())
