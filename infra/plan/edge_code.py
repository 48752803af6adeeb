"""The code that runs at CloudFront's edge locations (CloudFront Functions): `infra/functions/*.js`, with what the plan puts into it.

Plain scripts without modules: `node` runs the same text in the tests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from infra.plan.headers import SECURITY_HEADERS
from infra.plan.maintenance import MAINTENANCE_HTML

RUNTIME: Final = "cloudfront-js-2.0"
MOST_BYTES: Final = 10_240
"""Size of a function's code (CloudFront)."""

_FOLDER = Path(__file__).resolve().parents[1] / "functions"


def source(name: str) -> str:
    """The code of `spa_router`, `cache_headers` or `maintenance`.

    Raises:
        FileNotFoundError: There is no such function.
        ValueError: The code is larger than CloudFront takes.
    """
    code = (_FOLDER / f"{name}.js").read_text(encoding="utf-8")
    if name == "maintenance":
        headers = {key.lower(): {"value": value} for key, value in SECURITY_HEADERS.items()}
        code = code.replace("__HEADERS__", json.dumps(headers, sort_keys=True)).replace("__PAGE__", json.dumps(MAINTENANCE_HTML))
    size = len(code.encode())
    if size > MOST_BYTES:
        raise ValueError(f"{name}: {size} bytes of code; CloudFront takes {MOST_BYTES}")
    return code
