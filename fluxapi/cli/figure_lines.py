"""The lines that ``fluxapi history figures`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fluxapi.model.duration import duration
from fluxapi.model.times import short_date

from .figure_answer import CoresUse, Counts, Figures, Quantiles
from .text import safe

__all__ = ["figure_lines"]

_COUNTS = ("ENDED", "FAILED", "CANCELED", "CORE-HOURS", "WAIT", "WAIT-P90", "RUN", "RUN-P90")
_UNKNOWN = "-"


def figure_lines(found: Figures) -> Iterator[str]:
    """Yield the lines of a table: one of each group or step, and one of all jobs."""
    if found.groups is not None:
        rows = [(safe(group.value) or "(none)", *_cells(group)) for group in found.groups]
        if found.rest is not None:
            rows.append((f"({found.rest.groups:,} others)", *_cells(found.rest)))
        headings: tuple[str, ...] = (safe(found.by).upper(), *_COUNTS)
    else:
        headings = ("FROM", *_COUNTS, "CORES-USED")
        rows = [(short_date(step.time), *_cells(step), _use(step.use)) for step in found.steps]
    total = ("(all)", *_cells(found.total))
    yield from _aligned([headings, *rows, (*total, *("",) * (len(headings) - len(total)))])


def _cells(figures: Counts) -> tuple[str, ...]:
    return (
        f"{figures.ended:,}",
        f"{figures.failed + figures.timeout:,}",
        f"{figures.canceled:,}",
        f"{figures.core_hours:,.1f}",
        *_times(figures.wait),
        *_times(figures.run),
    )


def _times(quantiles: Quantiles | None) -> tuple[str, str]:
    if quantiles is None:
        return _UNKNOWN, _UNKNOWN
    return duration(quantiles.median), duration(quantiles.p90)


def _use(use: CoresUse | None) -> str:
    """Return the share of the cores that were in use."""
    if use is None or use.cores_allocated is None or not use.cores:
        return _UNKNOWN
    return f"{100 * use.cores_allocated / use.cores:.0f}%"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *cells in rows:
        texts = [first.ljust(widths[0])]
        texts += [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        yield "  ".join(texts).rstrip()
