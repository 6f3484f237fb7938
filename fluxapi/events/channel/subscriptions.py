"""Many subscriptions on one connection, each with a name that the client chose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from fluxapi.errors import FluxapiError, ValidationFailed
from fluxapi.events.filters import read_filter
from fluxapi.events.hub import Hub
from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.viewer import Selection
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Wire

from .stream import ENDS

__all__ = ["Connection", "Subscriptions"]

_MAX_NAME_CHARS = 64
"""Characters in the longest name of a subscription."""


class Connection(Protocol):
    """The connection that carries the subscriptions."""

    def wire(self, label: str) -> Wire:
        """Return the wire of one subscription."""

    def say(self, message: dict[str, Any]) -> None:
        """Send one message."""

    def close(self, cause: str) -> None:
        """End the connection with all subscriptions."""


class Subscriptions:
    """The subscriptions of one connection, at most ``limit``.

    With ``files``, the client may read the files that receive the output of jobs. Problem types
    begin with ``base``, the prefix below which the client sees the service. Filters count for
    ``client``.
    """

    def __init__(
        self,
        connection: Connection,
        writer: StreamWriter,
        hub: Hub,
        outputs: OutputHub,
        *,
        limit: int,
        base: str,
        files: bool,
        client: str,
    ) -> None:
        self._client = client
        self._connection = connection
        self._writer = writer
        self._hub = hub
        self._outputs = outputs
        self._limit = limit
        self._base = base
        self.files = files
        self._stops: dict[str, Callable[[], None]] = {}

    def begin(self, fields: dict[str, Any]) -> None:
        """Start a subscription, valid by ``client-subscribe``; raises ``FluxapiError``."""
        label = fields["sub"]
        if label in self._stops:
            raise ValidationFailed(
                [{"pointer": "/sub", "detail": "is the name of another subscription."}]
            )
        if len(self._stops) >= self._limit:
            raise ValidationFailed(
                [
                    {
                        "pointer": "",
                        "detail": f"is one too many: a socket can have {self._limit} "
                        "subscriptions.",
                    }
                ]
            )
        begin = self._output(fields) if fields["stream"] == "output" else self._changes(fields)
        self._connection.say({"type": "subscribed", "sub": label, "stream": fields["stream"]})
        self._stops[label] = begin()

    def end(self, label: str) -> None:
        """End the subscription with this name; raises ``ValidationFailed`` when there is none."""
        stop = self._stops.pop(label, None)
        if stop is None:
            raise ValidationFailed(
                [{"pointer": "/sub", "detail": "is not the name of a subscription."}]
            )
        stop()
        self._connection.say({"type": "unsubscribed", "sub": label})

    def refuse(self, fields: Any, error: FluxapiError) -> None:
        """Send an error about a message of the client."""
        problem = error.problem(self._base)
        label = fields.get("sub") if isinstance(fields, dict) else None
        is_name = isinstance(label, str) and 0 < len(label) <= _MAX_NAME_CHARS
        sub = {"sub": label} if is_name else {}
        self._connection.say({"type": "error", **sub, **_without_aliases(problem)})

    def clear(self) -> None:
        """End all subscriptions without a message."""
        for stop in self._stops.values():
            stop()
        self._stops.clear()

    def _changes(self, fields: dict[str, Any]) -> Callable[[], Callable[[], None]]:
        """Return a function that subscribes at the hub and returns one that unsubscribes."""
        wanted = read_filter(fields.get("filter", {}), within="/filter")
        wire = self._connection.wire(fields["sub"])
        self._hub.check_filter(fields["stream"], wanted, self._client, wire)

        def begin() -> Callable[[], None]:
            subscription = self._hub.subscribe(
                self._writer,
                fields["stream"],
                wanted,
                wire,
                since=fields.get("since") or None,
                on_end=partial(self._end_changes, fields["sub"]),
                client=self._client,
            )
            return partial(self._hub.unsubscribe, subscription)

        return begin

    def _output(self, fields: dict[str, Any]) -> Callable[[], Callable[[], None]]:
        """Return such a function for the output of a job."""
        label, jobid = fields["sub"], self._outputs.find(fields["job"])
        self._outputs.check(self._client)
        streams = set(fields.get("streams", ()))
        only = streams.pop() if len(streams) == 1 else None
        wanted = Selection(
            only,
            fields.get("tail"),
            fields.get("from", 0),
            tuple(fields.get("from_files", ())),
            self.files,
        )
        end = partial(self._end_output, label)
        wire = self._connection.wire(label)
        return lambda: self._outputs.view(jobid, wanted, self._writer, wire, end)

    def _end_changes(self, label: str, reason: str) -> None:
        if reason != "instance-ended":
            self._connection.close(reason)
        elif self._stops.pop(label, None) is not None:
            end = {"type": "end", "sub": label, "reason": reason, "detail": ENDS[reason]}
            self._connection.say(end)

    def _end_output(self, label: str, reason: str, detail: str = "") -> None:
        if reason == "stalled":
            self._connection.close(reason)
        elif self._stops.pop(label, None) is not None:
            words = {"reason": reason, "detail": detail or ENDS[reason]}
            self._connection.say({"type": "end", "sub": label, **words})


def _without_aliases(problem: dict[str, Any]) -> dict[str, Any]:
    """Return the problem without the members for clients of another service, and its ``type``."""
    kept = {k: v for k, v in problem.items() if k not in {"Message", "Errors", "type"}}
    return {"problem": problem["type"], **kept}
