"""One stream under one filter on one wire, and the subscribers that share its bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from .batch import Batch
from .outlet import Outlet
from .snapshot import Snapshot
from .views import Message, View
from .wire import Wire

__all__ = ["Feed", "Subscription"]


class Subscription:
    """One subscriber of one feed, and where it stands.

    ``seq`` counts while it is behind; who is live stands where the feed stands. ``walk`` is the
    snapshot that it is given and how far that has come. ``first`` goes out before anything else.
    ``until`` is the job whose end ends it; ``on_end`` is told the reason. ``left``: it is over.
    """

    __slots__ = (
        "feed",
        "first",
        "greeted",
        "left",
        "on_end",
        "outlet",
        "seq",
        "until",
        "walk",
    )

    def __init__(
        self, feed: Feed, outlet: Outlet, on_end: Callable[[str], None], until: int | None
    ) -> None:
        self.feed = feed
        self.outlet = outlet
        self.on_end = on_end
        self.until = until
        self.seq = 0
        self.walk: tuple[Snapshot, int | None] | None = None
        self.first = b""
        self.greeted = False
        self.left = False

    @property
    def is_live(self) -> bool:
        """Whether it has seen everything and has room."""
        return self.feed.live.get(self.outlet) is self

    def place(self, start: int | Snapshot) -> None:
        """Begin after a number, or with a snapshot."""
        if isinstance(start, Snapshot):
            self.walk = (start, None)
        else:
            self.walk = None
            self.seq = start


class Feed:
    """Those who are live get what is new in one write each: all of them the same bytes."""

    def __init__(self, key: Hashable, stream: str, view: View, wire: Wire, seq: int) -> None:
        self.key = key
        self.stream = stream
        self.view = view
        self.wire = wire
        self.seq = seq
        self.live: dict[Outlet, Subscription] = {}
        self.users = 0
        self._writes: list[Callable[[bytes], None]] | None = None

    @property
    def subscribers(self) -> list[Subscription]:
        """Those who are live."""
        return list(self.live.values())

    def join(self, subscription: Subscription) -> None:
        """Let one in who has seen everything."""
        self.live[subscription.outlet] = subscription
        self._writes = None

    def leave(self, subscription: Subscription) -> bool:
        """Let one out; whether it was live."""
        if not subscription.is_live:
            return False
        del self.live[subscription.outlet]
        self._writes = None
        return True

    def bytes_of(self, messages: list[Message]) -> bytes:
        """Messages as one write."""
        if not messages:
            return b""
        frame = self.wire.frame
        return self.wire.join([frame(*message) for message in messages])

    def news(self, batch: Batch) -> bytes:
        """What the live ones are to get of a batch."""
        return self.bytes_of(self.view.news(batch)) if self.live else b""

    def write(self, data: bytes) -> None:
        """Write to everybody who is live."""
        if not data:
            return
        # The innermost loop of the service: the list is made when somebody comes or goes.
        if self._writes is None:
            self._writes = [outlet.write for outlet in self.live]
        for write in self._writes:
            write(data)
