"""Constraints for people: as the query of ``--requires`` that gives them."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model.constraint_query import constraint
from fluxapi.model.constraint_text import constraint_text


@pytest.mark.parametrize(
    "query",
    [
        "batch",
        "batch & bigmem",
        "host:tuolumne[1-4],other",
        "rank:0-3",
        "batch & -host:tuolumne3",
        "batch & (rank:0 | rank:7)",
        "not (a & b)",
        "(-a) & -b",
    ],
)
def test_the_text_gives_the_constraint_again(query: str) -> None:
    known = constraint(query)
    assert constraint(constraint_text(known)) == known


def test_simple_constraints_are_as_people_write_them() -> None:
    assert constraint_text({"properties": ["batch"]}) == "batch"
    assert constraint_text({"properties": ["a", "^b"], "ranks": ["0-3"]}) == "(a & ^b) & rank:0-3"
    assert constraint_text({"and": [{"hostlist": ["n[1-2]"]}, {"properties": []}]}) == "host:n[1-2]"
    assert constraint_text({"not": [{"properties": ["a b"]}]}) == '-"a b"'


@pytest.mark.parametrize("wrong", [None, [], {"properties": "a"}, {"ranks": [1]}, {"and": [7]}])
def test_an_invalid_constraint_has_no_text(wrong: Any) -> None:
    assert constraint_text(wrong) == ""


def test_a_constraint_that_is_too_deep_has_no_text() -> None:
    deep: dict[str, Any] = {"properties": ["a"]}
    for _ in range(100):
        deep = {"not": [deep]}
    assert constraint_text(deep) == ""


def test_the_first_terms_of_a_long_constraint_are_read() -> None:
    class Counted(list[Any]):
        read = 0

        def __iter__(self) -> Any:
            for value in super().__iter__():
                Counted.read += 1
                yield value

    words = Counted(f"p{number}" for number in range(20_000))
    text = constraint_text({"and": [{"properties": words}, {"properties": ["last"]}]})
    assert text.startswith("p0 & p1 & ")
    assert text.endswith(" …")
    assert "last" not in text
    assert constraint_text({"or": Counted({"not": [{"ranks": ["0"]}]} for _ in range(20_000))})
    assert Counted.read < 2_000
