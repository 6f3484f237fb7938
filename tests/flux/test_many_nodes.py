"""Constraints on an instance of ten thousand nodes, all but one of which are down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fluxapi.model.jobspec import Defaults, build
from tests.running import flux, flux_instance, needs_flux

pytestmark = needs_flux

_NODES = 10_000
_CONFIG = """
[resource]
noverify = true
path = "{path}"
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("large")
    execution = {
        "R_lite": [{"rank": f"0-{_NODES - 1}", "children": {"core": "0-1"}}],
        "starttime": 0,
        "expiration": 0,
        "nodelist": [f"node[0-{_NODES - 1}]"],
        "properties": {"first": "0"},
    }
    path = folder / "R"
    path.write_text(json.dumps({"version": 1, "execution": execution}), encoding="utf-8")
    with flux_instance(1, _CONFIG.format(path=path), folder, hosts="node0") as uri:
        yield uri


def submit(uri: str, constraints: dict[str, Any]) -> str:
    """Return the job that the service would submit to this instance."""
    fields = {
        "command": "true",
        "constraints": constraints,
        "attributes": {"system.exec.test.run_duration": "0.01s"},
    }
    jobspec = build(fields, Defaults(nodes=_NODES)).jobspec
    return flux(uri, "job", "submit", input=jobspec.decode()).strip()


@pytest.mark.parametrize(
    "constraints",
    [
        {"hostlist": ["node0"]},
        {"ranks": ["0-499"]},
        {"properties": ["first", *(f"^other{number}" for number in range(100))]},
        {"or": [{"properties": [f"other{number}"]} for number in range(20)] + [{"ranks": ["0"]}]},
    ],
    ids=lambda it: str(it)[:60],
)
def test_a_constraint_on_many_nodes_is_met(large: str, constraints: dict[str, Any]) -> None:
    jobid = submit(large, constraints)
    flux(large, "job", "wait-event", "--quiet", jobid, "clean")
    assert "exception" not in flux(large, "job", "eventlog", jobid)


def test_a_job_that_no_node_fits_holds_up_no_other(large: str) -> None:
    jobid = submit(large, {"and": [{"ranks": ["0-480"]}, {"properties": ["nope"]}]})
    other = submit(large, {"properties": ["first"]})
    flux(large, "job", "wait-event", "--quiet", jobid, "exception")
    flux(large, "job", "wait-event", "--quiet", other, "clean")
