"""Reads the eventlog of a job's shell, into which the job can write, too.

A job can refer to one blob thousands of times. For ``job-info``, the KVS would build the whole
value, which takes gigabytes of the broker. So it is read blob by blob, up to a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

from fluxapi.errors import FluxRefused, Forbidden, NotFound
from fluxapi.process.timeout import within

from . import refusal

__all__ = ["NAME", "joined", "read"]

NAME: Literal["guest.exec.eventlog"] = "guest.exec.eventlog"
"""Its name in the directory of a job (RFC 16)."""

_MAX_BYTES = 4 << 20
"""Limit of its size; usually it has a few events of 100 bytes."""


async def joined(blobs: AsyncIterator[bytes]) -> bytes:
    """Return all blobs of such an eventlog; raise ``FluxRefused`` if it is too large."""
    parts: list[bytes] = []
    size = 0
    async for blob in blobs:
        size += len(blob)
        if size > _MAX_BYTES:
            raise FluxRefused(f"the eventlog of the job's shell has more than {_MAX_BYTES} bytes")
        parts.append(blob)
    return b"".join(parts)


async def read(
    jobid: int,
    timeout: float,
    read_blobs: Callable[[int], Awaitable[bytes]],
    listed: Callable[[int, str], Awaitable[object]],
    through_job_info: Callable[[int, Literal["guest.exec.eventlog"]], Awaitable[str]],
) -> str:
    """Return such an eventlog.

    Args:
        jobid: The job.
        timeout: Limit of the time in seconds.
        read_blobs: Returns the eventlog as bytes.
        listed: Returns an attribute of a job; raises ``JobNotFound``.
        through_job_info: Returns a record of a job to users who may not read the KVS.

    Raises:
        JobNotFound: There is no such job.
        NotFound: It has no such eventlog.
        FluxRefused: The eventlog is too large.
        InstanceUnavailable: Flux does not answer in time.
    """
    try:
        text = await within(timeout, read_blobs(jobid))
    except Forbidden:
        return await through_job_info(jobid, NAME)
    except NotFound:
        await listed(jobid, "state")
        raise
    except asyncio.TimeoutError:
        raise refusal.silent(timeout) from None
    return text.decode("utf-8", "replace")
