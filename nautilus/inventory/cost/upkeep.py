"""Prices of what watches and keeps: alarms, metrics, secrets, parameters, tables on provisioned capacity, certificate authorities."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from nautilus.inventory.cost.scene import Part, Scene, UnpricedError, quantity_of
from nautilus.inventory.values import listed, mapping


def secret(scene: Scene) -> Iterator[Part]:
    """A secret and its replicas."""
    yield "secret.month", Decimal(1 + len(listed(scene.inputs.get("replicas"))))


def alarm(scene: Scene) -> Iterator[Part]:
    """The metrics of an alarm, by how often they are looked at."""
    queries = [mapping(query) for query in listed(scene.inputs.get("metricQueries"))]
    metrics = [mapping(query.get("metric")) for query in queries if query.get("metric")] if queries else [scene.inputs]
    bands = any("ANOMALY_DETECTION_BAND" in str(query.get("expression", "")) for query in queries)
    for key in ("alarm.standard.month", "alarm.fast.month"):
        found = [one for one in metrics if (quantity_of(one.get("period"), "period", 300) < 60) == (key == "alarm.fast.month")]
        if found:
            # A band is two metrics more, the upper and the lower edge.
            yield key, Decimal(len(found) * (3 if bands else 1))


def metric_filter(scene: Scene) -> Iterator[Part]:
    """The metrics that a filter makes."""
    # Billed while it gives data.
    yield (
        "metric.month",
        Decimal(1 if "metricTransformation" in scene.inputs else len(listed(scene.inputs.get("metricTransformations"))) or 1),
    )


def parameter(scene: Scene) -> Iterator[Part]:
    """A parameter of the advanced tier."""
    if scene.text("tier") == "Advanced":
        yield "ssm.advanced.month", Decimal(1)
    elif scene.text("tier") == "Intelligent-Tiering":
        raise UnpricedError("its tier, and so its price, is chosen by AWS")


def table(scene: Scene) -> Iterator[Part]:
    """A table's provisioned capacity."""
    if scene.text("billingMode", "PROVISIONED") == "PROVISIONED":
        yield "dynamodb.read.hour", scene.number("readCapacity") * scene.hours
        yield "dynamodb.write.hour", scene.number("writeCapacity") * scene.hours


def authority(scene: Scene) -> Iterator[Part]:
    """A private certificate authority."""
    short = scene.text("usageMode") == "SHORT_LIVED_CERTIFICATE"
    yield ("acmpca.short.month" if short else "acmpca.general.month"), Decimal(1)
