"""``fluxapi serve --exec`` in front of each kind of instance."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from tests.browser.test_jobs import submit
from tests.running import needs_flux, service
from tests.waiting import block_until


@pytest.mark.parametrize("kind", ["embedded", pytest.param("flux", marks=needs_flux)])
def test_the_command_runs_for_each_end(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file = tmp_path / "ends"
    append = f"cat >> {shlex.quote(str(file))}; echo >> {shlex.quote(str(file))}"
    command = shlex.join(["/bin/sh", "-c", f"{append}; env >> {shlex.quote(str(file))}.env"])
    environ = {"FLUX_URI": request.getfixturevalue("flux_uri")} if kind == "flux" else {}
    flags = ("--exec-filter=event=clean&name=told", "--exec-processes=1", f"--instance={kind}")
    with service(*flags, f"--exec={command}", SITE_SECRET="not-to-be-seen", **environ) as running:
        running.wait_until_ready()
        ids = [submit(running, command=["sh", "-c", f"exit {n}"], name="told") for n in range(3)]
        submit(running, name="other")
        block_until(lambda: file.exists() and file.read_bytes().count(b"\n") == 3)
        found = {one["subject"]: one for one in map(json.loads, file.read_text().splitlines())}
    assert found.keys() == set(ids)
    assert [found[jobid]["data"]["job"]["returncode"] for jobid in ids] == [0, 1, 2]
    assert {one["type"] for one in found.values()} == {"fluxapi.job.clean"}
    seen = Path(f"{file}.env").read_text(encoding="utf-8")
    assert "PATH=" in seen
    assert "not-to-be-seen" not in seen


def test_the_end_of_the_service_ends_its_commands(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = shlex.join(["/bin/sh", "-c", f"exec 3>{fifo}; echo begun >&3; sleep 600"])
    with service("--instance=embedded", f"--exec={command}") as running:
        running.wait_until_ready()
        submit(running)
        with fifo.open(encoding="utf-8") as pipe:
            assert pipe.readline() == "begun\n"
            running.process.terminate()
            # The command, and what it has started, have the pipe open until they end.
            assert pipe.read() == ""
        assert running.process.wait(60) == 0
