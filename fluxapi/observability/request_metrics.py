"""Counts and durations that change with every request, at a fraction of the library's cost.

The library takes two locks for each value, since any thread may change it; these are changed by the
event loop only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

__all__ = ["BUCKETS", "Counts", "Durations"]

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""The upper bounds of durations, in seconds."""

_BOUNDS = [*map(floatToGoString, BUCKETS), "+Inf"]


class Counts(Collector):
    """A counter by the values of its labels."""

    def __init__(
        self, name: str, text: str, labels: tuple[str, ...], registry: CollectorRegistry
    ) -> None:
        self._about = (name, text, None, labels)
        self._counts: dict[tuple[str | int, ...], int] = {}
        registry.register(self)

    def add(self, *labels: str | int) -> None:
        """Count one."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metric family."""
        family = CounterMetricFamily(*self._about)
        for labels, count in self._counts.items():
            family.add_metric(list(map(str, labels)), count)
        yield family


class _Histogram:
    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0


class Durations(Collector):
    """A histogram of durations by the values of its labels."""

    def __init__(
        self, name: str, text: str, labels: tuple[str, ...], registry: CollectorRegistry
    ) -> None:
        self._about = (name, text)
        self._labels = labels
        self._histograms: dict[tuple[str, ...], _Histogram] = {}
        registry.register(self)

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one duration."""
        histogram = self._histograms.get(labels)
        if histogram is None:
            histogram = self._histograms[labels] = _Histogram()
        histogram.counts[bisect_left(BUCKETS, seconds)] += 1
        histogram.seconds += seconds

    def forget(self, label: str) -> None:
        """Drop the durations whose first label has this value."""
        self._histograms = {
            labels: held for labels, held in self._histograms.items() if labels[0] != label
        }

    def collect(self) -> Iterator[Metric]:
        """Yield the metric family."""
        family = HistogramMetricFamily(*self._about, labels=self._labels)
        for labels, histogram in self._histograms.items():
            total = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip(_BOUNDS, histogram.counts, strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric(labels, buckets, histogram.seconds)
        yield family
