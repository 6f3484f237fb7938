"""A history in a folder of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fluxapi.archive.archive import Archive

from .stage import TIMEOUT, Stage


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    archive = Archive(tmp_path / "state")
    await archive.open()
    yield archive
    await archive.close(lambda: TIMEOUT)


@pytest.fixture
async def stage(archive: Archive) -> AsyncIterator[Stage]:
    stage = await Stage.open(archive)
    yield stage
    await stage.aclose()
