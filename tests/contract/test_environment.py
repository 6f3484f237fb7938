"""A job runs where and with what its jobspec says, and with nothing of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.site import PATH, Site, shell, spec, text

GIVEN = {"PATH": PATH, "GREETING": "hello ƒ", "EMPTY": ""}


async def variables(site: Site, jobspec: bytes) -> dict[str, str]:
    jobid = await site.run(jobspec)
    written = text(await site.output(jobid)).decode()
    return dict(line.split("=", 1) for line in written.split("\0") if line)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    # Set before the instance starts, as the service's own variables are.
    monkeypatch.setenv("A_SECRET_OF_THE_SERVICE", "x")
    return "A_SECRET_OF_THE_SERVICE"


async def test_the_environment_is_the_jobspecs_and_fluxs(secret: str, site: Site) -> None:
    found = await variables(site, spec("env", "-0", environment=GIVEN))
    added = {name for name in found if name not in GIVEN}
    # Flux's shell and its plugins add these (gpu affinity, Open MPI, the library path).
    from_plugins = ("PMI_", "PWD", "TMPDIR", "CUDA_", "OMPI_", "LD_LIBRARY_PATH", "FLUXAPI_")
    assert {name: found.get(name) for name in GIVEN} == GIVEN
    assert secret not in found
    assert not {name for name in added if not name.startswith(("FLUX_", *from_plugins))}


async def test_a_task_knows_its_job_and_rank(site: Site) -> None:
    found = await variables(site, spec("env", "-0", tasks=2))
    assert found["FLUX_JOB_SIZE"] == "2"
    assert found["FLUX_JOB_NNODES"] == "1"
    assert found["FLUX_JOB_ID"].startswith(("f", "ƒ"))
    assert found["FLUX_TASK_RANK"] in {"0", "1"}
    assert found["FLUX_TASK_LOCAL_ID"] in {"0", "1"}
    assert found["FLUX_JOB_TMPDIR"]


async def test_a_job_can_reach_its_instance_only_by_its_own_uri(site: Site) -> None:
    found = await variables(site, spec("env", "-0"))
    assert found.get("FLUX_URI") == site.info.uri


async def test_the_working_directory_is_the_jobspecs(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here\n")
    jobid = await site.run(shell("cat file", cwd=str(tmp_path)))
    assert text(await site.output(jobid)) == b"here\n"


@pytest.mark.parametrize("folder", ["/tmp ", "/tmp\n", "/no such"])  # noqa: S108 - nobody writes there
async def test_a_working_directory_is_taken_as_it_is(site: Site, folder: str) -> None:
    jobid = await site.run(spec("pwd", cwd=folder))
    entries = await site.output(jobid)
    assert text(entries) == b"/tmp\n"
    [message] = [e.context["message"] for e in entries if e.name == "log" and e.context]
    assert f"Could not change dir to {folder}: No such file or directory" in message


async def test_arguments_arrive_as_they_are(site: Site) -> None:
    arguments = ["a b", "$HOME", "'", '"', "ƒ", "*", ""]
    jobid = await site.run(spec("printf", "%s\\0", *arguments))
    assert text(await site.output(jobid)).decode().split("\0")[:-1] == arguments


async def test_a_job_has_a_session_of_its_own(site: Site) -> None:
    jobid = await site.run(shell("ps -o sid= -p $$; ps -o sid= -p $PPID"))
    assert text(await site.output(jobid)).split() != []
