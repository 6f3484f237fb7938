"""Jobspecs: what is refused, and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.errors import FluxRefused
from fluxapi.instance.embedded.request import Request, parse_request

from .harness import spec

Change = Callable[[dict[str, Any]], Any]


def changed(change: Change) -> bytes:
    """Return a valid jobspec after ``change``."""
    jobspec = json.loads(spec("true"))
    change(jobspec)
    return json.dumps(jobspec).encode()


def system(**attributes: Any) -> Change:
    return lambda jobspec: jobspec["attributes"]["system"].update(attributes)


def task(**members: Any) -> Change:
    return lambda jobspec: jobspec["tasks"][0].update(members)


def options(wanted: dict[str, Any]) -> Change:
    return lambda jobspec: jobspec["attributes"]["system"].update({"shell": {"options": wanted}})


def refusal(change: Change) -> str | None:
    """Return the reason why a jobspec is refused, if it is."""
    try:
        read(change)
    except FluxRefused as error:
        return str(error.members["flux"])
    return None


def slot(**members: Any) -> Change:
    return lambda jobspec: jobspec["resources"][0].update(members)


def read(change: Change) -> Request:
    return parse_request(changed(change), "here")[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda spec: spec["attributes"]["system"].pop("duration"), "duration is a required key"),
        (lambda spec: spec["attributes"].pop("system"), "attributes.system is a required key"),
        (lambda spec: spec.pop("attributes"), "Missing key (attributes)"),
        (lambda spec: spec.update(more=1), "Extraneous key (more)"),
        (lambda spec: spec.update(version=2), "version must be 1"),
        (lambda spec: spec.update(tasks=[]), "tasks must be a list of one task"),
        (lambda spec: spec.update(resources={}), "resources must be a sequence"),
        (task(command=[]), "command array cannot have length of zero"),
        (task(command="true"), "command must be a list of strings"),
        (task(command=[1]), "command must be a list of strings"),
        (task(command=["a\0"]), "is not allowed"),
        (task(count={}), "count must have exactly one key set"),
        (task(count={"per_slot": 0}), "count per_slot must be > 0"),
        (task(count={"total": 10**9}), "at most 4096 tasks"),
        (slot(count=0), "node, slot, or core count must be > 0"),
        (slot(count="2-4"), "resource count must be an integer"),
        (slot(type=3), "type must be a string"),
        (slot(label=None), "slots must have labels"),
        (system(queue="fast"), "'fast' is not a valid queue"),
        (system(duration="1h"), "duration must be a number"),
        (system(cwd=3), "cwd must be a string"),
        (system(environment=[1]), "environment must be a mapping"),
        (system(environment={"A": 1}), "A must be a string"),
        (system(environment={"A=B": "1"}), "is not the name of a variable"),
        (system(dependencies={}), "dependencies must be a list"),
        (system(dependencies=[{"scheme": "afterok"}]), "Missing key (value)"),
        (system(constraints={"what": []}), "unknown constraint operator 'what'"),
        (system(constraints={"ranks": 3}), "must be a sequence"),
        (system(constraints={"hostlist": ["there"]}), "host 'there' not found"),
        (system(constraints={"properties": ["a|b"]}), "invalid character in property"),
        (system(exec={"test": {"run_duration": "soon"}}), "Flux Standard Duration"),
        (options({"exit-timeout": []}), "Flux Standard Duration"),
    ],
)
def test_refusals(change: Change, words: str) -> None:
    with pytest.raises(FluxRefused) as caught:
        read(change)
    assert words in caught.value.detail


@pytest.mark.parametrize(
    "jobspec", [b"", b"{", b"3", b"[]", b"\xff", b"[" * 100_000, b'{"a": "\\ud800"}']
)
def test_invalid_jobspecs(jobspec: bytes) -> None:
    with pytest.raises(FluxRefused, match="jobspec"):
        parse_request(jobspec, "here")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.sampled_from(
        [
            "duration",
            "cwd",
            "environment",
            "queue",
            "job",
            "shell",
            "exec",
            "files",
            "dependencies",
            "constraints",
        ]
    ),
    _json,
)
def test_any_attribute_is_taken_or_refused(name: str, value: Any) -> None:
    assert refusal(system(**{name: value})) != ""


@given(st.sampled_from(["resources", "tasks", "attributes", "version"]), _json)
def test_any_section_is_taken_or_refused(name: str, value: Any) -> None:
    assert refusal(lambda jobspec: jobspec.update({name: value})) != ""


@given(st.sampled_from(["input", "output", "rlimit", "env-expand", "exit-timeout"]), _json)
def test_any_shell_option_is_taken_or_refused(name: str, value: Any) -> None:
    assert refusal(options({name: value})) != ""


def test_tasks_are_counted_by_slots() -> None:
    node = {"type": "node", "count": 1, "exclusive": True}

    def change(jobspec: dict[str, Any]) -> None:
        jobspec["resources"][0]["count"] = 3
        jobspec["resources"] = [node | {"with": jobspec["resources"]}]

    request = read(change)
    assert request.ntasks == 3
    assert (request.shape.nodes, request.shape.exclusive) == (1, True)


def test_tasks_per_core() -> None:
    wanted = {"per-resource": {"type": "core", "count": 2}}
    assert read(options(wanted)).ntasks == 2


def test_durations() -> None:
    assert read(system(exec={"test": {"run_duration": "1.5m"}})).test is not None
    request = read(options({"exit-timeout": "none"}))
    assert request.exit_timeout is None


def test_the_name_is_that_of_the_program() -> None:
    assert read(task(command=["/usr/bin/hostname"])).name == "hostname"
    assert read(system(job={"name": "mine"})).name == "mine"


def test_the_redacted_jobspec_has_no_environment() -> None:
    _, redacted = parse_request(spec("true"), "here")
    assert "environment" not in redacted["attributes"]["system"]


def nested(depth: int) -> dict[str, Any]:
    constraint: dict[str, Any] = {"ranks": ["0"]}
    for _ in range(depth - 1):
        constraint = {"not": [constraint]}
    return constraint


@pytest.mark.parametrize("status", [-1, 65536, 99999999999999999, True, None, "0", 1.0, []])
def test_a_wait_status_has_sixteen_bits(status: Any) -> None:
    change = system(exec={"test": {"wait_status": status}})
    assert refusal(change) == (
        "attributes.system.exec.test.wait_status must be an int from 0 to 65535"
    )


def test_the_greatest_wait_status() -> None:
    test = read(system(exec={"test": {"wait_status": 65535}})).test
    assert test is not None
    assert test.wait_status == 65535


def test_constraints_are_not_deep() -> None:
    assert read(system(constraints=nested(32))).constraint is not None
    for depth in (33, 300):
        words = refusal(system(constraints=nested(depth))) or ""
        assert "nested deeper than" in words


def test_resources_are_not_deep() -> None:
    resource: dict[str, Any] = {"type": "core", "count": 1}
    for _ in range(32):
        resource = {"type": "socket", "count": 1, "with": [resource]}
    words = refusal(lambda jobspec: jobspec.update(resources=[resource])) or ""
    assert "nested deeper than 32 levels" in words


def test_nothing_is_deep() -> None:
    value: list[Any] = []
    for _ in range(200):
        value = [value]
    assert "nested deeper than 128" in (refusal(system(comment=value)) or "")


@pytest.mark.parametrize(
    "digits",
    [b"1" + b"0" * 400, b"-1" + b"0" * 400, b"1" + b"0" * 5000, b"9223372036854775808"],
)
def test_integers_that_json_libraries_do_not_hold(digits: bytes) -> None:
    jobspec = spec("true", comment=12345).replace(b"12345", digits)
    with pytest.raises(FluxRefused, match="invalid JSON"):
        parse_request(jobspec, "here")


@pytest.mark.parametrize("duration", [-1, -0.5, 1e12, 1e308, 10**18])
def test_durations_are_bounded(duration: float) -> None:
    assert "must be from 0 to below 1e+12" in (refusal(system(duration=duration)) or "")


@pytest.mark.parametrize("duration", [-1, 1e12, 10**18, "1e12", "1e400", "9" * 400 + "d"])
def test_standard_durations_are_bounded(duration: Any) -> None:
    assert refusal(system(exec={"test": {"run_duration": duration}}))
    assert refusal(options({"exit-timeout": duration}))


@pytest.mark.parametrize(
    "option",
    [
        3,
        [],
        {},
        {"type": [], "count": 1},
        {"type": {}},
        {"type": "gpu"},
        {"type": "core", "count": 0},
        {"type": "core", "count": -1},
        {"type": "core", "count": True},
        {"type": "core", "count": "2"},
        {"type": "core", "count": 2**31},
    ],
)
def test_an_invalid_per_resource(option: Any) -> None:
    assert "shell option per-resource" in (refusal(options({"per-resource": option})) or "")


@pytest.mark.parametrize("change", [task(count={"per_slot": 2**31}), slot(count=2**31)])
def test_counts_are_bounded(change: Change) -> None:
    assert "count" in (refusal(change) or "")
    assert "at most 2147483647" in (refusal(change) or "")
