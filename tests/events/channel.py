"""A whole event channel without sockets: a made-up Flux, the hub, and readers that parse bytes.

Event loop turns are taken by hand, so that a test decides what comes between them.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast
from unittest import mock

from hypothesis import strategies as st

from fluxapi.events import bookmarks, catchup, digests, due_groups
from fluxapi.events.buffer import EventBuffer
from fluxapi.events.change_log import ChangeLog
from fluxapi.events.cursor import new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.fanout import Subscription
from fluxapi.events.filters import ANY, Filter, Selection
from fluxapi.events.hub import Hub
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import ServerSentEvents, Wire
from fluxapi.model.eventlog import Event, JournalMessage, Purged
from fluxapi.model.jobid import JOBID_ANY, encode_f58
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.index import facets
from fluxapi.table.query import JobQuery
from fluxapi.table.table import Table

from .readers import parse

__all__ = [
    "EPOCH",
    "FILTERS",
    "SSE",
    "Channel",
    "FakeStreamWriter",
    "Flux",
    "Step",
    "Turns",
    "steps",
]

INSTANCE = "1" * 8
EPOCH = INSTANCE + "2" * 8
SSE = ServerSentEvents(chunked=False)
Message = JournalMessage | Purged
Step = tuple[str, int, float]
"""The step, the number of its job among those that exist, and the seconds since the last step."""


class Clock:
    """Stands in for the time, so that what fits into a turn does not depend on the machine."""

    def __init__(self) -> None:
        self._now = 0.0

    def perf_counter(self) -> float:
        """Return the time in seconds: half a millisecond after the last call."""
        self._now += 0.0005
        return self._now


class Turns:
    """Stands in for the running event loop; :meth:`turn` is one turn of it."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._ready: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        self._ready.append((callback, args))

    def turn(self) -> bool:
        """Call what is ready; whether there was anything."""
        todo = list(self._ready)
        self._ready.clear()
        for callback, args in todo:
            callback(*args)
        return bool(todo)

    def run(self, most: int = 10_000) -> None:
        """Take turns until nothing is left to do."""
        for _ in range(most):
            if not self.turn():
                return
        raise AssertionError("It never comes to rest.")

    @contextmanager
    def running(self) -> Iterator[None]:
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", self))
        with ExitStack() as patched:
            for module in (bookmarks, catchup, digests, due_groups):
                patched.enter_context(mock.patch.object(module, "time", self._clock))
            try:
                yield
            finally:
                asyncio._set_running_loop(before)


def _nothing(*_: object) -> None:
    pass


class FakeStreamWriter(StreamWriter):
    """Keeps what is written; pauses when more than ``room`` bytes came (``None``: never)."""

    def __init__(self, room: int | None = None) -> None:
        self.on_pause = self.on_resume = self.on_lost = _nothing
        self.on_write: Callable[[], None] = _nothing
        self.paused = False
        self.lost = False
        self.writes: list[bytes] = []
        self.late: list[bytes] = []
        """Data that was written though there was no room."""
        self.room = room
        self.left = 0

    def write(self, data: bytes) -> None:
        if self.lost or not data:
            return
        (self.late if self.paused else self.writes).append(data)
        if self.room is not None:
            self.room -= len(data)
            if self.room < 0:
                self.pause()
        self.on_write()

    @property
    def unsent(self) -> int:
        return self.left

    def pause(self) -> None:
        if not self.paused:
            self.paused = True
            self.on_pause(self)

    def resume(self, room: int | None = None) -> None:
        self.room = room
        if self.paused:
            self.paused = False
            self.on_resume(self)

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)


def jobspec(name: str, queue: str) -> dict[str, Any]:
    return {
        "version": 1,
        "resources": [{"type": "slot", "count": 1, "with": [{"type": "core", "count": 1}]}],
        "tasks": [{"command": [name], "slot": "task", "count": {"per_slot": 1}}],
        "attributes": {"system": {"duration": 0, "queue": queue}},
    }


def allocation(jobid: int) -> dict[str, Any]:
    node = jobid % 2
    core = {"rank": str(node), "children": {"core": "0"}}
    return {"execution": {"R_lite": [core], "nodelist": [f"node{node}"]}}


