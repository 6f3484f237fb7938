"""The routes of the history of past jobs."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import Route

from . import history, history_export, past_instances

__all__ = ["HISTORY"]

HISTORY: tuple[Route, ...] = (
    Route(
        "GET", "/history/figures", history.figures, "getFigures", "history",
        "Get figures of the jobs that ended in a time: throughput, waits, run times, use.",
        {200: "figures"}, query="figures-query",
        fails=(errors.HistoryUnavailable, errors.NotSupported), right="view",
    ),
    Route(
        "GET", "/history/export", history_export.export, "exportJobs", "history",
        "Export the jobs of the history as a file, newest first.", {}, query="export-query",
        fails=(errors.HistoryUnavailable, errors.NotSupported, errors.TooManyStreams),
        other=history_export.OFFERS, right="view",
    ),
    Route(
        "GET", "/history/instances", past_instances.past_instances, "listPastInstances", "history",
        "List the instances that have jobs in the history, most recently seen first.",
        {200: "history-instance-list"}, query="history-instances-query",
        fails=(errors.HistoryUnavailable, errors.NotSupported), scope="service", right="view",
    ),
)  # fmt: skip
