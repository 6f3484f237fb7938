"""``fluxapi output --search``, ``--errors`` and ``--lines``: lines with their numbers."""

from __future__ import annotations

import argparse
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from .exit_codes import FAILED, OK, USAGE, Failure
from .terminal import note, put
from .text import safe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fluxapi.client import AsyncClient
    from fluxapi.client.output import OutputLine

__all__ = ["show", "tell_omitted"]

_PAGE_LINES = 5000


async def show(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    """Print the lines that are wanted, and return the exit status."""
    if len(arguments.ids) != 1 or arguments.follow or arguments.tail is not None:
        raise Failure(
            "--search, --errors and --lines need one job ID, and exclude --group, --follow and "
            "--tail.",
            USAGE,
        )
    part = {"stream": arguments.stream, "task": arguments.task}
    if arguments.lines is not None:
        found = _lines(flux, arguments.ids[0], arguments.lines, part)
    else:
        found = flux.search_output(
            arguments.ids[0],
            arguments.search,
            errors=arguments.errors,
            case=arguments.case,
            **part,
        )
    count = 0
    async with aclosing(found) as lines:  # type: ignore[type-var] # an async generator
        async for line in lines:
            count += 1
            put(_shown(line, label=arguments.label_io))
    await tell_omitted(flux, arguments.ids[0])
    return OK if count else FAILED


async def tell_omitted(flux: AsyncClient, jobid: str) -> None:
    """Say on standard error which part of an output the history has left out."""
    omitted = await flux.omitted_output(jobid)
    if omitted is None:
        return
    least = "at least " if omitted.at_least else ""
    count = "" if omitted.lines is None else f" ({omitted.lines:,} lines)"
    note(
        f"the history has left out {least}{omitted.bytes:,} bytes of the output{count} after line "
        f"{omitted.after}; nothing of them is printed or searched"
    )


async def _lines(
    flux: AsyncClient, jobid: str, wanted: tuple[int, int | None], part: dict[str, Any]
) -> AsyncIterator[OutputLine]:
    """Yield a range of lines, page by page."""
    first, last = wanted
    while last is None or first <= last:
        count = _PAGE_LINES if last is None else min(last + 1 - first, _PAGE_LINES)
        page = 0
        found = flux.output_lines(jobid, first=first, count=count, **part)
        async with aclosing(found) as lines:  # type: ignore[type-var] # an async generator
            async for line in lines:
                if last is not None and line.line > last:
                    return
                page, first = page + 1, line.line + 1
                yield line
        if page < count:
            return


def _shown(line: OutputLine, *, label: bool) -> str:
    """Return a line as ``grep -n`` prints it; files that receive output have a number, too."""
    place = f"{line.source}:{line.line}" if line.source else str(line.line)
    rank = f"{line.rank}: " if label and line.rank else ""
    cut = ("…" if line.offset else "", "…" if line.left_out else "")
    return f"{place}:{rank}{cut[0]}{safe(line.text)}{cut[1]}"
