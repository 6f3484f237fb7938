"""An instance in memory that a test directs: it refuses, is silent, loses brokers on request."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from fluxapi.errors import (
    FluxapiError,
    FluxRefused,
    InstanceUnavailable,
    JobNotFound,
    NotFound,
    OutcomeUnknown,
)
from fluxapi.instance.protocol import (
    CLOSE_TIMEOUT_S,
    ChangeBatch,
    InstanceInfo,
    LookupKey,
    Queue,
    Resources,
    Submission,
)
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync, encode_eventlog
from fluxapi.model.job_end import WAITABLE, JobEnd, job_end
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.model.output import Last, OutputBatch, Tail

FIRST_ID = 1 << 24
OWNER = os.geteuid()


def r_object(ranks: str = "0-1", cores: str = "0-3", hosts: str = "node[0-1]") -> dict[str, Any]:
    return {
        "version": 1,
        "execution": {
            "R_lite": [{"rank": ranks, "children": {"core": cores, "gpu": "0"}}],
            "nodelist": [hosts],
            "starttime": 0.0,
            "expiration": 0.0,
        },
    }


SECRET = b"a secret that all services in front of it share"


class FakeInstance:
    """Jobs stay in SCHED until :meth:`finish`; ``refuse`` answers submissions that match."""

    def __init__(self) -> None:
        self.submitted: list[Submission] = []
        self.refuse: dict[str, FluxapiError] = {}
        self.queue = Queue("batch", enabled=True, started=False, default=True, stop_reason="full")
        self.describe: Resources | None = None
        """Its resources, if they are others than two nodes."""
        self.gone = False
        self.silent = False
        """Take submissions and give no answer; their jobs come to the journal by ``settle``."""
        self.loses = False
        """Do not take what comes while it is silent."""
        self._unannounced: list[Submission] = []
        self.hold_back = asyncio.Event()
        self.hold_back.set()
        self.settling = asyncio.Event()
        self.settling.set()
        self.asked_to_settle = asyncio.Event()
        self.calls: list[tuple[Any, ...]] = []
        self.collected: set[int] = set()
        self.outputs: dict[int, list[list[Event]]] = {}
        self.watches: Counter[int] = Counter()
        """How often the output of a job was asked for up to its end."""
        self.reads: Counter[int] = Counter()
        """How often it was asked for as far as it went."""
        self.watched: Counter[int] = Counter()
        """How many follow the output of a job at the moment."""
        self._open: set[int] = set()
        self._broken: dict[int, Exception] = {}
        self._written = asyncio.Event()
        self.eventlogs: dict[int, list[Event]] = {}
        self.jobspecs: dict[int, bytes] = {}
        self.closed = 0
        self._journal: asyncio.Queue[ChangeBatch] = asyncio.Queue()
        self._next = FIRST_ID

    async def start(self) -> InstanceInfo:
        return InstanceInfo("embedded", "0.0", None, 1, "node0", OWNER, 0.0)

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:  # noqa: ARG002
        self.closed += 1

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        self._answer()
        await self.hold_back.wait()
        if self.silent:
            if not self.loses:
                self._unannounced.extend(submissions)
            return [OutcomeUnknown("The broker did not answer.") for _ in submissions]
        return [self._take(submission) for submission in submissions]

    def _take(self, submission: Submission) -> int | FluxapiError:
        jobspec = json.loads(submission.jobspec)
        program = jobspec["tasks"][0]["command"][0]
        if program in self.refuse:
            return self.refuse[program]
        self.submitted.append(submission)
        jobid, self._next = self._next, self._next + (1 << 24)
        self.jobspecs[jobid] = submission.jobspec
        context = {
            "userid": OWNER,
            "urgency": 16,
            "flags": WAITABLE * submission.waitable,
            "version": 1,
        }
        events = [
            Event(time.time(), "submit", context),
            Event(time.time(), "validate"),
            Event(time.time(), "depend"),
            Event(time.time(), "priority", {"priority": 16}),
        ]
        self.eventlogs[jobid] = events
        # All of them together: a test that finds the job in the table finds it pending.
        first, *others = [JournalMessage(jobid, [event]) for event in events]
        first.jobspec = jobspec
        self._journal.put_nowait([first, *others])
        return jobid

    def post(self, jobid: int, event: Event, **more: Any) -> None:
        self.eventlogs.setdefault(jobid, []).append(event)
        self._journal.put_nowait([JournalMessage(jobid, [event], **more)])

    def begin(self, jobid: int) -> None:
        self.post(jobid, Event(time.time(), "alloc"), R=r_object("0", "0", "node0"))

    def finish(self, jobid: int, status: int = 0) -> None:
        self.begin(jobid)
        self.post(jobid, Event(time.time(), "finish", {"status": status}))
        self.post(jobid, Event(time.time(), "clean"))

    def purge(self, *ids: int) -> None:
        for jobid in ids:
            del self.eventlogs[jobid]
            del self.jobspecs[jobid]
        self._journal.put_nowait([Purged(list(ids))])

    def write(self, jobid: int, *entries: dict[str, Any]) -> None:
        header = Event(0.0, "header", {"version": 1, "count": {"stdout": 1, "stderr": 1}})
        data = [Event(1.0, "data", {"rank": "0", **entry}) for entry in entries]
        self.outputs[jobid] = [[header], data]

    async def raise_exception(
        self, jobid: int, type: str, severity: int, note: str | None = None
    ) -> None:
        self._answer()
        self.calls.append(("raise", jobid, type, severity, note))

    async def post_memo(self, jobid: int, memo: dict[str, Any], *, volatile: bool = False) -> None:
        self._answer()
        self.calls.append(("memo", jobid, memo, volatile))

    async def kill(self, jobid: int, signum: int) -> None:
        self._answer()
        self.calls.append(("kill", jobid, signum))

    async def set_urgency(self, jobid: int, urgency: int) -> None:
        self._answer()
        self.calls.append(("urgency", jobid, urgency))

    async def collect(self, jobid: int) -> JobEnd:
        self._answer()
        self.calls.append(("collect", jobid))
        if jobid in self.collected:
            raise FluxRefused("invalid job id", errno=errno.ECHILD)
        self.collected.add(jobid)
        return job_end(self.eventlogs[jobid])

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        self._answer()
        if jobid not in self.eventlogs:
            raise JobNotFound("There is no such job.")
        if key == "eventlog":
            return encode_eventlog(self.eventlogs[jobid]).decode()
        if key == "jobspec":
            return self.jobspecs.get(jobid, b'{"version":1}').decode()
        if not any(event.name == "alloc" for event in self.eventlogs[jobid]):
            raise NotFound("The job has no R.")
        return msgspec.json.encode(r_object()).decode()

    async def eventlog(self, jobid: int) -> list[Event]:
        self._answer()
        if jobid not in self.eventlogs:
            raise JobNotFound("There is no such job.")
        return [
            event
            for event in self.eventlogs[jobid]
            if event.name not in {"annotations", "invalidate"}
        ]

    def feed(self, jobid: int, *entries: dict[str, Any]) -> None:
        """Have a job write: one batch; its output goes on until :meth:`end_output`."""
        self._open.add(jobid)
        if entries:
            if jobid not in self.outputs:
                self.outputs[jobid] = [[Event(0.0, "header", {"version": 1})]]
            events = [Event(1.0, "data", {"rank": "0", **entry}) for entry in entries]
            self.outputs[jobid].append(events)
        self._tell()

    def end_output(self, jobid: int, error: Exception | None = None) -> None:
        """End the output, or make it fail with an error."""
        self._open.discard(jobid)
        if error is not None:
            self._broken[jobid] = error
        self._tell()

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        self._answer()
        self.watches[jobid] += follow
        self.reads[jobid] += not follow
        self.watched[jobid] += follow
        self._tell()
        tail = Tail(last) if last is not None else None
        try:
            read = index = 0
            while True:
                for events in self.outputs.get(jobid, [])[read:]:
                    read += 1
                    skipped = min(max(first - index, 0), len(events))
                    batch = OutputBatch(index + skipped, events[skipped:])
                    index += len(events)
                    if tail is not None:
                        tail.take(batch)
                    elif batch.events:
                        yield batch
                if read < len(self.outputs.get(jobid, [])):
                    continue
                for batch in tail.batches() if tail is not None else ():
                    yield batch
                tail = None
                if not follow or jobid not in self._open:
                    break
                yield OutputBatch(index, [])
                if read == len(self.outputs.get(jobid, [])) and jobid in self._open:
                    await self._written.wait()
            if jobid in self._broken:
                raise self._broken[jobid]
        finally:
            self.watched[jobid] -= follow
            self._tell()

    async def until_watched(self, jobid: int, count: int) -> None:
        """Return when so many follow the output of a job."""
        while self.watched[jobid] != count:
            await self._written.wait()

    def _tell(self) -> None:
        self._written.set()
        self._written = asyncio.Event()

    async def resources(self) -> Resources:
        self._answer()
        return self.describe or Resources(
            all=r_object(),
            allocated=r_object("0", "0-1", "node0"),
            down=None,
            drain={"1": {"timestamp": 5.0, "reason": "broken fan"}},
            online="0-1",
            offline="",
            exclude="",
            torpid="",
        )

    async def queues(self) -> list[Queue]:
        self._answer()
        return [self.queue]

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        self._answer()
        yield [Resync(), JournalMessage(JOBID_ANY, [])]
        while True:
            yield await self._journal.get()

    async def secret(self) -> bytes:
        return SECRET

    async def settle(self) -> None:
        self.asked_to_settle.set()
        await self.settling.wait()
        if self.silent:
            raise InstanceUnavailable("The broker does not answer.")
        while self._unannounced:
            self._take(self._unannounced.pop(0))
        while not self._journal.empty():  # noqa: ASYNC110 - the reader tells nobody
            await asyncio.sleep(0)

    async def ping(self) -> None:
        self._answer()

    async def shutdown(self) -> None:
        self.calls.append(("shutdown",))

    def _answer(self) -> None:
        if self.gone:
            raise InstanceUnavailable("The broker does not answer.")
