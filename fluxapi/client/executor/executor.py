"""``FluxExecutor``: jobs as futures."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from fluxapi.client.credentials import AccessTokenSource
from fluxapi.client.methods.base import encode_id
from fluxapi.client.options import Command, SubmitOptions, Urgency
from fluxapi.client.retry import DEFAULT_TIMEOUT_S, OnWait

from .future import EVENTS, FluxExecutorFuture
from .jobid import JobID
from .submission import Jobspec, body, jobspec_fields
from .worker import ExecutorClient, Package, Worker

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["FluxExecutor"]


class FluxExecutor:
    """Submits jobs and returns futures, as ``flux.job.FluxExecutor`` does inside an instance.

    ::

        with FluxExecutor() as executor:
            futures = [executor.submit_command(["simulate", n]) for n in range(1000)]
            for future in concurrent.futures.as_completed(futures):
                print(future.jobid(), future.result())

    ``submit``, ``attach`` and the futures can be used from any thread. Jobs that are submitted at
    about the same time share a request, and one stream reports the events of all jobs. The executor
    continues when the service restarts: no job is submitted twice, and no event is lost.

    A program that ends waits for the jobs, as with ``concurrent.futures``. When the service stays
    unreachable for *timeout* seconds, or rejects the credentials, the executor is broken: all
    futures raise the ``ClientError``, and ``submit`` raises ``RuntimeError``.

    Args:
        url, user, token, access_token, ca_file, profile: As for ``AsyncClient``.
        timeout, retries, on_wait, connect_timeout: As for ``AsyncClient``.
        thread_name_prefix: The start of the name of the thread.
    """

    EVENTS = EVENTS
    """The events that futures report."""

    future_type: ClassVar[type[FluxExecutorFuture]] = FluxExecutorFuture
    _counter = itertools.count()

    def __init__(
        self,
        url: str | None = None,
        *,
        user: str | None = None,
        token: str | None = None,
        access_token: str | AccessTokenSource | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        profile: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        retries: int | None = None,
        on_wait: OnWait | None = None,
        connect_timeout: float | None = None,
        thread_name_prefix: str = "",
    ) -> None:
        client = ExecutorClient(
            url,
            user=user,
            token=token,
            access_token=access_token,
            ca_file=ca_file,
            profile=profile,
            timeout=timeout,
            retries=retries,
            on_wait=on_wait,
            connect_timeout=connect_timeout,
        )
        self.url = client.url
        """The address of the service."""
        name = thread_name_prefix or f"{type(self).__name__}-{next(self._counter)}"
        self._worker = Worker(client, f"{name}-0")
        self._worker.start()
        self._finalizer = weakref.finalize(self, _end, self._worker)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def submit(
        self,
        jobspec: Jobspec,
        urgency: Urgency | None = None,
        waitable: bool = False,
        debug: bool = False,
        pre_signed: bool = False,
    ) -> FluxExecutorFuture:
        """Submit a jobspec and return the future of the job.

        Args:
            jobspec: RFC 25, as JSON, as what JSON stands for, or as ``flux.job.JobspecV1``.
            urgency: 0 to 31, ``hold``, ``default`` or ``expedite``.
            waitable: Let ``flux job wait`` wait for the job.
            debug: Write debug events into the eventlog of the job.
            pre_signed: Not supported: the future raises ``SubmitError``.

        Raises:
            RuntimeError: The executor is shut down or broken.
        """
        try:
            fields = jobspec_fields(
                jobspec, urgency, waitable=waitable, debug=debug, pre_signed=pre_signed
            )
        except OSError as error:
            return self._failed(error)
        return self._submit(fields)

    def submit_command(
        self, command: Command, **options: Unpack[SubmitOptions]
    ) -> FluxExecutorFuture:
        """Submit a command with the options of ``Client.submit``, and return the future of the job.

        Raises:
            RuntimeError: The executor is shut down or broken.
        """
        fields = {name: value for name, value in options.items() if value is not None}
        return self._submit({**fields, "command": command})

    def attach(self, jobid: int | str) -> FluxExecutorFuture:
        """Return a future for a job that was submitted otherwise; it reports past events, too.

        The future raises ``ValueError`` if there is no such job.

        Raises:
            RuntimeError: The executor is shut down or broken.
            NotFound: *jobid* is no job ID of RFC 19.
        """
        future = self._future()
        encoded = encode_id(jobid)
        future.set_jobid(JobID(jobid))
        self._worker.put(Package(future, jobid=encoded))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more jobs.

        Args:
            wait: Return when all futures are done, and the events of their jobs have ended.
            cancel_futures: Cancel the futures whose jobs were not submitted yet.
        """
        self._worker.shut_down(cancel=cancel_futures)
        if wait:
            self._worker.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown(wait=True)

    def _submit(self, fields: dict[str, Any]) -> FluxExecutorFuture:
        try:
            raw = body(fields)
        except OSError as error:
            return self._failed(error)
        future = self._future()
        self._worker.put(Package(future, raw))
        return future

    def _failed(self, error: OSError) -> FluxExecutorFuture:
        future = self._future()
        self._worker.check()
        future.set_running_or_notify_cancel()
        future.fail(error)
        return future

    def _future(self) -> FluxExecutorFuture:
        return self.future_type(self._worker.ident)


def _end(worker: Worker) -> None:
    worker.shut_down()
    # The last reference to an executor may go in a callback, which runs in its thread.
    if threading.current_thread() is not worker:
        worker.join()
