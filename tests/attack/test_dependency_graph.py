"""Graphs of very many dependencies: other tasks run in between."""

from __future__ import annotations

import pytest

from fluxapi.handlers import dependencies
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions import row_text
from fluxapi.table import links
from tests.attack.passes import Passes
from tests.handlers.conftest import Service, service, start
from tests.handlers.fake import OWNER
from tests.waiting import poll_until

__all__ = ["service", "start"]

LAYERS, WIDTH = 8, 20
JOBS = LAYERS * WIDTH


def _post(service: Service, jobid: int) -> None:
    """Add a job that waits for all jobs of the layer before its own."""
    before = (jobid - 1) // WIDTH * WIDTH
    after = range(max(before - WIDTH, 0) + 1, before + 1)
    waits = [{"scheme": "afterok", "value": encode_f58(target)} for target in after]
    jobspec = {"attributes": {"system": {"dependencies": waits}}}
    submit = {"userid": OWNER, "urgency": 16, "version": 1}
    service.instance.post(jobid, Event(1.0, "submit", submit), jobspec=jobspec)


def _count(monkeypatch: pytest.MonkeyPatch, module: object, name: str, passes: Passes) -> None:
    """Count the calls of a function of a module in each pass of the event loop."""
    original = getattr(module, name)

    def counting(*given: object) -> object:
        passes.note()
        return original(*given)

    monkeypatch.setattr(module, name, counting)


@pytest.mark.parametrize("whole", [1000, 1 << 20])
async def test_a_graph_of_many_dependencies_is_made_in_time_slices(
    service: Service, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    for jobid in range(1, JOBS + 1):
        _post(service, jobid)

    async def all_are_known() -> bool:
        return (await service.client.get(f"/v1/jobs/{encode_f58(JOBS)}")).status == 200

    await poll_until(all_are_known)
    for module in (links, dependencies):
        monkeypatch.setattr(module, "TimeSlice", lambda: TimeSlice(0))
    monkeypatch.setattr(row_text, "_MAX_WHOLE_BYTES", whole)

    walked, written = Passes(), Passes()
    _count(monkeypatch, links, "islice", walked)
    _count(monkeypatch, dependencies, "json_bytes", written)
    path = f"/v1/jobs/{encode_f58(1)}/dependencies?limit=1000"
    async with service.client.get(path) as answer:
        found = await answer.json()
    # The other jobs of the first layer are neither before nor after the job.
    assert len(found["jobs"]) == JOBS - WIDTH + 1
    assert len(found["links"]) == WIDTH + (LAYERS - 2) * WIDTH**2
    assert not found["more"]
    assert walked.most <= 2
    # Those of one job, beside the beginning and the end.
    assert written.most <= WIDTH + 3
