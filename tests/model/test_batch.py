"""The jobspec of a batch job, as the form reads it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxapi.model.jobspec import Defaults, build

CASES = json.loads(
    (Path(__file__).parents[2] / "frontend/test/scripts.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_fields_of_the_form_give_the_jobspec(case: dict[str, Any]) -> None:
    jobspec = json.loads(build(case["fields"], Defaults()).jobspec)
    assert jobspec["attributes"]["system"].pop("environment") == {}
    assert jobspec == case["jobspec"]
