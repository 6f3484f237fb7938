"""The size of a jobspec as Flux's programs write it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.model.fatal import MAX_JOBSPEC_BYTES
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.jobspec_size import size_in_python

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
