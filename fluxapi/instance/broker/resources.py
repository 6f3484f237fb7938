"""Converts responses about resources and queues to the protocol's records."""

from __future__ import annotations

from typing import Any

from fluxapi.instance.protocol import Queue, Resources

__all__ = ["default_queue", "merge", "queue"]


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


def queue(name: str, status: dict[str, Any], default: str) -> Queue:
    """Convert one response of ``job-manager.queue-status``."""
    return Queue(
        name=name,
        enabled=status["enable"],
        started=status["start"],
        default=name == default,
        disable_reason=status.get("disable_reason"),
        stop_reason=status.get("stop_reason"),
    )
