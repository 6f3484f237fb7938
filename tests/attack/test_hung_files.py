"""Files of labeled output on a file server that does not answer delay no other files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from fluxapi.instance.embedded import label_spool
from fluxapi.instance.embedded.files import LabeledFile
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
