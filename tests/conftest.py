"""Fixtures that every room shares."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from infra.outputs import Outputs
from infra.settings.loader import load_stack
from infra.settings.root import Settings

ROOT = Path(__file__).resolve().parents[1]
Change = Callable[[dict[str, Any]], None]

# How long an example takes depends on what else the machine does: that is no property of the program.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_sessionstart() -> None:
    """The SDK's modules hold millions of objects that never go away; sweeping them again and again is most of a test's time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@cache
def stack(name: str) -> Settings:
    """The committed settings of a platform stack."""
    loaded = load_stack(name, ROOT)
    assert isinstance(loaded, Settings)
    return loaded


def changed(name: str, **sections: dict[str, Any]) -> Settings:
    """The settings of a stack with some values replaced: `changed("local", postgres={"replicas": 0})`."""
    data = stack(name).model_dump(mode="python")
    for section, values in sections.items():
        if isinstance(values, dict):
            data[section].update(values)
        else:
            data[section] = values
    return Settings.model_validate(data)


_made: dict[str, Any] = {}
_KEPT = 6
"""Platforms that a worker keeps, tens of MB each: what is asked for again is asked for soon, or it is `local`."""


def synthesised(settings: Settings) -> Any:
    """The whole platform on mocks that check what the sandbox checks; the last few settings are made once a worker."""
    key = settings.model_dump_json()
    made = _made.pop(key, None) or _synthesise(settings)
    _made[key] = made  # the newest stands last
    while len(_made) > _KEPT:
        del _made[next(iter(_made))]
    return made


def _synthesise(settings: Settings) -> Any:
    from infra.platform import build_platform
    from nautilus.sandbox.simulation.mocks import synth

    def build() -> Outputs:
        outputs = build_platform(settings)
        outputs.export()
        return outputs

    return synth(build, stack=settings.platform.environment.value)


@pytest.fixture(scope="session")
def local_platform() -> Any:
    """`local` with every component, once a worker."""
    return synthesised(stack("local"))
