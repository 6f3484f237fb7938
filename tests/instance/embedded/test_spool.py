"""The writer of output files, when it fails in a way that nobody foresaw."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fluxapi.instance.embedded import spool as module
from fluxapi.instance.embedded.output import MAX_INLINE_BYTES, OutputLog
from fluxapi.instance.embedded.spool import Spool
from fluxapi.model.output_data import data_context
from fluxapi.process import background


def large_log(path: Path) -> OutputLog:
    log = OutputLog(path, 0)
    log.write("data", data_context("stdout", 0, b"x" * MAX_INLINE_BYTES))
    log.end()
    return log


async def test_a_failure_is_kept_with_its_log_and_the_next_log_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "_MAX_DELAY_S", 0)
    append, failing = module._append, [ZeroDivisionError("a bug")]

    def fail_once(batch: Any) -> dict[Path, str]:
        if failing:
            raise failing.pop()
        return append(batch)

    monkeypatch.setattr(module, "_append", fail_once)
    with ThreadPoolExecutor(1) as executor:
        spool = Spool(executor)
        first, second = large_log(tmp_path / "first"), large_log(tmp_path / "second")
        await spool.flushed([first])
        assert first.failure == "a bug"
        assert "the task output writer failed" in caplog.text
        await spool.flushed([second])
        await spool.settle()
    assert second.failure is None
    assert second.path.stat().st_size == second.size
