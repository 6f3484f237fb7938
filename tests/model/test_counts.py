"""Counts of jobspecs that ask for what cannot be: unknown, and never a number of another size."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.model.counts import read_counts
from fluxapi.model.fold import begin
from fluxapi.model.job_fields import update
from fluxapi.model.record import encode, record

MOST = 2**31 - 1


def jobspec(nodes: Any, tasks: Any, per_resource: Any) -> dict[str, Any]:
    slot = {"type": "slot", "count": 1, "with": [{"type": "core", "count": 1}], "label": "task"}
    return {
        "version": 1,
        "resources": [{"type": "node", "count": nodes, "with": [slot]}],
        "tasks": [{"command": ["true"], "slot": "task", "count": {"total": tasks}}],
        "attributes": {"system": {"shell": {"options": {"per-resource": per_resource}}}},
    }


@pytest.mark.parametrize(
    "per_resource",
    [
        {"type": "node", "count": "xxxxxxxx"},
        {"type": "node", "count": MOST},
        {"type": "core", "count": -1},
        {"type": "node", "count": True},
        {"type": ["node"]},
        {"count": 1},
        {},
        [],
        "node",
        7,
    ],
)
def test_a_number_of_tasks_that_cannot_be_is_unknown(per_resource: Any) -> None:
    row = record(begin(1, jobspec(MOST, MOST, per_resource)))
    assert "ntasks" not in row
    assert row["nnodes"] == MOST
    assert len(encode(begin(1, jobspec(MOST, MOST, per_resource)))) < 1000


def test_a_product_beyond_what_flux_counts_is_unknown() -> None:
    deep: list[dict[str, Any]] = [{"type": "core", "count": MOST}]
    for kind in ("slot", "node"):
        deep = [{"type": kind, "count": MOST, "with": deep}]
    with pytest.raises(ValueError, match="more resources"):
        read_counts(deep, [], None)


def test_resources_nested_without_end_are_read_to_their_end() -> None:
    deep: list[dict[str, Any]] = [{"type": "core", "count": 1}]
    for _ in range(100_000):
        deep = [{"type": "x", "count": 1, "with": deep}]
    with pytest.raises(ValueError, match="more resources"):
        read_counts(deep, [], None)


@pytest.mark.parametrize(
    ("constraints", "limits"),
    [
        (None, {}),
        ({}, {}),
        ({"properties": ["big", "batch"]}, {"properties": ["batch", "big"]}),
        ({"properties": ["p" * 65]}, {"constrained": True}),
        ({"properties": ["p"] * 9}, {"constrained": True}),
        ({"properties": "big"}, {"constrained": True}),
        ({"properties": ["big"], "ranks": ["0"]}, {"constrained": True}),
        ({"hostlist": ["node1"]}, {"constrained": True}),
        ([[]], {"constrained": True}),
        (7, {"constrained": True}),
    ],
)
def test_a_record_tells_what_limits_a_job_that_waits(constraints: Any, limits: Any) -> None:
    given = jobspec(1, 1, None)
    given["attributes"]["system"]["constraints"] = constraints
    row = json.loads(encode(begin(1, given)))
    assert {key: row[key] for key in ("properties", "constrained") if key in row} == limits


def test_other_resources_limit_a_job_too_and_updates_count() -> None:
    given = jobspec(1, 1, None)
    job = begin(1, given)
    cores = given["resources"][0]["with"][0]["with"]
    cores.append({"type": "gpu", "count": 2})
    update(job, "resources", given["resources"])
    assert record(job)["constrained"]
    assert record(job)["ngpus"] == 2
    cores.pop()
    update(job, "resources", given["resources"])
    assert not {"constrained", "ngpus"} & record(job).keys()
    update(job, "attributes.system", {"constraints": {"hostlist": ["node1"]}})
    assert record(job)["constrained"]
