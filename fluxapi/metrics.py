"""What the service counts, in the Prometheus text format."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .events.journal import Journal

__all__ = ["Metrics"]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """One registry per application. Labels are route names, never paths, so they are bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "fluxapi_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "fluxapi_request_seconds",
            "Time to answer, seconds.",
            ("route",),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.jobs_submitted = Counter(
            "fluxapi_jobs_submitted", "Jobs that Flux took.", registry=self.registry
        )
        self.started = Gauge(
            "fluxapi_start_time_seconds", "When the service began.", registry=self.registry
        )
        self.started.set(time.time())
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

    def watch(self, journal: Journal) -> None:
        """Report the table, the journal and the event channel at every scrape."""
        self.registry.register(_State(self, journal))

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


class _State(Collector):
    def __init__(self, metrics: Metrics, journal: Journal) -> None:
        self._metrics = metrics
        self._journal = journal
        self._table = journal.table
        self._hub = journal.hub

    def collect(self) -> Iterator[Metric]:
        stats = self._table.stats()
        states = GaugeMetricFamily("fluxapi_jobs", "Jobs by state.", labels=["state"])
        for state, number in stats["states"].items():
            states.add_metric([state], number)
        yield states
        results = GaugeMetricFamily(
            "fluxapi_jobs_by_result", "Inactive jobs by result.", labels=["result"]
        )
        for result, number in stats["results"].items():
            results.add_metric([result], number)
        yield results
        yield GaugeMetricFamily(
            "fluxapi_requests_under_way",
            "Requests that were begun and are not answered yet.",
            value=self._metrics.under_way,
        )
        yield GaugeMetricFamily(
            "fluxapi_ready", "1 when the journal is caught up.", value=int(self._journal.ready)
        )
        yield GaugeMetricFamily(
            "fluxapi_subscriptions",
            "Subscriptions of the event channel.",
            value=sum(map(len, self._hub.outlets.values())),
        )
        yield GaugeMetricFamily(
            "fluxapi_readers_behind",
            "Readers of the event channel that have no room at the moment.",
            value=sum(outlet.paused for outlet in self._hub.outlets),
        )
        yield CounterMetricFamily(
            "fluxapi_events", "Journal events published.", value=self._hub.stats.events
        )
