"""The calls that threads have the event loop make."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fluxapi.instance.broker import outbox, relay
from fluxapi.instance.broker.child_uri import Address
from fluxapi.instance.broker.polling_thread import listen


async def test_a_call_that_fails_keeps_no_other_back() -> None:
    loop, made = asyncio.get_running_loop(), []
    failed: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: failed.append(context))
    box = outbox.Outbox(loop)
    last = loop.create_future()
    count = 3 * outbox._MAX_CALLS_PER_PASS

    def call(number: int) -> None:
        if number == 1:
            raise RuntimeError("a bug")
        made.append(number)
        if number == count - 1:
            last.set_result(None)

    for number in range(count):
        box.post(call, number)
    box.hand_over()
    await asyncio.wait_for(last, 30)
    assert made == [0, *range(2, count)]
    assert len(failed) == 1


async def test_a_door_that_comes_too_late_is_shut(tmp_path: Path) -> None:
    shut: list[relay.Door] = []
    with listen(tmp_path / "1", 1) as listener:
        door = relay.Door(Address("", 0, "/run/flux"), tmp_path / "1", listener, shut.append)
        late = asyncio.get_running_loop().create_future()
        late.cancel()
        relay._settle((late, door))
    assert shut == [door]
