"""Cancel, signals and urgency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.client import bulk
from fluxapi.client.options import JobFilter, Urgency
from fluxapi.client.results import CancelResult
from fluxapi.client.signatures import with_options

from .base import Ignored, Methods, job_path

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ControlMethods"]

_MAX_IDS = 1000
"""Job IDs in one cancel request."""


class ControlMethods(Methods):
    """The methods that change jobs: cancel, exceptions, memos, signals, urgency."""

    async def cancel(self, id: str | int, *, note: str | None = None) -> None:
        """Ask Flux to cancel a job; raise ``NotFound``, or ``Conflict`` if the job has ended."""
        await self._transport.post(f"{job_path(id)}/cancel", {"note": note}, Ignored)

    @with_options(JobFilter)
    async def cancel_many(
        self,
        ids: Iterable[str | int] | None = None,
        *,
        note: str | None = None,
        **filter: Unpack[JobFilter],
    ) -> CancelResult:
        """Ask Flux to cancel jobs by ID, or the active jobs that match a filter.

        Pass either IDs or a filter; ``state="active"`` matches all jobs.
        """
        if (ids is None) == (not filter):
            raise ValueError("pass IDs or a filter; state='active' matches all jobs")
        if ids is None:
            return await self._cancel({"filter": _filter_body(filter), "note": note})
        names = [str(id) for id in ids]
        total = CancelResult(0, 0)
        for start in range(0, len(names), _MAX_IDS):
            some = await self._cancel({"ids": names[start : start + _MAX_IDS], "note": note})
            total = CancelResult(
                total.requested + some.requested,
                total.failed + some.failed,
                (*total.errors, *some.errors),
            )
        return total

    async def raise_exception(
        self, id: str | int, type: str = "cancel", severity: int = 0, *, note: str | None = None
    ) -> None:
        """Raise an exception for a job; one of severity 0 ends it, 7 is the least severe."""
        body = {"type": type, "severity": severity, "note": note}
        await self._transport.post(f"{job_path(id)}/exception", body, Ignored)

    async def memo(self, id: str | int, memo: Mapping[str, Any], *, volatile: bool = False) -> None:
        """Merge a memo into the user's annotations of a job; a value of ``None`` removes its key.

        The eventlog does not keep a *volatile* memo.
        """
        body = {"memo": dict(memo), "volatile": volatile}
        await self._transport.post(f"{job_path(id)}/memo", body, Ignored)

    async def signal(self, id: str | int, signal: str | int = "SIGTERM") -> None:
        """Send a signal, by number or name, to all tasks of a running job."""
        await self._transport.post(f"{job_path(id)}/signal", {"signal": signal}, Ignored)

    async def urgency(self, id: str | int, urgency: Urgency) -> None:
        """Set the urgency of a pending job: 0 to 31, or ``hold``, ``default``, ``expedite``."""
        await self._transport.post(f"{job_path(id)}/urgency", {"urgency": urgency}, Ignored)

    async def _cancel(self, body: Mapping[str, Any]) -> CancelResult:
        answer = await self._transport.post("/jobs/cancel", body, _Canceled)
        errors = [(one.id, bulk.problem(one.error)) for one in answer.errors]
        return CancelResult(answer.requested, answer.failed, tuple(errors), answer.more)


class _Refused(msgspec.Struct):
    id: str
    error: dict[str, Any]


class _Canceled(msgspec.Struct):
    requested: int
    failed: int
    errors: list[_Refused] = []
    more: bool = False


def _filter_body(filter: JobFilter) -> dict[str, Any]:
    """Return a filter as a request body: lists stay lists, states are in upper case."""
    body: dict[str, Any] = {name: value for name, value in filter.items() if value is not None}
    for name in ("state", "result"):
        if name in body:
            values = [body[name]] if isinstance(body[name], str) else body[name]
            body[name] = [value.upper() for value in values]
    if "user" in body:
        body["user"] = str(body["user"])
    return body
