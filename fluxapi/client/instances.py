"""The stream of the tree of instances: each instance that is new or has changed, or has gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec

from .body import converted, decoded
from .stream import Channel

__all__ = ["InstanceChange", "instance_changes"]


class InstanceChange(NamedTuple):
    """An instance that is new or has changed; one that has gone has no record.

    Attributes:
        path: The IDs of the jobs that lead to it; ``""`` is the root.
        instance: Its record as of ``AsyncClient.instance()``, or ``None``.
    """

    path: str
    instance: dict[str, Any] | None


class _Told(msgspec.Struct):
    instance: dict[str, Any]


class _Path(msgspec.Struct):
    path: str


async def instance_changes(channel: Channel) -> AsyncIterator[InstanceChange]:
    """Yield all instances, then each change; raise ``ClientError``.

    After a gap, the stream tells of all instances again. Those that it tells of no more have gone.
    """
    known: set[str] = set()
    unconfirmed: set[str] = set()
    async with aclosing(channel.messages()) as messages:
        async for kind, _, data in messages:
            if kind == "reset":
                unconfirmed = set(known)
            elif kind == "instance":
                record = decoded(data, _Told).instance
                path = converted(record, _Path).path
                known.add(path)
                unconfirmed.discard(path)
                yield InstanceChange(path, record)
            elif kind == "instance-gone":
                path = decoded(data, _Path).path
                known.discard(path)
                unconfirmed.discard(path)
                yield InstanceChange(path, None)
            elif kind == "bookmark":
                gone, unconfirmed = sorted(unconfirmed), set()
                known.difference_update(gone)
                for path in gone:
                    yield InstanceChange(path, None)
