"""The package ``flux`` of fluxapi: what tools import from it."""

from __future__ import annotations

import concurrent.futures
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fluxapi.compat.jobspec import JobspecV1
from tests.running import Service, needs_flux
from tests.running import flux as real_flux

from .conftest import FOLDER

CASES: list[tuple[str, dict[str, object]]] = [
    ("from_command", {}),
    ("from_command", {"num_tasks": 4, "cores_per_task": 2, "gpus_per_task": 1}),
    ("from_command", {"num_tasks": 4, "num_nodes": 2, "exclusive": True}),
    ("from_command", {"num_tasks": 5, "num_nodes": 2, "duration": "1.5h", "cwd": "/home"}),
    ("from_command", {"name": "x", "queue": "q", "bank": "b", "unbuffered": True}),
    ("from_command", {"input": "i", "output": "o", "error": "e", "label_io": True}),
    ("from_command", {"env_expand": {"A": "{{id}}"}, "rlimits": {"nofile": 9}, "duration": 3}),
    ("from_nest_command", {"num_slots": 2, "broker_opts": ["-v"], "conf": {"a": {"b": 1}}}),
    ("from_batch_command", {"script": "#!/bin/sh\ntrue\n", "jobname": "j", "args": ["1"]}),
    ("from_batch_command", {"script": "#!/bin/sh\n", "jobname": "j", "num_nodes": 1}),
]
MADE = """
import inspect, json, sys
from flux.job import JobspecV1
def made(how, options):
    words = {} if how == "from_batch_command" else {"command": ["a", "b"]}
    return json.loads(getattr(JobspecV1, how)(**words, environment={"A": "1"}, **options).dumps())
if "environment" not in inspect.signature(JobspecV1.from_command).parameters:
    print("null")
    sys.exit()
print(json.dumps([made(*case) for case in json.load(sys.stdin)]))
"""


