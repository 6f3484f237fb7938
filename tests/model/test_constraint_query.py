"""``--requires`` makes the same constraint as ``flux submit``."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from fluxapi.model.constraint_query import ConstraintError, constraint
from tests.running import clean_environment, needs_flux

A, B, C, D = ({"properties": [name]} for name in "abcd")

QUERIES: dict[str, Any] = {
    "a": A,
    "a,b": {"properties": ["a", "b"]},
    "hosts:a[0-3]": {"hostlist": ["a[0-3]"]},
    "host:a,b": {"hostlist": ["a,b"]},
    "rank:1-3": {"ranks": ["1-3"]},
    "hostlist:a": {"hostlist": ["a"]},
    "ranks:1": {"ranks": ["1"]},
    "a b": {"properties": ["a", "b"]},
    "a&&b and c": {"properties": ["a", "b", "c"]},
    "rank:1 rank:2": {"and": [{"ranks": ["1"]}, {"ranks": ["2"]}]},
    "(rank:1 a) b": {"and": [{"ranks": ["1"]}, A, B]},
    "a b|c": {"or": [{"properties": ["a", "b"]}, C]},
    "a|b&c": {"or": [A, {"properties": ["b", "c"]}]},
    "a|b c": {"and": [{"or": [A, B]}, C]},
    "a|b c|d": {"or": [{"and": [{"or": [A, B]}, C]}, D]},
    "a|b||c or d": {"or": [A, B, C, D]},
    "a|(b|c)": {"or": [A, {"or": [B, C]}]},
    "-a": {"not": [A]},
    "not a b": {"and": [{"not": [A]}, B]},
    "a|b not c": {"or": [A, {"and": [B, {"not": [C]}]}]},
    "not (a|b)": {"not": [{"or": [A, B]}]},
    "not a -b": {"not": [{"and": [A, {"not": [B]}]}]},
    "-a -b": {"and": [{"not": [A]}, {"not": [B]}]},
    "a NOT b": {"properties": ["a", "NOT", "b"]},
    "^a": {"properties": ["^a"]},
}


@pytest.mark.parametrize("query", QUERIES)
def test_constraints(query: str) -> None:
    assert constraint(query) == QUERIES[query]


@pytest.mark.parametrize(
    "query", ["", "()", "(a", "a)", "a&", "|a", "hosts:", "-(a b)", "x:y", "'a"]
)
def test_invalid_constraints(query: str) -> None:
    with pytest.raises(ConstraintError):
        constraint(query)


@pytest.mark.parametrize(
    "part", ["-a ", "not a ", "not ", "a not ", "(", "a&(", "a -b|(c ", "a|-b ", "a|b c "]
)
def test_one_that_is_nested_too_deeply_is_invalid(part: str) -> None:
    with pytest.raises(ConstraintError, match="nested too deeply"):
        constraint(part * 1_000 + "a")


@needs_flux
def test_they_are_those_of_flux() -> None:
    script = (
        "import json, sys; from flux.job._utils import MiniConstraintParser as P\n"
        "print(json.dumps([P().parse(query) for query in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        ["flux", "python", "-c", script],
        input=json.dumps(list(QUERIES)),
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == list(QUERIES.values())
