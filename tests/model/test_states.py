"""The states of a job and their groups: told once, and the same in schemas and scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fluxapi.contracts.schema import schema
from fluxapi.model.job import GROUPS, RESULTS, STATES

SCRIPT = Path(__file__).parents[2] / "frontend" / "src" / "ui" / "states.js"


def test_the_scripts_know_the_same_states() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    lists = dict(re.findall(r"export const (\w+) = (\[.*\]);", text))
    assert tuple(json.loads(lists["STATES"])) == STATES
    assert tuple(json.loads(lists["RESULTS"])) == RESULTS
    slices = re.findall(r"(\w+)(?: =|:) STATES\.slice\((\d), (\d)\)", text)
    assert {name: STATES[int(first) : int(last)] for name, first, last in slices} == GROUPS


@pytest.mark.parametrize("name", ["jobs-query", "filter", "stream-filter"])
def test_filters_take_every_state_group_and_result(name: str) -> None:
    rule = schema(name)["properties"]["state"]
    allowed = rule["items"]["enum"] if "items" in rule else rule["enum"]
    assert set(allowed) == {*STATES, *GROUPS, *RESULTS}


def test_a_record_has_a_state_and_a_result() -> None:
    rules = schema("job")["properties"]
    assert tuple(rules["state"]["enum"]) == STATES
    assert tuple(rules["result"]["enum"]) == RESULTS
