"""From what is published to those who follow it.

Those who have seen everything so far (they are *live*) get what is new in one write each, the same
bytes for all who share a feed. Who cannot take more falls *behind*: it costs nothing but a number
until there is room again, and then catches up piece by piece. There is no queue per subscriber.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterator

import msgspec

from .batch import Batch, publish
from .catchup import CatchUp
from .feed import Feed, Subscription
from .filters import Filter
from .history import History
from .index import Facets
from .outlet import Outlet
from .ring import Refused, Ring
from .stats import StatsView
from .table import Changes, Table
from .trail import Trail
from .views import PIECE, EventsView, JobsView, View
from .wire import Wire

__all__ = ["RESETS", "Hub"]

_log = logging.getLogger(__name__)

RESETS = {
    "unknown": "The cursor is not one of this service.",
    "instance": "The cursor is of another Flux instance.",
    "epoch": "The service has begun anew since this cursor.",
    "future": "The cursor is ahead of everything that has happened.",
    "expired": "The cursor is older than what the service keeps.",
    "clock": "The clock of the instance stepped back since this cursor.",
    "overflow": "The reader was too slow: what it had yet to see is no longer kept.",
}
"""Why a reader cannot go on where it was."""

_GONE = 1024
"""Jobs that are told to be gone before others have their turn: some 5 ms."""

_encoder = msgspec.json.Encoder()


class Hub:
    """Publishes what the journal brings to any number of subscribers."""

    def __init__(self, table: Table, ring: Ring, trail: Trail) -> None:
        self.table = table
        self.ring = ring
        self.trail = trail
        self.stats = StatsView(table, ring)
        self.lost_since: float | None = None
        """Since when the journal is not followed, and nothing new will come; seconds since 1970."""
        self.outlets: dict[Outlet, list[Subscription]] = {}
        self.resets = dict.fromkeys(RESETS, 0)
        """How often readers were told of a gap, by reason."""
        self.feeds: dict[Hashable, Feed] = {}
        self._views: dict[Hashable, View] = {}
        self._feeds_of: dict[View, dict[Feed, Hashable]] = {}
        """The feeds that show a view, each with the key of the view."""
        self._behind = CatchUp(ring, self._refuse, self._arrive, self._fail)
        self._ends: dict[int, set[Subscription]] = {}

    def start(self) -> Iterator[None]:
        """The table has the first backlog: from here on everything is published.

        It is done once the iterator has ended. Others may have their turn after each step, but
        nothing may be published, and nobody subscribe, before the last.
        """
        history, self.table.history = self.table.history, None
        if history is not None:
            yield from self._recall(history)
        self.trail.start(self.ring.head)

    def _recall(self, history: History) -> Iterator[None]:
        ring = self.ring
        gone: dict[int, Facets] = {}
        for piece in history.recall():
            for jobid, index, event, facets in piece:
                ring.post(jobid, index, event, facets)
                if jobid not in self.table:
                    gone[jobid] = facets
            yield
        for number, (jobid, facets) in enumerate(gone.items()):
            ring.note(jobid, "gone", facets)
            if number % _GONE == 0:
                yield
        # The ring may hold even less.
        ring.whole_since = max(ring.whole_since, int(history.missing_until * 1000))
        ring.stepped = history.stepped

    def publish(self, changes: Changes) -> None:
        """Tell everybody what happened to the table."""
        batch = publish(changes, self.ring, self.trail)
        self.stats.count(batch)
        jobs = {entry.id for entry in batch.entries}
        for view in self._views.values():
            if view.ids is None or not view.ids.isdisjoint(jobs):
                view.tally.apply(batch)
        for feed in list(self.feeds.values()):
            ids = feed.view.ids
            if ids is None or not ids.isdisjoint(jobs):
                self._deliver(feed, batch)
            else:
                feed.seq = self.ring.head
        if self._ends:
            for row in batch.rows:
                for subscription in list(self._ends.get(row.id, ())):
                    self._end_if_over(subscription)

    def push(self, view: View) -> None:
        """Show those who are live on ``view`` what it holds now."""
        for feed in list(self._feeds_of.get(view, ())):
            if feed.live:
                feed.write(feed.bytes_of(view.past(feed.seq)[0]))

    def set_lost(self, since: float | None) -> None:
        """The journal is lost since then, or (``None``) back: those who are live are told."""
        if (since is None) != (self.lost_since is None):
            self.lost_since = since
            for feed in list(self.feeds.values()):
                feed.write(self.mark(feed))

    def subscribe(
        self,
        outlet: Outlet,
        stream: str,
        filter: Filter,
        wire: Wire,
        *,
        on_end: Callable[[str], None],
        since: str | int | None = None,
        until: int | None = None,
    ) -> Subscription:
        """Follow a stream, from now or from a cursor (or number of the ring) on.

        ``on_end`` is called when it is over, with the reason: ``stalled`` or, with ``until``
        (a job id), ``clean`` or ``purged`` when that job is inactive or gone.
        """
        feed = self._feed(stream, filter, wire)
        subscription = Subscription(feed, outlet, on_end, until)
        if isinstance(since, int):
            subscription.place(since)
        else:
            self._begin(subscription, since)
        feed.users += 1
        self.outlets.setdefault(outlet, []).append(subscription)
        if until is not None:
            self._ends.setdefault(until, set()).add(subscription)
        outlet.on_pause = lambda: self._pause(outlet)
        outlet.on_resume = lambda: self._resume(outlet)
        self._behind.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Write no more to it; may be called again."""
        held = self.outlets.get(subscription.outlet, [])
        if subscription not in held:
            return
        subscription.left = True
        held.remove(subscription)
        if not held:
            del self.outlets[subscription.outlet]
        if subscription.until is not None:
            waiting = self._ends[subscription.until]
            waiting.discard(subscription)
            if not waiting:
                del self._ends[subscription.until]
        self._behind.discard(subscription)
        self._leave(subscription)

    def end(self, outlet: Outlet, reason: str) -> None:
        """End all subscriptions of a connection."""
        for subscription in list(self.outlets.get(outlet, ())):
            self._end(subscription, reason)

    def mark(self, feed: Feed) -> bytes:
        """A mark: a cursor, and what one holds who has seen everything up to it."""
        members = {"live": self.lost_since is None, "time": time.time()}
        if self.lost_since is not None:
            members["lost_since"] = self.lost_since
        if feed.view.has_digest:
            members |= feed.view.tally.members()
        return feed.bytes_of([("mark", self.ring.cursor, _encoder.encode(members)[1:])])

    def _feed(self, stream: str, filter: Filter, wire: Wire) -> Feed:
        key = (stream, filter, wire)
        feed = self.feeds.get(key)
        if feed is None:
            view = self._view(stream, filter)
            feed = self.feeds[key] = Feed(key, stream, view, wire, self.ring.head)
            self._feeds_of.setdefault(view, {})[feed] = (stream, filter)
        return feed

    def _view(self, stream: str, filter: Filter) -> View:
        if stream == "stats":
            return self.stats
        view = self._views.get((stream, filter))
        if view is None:
            if stream == "jobs":
                view = JobsView(filter, self.table, self.ring, self.trail)
            else:
                view = EventsView(filter, self.table, self.ring)
            self._views[stream, filter] = view
        return view

    def _leave(self, subscription: Subscription) -> None:
        """Forget a feed that nobody uses, and its view."""
        feed = subscription.feed
        feed.leave(subscription)
        feed.users -= 1
        if not feed.users:
            del self.feeds[feed.key]
            others = self._feeds_of[feed.view]
            key = others.pop(feed)
            if not others:
                del self._feeds_of[feed.view]
                self._views.pop(key, None)

    def _begin(self, subscription: Subscription, since: str | None) -> None:
        try:
            subscription.place(subscription.feed.view.begin(since))
        except Refused as refused:
            self._refuse(subscription, refused.reason)

    def _refuse(self, subscription: Subscription, reason: str) -> None:
        """Tell the reader that there is a gap, and go on as well as can be."""
        feed = subscription.feed
        self.resets[reason] += 1
        body = _encoder.encode({"reason": reason, "detail": RESETS[reason]})[1:]
        subscription.greeted = False
        subscription.place(feed.view.begin_anew())
        # Who is to get a snapshot has nothing to go on from before its last piece.
        cursor = self.ring.cursor if subscription.walk is None else b""
        subscription.first += feed.bytes_of([("reset", cursor, body)])

    def _deliver(self, feed: Feed, batch: Batch) -> None:
        before, feed.seq = feed.seq, self.ring.head
        try:
            data = feed.news(batch)
        except Exception:  # noqa: BLE001 - it must not cost the other feeds the batch
            _log.exception("the feed %s failed", feed.key)
            for subscription in feed.subscribers:
                self.end(subscription.outlet, "failed")
            return
        if len(data) <= 2 * PIECE:
            feed.write(data)
            return
        # Too much for one write: everybody catches up piece by piece.
        for subscription in feed.subscribers:
            feed.leave(subscription)
            subscription.place(before)
            self._behind.add(subscription)

    def _pause(self, outlet: Outlet) -> None:
        """No room: whoever was live on it stands where its feed stands."""
        for subscription in self.outlets.get(outlet, ()):
            if subscription.feed.leave(subscription):
                subscription.place(subscription.feed.seq)
                self._behind.add(subscription)

    def _resume(self, outlet: Outlet) -> None:
        for subscription in self.outlets.get(outlet, ()):
            self._behind.resume(subscription)

    def _arrive(self, subscription: Subscription) -> None:
        """One has seen everything: live from here on, and the first time it gets a mark."""
        feed = subscription.feed
        feed.join(subscription)
        if not subscription.greeted:
            subscription.greeted = True
            subscription.outlet.write(self.mark(feed))
        self._end_if_over(subscription)

    def _fail(self, subscription: Subscription) -> None:
        self.end(subscription.outlet, "failed")

    def _end_if_over(self, subscription: Subscription) -> None:
        if subscription.until is None or not subscription.is_live:
            return
        job = self.table.get(subscription.until)
        if job is None:
            self._end(subscription, "purged")
        elif job.is_inactive:
            self._end(subscription, "clean")

    def _end(self, subscription: Subscription, reason: str) -> None:
        self.unsubscribe(subscription)
        subscription.on_end(reason)
