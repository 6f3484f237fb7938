"""Acting on several jobs, where an error of one does not affect the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from .exit_codes import FAILED, OK
from .ids import shown_id
from .terminal import note

if TYPE_CHECKING:
    from fluxapi.client import ClientError

__all__ = ["concerns_all", "each"]


def concerns_all(error: ClientError) -> bool:
    """Return whether an error about one job would be the same for every other job.

    It is if the service does not answer, or does not know the user.
    """
    from fluxapi.client import errors  # noqa: PLC0415 - already imported

    if isinstance(error, errors.Unauthorized):
        return error.status == HTTPStatus.UNAUTHORIZED
    return isinstance(error, (errors.ConfigError, errors.ConnectionFailed))


async def each(ids: Iterable[str], act: Callable[[str], Awaitable[object]]) -> int:
    """Act on each job in turn; return exit status 1 if the service rejected one, else 0.

    Raises ``ClientError`` if the error concerns all jobs (:func:`concerns_all`).
    """
    from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

    status = OK
    for jobid in ids:
        try:
            await act(jobid)
        except ClientError as error:  # noqa: PERF203 - a request each
            if concerns_all(error):
                raise
            note(f"{shown_id(jobid)}: {error}")
            status = FAILED
    return status
