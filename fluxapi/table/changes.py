"""The changes of the table: what one batch of the journal has done to its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from fluxapi.model.eventlog import Event

from .index import Facets

__all__ = ["Changes", "Posted", "Shape"]


class Shape(NamedTuple):
    """The facets and the checksum of a row, which filters and digests depend on."""

    facets: Facets
    checksum: int


class Posted(msgspec.Struct, gc=False):
    """A folded event: job ID, index in the eventlog, the event, the job's facets after it."""

    id: int
    index: int | None
    event: Event
    facets: Facets


@dataclass(slots=True)
class Changes:
    """The effect of one :meth:`Table.feed`.

    ``posted`` lists the new events in order; ``changed`` maps changed rows to their shape before
    (``None``: a new row), ``after`` to their shape now; ``gone`` maps removed rows to their shape
    before. ``invalid`` are the removed rows that Flux has declared invalid.
    """

    posted: list[Posted] = field(default_factory=list)
    changed: dict[int, Shape | None] = field(default_factory=dict)
    after: dict[int, Shape] = field(default_factory=dict)
    gone: dict[int, Shape] = field(default_factory=dict)
    invalid: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.posted or self.changed or self.gone)
