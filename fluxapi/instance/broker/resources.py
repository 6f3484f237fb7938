"""Converts responses about resources and queues to the protocol's records."""

from __future__ import annotations

from typing import Any

from fluxapi.instance.protocol import Queue, Resources
from fluxapi.model.checked import clip, text

__all__ = ["MAX_QUEUES", "default_queue", "merge", "queue", "queue_names"]

MAX_QUEUES = 1000
"""Queues of an instance: each one is a request to it, once a second while a job waits."""

_MAX_NAME_LENGTH = 255
_MAX_REASON_LENGTH = 1000


def merge(status: dict[str, Any], sched: dict[str, Any]) -> Resources:
    """Merge ``resource.status`` (drain, online, …) and the scheduler's view, both of rank 0."""
    return Resources(
        all=sched.get("all") or status["R"],
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
    value: Any = config
    for key in ("policy", "jobspec", "defaults", "system", "queue"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def queue_names(listed: dict[str, Any]) -> list[str]:
    """Return the names in a response of ``job-manager.queue-list``, sorted.

    Raises:
        ValueError: There are too many, or one is not a usable name.
    """
    names = sorted(map(text, listed["queues"]))
    if len(names) > MAX_QUEUES or any(len(name) > _MAX_NAME_LENGTH for name in names):
        raise ValueError(f"more than {MAX_QUEUES} queues, or a name that is too long")
    return names or [""]


def queue(name: str, status: dict[str, Any], default: str) -> Queue:
    """Convert one response of ``job-manager.queue-status``."""
    return Queue(
        name=name,
        enabled=status["enable"] is True,
        started=status["start"] is True,
        default=name == default,
        disable_reason=_reason(status.get("disable_reason")),
        stop_reason=_reason(status.get("stop_reason")),
    )


def _reason(words: Any) -> str | None:
    return clip(words, _MAX_REASON_LENGTH) if isinstance(words, str) else None
