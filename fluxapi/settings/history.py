"""The settings of the history of past jobs."""

from __future__ import annotations

from . import parse
from .setting import Setting

__all__ = ["HISTORY"]

HISTORY: tuple[Setting, ...] = (
    Setting(
        "no_history",
        "--no-history",
        "FLUXAPI_NO_HISTORY",
        "false",
        "keep no history of jobs that have ended",
        parse.boolean,
        switch=True,
    ),
    Setting(
        "history_max_age",
        "--history-max-age",
        "FLUXAPI_HISTORY_MAX_AGE",
        "90",
        "days after their end at which jobs are dropped from the history; 0 is no limit",
        parse.count,
    ),
    Setting(
        "history_max_jobs",
        "--history-max-jobs",
        "FLUXAPI_HISTORY_MAX_JOBS",
        "2000000",
        "limit of jobs in the history; the oldest are dropped first; 0 is no limit",
        parse.count,
    ),
    Setting(
        "history_max_bytes",
        "--history-max-bytes",
        "FLUXAPI_HISTORY_MAX_BYTES",
        "4294967296",
        "limit of the history database, bytes; the oldest jobs are dropped first; 0 is no limit",
        parse.count,
    ),
    Setting(
        "history_max_job_output",
        "--history-max-job-output",
        "FLUXAPI_HISTORY_MAX_JOB_OUTPUT",
        "1048576",
        "limit of the output of one job in the history, bytes; of a longer output, head and tail "
        "are kept; 0 keeps no output",
        parse.count,
    ),
    Setting(
        "history_max_output",
        "--history-max-output",
        "FLUXAPI_HISTORY_MAX_OUTPUT",
        "1073741824",
        "limit of all outputs in the history, compressed bytes; the oldest are dropped first; 0 is "
        "no limit",
        parse.count,
    ),
)
