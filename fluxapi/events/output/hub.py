"""The live output of jobs: one watch per source of output for all its viewers.

The sources of a job are its output eventlog and the files that it writes its output to. The
position of a viewer is an index of one source. Within the window of the watch,
viewers share entries. A viewer of older entries, or a slow one, reads the instance on its own, no
faster than its client, until it has caught up. So nothing is lost, memory is bounded, and no viewer
delays another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from fluxapi.errors import JobNotFound, TooManyRequests
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import ServerSentEvents, Wire
from fluxapi.instance.protocol import OutputSource
from fluxapi.model import jobid
from fluxapi.model.message import problem
from fluxapi.model.output import source_of
from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.cancellations import Cancellations
from fluxapi.process.client_shares import ClientShares
from fluxapi.process.timeout import within
from fluxapi.table.table import Table

from .files import OutputFiles
from .tails import Tails
from .viewer import Selection, Viewer
from .watch import End, Key, Watch, Windows, end_of

__all__ = ["OnEnd", "OutputHub"]

_MAX_VIEWS = 8192
"""Outputs that are followed at the same time. Each takes about 5 KB, and about 0.05 ms of
the event loop for each piece of the output."""

_SMALL_SHARE = 40
"""Outputs that a client may follow though others follow very many."""

_RETRY_AFTER_S = 5

_MAX_RESUMED_PER_PASS = 32
"""Viewers that write new output in one pass of the event loop, at about 0.05 ms each."""

_LOOK_INTERVAL_S = 1.0
"""Time after which the files of a job are requested again, if they are not known yet."""

_MAX_FILES = 16
"""Files of a job that one stream follows."""

_TOO_MANY = (
    "The stream follows {} of the {} files of the job, and neither this one, number {}, nor those "
    "after it. GET /jobs/ID/files/STREAM?file=NUMBER reads each."
)

_HEARTBEAT = b": \n\n"
"""A comment in a stream of Server-Sent Events."""


_GOOD_ENDS = frozenset({"finished", "no-output"})
"""Ends of one part after which the others continue."""


class OnEnd(Protocol):
    """A callback that is called once, at the end of a viewer."""

    def __call__(self, reason: str, detail: str = "") -> None:
        """Handle the end: ``reason`` is a key of ``ENDS``; ``detail`` replaces its sentence."""


class OutputHub:
    """All viewers of output, and the watches that they share."""

    def __init__(
        self,
        instance: OutputSource,
        table: Table,
        files: OutputFiles | None = None,
        tails: Tails | None = None,
    ) -> None:
        self.writers: dict[StreamWriter, list[_View]] = {}
        self.past: OutputSource | None = None
        """The output of jobs that are not in the table anymore, if it is kept."""
        self._instance = instance
        self._table = table
        self._files = files
        self._tails = tails or Tails()
        self._watches: dict[Key, Watch] = {}
        self._windows = Windows()
        self._canceled = Cancellations()
        self._shares = ClientShares(_MAX_VIEWS, _SMALL_SHARE)
        self._resumed = AdmissionLimiter(_MAX_RESUMED_PER_PASS)

    def find(self, text: str) -> int:
        """Return the ID of a job from any RFC 19 form; raise ``JobNotFound`` if it has no output.

        A job that is not in the table may be a past one; if it is not, the stream says so.
        """
        try:
            found = jobid.parse(text)
        except ValueError:
            raise JobNotFound(problem("not_a_job_id", id=text[:64])) from None
        if self._table.get(found) is None and self.past is None:
            raise JobNotFound(problem("no_job", job=text[:64]))
        return found

    def check(self, client: str) -> None:
        """Raise ``TooManyRequests`` unless a client may follow one more output."""
        if not self._shares.has_room(client, 1):
            raise TooManyRequests(
                problem("too_many_outputs", wait_seconds=_RETRY_AFTER_S), retry_after=_RETRY_AFTER_S
            )

    def view(
        self, jobid: int, selection: Selection, writer: StreamWriter, wire: Wire, on_end: OnEnd
    ) -> Callable[[], None]:
        """Write the output of a job until its end; return a function that stops it."""
        view = _View(jobid, selection, writer, wire, on_end)
        self.writers.setdefault(writer, []).append(view)
        self._shares.add(writer.client, 1)
        source = self._instance
        if self.past is not None and jobid not in self._table:
            source = self.past
        watch = self._add(view, (jobid, 0, "", True), source, 0)
        # Files that receive output are not kept: the history has the entries that name them.
        if self._files is not None and not watch.is_past:
            view.run(partial(self._add_files, view, watch, self._files), self._part_ended)
        return lambda: self._stop(view)

    def end(self, writer: StreamWriter, reason: str) -> None:
        """End all viewers of a connection."""
        for view in list(self.writers.get(writer, ())):
            view.on_end(reason)

    def beat(self) -> None:
        """Write a heartbeat to each viewer, so that proxies keep the connection open."""
        for views in self.writers.values():
            for view in views:
                view.beat()

    async def aclose(self) -> None:
        """Stop all viewers."""
        for views in list(self.writers.values()):
            for view in list(views):
                self._stop(view)
        await self._canceled.wait()

    def _add(self, view: _View, key: Key, source: OutputSource, base: int) -> Watch:
        """Start a viewer of one source; return the watch of the source."""
        watch = self._join(key, source, base)
        number = key[1]
        viewer = Viewer(
            watch,
            view.selection,
            view.first(number, base),
            view.writer,
            view.wire,
            tails=self._tails.reader(
                view.writer.client,
                partial(view.on_end, "stalled"),
                lambda: view.writer.unsent,
                kind="past" if watch.is_past else "present",
            ),
            mark=lambda index: view.mark(number, index),
            resumed=self._resumed,
        )
        view.viewers.append(viewer)
        view.run(viewer.run, self._part_ended)
        return watch

    async def _add_files(self, view: _View, watch: Watch, files: OutputFiles) -> End:
        """Start a viewer of each file once the job shell has opened the files.

        Raises:
            ConnectionResetError: The view was stopped meanwhile; its tasks may end later.
        """
        wanted = view.selection
        while True:
            news = watch.news
            has_ended = watch.end is not None
            try:
                found = await files.sources(view.jobid, wanted.stream, may_read=wanted.files)
            except Exception as error:  # noqa: BLE001 - it is reported to the client
                return end_of(error, view.jobid)
            if view.is_stopped:
                raise ConnectionResetError("The client reads no more of the output.")
            if found is not None or has_ended:
                break
            with contextlib.suppress(asyncio.TimeoutError):
                # Entries outside of the output eventlog say where tasks run.
                await within(_LOOK_INTERVAL_S if watch.next > 1 else None, news.wait())
        for source in (found or ())[:_MAX_FILES]:
            key = (view.jobid, source.number, source.stream, wanted.files)
            self._add(view, key, source, source.base)
        for source in (found or ())[_MAX_FILES : _MAX_FILES + 1]:
            named = source.unread(_TOO_MANY.format(_MAX_FILES, len(found or ()), source.number))
            # No other source has the key, so nobody who asks for the file gets this one.
            self._add(view, (view.jobid, source.number, "", wanted.files), named, source.base)
        return End("finished" if found else "no-output")

    def _part_ended(self, view: _View, end: End | None) -> None:
        """Handle the end of one part of a view; ``None``: its client is gone."""
        if view not in self.writers.get(view.writer, ()):
            return
        if end is None:
            self._stop(view)
        elif view.is_over(end):
            self._stop(view)
            view.on_end(*view.ends[-1])

    def _stop(self, view: _View) -> None:
        if self._leave(view):
            for task in view.release():
                self._canceled.add(task)

    def _join(self, key: Key, source: OutputSource, base: int) -> Watch:
        watch = self._watches.get(key)
        if watch is None or (watch.end is not None and watch.end.reason != "finished"):
            # A watch that failed for others may succeed now.
            watch = Watch(source, self._table, key[0], base, self._windows)
            self._replace(key, watch)
            watch.is_past = source is self.past
            watch.key = key
            watch.start()
        watch.viewers += 1
        return watch

    def _leave(self, view: _View) -> bool:
        """Remove a view, and each watch with its last viewer; return whether it was there."""
        held = self.writers.get(view.writer, [])
        if view not in held:
            return False
        held.remove(view)
        self._shares.add(view.writer.client, -1)
        if not held:
            del self.writers[view.writer]
        for viewer in view.viewers:
            watch = viewer.watch
            watch.viewers -= 1
            if not watch.viewers:
                # A task that was canceled refers to the watch.
                task, watch.task = watch.task, None
                if task is not None:
                    self._canceled.add(task)
                if self._watches.get(watch.key) is watch:
                    self._replace(watch.key, None)
        return True

    def _replace(self, key: Key, watch: Watch | None) -> None:
        if watch is not None:
            self._watches[key] = watch
        else:
            del self._watches[key]
        self._windows.count = len(self._watches)


class _View:
    """The output of a job on one connection: a viewer of each source."""

    def __init__(
        self, jobid: int, selection: Selection, writer: StreamWriter, wire: Wire, on_end: OnEnd
    ) -> None:
        self.jobid = jobid
        self.selection = selection
        self.writer = writer
        self.wire = wire
        self.on_end = on_end
        self.viewers: list[Viewer] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.ends: list[End] = []
        self.is_stopped = False
        self._has_ids = isinstance(wire, ServerSentEvents)
        self._count = 0
        starts = (selection.first, *selection.starts)
        self._marks = {source_of(start - 1): start - 1 for start in starts if start}

    def run(
        self, part: Callable[[], Awaitable[End]], ended: Callable[[_View, End | None], None]
    ) -> None:
        """Run a part of the view, and call *ended* with its end."""

        async def work() -> None:
            try:
                end = await part()
            except ConnectionResetError:
                ended(self, None)
            else:
                ended(self, end)

        self._count += 1
        self.tasks.append(asyncio.create_task(work(), name="viewer"))

    def release(self) -> list[asyncio.Task[None]]:
        """Write nothing more, and return the tasks that are to be canceled.

        Nothing of the view refers to itself anymore, so that it is freed with its last task: the
        garbage collector would find it much later.
        """
        self.is_stopped = True
        tasks, self.tasks = self.tasks, []
        viewers, self.viewers = self.viewers, []
        for viewer in viewers:
            viewer.stop()
        return tasks

    def first(self, number: int, base: int) -> int:
        """Return the first index of a source that a viewer wants."""
        if not number:
            return self.selection.first
        return next((at for at in self.selection.starts if source_of(at) == number), base)

    def mark(self, number: int, index: int) -> bytes:
        """Return the ID of the message with an entry: the last index of each source."""
        if not self._has_ids:
            return b""
        self._marks[number] = index
        if len(self._marks) == 1:
            return b"%d" % index
        return b",".join(b"%d" % last for _, last in sorted(self._marks.items()))

    def is_over(self, end: End) -> bool:
        """Record the end of a part; return whether the view is over."""
        self.ends.append(end)
        if end.reason not in _GOOD_ENDS:
            return True
        # A job may have all of its output in files.
        self.ends.sort(key=lambda one: one.reason == "finished")
        return len(self.ends) == self._count

    def beat(self) -> None:
        """Write a heartbeat, if the wire has one."""
        if self._has_ids and not self.writer.paused:
            self.writer.write(self.wire.join([_HEARTBEAT]))
