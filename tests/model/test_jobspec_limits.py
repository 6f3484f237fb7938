"""Limits of a jobspec, beyond which it harms Flux or the service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.contracts import schema
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


def test_many_dependencies_are_refused() -> None:
    entry = {"scheme": "afterok", "value": "f1"}
    by_script = merged({"dependencies": [entry] * 600}, {"dependencies": [entry] * 600})
    assert refusal(**by_script) == {"/dependencies": "must be at most 1000."}
    system = {"duration": 0, "dependencies": [entry] * 1001}
    document = {"version": 1, "resources": [], "tasks": [], "attributes": {"system": system}}
    with pytest.raises(ValidationFailed):
        build({"jobspec": document}, Defaults())
    with pytest.raises(ValidationFailed):
        schema.check("submit", {"command": "true", "dependencies": ["afterok:f1"] * 1001})


def test_a_dependency_of_many_fields_is_refused() -> None:
    fields = "&".join(["a=1"] * 11)
    assert refusal(dependencies=["afterok:f1", f"afterok:f1?{fields}"]) == {
        "/dependencies/1": "has more than 10 fields after the question mark."
    }


def test_a_long_dependency_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        schema.check("submit", {"command": "true", "dependencies": [f"after:f1?a={'%41' * 400}"]})


def test_settings_for_tests_of_flux_that_drain_nodes_are_refused() -> None:
    assert list(refusal(attributes={"exec.bulkexec.barrier-timeout": 1e-9})) == ["/attributes"]
    system = {"duration": 0, "exec": {"bulkexec": {"barrier-timeout": 1e-9}}}
    document = {"version": 1, "resources": [], "tasks": [], "attributes": {"system": system}}
    with pytest.raises(ValidationFailed) as caught:
        build({"jobspec": document}, Defaults())
    assert caught.value.members["errors"][0]["pointer"] == "/jobspec/attributes/system/exec"


@pytest.mark.parametrize("value", [" f3", "f3 ", "job.f3", "+3", "0" * 30 + "3", "\t3", "", "x"])
def test_a_job_id_in_a_form_that_only_flux_reads_is_refused(value: str) -> None:
    for scheme in ("after", "afterstart", "afterany", "afterok", "afternotok", "afterexcept"):
        said = refusal(dependencies=["begin-time:3", {"scheme": scheme, "value": value}])
        assert f"by its ID after {scheme}" in said["/dependencies"]
    known = [
        f"afterok:{it}"
        for it in ("f3", "3", "0x3", "0000.0000.0000.0003", "job.0000.0000.0000.0003")
    ]
    assert build({"command": "true", "dependencies": known}, Defaults()).after == (2, 3)


def test_singleton_is_the_last_dependency() -> None:
    single, other = {"scheme": "singleton", "value": ""}, {"scheme": "afterok", "value": "f1"}
    fields = {"command": "true", "dependencies": [single, other, "begin-time:1"]}
    sent = json.loads(build(fields, Defaults()).jobspec)["attributes"]["system"]["dependencies"]
    assert [it["scheme"] for it in sent] == ["afterok", "begin-time", "singleton"]
    twice = refusal(dependencies=[single, other, single])
    assert "singleton once, as the last dependency" in twice["/dependencies"]
    system = {"duration": 0, "dependencies": [single, other]}
    document = {"version": 1, "resources": [], "tasks": [], "attributes": {"system": system}}
    with pytest.raises(ValidationFailed) as caught:
        build({"jobspec": document}, Defaults())
    (error,) = caught.value.members["errors"]
    assert error["pointer"] == "/jobspec/attributes/system/dependencies"
    system["dependencies"] = [other, single]
    build({"jobspec": document}, Defaults())


def test_texts_that_flux_would_cut_are_refused() -> None:
    for field, text in (("queue", "\u00e9" * 51), ("queue", "\U0001f600" * 26)):
        assert "100 bytes" in refusal(**{field: text})["/queue"]
    for dependency in ({"scheme": "\u00e9" * 21, "value": "f1"}, "afterok:" + "\u0192" * 21):
        assert "40 bytes" in refusal(dependencies=["afterok:f1", dependency])["/dependencies"]
    build(
        {"command": "true", "queue": "q" * 300, "dependencies": ["afterok:\u0192abc"]}, Defaults()
    )
    build({"command": "true", "queue": "\u00e9" * 50}, Defaults())


@pytest.mark.parametrize(("name", "said"), [(5, "must be text"), ("n" * 1001, "1000 bytes")])
def test_a_job_name_that_plugins_cannot_read_is_refused(name: Any, said: str) -> None:
    assert said in refusal(attributes={"system.job.name": name})["/name"]
    document = json.loads(build({"command": "true"}, Defaults()).jobspec)
    document["attributes"]["system"]["job"] = {"name": name}
    with pytest.raises(ValidationFailed) as caught:
        build({"jobspec": document}, Defaults())
    (error,) = caught.value.members["errors"]
    assert error["pointer"] == "/jobspec/attributes/system/job/name"
    assert set(refusal(attributes={"system.job": None})) == {"/name"}
    build({"command": "true", "name": "n" * 1000}, Defaults())


@pytest.mark.parametrize("duration", [1e308, 3_153_600_001, 10**18])
def test_durations_with_an_infinite_sum_are_refused(duration: float) -> None:
    assert "hundred years" in refusal(attributes={"duration": duration})["/duration"]
    assert "hundred years" in refusal(duration=f"{duration:.0f}s")["/duration"]
    system = {"duration": duration}
    document = {"version": 1, "resources": [], "tasks": [], "attributes": {"system": system}}
    with pytest.raises(ValidationFailed) as caught:
        build({"jobspec": document}, Defaults())
    (error,) = caught.value.members["errors"]
    assert error["pointer"] == "/jobspec/attributes/system/duration"
    build({"command": "true", "duration": 3_153_600_000}, Defaults())
