"""The instances that the history has jobs of."""

from __future__ import annotations

from aiohttp import web

from fluxapi.archive.archive import Archive
from fluxapi.archive.past_instance import count_jobs, list_instances
from fluxapi.errors import NotSupported
from fluxapi.http import authentication, keys
from fluxapi.model.record import username

from .support import reply

__all__ = ["archive_of", "past_instances"]

_MAX_INSTANCES = 1000
"""Instances in a list whose limit is not given."""


def archive_of(request: web.Request) -> Archive:
    """Return the history of the service; raises ``NotSupported`` if it keeps none."""
    archive = request.app[keys.ARCHIVE]
    if archive is None:
        raise NotSupported(
            "The service keeps no history of past jobs; start it with --statedir, and without "
            "--no-history."
        )
    return archive


async def past_instances(request: web.Request) -> web.Response:
    """Return the instances, those that were seen last first."""
    archive = archive_of(request)
    limit = int(request[keys.QUERY].get("limit", _MAX_INSTANCES))
    found = await archive.reader.run(lambda database: list_instances(database, limit=limit + 1))
    counts = await archive.reader.run(count_jobs)
    authentication.check_again(request)
    instances = [
        {**one.record(), "owner": username(one.owner), "jobs": counts.get(one.key, 0)}
        for one in found[:limit]
    ]
    return reply({"instances": instances, "truncated": len(found) > limit})
