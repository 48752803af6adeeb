"""What stands beside a web service's main container: a log router, a collector of traces and metrics, a shell's directories. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.plan.iam import canonical
from infra.plan.tasks import Mount, Probe

ROUTER_REPOSITORY = "aws-observability/aws-for-fluent-bit"
"""AWS's build of Fluent Bit on ECR Public."""
COLLECTOR_REPOSITORY = "aws-observability/aws-otel-collector"
"""AWS's build of the OpenTelemetry collector on ECR Public."""

ROUTER_NAME = "log-router"
ROUTER_MEMORY = 128
"""MiB: 65,536 waiting lines of one kibibyte fit twice."""
COLLECTOR_NAME = "telemetry"
COLLECTOR_MEMORY = 256
"""MiB, of which the collector uses `_COLLECTOR_LIMIT` before it refuses data instead of being killed."""
_COLLECTOR_LIMIT = 200
OTLP_PORT = 4318
"""OTLP over HTTP, inside the task alone."""

COLLECTOR_HEALTH = Probe(("CMD", "/healthcheck"), interval=10, timeout=5, retries=3, start=10)
"""The image's own program; it asks the `health_check` extension."""

SHELL_MOUNTS: Mapping[str, Mount] = {
    "shell-state": Mount("shell-state", "/var/lib/amazon"),
    "shell-log": Mount("shell-log", "/var/log/amazon"),
}
"""Where the Systems Manager agent of ECS Exec writes. On a read-only root it needs these two (aws/containers-roadmap#1359); AWS itself
says that it does not support the combination."""


def collector_configuration(*, service: str, environment: str, log_group: str, namespace: str, region: str) -> str:
    """The collector's whole configuration, for its variable `AOT_CONFIG_CONTENT`: JSON, which is YAML too.

    Args:
        service: Dimension of the metrics.
        environment: The other dimension.
        log_group: An existing group; metrics travel as log lines in the embedded metric format, into the stream `telemetry`.
        namespace: CloudWatch namespace of the metrics.
        region: Of X-Ray and CloudWatch.
    """
    memory: dict[str, Any] = {"check_interval": "1s", "limit_mib": _COLLECTOR_LIMIT, "spike_limit_mib": _COLLECTOR_LIMIT // 4}
    return canonical(
        {
            "extensions": {"health_check": {"endpoint": "127.0.0.1:13133"}},
            # Only what runs in the task reaches the receiver: its address is the loopback's.
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{OTLP_PORT}"}}}},
            "processors": {
                "memory_limiter": memory,
                "resource": {
                    "attributes": [
                        {"key": "deployment.environment", "value": environment, "action": "upsert"},
                        {"key": "service.name", "value": service, "action": "upsert"},
                    ]
                },
                "batch/traces": {"timeout": "1s", "send_batch_size": 50},
                "batch/metrics": {"timeout": "60s"},
            },
            "exporters": {
                "awsxray": {"region": region},
                "awsemf": {
                    "region": region,
                    "namespace": namespace,
                    "log_group_name": log_group,
                    "log_stream_name": COLLECTOR_NAME,
                    "dimension_rollup_option": "NoDimensionRollup",
                    "resource_to_telemetry_conversion": {"enabled": True},
                },
            },
            "service": {
                "extensions": ["health_check"],
                "telemetry": {"logs": {"level": "warn"}},
                "pipelines": {
                    "traces": {
                        "receivers": ["otlp"],
                        "processors": ["memory_limiter", "resource", "batch/traces"],
                        "exporters": ["awsxray"],
                    },
                    "metrics": {
                        "receivers": ["otlp"],
                        "processors": ["memory_limiter", "resource", "batch/metrics"],
                        "exporters": ["awsemf"],
                    },
                },
            },
        }
    )


def telemetry_environment(*, service: str, environment: str, sampling_percent: int) -> dict[str, str]:
    """The variables by which OpenTelemetry's libraries in the main container find the collector.

    Args:
        service: Name under which traces appear.
        environment: The stack's environment.
        sampling_percent: Share of the requests without a decision of their caller's, 1 to 100.

    Raises:
        ValueError: a share out of bounds.
    """
    if not 1 <= sampling_percent <= 100:
        raise ValueError(f"{sampling_percent} % of the requests cannot be traced: 1 to 100")
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{OTLP_PORT}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # The log lines have their own way.
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PROPAGATORS": "tracecontext,baggage,xray",
        "OTEL_RESOURCE_ATTRIBUTES": f"deployment.environment={environment}",
        "OTEL_SERVICE_NAME": service,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{sampling_percent / 100:g}",
    }
