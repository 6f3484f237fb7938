"""The outcome of a job in pieces, so that the page can link the jobs and times that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fluxapi.model.humanize import note, utc
from fluxapi.model.jobid import FANCY_PREFIX
from fluxapi.model.phrases import Say
from fluxapi.model.reason import estimated_start
from fluxapi.model.unmet import blamed

from .visible import MEDIUM, SHORT, visible

__all__ = ["Piece", "note_pieces", "pieces"]

_MAX_LINKS = 24
"""Dependencies of a job that are linked; the text names more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text: plain, the ID of a *job*, or a moment *at* seconds since the epoch.

    A part about nodes has the *query* of their page, or "" for all nodes.
    """

    text: str
    job: str = ""
    at: float | None = None
    query: str | None = None


def pieces(
    text: str,
    record: Mapping[str, Any],
    name: Callable[[str], str],
    nodes_and_job: tuple[str, str] = ("", ""),
) -> Sequence[Piece]:
    """Return *text* as pieces.

    Args:
        text: The outcome of the job, as :func:`fluxapi.model.humanize.outcome` returns it, or the
            note of its exception.
        record: The record of the job, whose dependencies or estimated start the text may name.
        name: Returns the name of a job by its ID, empty if it has none.
        nodes_and_job: The nodes and the job that the text may name, if the job waits in its queue.
    """
    if record["state"] == "DEPEND":
        named = _dependencies(record, name)
    elif job := blamed((record.get("exception") or {}).get("note")):
        named = _dependencies(record, name) | {job: _linked(job, name)}
    elif record["state"] == "SCHED":
        named = dict(_scheduled(record, name, *nodes_and_job))
    else:
        named = {}
    if not named:
        return [Piece(visible(text))]
    return list(_split(visible(text, most=len(named) * MEDIUM), named))


def note_pieces(record: Mapping[str, Any], say: Say) -> Sequence[Piece]:
    """Return the note of a job in a list as pieces; it names other jobs by their IDs."""
    text = visible(note(record, say), SHORT)
    return pieces(text, record, lambda _: "") if text else ()


def _scheduled(
    record: Mapping[str, Any], name: Callable[[str], str], nodes: str, job: str
) -> Iterable[tuple[str, Piece]]:
    if (at := estimated_start(record, 0.0)) is not None:
        yield utc(at), Piece(utc(at), at=at)
    if job:
        yield job, _linked(job, name)
    if nodes:
        query = f"?{urlencode({'queue': record['queue']})}" if record.get("queue") else ""
        for said in (nodes, f"{nodes[0].upper()}{nodes[1:]}"):
            yield visible(said), Piece(visible(said), query=query)


def _dependencies(record: Mapping[str, Any], name: Callable[[str], str]) -> dict[str, Piece]:
    named: dict[str, Piece] = {}
    for dependency in record.get("dependencies", ())[:_MAX_LINKS]:
        scheme, _, value = dependency.partition("=")
        if scheme == "begin-time":
            named.update(_moment(value))
        elif re.fullmatch(r"[ƒf][1-9A-HJ-NP-Za-km-z]{1,12}", value):
            job = value.replace(FANCY_PREFIX, "f", 1)
            named[job] = _linked(job, name)
    return named


def _linked(job: str, name: Callable[[str], str]) -> Piece:
    return Piece(visible(name(job) or job, SHORT), job=job)


def _moment(value: str) -> Iterable[tuple[str, Piece]]:
    try:
        at = float(value)
    except ValueError:
        return
    if text := utc(at):
        yield text, Piece(text, at=at)


def _split(text: str, named: Mapping[str, Piece]) -> Iterable[Piece]:
    longest = sorted(named, key=len, reverse=True)
    parts = re.split(rf"\b({'|'.join(map(re.escape, longest))})\b", text)
    for at, part in enumerate(parts):
        if at % 2:
            yield named[part]
        elif part:
            yield Piece(part)
