"""The instance of a job of a broker.

It is a program of the job's owner, so nothing that it says is trusted: an answer of the wrong form
is an error of the instance, never one of the service, and everything is bounded.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from fluxapi.errors import (
    FluxapiError,
    FluxRefused,
    InstanceEnded,
    InstanceUnavailable,
    SettingsError,
)
from fluxapi.instance.protocol import (
    CLOSE_TIMEOUT_S,
    CallWatch,
    ChangeBatch,
    ChildPlace,
    Instance,
    InstanceInfo,
    JobCounter,
    JobRecords,
    Last,
    LookupKey,
    NodeFileReader,
    OutputBatch,
    Parent,
    Queue,
    Resources,
    Submission,
    Watchable,
)
from fluxapi.model.checked import MAX_ID, clip, integer, seconds
from fluxapi.model.eventlog import Event
from fluxapi.model.job_end import JobEnd
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.model.shallow import BAD_JSON
from fluxapi.process.file_piece import Piece, Wanted

from . import child_uri
from .gate import Gate, GateThread
from .relay import Door, RelayThread
from .ssh_relay import SshDoor, ssh_command

__all__ = ["ChildInstance"]

_CLOSE_TIMEOUT_S = 2.0
"""Timeout of closing a connection that did not lead to the instance."""

_MAX_THREADS = 256
"""Threads of connections; libflux waits without a limit for a program that is no broker."""

_MAX_BROKERS = 1 << 20
_MAX_TEXT_LENGTH = 255
_BAD_ANSWER = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    *BAD_JSON,
)
"""Errors of code that takes an answer of the wrong form apart."""


class Broker(Instance, Parent, NodeFileReader, Watchable, Protocol):
    """A broker, which ``BrokerInstance`` connects to."""

    async def until_running(self) -> None:
        """Wait until the instance runs."""

    async def attribute(self, name: str) -> str:
        """Return an attribute of the broker."""


class ChildInstance:
    """The instance of a job, reached by the first of *transports* that leads to it.

    Args:
        place: The job.
        connect: Makes a ``BrokerInstance`` for a URI.
        relay: Returns the thread that leads through the parent.
        gates: Returns the thread through which all bytes of the instance go.
        local_problem: Returns why a local socket cannot be that of an own instance.
        transports: ``local``, ``parent`` and ``ssh``, in the order in which they are tried.
        timeout: Limit of one call, in seconds.
    """

    def __init__(
        self,
        place: ChildPlace,
        connect: Callable[[str], Broker],
        relay: Callable[[], RelayThread],
        gates: Callable[[], GateThread],
        local_problem: Callable[[str], Awaitable[str | None]],
        *,
        transports: Sequence[str],
        timeout: float,
    ) -> None:
        self.kept: JobRecords | None = None
        self.transport = ""  # The one in use, once started.
        self._place = place
        self._connect = connect
        self._relay = relay
        self._gates = gates
        self._local_problem = local_problem
        self._transports = transports
        self._timeout = timeout
        self._watch: CallWatch = contextlib.nullcontext
        self._broker: Broker | None = None
        self._door: Door | SshDoor | None = None
        self._gate: Gate | None = None

    def watch_calls(self, watch: CallWatch) -> None:
        """Wrap every call in *watch*; see :class:`~fluxapi.instance.protocol.Watchable`."""
        self._watch = watch

    async def start(self) -> InstanceInfo:
        """Connect by the first transport that leads to the instance, and wait until it runs.

        Raises:
            InstanceUnavailable: None does; the detail tells of each why.
        """
        try:
            address = child_uri.read_address(self._place)
        except ValueError as error:
            raise InstanceUnavailable(f"{self._name} cannot be opened: {error}.") from None
        reasons: list[str] = []
        for transport in self._transports:
            outcome = await self._try(transport, address)
            if isinstance(outcome, InstanceInfo):
                return outcome
            reasons.append(f"{transport}: {outcome}")
        raise InstanceUnavailable(f"{self._name} cannot be reached. {'; '.join(reasons)}.")

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Disconnect; see :class:`~fluxapi.instance.protocol.Instance`."""
        broker, self._broker = self._broker, None
        door, self._door = self._door, None
        gate, self._gate = self._gate, None
        if broker is not None:
            await broker.close(timeout)
        if gate is not None:
            gate.shut()
        if isinstance(door, Door):
            door.shut()
        elif door is not None:
            await door.close()

    def child(self, place: ChildPlace) -> Instance:
        """Return the instance of a job of this one."""
        return self._running.child(place)

    async def count(self, place: ChildPlace) -> JobCounter:
        """Count the jobs of the instance of a job of this one."""
        return await self._running.count(place)

    async def way(self) -> tuple[str, Callable[[], None]]:
        """Return a URI that leads to the instance, and a function that closes the way.

        ssh is left out, since it would run for nothing but a few numbers.

        Raises:
            InstanceUnavailable: There is no such way.
        """
        try:
            address = child_uri.read_address(self._place)
        except ValueError as error:
            raise InstanceUnavailable(f"{self._name} cannot be counted: {error}.") from None
        for transport in self._transports:
            if transport != "ssh":
                with contextlib.suppress(_NoWayError):
                    uri = await self._lead(transport, address)
                    try:
                        return (await self._through_gate(uri)).uri, self._leave
                    except InstanceUnavailable:
                        self._leave()
                        raise
        raise InstanceUnavailable(f"{self._name} cannot be counted without ssh.")

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        """See :class:`~fluxapi.instance.protocol.JobControl`; so are the next methods."""
        with self._guard():
            return await self._running.submit(submissions)

    async def settle(self) -> None:
        """Wait until each earlier submission is in the journal, or refused."""
        with self._guard():
            await self._running.settle()

    async def raise_exception(
        self, jobid: int, type: str, severity: int, note: str | None = None
    ) -> None:
        """Raise a job exception."""
        with self._guard():
            await self._running.raise_exception(jobid, type, severity, note)

    async def kill(self, jobid: int, signum: int) -> None:
        """Send a signal to all tasks of a running job."""
        with self._guard():
            await self._running.kill(jobid, signum)

    async def post_memo(self, jobid: int, memo: dict[str, Any], *, volatile: bool = False) -> None:
        """Post a memo to an active job."""
        with self._guard():
            await self._running.post_memo(jobid, memo, volatile=volatile)

    async def set_urgency(self, jobid: int, urgency: int) -> None:
        """Set the urgency of a pending job."""
        with self._guard():
            await self._running.set_urgency(jobid, urgency)

    async def collect(self, jobid: int) -> JobEnd:
        """Return how an inactive waitable job has ended, once."""
        with self._guard():
            end = await self._running.collect(jobid)
            return JobEnd(end.success, clip(end.message, _MAX_TEXT_LENGTH))

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the raw eventlog, jobspec or R of a job."""
        with self._guard():
            return await self._records.lookup(jobid, key)

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events of a job."""
        with self._guard():
            return await self._records.eventlog(jobid)

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the output of a job."""
        with self._guard():
            batches = self._records.output(jobid, follow=follow, first=first, last=last)
            async with contextlib.aclosing(batches) as found:  # type: ignore[type-var]
                async for batch in found:
                    yield batch

    async def resources(self) -> Resources:
        """Return nodes, cores and GPUs."""
        with self._guard():
            return await self._running.resources()

    async def queues(self) -> list[Queue]:
        """Return the queues and their current state."""
        with self._guard():
            return await self._running.queues()

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        """Yield the journal."""
        with self._guard():
            changes = self._running.changes()
            async with contextlib.aclosing(changes) as found:  # type: ignore[type-var]
                async for batch in found:
                    yield batch

    async def read_file(self, rank: int, wanted: Wanted) -> Piece:
        """Read a piece of a file on a node of this instance."""
        with self._guard():
            return await self._running.read_file(rank, wanted)

    async def secret(self) -> bytes:
        """Return the secret that the services of this instance share."""
        with self._guard():
            return await self._running.secret()

    async def ping(self) -> None:
        """Wait for an answer of the job manager."""
        with self._guard():
            await self._running.ping()

    async def shutdown(self) -> None:
        """Shut down the instance."""
        with self._guard():
            await self._running.shutdown()

    @property
    def _name(self) -> str:
        return f"The instance of job {encode_f58(self._place.jobid)}"

    @property
    def _running(self) -> Broker:
        if self._broker is None:
            raise InstanceEnded(f"{self._name} has ended, or the service has closed it.")
        return self._broker

    @property
    def _records(self) -> JobRecords:
        return self._running if self._broker or self.kept is None else self.kept

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn the errors of code that meets a bad answer into one of the instance."""
        try:
            yield
        except _BAD_ANSWER as error:
            raise InstanceUnavailable(
                f"{self._name} gave an invalid answer: {clip(repr(error), _MAX_TEXT_LENGTH)}."
            ) from None

    async def _try(self, transport: str, address: child_uri.Address) -> InstanceInfo | str:
        """Start by one transport, or return why it does not lead to the instance."""
        try:
            return await self._start_by(transport, address)
        except _NoWayError as error:
            reason = str(error)
        except FluxapiError as error:
            problems = [it.problem for it in (self._door, self._gate) if it and it.problem]
            said = f" ({problems[0]})" if problems else ""
            reason = f"{error.detail.rstrip('.')}{said}"
        await self.close(_CLOSE_TIMEOUT_S)
        return reason

    async def _start_by(self, transport: str, address: child_uri.Address) -> InstanceInfo:
        if sum(thread.name.startswith("flux-") for thread in threading.enumerate()) > _MAX_THREADS:
            raise _NoWayError(
                "too many connections to programs that claimed to be instances hang; restart the "
                "service"
            )
        uri = await self._lead(transport, address)
        broker = self._broker = self._connect((await self._through_gate(uri)).uri)
        broker.watch_calls(self._watch)
        with self._guard():
            try:
                info = await broker.start()
            except SettingsError as error:
                raise InstanceUnavailable(error.detail) from None
            await broker.until_running()
            if not await self._is_right(broker):
                raise _NoWayError("the address that the job has posted is that of another instance")
            info = replace(_checked(info), uri=uri)
        self.transport = transport
        return info

    async def _is_right(self, broker: Broker) -> bool:
        """Return whether a broker says that it is the instance of the job, and of no other."""
        try:
            return parse(await broker.attribute("jobid")) == self._place.jobid
        except FluxRefused:
            return False  # An instance that no other one has started.

    async def _through_gate(self, uri: str) -> Gate:
        """Return a gate to the broker at *uri*; raise ``InstanceUnavailable`` if none is made."""
        try:
            gate = self._gate = await self._gates().open(uri)
        except OSError as error:
            why = error.strerror or error
            raise InstanceUnavailable(f"No socket can be made: {why}.") from None
        return gate

    def _leave(self) -> None:
        """Close the way that :meth:`way` has returned."""
        if self._gate is not None:
            self._gate.shut()
        if isinstance(self._door, Door):
            self._door.shut()

    async def _lead(self, transport: str, address: child_uri.Address) -> str:
        """Return the URI that leads to *address* by *transport*; raise ``_NoWayError``."""
        if transport == "local":
            if not child_uri.is_here(address):
                raise _NoWayError(f"it runs on {address.host}")
            if problem := await self._local_problem(address.path):
                raise _NoWayError(problem)
            return f"local://{address.path}"
        if transport == "parent":
            door = self._door = await self._relay().open(address)
            return door.uri
        ssh = self._door = SshDoor(ssh_command(address, os.environ, self._timeout))
        await ssh.open()
        return ssh.uri


class _NoWayError(Exception):
    """A transport that does not lead to the instance; the text says why."""


def _checked(info: InstanceInfo) -> InstanceInfo:
    """Return what an instance says of itself within limits; raise ``ValueError``."""
    return replace(
        info,
        version=clip(info.version, _MAX_TEXT_LENGTH),
        hostname=clip(info.hostname, _MAX_TEXT_LENGTH),
        size=integer(info.size, 1, _MAX_BROKERS),
        owner=integer(info.owner, 0, MAX_ID),
        starttime=seconds(info.starttime),
        statedir=None,
    )
