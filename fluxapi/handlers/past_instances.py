"""The instances that the history has jobs of."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

from aiohttp import web

from fluxapi.archive.past_instance import count_jobs, list_instances
from fluxapi.http import keys
from fluxapi.model.usernames import username

from .history import archive_of
from .support import reply

__all__ = ["past_instances"]

_MAX_INSTANCES = 1000
"""Instances in a list whose limit is not given."""


async def past_instances(request: web.Request) -> web.Response:
    """Return the instances, those that were seen last first."""
    archive = archive_of(request)
    limit = int(request[keys.QUERY].get("limit", _MAX_INSTANCES))
    found = await archive.reader.run(partial(_instances, limit=limit + 1))
    counts = await archive.reader.run(count_jobs)
    instances = [{**record, "jobs": counts.get(key, 0)} for key, record in found[:limit]]
    return reply({"instances": instances, "truncated": len(found) > limit})


def _instances(database: sqlite3.Connection, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Return keys and records of instances."""
    return [
        (one.key, {**one.record(), "owner": username(one.owner)})
        for one in list_instances(database, limit=limit)
    ]
