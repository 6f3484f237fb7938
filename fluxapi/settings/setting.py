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
    """It is a list: the flag may be given several times, and commas separate values."""

    @property
    def meaning(self) -> str:
        """Return the help, and how to give several values if there may be some."""
        return f"{self.help} (several: separated by commas)" if self.many else self.help
