"""docs/events.md: its programs run, and it leaves out nothing that a reader may be told."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from fluxapi.events.buffer import RESETS
from fluxapi.events.channel import async_messages, asyncapi
from fluxapi.events.channel.stream import ENDS
from fluxapi.handlers.routes import ROUTES
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

TEXT = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
BOUND = 30.0
"""Seconds that a message may take; only a hang takes longer."""

Message = dict[str, Any]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def programs() -> Message:
    """Return the names that the Python of the document defines."""
    names: Message = {}
    for block in blocks("python"):
        exec(compile(block, "docs/events.md", "exec"), names)  # noqa: S102 - it is ours
    return names


async def read_to_mark(
    follow: Callable[..., AsyncGenerator[Message, None]],
    take: Callable[[Message], Any],
    *where: str | None,
) -> Any:
    """Return the result of ``take`` for the first bookmark, and its cursor."""
    async with contextlib.aclosing(follow(*where)) as messages:
        while True:
            message = await asyncio.wait_for(messages.__anext__(), BOUND)
            result = take(message)
            if message["type"] == "bookmark":
                return result, message["cursor"]


async def test_the_python_proves_that_nothing_was_missed(service: Service) -> None:
    names = programs()
    url = str(service.client.make_url("/v1/events/ws")).replace("http", "ws", 1)
    rows: dict[str, int] = {}

    def take(message: Message) -> Any:
        return names["hold"](rows, message)

    held = [await service.submit()]
    whole, cursor = await read_to_mark(names["follow"], take, url, "jobs")
    assert whole is True
    held += [await service.submit() for _ in range(3)]
    whole, _ = await read_to_mark(names["follow"], take, url, "jobs", cursor)
    assert whole is True
    assert list(rows) == held


async def test_the_python_sees_what_is_missing(service: Service) -> None:
    names = programs()
    await service.submit()
    url = str(service.client.make_url("/v1/events/ws")).replace("http", "ws", 1)
    rows: dict[str, int] = {}

    def lose(message: Message) -> Any:
        return names["hold"](rows, message) if message["type"] == "bookmark" else None

    whole, _ = await read_to_mark(names["follow"], lose, url, "jobs")
    assert whole is False


SHIM = """
class EventSource {
  constructor(path) {
    this.listeners = {};
    this.read(new URL(path, process.argv[1]));
  }
  addEventListener(kind, act) { this.listeners[kind] = act; }
  async read(url) {
    let text = "";
    const answer = await fetch(url, { headers: { Accept: "text/event-stream" } });
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      const events = (text += piece).split("\\n\\n");
      text = events.pop();
      for (const event of events) {
        const fields = new Map(event.split("\\n").map((line) => line.split(/: (.*)/)));
        this.listeners[fields.get("event")]?.({ data: fields.get("data") });
      }
    }
  }
}
"""
"""As much of a browser as the document needs."""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on PATH")
async def test_the_javascript_runs_and_proves_that_nothing_was_missed(service: Service) -> None:
    for _ in range(3):
        await service.submit()
    program = "\n".join(["const show = () => {};", *blocks("js")])
    process = await asyncio.create_subprocess_exec(
        *("node", "--input-type=module", "--eval", SHIM + program),
        str(service.client.make_url("/")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), BOUND)
    finally:
        process.kill()
        _, complaints = await process.communicate()
    assert complaints == b""
    assert line == b"nothing missed\n"


WORDS = [*RESETS.items(), *ENDS.items(), *asyncapi.close_codes().items()]


@pytest.mark.parametrize(("word", "meaning"), WORDS)
def test_every_reason_and_code_is_explained(word: str, meaning: str) -> None:
    assert f"| `{word}` | {meaning} |" in TEXT


@pytest.mark.parametrize(
    "kind", [*async_messages.SERVER, "subscribed", "unsubscribed", "auth", "error"]
)
def test_every_message_is_explained(kind: str) -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert any(f"`{kind}`" in row.split(" | ")[0] for row in rows)


def test_every_path_is_one_of_the_service() -> None:
    paths = set(re.findall(r"localhost:5000(/v1[^\s'?]*)", TEXT))
    channels = asyncapi.document(ROUTES)["channels"].values()
    known = {channel["address"] for channel in channels}
    assert paths
    assert {path.replace("f2QK3Zz", "{id}") for path in paths} <= known
