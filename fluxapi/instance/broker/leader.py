"""The broker at rank 0, which may be started again with the same state directory."""

from __future__ import annotations

from typing import Any, Protocol

from fluxapi.errors import FluxapiError
from fluxapi.model.eventlog import Resync

from .identity import count_jobs

__all__ = ["Leader"]

_RANK_0 = 0


class _Ask(Protocol):
    async def __call__(self, topic: str, body: dict[str, Any], **options: Any) -> Any: ...


class Leader:
    """The time at which this broker was started, as far as it is known.

    A broker that crashes loses the jobs that it has not stored. One that has run since the last
    listing has purged those that are missing in the next one.
    """

    def __init__(self) -> None:
        self._asked: object = None
        self._listed: object = None

    async def resync(self, ask: _Ask) -> Resync:
        """Return the beginning of a listing of the jobs."""
        try:
            answer = await ask("attr.get", {"name": "broker.starttime"}, node=_RANK_0)
            self._asked = answer["value"]
        except (FluxapiError, KeyError, TypeError):
            self._asked = None
        is_same = self._asked is not None and self._asked == self._listed
        return Resync(await count_jobs(ask), is_same)

    def listed(self) -> None:
        """Note that the listing is complete."""
        self._listed = self._asked
