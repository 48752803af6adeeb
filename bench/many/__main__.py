"""The platform, with its backend service and route registered `times` times in all (bench only)."""

import sys
from dataclasses import replace
from pathlib import Path

import pulumi

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from infra import edge, workloads
from infra.component import Context
from infra.components.service import Service
from infra.components.web_route import WebRoute
from infra.naming import Names
from infra.platform import build_platform
from infra.settings.loader import load_program
from infra.settings.root import Settings

TIMES = int(pulumi.Config("nautilus-bench").get("times") or "1")


def apart(ctx: Context, index: int) -> Context:
    """The same stack under another prefix: AWS takes a physical name once."""
    return replace(ctx, names=Names(f"copy{index}", ctx.names.environment))


class ManyRoutes(WebRoute):
    """The route, and its copies under other names and priorities."""

    def __init__(self, name, ctx, **given):
        super().__init__(name, ctx, **given)
        self.copies = []
        for index in range(1, TIMES):
            again = given | {"priority": given["priority"] + 1000 + index, "path_patterns": [f"/{name}-{index}/*"]}
            self.copies.append(WebRoute(f"{name}-{index}", apart(ctx, index), **again))


class ManyServices(Service):
    """The service, and its copies on the copies of its route."""

    def __init__(self, name, ctx, **given):
        super().__init__(name, ctx, **given)
        for index, route in enumerate(given["route"].copies, start=1):
            Service(f"{name}-{index}", apart(ctx, index), **(given | {"route": route}))


edge.WebRoute = ManyRoutes
workloads.Service = ManyServices
settings = load_program(pulumi.Config("nautilus-infra"), pulumi.get_stack())
assert isinstance(settings, Settings)
build_platform(settings)
