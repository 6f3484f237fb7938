"""The progress bar of submissions, on standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.text import Text

__all__ = ["ProgressBar", "progress_bar"]


class Rate(ProgressColumn):
    """A column with jobs per second."""

    def render(self, task: Task) -> Text:
        """Return the current speed, or the mean speed when done."""
        speed = task.speed
        if task.finished_time:
            # rich computes finished_speed of a single request from two almost equal times.
            speed = task.completed / task.finished_time
        return Text("" if speed is None else f"{speed:,.0f} jobs/s")


class ProgressBar:
    """One bar for submitted jobs and, if *waits*, one for ended jobs."""

    def __init__(self, progress: Progress, total: int | None, *, waits: bool) -> None:
        self._progress = progress
        self._total = total
        self._count = 0
        self._rejected = 0
        self._submitting = progress.add_task("submitted", total=total)
        self._ending = progress.add_task("ended", total=total) if waits else None

    def submitted(self, count: int) -> None:
        """Add *count* submitted jobs."""
        self._count += count
        self._progress.advance(self._submitting, count)
        if self._ending is not None and self._total is None:
            self._progress.update(self._ending, total=self._count)

    def rejected(self, count: int) -> None:
        """Add *count* jobs that were not accepted."""
        self._rejected += count
        self._progress.update(
            self._submitting, advance=count, description=f"submitted, {self._rejected:,} rejected"
        )

    def ended(self, done: int, failed: int) -> None:
        """Show that *done* jobs have ended, *failed* of them without success."""
        if self._ending is not None:
            named = f"ended, {failed:,} failed" if failed else "ended"
            self._progress.update(self._ending, completed=done, description=named)


@contextlib.contextmanager
def progress_bar(
    total: int | None, *, waits: bool, rate: bool = True, elapsed: bool = True
) -> Iterator[ProgressBar]:
    """Show a bar within the context; IDs on standard output scroll above it."""
    console = Console(
        file=sys.stderr, no_color=bool(os.environ.get("NO_COLOR")), highlight=False, markup=False
    )
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *([Rate()] if rate else ()),
        *([Elapsed()] if elapsed else ()),
    )
    with Progress(
        *columns, console=console, redirect_stdout=sys.stdout.isatty(), redirect_stderr=True
    ) as progress:
        yield ProgressBar(progress, total, waits=waits)
