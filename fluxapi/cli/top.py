"""The live screen of ``fluxapi top``: data from the service, keys and drawing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import time
import tty
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from .exit_codes import OK
from .terminal import put
from .top_lines import TopView, screen_lines

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["KEYS", "live", "once"]

_NODES_INTERVAL_S = 5.0
"""Interval between requests for the nodes."""

_REDRAW_INTERVAL_S = 1.0
"""Interval after which run times are redrawn."""

_MIN_REDRAW_INTERVAL_S = 0.2
"""Shortest interval between two redraws."""

_PAGE_JOBS = 10
_END_JOBS = 10**9

KEYS: dict[bytes, int | None] = {
    b"q": None,
    b"Q": None,
    b"\x03": None,
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
"""Number of jobs that each key scrolls by; ``None`` quits."""


async def once(flux: AsyncClient, count: int) -> int:
    """Print the screen once, without colors."""
    view = TopView(flux.url, await _info(flux), nodes=await _nodes(flux))
    async for stats in flux.stats_stream():
        view.stats = stats
        break
    view.jobs = {job.id: job async for job in flux.jobs(state=["ACTIVE"])}
    for line in screen_lines(view, None, time.time(), count):
        put(line.text)
    return OK


async def live(flux: AsyncClient) -> int:
    """Show the screen until ``q`` is pressed."""
    view = TopView(flux.url, await _info(flux))
    changed = asyncio.Event()
    ended = asyncio.Event()
    works = (_follow_stats, _follow_jobs, _follow_nodes)
    console = Console(no_color=bool(os.environ.get("NO_COLOR")), highlight=False)
    with _keys(view, changed, ended):
        async with _running(*(work(flux, view, changed) for work in works)) as tasks:
            with Live(
                console=console, screen=True, auto_refresh=False, vertical_overflow="crop"
            ) as screen:
                while not ended.is_set():
                    screen.update(_rendered(view, console), refresh=True)
                    await _pause(changed, ended)
                    for task in tasks:
                        if task.done():
                            task.result()
    return OK


def _rendered(view: TopView, console: Console) -> Group:
    lines = screen_lines(view, console.size.height, time.time())
    return Group(
        *(Text(line.text, style=line.style, no_wrap=True, overflow="crop") for line in lines)
    )


async def _pause(changed: asyncio.Event, ended: asyncio.Event) -> None:
    """Wait for changes, and a little longer to draw a burst at once."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(changed.wait(), _REDRAW_INTERVAL_S)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(
            ended.wait(),
            _MIN_REDRAW_INTERVAL_S if not changed.is_set() else _MIN_REDRAW_INTERVAL_S / 4,
        )
    changed.clear()


async def _follow_stats(flux: AsyncClient, view: TopView, changed: asyncio.Event) -> None:
    async for stats in flux.stats_stream():
        view.stats = stats
        changed.set()


async def _follow_jobs(flux: AsyncClient, view: TopView, changed: asyncio.Event) -> None:
    async with flux.watch(state=["ACTIVE"]) as watch:
        view.jobs = watch.jobs
        async for _ in watch:
            changed.set()


async def _follow_nodes(flux: AsyncClient, view: TopView, changed: asyncio.Event) -> None:
    from fluxapi.client import ConnectionFailed, Unavailable  # noqa: PLC0415 - already imported

    while True:
        try:
            view.nodes = await _nodes(flux)
            view.connected = True
        except (ConnectionFailed, Unavailable):
            view.connected = False
        changed.set()
        await asyncio.sleep(_NODES_INTERVAL_S)


async def _info(flux: AsyncClient) -> dict[str, Any]:
    from .answers import info  # noqa: PLC0415 - imports the client

    found: dict[str, Any] = msgspec.to_builtins(await info(flux))
    return found


async def _nodes(flux: AsyncClient) -> list[dict[str, Any]]:
    from .answers import resources  # noqa: PLC0415 - imports the client

    found: list[dict[str, Any]] = msgspec.to_builtins((await resources(flux)).nodes)
    return found


@contextlib.asynccontextmanager
async def _running(*works: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _keys(view: TopView, changed: asyncio.Event, ended: asyncio.Event) -> Iterator[None]:
    """Handle keys within the context, and redraw when the terminal is resized."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> None:
        data = os.read(descriptor, 64)
        if not data:
            ended.set()
        for key in _split(data):
            by = KEYS.get(key, 0)
            if by is None:
                ended.set()
            else:
                view.scroll(by)
        changed.set()

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, pressed)
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


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
