"""One Flux instance, and all state that the service keeps of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

from fluxapi.archive.archive import Archive, InstanceHistory
from fluxapi.archive.instance import ArchivedInstance
from fluxapi.archive.source import Source, identity
from fluxapi.errors import FluxRefused, Forbidden, GroupNotFound, JobNotFound, ValidationFailed
from fluxapi.events.buffer import EventBuffer
from fluxapi.events.consumer import JournalConsumer
from fluxapi.events.cursor import instance_tag, new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.heartbeat import Heartbeat
from fluxapi.events.hub import Hub
from fluxapi.events.output.files import OutputFiles
from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.line_scan import LineScanner
from fluxapi.events.output.tails import Tails
from fluxapi.events.sampler import Sampler
from fluxapi.events.slow_consumer_reaper import SlowConsumerReaper
from fluxapi.instance.protocol import (
    CLOSE_TIMEOUT_S,
    CallWatch,
    Capabilities,
    Instance,
    InstanceInfo,
    Watchable,
)
from fluxapi.instance.release import has_task_files
from fluxapi.model.group import group_id, is_group_id
from fluxapi.model.job import Job
from fluxapi.model.jobid import parse
from fluxapi.model.jobspec import Defaults
from fluxapi.model.keymark import KeySigner
from fluxapi.model.message import Sentence, field_error, field_message, problem, text_of
from fluxapi.model.options import read_value
from fluxapi.process import account
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeout import within
from fluxapi.security.tickets import Tickets
from fluxapi.settings import Settings
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.capacity import Capacity
from fluxapi.table.groups import GroupRow
from fluxapi.table.table import Table

from .event_limits import event_limits
from .history_sampler import HistorySampler
from .idempotency import IdempotencyStore
from .job_check import JobChecker
from .last_jobs import store_last_jobs
from .monitor import InstanceMonitor
from .node_reader import NodeReader
from .pages import Pages
from .past_jobs import PastJobs
from .queue_board import QueueBoard
from .situation import SituationMonitor
from .submitter import Submitter

__all__ = ["ROOT", "Bounds", "InstanceSession", "label"]

_log = logging.getLogger(__name__)

ROOT = ""
"""The path of the instance that the service was started for."""


@dataclass(frozen=True)
class Bounds:
    """The sizes of the table and the event buffer of a session.

    Attributes:
        max_jobs: Inactive jobs in the table; the oldest are dropped.
        max_events: Events in the buffer.
        max_event_bytes: Bytes of the events in the buffer.
        capacity: The limit of all jobs, for an instance that is not trusted.
    """

    max_jobs: int
    max_events: int
    max_event_bytes: int = 64 << 20
    capacity: Capacity | None = None


class InstanceSession:
    """One instance: its table, its hub, and the tasks that keep both current.

    Use :meth:`open`. No other session shares any of its parts, so two instances never see
    each other's jobs, cursors, keys or tickets.

    Attributes:
        path: The IDs of the jobs that lead to the instance, joined by ``/``; ``""`` is the root.
        identity: Identifies the instance, the same for all services in front of it.
        history: The parts that store its jobs, or ``None`` if they are not stored.
        past: Its jobs that only the history has.
        ended: The reason why the instance has ended, or ``None``; only a child instance can end.
        tasks: The tasks that run while the session is open, in the order of their start.
    """

    def __init__(
        self,
        path: str,
        instance: Instance,
        info: InstanceInfo,
        signer: KeySigner,
        settings: Settings,
        *,
        bounds: Bounds | None = None,
    ) -> None:
        self.history: InstanceHistory | None = None
        self.identity = ""
        self._recording: tuple[BackgroundTask, ...] = ()
        self.path = path
        self.instance = instance
        self.ended: Sentence | None = None
        self.info = info
        self.defaults = Defaults(
            option_flags={key: read_value(text) for key, text in settings.option_flags.items()},
            environment=_job_environment(),
            launchers=settings.launchers,
            signer=signer,
            cwd=info.cwd,
            nodes=info.size,
        )
        bounds = bounds or Bounds(settings.max_jobs, settings.buffer_events)
        self.table = Table(
            max_inactive=bounds.max_jobs,
            max_keys=settings.idempotency_keys,
            history=BacklogBuffer(bounds.max_events),
            signer=signer,
            capacity=bounds.capacity,
        )
        self.added, self.annotations = event_limits(self.table.get)
        epoch = new_epoch(instance_tag(info.starttime, path))
        buffer = EventBuffer(epoch, max_events=bounds.max_events, max_bytes=bounds.max_event_bytes)
        self.hub = Hub(self.table, EventLog(buffer))
        self.journal = JournalConsumer(instance, self.hub, trusted=bounds.capacity is None)
        self.files = OutputFiles(
            instance, self.table, info.owner, own_files=has_task_files(info.kind, info.version)
        )
        self.tails = Tails()
        self.outputs = OutputHub(instance, self.table, self.files, self.tails)
        self.lines = LineScanner()
        self.observer = SituationMonitor(self.table, self.hub.stats, instance)
        self.past = PastJobs(self.table, self.observer.encode)
        self.nodes = NodeReader(instance, self.table, self.past, info.starttime)
        self.queues = QueueBoard(
            instance, self.table, info.owner, lambda: self.is_reading, self.observer
        )
        self.idempotency = IdempotencyStore(self.table, settings.idempotency_keys, self.settle)
        self.submitter = Submitter(instance, self.journal, self.idempotency, info.size)
        self.checker = JobChecker(instance, info)
        self.monitor = InstanceMonitor(self.journal)
        self.tasks: tuple[BackgroundTask, ...] = (
            self.journal,
            Heartbeat(self.hub, self.outputs),
            SlowConsumerReaper(self.hub, self.outputs),
            Sampler(self.hub),
            self.observer,
            self.monitor,
        )
        self.pages = Pages(self.table, self.observer)
        self.tickets = Tickets()

    @property
    def label(self) -> str:
        """Return the path as a label of a metric, which cannot be empty."""
        return label(self.path)

    @property
    def capabilities(self) -> Capabilities:
        """Return the capabilities of the instance."""
        return self.info.capabilities

    @property
    def api_path(self) -> str:
        """Return the path below which the API serves this instance."""
        return f"/v1/instances/{self.path}" if self.path else "/v1"

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        path: str,
        instance: Instance,
        settings: Settings,
        *,
        watch: Callable[[str], CallWatch] | None = None,
        close_timeout: Callable[[], float] = lambda: CLOSE_TIMEOUT_S,
        bounds: Bounds | None = None,
        archive: Archive | None = None,
        attach: Callable[[InstanceSession], AbstractAsyncContextManager[None]] | None = None,
    ) -> AsyncIterator[InstanceSession]:
        """Start *instance* and follow its journal; close both at the end.

        Args:
            path: The place of the instance in the tree.
            instance: It is not started yet.
            settings: Sizes of tables and buffers, and the options of every job.
            watch: Returns the context of each call to Flux, given the label of the session.
            close_timeout: Seconds that closing may take, asked when it begins.
            bounds: Sizes of tables and buffers, other than those of the settings.
            archive: Keeps the history of the instance.
            attach: Returns a context that is entered before the journal is read.

        Raises:
            InstanceUnavailable: The instance did not start.
        """
        if watch is not None and isinstance(instance, Watchable):
            instance.watch_calls(watch(label(path)))
        try:
            info = await instance.start()
            secret = await _shared_secret(instance)
            signer = KeySigner(info.owner, secret)
            session = cls(path, instance, info, signer, settings, bounds=bounds)
            session.identity = identity(secret, info)
            if isinstance(instance, ArchivedInstance):
                session.past.stored = instance.stored
            elif archive is not None:
                await session._record(archive)
            around = contextlib.nullcontext() if attach is None else attach(session)
            async with around, session._running(close_timeout):
                yield session
        finally:
            await instance.close(close_timeout())

    async def _record(self, archive: Archive) -> None:
        """Store the jobs of the journal, which is not read yet, in *archive*."""
        if self.path == ROOT:
            archive.root = self.identity
        source = Source(self.identity, self.path, self.info, archive.root)
        self.history = await archive.follow(source, self.table, self.instance)
        self.past.stored = self.outputs.past = archive.records(self.identity)
        self.journal.observers.append(self.history.recorder.take)
        sampler = HistorySampler(
            self.table,
            self.observer,
            lambda: self.is_reachable,
            partial(archive.writer.sample, source),
        )
        self._recording = (*self.history.tasks, sampler)
        self.tasks = (*self.tasks, *self._recording)

    @contextlib.asynccontextmanager
    async def _running(self, close_timeout: Callable[[], float]) -> AsyncIterator[None]:
        """Run the tasks of the session while the context lasts."""
        try:
            for task in self.tasks:
                task.start()
            self.idempotency.begin_to_settle()
            yield
        finally:
            if self.history is not None and self.ended is None:
                await store_last_jobs(self.history, self.journal, close_timeout)
            try:
                await within(close_timeout() / 2, self._close_parts())
            except asyncio.TimeoutError:
                _log.warning("the journal did not close in time")

    async def _close_parts(self) -> None:
        await self.idempotency.aclose()
        await self.submitter.aclose()
        await self.outputs.aclose()
        await self.queues.aclose()
        await self.checker.aclose()
        await self.nodes.aclose()
        for task in reversed(self.tasks):
            await task.aclose()

    async def end(self, reason: Sentence) -> None:
        """Keep the rows as they are, and tell every stream that the instance has ended."""
        self.ended = reason
        for task in (self.observer, self.monitor, self.journal):
            await task.aclose()
        for recording in self._recording:
            await recording.aclose()
        if self.history is not None:
            self.history.keeper.give_up()
        await self.idempotency.aclose()
        self.hub.end_all()
        await self.instance.close()

    @property
    def problem(self) -> str | None:
        """Return a sentence that explains why the session is not ready, ``None`` if it is."""
        if self.ended is not None:
            return text_of(self.ended)
        # These two know whether the table is current; the metrics report the failures of all.
        for task in (self.journal, self.monitor):
            if task.keeps_failing:
                return f"The {task.name} of the service keeps failing; the log gives the reason."
        return self.journal.problem

    @property
    def is_reachable(self) -> bool:
        """Return whether the instance answers and its journal is followed, even if it is late."""
        return self.ended is None and self.journal.ready and self.journal.silence is None

    @property
    def is_reading(self) -> bool:
        """Return whether jobs may be missing in the table; one of an ended instance is complete."""
        return self.ended is None and not self.journal.ready

    def find_job(self, text: str) -> Job | None:
        """Return the job whose ID, in any form of RFC 19, is *text*, or ``None``."""
        try:
            return self.table.get(parse(text))
        except ValueError:
            return None

    def job(self, text: str) -> Job:
        """Return the job whose ID, in any form of RFC 19, is *text*.

        Raises:
            JobNotFound: There is none.
            InstanceUnavailable: The backlog is still coming in, so that it may not be known yet.
        """
        try:
            jobid = parse(text)
        except ValueError:
            raise JobNotFound(problem("not_a_job_id", id=text[:64])) from None
        job = self.table.get(jobid)
        if job is not None:
            return job
        if self.is_reading:
            raise self.journal.still_reading()
        raise JobNotFound(problem("no_job", job=text[:64]))

    def group(self, text: str) -> GroupRow:
        """Return the group with this name or ID.

        Raises:
            GroupNotFound: The table has no job of it.
            InstanceUnavailable: The backlog is still coming in, so that it may not be known yet.
        """
        group = self.table.groups.get(group_id(text))
        if group is not None:
            return group
        if self.is_reading:
            raise self.journal.still_reading()
        raise GroupNotFound(problem("no_group", group=text[:64]))

    def group_to_join(self, text: str) -> str:
        """Return the text by which a jobspec joins the group with this name or ID.

        Raises:
            ValidationFailed: There is no group with this ID that jobs can join.
            InstanceUnavailable: The backlog is still coming in, so that it may not be known yet.
        """
        if not is_group_id(text):
            return text
        try:
            group = self.group(text)
        except GroupNotFound:
            sentence = field_message("no_known_group", group=text)
        else:
            if group.userid == self.info.owner:
                return group.name or group.id
            sentence = field_message("group_of_other", group=text)
        raise ValidationFailed([field_error("/group", sentence)])

    async def settle(self) -> None:
        """Return once the table holds every job that an earlier service has submitted.

        Raises:
            InstanceUnavailable: The journal was lost meanwhile, or the instance is silent.
        """
        await self.journal.caught_up()
        await self.instance.settle()
        if not self.journal.ready:
            raise self.journal.still_reading()


def label(path: str) -> str:
    """Return the path of an instance as a label of a metric."""
    return path or "root"


async def _shared_secret(instance: Instance) -> bytes | None:
    """Return the secret that all services in front of *instance* share, if there is one."""
    try:
        return await instance.secret()
    except (FluxRefused, Forbidden) as refused:
        _log.warning("Idempotency-Keys will not outlive this service: %s", refused.detail)
        return None


def _job_environment() -> dict[str, str]:
    """Return the environment that every job gets; the service adds nothing else of its own."""
    return {**account.environment(), "PATH": os.environ.get("PATH", os.defpath)}
