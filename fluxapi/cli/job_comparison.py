"""``fluxapi job compare``: a job beside earlier jobs like it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.client.body import converted

from .arguments import add_ids
from .exit_codes import OK
from .session import add_connection, runs
from .terminal import note, put
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add"]


def add(actions: Any) -> None:
    """Declare the action."""
    parser = actions.add_parser(
        "compare",
        help="say what is unusual about the wait and the run time of a job",
        description="Compare the wait and the run time of a job with the medians of earlier jobs "
        "of the same name, or else of the same queue, in the history.",
        allow_abbrev=False,
    )
    add_ids(parser)
    parser.add_argument(
        "--json", action="store_true", help="print JSON, as in GET /v1/jobs/{id}/comparison"
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    found = await flux.comparison(arguments.id)
    if arguments.json:
        put(json.dumps(found))
        return OK
    if not found:
        note("The history has too few jobs of this name or queue.")
        return OK
    comparison = converted(found, _Comparison)
    for sentence in comparison.sentences:
        put(safe(sentence))
    if not comparison.sentences:
        by = safe(comparison.by)
        note(f"Nothing unusual, compared with {comparison.jobs} jobs of the same {by}.")
    return OK


class _Comparison(msgspec.Struct):
    """The response of ``GET /jobs/{id}/comparison``, if there are enough jobs."""

    by: str
    jobs: int
    sentences: list[str]
