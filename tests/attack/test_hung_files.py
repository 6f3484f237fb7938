"""Files on a file server that does not answer: labeled output, and templates."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from fluxapi.errors import NotStored
from fluxapi.instance.embedded import label_spool
from fluxapi.instance.embedded.files import LabeledFile
from fluxapi.job_templates import store
from fluxapi.job_templates.folder import TemplateFolder
from fluxapi.job_templates.store import TemplateStore
from tests.instance.embedded.conftest import Starter, start
from tests.instance.embedded.harness import TIMEOUT, shell

from .test_job_files import labeled

__all__ = ["start"]


async def test_files_that_do_not_answer_stop_no_file_of_another_file_system(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, append = threading.Event(), LabeledFile.append

    def append_late(file: LabeledFile, data: bytes) -> None:
        if "hung" in file.path:
            answered.wait(TIMEOUT)
        append(file, data)

    monkeypatch.setattr(LabeledFile, "append", append_late)
    monkeypatch.setattr(label_spool, "_MAX_THREADS", 2)
    site = await start()
    paths = [tmp_path / f"hung{place}" for place in range(3)]
    hung = [await site.submit(shell("echo x", options=labeled(path))) for path in paths]
    try:
        for jobid in hung:
            await site.journal.wait(jobid, "start")
        await site.run(shell("echo y", options=labeled(os.devnull)))
        assert not any("finish" in site.journal.names(jobid) for jobid in hung)
    finally:
        answered.set()
    for jobid, path in zip(hung, paths, strict=True):
        await site.journal.wait(jobid)
        assert path.read_text() == "0: x\n"


async def test_templates_that_are_not_read_leave_the_threads_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = TemplateStore(tmp_path / "templates")
    await kept.open()
    await kept.save("name", "", {"command": ["true"]})
    answers = threading.Event()
    monkeypatch.setattr(TemplateFolder, "read", lambda *_: answers.wait(30))
    monkeypatch.setattr(store, "_READ_TIMEOUT_S", 2.0)
    # The event loop has a pool of at most 32 threads for all blocking calls.
    reads = [asyncio.ensure_future(kept.get("name")) for _ in range(33)]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(asyncio.to_thread(int), 1) == 0
        errors = await asyncio.gather(*reads, return_exceptions=True)
        assert {type(error) for error in errors} == {NotStored}
        assert "does not answer" in str(errors[0])
    finally:
        answers.set()
