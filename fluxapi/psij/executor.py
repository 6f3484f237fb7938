"""The executor that submits the jobs of PSI/J to a service."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from psij import (
    InvalidJobException,
    Job,
    JobExecutor,
    JobExecutorConfig,
    JobState,
    JobStatus,
    SubmitException,
)

from fluxapi.client import (
    BadAnswer,
    Client,
    ClientError,
    Conflict,
    ConnectionFailed,
    FluxExecutor,
    Invalid,
    JobExceptionError,
    ProblemError,
    Unauthorized,
)

from .options import options

if TYPE_CHECKING:
    from concurrent.futures import Future

    from fluxapi.client import Event, FluxExecutorFuture

__all__ = ["FluxapiJobExecutor"]

_SIGNAL_EXIT_OFFSET = 128

_PAUSE_S = 5.0
"""Time after which jobs are followed again that could not be followed anymore."""

_TOO_MANY_REQUESTS = 429
_FIRST_SERVER_ERROR = 500


class FluxapiJobExecutor(JobExecutor):
    """An executor of PSI/J in front of the instance of one service.

    Args:
        url: The address of the service. Default: that of the environment or the config file, as
            for ``fluxapi.client.Client``.
        config: Not used.
    """

    def __init__(self, url: str | None = None, config: JobExecutorConfig | None = None) -> None:
        super().__init__(url=url, config=config or JobExecutorConfig())
        # Submissions have a thread of their own, so that a callback can submit another job.
        self._client = Client(url)
        self._executor = FluxExecutor(url)
        self._lock = threading.Lock()
        self._unwatched: list[tuple[Job, str]] = []

    def submit(self, job: Job) -> None:
        """Submit a job; its native ID is known then."""
        fields = options(self._check_job(job))
        command = fields.pop("command")
        try:
            name = self._client.submit(command, **fields)
        except (Invalid, UnicodeEncodeError) as error:
            raise InvalidJobException(str(error)) from error
        except ClientError as error:
            raise SubmitException(str(error)) from error
        self._follow(job, name)

    def cancel(self, job: Job) -> None:
        """Ask Flux to cancel a job; nothing happens if it has ended."""
        if job.native_id is None:
            raise SubmitException("The job was not submitted.")
        try:
            self._client.cancel(job.native_id)
        except Conflict:
            return
        except ClientError as error:
            raise SubmitException(str(error)) from error

    def list(self) -> list[str]:
        """Return the IDs of the jobs of the instance that have not ended."""
        try:
            return [job.id for job in self._client.jobs(state="active")]
        except ClientError as error:
            raise SubmitException(str(error)) from error

    def attach(self, job: Job, native_id: str) -> None:
        """Follow a job that was submitted otherwise."""
        if job.status.state != JobState.NEW:
            raise InvalidJobException("A job to attach must be new.")
        try:
            name = self._client.get(native_id).id
        except ClientError as error:
            raise SubmitException(str(error)) from error
        job.executor = self
        self._follow(job, name)

    def _follow(self, job: Job, name: str) -> None:
        # PSI/J has no public way to set it.
        job._native_id = name  # noqa: SLF001 - as its own executors do
        self._set_job_status(job, JobStatus(JobState.QUEUED, time=time.time()))
        self._watch(job, name)

    def _watch(self, job: Job, name: str) -> None:
        """Follow a job; raise ``RuntimeError`` if the program ends."""
        future = self._attached(name)
        future.add_event_callback("start", partial(self._started, job))
        future.add_done_callback(partial(self._ended, job))

    def _attached(self, name: str) -> FluxExecutorFuture:
        """Return a future for a job, of a new executor if the present one is broken."""
        with self._lock:
            try:
                return self._executor.attach(name)
            except RuntimeError as error:
                if error.__cause__ is None:
                    raise
                self._executor = FluxExecutor(self.url)
                return self._executor.attach(name)

    def _started(self, job: Job, _future: FluxExecutorFuture, event: Event) -> None:
        if job.status.state != JobState.ACTIVE:
            self._set_job_status(job, JobStatus(JobState.ACTIVE, time=event.timestamp))

    def _ended(self, job: Job, future: Future[int]) -> None:
        error = future.exception()
        if _may_run(error) and job.native_id:
            self._watch_later(job, job.native_id)
        else:
            self._set_job_status(job, _final(error, future))

    def _watch_later(self, job: Job, name: str) -> None:
        with self._lock:
            self._unwatched.append((job, name))
            is_first = len(self._unwatched) == 1
        if is_first:
            # A program that ends does not wait for it.
            timer = threading.Timer(_PAUSE_S, self._watch_again)
            timer.daemon = True
            timer.start()

    def _watch_again(self) -> None:
        with self._lock:
            unwatched, self._unwatched = self._unwatched, []
        for job, name in unwatched:
            try:
                self._watch(job, name)
            except (ClientError, RuntimeError) as error:  # noqa: PERF203 - each job is on its own
                self._set_job_status(job, JobStatus(JobState.FAILED, message=str(error)))


def _may_run(error: BaseException | None) -> bool:
    """Return whether a job may still run after this error of its future.

    A caller that took it for failed would run it twice. A proxy may answer with any status while
    the service restarts, such as 404. If it refuses the credentials, asking again would look like
    guessing.
    """
    if isinstance(error, ProblemError):
        is_of_proxy = error.is_of_proxy and not isinstance(error, Unauthorized)
        is_passing = error.status >= _FIRST_SERVER_ERROR or error.status == _TOO_MANY_REQUESTS
        return is_of_proxy or is_passing
    return isinstance(error, (BadAnswer, ConnectionFailed))


def _final(error: BaseException | None, future: Future[int]) -> JobStatus:
    """Return the status of a job whose future is done."""
    details: dict[str, Any] = {"time": time.time()}
    if error is None:
        code = future.result()
        state = JobState.COMPLETED if code == 0 else JobState.FAILED
        code = code if code >= 0 else _SIGNAL_EXIT_OFFSET - code
        return JobStatus(state, exit_code=code, **details)
    is_canceled = isinstance(error, JobExceptionError) and error.type == "cancel"
    state = JobState.CANCELED if is_canceled else JobState.FAILED
    return JobStatus(state, message=str(error), **details)
