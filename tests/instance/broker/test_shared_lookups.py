"""Lists of the blobs of an output: how often they are looked up, and who shares them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

import msgspec

from fluxapi.instance.broker.calls import Call
from fluxapi.instance.broker.references import References
from fluxapi.instance.broker.rpc import RpcThread
from fluxapi.instance.broker.shared_lookups import SharedLookups
from fluxapi.process.turn_queue import current_client, work_for

JOB = 7


class Kvs:
    """Answers a lookup when it is told to, with the list of that moment."""

    def __init__(self) -> None:
        self.blobs = ["sha1-00"]
        self.lookups = 0
        self._answers = asyncio.Semaphore(0)

    async def call(self, call: Call) -> Any:
        self.lookups += 1
        found = msgspec.json.encode({"val": {"type": "valref", "data": self.blobs}})
        await self._answers.acquire()
        return call._decode(found)

    async def answer(self) -> None:
        """Answer the lookup that is under way, and let others begin."""
        self._answers.release()
        await settle()


async def settle() -> None:
    for _ in range(9):
        await asyncio.sleep(0)


def finder(kvs: Kvs) -> SharedLookups:
    return SharedLookups(cast("RpcThread", kvs), "guest.output")


def ask(lookups: SharedLookups, jobid: int = JOB) -> asyncio.Task[References]:
    return asyncio.create_task(lookups.find(jobid))


async def test_those_who_ask_during_a_lookup_share_the_next_one() -> None:
    kvs = Kvs()
    lookups = finder(kvs)
    first = ask(lookups)
    await settle()
    kvs.blobs = ["sha1-00", "sha1-01"]
    others = [ask(lookups) for _ in range(100)]
    await settle()
    assert kvs.lookups == 1
    await kvs.answer()
    assert (len(await first), kvs.lookups) == (1, 2)
    await kvs.answer()
    found = await asyncio.gather(*others)
    # They have what the job had written when they asked.
    assert ({id(it) for it in found}, len(found[0])) == ({id(found[0])}, 2)
    assert not lookups._calls


async def test_a_list_that_has_not_changed_is_kept_once() -> None:
    kvs = Kvs()
    lookups = finder(kvs)
    lists = []
    for _ in range(2):
        asked = ask(lookups)
        await settle()
        await kvs.answer()
        lists.append(await asked)
    assert lists[0] is lists[1]
    asked = ask(lookups)
    kvs.blobs = ["sha1-02"]
    await settle()
    await kvs.answer()
    assert (await asked)[0] == b"sha1-02"
    del lists, asked
    assert not lookups._lists


async def test_jobs_do_not_wait_for_each_other() -> None:
    kvs = Kvs()
    lookups = finder(kvs)
    asked = [ask(lookups, jobid) for jobid in range(3)]
    await settle()
    assert kvs.lookups == 3
    await lookups.close()
    await asyncio.wait(asked)
    assert all(task.cancelled() for task in asked)


async def test_a_reader_that_leaves_does_not_take_the_lookup_along() -> None:
    kvs = Kvs()
    lookups = finder(kvs)
    leaving = ask(lookups)
    await settle()
    staying = ask(lookups)
    leaving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leaving
    await kvs.answer()
    await kvs.answer()
    assert len(await staying) == 1


async def test_a_lookup_does_not_work_for_the_client_that_has_started_it() -> None:
    clients = []

    class Told(Kvs):
        async def call(self, call: Call) -> Any:
            clients.append(current_client())
            return await super().call(call)

    kvs = Told()
    lookups = finder(kvs)
    service = current_client()
    work_for("somebody")
    asked = ask(lookups)
    await settle()
    await kvs.answer()
    await asked
    assert clients == [service]
