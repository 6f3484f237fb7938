"""Converts Flux's errors (an errno and often a message, RFC 6) to those of fluxapi."""

from __future__ import annotations

import errno
import os

from fluxapi.errors import (
    FluxapiError,
    FluxRefused,
    Forbidden,
    InstanceUnavailable,
    JobInactive,
    JobNotFound,
    NotFound,
    OutcomeUnknown,
)
from fluxapi.model.jobid import encode_f58
from fluxapi.model.message import problem

__all__ = ["error_for", "lost", "no_object", "silent", "submit_error", "too_long"]

_FORBIDDEN = frozenset({errno.EPERM, errno.EACCES})
_AWAY = frozenset(
    {
        errno.ENOSYS,  # The module for this request is not loaded.
        errno.EHOSTUNREACH,
        errno.ECONNRESET,
        errno.ECONNREFUSED,
        errno.ENOTCONN,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.ENOMEM,
        errno.EAGAIN,
    }
)
_UNKNOWN = ("unknown job", "invalid job id")
_INACTIVE = "inactive"
_NOT_UTF8 = "error adding value to response"
"""Flux's message, with ENOMEM, for a value of the KVS that is no text (job-info/lookup.c)."""

_VALIDATOR_EXITED = b"worker unexpectedly exited"
"""Flux's message for submissions that were with its validator when it ended, often because of
another one (src/modules/job-ingest/worker.c). None of these was accepted. If the frobnicator ended,
or the job manager refused another submission of the same batch, there is no message.
"""


def error_for(number: int, text: bytes, jobid: int | None = None) -> FluxapiError:
    """Return the error for a response.

    The function recognizes messages of flux-core's src/modules/job-manager/{raise,kill,urgency}.c
    and job-info/lookup.c.

    Args:
        number: The errno.
        text: Flux's message.
        jobid: The job in the request, if any.
    """
    words = text.decode("utf-8", "replace").strip() or os.strerror(number)
    if jobid is not None:
        name = encode_f58(jobid)
        if words.startswith(_UNKNOWN):
            return JobNotFound(problem("no_job", job=name))
        if _INACTIVE in words:
            return JobInactive(problem("job_inactive", job=name))
        if number == errno.ENOENT:
            return NotFound(f"Job {name} has no such record: {words}.")
    if number in _FORBIDDEN:
        return Forbidden(problem("flux_forbids", words=words))
    if number in _AWAY and not words.endswith(_NOT_UTF8):
        return InstanceUnavailable(problem("flux_away", words=words))
    return FluxRefused(words, errno=number)


def submit_error(number: int, text: bytes) -> FluxapiError:
    """Return the error for a refused submission.

    Flux's validator returns EPERM for an invalid jobspec, which is not a matter of permissions. A
    part of Flux that is unavailable now may have received the job before.
    """
    if _VALIDATOR_EXITED in text or (number == errno.EINVAL and not text):
        words = text.decode("utf-8", "replace") or os.strerror(number)
        return InstanceUnavailable(problem("flux_away", words=words))
    error = error_for(errno.EINVAL if number == errno.EPERM and text else number, text)
    return OutcomeUnknown(error.detail) if isinstance(error, InstanceUnavailable) else error


def no_object() -> FluxRefused:
    """Return the error for a jobspec that is not a JSON object, which is not sent to Flux."""
    return FluxRefused("the jobspec is not a JSON object")


def too_long(limit: int) -> FluxRefused:
    """Return the error for a jobspec that would end Flux's frobnicator, which is not sent."""
    return FluxRefused(
        f"the jobspec has more than {limit} bytes, with characters beyond ASCII as \\uXXXX; an "
        "instance with queues or defaults takes no more"
    )


def left() -> InstanceUnavailable:
    """Return the error for a submission that was not sent, since its client has left."""
    return InstanceUnavailable("The client left before the job was sent to Flux.")


def lost(reason: str) -> InstanceUnavailable:
    """Return the error for a lost connection to the broker."""
    return InstanceUnavailable(problem("flux_lost", reason=reason))


def silent(seconds: float) -> InstanceUnavailable:
    """Return the error for a broker that does not answer in time."""
    return InstanceUnavailable(problem("flux_silent", limit_seconds=seconds))
