"""The code at CloudFront's edge, run: where a path leads, how long a browser keeps an answer, what maintenance says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from infra.plan import edge_code
from infra.plan.caching import ASSET_SECONDS
from infra.plan.edge_code import MOST_BYTES, RUNTIME, source
from infra.plan.headers import SECURITY_HEADERS
from infra.plan.maintenance import MAINTENANCE_HTML

FUNCTIONS = ("spa_router", "cache_headers", "maintenance")


def run(name: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the function answers to each event, by a real JavaScript engine with CloudFront's globals alone."""
    node = shutil.which("node")
    if node is None:
        if "CI" in os.environ:
            pytest.fail("node is needed: the functions at the edge are tested by running them")
        pytest.skip("node is not installed")
    # A context of its own: no module, no timer, no network, as at the edge; strict, so that no global is made by mistake.
    harness = (
        "const vm = require('vm'); const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const box = vm.createContext({}); vm.runInContext('\"use strict\";\\n' + given.code + '\\nthis.handler = handler;', box);"
        "console.log(JSON.stringify(given.events.map((event) => box.handler(event))));"
    )
    given = json.dumps({"code": source(name), "events": events})
    done = subprocess.run([node, "-e", harness], input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def request(uri: str, method: str = "GET") -> dict[str, Any]:
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": "198.51.100.11"},
        "request": {"method": method, "uri": uri, "querystring": {"a": {"value": "1"}}, "headers": {}, "cookies": {}},
    }


PAGES = (
    "/portfolio",
    "/portfolio/123",
    "/portfolio/123/",
    "/instruments/BTCUSDT.BINANCE",
    "/instruments/BRK.B/chart",
    "/instruments/6EH5.CME",
    "/apiary",
    "/healthy",
    "/wsx",
    "/index",
)
UNTOUCHED = (
    "/",
    "/index.html",
    "/favicon.ico",
    "/robots.txt",
    "/logo.SVG",
    "/manifest.webmanifest",
    "/js/app.3f2a.mjs",
    "/api",
    "/api/",
    "/api/orders",
    "/ws",
    "/ws/prices",
    "/assets/index-3f2a.js",
    "/assets/missing",
    "/health",
    "/health/live",
    "/.well-known/security.txt",
    "/.well-known/change-password",
    "/.env",
    "/a/.git/config",
    "/wp-login.php",
    "/dump.sql",
)


def test_deep_links_lead_to_the_one_page() -> None:
    answers = run("spa_router", [request(uri) for uri in PAGES] + [request("/portfolio/123", "HEAD")])
    assert {answer["uri"] for answer in answers} == {"/index.html"}
    assert answers[0] == {**request("/portfolio")["request"], "uri": "/index.html"}, "nothing but the path changes"


def test_files_the_api_and_probes_keep_their_paths() -> None:
    answers = run("spa_router", [request(uri) for uri in UNTOUCHED])
    assert [answer["uri"] for answer in answers] == list(UNTOUCHED)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_reading_is_routed(method: str) -> None:
    [answer] = run("spa_router", [request("/portfolio/123", method)])
    assert answer["uri"] == "/portfolio/123"


def response(uri: str, **headers: str) -> dict[str, Any]:
    return {**request(uri), "response": {"statusCode": 200, "headers": {key: {"value": value} for key, value in headers.items()}}}


def test_browsers_keep_assets_for_a_year_and_pages_not_at_all() -> None:
    """DTO-093."""
    asset, page, own = run(
        "cache_headers",
        [
            response("/assets/index-3f2a.js", etag="x"),
            response("/index.html"),
            response("/maintenance.html", **{"cache-control": "public, max-age=60"}),
        ],
    )
    assert asset["headers"] == {"etag": {"value": "x"}, "cache-control": {"value": f"public, max-age={ASSET_SECONDS}, immutable"}}
    assert page["headers"]["cache-control"] == {"value": "no-cache"}
    assert own["headers"]["cache-control"] == {"value": "public, max-age=60"}, "who says it himself is left alone"


def test_maintenance_tells_people_and_programs_and_hides_it_from_nobody() -> None:
    people, program, socket, near = run("maintenance", [request(uri) for uri in ("/portfolio", "/api/orders", "/ws/prices", "/apiary")])
    for answer in (people, program, socket, near):
        assert (answer["statusCode"], answer["statusDescription"]) == (503, "Service Unavailable")
        assert answer["headers"]["retry-after"] == {"value": "300"}
        assert answer["headers"]["cache-control"] == {"value": "no-store"}
        for name, value in SECURITY_HEADERS.items():
            assert answer["headers"][name.lower()] == {"value": value}
    assert people["body"] == near["body"] == {"encoding": "text", "data": MAINTENANCE_HTML}
    assert people["headers"]["content-type"] == {"value": "text/html; charset=utf-8"}
    assert program["body"] == socket["body"]
    assert json.loads(program["body"]["data"])["error"] == "maintenance"
    assert program["headers"]["content-type"] == {"value": "application/json"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_code_is_what_cloudfront_takes(name: str) -> None:
    code = source(name)
    assert RUNTIME == "cloudfront-js-2.0"
    assert len(code.encode()) <= MOST_BYTES
    assert "function handler(event)" in code
    assert "__" not in code, "a place that nothing filled"


def test_code_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_code, "MAINTENANCE_HTML", "x" * MOST_BYTES)
    with pytest.raises(ValueError, match="CloudFront takes 10240"):
        source("maintenance")
    with pytest.raises(FileNotFoundError):
        source("other")
