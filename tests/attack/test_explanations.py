"""Large bodies with a small fault: the fault is explained, the rest costs nothing."""

from __future__ import annotations

import sys
from typing import Any

import jsonschema
import pytest

from fluxapi.contracts import schema

WORDS = [f"word{number}" for number in range(20_000)]
MEMBERS = {f"E{number}": "x" for number in range(9_000)}
SLOT = {"type": "slot", "count": 1, "label": "task", "with": [{"type": "core", "count": 1}]}

LARGE: list[tuple[dict[str, Any], list[str]]] = [
    ({"command": WORDS, "num_tasks": 0}, ["/num_tasks"]),
    ({"command": [*WORDS, None]}, ["/command/20000"]),
    ({"command": "true", "environment": MEMBERS, "num_tasks": 0}, ["/num_tasks"]),
    ({"command": "true", "environment": {**MEMBERS, "a=b": "x"}}, ["/environment/a=b"]),
    ({"command": "true", "environment": {**MEMBERS, "A": []}}, ["/environment/A"]),
    (
        {"jobspec": {"resources": [SLOT] * 5000, "tasks": 5, "version": 1, "attributes": {}}},
        ["/jobspec/tasks"],
    ),
]


@pytest.mark.parametrize(("body", "pointers"), LARGE, ids=range(len(LARGE)))
def test_only_what_is_wrong_is_explained(body: dict[str, Any], pointers: list[str]) -> None:
    schema.errors("submit", body)  # compiles what it needs
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        found = schema.errors("submit", body)
    finally:
        sys.setprofile(None)
    assert set(pointers) <= {field["pointer"] for field in found}
    # Python code for each of the members would be a hundred thousand calls.
    assert calls < 20_000


def test_a_long_name_is_not_repeated_in_full() -> None:
    (found,) = schema.errors("submit", {"command": "true", "n" * 500_000: 1})
    assert found["pointer"] == f"/{'n' * 256}…"


def test_similar_names_are_looked_for_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(name: str, known: list[str], **_: object) -> list[str]:
        if known:
            looked.append(name)
        return []

    monkeypatch.setattr("difflib.get_close_matches", look)
    names = {f"num_task{number}": 1 for number in range(100)}
    assert len(schema.errors("submit", {"command": "true", **names})) == 20
    schema.errors("wait-for-jobs", {"ids": ["f1"], "until": "all" * 500_000})
    assert looked == [f"num_task{number}" for number in range(10)]


def test_a_long_value_is_not_repeated_in_full() -> None:
    (found,) = schema.errors("submit", {"command": "a\0" * 500_000})
    assert len(found["detail"]) < 300


@pytest.mark.parametrize(
    "body",
    [
        {"command": [1, None, "a", {}, "\0"]},
        {"command": []},
        {"command": "true", "environment": {"": "x", "a=b": "x", "A": 1, "B": [], "C": "\0"}},
        {"command": "true", "unknown": 1, "num_tasks": "many", "dependencies": [1, {}, "a:b"]},
        {"jobspec": {"resources": [SLOT, 1, {"type": 5}], "tasks": [{}], "version": 2}},
        {"jobspec": [], "command": 5, "environment": "x", "rlimit": {"a": "b"}},
    ],
    ids=range(6),
)
def test_the_explanation_is_that_of_jsonschema(body: Any) -> None:
    document = {"$ref": "#/$defs/submit", "$defs": schema.bundle("#/$defs/")}
    plain = jsonschema.Draft202012Validator(document).iter_errors(body)
    judge = schema._judge("submit").iter_errors(body)

    def places(errors: Any) -> list[Any]:
        return sorted((str(list(e.absolute_path)), e.validator) for e in errors)

    assert places(judge) == places(plain)
