"""The form of a record in the history, which every reader of records relies on."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["is_sound"]


class _Exception(msgspec.Struct):
    occurred: bool
    type: str = ""
    severity: int = 0
    note: str = ""


class _Record(msgspec.Struct):
    """The members of :func:`fluxapi.model.record.record` that readers compute with or show."""

    id: str
    state: str
    status: str | None
    username: str
    userid: int
    exception: _Exception
    revision: int = 0
    urgency: int = 0
    priority: int = 0
    duration: float = 0.0
    result: str | None = None
    success: bool = False
    returncode: int = 0
    waitstatus: int = 0
    dependencies: list[str] = []
    name: str = ""
    cwd: str = ""
    queue: str = ""
    bank: str = ""
    project: str = ""
    group: str = ""
    group_name: str = ""
    cc: str = ""
    t_submit: float = 0.0
    t_depend: float = 0.0
    t_priority: float = 0.0
    t_sched: float = 0.0
    t_run: float = 0.0
    t_cleanup: float = 0.0
    t_inactive: float = 0.0
    runtime: float = 0.0
    expiration: float = 0.0
    ntasks: int = 0
    ncores: int = 0
    nnodes: int = 0
    ranks: str = ""
    nodelist: str = ""
    uri: str = ""
    annotations: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(dict[str, Any])


def is_sound(record: object) -> bool:
    """Return whether readers can decode a record and use its members, for two microseconds."""
    if not isinstance(record, bytes):
        return False
    try:
        record.decode()
        msgspec.convert(_decoder.decode(record), _Record)
    except (ValueError, RecursionError):
        return False
    return True
