"""A notice: one thing that has happened, as a CloudEvent 1.0 in JSON (structured mode).

The ID of a notice depends only on the instance and on the event that it reports, so a receiver can
drop a notice that arrives twice, even if two processes have made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any

import msgspec

from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58

__all__ = [
    "MAX_NOTICE_BYTES",
    "MEDIA_TYPE",
    "TYPES",
    "Notice",
    "group_notice",
    "job_notice",
    "node_notice",
    "queue_notice",
    "test_notice",
]

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"

MAX_NOTICE_BYTES = 256 << 10
"""Size of the largest document; members that would make it larger are left out."""

TYPES = {
    "job": "fluxapi.job.",
    "group-done": "fluxapi.group.done",
    "first-failure": "fluxapi.group.first-failure",
    "queue-stopped": "fluxapi.queue.stopped",
    "node-drained": "fluxapi.node.drained",
    "test": "fluxapi.test",
}
"""The CloudEvents type of each kind of notice; that of a job ends with the name of the event."""

_ESSENTIAL = (
    "id", "revision", "state", "status", "result", "success", "returncode", "userid", "username",
    "name", "queue", "group", "group_name", "t_submit", "t_run", "t_inactive",
)  # fmt: skip
"""The members of a record that a document keeps if the whole record is too large."""

_MAX_PART_LENGTH = 64
"""Characters of a part of an ID; a longer part is replaced by its digest."""

_DIGEST_DIGITS = 16

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that has happened.

    Attributes:
        id: Identifies it among all notices of all instances; letters, digits and dashes.
        type: The CloudEvents type.
        source: The instance, as a URI.
        subject: The F58 ID of the job, the ID of the group, the name of the queue or the node.
        time: When it happened, seconds since the epoch, by the clock of the instance.
        data: The members of ``data``.
    """

    id: str
    type: str
    source: str
    subject: str
    time: float
    data: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return the CloudEvent."""
        found: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        if self.subject:
            found["subject"] = self.subject
        moment = _moment(self.time)
        if moment is not None:
            found["time"] = moment
        return found

    def encode(self) -> bytes:
        """Return the CloudEvent as JSON of at most :data:`MAX_NOTICE_BYTES`.

        A context or record that is too large is cut, and ``data.truncated`` names it.
        """
        document = self.document()
        encoded = _encode(document)
        if encoded is None:
            document["data"] = _without_context(self.data)
            encoded = _encode(document)
        if encoded is None:
            document["data"] = _essential(document["data"])
            encoded = _encode(document)
        if encoded is None:
            document["data"] = {"truncated": ["data"]}
            encoded = _encoder.encode(document)
        return encoded


def job_notice(
    instance: str,
    jobid: int,
    index: int | None,
    event: Event,
    record: Mapping[str, Any] | msgspec.Raw | None,
) -> Notice:
    """Return the notice of one event of a job.

    Args:
        instance: The identity of the instance, which is the same after a restart.
        jobid: The job.
        index: The index of the event in the eventlog; ``None`` for an annotation or a memo.
        event: The event.
        record: The record of the job now, which may be JSON; ``None`` if the job is gone.
    """
    name = encode_f58(jobid)
    place = f"{event.name}-{event.timestamp * 1e6:.0f}" if index is None else str(index)
    told: dict[str, Any] = {"name": event.name, "timestamp": event.timestamp}
    if index is not None:
        told["index"] = index
    if event.context is not None:
        told["context"] = _as_text(event.context)
    if event.truncated:
        told["truncated"] = True
    return Notice(
        id=_identifier(instance, name, place),
        type=TYPES["job"] + event.name,
        source=_source(instance),
        subject=name,
        time=event.timestamp,
        data={"event": told, "job": {"id": name} if record is None else record},
    )


def _as_text(context: dict[str, Any]) -> msgspec.Raw | dict[str, Any]:
    """Return a context as JSON: decoded, it may take thirty times as much while it waits."""
    try:
        return msgspec.Raw(_encoder.encode(context))
    except RecursionError:
        return context


def group_notice(
    instance: str,
    kind: str,
    group: Mapping[str, Any],
    record: Mapping[str, Any],
    time: float,
) -> Notice:
    """Return the notice that all jobs of a group have ended, or that the first one has failed.

    Args:
        instance: The identity of the instance.
        kind: ``group-done`` or ``first-failure``.
        group: The record of the group.
        record: The record of the job that was the last to end, or that has failed.
        time: When the job ended.
    """
    # A group that is done and gets another job is done again later, with another last job.
    return Notice(
        id=_identifier(instance, str(group["id"]), kind, str(record["id"])),
        type=TYPES[kind],
        source=_source(instance),
        subject=str(group["id"]),
        time=time,
        data={"group": group, "job": record},
    )


def queue_notice(instance: str, queue: Mapping[str, Any], time: float) -> Notice:
    """Return the notice that a queue was stopped, as was found at *time*."""
    name = str(queue["name"])
    return Notice(
        id=_identifier(instance, "queue", name, "stopped", f"{time * 1000:.0f}"),
        type=TYPES["queue-stopped"],
        source=_source(instance),
        subject=name,
        time=time,
        data={"queue": queue},
    )


def node_notice(instance: str, node: Mapping[str, Any], time: float) -> Notice:
    """Return the notice that a node was drained at *time*."""
    name = str(node["name"])
    rank = str(node.get("rank", ""))
    return Notice(
        id=_identifier(instance, "node", rank, name, "drained", f"{time * 1000:.0f}"),
        type=TYPES["node-drained"],
        source=_source(instance),
        subject=name,
        time=time,
        data={"node": node},
    )


def test_notice(instance: str, unique: str, time: float) -> Notice:
    """Return a notice that only shows that notices arrive."""
    return Notice(
        id=_identifier(instance, "test", unique),
        type=TYPES["test"],
        source=_source(instance),
        subject="",
        time=time,
        data={"message": "This is a test of the notifications of fluxapi."},
    )


# pytest would otherwise collect the function in the modules of tests that import it.
test_notice.__test__ = False  # type: ignore[attr-defined]


def _source(instance: str) -> str:
    return f"fluxapi:{instance}"


def _identifier(instance: str, *parts: str) -> str:
    """Return an ID without dots, which separate the signed parts of a webhook.

    A part of another form, such as the name of a queue, is replaced by its digest.
    """
    return "-".join([instance, *(_plain(part) for part in parts)])


def _plain(part: str) -> str:
    if part.isascii() and part.replace("-", "").isalnum() and len(part) <= _MAX_PART_LENGTH:
        return part
    return sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_DIGITS]


def _moment(seconds: float) -> str | None:
    """Return a time as RFC 3339 has it, or ``None`` if it is out of range."""
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _encode(document: Mapping[str, Any]) -> bytes | None:
    """Return a document as JSON, or ``None`` if it is too large or nested too deep."""
    try:
        encoded = _encoder.encode(document)
    except RecursionError:
        return None
    return encoded if len(encoded) <= MAX_NOTICE_BYTES else None


def _without_context(data: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(data)
    if "event" in found:
        found["event"] = {
            **{name: value for name, value in found["event"].items() if name != "context"},
            "truncated": True,
        }
    return {**found, "truncated": ["event"]}


def _essential(data: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(data)
    job = found.get("job")
    if isinstance(job, msgspec.Raw):
        job = msgspec.json.decode(job)
    if isinstance(job, Mapping):
        found["job"] = {name: job[name] for name in _ESSENTIAL if name in job}
    return {**found, "truncated": ["event", "job"]}
