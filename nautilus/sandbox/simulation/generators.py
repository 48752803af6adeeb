"""The `random` package: values that are random in a real deployment and here follow from stack and URN.

A generated password is a *worst case*: it holds every special character that the generator may draw (as far as its length allows), so that a generator
whose alphabet is wider than its consumer's shows at once, and not on the one run in twenty that draws the wrong character. That is why the value is
known at preview too: what consumes it is checked before anything is created.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator, Mapping
from typing import Any

from nautilus.sandbox.simulation.context import Urn
from nautilus.sandbox.simulation.formats import Seed
from nautilus.sandbox.simulation.values import UNKNOWN, Secret, has_unknown, is_list, reveal

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
"""The special characters of the random provider."""
_SETS = (
    ("lower", "minLower", string.ascii_lowercase),
    ("upper", "minUpper", string.ascii_uppercase),
    ("numeric", "minNumeric", string.digits),
    ("special", "minSpecial", SPECIAL),
)
DEFAULTS: dict[str, Any] = {
    "lower": True,
    "upper": True,
    "numeric": True,
    "special": True,
    "minLower": 0,
    "minUpper": 0,
    "minNumeric": 0,
    "minSpecial": 0,
}
_ADJECTIVES = [
    "able",
    "calm",
    "daring",
    "eager",
    "fair",
    "gentle",
    "honest",
    "keen",
    "lively",
    "merry",
    "noble",
    "proud",
    "quick",
    "rapid",
    "sound",
    "steady",
    "swift",
    "true",
    "vivid",
    "warm",
]
_ANIMALS = [
    "adder",
    "bison",
    "crane",
    "dingo",
    "eagle",
    "finch",
    "gecko",
    "heron",
    "ibis",
    "jackal",
    "koala",
    "lemur",
    "marlin",
    "newt",
    "otter",
    "perch",
    "quail",
    "raven",
    "stork",
    "tapir",
]


class _Draw:
    """A stream of choices that follows from a seed."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self._count = 0

    def below(self, limit: int) -> int:
        self._count += 1
        return self._seed.number(f"draw{self._count}") % limit

    def choice(self, items: str | list[str]) -> str:
        return items[self.below(len(items))]

    def shuffled(self, items: list[str]) -> list[str]:
        rest, out = list(items), list[str]()
        while rest:
            out.append(rest.pop(self.below(len(rest))))
        return out


