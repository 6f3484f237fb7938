"""A newer Flux without the features that an older one lacks: the service does without them."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fluxapi.errors import FluxRefused, JobNotFound, NotFound, SettingsError
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.protocol import Submission
from tests.contract.site import UNKNOWN, spec
from tests.running import needs_flux

from .conftest import Connect

pytestmark = needs_flux


def answer(monkeypatch: pytest.MonkeyPatch, reply: Callable[[str, Any], Any]) -> None:
    """Have ``reply`` answer the calls for which it gives anything but ``None``."""
    real = BrokerInstance._call

    async def call(
        self: BrokerInstance, topic: str, body: Any = None, *args: Any, **kw: Any
    ) -> Any:
        made = reply(topic, body)
        return await real(self, topic, body, *args, **kw) if made is None else made

    monkeypatch.setattr(BrokerInstance, "_call", call)


async def test_a_flux_that_is_too_old_is_named(
    flux_uri: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(
        monkeypatch,
        lambda _, body: {"value": "0.60.0"} if body == {"name": "version"} else None,
    )
    with pytest.raises(SettingsError, match=r"^Flux 0\.60\.0 is too old: fluxapi needs 0\.61\.0"):
        await connect(flux_uri)
    assert "flux-rpc" not in {thread.name for thread in threading.enumerate()}


async def test_without_the_attribute_the_host_is_that_of_the_rank(
    flux_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(topic: str, body: Any) -> None:
        if topic == "attr.get" and body == {"name": "hostname"}:
            raise FluxRefused("No such file or directory", errno=errno.ENOENT)

    answer(monkeypatch, reply)
    instance = BrokerInstance(flux_uri)
    info = await instance.start()
    await instance.close()
    assert info.hostname == os.uname().nodename


async def test_a_missing_record_differs_from_a_missing_job(
    flux_uri: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(topic: str, body: Any) -> None:
        if topic == "job-info.lookup":
            raise NotFound(f"Job {body['id']} has no such record: No such file or directory.")

    answer(monkeypatch, reply)
    instance = await connect(flux_uri, 30)
    with pytest.raises(JobNotFound):
        await instance.lookup(UNKNOWN, "R")
    (held,) = await instance.submit([Submission(spec(), urgency=0)])
    assert isinstance(held, int)
    with pytest.raises(NotFound) as error:
        await instance.lookup(held, "R")
    assert not isinstance(error.value, JobNotFound)
    await instance.raise_exception(held, "cancel", 0)
