"""The future of one job."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fluxapi.client.body import decoded
from fluxapi.client.event import Event

from .errors import JobExceptionError
from .jobid import JobID

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EVENTS", "FluxExecutorFuture"]

EVENTS = frozenset(
    {
        "submit",
        "depend",
        "priority",
        "flux-restart",
        "urgency",
        "alloc",
        "free",
        "start",
        "release",
        "finish",
        "clean",
        "debug",
        "exception",
    }
)
"""The events (RFC 21) that a future reports: those of ``flux.job.event.MAIN_EVENTS``."""

_MAX_STATUS = 0xFFFF
"""The largest wait status (``waitpid``)."""

_GUARD = threading.Lock()
"""Guards the IDs and events of all futures. Each holds it for a moment; a lock and a condition per
future would take more memory than the rest of it."""

_END = b"\0"
"""The end of an event in the memory of a future. JSON contains no such character."""

_WAITS_FOR_ITSELF = "Cannot wait for future from inside callback"
_log = logging.getLogger(__name__)


class FluxExecutorFuture(concurrent.futures.Future[int]):
    """A job as a ``concurrent.futures.Future``.

    Its result is the highest exit code of the tasks, which is 128 plus the number of the signal if
    one ended a task, or ``-signum`` if a signal ended the job shell itself. It raises
    ``JobExceptionError`` if the job ended by an exception before its tasks ended, and
    ``SubmitError`` if the job was rejected. After any other error, the job may run.
    """

    EVENTS = EVENTS

    def __init__(self, owner: int | None = None) -> None:
        super().__init__()
        # An empty list takes a tenth of the memory of the deque there, and does the same.
        self._condition._waiters = []  # type: ignore[attr-defined]  # noqa: SLF001
        self._owner = owner
        self._jobid: JobID | None = None
        self._jobid_error: BaseException | None = None
        self._jobid_callbacks: list[Callable[[Any], Any]] | None = None
        self._jobid_known: threading.Event | None = None
        self._events = bytearray()
        self._event_callbacks: list[tuple[str, Callable[[Any, Any], Any]]] | None = None

    def jobid(self, timeout: float | None = None) -> JobID:
        """Return the ID of the job; wait until it is submitted, at most *timeout* seconds.

        Raises:
            TimeoutError: The job was not submitted in time (``concurrent.futures.TimeoutError``).
            CancelledError: The future was canceled before the job was submitted.
            RuntimeError: The job could not be submitted.
        """
        with _GUARD:
            known = self._jobid_known
            if known is None and not self._has_jobid():
                known = self._jobid_known = threading.Event()
        if known is not None:
            if not self._has_jobid() and threading.get_ident() == self._owner:
                raise RuntimeError(_WAITS_FOR_ITSELF)
            if not known.wait(timeout):
                raise concurrent.futures.TimeoutError
        if self._jobid_error is not None:
            raise self._jobid_error
        return self._jobid or JobID(0)

    def add_jobid_callback(self, callback: Callable[[Self], Any]) -> Self:
        """Call ``callback(future)`` when the ID of the job is known, at once if it is.

        It may be called in another thread. An exception in it is logged.
        """
        with _GUARD:
            waits = not self._has_jobid()
            if waits:
                self._jobid_callbacks = [*(self._jobid_callbacks or ()), callback]
        if not waits:
            self._call(callback)
        return self

    def add_event_callback(self, event: str, callback: Callable[[Self, Event], Any]) -> Self:
        """Call ``callback(future, event)`` for each event of this name, also for past ones.

        It may be called in another thread, and after the future is done. An exception in it is
        logged.

        Raises:
            ValueError: *event* is none of ``EVENTS``.
        """
        if event not in self.EVENTS:
            raise ValueError(event)
        with _GUARD:
            past = [raw for name, raw in self._received() if name == event]
            self._event_callbacks = [*(self._event_callbacks or ()), (event, callback)]
        for raw in past:
            self._call(callback, self._decode(raw))
        return self

    def add_done_callback(self, fn: Callable[[concurrent.futures.Future[int]], object]) -> Self:  # type: ignore[override]
        """Call ``fn(future)`` when the future is done, at once if it is; return the future."""
        super().add_done_callback(fn)
        return self

    def result(self, timeout: float | None = None) -> int:
        """Return the result; wait for it, at most *timeout* seconds.

        Raises:
            RuntimeError: A callback waits for its own future, which would never end.
        """
        self._refuse_deadlock()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what ``result`` would raise, or ``None``; wait as ``result`` does."""
        self._refuse_deadlock()
        return super().exception(timeout)

    def cancel(self) -> bool:
        """Cancel the future if its job was not submitted yet, and return whether it is canceled.

        This cancels no job: use ``Client.cancel`` for that.
        """
        if self.cancelled():
            return True
        canceled = super().cancel()
        if canceled:
            self.set_jobid(None, concurrent.futures.CancelledError())
        return canceled

    def set_exception(self, exception: BaseException | None) -> None:
        """Set what ``result`` raises; ``jobid`` raises ``RuntimeError`` if there is no ID yet."""
        if not self._has_jobid():
            self.set_jobid(None, RuntimeError(f"job could not be submitted due to {exception!r}"))
        super().set_exception(exception)

    def _has_jobid(self) -> bool:
        return self._jobid is not None or self._jobid_error is not None

    def set_jobid(self, jobid: int | None, error: BaseException | None = None) -> None:
        """Set the ID of the job, or why there is none, and call the callbacks.

        The executor calls this.

        Raises:
            RuntimeError: It was set before.
        """
        with _GUARD:
            if self._has_jobid():
                raise RuntimeError("invalid state: jobid already set")
            self._jobid = None if jobid is None else JobID(jobid)
            self._jobid_error = error
            callbacks, self._jobid_callbacks = self._jobid_callbacks, None
            known = self._jobid_known
        if known is not None:
            known.set()
        for callback in callbacks or ():
            self._call(callback)

    def receive(self, name: str, raw: bytes) -> None:
        """Keep an event, call its callbacks, and end the future if the event tells the result.

        The executor calls this. *raw* is the JSON of the event, which is decoded when asked for.
        """
        with _GUARD:
            self._events += b"%b\t%b%b" % (name.encode(), raw, _END)
            callbacks = [call for event, call in self._event_callbacks or () if event == name]
        for callback in callbacks:
            self._call(callback, self._decode(raw))
        if name in {"finish", "exception"} and not self.done():
            self._finish(name, self._decode(raw))

    def _received(self) -> Iterator[tuple[str, bytes]]:
        for line in bytes(self._events).split(_END)[:-1]:
            name, _, raw = line.partition(b"\t")
            yield name.decode(), raw

    def fail(self, error: BaseException) -> None:
        """Set an exception unless the future is done. The executor calls this."""
        if not self.done():
            self.set_exception(error)

    def _finish(self, name: str, event: Event) -> None:
        context = event.context or {}
        if name == "exception":
            if context.get("severity") == 0:
                self.set_exception(JobExceptionError(event))
            return
        status = context.get("status")
        if not isinstance(status, int) or not 0 <= status <= _MAX_STATUS:
            self.set_exception(ValueError(status))
        elif os.WIFEXITED(status):
            self.set_result(os.WEXITSTATUS(status))
        elif os.WIFSIGNALED(status):
            self.set_result(-os.WTERMSIG(status))
        else:
            self.set_exception(ValueError(status))

    def _decode(self, raw: bytes) -> Event:
        return decoded(raw, Event)

    def _call(self, callback: Callable[..., Any], *more: Any) -> None:
        try:
            callback(self, *more)
        except Exception:  # noqa: BLE001 - it is the program's own, as in concurrent.futures
            _log.exception("exception calling callback for %r", self)

    def _refuse_deadlock(self) -> None:
        if not self.done() and threading.get_ident() == self._owner:
            raise RuntimeError(_WAITS_FOR_ITSELF)
