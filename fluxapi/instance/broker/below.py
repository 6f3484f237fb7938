"""The children of one broker: the threads that lead to them and count them, made when needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fluxapi.instance.protocol import ChildPlace
from fluxapi.process.replaced_threads import ReplacedThreads

from .child import Broker, ChildInstance
from .child_uri import local_problem
from .counter import Counter, CounterThread
from .gate import GateThread
from .relay import RelayThread

__all__ = ["Below"]

_LOOK_TIMEOUT_S = 2.0
_MAX_LOOKS = 4
"""Sockets that are looked at simultaneously, besides those on file systems that do not answer."""


class Below:
    """The ways from the broker at ``uri`` to its children.

    Args:
        bindings: ``_flux._core``.
        uri: The broker.
        connect: Makes a ``BrokerInstance`` for the URI of a child.
        transports: See :class:`.ChildInstance`.
        timeout: Limit of one call, in seconds.
    """

    def __init__(
        self,
        bindings: Any,
        uri: str | None,
        connect: Callable[[str], Broker],
        *,
        transports: Sequence[str],
        timeout: float,
    ) -> None:
        self._bindings = bindings
        self._uri = uri
        self._connect = connect
        self._transports = transports
        self._timeout = timeout
        self._relay: RelayThread | None = None
        self._counters: CounterThread | None = None
        self._gates: GateThread | None = None
        self._looks = ReplacedThreads("sockets of instances", _MAX_LOOKS)

    def child(self, place: ChildPlace) -> ChildInstance:
        """Return the instance of a job; see :class:`~fluxapi.instance.protocol.Parent`."""
        return ChildInstance(
            place,
            self._connect,
            self._relay_thread,
            self._gate_thread,
            self._local_problem,
            transports=self._transports,
            timeout=self._timeout,
        )

    async def count(self, place: ChildPlace) -> Counter:
        """Count the jobs of a child; see :class:`~fluxapi.instance.protocol.Parent`."""
        uri, leave = await self.child(place).way()
        if self._counters is None or self._counters.has_ended:
            self._counters = CounterThread(self._bindings)
        return self._counters.add(uri, leave)

    async def _local_problem(self, path: str) -> str | None:
        """Return :func:`local_problem` of a path that a job has named; it may not answer."""
        try:
            return await self._looks.run(_LOOK_TIMEOUT_S, path, local_problem, path)
        except asyncio.TimeoutError:
            return f"the file system of {path} does not answer"

    def closing(self, timeout: float) -> list[Coroutine[Any, Any, None]]:
        """Return what ends the threads within *timeout* seconds, to await together."""
        threads = (self._relay, self._counters, self._gates)
        self._relay = self._counters = self._gates = None
        return [thread.close(timeout) for thread in threads if thread is not None]

    def _relay_thread(self) -> RelayThread:
        if self._relay is None or self._relay.has_ended:
            self._relay = RelayThread(self._bindings, self._uri, self._timeout)
        return self._relay

    def _gate_thread(self) -> GateThread:
        if self._gates is None or self._gates.has_ended:
            self._gates = GateThread()
        return self._gates
