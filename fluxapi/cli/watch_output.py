"""``fluxapi watch --output``: the output of chosen jobs until they end, as ``flux watch`` does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .exit_codes import FAILED, OK, Failure
from .follow import attach_all
from .ids import shown_id
from .notification import notification
from .session import Act
from .terminal import note

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["runs_output"]


def runs_output(filter: dict[str, Any]) -> Act:
    """Return the action for the filter of ``fluxapi watch``."""

    async def act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
        ids = await _ids(flux, arguments, filter)
        if not ids:
            note("No jobs match")
            return OK
        with notification(arguments) as notice:
            status = await attach_all(flux, ids, label=arguments.label_io, named=True)
            await notice.tell_jobs(flux, ids)
        return status

    return act


async def _ids(
    flux: AsyncClient, arguments: argparse.Namespace, filter: dict[str, Any]
) -> list[str]:
    """Return the jobs to follow, oldest first; report those that do not exist."""
    if arguments.ids:
        found = await flux.get_many(arguments.ids)
        for jobid in found.unknown:
            note(f"There is no job {shown_id(jobid)}")
        return [job.id for job in found.jobs]
    chosen = dict(filter)
    if arguments.active:
        chosen["state"] = ["active"]
    elif not (arguments.all or filter):
        raise Failure("Give job IDs, --active, --all or a filter.", FAILED)
    ids: list[str] = []
    async for job in flux.jobs(**chosen):
        ids.append(job.id)
        if len(ids) == arguments.count:
            break
    return ids[::-1]
