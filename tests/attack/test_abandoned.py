"""Clients that leave in the middle of a long answer: nothing of it stays in memory."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from fluxapi.handlers import sending


class Response:
    async def write(self, _: bytes) -> NoReturn:
        raise ConnectionResetError("The client has left.")


async def fail(_: Response) -> bytes:
    raise ConnectionResetError("The client has left.")


@pytest.mark.parametrize("way", ["write", "read"])
async def test_what_was_sent_is_freed_at_once(way: str) -> None:
    request: Any = SimpleNamespace(transport=None)
    response: Any = Response()
    kept = weakref.ref(response)
    gc.disable()
    try:
        with pytest.raises(ConnectionResetError):  # noqa: PT012 - the object must not outlive it
            if way == "write":
                await sending._write(request, response, b"x")
            else:
                await sending._while_read(request, fail(response))
        del response
        assert kept() is None
    finally:
        gc.enable()
