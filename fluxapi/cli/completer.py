"""What the shell is told while somebody presses the Tab key."""

from __future__ import annotations

import argparse
import asyncio

__all__ = ["complete", "job_ids"]

_PATIENCE = 1.5
"""Seconds that the shell waits for ids at most."""

_MOST = 200
_ACTIVE_ONLY = frozenset({"cancel", "signal", "urgency", "wait"})


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell, and end the process; returns when it is not the shell that asks."""
    import argcomplete  # noqa: PLC0415 - only while the shell completes
    from argcomplete.completers import SuppressCompleter  # noqa: PLC0415 - as above

    argcomplete.autocomplete(parser, default_completer=SuppressCompleter())


def job_ids(prefix: str, arguments: argparse.Namespace) -> list[str]:
    """The newest jobs whose ids begin with ``prefix``; none when the service is not quick."""
    # Loading it takes what it takes; the limit is for the service.
    import fluxapi.client  # noqa: F401, PLC0415 - only while the shell completes

    try:
        return asyncio.run(asyncio.wait_for(_ask(prefix, arguments), _PATIENCE))
    except Exception:  # noqa: BLE001 - there is nobody to tell: nothing is completed
        return []


async def _ask(prefix: str, arguments: argparse.Namespace) -> list[str]:
    from fluxapi.client import AsyncClient  # noqa: PLC0415 - only while the shell completes

    plain = f"f{prefix[1:]}" if prefix[:1] == "ƒ" else prefix
    states = ["active"] if arguments.command in _ACTIVE_ONLY else None
    async with AsyncClient(
        getattr(arguments, "url", None),
        user=getattr(arguments, "login", None),
        profile=getattr(arguments, "profile", None),
        timeout=_PATIENCE,
        retries=0,
    ) as flux:
        found = [job.id async for job in flux.jobs(state=states, limit=_MOST)]
    return [
        prefix[:1] + jobid[1:] if prefix else jobid for jobid in found if jobid.startswith(plain)
    ]
