"""Shell completion."""

from __future__ import annotations

import argparse
import asyncio

from fluxapi.process.timeout import within

__all__ = ["complete", "job_ids"]

_TIMEOUT_S = 1.5
"""Time limit for the completion of job IDs."""

_MAX_IDS = 200
_ACTIVE_ONLY = frozenset({"cancel", "signal", "urgency", "wait"})


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a completion request and exit; return if there is none."""
    import argcomplete  # noqa: PLC0415 - only while the shell completes
    from argcomplete.completers import SuppressCompleter  # noqa: PLC0415 - as above

    argcomplete.autocomplete(parser, default_completer=SuppressCompleter())


def job_ids(prefix: str, arguments: argparse.Namespace) -> list[str]:
    """Return the newest job IDs that start with ``prefix``; none if the service is slow."""
    # Import the client before the time limit starts, which is for the service.
    import fluxapi.client  # noqa: F401, PLC0415 - only while the shell completes

    try:
        return asyncio.run(within(_TIMEOUT_S, _ask(prefix, arguments)))
    except Exception:  # noqa: BLE001 - a shell cannot show errors while it completes
        return []


async def _ask(prefix: str, arguments: argparse.Namespace) -> list[str]:
    from fluxapi.client import AsyncClient  # noqa: PLC0415 - only while the shell completes

    plain = f"f{prefix[1:]}" if prefix[:1] == "ƒ" else prefix
    states = ["active"] if arguments.command in _ACTIVE_ONLY else None
    async with AsyncClient(
        getattr(arguments, "url", None),
        user=getattr(arguments, "login", None),
        ca_file=getattr(arguments, "ca_file", None),
        profile=getattr(arguments, "profile", None),
        timeout=_TIMEOUT_S,
        retries=0,
    ) as flux:
        found = [job.id async for job in flux.jobs(state=states, limit=_MAX_IDS)]
    return [
        prefix[:1] + jobid[1:] if prefix else jobid for jobid in found if jobid.startswith(plain)
    ]
