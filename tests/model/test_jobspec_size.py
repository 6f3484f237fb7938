"""The size of a jobspec as Flux's programs write it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.job_limits.memory_limit import LARGE_BYTES
from fluxapi.model.fatal import MAX_JOBSPEC_BYTES
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.jobspec_size import contents_of, size_in_python

from .test_jobspec import refusal


@pytest.mark.parametrize(
    "value",
    [
        "a,b:c",
        "é" * 100,
        "€" * 100,
        "\N{GRINNING FACE}" * 100,
        '\x7f\x01\n"\\',
        [1] * 100,
        [1e22, -1.5e300, 1e16] * 100,
        [1e-7, -2.5e-9, 5e-324] * 100,
    ],
)
def test_no_jobspec_is_longer_in_python(value: Any) -> None:
    jobspec = build({"command": "true", "attributes": {"user.a": value}}, Defaults()).jobspec
    real = len(json.dumps(json.loads(jobspec)))
    assert real <= size_in_python(jobspec) <= real + 104


def test_floats_count_as_flux_writes_them() -> None:
    filler = "z" * (MAX_JOBSPEC_BYTES - (1 << 20))
    fields = {"attributes": {"user.a": [0.1] * 100_000, "user.b": filler}}
    assert "results in a jobspec of" in refusal(**fields)[""]
    few = build({"command": "true", "attributes": {"user.a": [0.1] * 1000}}, Defaults())
    assert few.cost > 15 * 1000


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ([1] * 900, 77),
        ([0.5] * 900, 78),
        ([""] * 900, 169),
        ([{}] * 900, 688),
        ([[]] * 900, 264),
        ({str(number): 1 for number in range(900)}, 273),
        ({str(number): "" for number in range(900)}, 345),
    ],
)
def test_values_count_as_much_as_flux_takes_for_them(value: Any, taken: int) -> None:
    # The bytes were measured with Flux 0.88, for each value of millions.
    few = contents_of({"a": {}}).memory
    assert taken * 900 <= contents_of({"a": value}).memory - few <= 1.2 * taken * 900


def test_a_hundred_thousand_usual_jobs_may_be_sent_together() -> None:
    environment = {f"VARIABLE_{number}": "a value" * 5 for number in range(100)}
    fields = {
        "command": ["program", *map(str, range(20))],
        "name": "a name",
        "num_tasks": 4,
        "cores_per_task": 2,
        "gpus_per_task": 1,
        "duration": "1h",
        "cwd": "/home/user",
        "queue": "batch",
        "output": "job-{{id}}.out",
        "shell_options": {"cpu-affinity": "per-task", "mpi": "none", "verbose": 1},
        "dependencies": ["afterok:f1", "afterok:f2"],
    }
    plain = build(fields, Defaults())
    usual = build({**fields, "environment": environment}, Defaults())
    sizes = [2 * len(job.jobspec) + job.memory for job in (plain, usual)]
    assert sizes[0] == pytest.approx(sizes[1], abs=2000)
    assert max(sizes) < LARGE_BYTES / 2
    assert 100_000 * (len(plain.jobspec) + plain.memory) < 3 << 30
