"""The history of jobs that have ended."""

from __future__ import annotations

from typing import Any

import msgspec

from .base import Methods

__all__ = ["HistoryMethods"]


class HistoryMethods(Methods):
    """The methods that read what the history tells of past jobs."""

    async def history_instances(self, *, limit: int = 10_000) -> list[dict[str, Any]]:
        """Return the instances that the history has jobs of, those that were seen last first.

        Args:
            limit: The number of instances at most.

        Raises:
            ProblemError: The service keeps no history.
        """
        query = {"limit": limit}
        return (await self._transport.get("/history/instances", _Instances, query)).instances


class _Instances(msgspec.Struct):
    instances: list[dict[str, Any]]
