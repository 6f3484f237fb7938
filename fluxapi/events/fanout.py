"""One stream under one filter on one wire, and the subscribers that share its bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Wire

from .event_log import Batch
from .snapshot import Snapshot
from .views import Message, View

__all__ = ["FanoutGroup", "Subscription"]


class Subscription:
    """One subscriber of one group, and its position.

    ``seq`` is its position while it is behind; a live one has the position of its group. ``walk``
    is the snapshot that it receives and the position in it. ``first`` is written before anything
    else except for the writes of ``before``. The subscription ends with the job ``until``;
    ``on_end`` is called with the reason. ``left`` is true once it has ended. ``client`` is the
    client that its filter counts for, if any.
    """

    __slots__ = (
        "before",
        "client",
        "first",
        "greeted",
        "group",
        "left",
        "on_end",
        "seq",
        "until",
        "walk",
        "writer",
    )

    def __init__(
        self,
        group: FanoutGroup,
        writer: StreamWriter,
        on_end: Callable[[str], None],
        until: int | None,
        client: str = "",
    ) -> None:
        self.client = client
        self.group = group
        self.writer = writer
        self.on_end = on_end
        self.until = until
        self.seq = 0
        self.walk: tuple[Snapshot, int | None] | None = None
        self.before: Iterator[bytes] | None = None
        self.first = b""
        self.greeted = False
        self.left = False

    @property
    def is_live(self) -> bool:
        """Return whether the subscriber has received everything and its socket is not full."""
        return self.group.live.get(self.writer) is self

    def place(self, start: int | Snapshot) -> None:
        """Continue after a sequence number, or with a snapshot."""
        if isinstance(start, Snapshot):
            self.walk = (start, None)
        else:
            self.walk = None
            self.seq = start


class FanoutGroup:
    """Subscribers with the same stream, filter and wire; the live ones get the same bytes."""

    def __init__(self, key: Hashable, stream: str, view: View, wire: Wire, seq: int) -> None:
        self.key = key
        self.stream = stream
        self.view = view
        self.wire = wire
        self.seq = seq
        self.live: dict[StreamWriter, Subscription] = {}
        self.users = 0
        self._writes: list[Callable[[bytes], None]] | None = None

    @property
    def subscribers(self) -> list[Subscription]:
        """Return the live subscriptions."""
        return list(self.live.values())

    def join(self, subscription: Subscription) -> None:
        """Add a subscription that has received everything."""
        self.live[subscription.writer] = subscription
        self._writes = None

    def leave(self, subscription: Subscription) -> bool:
        """Remove a subscription; return whether it was live."""
        if not subscription.is_live:
            return False
        del self.live[subscription.writer]
        self._writes = None
        return True

    def bytes_of(self, messages: list[Message]) -> bytes:
        """Encode messages as one write."""
        if not messages:
            return b""
        frame = self.wire.frame
        return self.wire.join([frame(*message) for message in messages])

    def live_bytes(self, batch: Batch) -> bytes:
        """Encode the messages of a batch for the live subscribers."""
        return self.bytes_of(self.view.live(batch)) if self.live else b""

    def write(self, data: bytes) -> None:
        """Write to all live subscribers."""
        if not data:
            return
        # The innermost loop of the service: the list is rebuilt when a subscriber joins or leaves.
        if self._writes is None:
            self._writes = [writer.write for writer in self.live]
        for write in self._writes:
            write(data)
