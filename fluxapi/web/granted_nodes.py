"""The nodes that a job was granted, as its page tells them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fluxapi.model.hostlist import decode_hostlist
from fluxapi.model.idset import IdSet
from fluxapi.model.resources import nodes

from .visible import SHORT, visible
from .words import Words

__all__ = ["granted", "tell_hosts"]

_MAX_GRANTED = 100

_MAX_HOSTS = 1000
"""Hosts of a list in which repeats are counted; a longer one is shown as it is."""


def granted(R: Any, words: Words) -> dict[str, Any]:
    """Return the nodes of an R object (RFC 20) with their cores and GPUs, the first of very many.

    A node is shared if several brokers of the job are on its host. Each has only counts, and the
    IDs of those that it does not have from 0 on.
    """
    try:
        found = nodes(R)
    except ValueError:
        found = []
    # Nodes share the sets of their entry.
    sets = {id(ids): ids for node in found[:_MAX_GRANTED] for ids in (node.cores, node.gpus)}
    shown = {key: _counted(ids, words) for key, ids in sets.items()}
    brokers = Counter(node.name for node in found)
    return {
        "granted": [
            {
                "host": node.name,
                "name": visible(node.name, SHORT),
                "is_shared": brokers[node.name] > 1,
                "rank": node.rank,
                "cores": shown[id(node.cores)],
                "gpus": shown[id(node.gpus)],
            }
            for node in found[:_MAX_GRANTED]
        ],
        "ungranted": max(len(found) - _MAX_GRANTED, 0),
        "has_gpus": any(len(node.gpus) for node in found[:_MAX_GRANTED]),
    }


def _counted(ids: IdSet, words: Words) -> str:
    """Return the count of a resource with its IDs; the ID 0 alone would read as a count."""
    if not len(ids):
        return ""
    key = "job.one_id" if len(ids) == 1 else "job.ids"
    return words.text(key, number=words.number(len(ids)), ids=visible(ids.encode(), SHORT))


def tell_hosts(nodelist: str, words: Words) -> str:
    """Return a hostlist for people: a host that it repeats is named once, with its ranks."""
    try:
        hosts = Counter(decode_hostlist(nodelist, _MAX_HOSTS))
    except ValueError:
        return nodelist
    if all(count == 1 for count in hosts.values()):
        return nodelist
    return ", ".join(
        host if count == 1 else words.text("job.host_ranks", host=host, count=count)
        for host, count in hosts.items()
    )
