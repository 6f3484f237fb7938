"""The counters and histograms of requests are those that Prometheus expects."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from fluxapi.observability.request_metrics import BUCKETS, Counts, Durations


def test_durations_are_told_as_the_library_tells_them() -> None:
    own, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations("took_seconds", "Time.", ("route",), own)
    histogram = Histogram("took_seconds", "Time.", ("route",), registry=theirs, buckets=BUCKETS)
    for seconds in (0.0, 0.001, 0.0011, 0.3, 10.0, 11.0):
        durations.observe(seconds, "listJobs")
        histogram.labels("listJobs").observe(seconds)
    assert generate_latest(own) == generate_latest(theirs)


def test_the_durations_of_an_instance_are_forgotten() -> None:
    registry = CollectorRegistry()
    durations = Durations("took_seconds", "Time.", ("flux_instance", "topic"), registry)
    durations.observe(1.0, "root", "job-info.lookup")
    durations.observe(1.0, "f2QK3Zz", "job-info.lookup")
    durations.forget("f2QK3Zz")
    text = generate_latest(registry).decode()
    assert 'flux_instance="root"' in text
    assert "f2QK3Zz" not in text


def test_counts_are_told_by_the_values_of_their_labels() -> None:
    registry = CollectorRegistry()
    counts = Counts("asked", "Requests.", ("method", "status"), registry)
    counts.add("GET", 200)
    counts.add("GET", 200)
    counts.add("GET", 404)
    lines = generate_latest(registry).decode().splitlines()
    assert 'asked_total{method="GET",status="200"} 2.0' in lines
    assert 'asked_total{method="GET",status="404"} 1.0' in lines