class Flux:
    """An instance: the eventlogs as they are kept, and what its journal tells of each change."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now
        self.logs: dict[int, list[Event]] = {}
        self.specs: dict[int, dict[str, Any]] = {}
        self.inactive: set[int] = set()
        self.last = 0

    def submit(self, name: str = "n0", queue: str = "", userid: int = 0) -> JournalMessage:
        self.last += 1
        self.logs[self.last] = []
        self.specs[self.last] = jobspec(name, queue)
        context = {"userid": userid, "urgency": 16, "flags": 0, "version": 1}
        message = self.happen(self.last, "submit", context)
        message.jobspec = self.specs[self.last]
        return message

    def happen(
        self,
        jobid: int,
        name: str,
        context: dict[str, Any] | None = None,
        *,
        volatile: bool = False,
    ) -> JournalMessage:
        event = Event(self.now, name, context)
        if name == "clean":
            self.inactive.add(jobid)
        if name not in {"annotations", "invalidate"} and not volatile:
            self.logs[jobid].append(event)
        R = allocation(jobid) if name == "alloc" else None
        return JournalMessage(jobid, [event], R=R)

    def purge(self, *ids: int) -> Purged:
        for jobid in ids:
            self.logs.pop(jobid, None)
        return Purged(list(ids))

    def backlog(self) -> list[Message]:
        """Return all eventlogs, in no order, and the sentinel."""
        ids = sorted(self.logs, key=lambda jobid: zlib.crc32(b"%d" % jobid))
        messages: list[Message] = [
            JournalMessage(
                jobid,
                list(self.logs[jobid]),
                self.specs[jobid],
                allocation(jobid) if any(it.name == "alloc" for it in self.logs[jobid]) else None,
            )
            for jobid in ids
        ]
        return [*messages, JournalMessage(JOBID_ANY, [])]

    def step(self, step: Step) -> list[Message]:
        """Return the messages of the journal for a step; none if there is no such job."""
        kind, pick, seconds = step
        self.now += seconds
        if kind == "submit":
            return [self.submit(f"n{pick % 3}", ("", "a", "b")[pick % 3], pick % 2)]
        ids = [jobid for jobid in self.logs if kind in ENDS or jobid not in self.inactive]
        if not ids:
            return []
        jobid = ids[pick % len(ids)]
        if kind == "purge":
            return [self.purge(jobid, 10**6)]
        if kind == "invalidate":
            message = self.happen(jobid, kind)
            self.purge(jobid)
            return [message]
        if kind == "life":
            return [self.happen(jobid, name, CONTEXTS.get(name)) for name in LIFE]
        name = NAMES.get(kind, kind)
        return [self.happen(jobid, name, CONTEXTS.get(kind), volatile=kind == "volatile")]


LIFE = ("validate", "depend", "priority", "alloc", "start", "finish", "clean")
ENDS = ("purge", "invalidate")
NAMES = {"requeue": "jobspec-update", "rename": "jobspec-update", "volatile": "memo"}
CONTEXTS: dict[str, dict[str, Any]] = {
    "priority": {"priority": 16},
    "finish": {"status": 0},
    "annotations": {"annotations": {"sched": {"reason": "busy\r\n\u2028"}}},
    "memo": {"text": "a\nb"},
    "volatile": {"progress": 50},
    "exception": {"type": "cancel", "severity": 0, "note": "", "userid": 0},
    "requeue": {"attributes.system.queue": "b"},
    "rename": {"attributes.system.job.name": "other"},
    "urgency": {"urgency": 20, "userid": 0},
}
KINDS = (
    *("submit",) * 6,
    *("life",) * 3,
    *LIFE,
    *("requeue", "rename") * 2,
    *("annotations", "memo", "volatile", "exception", "urgency"),
    *ENDS,
)


def steps(least: int = 25, clock: tuple[float, ...] = (0.0, 0.0, 0.001, 1.0, -0.5, 30.0)) -> Any:
    """Return a strategy of lists of steps; ``clock`` is the change of the clock between two."""
    step = st.tuples(st.sampled_from(KINDS), st.integers(0, 30), st.sampled_from(clock))
    return st.lists(step, min_size=least, max_size=2 * least)


FILTERS = (
    ANY,
    Filter(JobQuery(states=frozenset({"RUN", "CLEANUP"}))),
    Filter(JobQuery(states=frozenset({"NEW", "DEPEND", "PRIORITY", "SCHED"}), queue="a")),
    Filter(JobQuery(results=frozenset({"COMPLETED", "CANCELED"}))),
    Filter(JobQuery(user="1")),
    Filter(JobQuery(name="n1")),
    Filter(JobQuery(name="n*", user="0")),
    Filter(JobQuery(queue="a")),
    Filter(JobQuery(queue="b")),
    Filter(JobQuery(node="node1")),
    Filter(ids=frozenset({1, 3, 5})),
    Filter(events=frozenset({"submit", "alloc", "clean"})),
    Filter(JobQuery(queue="b"), events=frozenset({"clean", "memo"})),
)


class Channel:
    """A service in front of an instance, up to where the sockets would begin."""

    def __init__(
        self,
        turns: Turns,
        backlog: Iterable[Message] = (JournalMessage(JOBID_ANY, []),),
        *,
        epoch: str = "",
        history: int = 65_536,
        max_events: int = 65_536,
        max_gone: int = 100_000,
        max_inactive: int = 1_000_000,
    ) -> None:
        self.turns = turns
        self.table = Table(max_inactive=max_inactive, history=BacklogBuffer(history))
        self.buffer = EventBuffer(epoch or new_epoch(INSTANCE), max_events=max_events)
        self.change_log = ChangeLog(max_gone=max_gone)
        self.log = EventLog(self.buffer, self.change_log)
        self.hub = Hub(self.table, self.log)
        self.table.feed(backlog)
        for _ in self.hub.start():
            pass

    def feed(self, messages: Iterable[Message]) -> None:
        self.hub.publish(self.table.feed(messages))

    def subscribe(
        self,
        writer: FakeStreamWriter,
        stream: str = "jobs",
        filter: Filter = ANY,
        since: str | int | None = None,
        *,
        wire: Wire = SSE,
        until: int | None = None,
        on_end: Callable[[str], None] = lambda _: None,
    ) -> Subscription:
        return self.hub.subscribe(
            writer, stream, filter, wire, on_end=on_end, since=since, until=until
        )

    def rows(self, filter: Filter = ANY) -> dict[str, dict[str, Any]]:
        """Return the rows that a reader with this filter must hold."""
        selection = Selection(filter)
        return {
            encode_f58(jobid): json.loads(self.table.encode(jobid))
            for jobid in self.table.index.all
            if (job := self.table.get(jobid)) and selection.takes(jobid, facets(job))
        }

    def proof(self, subscription: Subscription) -> dict[str, Any]:
        """Number and digest in a mark of now."""
        (mark,) = parse(subscription.group.wire, self.hub.bookmark(subscription.group))
        return {key: mark.body[key] for key in ("count", "digest") if key in mark.body}

    def is_clean(self) -> bool:
        """Return whether nothing is left of any subscriber."""
        hub, behind = self.hub, self.hub._behind
        return not (
            hub.writers or hub.groups or hub._views or hub._ends or behind._ready or behind._waiting
        )
