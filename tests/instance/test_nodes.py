"""The nodes of an instance as the API describes them, whatever instance it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fluxapi.instance.nodes import describe
from fluxapi.instance.protocol import Resources
from fluxapi.sessions.situation import summary as _summary
from fluxapi.web import nodes as node_pages


def R(ranks: str, cores: str, names: str) -> dict[str, Any]:  # noqa: N802 - R, as in RFC 20
    lines = [{"rank": ranks, "children": {"core": cores}}]
    return {"version": 1, "execution": {"R_lite": lines, "nodelist": [names]}}


def resources() -> Resources:
    """Return five nodes of four cores: up, draining, drained, drained and down, down."""
    return Resources(
        all=R("0-4", "0-3", "n[0-4]"),
        allocated=R("0-1", "0-2", "n[0-1]"),
        down=R("1-4", "0-3", "n[1-4]"),
        online="0-2",
        drain={"1-3": {"timestamp": 5.0, "reason": "fan"}},
        offline="3-4",
        exclude="",
        torpid="",
    )


def test_a_drained_node_with_a_job_is_draining() -> None:
    states = [node["state"] for node in describe(resources())["nodes"]]
    assert states == ["up", "draining", "drained", "down", "down"]


def test_only_nodes_that_are_up_have_something_free() -> None:
    found = describe(resources())
    assert found["totals"]["cores"] == {"total": 20, "allocated": 6, "free": 1}
    summary = _summary(found)
    assert (summary["allocated"], summary["free"]) == (2, 0)
    assert summary["cores"]["free"] == 1


def test_few_properties_are_told_of_nodes_that_may_run_jobs() -> None:
    found = describe(resources())
    for number, node in enumerate(found["nodes"]):
        node["properties"] = [f"p{number}", "all"]
    found["nodes"][0]["excluded"] = True
    assert _summary(found)["properties"] == ["all", "p1", "p2", "p3", "p4"]
    for names in ([str(number) for number in range(101)], ["p" * 4097]):
        found["nodes"][1]["properties"] = names
        assert "properties" not in _summary(found)


def test_the_nodes_with_a_property_of_which_none_is_up_are_told() -> None:
    found = describe(resources())
    for node, names in zip(
        found["nodes"], ("all", "all fan", "fan gpu", "gpu", "all"), strict=True
    ):
        node["properties"] = names.split()
    out = _summary(found)["properties_out"]
    assert out == {"fan": {"total": 2, "drained": 2}, "gpu": {"total": 2, "drained": 1}}
    found["nodes"][0]["properties"] = ["all", "fan", "gpu"]
    assert "properties_out" not in _summary(found)


def test_drained_nodes_are_named_if_they_are_few_and_have_host_names() -> None:
    found = describe(resources())
    assert _summary(found)["drained_names"] == ["n1", "n2"]
    found["nodes"][1]["name"] = "\u202en1"
    assert "drained_names" not in _summary(found)
    found["nodes"][1]["name"] = "n" * 79
    assert "drained_names" not in _summary(found)
    found["nodes"][1]["name"] = "n1"
    found["nodes"][4]["state"] = "drained"
    assert "drained_names" not in _summary(found)


def test_a_node_that_is_down_is_found_as_drained_too() -> None:
    nodes = describe(resources())["nodes"]

    def found(state: str) -> list[int]:
        given = {"state": state, "text": "", "queue": "", "sort": ""}
        return [node["rank"] for node in node_pages.arrange(nodes, [], given)]

    assert found("drained") == [3, 2]
    assert found("draining") == [1]
    assert found("down") == [3, 4]
    assert node_pages.states(nodes[3]) == ["down", "drained"]


def test_a_node_has_its_properties_and_what_keeps_jobs_away() -> None:
    found = replace(resources(), exclude="0,4", torpid="2")
    found.all["execution"]["properties"] = {"batch": "0-1", "gpu": "1"}
    described = describe(found)
    nodes = described["nodes"]
    assert [node.get("properties") for node in nodes[:3]] == [["batch"], ["batch", "gpu"], None]
    flags = [
        {name for name in ("excluded", "torpid", "unschedulable") if node.get(name)}
        for node in nodes
    ]
    gone = {"unschedulable"}
    assert flags == [{"excluded"}, gone, gone | {"torpid"}, gone, gone | {"excluded"}]
    assert described["totals"]["nodes"] == 3


@pytest.mark.parametrize("properties", [{"p" * 256: "0"}, {"p": "0-400000"}, {"p": 1}, [1]])
def test_properties_are_bounded(properties: Any) -> None:
    found = resources()
    found.all["execution"]["properties"] = properties
    with pytest.raises((ValueError, TypeError, AttributeError)):
        describe(found)
