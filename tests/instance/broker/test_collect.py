"""Flux answers nobody who waits for a job whose fatal exception it cuts within a character."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.protocol import Submission
from tests.contract.site import spec
from tests.running import flux, needs_flux

from .conftest import Broker, Connect

pytestmark = needs_flux

NOTE = "x" + "\u00e4" * 100


async def test_the_note_of_a_request_is_one_that_flux_can_send(
    broker: Broker, connect: Connect
) -> None:
    instance = await connect(broker.uri, 10)
    (jobid,) = await instance.submit([Submission(spec(), urgency=0, waitable=True)])
    assert isinstance(jobid, int)
    await instance.raise_exception(jobid, "cancel", 0, NOTE)
    end = await instance.collect(jobid)
    assert not end.success
    assert end.message.startswith("Fatal exception type=cancel  x\u00e4")


@pytest.mark.parametrize(("note", "is_known"), [(NOTE, True), ("x", False)])
async def test_an_end_that_flux_does_not_send_is_known(
    broker: Broker,
    connect: Connect,
    note: str,
    is_known: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instance = await connect(broker.uri, 10)
    (jobid,) = await instance.submit([Submission(spec(), urgency=0, waitable=True)])
    flux(broker.uri, "job", "raise", "--severity=0", "--type=cancel", str(jobid), note)
    call = instance._call

    async def silent(topic: str, *arguments: Any) -> Any:
        if topic == "job-manager.wait":
            raise InstanceUnavailable("The broker did not answer.")
        return await call(topic, *arguments)

    monkeypatch.setattr(instance, "_call", silent)
    assert isinstance(jobid, int)
    if is_known:
        assert (await instance.collect(jobid)).message == f"Fatal exception type=cancel {note}"
    else:
        with pytest.raises(InstanceUnavailable):
            await instance.collect(jobid)
