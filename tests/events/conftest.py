from __future__ import annotations

from collections.abc import Iterator

import pytest

from .channel import Turns
from .stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    turns = Turns()
    with turns.running():
        yield Stage(turns)
