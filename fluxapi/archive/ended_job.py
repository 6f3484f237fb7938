"""A job that has ended, as the history stores it."""

from __future__ import annotations

import contextlib
import zlib
from typing import Any

import msgspec

from fluxapi.model.eventlog import decode_eventlog
from fluxapi.model.fold import apply_all, begin
from fluxapi.model.job import Job
from fluxapi.model.shallow import BAD_JSON

__all__ = ["Detail", "EndedJob", "command_of", "facts_of", "fold", "pack", "redacted", "unpack"]

_MAX_COMMAND_CHARS, _MAX_WORDS = 1024, 64
_LEVEL = 6
_WINDOW_BITS = -15
"""Raw deflate: SQLite's pages already tell a damaged file."""

_DICTIONARY = (
    b'{"timestamp":1700000000.0,"name":"exception","context":{"type":"exec","severity":0,"note":"'
    b'","userid":1000}}\n{"name":"memo","context":{"uri":"ssh://"}}\n'
    b'{"name":"jobspec-update","context":{"attributes.system.duration":3600.0}}\n'
    b'{"version":1,"execution":{"R_lite":[{"rank":"0-3","children":{"core":"0-7","gpu":"0-3"}}],'
    b'"nodelist":["node[0-3]"],"starttime":1700000000.0,"expiration":1700003600.0,"properties":{'
    b'{"resources":[{"type":"node","count":1,"exclusive":true,"with":[{"type":"slot","count":1,'
    b'"with":[{"type":"core","count":1}],"label":"task"}]}],"tasks":[{"command":["'
    b'"],"slot":"task","count":{"per_slot":1}}],"attributes":{"system":{"duration":0,"cwd":"/home/'
    b'","shell":{"options":{"rlimit":{"cpu":-1,"output":{"stdout":{"path":"","type":"file"},'
    b'"files":{"script":{"mode":33216,"data":"#!/bin/bash\\n"encoding":"utf-8"}}},"job":{"name":"'
    b'","queue":"batch"},"user":{"fluxapi":{"key":"","digest":"","signature":"'
    b'"}}},"version":1}\n'
    b'{"timestamp":17,"name":"submit","context":{"userid":1000,"urgency":16,"flags":0,"version":1}}'
    b'\n{"timestamp":17,"name":"validate"}\n{"timestamp":17,"name":"depend"}\n'
    b'{"timestamp":17,"name":"priority","context":{"priority":16}}\n'
    b'{"timestamp":17,"name":"alloc"}\n{"timestamp":17,"name":"prolog-start"}\n'
    b'{"timestamp":17,"name":"start"}\n{"timestamp":17,"name":"finish","context":{"status":0}}\n'
    b'{"timestamp":17,"name":"release","context":{"ranks":"all","final":true}}\n'
    b'{"timestamp":17,"name":"free"}\n{"timestamp":17,"name":"clean"}\n'
)
"""Text that most jobs contain; a stored detail cannot be read with another dictionary."""


_encoder = msgspec.msgpack.Encoder()


class Detail(msgspec.Struct, array_like=True, gc=False):
    """The eventlog of a job (RFC 18), its jobspec without the environment, and R, as Flux has them.

    ``jobspec`` and ``R`` are empty where there is none; ``left_out`` names those of the three that
    were too large to keep.
    """

    eventlog: bytes
    jobspec: bytes = b""
    R: bytes = b""
    left_out: tuple[str, ...] = ()


class EndedJob(msgspec.Struct, gc=False):
    """One job of one instance, ready to be written.

    ``facts`` are the values of the columns from ``t_submit`` to ``ncores``, with the nodelist as
    text; ``exact`` is false if *detail* is not all that Flux has.
    """

    id: int
    facts: tuple[Any, ...]
    record: bytes
    detail: Detail
    exact: bool = True

    @property
    def size(self) -> int:
        """Return the bytes that the job takes in memory."""
        detail = self.detail
        held = len(self.record) + len(detail.eventlog) + len(detail.jobspec) + len(detail.R)
        return held + 1024


_decoder = msgspec.msgpack.Decoder(Detail)


def facts_of(job: Job) -> tuple[Any, ...]:
    """Return the values that filters and figures test, in the order of the columns."""
    given = job.allocation
    counts = given or job.counts
    return (
        job.t_submit,
        job.t_run,
        job.t_cleanup,
        job.t_inactive,
        job.result or "",
        job.userid,
        job.name,
        job.queue,
        job.group,
        job.nodelist,
        (counts and counts.nnodes) or 0,
        (counts and counts.ncores) or 0,
    )


def fold(jobid: int, detail: Detail) -> Job:
    """Return the job that a detail describes, with as much of it as can be understood."""
    job = begin(jobid, _object(detail.jobspec))
    R = _object(detail.R)
    for line in detail.eventlog.split(b"\n"):
        with contextlib.suppress(msgspec.MsgspecError, RecursionError):
            apply_all(job, decode_eventlog(line), R)
    return job


def _object(text: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(msgspec.MsgspecError, RecursionError):
        value = msgspec.json.decode(text)
        return value if isinstance(value, dict) else None
    return None


def redacted(jobspec: dict[str, Any]) -> dict[str, Any]:
    """Return a jobspec without the environment, which may contain secrets."""
    attributes: Any = jobspec.get("attributes")
    system: Any = attributes.get("system") if isinstance(attributes, dict) else None
    if not isinstance(system, dict) or "environment" not in system:
        return jobspec
    kept = {name: value for name, value in system.items() if name != "environment"}
    return {**jobspec, "attributes": {**attributes, "system": kept}}


def pack(detail: Detail) -> bytes:
    """Compress a detail."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, 9, zdict=_DICTIONARY)
    return deflate.compress(_encoder.encode(detail)) + deflate.flush()


def unpack(data: bytes, max_bytes: int = 1 << 26) -> Detail:
    """Decompress a detail.

    Raises:
        ValueError: The data is damaged, or has more than *max_bytes*.
    """
    if not isinstance(data, bytes):
        raise ValueError("it is no data")  # noqa: TRY004 - as for other damage
    inflate = zlib.decompressobj(_WINDOW_BITS, _DICTIONARY)
    try:
        plain = inflate.decompress(data, max_bytes)
        if not inflate.eof:
            raise ValueError("it is too long or cut")
        return _decoder.decode(plain)
    except (zlib.error, *BAD_JSON) as error:
        raise ValueError(str(error)) from None


def command_of(jobspec: bytes) -> str:
    """Return the command of a jobspec as one text of bounded length, for full-text search."""
    try:
        words = (_object(jobspec) or {})["tasks"][0]["command"]
    except (TypeError, KeyError, IndexError):
        return ""
    if isinstance(words, str):
        return words[:_MAX_COMMAND_CHARS]
    if not isinstance(words, list):
        return ""
    found = [word[:_MAX_COMMAND_CHARS] for word in words[:_MAX_WORDS] if isinstance(word, str)]
    return " ".join(found)[:_MAX_COMMAND_CHARS]
