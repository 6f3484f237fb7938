"""The live screen of ``fluxapi top``: keys, the way down to child instances, and drawing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from fluxapi.process.timeout import within

from .exit_codes import FAILED, OK, Failure
from .outage import told_outage
from .terminal import put
from .text import safe
from .top_level import Level, described, nodes, queues
from .top_lines import TopView, screen_lines

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["Screen", "once"]

_REDRAW_INTERVAL_S = 1.0
"""Interval after which run times are redrawn."""

_MIN_REDRAW_INTERVAL_S = 0.2
"""Shortest interval between two redraws."""

_PAGE_JOBS = 10
_END_JOBS = 10**9

_MOVES: dict[bytes, int] = {
    b"\x1b[A": -1,
    b"\x1bOA": -1,
    b"k": -1,
    b"\x1b[B": 1,
    b"\x1bOB": 1,
    b"j": 1,
    b"\x1b[5~": -_PAGE_JOBS,
    b"\x1b[6~": _PAGE_JOBS,
    b"\x1b[H": -_END_JOBS,
    b"\x1bOH": -_END_JOBS,
    b"g": -_END_JOBS,
    b"\x1b[F": _END_JOBS,
    b"\x1bOF": _END_JOBS,
    b"G": _END_JOBS,
}
"""Number of jobs by which each key moves the selection."""

_QUEUES: dict[bytes, int] = {
    b"h": -1,
    b"\x1b[D": -1,
    b"\x1bOD": -1,
    b"l": 1,
    b"\x1b[C": 1,
    b"\x1bOC": 1,
}
"""Number of queues by which each key moves."""

_DETAILS = b"d"
_OPEN = frozenset({b"\r", b"\n"})
_BACK = frozenset({b"q", b"Q"})
_REDRAW = b"\x0c"


async def once(flux: AsyncClient, path: str, count: int, queue: str = "") -> int:
    """Print the screen once, without colors."""
    view = await described(flux, path)
    await _choose(flux, view, queue)
    view.outage = await told_outage(flux, path)
    if not view.outage.sentence:
        view.nodes = await nodes(flux)
    async for stats in flux.stats_stream():
        view.stats = stats
        break
    view.jobs = {job.id: job async for job in flux.jobs(state=["ACTIVE"])}
    for line in screen_lines(view, None, time.time(), count):
        put(line.text)
    return OK


async def _choose(flux: AsyncClient, view: TopView, queue: str) -> None:
    """Show one queue; raise :class:`Failure` if there is none of this name."""
    if not queue:
        return
    view.queues, view.queue = await queues(flux), queue
    if queue not in view.queues:
        raise Failure(f"There is no queue {safe(queue)!r}.", FAILED)


class Screen:
    """The instances that were opened one below the other; the last one is on the screen.

    Args:
        path: The path of the first one.
        connect: Returns a client of the instance that job IDs lead to from the first one.
        queue: The queue of the first one to begin with, or ``""`` for all.
        color: True to use colors.
    """

    def __init__(
        self,
        path: str,
        connect: Callable[..., AsyncClient],
        queue: str = "",
        *,
        color: bool = True,
    ) -> None:
        self._path = path
        self._queue = queue
        self._color = color
        self._connect = connect
        self._levels: list[tuple[Level, contextlib.AsyncExitStack]] = []
        self._ids: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self._left = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None
        self._redraws = False

    async def run(self) -> int:
        """Show the screen until the first instance is left."""
        console = Console(no_color=not self._color, highlight=False)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            await self._open(())
            stack.enter_context(self._keys())
            screen = stack.enter_context(
                Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop")
            )
            while True:
                if self._redraws:
                    self._redraws = False
                    console.clear()
                screen.update(_rendered(self._view, console), refresh=True)
                await self._pause()
                if self._left.is_set() and not await self._went_back():
                    return OK
                self._check()

    @property
    def _view(self) -> TopView:
        return self._levels[-1][0].view

    async def _open(self, ids: tuple[str, ...]) -> None:
        """Follow the instance that *ids* lead to, and show it."""
        path = "/".join([*([self._path] if self._path else []), *ids])
        async with contextlib.AsyncExitStack() as stack:
            if ids:
                # Tell at once why a child cannot be opened.
                async with self._connect(ids, retries=0) as attempt:
                    await attempt.info()
            flux = await stack.enter_async_context(self._connect(ids))
            view = await described(flux, path)
            if not ids:
                await _choose(flux, view, self._queue)
            level = Level(flux, view, self._changed)
            await stack.enter_async_context(level.followed())
            self._levels.append((level, stack.pop_all()))
            self._ids = ids

    async def _open_selected(self, jobid: str) -> None:
        """Open the instance of a job, or tell why it cannot be opened."""
        from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

        view = self._view
        view.message = f"Opening {jobid} …"
        try:
            await self._open((*self._ids, jobid))
            view.message = ""
        except ClientError as error:
            view.message = str(error)
        finally:
            self._changed.set()

    async def _went_back(self) -> bool:
        """Go back by one instance; return false if there is none."""
        self._left.clear()
        if self._opening is not None and not self._opening.done():
            await _stopped(self._opening)
            self._view.message = ""
            return True
        if len(self._levels) == 1:
            return False
        _, stack = self._levels.pop()
        self._ids = self._ids[:-1]
        await stack.aclose()
        return True

    def _check(self) -> None:
        """Raise an error of the first instance; go on with one of those below."""
        for number, (level, _) in enumerate(self._levels):
            level.check(is_first=not number)
        if self._opening is not None and self._opening.done():
            opening, self._opening = self._opening, None
            if not opening.cancelled():
                opening.result()

    async def _close(self) -> None:
        if self._opening is not None:
            await _stopped(self._opening)
        while self._levels:
            await self._levels.pop()[1].aclose()

    async def _pause(self) -> None:
        """Wait for changes, and a little longer to draw a burst at once."""
        with contextlib.suppress(asyncio.TimeoutError):
            await within(_REDRAW_INTERVAL_S, self._changed.wait())
        with contextlib.suppress(asyncio.TimeoutError):
            pause = _MIN_REDRAW_INTERVAL_S / (4 if self._changed.is_set() else 1)
            await within(pause, self._left.wait())
        self._changed.clear()

    def _press(self, key: bytes) -> None:
        """Do what a key means."""
        view = self._view
        if key in _BACK:
            self._left.set()
        elif key == _REDRAW:
            self._redraws = True
        elif key in _OPEN:
            job = view.selected_instance
            if job is not None and (self._opening is None or self._opening.done()):
                self._opening = asyncio.ensure_future(self._open_selected(job.id))
        elif key in _MOVES:
            view.message = ""
            view.select(_MOVES[key])
        elif key in _QUEUES:
            view.turn(_QUEUES[key])
        elif key == _DETAILS:
            view.has_details = not view.has_details

    @contextlib.contextmanager
    def _keys(self) -> Iterator[None]:
        """Handle keys within the context, and redraw when the terminal is resized."""
        loop = asyncio.get_running_loop()
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)

        def pressed() -> None:
            data = os.read(descriptor, 64)
            if not data:
                self._left.set()
            for key in _split(data):
                self._press(key)
            self._changed.set()

        tty.setcbreak(descriptor)
        loop.add_reader(descriptor, pressed)
        loop.add_signal_handler(signal.SIGWINCH, self._changed.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
            loop.remove_reader(descriptor)
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _rendered(view: TopView, console: Console) -> Group:
    lines = screen_lines(view, console.size.height, time.time())
    return Group(
        *(Text(line.text, style=line.style, no_wrap=True, overflow="crop") for line in lines)
    )


async def _stopped(task: asyncio.Task[None]) -> None:
    """Cancel a task, and return once it has ended."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _split(data: bytes) -> Iterator[bytes]:
    """Split terminal input into keys; an escape sequence is one key."""
    at = 0
    while at < len(data):
        length = 1
        if data[at : at + 1] == b"\x1b" and data[at + 1 : at + 2] in {b"[", b"O"}:
            length = 3
            while data[at + length - 1 : at + length].isdigit():
                length += 1
        yield data[at : at + length]
        at += length
