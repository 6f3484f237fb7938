"""Metrics of the history of past jobs, read at each scrape."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fluxapi.archive.archive import Archive

__all__ = ["HistoryCollector"]


class HistoryCollector(Collector):
    """A collector of the metrics of one history."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family once."""
        writer = self._archive.writer
        yield GaugeMetricFamily(
            "fluxapi_history_writable",
            "1 while the history can be written.",
            value=writer.problem is None,
        )
        yield GaugeMetricFamily(
            "fluxapi_history_queued_bytes",
            "Memory of the jobs that wait to be written.",
            value=writer.queued_bytes,
        )
        yield CounterMetricFamily(
            "fluxapi_history_jobs_written",
            "Jobs that were written into the history.",
            value=writer.written,
        )
        yield CounterMetricFamily(
            "fluxapi_history_jobs_refused",
            "Jobs that could not be written at first.",
            value=writer.refused,
        )
        yield CounterMetricFamily(
            "fluxapi_history_outputs_written",
            "Outputs that were written into the history.",
            value=writer.outputs_written,
        )
        yield CounterMetricFamily(
            "fluxapi_history_outputs_missed",
            "Outputs that Flux had purged before they were read.",
            value=writer.outputs_missed,
        )
        yield CounterMetricFamily(
            "fluxapi_history_jobs_dropped",
            "Old jobs that were dropped from the history.",
            value=writer.upkeep.jobs_dropped,
        )
        yield CounterMetricFamily(
            "fluxapi_history_outputs_dropped",
            "Old outputs that were dropped from the history.",
            value=writer.upkeep.outputs_dropped,
        )
        yield GaugeMetricFamily(
            "fluxapi_history_bytes",
            "Size of the database of the history.",
            value=writer.upkeep.bytes,
        )
