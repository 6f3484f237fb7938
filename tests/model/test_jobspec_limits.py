"""Limits of a jobspec, beyond which it harms Flux or the service."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.errors import ValidationFailed
from fluxapi.model.batch_options import merged
from fluxapi.model.jobspec import Defaults, build

from .test_jobspec import refusal

MANY_LEVELS = ".".join("a" * 500)


@pytest.mark.parametrize(
    "field",
    [
        {"attributes": {f"user.{MANY_LEVELS}": 1}},
        {"attributes": {f"user.{MANY_LEVELS}": {"b": 1}}},
        {"shell_options": {MANY_LEVELS: 1}},
        {"option_flags": f"{MANY_LEVELS}=1"},
    ],
)
def test_a_name_of_many_levels_is_refused(field: dict[str, Any]) -> None:
    assert ["nested too deeply" in said for said in refusal(**field).values()] == [True]


def test_a_jobspec_of_many_levels_is_refused() -> None:
    system: dict[str, Any] = {"duration": 0}
    for _ in range(130):
        system = {"duration": 0, "a": system}
    document = {"version": 1, "resources": [], "tasks": [], "attributes": {"system": system}}
    with pytest.raises(ValidationFailed) as caught:
        build({"jobspec": document}, Defaults())
    assert "nested too deeply" in caught.value.members["errors"][0]["detail"]


def test_names_are_not_split_before_their_levels_are_counted() -> None:
    with pytest.raises(ValidationFailed):
        merged({"attributes": {"user.a": 1}}, {"attributes": {f"user.{MANY_LEVELS}": 1}})
