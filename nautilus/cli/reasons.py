"""Why two stacks' plans differ: which differing settings explain a differing property."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any, Final

from nautilus.inventory.compare import MISSING, PropertyDifference, ResourceDifference

_NOWHERE: Final = object()
_MOST: Final = 3
"""More candidates than this explain nothing."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Settings that explain a difference. `certain` when the values themselves show it, else the names only suggest it."""

    keys: tuple[str, ...]
    certain: bool

    def text(self) -> str:
        """For people."""
        if not self.keys:
            return "no differing setting explains it"
        return ("because of " if self.certain else "probably ") + ", ".join(self.keys)


NO_REASON: Final = Reason((), certain=False)


def _words(text: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return {word.lower().rstrip("s") for word in re.split(r"[^A-Za-z0-9]+", spaced) if len(word) > 1}


def _network(value: Any) -> IPv4Network | None:
    if not isinstance(value, str) or not re.fullmatch(r"\d+\.\d+\.\d+\.\d+(/\d+)?", value):
        return None
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return None
    return network if isinstance(network, IPv4Network) else None


def _inside(value: Any, setting: Any) -> bool:
    network, block = _network(value), _network(setting)
    return network is not None and block is not None and network.subnet_of(block)


def _texts(setting: PropertyDifference) -> bool:
    return isinstance(setting.left, str) and isinstance(setting.right, str) and setting.left != MISSING and setting.right != MISSING


def _substituted(left: str, right: str, settings: Sequence[PropertyDifference]) -> tuple[str, ...]:
    """The settings whose left values, replaced by their right ones, make the one text the other."""
    used: list[str] = []
    marked = left
    # The longest first: the domain `staging.example.com` before the environment `staging`.
    ranked = sorted((item for item in settings if _texts(item)), key=lambda item: (-len(item.left), item.path))
    for index, setting in enumerate(ranked):
        if len(setting.left) > 1 and setting.left in marked:
            marked = marked.replace(setting.left, f"\0{index}\0")
            used.append(setting.path)
    for index, setting in enumerate(ranked):
        marked = marked.replace(f"\0{index}\0", setting.right)
    return tuple(sorted(used)) if used and marked == right else ()


def _telling(setting: PropertyDifference, side: str) -> Any:
    """A setting's value on one side where it can be recognised: small numbers, truth values and short words stand everywhere."""
    value = setting.left if side == "left" else setting.right
    recognisable = (isinstance(value, str) and len(value) > 5 and value != MISSING) or (type(value) is int and value >= 1000)
    return value if recognisable else _NOWHERE


class Explainer:
    """Finds the settings behind differences.

    `settings` are the differing settings of two stacks (dotted keys). `prefix_key` is the setting in every physical name, so that
    names cut to AWS's limit, whose digest differs, are explained too.
    """

    def __init__(self, settings: Iterable[PropertyDifference], prefix_key: str = "platform.environment") -> None:
        self._settings = tuple(settings)
        self._prefix = next((item for item in self._settings if item.path == prefix_key), None)

    def of_property(self, difference: PropertyDifference, resource: ResourceDifference) -> Reason:
        """The settings behind one differing property."""
        left, right = difference.left, difference.right
        same = [item for item in self._settings if item.left == left and item.right == right and type(item.left) is type(left)]
        if same:
            return Reason(self._closest(same, resource, difference.path), certain=True)
        nets = [item.path for item in self._settings if _inside(left, item.left) and _inside(right, item.right)]
        if nets:
            return Reason(tuple(sorted(nets)), certain=True)
        if isinstance(left, str) and isinstance(right, str):
            if keys := _substituted(left, right, self._settings):
                return Reason(keys, certain=True)
            if self._prefix is not None and self._prefix.left in left and self._prefix.right in right:
                return Reason((self._prefix.path,), certain=False)
        return self._suggested(resource, difference.path)

    def of_resource(self, resource: ResourceDifference) -> Reason:
        """The settings behind a resource that only one stack has: those whose value stands in it, else those whose names suggest it."""
        # Tags stand on everything and explain nothing.
        telling = [item for item in resource.properties if not item.path.startswith("tags")]
        values = [item.left if resource.side == "left" else item.right for item in telling]
        shown = [item for item in self._settings if _telling(item, resource.side) in values]
        if shown:
            return Reason(self._closest(shown, resource, ""), certain=True)
        return self._suggested(resource, "")

    def _score(self, setting: PropertyDifference, resource: ResourceDifference, path: str) -> int:
        about = _words(" ".join((*resource.component[1:], resource.name, resource.type.rpartition("/")[2], path)))
        return len(_words(setting.path) & about)

    def _ranked(self, candidates: Iterable[PropertyDifference], resource: ResourceDifference, path: str) -> list[tuple[int, str]]:
        return sorted(((self._score(item, resource, path), item.path) for item in candidates), key=lambda pair: (-pair[0], pair[1]))

    def _closest(self, same: list[PropertyDifference], resource: ResourceDifference, path: str) -> tuple[str, ...]:
        ranked = self._ranked(same, resource, path)
        best = ranked[0][0]
        return tuple(key for score, key in ranked if score == best)

    def _suggested(self, resource: ResourceDifference, path: str) -> Reason:
        # A digest says which image runs, never whether something exists or how it is set.
        candidates = [item for item in self._settings if not str(item.left).startswith("sha256:")]
        ranked = [pair for pair in self._ranked(candidates, resource, path) if pair[0] > 0]
        if not ranked:
            return NO_REASON
        keys = tuple(key for score, key in ranked if score == ranked[0][0])
        return Reason(keys, certain=False) if len(keys) <= _MOST else NO_REASON
