"""Metrics that are read from the open sessions at each scrape."""

from __future__ import annotations

import platform
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fluxapi import __version__
from fluxapi.events.transport.connections import Connections
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Lines, ServerSentEvents, WebSocketText, Wire
from fluxapi.sessions.session import InstanceSession

__all__ = ["StateCollector"]

_WIRES: tuple[tuple[type, str], ...] = (
    (WebSocketText, "websocket"),
    (ServerSentEvents, "sse"),
    (Lines, "ndjson"),
)

Samples = Mapping[tuple[str, ...], float]
"""The values of one metric of one session, by the values of its labels."""

Reader = Callable[[InstanceSession], Samples]


class StateCollector(Collector):
    """A collector of the metrics of all sessions; each sample names its instance."""

    def __init__(
        self,
        sessions: Iterable[InstanceSession],
        connections: Connections,
        requests_under_way: Callable[[], int],
    ) -> None:
        self._sessions = sessions
        self._connections = connections
        self._requests_under_way = requests_under_way

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family once."""
        yield GaugeMetricFamily(
            "fluxapi_requests_under_way",
            "Requests that are not answered yet.",
            value=self._requests_under_way(),
        )
        yield GaugeMetricFamily(
            "fluxapi_connections",
            "Sockets and streams that are open.",
            value=len(self._connections),
        )
        sessions = list(self._sessions)
        for name, (text, labels, read) in _GAUGES.items():
            yield _filled(GaugeMetricFamily(name, text, labels=_labels(labels)), sessions, read)
        for name, (text, labels, read) in _COUNTERS.items():
            yield _filled(CounterMetricFamily(name, text, labels=_labels(labels)), sessions, read)


def _labels(labels: tuple[str, ...]) -> list[str]:
    return ["flux_instance", *labels]


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily,
    sessions: Iterable[InstanceSession],
    read: Reader,
) -> Metric:
    for session in sessions:
        for labels, value in read(session).items():
            family.add_metric([session.label, *labels], value)
    return family


def _one(read: Callable[[InstanceSession], float]) -> Reader:
    return lambda session: {(): read(session)}


def _build(session: InstanceSession) -> Samples:
    info = session.info
    return {(__version__, platform.python_version(), info.kind, info.version): 1}


def _by_state(session: InstanceSession) -> Samples:
    return {(state,): count for state, count in session.table.stats()["states"].items()}


def _by_result(session: InstanceSession) -> Samples:
    return {(result,): count for result, count in session.table.stats()["results"].items()}


def _lost_seconds(session: InstanceSession) -> float:
    lost = session.journal.lost_since
    return 0.0 if lost is None else time.time() - lost


def _oldest(session: InstanceSession) -> float:
    entries = session.hub.buffer.entries
    return entries[0].time / 1000 if entries else 0.0


def _subscribers(session: InstanceSession) -> Samples:
    kinds: Counts[tuple[str, ...]] = Counts(
        {
            (wire, stream): 0
            for wire in ("websocket", "sse", "ndjson")
            for stream in ("events", "jobs", "stats", "instances", "output")
        }
    )
    for group in session.hub.groups.values():
        kinds[_wire_name(group.wire), group.stream] += group.users
    for viewers in session.outputs.writers.values():
        for viewer in viewers:
            kinds[_wire_name(viewer.wire), "output"] += 1
    return kinds


def _wire_name(wire: Wire) -> str:
    return next((name for kind, name in _WIRES if isinstance(wire, kind)), "text")


def _paused(writers: Iterable[StreamWriter]) -> int:
    return sum(writer.paused for writer in writers)


_GAUGES: dict[str, tuple[str, tuple[str, ...], Reader]] = {
    "fluxapi_build_info": (
        "Always 1; the labels are the versions in use.",
        ("version", "python", "kind", "flux"),
        _build,
    ),
    "fluxapi_jobs": ("Jobs by state.", ("state",), _by_state),
    "fluxapi_jobs_by_result": ("Inactive jobs by result.", ("result",), _by_result),
    "fluxapi_ready": (
        "1 while the journal is caught up.",
        (),
        _one(lambda session: session.problem is None),
    ),
    "fluxapi_journal_lag_seconds": (
        "Time from the newest event, by Flux's clock, to its publication.",
        (),
        _one(lambda session: session.journal.lag),
    ),
    "fluxapi_journal_lost_seconds": (
        "Time since the journal was lost, 0 while it is followed.",
        (),
        _one(_lost_seconds),
    ),
    "fluxapi_buffer_events": (
        "Events in the buffer, for replay.",
        (),
        _one(lambda session: len(session.hub.buffer.entries)),
    ),
    "fluxapi_buffer_oldest_timestamp_seconds": (
        "Time of the oldest event in the buffer, 0 if it is empty.",
        (),
        _one(_oldest),
    ),
    "fluxapi_subscriptions": (
        "Subscriptions of events, jobs and figures.",
        (),
        _one(lambda session: sum(map(len, session.hub.writers.values()))),
    ),
    "fluxapi_subscribers": (
        "Subscriptions by wire and stream.",
        ("wire", "stream"),
        _subscribers,
    ),
    "fluxapi_readers_behind": (
        "Connections of the event channel whose sockets are full.",
        (),
        _one(lambda session: _paused(session.hub.writers)),
    ),
    "fluxapi_output_readers_behind": (
        "Connections of output whose sockets are full.",
        (),
        _one(lambda session: _paused(session.outputs.writers)),
    ),
}

_COUNTERS: dict[str, tuple[str, tuple[str, ...], Reader]] = {
    "fluxapi_jobs_submitted": (
        "Jobs that Flux accepted.",
        (),
        _one(lambda session: session.submitter.submitted),
    ),
    "fluxapi_journal_losses": (
        "Times that the journal was lost.",
        (),
        _one(lambda session: session.journal.losses),
    ),
    "fluxapi_task_failures": (
        "Failures of background tasks; each was restarted.",
        ("task",),
        lambda session: {(task.name,): task.failures for task in session.tasks},
    ),
    "fluxapi_events": (
        "Journal events published.",
        (),
        _one(lambda session: session.hub.stats.events),
    ),
    "fluxapi_resets": (
        "Gaps that were reported to clients.",
        ("reason",),
        lambda session: {(reason,): count for reason, count in session.hub.resets.items()},
    ),
}
