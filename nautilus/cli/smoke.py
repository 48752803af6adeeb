"""`smoke`: the requests that a version must answer before a rollout gives it traffic, asked by hand of any address."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nautilus.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from nautilus.runtime.smoke import Check, Report, Target

HEALTH_PATH: Final = "/health"
"""The path whose answer is a health document; it is judged as one wherever it is asked."""
DEFAULT_PATHS: Final = ("/", HEALTH_PATH)

PathsOption = Annotated[
    list[str],
    typer.Option("--path", metavar="PATH", help="Path that must answer 200; once for each. Default: the URL's own, else / and /health."),
]


def smoke(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where: https://trading.example.com, with a port where it is not 443.")],
    path: PathsOption = [],  # noqa: B006 - typer reads the default and never changes it
    websocket: Annotated[
        list[str], typer.Option("--websocket", metavar="PATH", help="Path that must take a WebSocket handshake; once for each.")
    ] = [],  # noqa: B006 - as above
    latency_ms: Annotated[
        float | None,
        typer.Option(
            "--latency-ms", metavar="MS", min=1, help="Longest time to a whole answer, without the connection.", show_default=False
        ),
    ] = None,
    security_headers: Annotated[
        bool, typer.Option("--security-headers", help="Also ask for the headers that CloudFront adds; the load balancer adds none.")
    ] = False,
    resolve: Annotated[
        str | None,
        typer.Option(
            "--resolve", metavar="ADDRESS", help="Connect to this address or name; certificate and Host stay the URL's.", show_default=False
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option("--seconds", metavar="S", min=0.1, max=60, help="Longest wait for a connection, and for each part of an answer."),
    ] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Ask a site what a rollout asks a new version. Exit code 0: it answers as it must; 1: it does not; 3: its name leads nowhere."""
    from nautilus.cli.errors import CannotTellError, RefusedError
    from nautilus.cli.output import Output
    from nautilus.runtime.smoke import run

    output = Output(as_json)
    target, own_path = _target(url, resolve, seconds)
    plain = path or ([own_path] if own_path else list(DEFAULT_PATHS))
    checks = _checks(plain, websocket, latency_ms, security_headers=security_headers)
    connects_to = target.address or target.host
    try:
        socket.getaddrinfo(connects_to, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CannotTellError(
            "name",
            f"{connects_to} leads nowhere from here: {error.strerror or error}",
            where=url,
            hint="--resolve ADDRESS goes by an address",
        ) from None
    report = run(target, checks)
    document: dict[str, Any] = {"operation": "smoke", "url": url, "address": connects_to, "port": target.port, **report.as_json()}
    if report.ok:
        output.emit(document, lambda console: _render(console, report))
        return
    if not as_json:
        _render(output.console(), report)
    failed = [result for result in report.results if not result.ok]
    raise RefusedError(
        "smoke",
        f"{len(failed)} of {len(report.results)} checks failed",
        where=url,
        details=[f"{result.path}: {result.detail}" for result in failed] if as_json else (),
        document=document,
    )


def _target(url: str, resolve: str | None, seconds: float) -> tuple[Target, str]:
    """Where the URL leads, and its own path, empty where it has none.

    Raises BadUseError for what is no URL of a site.
    """
    from urllib.parse import urlsplit

    from nautilus.cli.errors import BadUseError
    from nautilus.runtime.smoke import Target

    hint = "such as https://trading.example.com"
    if "@" in url or "#" in url:
        # Not shown again: it may hold a password.
        raise BadUseError("a smoke test takes no login and no fragment in its URL", where="smoke URL", hint=hint)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUseError(f"{url} is no URL: {error}", where="smoke URL", hint=hint) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUseError(f"{url} is no URL of a site", where="smoke URL", hint=hint)
    tls = parts.scheme == "https"
    own = parts.path if parts.path not in ("", "/") else ("/" if parts.query else "")
    target = Target(host=parts.hostname, address=resolve, port=port or (443 if tls else 80), tls=tls, seconds=seconds)
    return target, f"{own}?{parts.query}" if parts.query else own


def _checks(plain: list[str], sockets: list[str], latency_ms: float | None, *, security_headers: bool) -> list[Check]:
    from nautilus.cli.errors import BadUseError
    from nautilus.runtime.smoke import SECURITY_HEADERS, Check

    for option, paths in (("--path", plain), ("--websocket", sockets)):
        wrong = [item for item in paths if not item.startswith("/") or any(char.isspace() or not char.isprintable() for char in item)]
        if wrong:
            raise BadUseError(f"{wrong[0]!r} is no path", where=option, hint="a path starts with / and holds no space")
    headers = SECURITY_HEADERS if security_headers else ()
    found = [Check(path=item, health=item.partition("?")[0] == HEALTH_PATH, most_ms=latency_ms, headers=headers) for item in plain]
    return found + [Check(path=item, websocket=True, most_ms=latency_ms) for item in sockets]


def _render(console: Console, report: Report) -> None:
    from rich.text import Text

    wide = max(len(result.path) for result in report.results)
    for result in report.results:
        sign = ("ok", "green") if result.ok else ("NO", "bold red")
        console.print(Text.assemble((f"{sign[0]:<4}", sign[1]), f"{result.path:<{wide}}  {result.detail}"), soft_wrap=True)
