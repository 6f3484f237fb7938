"""The drained nodes that a waiting job misses, by their names and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fluxapi.model.phrases import Say

from .visible import SHORT, visible
from .words import Words

__all__ = ["drained_nodes"]

_MAX_NAMED = 3
"""Nodes that are named; their page has all."""

_MAX_REASON_CHARS = 80


class _Observer(Protocol):
    """An object that knows the queues and nodes as of a moment ago."""

    @property
    def queues(self) -> Sequence[Mapping[str, Any]] | None:
        """Return the queues."""

    @property
    def drained_nodes(self) -> Sequence[Mapping[str, Any]] | None:
        """Return the nodes that are drained."""

    def named_in_reason(self, record: Mapping[str, Any], say: Say) -> tuple[str, str]:
        """Return the nodes and the job that the reason of a job may name."""


def drained_nodes(observer: _Observer, record: Mapping[str, Any], words: Words) -> str:
    """Return the drained nodes of the queue of a job if its reason is about them, or ''."""
    why = record.get("reason") or ""
    out, _ = observer.named_in_reason(record, words.text)
    if record["state"] != "SCHED" or not out or out.lower() not in why.lower():
        return ""
    requires: set[str] = set()
    for queue in observer.queues or ():
        if queue["name"] == (record.get("queue") or ""):
            requires = set(queue.get("requires") or ())
    # A node with all properties that are asked for is one of those that the reason is about.
    asked = {name for name in record.get("properties") or () if not name.startswith("^")}
    if any(asked <= set(node.get("properties") or ()) for node in observer.drained_nodes or ()):
        requires |= asked
    found = [
        node
        for node in observer.drained_nodes or ()
        if requires <= set(node.get("properties") or ()) and node["state"] != "up"
    ]
    if found and all(visible(node["name"], SHORT) in out for node in found):
        # The reason names them, but does not say why they are drained.
        told = [_named(node, words) for node in found if node.get("reason")]
        return words.text("job.drain_reasons", nodes=", ".join(told)) if told else ""
    names = [_named(node, words) for node in found[:_MAX_NAMED]]
    if len(found) > _MAX_NAMED:
        names.append(words.text("job.more_drained", count=len(found) - _MAX_NAMED))
    return words.text("job.drained_nodes", nodes=", ".join(names)) if names else ""


def _named(node: Mapping[str, Any], words: Words) -> str:
    name, reason = visible(node["name"], SHORT), node.get("reason")
    if not reason:
        return name
    return words.text("job.drained_for", node=name, reason=visible(reason, _MAX_REASON_CHARS))
