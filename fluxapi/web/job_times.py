"""The times of a job on its page: the bar of its states, and how much of its time limit is over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fluxapi.model.humanize import utc
from fluxapi.model.job import STATES

from .granted_nodes import tell_hosts
from .visible import SHORT, visible
from .words import Words

__all__ = ["BAR", "bar", "latest_end", "limit", "timeline"]

_STARTS = {state: "t_submit" if state == "NEW" else f"t_{state.lower()}" for state in STATES}
"""The field of the record with the start of each state."""

BAR = 1000.0
_MIN_SEGMENT = 8.0
"""Width of the timeline, and the least of a state in it."""


def timeline(record: Mapping[str, Any], now: float, words: Words) -> list[dict[str, Any]]:
    """Return the states of the job with start, offset and duration, and their part of the bar.

    The last state lasts until *now*; an inactive job stays inactive, so that state has no duration.
    """
    reached = [(state, record[key]) for state, key in _STARTS.items() if key in record]
    ends = [since for _, since in reached[1:]]
    steps: list[dict[str, Any]] = []
    for at, (state, since) in enumerate(reached):
        grows = at == len(ends) and state != "INACTIVE"
        end = ends[at] if at < len(ends) else now if grows else since
        seconds = max(end - since, 0.0)
        steps.append(
            {
                "state": state,
                "since": since,
                "moment": utc(since),
                "grows": grows,
                "seconds": seconds,
                "after": words.duration(max(since - reached[0][1], 0.0)),
                "lasted": words.duration(math.floor(seconds) if grows else seconds),
            }
        )
    for step, (begin, width) in zip(steps, bar([step["seconds"] for step in steps]), strict=True):
        step["begin"], step["width"] = begin, width
    return steps


def bar(seconds: Sequence[float]) -> list[tuple[float, float]]:
    """Return begin and width of each segment of a bar of the width ``BAR``.

    A state that was short beside the others keeps a width that can be seen.
    """
    shown = sum(1 for one in seconds if one)
    total = sum(seconds)
    found: list[tuple[float, float]] = []
    begin = 0.0
    for one in seconds:
        width = _MIN_SEGMENT + (BAR - _MIN_SEGMENT * shown) * one / total if one else 0.0
        found.append((round(begin, 1), round(width, 1)))
        begin += width
    return found


def latest_end(record: Mapping[str, Any]) -> float | None:
    """Return when the time limit of a running job ends; ``None`` without a limit."""
    if record["state"] != "RUN" or "t_run" not in record:
        return None
    # The limit of a running job can be changed, which moves its expiration.
    most = record.get("duration") or math.inf
    end: float = record.get("expiration") or record["t_run"] + most
    return None if math.isinf(end) else end


def limit(record: Mapping[str, Any], now: float, words: Words) -> dict[str, Any] | None:
    """Return how long a job has run, of which time, until when and where.

    The return value is ``None`` if it never ran.
    """
    if "t_run" not in record:
        return None
    runs = record["state"] == "RUN"
    most = record.get("duration") or 0.0
    ran = max((now if runs else record.get("t_cleanup", now)) - record["t_run"], 0.0)
    end = latest_end(record)
    return {
        "end": end,
        "end_moment": "" if end is None else utc(end),
        "since": record["t_run"] if runs else None,
        "ran": words.duration(math.floor(ran) if runs else ran),
        "seconds": min(ran, most),
        "most": most if runs else 0.0,
        "limit": words.duration(most) if most else "",
        "where": visible(tell_hosts(record.get("nodelist") or "", words), SHORT),
    }
