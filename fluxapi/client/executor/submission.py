"""A jobspec or a command as the body of a submission."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from fluxapi.client.body import encoded
from fluxapi.client.options import Urgency

from .errors import SubmitError

__all__ = ["Jobspec", "SupportsDumps", "jobspec_fields"]


class SupportsDumps(Protocol):
    """An object that stands for a jobspec, such as ``flux.job.JobspecV1``."""

    def dumps(self) -> str:
        """Return the jobspec as JSON."""


Jobspec = str | bytes | Mapping[str, Any] | SupportsDumps
"""A jobspec (RFC 25): JSON, what JSON stands for, or an object with ``dumps``."""


def jobspec_fields(
    jobspec: Jobspec, urgency: Urgency | None, *, waitable: bool, debug: bool, pre_signed: bool
) -> dict[str, Any]:
    """Return the fields of ``schemas/submit.json`` for a jobspec.

    Raises:
        SubmitError: The jobspec is not a JSON object, or signed.
    """
    if pre_signed:
        raise SubmitError(
            errno.EINVAL, "A signed jobspec cannot be submitted over HTTP: pass the jobspec itself."
        )
    if not isinstance(jobspec, str | bytes | Mapping):
        jobspec = jobspec.dumps()
    if isinstance(jobspec, str | bytes):
        try:
            jobspec = msgspec.json.decode(jobspec, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SubmitError(errno.EINVAL, f"The jobspec is not a JSON object: {error}.") from None
    fields: dict[str, Any] = {"jobspec": jobspec}
    if urgency is not None:
        fields["urgency"] = urgency
    if waitable:
        fields["waitable"] = True
    if debug:
        fields["debug"] = True
    return fields


def body(fields: Mapping[str, Any]) -> bytes:
    """Return the fields of a job as JSON; raise ``SubmitError`` if they cannot be JSON."""
    try:
        return encoded(fields)
    except Exception as error:
        raise SubmitError(errno.EINVAL, str(error)) from error
