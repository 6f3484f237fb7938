"""List and read groups of jobs, and wait for them; the table alone answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web

from fluxapi.errors import GroupNotFound
from fluxapi.http import keys
from fluxapi.model.message import problem
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.groups import GroupRow, page

from .support import check_running, json_bytes, reply

__all__ = ["group_of", "list_groups", "record", "wait"]

_PAGE_GROUPS = 100
"""Groups on a page whose size is not given."""


async def list_groups(request: web.Request) -> web.Response:
    """Return a page of groups, newest first."""
    session, fields = request[keys.SESSION], request[keys.QUERY]
    if session.is_reading and not len(session.table):
        raise session.journal.still_reading()
    below = fields.get("page")
    found = await page(
        session.table.groups,
        limit=int(fields.get("limit", _PAGE_GROUPS)),
        after=int(below, 16) if below else None,
        active=fields.get("active", False),
        user=fields.get("user"),
        text=fields.get("text"),
    )
    rows = b",".join([row async for row in _encoded(found.groups)])
    following = b"null" if found.next is None else b'"%x"' % found.next
    return reply(b'{"groups":[%b],"next":%b}' % (rows, following))


async def _encoded(rows: Sequence[GroupRow]) -> AsyncIterator[bytes]:
    """Encode the groups of a page; other tasks run in between."""
    turn = TimeSlice()
    for row in rows:
        await turn.share()
        # Its last job may have been purged meanwhile.
        if row.total:
            yield json_bytes(row.record())


def group_of(request: web.Request) -> GroupRow:
    """Return the group of the path; raises ``GroupNotFound`` or ``InstanceUnavailable``."""
    return request[keys.SESSION].group(request.match_info["group"])


async def record(request: web.Request) -> web.Response:
    """Return one group."""
    return reply(group_of(request).record())


async def wait(request: web.Request) -> web.Response:
    """Return the group once enough of its jobs have ended or the timeout has expired."""
    group, fields = group_of(request), request[keys.QUERY]
    holds: Callable[[GroupRow | None], bool] = _is_over
    if fields.get("until") == "any":
        holds = _has_ended_more(int(fields.get("ended", 0)))
    session, timeout = request[keys.SESSION], float(fields.get("timeout", 30.0))
    left = await session.journal.waiters.wait_for_group(group.id, holds, timeout)
    if left is None:
        raise GroupNotFound(problem("group_purged", group=group.name or group.id))
    if not holds(left):
        check_running(session)
    return reply(left.record())


def _is_over(group: GroupRow | None) -> bool:
    return group is None or not group.active


def _has_ended_more(than: int) -> Callable[[GroupRow | None], bool]:
    """Return the condition that more jobs have ended, or that none is left that could."""

    def holds(group: GroupRow | None) -> bool:
        return _is_over(group) or (group is not None and group.ended > than)

    return holds
