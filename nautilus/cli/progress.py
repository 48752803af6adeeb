"""Progress while the engine runs: a live block on a terminal, else a plain line now and then. Always on stderr."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from nautilus.cli.output import Output
from nautilus.engine.events import EngineEvent, PolicyLoading, Step, StepDone, StepFailed, StepStarted
from nautilus.inventory.records import PROVIDER_PREFIX, STACK_TYPE

if TYPE_CHECKING:
    from rich.console import RenderableType

LINE_SECONDS: Final = 5.0
"""Shortest time between two plain lines."""

SILENT_SECONDS: Final = 30.0
"""Longest time without a plain line: a log that stands still looks dead (an RDS instance takes ten minutes)."""

_SHOWN: Final = 6
_WORDS: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
    "read": "read",
    "refresh": "refreshed",
    "import": "imported",
}


class Progress:
    """A context manager that is also the handler of engine events.

    Args:
        output: Where lines go.
        title: What runs, such as `preview of local (simulation)`.
        clock: Monotonic seconds.
    """

    def __init__(self, output: Output, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._title = title
        self._clock = clock
        self._started = clock()
        self._doing: dict[str, tuple[Step, float]] = {}
        self._done: Counter[str] = Counter()
        self._failed = 0
        self._phase = "starting the engine"
        self._last_line = self._started
        self._said = ""
        self._live: Any = None
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if self._output.stderr.isatty():
            from rich.live import Live

            self._live = Live(console=self._output.notes(), get_renderable=self._render, refresh_per_second=4, transient=True)
            self._live.start()
        else:
            self._output.note(f"{self._title}: started")
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        match event:
            case StepStarted(step=step) if step.type != STACK_TYPE:
                self._phase = ""
                self._doing[step.urn] = (step, self._clock())
            case StepDone(step=step) if step.type != STACK_TYPE:
                self._doing.pop(step.urn, None)
                word = _WORDS.get(step.op)
                if word is not None and _custom(step):
                    self._done[word] += 1
            case StepFailed(step=step):
                self._doing.pop(step.urn, None)
                self._failed += 1
            case PolicyLoading():
                self._phase = "loading policies"
            case _:
                pass

    def message(self, text: str) -> None:
        """A line of its own, such as the toolchain's build progress."""
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self._output.note(text)

    def line(self) -> str:
        """The state of things in one line."""
        elapsed = f"{self._clock() - self._started:.0f} s"
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self._done.items()))
        failed = f", {self._failed} failed" if self._failed else ""
        doing = self._current()
        busy = f"; now {doing[0][0].name}" + (f" and {len(doing) - 1} more" if len(doing) > 1 else "") if doing else ""
        return f"{self._title}: {elapsed}, {counts or self._phase or 'running'}{failed}{busy}"

    def _current(self) -> list[tuple[Step, float]]:
        # A component stays open as long as anything in it: only what a cloud would make is worth a line.
        open_steps = [item for item in list(self._doing.values()) if (item[0].new or item[0].old) is None or _custom(item[0])]
        return sorted(open_steps, key=lambda item: (item[1], item[0].urn))

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        now = self._clock()
        rows: list[RenderableType] = [Spinner("dots", Text(self.line().split("; now")[0]))]
        current = self._current()
        for step, since in current[:_SHOWN]:
            rows.append(
                Text(f"   {step.op:<9} {step.name}  {step.type}  {now - since:.0f} s", style="dim", overflow="ellipsis", no_wrap=True)
            )
        if len(current) > _SHOWN:
            rows.append(Text(f"   and {len(current) - _SHOWN} more", style="dim"))
        return Group(*rows)

    def _tick(self) -> None:
        while not self._stop.wait(0.25):
            now = self._clock()
            if self._due(now):
                self._last_line = now
                self._said = self._fingerprint()
                self._output.note(self.line())

    def _fingerprint(self) -> str:
        return f"{sorted(self._done.items())}{self._failed}{self._phase}"

    def _due(self, now: float) -> bool:
        silent = now - self._last_line
        return silent >= SILENT_SECONDS or (silent >= LINE_SECONDS and self._fingerprint() != self._said)


def _custom(step: Step) -> bool:
    state = step.new or step.old
    return state is not None and state.custom and not step.type.startswith(PROVIDER_PREFIX)
