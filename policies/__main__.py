"""Entry point of the policy pack: `python -m pulumi.policy ENGINE DIR` runs this file."""

from __future__ import annotations

import sys
from pathlib import Path

_PACK = Path(__file__).resolve().parent

# The pack's own folder goes from the path and the project's comes first: `policies.x` is found, and no module of the pack hides one of
# the standard library's.
sys.path[:] = [str(_PACK.parent), *(entry for entry in sys.path if not entry or Path(entry).resolve() not in (_PACK, _PACK.parent))]

if __name__ == "__main__":
    from policies.analyzer import serve

    serve(_PACK / "exemptions.yaml")
