"""``--notify``: telling a user at a terminal that the jobs of a command have ended."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from .exit_codes import USAGE, Failure
from .ids import shown_id
from .terminal import note
from .text import plural, safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["Notification", "add_notify", "control_sequence", "notification"]

_TITLE = "fluxapi"
_MAX_CHARACTERS = 200
"""Most characters of a notification; desktops show about as many."""

_PLAIN_TERMINALS = ("", "dumb", "linux")
"""Terminals without a desktop, which may print a sequence that they do not know."""

_SHOW_BOTH = ("foot", "xterm-ghostty", "xterm-kitty", "ghostty", "kitty", "WezTerm")
"""Beginnings of ``TERM`` and ``TERM_PROGRAM`` of terminals that show OSC 9 and OSC 777, each."""

_RESULTS = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CANCELED": "canceled",
    "TIMEOUT": "timed out",
}


def add_notify(parser: argparse._ActionsContainer, when: str) -> None:
    """Add the option; *when* says when it takes effect."""
    parser.add_argument(
        "--notify",
        action="store_true",
        help=f"{when}, ring the bell of the terminal and show a desktop notification",
    )


@contextlib.contextmanager
def notification(
    arguments: argparse.Namespace, *, waits: object = True, needs: str = ""
) -> Iterator[Notification]:
    """Yield the notification for the end of the jobs, and tell of an error that ends the context.

    Args:
        arguments: The arguments of the command.
        waits: The command waits for jobs.
        needs: The options that make it wait.

    Raises:
        Failure: The user wants a notification of a command that does not wait.
    """
    from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

    wanted = getattr(arguments, "notify", False)
    if wanted and not waits:
        raise Failure(f"--notify needs {needs}.", USAGE)
    stream = next((it for it in (sys.stderr, sys.stdout) if it.isatty()), None)
    if wanted and stream is None:
        note("neither standard error nor standard output is a terminal; --notify is ignored")
    notification = Notification(stream if wanted else None)
    try:
        yield notification
    except (ClientError, Failure) as error:
        notification.send(error.sentence if isinstance(error, Failure) else str(error))
        raise


class Notification:
    """A notification at the end of a command; without a *stream* it does nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def send(self, text: str) -> None:
        """Ring the bell, and show a text in which control characters are escaped."""
        if self._stream is not None:
            sys.stdout.flush()
            self._stream.write(control_sequence(text, os.environ))
            self._stream.flush()

    async def tell_jobs(self, flux: AsyncClient, ids: Sequence[str], *, one: bool = False) -> None:
        """Tell how jobs ended, unless some are active, as after Ctrl-C; with *one*, all are."""
        from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

        if self._stream is None:
            return
        try:
            found = await flux.get_many(ids)
        except ClientError:
            self.send(f"{plural(len(ids), 'job')} ended")
            return
        ended = [job for job in found.jobs if not job.is_active]
        if len(ended) < len(found.jobs) and not (one and ended):
            return
        self.send(_sentence(ended, len(found.unknown)))

    async def tell_group(self, flux: AsyncClient, name: str, *, one: bool = False) -> None:
        """Tell how the jobs of a group ended, unless some are active; with *one*, all are."""
        from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

        if self._stream is None:
            return
        try:
            group = await flux.group(name)
        except ClientError:
            self.send(f"Group {name}: the jobs ended")
            return
        if group.is_active and not one:
            return
        counts = {"active": group.active, **_words(group.results), "purged": group.purged}
        self.send(f"Group {name}: {_counted(counts)}")

    def tell_counts(self, counts: Mapping[str, int]) -> None:
        """Tell how many jobs ended in which way, if any did."""
        if sum(counts.values()):
            self.send(f"{plural(sum(counts.values()), 'job')} ended: {_counted(counts)}")


def control_sequence(text: str, environ: Mapping[str, str]) -> str:
    """Return the characters that ring the bell of a terminal and make it show a notification.

    Most terminals know one of OSC 9 and OSC 777, and ignore the other.
    """
    term = environ.get("TERM", "")
    if term in _PLAIN_TERMINALS:
        return "\a"
    shown = safe(text[:_MAX_CHARACTERS])
    if len(text) > _MAX_CHARACTERS or len(shown) > _MAX_CHARACTERS:
        shown = f"{shown[: _MAX_CHARACTERS - 1]}…"
    # A semicolon begins another parameter.
    rich = f"\x1b]777;notify;{_TITLE};{shown.replace(';', ',')}\a"
    if term.startswith(_SHOW_BOTH) or environ.get("TERM_PROGRAM", "").startswith(_SHOW_BOTH):
        return f"\a{rich}"
    # A text that begins with a number would be a command of ConEmu.
    return f"\a\x1b]9;{_TITLE}: {shown}\a{rich}"


def _sentence(ended: Sequence[Job], unknown: int) -> str:
    from fluxapi.model.humanize import outcome  # noqa: PLC0415 - reads a table of phrases

    if len(ended) == 1 and not unknown:
        (job,) = ended
        name = f" ({job.name})" if job.name else ""
        return f"Job {shown_id(job.id)}{name}: {outcome(job.to_dict())}"
    counts = {**_words(Counter(job.result or "" for job in ended)), "unknown": unknown}
    return f"{plural(len(ended) + unknown, 'job')} ended: {_counted(counts)}"


def _words(results: Mapping[str, int]) -> dict[str, int]:
    return {word: results.get(result, 0) for result, word in _RESULTS.items()}


def _counted(counts: Mapping[str, int]) -> str:
    """Return ``2 completed, 1 failed``."""
    return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
