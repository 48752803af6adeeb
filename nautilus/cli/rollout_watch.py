"""`rollout status` and `rollout watch`: what services run, and deployments followed to their end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nautilus.cli import rollout_stack as base
from nautilus.cli.errors import BadUseError, CannotTellError, CliError, ExitCode, RefusedError
from nautilus.cli.options import ConfigDirOption, JsonOption, StackOption, TimeoutOption

if TYPE_CHECKING:
    from nautilus.ops.rollout.look import View

FAILURES: Final = 5
"""Looks in a row that may fail before a watch gives up."""
ServiceOption = Annotated[str | None, typer.Option("--service", metavar="SERVICE", help="One service alone.", show_default=False)]


def status(
    service: ServiceOption = None, stack: StackOption = None, config_dir: ConfigDirOption = None, as_json: JsonOption = False
) -> None:
    """Say what each service runs, and whether that is what was last asked for. Exit code 1: a service runs something else."""
    from nautilus.cli.rollout_view import services_view

    opened = base.open_stack(stack, config_dir, as_json)
    with base.asking("looking at the services", opened.stack):
        views = [opened.look(name) for name in opened.named(service)]
    wrong = [view for view in views if not view.verdict.ok]
    document = {**opened.session.header("rollout status"), "asAsked": not wrong, "services": [view.as_document() for view in views]}

    if not wrong:
        opened.session.output.emit(document, services_view(views))
        return
    if not as_json:
        opened.session.output.console().print(services_view(views))
    raise _not_as_asked(opened, wrong, document)


def _not_as_asked(opened: base.Opened, wrong: Sequence[View], document: Mapping[str, Any]) -> RefusedError:
    names = ", ".join(view.service for view in wrong)
    return RefusedError(
        wrong[0].verdict.outcome.value if len(wrong) == 1 else "not-as-asked",
        f"{names} {'does' if len(wrong) == 1 else 'do'} not run what was last asked for",
        where=f"stack {opened.stack}",
        hint="docs/runbooks/rollout.md; the settings must name what runs, or the next up deploys it again",
        document=document,
    )


def watch(
    service: ServiceOption = None,
    deployment: Annotated[
        str | None,
        typer.Option("--deployment", metavar="ARN", help="This deployment of --service, rather than its newest.", show_default=False),
    ] = None,
    interval: Annotated[float, typer.Option("--interval", metavar="S", min=1, max=60, help="Seconds between two looks.")] = 5,
    stack: StackOption = None,
    timeout: TimeoutOption = None,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow deployments until they end. Exit code 0 only if what was asked for has all the traffic; 1 when it was rolled back.

    With --json one document a line: one for each change of each service, and one at the end.
    """
    if deployment and service is None:
        raise BadUseError("whose deployment?", where="--deployment", hint="add --service")
    try:
        opened = base.open_stack(stack, config_dir, as_json)
        views = _follow(opened, opened.named(service), deployment, interval, timeout)
        code = _ending(opened, views)
    except CliError as error:
        if not as_json:
            raise
        _print_line({"operation": "rollout watch", "ended": True, "exitCode": int(error.exit_code), **error.as_document()})
        raise typer.Exit(int(error.exit_code)) from None
    if code:
        raise typer.Exit(code)


def _print_line(document: Mapping[str, Any]) -> None:
    import sys

    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def _follow(opened: base.Opened, names: Sequence[str], deployment: str | None, interval: float, timeout: float | None) -> list[View]:
    """The last look at each service, when nothing is on its way any more."""
    give_up = None if timeout is None else base.now().timestamp() + timeout * 60
    pinned: dict[str, str] = {names[0]: deployment} if deployment else {}
    with _Screen(opened) as screen:
        failures = 0
        while True:
            try:
                with base.asking("looking at the deployment", opened.stack):
                    views = [opened.look(name, pinned.get(name)) for name in names]
            except CannotTellError as error:
                failures += 1
                if error.code in ("permission", "credentials", "unseen") or failures >= FAILURES:
                    raise
                opened.session.output.note(f"{error.message}; looking again")
                base.sleep(interval)
                continue
            failures = 0
            # What runs at the first look is followed to its end, whatever is deployed after it.
            for view in views:
                if view.deployment is not None and view.deployment.running:
                    pinned.setdefault(view.service, view.deployment.arn)
            screen.show(views)
            if all(view.verdict.ended for view in views):
                return views
            if give_up is not None and base.now().timestamp() >= give_up:
                late = ", ".join(view.service for view in views if not view.verdict.ended)
                raise CannotTellError(
                    "timeout",
                    f"{late} had not ended after {timeout:g} minutes; the deployment goes on",
                    where=f"stack {opened.stack}",
                    hint=f"nautilus rollout watch --stack {opened.stack}",
                )
            base.sleep(interval)


class _Screen:
    """Where a watch is shown: a live block on a terminal, a line for each change elsewhere, a document for each change with --json."""

    def __init__(self, opened: base.Opened) -> None:
        self._opened = opened
        self._said: dict[str, str] = {}
        self._views: list[View] = []
        self._live: Any = None

    def __enter__(self) -> _Screen:
        output = self._opened.session.output
        if not output.as_json and output.stdout.isatty():
            from rich.live import Live

            self._live = Live(console=output.console(), get_renderable=self._render, refresh_per_second=1)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def _render(self) -> Any:
        from nautilus.cli.rollout_view import watch_view

        return watch_view(self._views, base.now())

    def show(self, views: list[View]) -> None:
        """Show what changed."""
        self._views = views
        if self._live is not None:
            self._live.refresh()
            return
        for view in views:
            document = view.as_document()
            text = json.dumps(document, sort_keys=True, default=str)
            if self._said.get(view.service) == text:
                continue
            self._said[view.service] = text
            self._tell(view, document)

    def _tell(self, view: View, document: Mapping[str, Any]) -> None:
        output, at = self._opened.session.output, base.now()
        if output.as_json:
            ended = view.verdict.ended
            _print_line(
                {
                    "operation": "rollout watch",
                    "stack": self._opened.stack,
                    "at": at.isoformat(timespec="seconds"),
                    "serviceEnded": ended,
                    **document,
                }
            )
            return
        from nautilus.cli.rollout_view import watch_line

        output.write_text(watch_line(view, at))


def _ending(opened: base.Opened, views: Sequence[View]) -> int:
    """The exit code of a watch, told in words or as the last line's document. Raises RefusedError and CannotTellError for people."""
    from nautilus.ops.rollout.verdict import Outcome

    wrong = [view for view in views if not view.verdict.ok]
    unknown = [view for view in views if view.verdict.outcome is Outcome.UNKNOWN]
    code = ExitCode.NO if wrong else ExitCode.UNKNOWN if len(unknown) == len(views) else ExitCode.OK
    if opened.session.output.as_json:
        services = {view.service: view.verdict.as_document() for view in views}
        _print_line({**opened.session.header("rollout watch"), "ended": True, "exitCode": int(code), "services": services})
        return int(code)
    if wrong:
        raise _not_as_asked(opened, wrong, {})
    if code is ExitCode.UNKNOWN:
        raise CannotTellError("no-deployment", "there was no deployment to follow in the last 90 days", where=f"stack {opened.stack}")
    return int(code)
