"""One setting: its flag, its variable, its default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Setting"]


@dataclass(frozen=True)
class Setting:
    """One setting: ``name`` in Settings, flag, environment variable, default, help."""

    name: str
    flag: str
    env: str | None
    default: str | None
    help: str
    parse: Callable[[str], Any] = str
    secret: bool = False
    switch: bool = False
    many: bool = False
    """The flag may be given several times."""
