"""A channel with subscribers, and the tasks for them, whose seconds pass by hand."""

from __future__ import annotations

from fluxapi.events.heartbeat import Heartbeat
from fluxapi.events.slow_consumer_reaper import SlowConsumerReaper

from .channel import SSE, Channel, FakeStreamWriter, Flux, Turns
from .readers import parse

__all__ = ["Stage", "bookmarks"]


class Stage:
    def __init__(self, turns: Turns) -> None:
        self.turns, self.flux = turns, Flux()
        self.channel = Channel(turns)
        self.heartbeat = Heartbeat(self.channel.hub)
        self.reaper = SlowConsumerReaper(self.channel.hub)
        self.now = 1000.0
        self.ended: list[str] = []

    def connect(self, stream: str = "events") -> FakeStreamWriter:
        writer = FakeStreamWriter()
        subscription = self.channel.subscribe(writer, stream, on_end=self.ended.append)
        self.turns.run()
        assert subscription.is_live
        writer.writes.clear()
        return writer

    def pass_time(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.now += 1.0
            list(self.heartbeat.beat())
            self.reaper.check(self.now)


def bookmarks(writer: FakeStreamWriter) -> int:
    """Return how many bookmarks a subscriber has got."""
    return sum(frame.kind == "bookmark" for frame in parse(SSE, writer.data))
