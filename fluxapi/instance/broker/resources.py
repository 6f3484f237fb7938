"""Converts responses about resources and queues to the protocol's records."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from fluxapi.instance.protocol import Queue, QueuePolicy, Resources
from fluxapi.model.checked import clip, text
from fluxapi.model.resources import MAX_COUNT
from fluxapi.model.times import parse_duration

__all__ = ["MAX_QUEUES", "default_queue", "merge", "queue", "queue_names", "queues"]

_log = logging.getLogger(__name__)

MAX_QUEUES = 1000
"""Queues of an instance: each one is a request to it, once a second while a job waits."""

_MAX_SORTED = 10 * MAX_QUEUES
"""Queues that are sorted; a program that poses as an instance may name a million."""

_MAX_NAME_LENGTH = 255
_MAX_PROPERTIES = 100
_DEFAULTS = ("policy", "jobspec", "defaults", "system")
_LIMITS = ("policy", "limits")
_KINDS = (("nodes", "nnodes"), ("cores", "ncores"), ("gpus", "ngpus"))
_MAX_REASON_LENGTH = 1000


def merge(status: dict[str, Any], sched: dict[str, Any]) -> Resources:
    """Merge ``resource.status`` (drain, online, …) and the scheduler's view, both of rank 0."""
    return Resources(
        # The scheduler does not know the nodes that are excluded from it.
        all=status.get("R") or sched["all"],
        allocated=_unless_empty(sched.get("allocated")),
        down=_unless_empty(sched.get("down")),
        drain=status.get("drain") or {},
        online=status.get("online", ""),
        offline=status.get("offline", ""),
        exclude=status.get("exclude", ""),
        torpid=status.get("torpid", ""),
    )


def _unless_empty(R: dict[str, Any] | None) -> dict[str, Any] | None:
    return R if R and R["execution"]["R_lite"] else None


def default_queue(config: dict[str, Any]) -> str:
    """Return the default queue (``policy.jobspec.defaults.system.queue``, RFC 33)."""
    value = _tree(config, *_DEFAULTS).get("queue")
    return value if isinstance(value, str) else ""


def _tree(config: Any, *path: str) -> dict[str, Any]:
    """Return the table at a path of the config, which is empty if it is not there."""
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config if isinstance(config, dict) else {}


def policy(name: str, config: dict[str, Any]) -> QueuePolicy:
    """Return the policy of a queue: its own, and otherwise that of the instance (RFC 33)."""
    own = _tree(config, "queues", name)
    requires = own.get("requires")
    words = requires if isinstance(requires, list) else []
    return QueuePolicy(
        requires=tuple(clip(text(word), _MAX_NAME_LENGTH) for word in words[:_MAX_PROPERTIES]),
        default_duration=_duration(_first("duration", own, config, _DEFAULTS)),
        max_duration=_duration(_first("duration", own, config, _LIMITS)),
        min_size=_size(own, config, "min"),
        max_size=_size(own, config, "max"),
    )


def _first(key: str, own: Any, config: Any, path: Sequence[str]) -> Any:
    """Return the value of a key in a table of the queue, or else of the instance.

    The tables are not joined, since a program that poses as an instance may have a million keys.
    """
    found = _tree(own, *path)
    return found[key] if key in found else _tree(config, *path).get(key)


def _duration(value: Any) -> float | None:
    """Return seconds; ``None`` for no duration, or one that is not limited."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) and value >= 0 else None
    return None


def _size(own: Any, config: Any, bound: str) -> dict[str, int]:
    """Return the counts that are set; a negative one is no limit."""
    path = (*_LIMITS, "job-size", bound)
    counts = {kind: _first(key, own, config, path) for kind, key in _KINDS}
    return {
        kind: count
        for kind, count in counts.items()
        if type(count) is int and 0 <= count <= MAX_COUNT
    }


def queue_names(listed: dict[str, Any], config: dict[str, Any]) -> list[str]:
    """Return the names in a response of ``job-manager.queue-list``, in the order of the config.

    A queue whose name is empty is left out, since Flux refuses to tell its status; so are those
    with names of more than 255 characters, and those after the first 1,000, with a warning. An
    instance without named queues has one queue with an empty name.

    Raises:
        ValueError: A name is not text.
    """
    configured = islice(_tree(config, "queues"), _MAX_SORTED)
    places = {name: place for place, name in enumerate(configured)}
    all_names = listed["queues"]
    named = list(filter(None, map(text, all_names[:_MAX_SORTED])))
    short = [name for name in named if len(name) <= _MAX_NAME_LENGTH]
    names = sorted(short, key=lambda name: (places.get(name, math.inf), name))[:MAX_QUEUES]
    left_out = len(named) - len(names) + max(len(all_names) - _MAX_SORTED, 0)
    if left_out:
        _warn(left_out)
    return names or [""]


@lru_cache(maxsize=8)
def _warn(count: int) -> None:
    """Log once that queues are left out."""
    _log.warning(
        "%d queues of Flux are left out: at most %d are shown, with names of up to %d characters",
        count,
        MAX_QUEUES,
        _MAX_NAME_LENGTH,
    )


def queues(
    names: Sequence[str], found: Sequence[dict[str, Any]], config: dict[str, Any]
) -> list[Queue]:
    """Convert the responses of ``job-manager.queue-status`` for the queues of these names."""
    pairs = zip(names, found, strict=True)
    return [queue(name, status, config) for name, status in pairs]


def queue(name: str, status: dict[str, Any], config: dict[str, Any]) -> Queue:
    """Convert one response of ``job-manager.queue-status``, and the config of the queue."""
    return Queue(
        name=name,
        enabled=status["enable"] is True,
        started=status["start"] is True,
        default=name == default_queue(config),
        disable_reason=_reason(status.get("disable_reason")),
        stop_reason=_reason(status.get("stop_reason")),
        policy=policy(name, config),
    )


def _reason(words: Any) -> str | None:
    return clip(words, _MAX_REASON_LENGTH) if isinstance(words, str) else None
