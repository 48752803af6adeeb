"""Where results and notes go: one JSON document on stdout, or text on stdout for people; everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from nautilus.cli.errors import CliError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def asks_for_json(argv: Sequence[str]) -> bool:
    """Whether a command line asks for JSON. Read before it is parsed, so that a usage error can be a document too."""
    before_separator = argv[: argv.index("--")] if "--" in argv else argv
    return "--json" in before_separator


class Output:
    """One command's way to its reader."""

    def __init__(self, as_json: bool, *, stdout: IO[str] | None = None, stderr: IO[str] | None = None) -> None:
        self.as_json = as_json
        self._stdout = stdout
        self._stderr = stderr

    @property
    def stdout(self) -> IO[str]:
        """The stream of results."""
        return self._stdout or sys.stdout

    @property
    def stderr(self) -> IO[str]:
        """The stream of notes, progress and errors."""
        return self._stderr or sys.stderr

    @property
    def interactive(self) -> bool:
        """Whether a person can answer a question: stdin and stderr are terminals, and nobody asked for JSON."""
        return not self.as_json and sys.stdin is not None and sys.stdin.isatty() and self.stderr.isatty()

    def console(self) -> Console:
        """A rich console for results. Wide enough never to cut a path where nobody looks at a screen."""
        return _console(self.stdout)

    def notes(self) -> Console:
        """A rich console for notes and progress, on stderr."""
        return _console(self.stderr)

    def emit(self, document: Mapping[str, Any], render: Callable[[Console], None] | RenderableType | None = None) -> None:
        """The result: `document` with `--json`, else what `render` prints (nothing for None)."""
        if self.as_json:
            self.write_json(document)
        elif callable(render):
            render(self.console())
        elif render is not None:
            self.console().print(render)

    def write_json(self, document: Any) -> None:
        """One JSON document on stdout, in a stable form."""
        self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
        self.stdout.flush()

    def write_text(self, text: str) -> None:
        """Plain text on stdout, unchanged, for what other programs read."""
        self.stdout.write(text if text.endswith("\n") or not text else text + "\n")
        self.stdout.flush()

    def note(self, text: str, style: str | None = None) -> None:
        """A line for people, on stderr in every mode."""
        self.notes().print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def fail(self, error: CliError) -> None:
        """Show an error: a document with `--json`, else the sentence, its place, its details and the repair."""
        if self.as_json:
            self.write_json(error.as_document())
            return
        from rich.text import Text

        notes = self.notes()

        def line(label: str, text: str, style: str) -> None:
            notes.print(Text.assemble((label, style), text), soft_wrap=True)

        line("error: ", error.message, "bold red")
        if error.where:
            line("  at   ", error.where, "dim")
        for detail in error.details:
            for number, part in enumerate(detail.splitlines()):
                line("  • " if number == 0 else "    ", part, "red")
        if error.hint:
            line("  fix  ", error.hint, "green")
        if error.log:
            line("  log  ", error.log, "dim")


def _console(stream: IO[str]) -> Console:
    from rich.console import Console

    width = None if stream.isatty() else 160
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False)
