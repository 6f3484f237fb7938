"""Constraints of a job: those that Flux takes, and those that never reach it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.errors import ValidationFailed
from fluxapi.model.idset import IdSet, Range, read_ranges
from fluxapi.model.jobspec import Defaults, build

from .test_jobspec import JOBSPEC, refusal, system


def unexpected(*_: Any) -> None:
    pytest.fail("was called")


@pytest.mark.parametrize(
    "constraints",
    [
        {"ranks": ["0", "0"]},
        {"ranks": ["0-4194303", "7"]},
        {"and": [{"not": [{"ranks": ["0-1", "3", "[1-2]"]}]}]},
        {"ranks": ["2", "10"]},
        {"ranks": ["0-1", "[2]"]},
        {"ranks": ["0", "01"]},
        {"ranks": ["01", "1"]},
        {"ranks": ["1", "01-02"]},
        {"ranks": ["", "0"]},
        {"not": []},
        {"or": [{}]},
        {"properties": ["a"], "not": []},
        {"and": ""},
        {"ranks": "01"},
        {"ranks": [0]},
        {"properties": [["a"]]},
        {"properties": "ab"},
        # These take Flux long to read.
        {"ranks": ["0-50000000"]},
        {"ranks": ["[0-4194303]"]},
        {"ranks": ["65536"]},
        {"ranks": ["0-16384"]},
        {"ranks": [",".join(map(str, range(0, 8_000, 2)))]},
        {"ranks": ["0-4345967296"]},
        {"ranks": [",0-50000000"]},
        {"ranks": ["0-9999999999999999999"]},
        {
            "or": [
                {"ranks": ["0-7000"]},
                {"not": [{"ranks": ["0-7000"]}]},
                {"ranks": ["0-7000"]},
            ]
        },
        {"or": [{"ranks": ["65535"]}] * 70},
        {"or": [{"ranks": []}] * 200},
        {"or": [{"hostlist": []}] * 200},
        {"or": [{"hostlist": [""]}] * 200},
        {"hostlist": ["n[0-16384]"]},
        {"hostlist": [",".join(["n"] * 2_049)]},
        {"hostlist": [" ".join(["n"] * 2_049)]},
        {"hostlist": [f"n[{','.join(['0-9'] * 2_000)}]"]},
        {"hostlist": ["a[0-9],b[0-9999999999]"]},
        {"hostlist": [f"b[{'0' * 99}-{'0' * 94}99999]"]},
        {"hostlist": ["[0-1]" * 2_049]},
        {"or": [{"hostlist": ["n[0-9999]"]}, {"not": [{"hostlist": ["n[0-9999]"]}]}]},
        {"and": [{"hostlist": ["n[0-1]x[0-99999]"]}]},
        {"hostlist": ["a", "b," + "a" * 256]},
        {"hostlist": ["a[0-9]" + "b" * 255]},
        {"hostlist": [f"a[{'0' * 99}1-{'0' * 99}2]" + "b" * 200]},
        {"hostlist": ["\u00e9" * 136]},
        {"hostlist": ["a[0-1]b[0-1]"]},
        {"hostlist": ["a[18446744073709551615]-"]},
        {"hostlist": ["[999999999999999999999999999999]-]"]},
        {"hostlist": ["a,b[1,0-33554433]"]},
        {"hostlist": ["a[33554433-33554432]"]},
        {"hostlist": ["a[1,x]"]},
        {"hostlist": ["a[" + "b" * 300]},
        {"and": [{"properties": ["^" + "z" * 9_000]}] * 8},
    ],
    ids=lambda it: str(it)[:60],
)
def test_a_constraint_that_harms_the_scheduler_never_reaches_flux(
    constraints: dict[str, Any],
) -> None:
    document = json.loads(json.dumps(JOBSPEC))
    document["attributes"]["system"]["constraints"] = constraints
    for fields, pointer in (
        ({"command": "true", "constraints": constraints}, "/constraints"),
        ({"command": "true", "attributes": {"system.constraints": constraints}}, "/constraints"),
        ({"jobspec": document}, "/jobspec/attributes/system/constraints"),
    ):
        with pytest.raises(ValidationFailed) as caught:
            build(fields, Defaults())
        (error,) = caught.value.members["errors"]
        assert error["pointer"] == pointer


@pytest.mark.parametrize(
    "constraints",
    [
        {"ranks": ["0", "1-9999"]},
        {"ranks": [",".join(map(str, range(0, 6_000, 2)))]},
        {"ranks": ["[50000-65535]"]},
        {"ranks": [""]},
        {"hostlist": ["n[0-9999]", "ip-10-0-1-200000", "a[0-1,7]b c", "", "[0-3]"]},
        {"hostlist": ["n1"] * 999},
        {"hostlist": []},
        {"ranks": []},
        {"and": [{"ranks": ["0"]}, {"ranks": ["0"]}]},
        {"or": []},
    ],
    ids=str,
)
def test_other_constraints_do(constraints: dict[str, Any]) -> None:
    assert system(constraints=constraints)["constraints"] == constraints


def test_an_empty_constraint_is_none() -> None:
    assert "constraints" not in system(constraints={})
    with pytest.raises(ValidationFailed):
        build({"command": "true", "attributes": {"system.constraints": {}}}, Defaults())


def test_a_list_of_ranks_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def counted(text: str) -> list[Range]:
        nonlocal read
        found = read_ranges(text)
        read += len(found)
        return found

    for module in ("constraints", "idset"):
        monkeypatch.setattr(f"fluxapi.model.{module}.read_ranges", counted, raising=False)
    monkeypatch.setattr(IdSet, "union", classmethod(unexpected))
    texts = [f"{number}" for number in range(10_000, 11_998, 2)]
    system(constraints={"ranks": texts})
    assert read <= 2 * len(texts)


def test_a_constraint_is_bounded() -> None:
    assert "at most 1000" in refusal(constraints={"ranks": ["0"] * 1_001})["/constraints"]
    deep: dict[str, Any] = {"ranks": ["0"]}
    for _ in range(40):
        deep = {"and": [deep]}
    assert "nested" in refusal(constraints=deep)["/constraints"]


def test_constraints_as_a_query() -> None:
    fast = {"and": [{"properties": ["fast"]}, {"not": [{"properties": ["gpu"]}]}]}
    assert system(command="true", constraints=" fast & -gpu ")["constraints"] == fast
    assert "constraints" not in system(command="true", constraints=" ")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("fast &", "a property or host is missing before the end"),
        ("(fast", "a bracket is not closed before the end"),
        ("fast)", "')' is not expected there"),
        ("gpus:2", "'gpus:2' is not known; give a property, or host:…, hosts:…, rank:…"),
    ],
)
def test_an_invalid_query_is_explained(query: str, said: str) -> None:
    found = refusal(command="true", constraints=query, num_nodes=3, num_tasks=1)
    assert found["/constraints"] == f"is not a constraint: {said}."
    assert "/num_nodes" in found, "everything that is wrong is said at once"


_SLOW_ON_10000 = [
    {"or": [{"properties": [f"z{number}"]} for number in range(490)]},
    {"properties": [f"^z{number}" for number in range(400)]},
    {"and": [{"ranks": ["0-9999"]}, {"properties": ["nope"]}]},
    {"ranks": [",".join(map(str, range(0, 6_000, 2)))]},
    {"or": [{"hostlist": [""]}] * 100},
    {"hostlist": [f"a{number}x" for number in range(100)]},
    {"hostlist": [",".join(f"a{number}x" for number in range(400))]},
    {"hostlist": [f"a[{','.join(map(str, range(0, 800, 2)))}]"]},
    {"or": [{"ranks": ["9999"]}] * 10},
    {"and": [{"or": [{"and": [{"or": [{"properties": ["z"]}]}]}] * 100}]},
    {"not": [{"not": [{"and": [{"or": []}] * 100}]}]},
]


@pytest.mark.parametrize("constraints", _SLOW_ON_10000, ids=lambda it: str(it)[:60])
def test_the_work_of_a_constraint_is_limited_by_the_number_of_nodes(
    constraints: dict[str, Any],
) -> None:
    fields = {"command": "true", "constraints": constraints}
    build(fields, Defaults(nodes=100))
    with pytest.raises(ValidationFailed) as caught:
        build(fields, Defaults(nodes=10_000))
    (error,) = caught.value.members["errors"]
    assert error["pointer"] == "/constraints"
    assert error["code"] == "constraint_slow"
    assert "10000 nodes" in error["detail"]


@pytest.mark.parametrize(
    "constraints",
    [
        {"hostlist": ["node[0-9999]"]},
        {"hostlist": ["node[0-49,51,70-9000]", "other[1-4]"]},
        {"hostlist": [",".join(f"a{number}x" for number in range(90))]},
        {"ranks": ["9900-9999"]},
        {"ranks": ["0-499"]},
        {"properties": ["fast", "^gpu", *(f"p{number}" for number in range(50))]},
        {"or": [{"properties": ["a"]}, {"and": [{"not": [{"hostlist": ["n[1-9]"]}]}]}]},
    ],
    ids=lambda it: str(it)[:60],
)
def test_usual_constraints_are_taken_by_ten_thousand_nodes(constraints: dict[str, Any]) -> None:
    build({"command": "true", "constraints": constraints}, Defaults(nodes=10_000))