@pytest.fixture
def flux(on_embedded: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Import the package as a tool does."""
    monkeypatch.setenv("FLUXAPI_URL", on_embedded.url.rstrip("/"))
    monkeypatch.delenv("FLUX_URI", raising=False)
    known = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "flux"}
    for name in known:
        del sys.modules[name]
    place = FOLDER / "python" / "flux" / "__init__.py"
    spec = importlib.util.spec_from_file_location("flux", place, submodule_search_locations=[])
    assert spec is not None
    assert spec.loader is not None
    spec.submodule_search_locations = [str(place.parent)]
    module = importlib.util.module_from_spec(spec)
    sys.modules["flux"] = module
    spec.loader.exec_module(module)
    yield module
    for name in [name for name in sys.modules if name.split(".")[0] == "flux"]:
        del sys.modules[name]
    sys.modules.update(known)


@needs_flux
def test_jobspecs_equal_those_of_flux(flux_uri: str) -> None:
    theirs = json.loads(real_flux(flux_uri, "python", "-c", MADE, input=json.dumps(CASES)))
    if theirs is None:
        pytest.skip("from_command() of this release of Flux has fewer arguments")
    for (how, options), expected in zip(CASES, theirs, strict=True):
        words = {} if how == "from_batch_command" else {"command": ["a", "b"]}
        spec = getattr(JobspecV1, how)(**words, environment={"A": "1"}, **options)
        assert json.loads(spec.dumps()) == expected, (how, options)


@pytest.mark.parametrize(
    "options",
    [{"num_tasks": None}, {"num_tasks": 0}, {"cores_per_task": 1.5}, {"gpus_per_task": -1},
     {"num_nodes": 2}, {"exclusive": True}, {"duration": -1}, {"duration": float("nan")}],
)  # fmt: skip
def test_a_bad_jobspec_is_a_value_error(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|can only"):
        JobspecV1.from_command(["true"], **options)  # type: ignore[arg-type]


def test_properties_are_those_of_flux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUX_TOKEN", "secret")
    spec = JobspecV1.from_command(["true"])
    spec.stdout, spec.cwd, spec.queue = Path("out"), Path("/home"), "q"
    spec.duration = "2m"
    spec.setattr("user.x", 1)
    assert (spec.output, spec.cwd, spec.queue, spec.duration) == ("out", "/home", "q", 120.0)
    assert (spec.getattr("user.x"), spec.version, spec.stdin) == (1, 1, None)
    assert spec.environment == dict(os.environ)
    assert "secret" not in spec.dumps()
    with pytest.raises(KeyError):
        spec.getattr("user.y")


def test_a_tool_runs_jobs(flux: ModuleType) -> None:
    spec = flux.job.JobspecV1.from_command(["sh", "-c", "exit 3"])
    with flux.job.FluxExecutor(threads=1) as executor:
        names: list[str] = []
        future = executor.submit(spec)
        future.add_event_callback("start", lambda _future, event: names.append(event["name"]))
        assert future.result(60) == 3
        again = executor.attach(str(future.jobid()))
        assert again.result(60) == 3
    assert names == ["start"]
    assert isinstance(future.jobid(), flux.job.JobID)


def test_a_tool_cancels_and_lists_jobs(flux: ModuleType) -> None:
    handle = flux.Flux()
    jobid = flux.job.submit(handle, flux.job.JobspecV1.from_command(["sleep", "600"]))
    flux.job.event_wait(handle, jobid, "start")
    active = flux.constants.FLUX_JOB_STATE_ACTIVE
    found = flux.job.job_list(handle, max_entries=9, attrs=[], states=active).get()["jobs"]
    assert {"id": int(jobid)} in found
    flux.job.cancel_async(handle, jobid, "enough").get()
    with pytest.raises(flux.job.JobException, match=r"job\.exception: type=cancel: enough"):
        flux.job.event_wait(handle, jobid, "finish")
    assert [event.name for event in flux.job.event_watch(handle, jobid)][-1] == "clean"
    with pytest.raises(ChildProcessError, match="not waitable"):
        flux.job.wait(handle, jobid)
    assert flux.job.get_job(handle, jobid)["result"] == "CANCELED"
    assert flux.job.job_list_id(handle, jobid).get()["job"]["state"] == 64
    assert [job.result for job in flux.job.JobList(handle, ids=[jobid]).jobs()] == ["CANCELED"]
    assert handle.rpc("job-manager.drain").get() == {}
    assert flux.job.get_job(handle, 1) is None
    with pytest.raises(FileNotFoundError):
        flux.job.kill(handle, 1)
    handle.close()


def test_a_tool_reads_the_annotations_and_the_exception_of_a_job(flux: ModuleType) -> None:
    handle = flux.Flux()
    jobid = flux.job.submit(handle, flux.job.JobspecV1.from_command(["sleep", "600"]))
    (before,) = flux.job.JobList(handle, ids=[jobid]).jobs()
    assert [str(before.annotations.user.uri), str(before.user.a.b)] == ["", ""]
    assert not before.exception.occurred
    handle.client.memo(jobid, {"uri": "ssh://host/run/local-0", "a": {"b": 5}})
    flux.job.cancel(handle, jobid, "enough")
    with pytest.raises(flux.job.JobException):
        flux.job.event_wait(handle, jobid, "clean")
    flux.job.event_wait(handle, jobid, "clean", raiseJobException=False)
    (after,) = flux.job.JobList(handle, ids=[jobid]).jobs()
    assert after.annotations.user.uri == after.user.uri == "ssh://host/run/local-0"
    assert after.user.a.b == 5
    assert f"{after.annotations.user.none:>3}{after.sched.none}" == "   "
    kept = (after.exception.occurred, after.exception.type, after.exception.note)
    assert kept == (True, "cancel", "enough")
    handle.close()


def test_a_tool_waits_for_any_waitable_job(flux: ModuleType) -> None:
    handle = flux.Flux()
    for words in ["true"], ["sh", "-c", "exit 2"]:
        spec = flux.job.JobspecV1.from_command(words)
        jobid = flux.job.submit(handle, spec, waitable=True)
        waited = flux.job.wait(handle, *[jobid] * (words == ["true"]))
        assert (waited.jobid, waited.success) == (jobid, words == ["true"])
    assert waited.errstr == b"task(s) exited with exit code 2"
    with pytest.raises(ChildProcessError, match="no more waitable jobs"):
        flux.job.wait(handle)


def test_a_futures_executor_waits_for_all(flux: ModuleType) -> None:
    spec = flux.job.JobspecV1.from_command(["true"])
    address = os.environ["FLUXAPI_URL"].encode()
    with flux.job.FluxExecutor(handle_args=(address,)) as executor:
        futures = [executor.submit(spec) for _ in range(3)]
        assert [f.result() for f in concurrent.futures.as_completed(futures, 60)] == [0, 0, 0]


def test_a_missing_function_says_so(flux: ModuleType) -> None:
    with pytest.raises(AttributeError, match="not supported by the flux of fluxapi"):
        _ = flux.kvs
    with pytest.raises(AttributeError, match="not supported by the flux of fluxapi"):
        _ = flux.job.job_kvs
    with pytest.raises(OSError, match="URI of a broker"):
        flux.Flux("local:///run/flux/local")
    handle = flux.Flux()
    assert handle.attr_get("local-uri") == os.environ["FLUXAPI_URL"]
    assert (handle.attr_get("size"), handle.attr_get("rank")) == ("1", "0")
    with pytest.raises(FileNotFoundError, match="does not know the attribute"):
        handle.attr_get("tbon.fanout")
    with pytest.raises(OSError, match="not supported by the flux of fluxapi"):
        handle.rpc("kvs.ping").get()
    with pytest.raises(AttributeError, match="not supported"):
        handle.reactor_run()
