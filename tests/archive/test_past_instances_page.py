"""The page of past jobs tells the instance in which each of them ran."""

from __future__ import annotations

import re

import pytest

from fluxapi.archive.archive import Archive
from fluxapi.archive.source import Source
from fluxapi.model.eventlog import Resync
from fluxapi.table.table import Table
from tests import recording
from tests.handlers.conftest import start

from .stage import INFO, Records, Stage
from .test_archived_service import Client, client

__all__ = ["client", "start"]

PAGE = {"Accept": "text/html"}
OWN, OTHER = "one", "f" * 20


async def fill(archive: Archive, source: Source) -> None:
    """Store the jobs of the recording as those of another instance."""
    table, records = Table(), Records()
    history = await archive.follow(source, table, records)
    for task in history.tasks:
        task.start()
    stage = Stage(archive, history, table, records)
    stage.feed([Resync(), *recording.backlog()])
    await stage.settle()
    await stage.aclose()


async def cells(client: Client, query: str) -> set[tuple[str, str]]:
    """Return the different titles and texts of the column."""
    text = await (await client.get(f"/ui/history/jobs{query}", headers=PAGE)).text()
    found = re.findall(r'<td data-key="instance"[^>]* title="([^"]*)">(.*?)</td>', text)
    return {(title, re.sub("<[^>]*>", "", cell)) for title, cell in found}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "is_below", "name"),
    [
        ("", False, "node0 · ffffffff"),
        ("f2QK3Zz", False, "node0 · f2QK3Zz · ffffffff"),
        ("f2QK3Zz/fA1b", True, "f2QK3Zz/fA1b"),
    ],
)
async def test_each_job_says_its_instance(
    client: Client, archive: Archive, path: str, is_below: bool, name: str
) -> None:
    await fill(archive, Source(OTHER, path, INFO, root=OWN if is_below else ""))
    found = {
        title.split(" ")[1].rstrip(","): text
        for title, text in await cells(client, "?instance=all")
    }
    assert found == {OWN: "This one", OTHER: f"Instance {name}"}
    assert await cells(client, "") == set()
    assert {text for _, text in await cells(client, f"?instance={OTHER}")} == {f"Instance {name}"}


async def test_a_pointer_tells_the_host_and_the_start(client: Client, archive: Archive) -> None:
    await fill(archive, Source(OTHER, "", INFO))
    titles = {title for title, _ in await cells(client, "?instance=all")}
    assert {title for title in titles if title.startswith(f"Instance {OTHER} on node0")}
    assert {title for title in titles if title.startswith(f"Instance {OWN} on ")}
