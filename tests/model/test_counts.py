"""Counts of jobspecs that ask for what cannot be: unknown, and never a number of another size."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model.counts import read_counts
from fluxapi.model.fold import begin
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
