"""The directory below /tmp with the temporary directories of jobs, which others may remove."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fluxapi.process.private_files import own_folder
from tests.instance.embedded.conftest import Starter, start
from tests.instance.embedded.harness import shell

__all__ = ["start"]


async def test_jobs_run_after_it_has_been_removed(start: Starter) -> None:
    site = await start()
    where = await site.run(shell('echo "$FLUX_JOB_TMPDIR"'))
    shutil.rmtree(Path((await site.text(where)).strip()).parent)
    jobid = await site.run(shell('stat -c %a "$FLUX_JOB_TMPDIR/.."'))
    assert site.journal.context(jobid, "finish") == {"status": 0}
    assert await site.text(jobid) == "700\n"


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_one_of_another_user_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fluxapi-x"
    if kind == "folder":
        path.mkdir()
        monkeypatch.setattr(os, "geteuid", lambda: path.lstat().st_uid + 1)
    elif kind == "file":
        path.touch()
    else:
        path.symlink_to(tmp_path)
    with pytest.raises(FileExistsError, match="not a folder of this user"):
        own_folder(path)
