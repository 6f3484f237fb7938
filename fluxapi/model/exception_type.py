"""Types of exceptions that Flux itself reads; the service rejects them.

With ``scheduler-restart``, the job manager assumes that the scheduler has lost the resources of the
job, and does not free them (flux-core, job-manager/event.c). The scheduler keeps them allocated to
the job, and gives them to no other one until it is loaded again.
"""

from __future__ import annotations

from fluxapi.errors import ValidationFailed

from .message import field_error, field_message

__all__ = ["check_exception_type"]

_OF_FLUX = frozenset({"scheduler-restart"})


def check_exception_type(kind: str) -> None:
    """Raise ``ValidationFailed`` if an exception of this type would harm other jobs."""
    if kind in _OF_FLUX:
        raise ValidationFailed([field_error("/type", field_message("exception_type"))])
