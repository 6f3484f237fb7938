"""Metrics of the commands that run for events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fluxapi.exec_hook.command import Outcome
from fluxapi.exec_hook.exec_hook import ExecHook

__all__ = ["ExecCollector"]


class ExecCollector(Collector):
    """A collector of the metrics of one hook."""

    def __init__(self, hook: ExecHook) -> None:
        self._hook = hook

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family once."""
        runs = CounterMetricFamily(
            "fluxapi_exec_runs",
            "Runs of the command of --exec.",
            labels=["outcome"],
        )
        for outcome in get_args(Outcome):
            runs.add_metric([outcome], self._hook.outcomes[outcome])
        yield runs
        yield GaugeMetricFamily(
            "fluxapi_exec_queued_events",
            "Events that wait for a run of the command of --exec.",
            value=self._hook.queued,
        )
        yield CounterMetricFamily(
            "fluxapi_exec_dropped_events",
            "Events without a run of the command of --exec, since the queue was full.",
            value=self._hook.dropped,
        )