def _whole(value: Any) -> int:
    """A whole number as it came over the wire, 0 for what is none."""
    try:
        return int(value) if value is not None and value is not UNKNOWN else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def _alphabets(inputs: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Alphabets in use, with the least number of characters from each."""
    out: list[tuple[str, int]] = []
    for switch, least, letters in _SETS:
        on = inputs.get(switch)
        if switch == "numeric" and on is None:
            on = inputs.get("number")
        override = inputs.get("overrideSpecial")
        if switch == "special" and isinstance(override, str) and override:
            letters = override
        if on is not False:
            out.append((letters, _whole(inputs.get(least))))
    return out


def worst_case(inputs: Mapping[str, Any], seed: Seed) -> str:
    """A text of the asked length that keeps the minimums and holds as many different special characters as fit."""
    length = int(inputs["length"])
    draw = _Draw(seed)
    alphabets = _alphabets(inputs)
    out = [draw.choice(letters) for letters, least in alphabets for _ in range(least)]
    special = alphabets[-1][0] if inputs.get("special") is not False and alphabets else ""
    if special:
        # Characters that services refuse come first, so that a short password holds at least those.
        wanted = sorted(dict.fromkeys(special), key=lambda char: (char not in "/\"@' \\:", char))
        missing = [char for char in wanted if char not in out]
        keep = min(len([1 for letters, _ in alphabets if letters is not special]), max(length - len(out) - 1, 0))
        out += missing[: max(length - len(out) - keep, 0)]
    others = [letters for letters, _ in alphabets if letters is not special] or [special]
    while len(out) < length:
        out.append(draw.choice(others[len(out) % len(others)]))
    return "".join(draw.shuffled(out[:length]))


def failures(token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Findings (path, reason) about a generator's inputs, as the random provider has them."""
    kind = token.rpartition(":")[2]
    plain = reveal(dict(inputs))
    length = plain.get("length")
    if kind in {"RandomPassword", "RandomString"} and isinstance(length, (int, float)):
        least = sum(_whole(plain.get(name)) for _, name, _ in _SETS)
        if length < 1 or length < least:
            yield "length", f"is {length}, but must be at least 1 and at least the sum of the minimums ({least})"
        if not _alphabets(plain):
            yield "special", "leaves no characters to draw from: lower, upper, numeric and special are all off"
    if (
        kind == "RandomInteger"
        and isinstance(plain.get("min"), (int, float))
        and isinstance(plain.get("max"), (int, float))
        and plain["min"] > plain["max"]
    ):
        yield "min", f"is {plain['min']}, above max {plain['max']}"


def defaults(token: str) -> dict[str, Any]:
    """Inputs that the random provider fills in."""
    return dict(DEFAULTS) if token.endswith((":RandomPassword", ":RandomString")) else {}


def results(token: str) -> list[str]:
    """Computed outputs of a generator."""
    return {
        "RandomPassword": ["result", "bcryptHash"],
        "RandomString": ["result"],
        "RandomId": ["b64Std", "b64Url", "hex", "dec"],
        "RandomUuid": ["result"],
        "RandomInteger": ["result"],
        "RandomBytes": ["base64", "hex"],
        "RandomShuffle": ["results"],
    }.get(token.rpartition(":")[2], [])


def make(urn: Urn, inputs: Mapping[str, Any], *, generation: int = 0) -> tuple[str, dict[str, Any]]:
    """Id and outputs of a generator. Where an input is unknown, so is what follows from it."""
    seed = Seed(f"{urn.text}#{generation}")
    given = defaults(urn.token) | {key: value for key, value in inputs.items() if key != "__defaults"}
    secret = urn.token.endswith((":RandomPassword", ":RandomBytes"))
    if has_unknown({key: value for key, value in given.items() if key != "keepers"}):
        return "", given | {name: Secret(UNKNOWN) if secret else UNKNOWN for name in results(urn.token)}
    plain = reveal(given)
    draw = _Draw(seed)
    match urn.token.rpartition(":")[2]:
        case "RandomPassword":
            text = worst_case(plain, seed)
            hashed = f"$2a$10${seed.base36(53, 'bcrypt')}"
            return "none", given | {"number": given.get("numeric", True), "result": Secret(text), "bcryptHash": Secret(hashed)}
        case "RandomString":
            text = worst_case(plain, seed)
            return text, given | {"number": given.get("numeric", True), "result": text}
        case "RandomId":
            raw = bytes.fromhex(seed.hex(64) + seed.hex(64, "more"))[: int(plain["byteLength"])]
            prefix = plain.get("prefix") or ""
            url = base64.urlsafe_b64encode(raw).decode().rstrip("=")
            encoded = {"b64Std": base64.b64encode(raw).decode(), "b64Url": url, "hex": raw.hex(), "dec": str(int.from_bytes(raw, "big"))}
            return url, given | {name: prefix + text for name, text in encoded.items()}
        case "RandomUuid" | "RandomUuid4" | "RandomUuid7":
            return seed.uuid(), given | {"result": seed.uuid()}
        case "RandomInteger":
            low, high = int(plain["min"]), int(plain["max"])
            value = low + draw.below(high - low + 1)
            return str(value), given | {"result": value}
        case "RandomPet":
            words = [draw.choice(_ADJECTIVES) for _ in range(int(plain.get("length") or 2) - 1)] + [draw.choice(_ANIMALS)]
            parts = [plain["prefix"], *words] if plain.get("prefix") else words
            return str(plain.get("separator", "-")).join(parts), given | {
                "length": plain.get("length", 2),
                "separator": plain.get("separator", "-"),
            }
        case "RandomBytes":
            raw = bytes.fromhex(seed.hex(64) + seed.hex(64, "more"))[: int(plain["length"])]
            return "none", given | {"base64": Secret(base64.b64encode(raw).decode()), "hex": Secret(raw.hex())}
        case "RandomShuffle":
            items = [str(each) for each in plain["inputs"]] if is_list(plain.get("inputs")) else []
            count = int(plain.get("resultCount") or len(items))
            return "-", given | {"results": draw.shuffled(items)[:count]}
        case _:
            return seed.hex(16), given
