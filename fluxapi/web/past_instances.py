"""The names of the instances that past jobs ran in, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fluxapi.archive.past_instance import PastInstance
from fluxapi.archive.stored_records import StoredRecords
from fluxapi.model.humanize import utc

from .visible import SHORT, visible
from .words import Words

__all__ = ["NamedInstance", "name_instances"]

_ID_CHARS = 8
"""Characters of an ID that tell instances of one host apart."""


@dataclass(frozen=True, slots=True)
class NamedInstance:
    """The name of an instance.

    Attributes:
        name: Its place in the tree of the page, or else its host and ID.
        about: Its whole ID, with its place, host and start.
        is_own: It is the instance of the page.
        place: Its path in the tree of the page, empty for the root and other trees.
    """

    name: str
    about: str
    is_own: bool
    place: str = ""


async def name_instances(
    words: Words, stored: StoredRecords, jobs: Iterable[Mapping[str, Any]]
) -> dict[str, NamedInstance]:
    """Return the names of the instances of these records of the history, by ID.

    Raises:
        HistoryUnavailable: The history cannot be read.
    """
    ids = {job["history"]["instance"] for job in jobs if "history" in job} | {stored.instance}
    found = await stored.instances(sorted(ids))
    own = found.get(stored.instance)
    root = "" if own is None else own.root
    return {
        one: _named(words, one, found.get(one), root, is_own=one == stored.instance) for one in ids
    }


def _named(
    words: Words, id: str, instance: PastInstance | None, root: str, *, is_own: bool
) -> NamedInstance:
    short = id[:_ID_CHARS]
    if instance is None:
        return NamedInstance(words.text("history.this_instance") if is_own else short, id, is_own)
    host = visible(instance.hostname, SHORT)
    values = {"id": id, "host": host, "since": utc(instance.starttime)}
    if instance.path:
        about = words.text("history.instance_about_nested", path=instance.path, **values)
    else:
        about = words.text("history.instance_about", **values)
    if is_own:
        name = words.text("history.this_instance")
    elif instance.path and instance.root and instance.root == root:
        name = instance.path
    elif instance.root and instance.root == root:
        name = words.text("history.root_instance")
    else:
        name = " · ".join(filter(None, (host, instance.path, short)))
    place = instance.path if instance.root and instance.root == root else ""
    return NamedInstance(name, about, is_own, place)
