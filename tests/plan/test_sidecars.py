"""The collector's configuration and the variables that lead to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.plan import sidecars
from infra.plan.tasks import Log, Routed, container, definitions

IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/backend@sha256:{'ab' * 32}"
ROUTED = Routed("/nautilus/dev/backend", "us-east-1", "backend")
PLAIN = Log("/nautilus/dev/backend", "us-east-1", "log-router")


def configuration() -> dict[str, Any]:
    return json.loads(
        sidecars.collector_configuration(
            service="backend", environment="dev", log_group="/nautilus/dev/backend", namespace="Nautilus/nautilus-dev", region="us-east-1"
        )
    )


def test_every_part_of_a_pipeline_is_defined_and_every_definition_is_used() -> None:
    """The collector refuses to start over a name that it does not know."""
    made = configuration()
    pipelines = made["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert {name for pipeline in pipelines for name in pipeline[kind]} == set(made[kind])
    assert made["service"]["extensions"] == list(made["extensions"])


def test_nothing_outside_of_the_task_reaches_the_collector() -> None:
    made = configuration()
    addresses = [made["receivers"]["otlp"]["protocols"]["http"]["endpoint"], made["extensions"]["health_check"]["endpoint"]]
    assert [address.split(":")[0] for address in addresses] == ["127.0.0.1", "127.0.0.1"]


def test_the_collector_refuses_data_before_it_is_killed() -> None:
    made = configuration()
    limiter = made["processors"]["memory_limiter"]
    assert limiter["limit_mib"] < sidecars.COLLECTOR_MEMORY
    assert all(pipeline["processors"][0] == "memory_limiter" for pipeline in made["service"]["pipelines"].values())


def test_metrics_go_to_the_managed_group() -> None:
    exporter = configuration()["exporters"]["awsemf"]
    assert (exporter["log_group_name"], exporter["namespace"]) == ("/nautilus/dev/backend", "Nautilus/nautilus-dev")


def test_the_application_finds_the_collector() -> None:
    made = sidecars.telemetry_environment(service="backend", environment="dev", sampling_percent=5)
    assert made["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{configuration()['receivers']['otlp']['protocols']['http']['endpoint']}"
    assert (made["OTEL_SERVICE_NAME"], made["OTEL_TRACES_SAMPLER_ARG"]) == ("backend", "0.05")
    container("backend", image=IMAGE, log=PLAIN, environment=made)


@pytest.mark.parametrize(("percent", "share"), [(1, "0.01"), (50, "0.5"), (100, "1")])
def test_a_share_is_written_as_the_sampler_reads_it(percent: int, share: str) -> None:
    made = sidecars.telemetry_environment(service="x", environment="dev", sampling_percent=percent)
    assert made["OTEL_TRACES_SAMPLER_ARG"] == share


@pytest.mark.parametrize("percent", [0, 101])
def test_a_share_out_of_bounds_is_refused(percent: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        sidecars.telemetry_environment(service="x", environment="dev", sampling_percent=percent)


def test_routed_output_arrives_in_the_managed_group_as_it_was_written() -> None:
    made = ROUTED.as_json()
    assert made["logDriver"] == "awsfirelens"
    options = made["options"]
    assert (options["Name"], options["log_group_name"], options["auto_create_group"]) == (
        "cloudwatch_logs",
        "/nautilus/dev/backend",
        "false",
    )
    assert options["log_key"] == "log", "otherwise metric filters would see an envelope"
    assert all(isinstance(value, str) for value in options.values()), "ECS takes strings alone"


def test_a_task_has_a_router_exactly_where_output_is_routed() -> None:
    main = container("backend", image=IMAGE, log=ROUTED)
    router = container("log-router", image=IMAGE, log=PLAIN, router=True)
    made = json.loads(definitions(main, router))
    assert made[1]["firelensConfiguration"]["type"] == "fluentbit"
    with pytest.raises(ValueError, match="one log router or none, not 0"):
        definitions(main)
    with pytest.raises(ValueError, match="not 2"):
        definitions(main, router, container("second", image=IMAGE, log=PLAIN, router=True))


def test_a_shell_writes_beside_the_read_only_root() -> None:
    assert {mount.path for mount in sidecars.SHELL_MOUNTS.values()} == {"/var/lib/amazon", "/var/log/amazon"}
    assert all(name == mount.volume for name, mount in sidecars.SHELL_MOUNTS.items())
