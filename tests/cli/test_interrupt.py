"""Ctrl-C while a command reads standard input."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from fluxapi.cli import batch, job_control
from fluxapi.cli.blocking import interruptible

from .program import Program
from .terminal import terminal


def test_a_question_ends_by_ctrl_c(run: Program) -> None:
    held = run.submit("--urgency=hold", "--job-name=asked", "true")
    with terminal(run, "cancel", "--name=asked") as shown:
        shown.until("[y/N] ")
        shown.press("\x03")
        assert shown.end()[0] == 130
    run.ok("cancel", held)


def _read_lines(_: pytest.MonkeyPatch) -> None:
    def lines() -> Iterator[bytes]:
        signal.raise_signal(signal.SIGINT)
        yield b"true\n"

    list(batch.read(cast("Any", lines()), {}))


def _read_memo(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        def read(self) -> str:
            signal.raise_signal(signal.SIGINT)
            return ""

    monkeypatch.setattr("sys.stdin", Input())
    job_control._input()


@pytest.mark.parametrize("read", [_read_lines, _read_memo])
def test_a_read_in_a_loop_ends_by_ctrl_c(
    read: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    went_on = False

    async def command() -> None:
        nonlocal went_on
        read(monkeypatch)
        went_on = True

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(command())
    assert not went_on


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
