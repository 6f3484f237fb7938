"""The metrics of the service, in the Prometheus text format.

Metrics of a Flux instance have the label ``flux_instance``, its path in the tree. Prometheus
itself uses the label ``instance`` for the address of the service.

``docs/operation.md`` lists every metric; a test holds the list complete. The values of labels are
bounded: names of routes, never paths; names of errors, never their texts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager, asynccontextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from fluxapi.archive.archive import Archive
from fluxapi.errors import FluxapiError
from fluxapi.events.transport.connections import Connections
from fluxapi.exec_hook.exec_hook import ExecHook
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.session import InstanceSession
from fluxapi.webhooks.webhooks import Webhooks

from .exec_metrics import ExecCollector
from .history_metrics import HistoryCollector
from .request_metrics import BUCKETS, Counts, Durations
from .state_metrics import StateCollector
from .webhook_metrics import WebhookCollector

__all__ = ["LoopLag", "Metrics"]

# A ``_created`` series per counter has no use here.
disable_created_metrics()  # type: ignore[no-untyped-call] # untyped there


class Metrics:
    """The metrics of one application, with registries of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Apart, since it reads files, which must not block the event loop.
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._requests = Counts(
            "fluxapi_requests", "Requests answered.", ("route", "method", "status"), self.registry
        )
        self._seconds = Durations(
            "fluxapi_request_duration_seconds",
            "Time to answer a request, without streams.",
            ("route",),
            self.registry,
        )
        self._call_seconds = Durations(
            "fluxapi_rpc_duration_seconds",
            "Time until Flux has answered a call, also with an error.",
            ("flux_instance", "topic"),
            self.registry,
        )
        self._call_failures = Counter(
            "fluxapi_rpc_failures",
            "Calls to Flux that failed or had no answer.",
            ("flux_instance", "topic", "error"),
            registry=self.registry,
        )
        self._lag = Histogram(
            "fluxapi_event_loop_lag_seconds",
            "Delay with which the event loop runs a timer.",
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.under_way = 0

    def observe(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Count one answered request, and record its duration unless it is ``None``."""
        self._requests.add(route, method, status)
        if seconds is not None:
            self._seconds.observe(seconds, route)

    def call(self, instance: str, topic: str) -> AbstractContextManager[None]:
        """Time one call to *instance*, and count a failure (a ``CallWatch``)."""
        return _Call(self, instance, topic)

    def observe_call(self, instance: str, topic: str, seconds: float) -> None:
        """Record the duration of one call to *instance*."""
        self._call_seconds.observe(seconds, instance, topic)

    def count_failure(self, instance: str, topic: str, error: str) -> None:
        """Count one call to *instance* that failed."""
        self._call_failures.labels(instance, topic, error).inc()

    @asynccontextmanager
    async def kept_for(self, instance: str) -> AsyncIterator[None]:
        """Keep the series of an instance while its session opens and is open."""
        try:
            yield
        finally:
            self.forget(instance)

    def forget(self, instance: str) -> None:
        """Drop the series of an instance."""
        self._call_seconds.forget(instance)
        self._call_failures.remove_by_labels({"flux_instance": instance})

    def late(self, seconds: float) -> None:
        """Record how late the event loop ran a timer."""
        self._lag.observe(seconds)

    def watch(
        self,
        sessions: Iterable[InstanceSession],
        connections: Connections,
        archive: Archive | None,
        webhooks: Webhooks,
    ) -> None:
        """Report the state of sessions, history and webhooks at each scrape."""
        self.registry.register(StateCollector(sessions, connections, lambda: self.under_way))
        self.registry.register(WebhookCollector(webhooks))
        if archive is not None and not archive.readonly:
            self.registry.register(HistoryCollector(archive))

    def watch_exec(self, hook: ExecHook) -> None:
        """Report the runs of the command of ``--exec`` at each scrape."""
        self.registry.register(ExecCollector(hook))

    async def render(self) -> bytes:
        """Return the metrics in the text format."""
        process = await asyncio.to_thread(generate_latest, self._process)
        # The thread may have ended many such calls in one pass of the event loop.
        await TimeSlice(0).share()
        return generate_latest(self.registry) + process


class _Call(AbstractContextManager[None]):
    """One call to Flux, timed from the begin to the end of the context."""

    __slots__ = ("_instance", "_metrics", "_started", "_topic")

    def __init__(self, metrics: Metrics, instance: str, topic: str) -> None:
        self._metrics = metrics
        self._instance = instance
        self._topic = topic

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, FluxapiError):
            self._metrics.count_failure(self._instance, self._topic, type(error).__name__)
        seconds = time.perf_counter() - self._started
        self._metrics.observe_call(self._instance, self._topic, seconds)


class LoopLag(BackgroundTask):
    """A task that measures the lag of the event loop twice a second."""

    INTERVAL_S = 0.5

    def __init__(self, tell: Callable[[float], None]) -> None:
        super().__init__("event loop lag")
        self._tell = tell

    async def run(self) -> None:
        """Measure at intervals how late a timer is."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self.INTERVAL_S
            await asyncio.sleep(self.INTERVAL_S)
            self._tell(max(loop.time() - due, 0.0))
