"""The hub publishes the changes of the table to subscribers.

A subscriber that has received everything is *live*: it gets each batch in one write, the same bytes
for all live subscribers of a group. A subscriber whose socket is full is *behind*: only its
sequence number is kept until the socket drains, then it is replayed piece by piece. There is no
queue per subscriber. A group has a limited number of subscribers, and groups that get no turn in
a pass of the event loop are *due* (:mod:`fluxapi.events.due_groups`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import count
from typing import Any

import msgspec

from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Wire
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.changes import Changes
from fluxapi.table.index import Facets
from fluxapi.table.table import Table

from .bookmarks import Bookmarks
from .buffer import RESETS, CursorError
from .catchup import CatchUp
from .digests import Digests
from .due_groups import GROUP_WRITES, MAX_WRITES_PER_PASS, DueGroups
from .event_log import Batch, EventLog
from .fanout import FanoutGroup, Subscription
from .filter_limits import FilterLimits
from .filters import ANY, Filter
from .job_history import JobHistories
from .stats import StatsView
from .tree_view import TreeView
from .views import PIECE_BYTES, EventsView, JobsView, View

__all__ = ["Hub"]

_log = logging.getLogger(__name__)

_SLICE_JOBS = 1024
"""Jobs that are published as gone before other tasks run: about 5 ms."""

_MAX_GROUP_SUBSCRIBERS = 500
"""Subscribers of one group, so that one is served in about 4 ms."""

_encoder = msgspec.json.Encoder()


class Hub:
    """The publisher of one session: it sends the changes of the table to all subscribers."""

    def __init__(self, table: Table, log: EventLog) -> None:
        self.table, self.log = table, log
        self.buffer, self.change_log = log.buffer, log.change_log
        self.stats = StatsView(table, log.buffer)
        self.tree = TreeView(table, log.buffer.epoch)
        self.histories = JobHistories()
        self._awaiting_tree: list[Subscription] = []
        """Subscriptions that begin once the tree is known."""
        self.lost_since: float | None = None
        """When the instance stopped answering (seconds since 1970); ``None`` if it answers."""
        self.has_ended = False
        """True once the instance has ended: a subscription ends when it has received everything."""
        self.writers: dict[StreamWriter, list[Subscription]] = {}
        self.resets = dict.fromkeys(RESETS, 0)
        """The number of gaps that were reported to clients, by reason."""
        self.groups: dict[Hashable, FanoutGroup] = {}
        self._views: dict[Hashable, View] = {}
        self._groups_of: dict[View, dict[FanoutGroup, Hashable]] = {}
        """The groups of each view, each with the key of the view."""
        self._digests, self._limits = Digests(), FilterLimits()
        self._bookmarks = Bookmarks(lambda group: group.write(self.bookmark(group)))
        self._behind = CatchUp(self._refuse, self._arrive, self._fail, self._digests.settle)
        self._due = DueGroups(self._write, self._fall_behind, self._fail_group)
        self._ends: dict[int, set[Subscription]] = {}

    def start(self) -> Iterator[None]:
        """Start publishing, once the table holds the first backlog.

        The caller must exhaust the iterator; other tasks may run after each step. Until then
        nothing may be published, and no client may subscribe.
        """
        history, self.table.history = self.table.history, None
        if history is not None:
            yield from self._recall(history)
        self.change_log.start(self.buffer.head)

    def _recall(self, history: BacklogBuffer) -> Iterator[None]:
        buffer = self.buffer
        gone: dict[int, Facets] = {}
        for piece in history.recall():
            for jobid, index, event, facets in piece:
                buffer.post(jobid, index, event, facets)
                if jobid not in self.table:
                    gone[jobid] = facets
            yield
        for number, (jobid, facets) in enumerate(gone.items()):
            buffer.note(jobid, "gone", facets)
            if number % _SLICE_JOBS == 0:
                yield
        # The buffer may hold even fewer events.
        buffer.whole_since = max(buffer.whole_since, int(history.missing_until * 1000))
        buffer.stepped = history.stepped

    def publish(self, changes: Changes) -> None:
        """Publish the changes of the table to all subscribers."""
        batch = self.log.append(changes)
        self.stats.count(batch)
        jobs = {entry.id for entry in batch.entries}
        self._digests.publish(batch)
        # Those that are due already come first.
        left = 0 if self._due else MAX_WRITES_PER_PASS
        for group in list(self.groups.values()):
            if group in self._due:
                continue
            if not group.live or not self._concerns(group.view, jobs):
                group.seq = group.view.head
            elif left > 0:
                # Each row is tested against the filter of the group.
                left -= len(group.live) + GROUP_WRITES + len(batch.rows) // 4
                self._deliver(group, batch)
            else:
                self._due.add(group)
        if self._ends:
            for row in batch.rows:
                for subscription in list(self._ends.get(row.id, ())):
                    self._end_if_over(subscription)

    def _concerns(self, view: View, jobs: set[int]) -> bool:
        """Return whether a batch of events of these jobs may have messages of a view."""
        is_state = view is self.stats or view is self.tree
        return not is_state and (view.ids is None or not view.ids.isdisjoint(jobs))

    def push(self, view: View) -> None:
        """Write the current state of ``view`` to its live subscribers."""
        self._due.forget()
        for group in list(self._groups_of.get(view, ())):
            if group.live:
                self._due.add(group)
        self._due.serve()

    @property
    def is_tree_followed(self) -> bool:
        """Return whether a client follows the tree of instances."""
        return self.tree in self._groups_of

    def publish_tree(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Publish the records of this instance and of those below it, by path."""
        self.tree.update(records)
        for group in list(self._groups_of.get(self.tree, ())):
            before, group.seq = group.seq, self.tree.head
            if group.live:
                self._write(group, before, group.bytes_of(self.tree.after(before)))
        awaiting, self._awaiting_tree = self._awaiting_tree, []
        for subscription in awaiting:
            if not subscription.left:
                self._behind.add(subscription)

    def set_lost(self, since: float | None) -> None:
        """Tell live subscribers since when the instance does not answer (``None``: it does)."""
        if (since is None) != (self.lost_since is None):
            self.lost_since = since
            self._bookmarks.send(self.groups.values())

    def subscribe(
        self,
        writer: StreamWriter,
        stream: str,
        filter: Filter,
        wire: Wire,
        *,
        on_end: Callable[[str], None],
        since: str | int | None = None,
        until: int | None = None,
        before: Iterator[bytes] | None = None,
        client: str = "",
    ) -> Subscription:
        """Follow a stream from now on, or after a cursor or a sequence number of the buffer.

        The writes of ``before`` come first. ``on_end`` is called with the reason when the
        subscription ends: ``stalled``, or, with ``until`` (a job ID), ``clean`` or ``purged`` when
        that job is inactive or gone; or ``instance-ended``. The filter counts for *client*.
        """
        group = self._group(stream, filter, wire, client)
        subscription = Subscription(group, writer, on_end, until, client)
        subscription.before = before
        group.users += 1
        self._limits.join(client, group.view.ids)
        try:
            self._begin(subscription, since)
        except BaseException:
            self._leave(subscription)
            raise
        self.writers.setdefault(writer, []).append(subscription)
        if until is not None:
            self._ends.setdefault(until, set()).add(subscription)
        writer.on_pause, writer.on_resume = self._pause, self._resume
        if group.view is self.tree and not self.tree.is_known:
            self._awaiting_tree.append(subscription)
        else:
            self._behind.add(subscription)
        return subscription

    def check_filter(
        self, stream: str, filter: Filter, client: str, wire: Wire | None = None
    ) -> None:
        """Raise ``TooManyRequests`` unless a client may follow a stream under one more filter.

        A *wire* that nobody shares counts, too.
        """
        if wire is not None and (stream, filter, wire, 0) not in self.groups:
            self._limits.check_group(client)
        is_new = filter != ANY and (stream, filter) not in self._views
        self._limits.check(client, filter.ids, is_new=is_new)

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; calling it again has no effect."""
        held = self.writers.get(subscription.writer, [])
        if subscription not in held:
            return
        subscription.left = True
        held.remove(subscription)
        if not held:
            del self.writers[subscription.writer]
        if subscription.until is not None:
            waiting = self._ends[subscription.until]
            waiting.discard(subscription)
            if not waiting:
                del self._ends[subscription.until]
        self._behind.discard(subscription)
        self._leave(subscription)

    def end_all(self) -> None:
        """End every subscription, once it has received everything: the instance has ended."""
        self.has_ended = True
        for group in list(self.groups.values()):
            for subscription in group.subscribers:
                self._end_if_over(subscription)

    def end(self, writer: StreamWriter, reason: str) -> None:
        """End all subscriptions of a connection."""
        for subscription in list(self.writers.get(writer, ())):
            self._end(subscription, reason)

    def bookmark(self, group: FanoutGroup) -> bytes:
        """Return a bookmark: a cursor, and the digest of all rows up to it.

        A group that is due gets first what it lacks.
        """
        self._due.settle(group)
        members = {"live": self.lost_since is None, "time": time.time()}
        if self.lost_since is not None:
            members["lost_since"] = self.lost_since
        if group.view.has_digest:
            self._digests.settle(group.view)
            members |= group.view.digest.members()
        return group.bytes_of([("bookmark", group.view.cursor, _encoder.encode(members)[1:])])

    def _group(self, stream: str, filter: Filter, wire: Wire, client: str) -> FanoutGroup:
        for number in count():
            key = (stream, filter, wire, number)
            group = self.groups.get(key)
            if group is None or group.users < _MAX_GROUP_SUBSCRIBERS:
                break
        if group is None:
            view = self._view(stream, filter, client)
            group = self.groups[key] = FanoutGroup(key, stream, view, wire, view.head)
            self._limits.begin_group(key, client)
            self._groups_of.setdefault(view, {})[group] = (stream, filter)
        return group

    def _view(self, stream: str, filter: Filter, client: str) -> View:
        if stream in {"stats", "instances"}:
            return self.stats if stream == "stats" else self.tree
        view = self._views.get((stream, filter))
        if view is None:
            if stream == "jobs":
                view = JobsView(filter, self.table, self.buffer, self.change_log)
            else:
                view = EventsView(filter, self.table, self.buffer)
            self._views[stream, filter] = view
            if filter != ANY:
                self._digests.add(view)
                self._limits.begin((stream, filter), client)
        return view

    def _leave(self, subscription: Subscription) -> None:
        """Remove a subscription from its group; drop the group and its view with the last one."""
        group = subscription.group
        self._limits.leave(subscription.client, group.view.ids)
        group.leave(subscription)
        group.users -= 1
        if not group.users:
            self._due.discard(group)
            del self.groups[group.key]
            self._limits.end_group(group.key)
            others = self._groups_of[group.view]
            key = others.pop(group)
            if not others:
                del self._groups_of[group.view]
                self._views.pop(key, None)
                self._digests.discard(group.view)
                self._limits.end(key)

    def _begin(self, subscription: Subscription, since: str | int | None) -> None:
        view = subscription.group.view
        try:
            subscription.place(since if isinstance(since, int) else view.begin(since))
        except CursorError as error:
            self._refuse(subscription, error.reason)

    def _refuse(self, subscription: Subscription, reason: str) -> None:
        """Report a gap to the client, and restart the subscription."""
        group = subscription.group
        self.resets[reason] += 1
        body = _encoder.encode({"reason": reason, "detail": RESETS[reason]})[1:]
        subscription.greeted = False
        subscription.place(group.view.restart())
        # A client that gets everything anew cannot resume before the first piece, or the last one.
        is_anew = subscription.walk is not None or subscription.seq < 0
        cursor = b"" if is_anew else group.view.cursor
        subscription.first += group.bytes_of([("reset", cursor, body)])

    def _deliver(self, group: FanoutGroup, batch: Batch) -> None:
        before, group.seq = group.seq, group.view.head
        try:
            data = group.live_bytes(batch)
        except Exception:  # noqa: BLE001 - the other groups must still get the batch
            _log.exception("the group %s failed", group.key)
            self._fail_group(group)
            return
        self._write(group, before, data)

    def _fail_group(self, group: FanoutGroup) -> None:
        for subscription in group.subscribers:
            self.end(subscription.writer, "failed")

    def _write(self, group: FanoutGroup, before: int, data: bytes) -> None:
        """Write to the live subscribers of a group, whose position was *before*."""
        if len(data) <= 2 * PIECE_BYTES:
            group.write(data)
        else:
            self._fall_behind(group, before)

    def _fall_behind(self, group: FanoutGroup, before: int) -> None:
        """Replay piece by piece to the live subscribers, who lack more than fits into one write."""
        for subscription in group.subscribers:
            group.leave(subscription)
            subscription.place(before)
            self._behind.add(subscription)

    def _pause(self, writer: StreamWriter) -> None:
        """Move the live subscriptions of a full socket behind, at the position of their group."""
        for subscription in self.writers.get(writer, ()):
            if subscription.group.leave(subscription):
                subscription.place(subscription.group.seq)
                self._behind.add(subscription)

    def _resume(self, writer: StreamWriter) -> None:
        for subscription in self.writers.get(writer, ()):
            self._behind.resume(subscription)

    def _arrive(self, subscription: Subscription) -> None:
        """Make a subscription live; the first time, send it a bookmark."""
        group = subscription.group
        # The other subscribers of the group must first reach the position of this one.
        self._due.settle(group)
        group.join(subscription)
        if not subscription.greeted:
            subscription.greeted = True
            subscription.writer.write(self.bookmark(group))
        self._end_if_over(subscription)

    def _fail(self, subscription: Subscription) -> None:
        self.end(subscription.writer, "failed")

    def _end_if_over(self, subscription: Subscription) -> None:
        if subscription.is_live:
            self._due.settle(subscription.group)
        if not subscription.is_live:
            return
        if subscription.until is not None:
            job = self.table.get(subscription.until)
            if job is None or job.is_inactive:
                self._end(subscription, "purged" if job is None else "clean")
                return
        if self.has_ended:
            self._end(subscription, "instance-ended")

    def _end(self, subscription: Subscription, reason: str) -> None:
        self.unsubscribe(subscription)
        subscription.on_end(reason)
