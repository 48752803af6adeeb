"""The security headers of every answer, value by value as seed 004 sets them (DTO-046, OTE-031). CloudFront and probes share them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal

HSTS_SECONDS: Final = 63_072_000
"""Two years, in seconds."""
FRAME_OPTIONS: Final[Literal["SAMEORIGIN"]] = "SAMEORIGIN"
REFERRER_POLICY: Final = "strict-origin-when-cross-origin"

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: https:",
        "connect-src 'self' wss: https:",
        "font-src 'self' data:",
        "object-src 'none'",
        "media-src 'self'",
        "frame-src 'none';",
    )
)

SECURITY_HEADERS: Final = MappingProxyType(
    {
        "Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains; preload",
        "X-Frame-Options": FRAME_OPTIONS,
        "X-Content-Type-Options": "nosniff",
        "X-XSS-Protection": "1; mode=block",
        "Referrer-Policy": REFERRER_POLICY,
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    }
)
"""Header name to the value that a client receives."""
