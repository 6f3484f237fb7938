"""A listing of jobs says whether the broker has run since the last one."""

from __future__ import annotations

from typing import Any

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker.leader import Leader


class Broker:
    """A broker that was started at some time."""

    def __init__(self) -> None:
        self.began: str | None = "1796052803.5"

    async def __call__(self, topic: str, body: dict[str, Any], **options: Any) -> Any:
        del body, options
        if topic == "attr.get" and self.began is not None:
            return {"value": self.began}
        raise InstanceUnavailable("It does not answer.")


async def test_it_has_run_since_the_last_complete_listing() -> None:
    leader, broker = Leader(), Broker()
    assert not (await leader.resync(broker)).is_same
    assert not (await leader.resync(broker)).is_same
    leader.listed()
    assert (await leader.resync(broker)).is_same
    broker.began = "1796052999.5"
    assert not (await leader.resync(broker)).is_same
    assert not (await leader.resync(broker)).is_same
    leader.listed()
    assert (await leader.resync(broker)).is_same


async def test_a_broker_that_does_not_tell_may_have_been_started_again() -> None:
    leader, broker = Leader(), Broker()
    broker.began = None
    for _ in range(2):
        assert not (await leader.resync(broker)).is_same
        leader.listed()
