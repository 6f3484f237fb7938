from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fluxapi.events.output import file_source

from .channel import Turns
from .output_files import Writer, to_file
from .output_place import JOB, Place
from .stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    turns = Turns()
    with turns.running():
        yield Stage(turns)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Return a made-up instance with output."""
    place = Place()
    place.instance.feed(JOB)
    yield place
    await place.outputs.aclose()


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """Return a job that writes its output to a file."""
    writer = Writer(tmp_path, stdout=to_file("out"))
    writer.redirect("out")
    (tmp_path / "out").write_bytes(b"")
    return writer


@pytest.fixture
def quick_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at files without the usual pauses."""
    pauses = dict.fromkeys(("local", "shared", "node"), (0.001, 0.002))
    monkeypatch.setattr(file_source, "_PAUSES_S", pauses)
    monkeypatch.setattr(file_source, "_MISSING_PAUSES_S", (0.001, 0.001))
