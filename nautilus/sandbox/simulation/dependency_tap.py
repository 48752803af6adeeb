"""Tells the sandbox's provider which resources a property depends on, where the engine does not.

Rules such as "a load balancer needs two availability zones" relate resources whose ids are unknown at preview. Engines newer than 3.259 pass the
dependencies to a provider's check (output values); for 3.259 the language host loads this file into the program's process, by path, and calls
`install()` before the program runs. It needs `pulumi` and `grpc` only, and does nothing where no sandbox provider is attached.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

METHOD = "/nautilus.sandbox.Graph/Note"
TYPES = frozenset(
    {
        "aws:alb/listenerRule:ListenerRule",
        "aws:alb/loadBalancer:LoadBalancer",
        "aws:cloudfront/distribution:Distribution",
        "aws:ec2/subnet:Subnet",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:lb/listenerRule:ListenerRule",
        "aws:lb/loadBalancer:LoadBalancer",
        "aws:rds/instance:Instance",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:route53/record:Record",
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    }
)
"""Types with a rule that follows dependencies; for the others nothing is sent."""


def provider_port(debug_providers: str) -> int | None:
    """Port of the `aws` provider in `PULUMI_DEBUG_PROVIDERS` (`aws:PORT,random:PORT`), or None."""
    for part in debug_providers.split(","):
        name, _, port = part.partition(":")
        if name == "aws" and port.isdigit():
            return int(port)
    return None


def install(monitor: Any | None = None, *, environment: dict[str, str] | None = None) -> bool:
    """Wrap the resource monitor's RegisterResource. Returns whether a provider is there to be told.

    Args:
        monitor: the SDK's monitor stub; the configured one by default.
        environment: process environment, for tests.
    """
    port = provider_port((os.environ if environment is None else environment).get("PULUMI_DEBUG_PROVIDERS", ""))
    if port is None:
        return False
    import grpc

    if monitor is None:
        from pulumi.runtime.settings import get_monitor

        monitor = get_monitor()
    if monitor is None:
        return False
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    note: Callable[..., Any] = channel.unary_unary(METHOD, request_serializer=_encode, response_deserializer=bytes)
    original: Callable[..., Any] = monitor.RegisterResource

    def register(request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.type in TYPES and request.propertyDependencies:
            depends = {name: list(each.urns) for name, each in request.propertyDependencies.items()}
            with suppress(grpc.RpcError):  # without an answer, the rule is checked at `up` instead
                note({"type": request.type, "name": request.name, "properties": depends}, timeout=5)
        return original(request, *args, **kwargs)

    monitor.RegisterResource = register
    return True


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
