"""What a command says: progress while one waits, words for people, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sepbench.amounts import duration

__all__ = ["Speech", "printable"]

_EVERY_S = 5.0


class Speech:
    """Where words and data go.

    Parameters
    ----------
    json : bool
        Data goes to standard output as JSON, words to standard error.
    quiet : bool
        No words and no progress; errors and data still.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json, self.quiet = json, quiet

    def say(self, text: str) -> None:
        """Print a line for people."""
        if not self.quiet:
            stream = sys.stderr if self.json else sys.stdout
            stream.write(printable(text) + "\n")
            stream.flush()

    def show(self, thing: Any) -> None:
        """Print a rich table, or text, for people."""
        if not self.quiet:
            from rich.console import Console

            width = None if sys.stdout.isatty() else 120
            Console(file=sys.stderr if self.json else sys.stdout, width=width).print(thing)

    def data(self, content: Any) -> None:
        """Print data for programs, if they asked."""
        if self.json:
            sys.stdout.write(json.dumps(content, indent=1, default=str) + "\n")

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None] | None]:
        """Show how far a task is: a bar on a terminal, a line every few seconds elsewhere."""
        if self.quiet:
            yield None
        elif sys.stderr.isatty():
            with self._bar(what) as update:
                yield update
        else:
            yield _Lines(what)

    @contextmanager
    def _bar(self, what: str) -> Iterator[Callable[[int, int], None]]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(what, total=None)

            def update(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total or None)

            yield update


class _Lines:
    def __init__(self, what: str) -> None:
        self.what = what
        self.begun = self.last = time.monotonic()
        self.first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        self.first = done if self.first is None else self.first
        if now - self.last >= _EVERY_S:
            self.last = now
            made = done - self.first
            left = (
                f", about {duration((total - done) * (now - self.begun) / made)} left" if made and total > done else ""
            )
            sys.stderr.write(f"{self.what}: {done}{f' of {total}' if total else ''}{left}\n")
            sys.stderr.flush()


def printable(text: str) -> str:
    """Keep escape sequences that hide in file names away from the terminal."""
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)
