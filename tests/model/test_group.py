from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.contracts import schema
from fluxapi.errors import ValidationFailed
from fluxapi.model.fold import begin
from fluxapi.model.group import Group, group_id, is_group_id

ID = "g0123456789abcde"


def jobspec(group: Any) -> dict[str, Any]:
    return {"attributes": {"system": {}, "user": {"fluxapi": {"group": group}}}}


def test_a_name_means_the_same_group_everywhere() -> None:
    assert Group.of("sweep") == Group.of("sweep")
    assert Group.of("sweep").id == group_id("sweep") != group_id("Sweep")
    assert is_group_id(Group.of("sweep").id)


def test_requests_with_one_key_get_one_group() -> None:
    assert Group.new("key") == Group.new("key") != Group.new("other")
    assert Group.new(None) != Group.new(None)
    assert Group.new("sweep").id != group_id("sweep")
    assert is_group_id(Group.new(None).id)


@given(st.text(max_size=140))
def test_the_service_reads_the_names_that_the_schema_accepts(name: str) -> None:
    try:
        schema.check("submit", {"command": "true", "group": name})
    except ValidationFailed:
        with pytest.raises(ValueError, match="group"):
            Group.of(name)
    else:
        assert group_id(name) == Group.of(name).id


@pytest.mark.parametrize("text", ["gravitational", "g0123456789abcd", "g0123456789abcdef", "run 7"])
def test_a_word_is_a_name(text: str) -> None:
    assert Group.of(text).name == text


def test_the_id_of_another_user_ends_in_the_user() -> None:
    assert Group(ID, "x").of_user(7) == Group(f"{ID}.7", "x")
    assert Group(f"{ID}.7").of_user(8).id == f"{ID}.8"
    assert group_id(f"{ID}.7") == f"{ID}.7"


@pytest.mark.parametrize("group", [7, None, [], {"name": "x"}, "", " x", "a\nb", "x" * 129, "\x00"])
def test_a_bad_group_of_a_jobspec_is_named_as_truncated(group: Any) -> None:
    job = begin(1, jobspec(group))
    assert job.membership is None
    assert job.truncated == ("group",)


@pytest.mark.parametrize("user", [None, [], {"fluxapi": 3}, {"fluxapi": []}, {"fluxapi": {}}])
def test_a_jobspec_without_a_group(user: Any) -> None:
    job = begin(1, {"attributes": {"user": user}})
    assert (job.group, job.truncated) == ("", ())
