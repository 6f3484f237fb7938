"""``fluxapi submit --check``: what will not go as a job says, without submitting it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .exit_codes import FAILED, OK
from .option_words import field_error
from .submit_many import Planned
from .terminal import put
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["check_jobs"]

_ENDS = frozenset({"refused", "impossible"})


async def check_jobs(flux: AsyncClient, jobs: Sequence[Planned]) -> int:
    """Print what is found about the jobs; return 1 if one of them would not run.

    Jobs of one command differ in their texts only, so the first stands for all.
    """
    found = await flux.check(jobs[0].fields)
    for pointer, detail in found.errors:
        put(f"refused: {field_error(pointer, detail)}")
    for finding in found.findings:
        put(f"{finding.outcome}: {safe(finding.detail)}")
    for warning in found.warnings:
        put(f"note: {safe(warning)}")
    if found.unknown:
        put(f"note: the instance did not report its {' and '.join(map(safe, found.unknown))}")
    ends = not found.valid or any(it.outcome in _ENDS for it in found.findings)
    return FAILED if ends else OK
