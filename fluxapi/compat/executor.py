"""``flux.job.FluxExecutor``: the executor of the client, with the arguments of Flux's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fluxapi.client import Event
from fluxapi.client import FluxExecutor as ClientExecutor
from fluxapi.client import FluxExecutorFuture as ClientFuture

from .connect_timeout import connect_timeout
from .events import EventLogEvent, event_of
from .handle import address_of

__all__ = ["FluxExecutor", "FluxExecutorFuture"]


class FluxExecutorFuture(ClientFuture):
    """The future of a job, whose events have the form of Flux's bindings."""

    def _decode(self, raw: bytes) -> EventLogEvent:  # type: ignore[override]
        event: Event = super()._decode(raw)
        return event_of(event)


class FluxExecutor(ClientExecutor):
    """Submits jobs and returns futures.

    Args:
        threads: Not used: one thread serves all jobs.
        thread_name_prefix: The start of the name of the thread.
        poll_interval: Not used: jobs are followed on a stream.
        handle_args: As for ``flux.Flux``: the address of the service.
        handle_kwargs: As for ``flux.Flux``.
    """

    future_type = FluxExecutorFuture

    def __init__(
        self,
        threads: int = 1,
        thread_name_prefix: str = "",
        poll_interval: float = 0.1,  # noqa: ARG002 - as in Flux
        handle_args: Sequence[Any] = (),
        handle_kwargs: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        if threads < 0:
            raise ValueError("the number of threads must be > 0")
        url = handle_args[0] if handle_args else handle_kwargs.get("url")
        super().__init__(
            address_of(url),
            thread_name_prefix=thread_name_prefix,
            connect_timeout=connect_timeout(),
        )
