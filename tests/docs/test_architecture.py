"""docs/architecture.md: every file, function and import that it names exists."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
from functools import cache
from types import FrameType
from typing import Any, cast

import pytest

from fluxapi.events.buffer import EventBuffer
from fluxapi.events.consumer import JournalConsumer
from fluxapi.events.cursor import new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.filters import ANY
from fluxapi.events.hub import Hub
from fluxapi.events.transport.wire import WebSocketText
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.table import Table
from tests.events.channel import FakeStreamWriter
from tests.table.test_table import SENTINEL, submit
from tests.table.test_table import event as validated
from tests.test_layers import KNOWS

from .blocks import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FOLDERS = (ROOT, ROOT / "fluxapi", ROOT / "frontend" / "src")
"""The folders in which a path of the document may begin."""

MAX_STEPS = 12
PATHS = sorted(set(re.findall(r"`([\w./*-]+/|[\w./*-]+\.(?:py|js|json|md))`", TEXT)))
STEPS = re.findall(r"^\| (\d+) \| `([^`]+)` \| `([^`]+)` \|", TEXT, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(?:(\w+)\.)?(\w+)(?:\(\))?` \(`([\w/]+\.py)`\)", TEXT)))
IMPORTS = re.findall(r"^\| `(\w+)` \| [^|]+ \| (nothing|`\w+`(?:, `\w+`)*) \|$", TEXT, re.MULTILINE)


@cache
def defined_in(path: str) -> set[str]:
    """Return the functions, classes and methods of a file, methods as ``Class.method``."""
    names: set[str] = set()
    found = [folder / path for folder in FOLDERS if (folder / path).is_file()]
    for node in ast.parse(found[0].read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
            names |= {
                f"{node.name}.{child.name}"
                for child in node.body
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            }
    return names


def test_each_named_file_exists() -> None:
    assert len(PATHS) > 100
    assert [path for path in PATHS if not is_there(path)] == []


def is_there(path: str) -> bool:
    """Return whether a path of the document, or a pattern of paths, leads to something."""
    return any(any(folder.glob(path.rstrip("/"))) for folder in FOLDERS)


@pytest.mark.parametrize(("number", "path", "name"), STEPS)
def test_a_step_of_an_event_exists(number: str, path: str, name: str) -> None:
    assert name in defined_in(path), f"step {number}"


def test_an_event_passes_few_files_in_order() -> None:
    assert [int(number) for number, _, _ in STEPS] == list(range(1, len(STEPS) + 1))
    assert 6 < len({path for _, path, _ in STEPS}) == len(STEPS) <= MAX_STEPS


async def test_an_event_takes_the_steps_in_order() -> None:
    hub = Hub(Table(history=BacklogBuffer()), EventLog(EventBuffer(new_epoch("0" * 8))))
    consumer = JournalConsumer(cast("Any", None), hub)
    await consumer._take([SENTINEL, submit(1)])
    writer, live = FakeStreamWriter(), asyncio.Event()
    writer.on_write = live.set
    hub.subscribe(writer, "events", ANY, WebSocketText("s"), on_end=print)
    await live.wait()
    calls: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            calls.append((frame.f_code.co_filename, frame.f_code.co_name))

    sys.setprofile(note)
    try:
        await consumer._take([validated(1, "validate")])
    finally:
        sys.setprofile(None)
    # Steps 1 and 2 are those of a broker; the last one is a socket.
    steps = [(str(ROOT / "fluxapi" / path), name.split(".")[-1]) for _, path, name in STEPS[2:-1]]
    assert [call for call in dict.fromkeys(calls) if call in steps] == steps
    assert writer.data


@pytest.mark.parametrize(("owner", "name", "path"), NAMED)
def test_a_name_beside_its_file_is_defined_there(owner: str, name: str, path: str) -> None:
    assert (f"{owner}.{name}" if owner else name) in defined_in(path)


def test_the_packages_import_what_the_document_says() -> None:
    told = {name: set(re.findall(r"\w+", text)) - {"nothing"} for name, text in IMPORTS}
    assert told == {name: known for name, known in KNOWS.items() if name != "__main__"}
