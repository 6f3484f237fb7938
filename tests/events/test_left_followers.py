"""Followers of output that leave: nothing of them is left, whenever that is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fluxapi.events.output.hub import OutputHub

from .output_files import Follower, Writer
from .test_output_files import hub

__all__ = ["hub"]

pytestmark = pytest.mark.usefixtures("quick_files")


async def test_followers_that_leave_before_the_files_are_known_follow_none(
    writer: Writer, hub: OutputHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    (writer.folder / "out").write_bytes(b"begin\n")
    known, waiting = asyncio.Event(), 0
    sources = writer.files.sources

    async def late(*args: Any, **options: Any) -> Any:
        nonlocal waiting
        found = await sources(*args, **options)
        waiting += 1
        await known.wait()
        return found

    monkeypatch.setattr(writer.files, "sources", late)
    followers = [Follower(hub) for _ in range(40)]
    while waiting < len(followers):  # noqa: ASYNC110 - each has a task of its own
        await asyncio.sleep(0)
    # So many tasks are not all canceled in one pass, and some go on before they are.
    known.set()
    for follower in followers:
        follower.stop()
    await hub.aclose()
    assert not hub._watches
    assert not [t for t in asyncio.all_tasks() if t.get_name().startswith(("viewer", "output "))]
