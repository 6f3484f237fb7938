"""Acting on several jobs, where an error of one does not affect the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from .exit_codes import FAILED, OK
from .ids import shown_id
from .terminal import note

__all__ = ["each"]


async def each(ids: Iterable[str], act: Callable[[str], Awaitable[object]]) -> int:
    """Act on each job in turn; return exit status 1 if the service rejected one, else 0.

    Raises ``ClientError`` if the service is unreachable.
    """
    from fluxapi.client import Conflict, Invalid, NotFound  # noqa: PLC0415 - already imported

    status = OK
    for jobid in ids:
        try:
            await act(jobid)
        except (Conflict, Invalid, NotFound) as error:  # noqa: PERF203 - a request each
            note(f"{shown_id(jobid)}: {error}")
            status = FAILED
    return status
