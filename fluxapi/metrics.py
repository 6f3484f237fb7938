"""What the service counts, in the Prometheus text format.

``docs/operation.md`` lists every metric; a test holds the two equal. Labels have few values: names
of routes, never paths; names of errors, never their words.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from . import __version__
from .errors import FluxapiError
from .events.connections import Connections
from .events.journal import Journal
from .events.outlet import Outlet
from .events.output import Outputs
from .events.wire import Lines, ServerSentEvents, WebSocketText, Wire
from .instance.protocol import InstanceInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LoopLag", "Metrics"]

# When a series began is no series that anybody asked for.
disable_created_metrics()  # type: ignore[no-untyped-call] # untyped there

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_WIRES: tuple[tuple[type, str], ...] = (
    (WebSocketText, "websocket"),
    (ServerSentEvents, "sse"),
    (Lines, "ndjson"),
)


class Metrics:
    """One registry per application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Apart, since it reads files: not for the event loop.
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._requests = Counter(
            "fluxapi_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "fluxapi_request_duration_seconds",
            "Time to answer a request; streams are not in it.",
            ("route",),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._call_seconds = Histogram(
            "fluxapi_rpc_duration_seconds",
            "Time until Flux has answered a call, refusals included.",
            ("topic",),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._call_failures = Counter(
            "fluxapi_rpc_failures",
            "Calls to Flux that were refused or had no answer.",
            ("topic", "error"),
            registry=self.registry,
        )
        self.jobs_submitted = Counter(
            "fluxapi_jobs_submitted", "Jobs that Flux took.", registry=self.registry
        )
        self._lag = Histogram(
            "fluxapi_event_loop_lag_seconds",
            "How much later than asked the event loop runs a timer.",
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._build = Gauge(
            "fluxapi_build_info",
            "1, with the versions of what runs.",
            ("version", "python", "instance", "flux"),
            registry=self.registry,
        )
        self.under_way = 0
        self._counts: dict[tuple[str, str, int], Callable[[], None]] = {}
        self._times: dict[str, Callable[[float], None]] = {}

    def observe(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count one answered request, and the time it took where that means anything."""
        key = (route, method, status)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = self._requests.labels(route, method, str(status)).inc
        count()
        if seconds is None:
            return
        timing = self._times.get(route)
        if timing is None:
            timing = self._times[route] = self._seconds.labels(route).observe
        timing(seconds)

    @contextmanager
    def call(self, topic: str) -> Iterator[None]:
        """Time one call to Flux, and count how it fails (a ``CallWatch``)."""
        started = time.perf_counter()
        try:
            yield
        except FluxapiError as error:
            self._call_failures.labels(topic, type(error).__name__).inc()
            raise
        finally:
            self._call_seconds.labels(topic).observe(time.perf_counter() - started)

    def late(self, seconds: float) -> None:
        """The event loop ran a timer this much later than asked."""
        self._lag.observe(seconds)

    def watch(
        self, journal: Journal, outputs: Outputs, connections: Connections, info: InstanceInfo
    ) -> None:
        """Report the table, the journal and the event channel at every scrape."""
        self._build.labels(__version__, platform.python_version(), info.kind, info.version).set(1)
        self.registry.register(_State(self, journal, outputs, connections))

    async def render(self) -> bytes:
        """The text that Prometheus reads."""
        process = await asyncio.to_thread(generate_latest, self._process)
        return generate_latest(self.registry) + process


class LoopLag:
    """Measures, twice a second, how late the event loop is."""

    EVERY = 0.5

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begin."""
        self._ask()

    async def close(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()

    def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.EVERY, self._answer, loop.time() + self.EVERY)

    def _answer(self, due: float) -> None:
        self._tell(max(asyncio.get_running_loop().time() - due, 0.0))
        self._ask()


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _by(label: str, name: str, text: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _wire_name(wire: Wire) -> str:
    return next((name for kind, name in _WIRES if isinstance(wire, kind)), "text")


class _State(Collector):
    """What is looked up when somebody asks."""

    def __init__(
        self, metrics: Metrics, journal: Journal, outputs: Outputs, connections: Connections
    ) -> None:
        self._metrics = metrics
        self._journal = journal
        self._outputs = outputs
        self._connections = connections

    def collect(self) -> Iterator[Metric]:
        yield from self._jobs()
        yield _gauge(
            "fluxapi_requests_under_way",
            "Requests that were begun and are not answered yet.",
            self._metrics.under_way,
        )
        yield from self._reading()
        yield from self._ring()
        yield from self._readers()

    def _jobs(self) -> Iterator[Metric]:
        stats = self._journal.table.stats()
        yield _by("state", "fluxapi_jobs", "Jobs by state.", stats["states"])
        yield _by("result", "fluxapi_jobs_by_result", "Inactive jobs by result.", stats["results"])

    def _reading(self) -> Iterator[Metric]:
        journal = self._journal
        lost = journal.lost_since
        yield _gauge("fluxapi_ready", "1 when /ready is 200.", int(journal.problem is None))
        yield _gauge(
            "fluxapi_journal_lag_seconds",
            "Time from the newest event, by Flux's clock, to its publication.",
            journal.lag,
        )
        yield _gauge(
            "fluxapi_journal_lost_seconds",
            "Time since the journal was lost, 0 while it is followed.",
            0.0 if lost is None else time.time() - lost,
        )
        yield CounterMetricFamily(
            "fluxapi_journal_losses", "Times that the journal was lost.", value=journal.losses
        )
        yield CounterMetricFamily(
            "fluxapi_events", "Journal events published.", value=journal.hub.stats.events
        )

    def _ring(self) -> Iterator[Metric]:
        entries = self._journal.hub.ring.entries
        yield _gauge("fluxapi_ring_events", "Events held for those who come back.", len(entries))
        yield _gauge(
            "fluxapi_ring_oldest_timestamp_seconds",
            "Time of the oldest event that is held, 0 when none is.",
            entries[0].time / 1000 if entries else 0.0,
        )

    def _readers(self) -> Iterator[Metric]:
        hub = self._journal.hub
        yield _gauge(
            "fluxapi_connections", "Sockets and streams that are open.", len(self._connections)
        )
        yield _gauge(
            "fluxapi_subscriptions",
            "Subscriptions of events, jobs and figures.",
            sum(map(len, hub.outlets.values())),
        )
        family = GaugeMetricFamily(
            "fluxapi_subscribers",
            "Subscriptions by how they are served and what they follow.",
            labels=["wire", "stream"],
        )
        for (wire, stream), number in self._kinds().items():
            family.add_metric([wire, stream], number)
        yield family
        yield _gauge(
            "fluxapi_readers_behind",
            "Readers of the event channel that have no room at the moment.",
            _paused(hub.outlets),
        )
        yield _gauge(
            "fluxapi_output_readers_behind",
            "Readers of output that have no room at the moment.",
            _paused(self._outputs.outlets),
        )
        resets = CounterMetricFamily(
            "fluxapi_resets", "Readers who were told that they missed something.", labels=["reason"]
        )
        for reason, number in hub.resets.items():
            resets.add_metric([reason], number)
        yield resets

    def _kinds(self) -> Tally[tuple[str, str]]:
        kinds = Tally(
            {
                (wire, stream): 0
                for wire in ("websocket", "sse", "ndjson")
                for stream in ("events", "jobs", "stats", "output")
            }
        )
        for feed in self._journal.hub.feeds.values():
            kinds[_wire_name(feed.wire), feed.stream] += feed.users
        for viewers in self._outputs.outlets.values():
            for viewer in viewers:
                kinds[_wire_name(viewer.wire), "output"] += 1
        return kinds


def _paused(outlets: Iterable[Outlet]) -> int:
    return sum(outlet.paused for outlet in outlets)
