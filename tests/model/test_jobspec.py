from __future__ import annotations

import base64
import importlib
import json
import shutil
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.errors import ValidationFailed
from fluxapi.model.jobspec import Defaults, build, substitute
from fluxapi.model.keymark import KeyMark

NOTHING = Defaults()


def spec(fields: dict[str, Any], defaults: Defaults = NOTHING) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(build(fields, defaults).jobspec)
    return document


def system(**fields: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = spec({"command": "true", **fields})["attributes"]["system"]
    return attributes


def refusal(**fields: Any) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as caught:
        build({"command": "true", **fields}, NOTHING)
    return {field["pointer"]: field["detail"] for field in caught.value.members["errors"]}


@pytest.fixture(scope="session")
def from_command() -> Any:
    """Return ``JobspecV1.from_command`` of the installed Flux."""
    if shutil.which("flux") is None:
        pytest.skip("there is no flux on PATH: not compared with its bindings")
    path = subprocess.run(
        ["flux", "config", "builtin", "python_path"], capture_output=True, text=True, check=True
    ).stdout.strip()
    sys.path[:0] = path.split(":")
    try:
        return importlib.import_module("flux.job").JobspecV1.from_command
    except ImportError as error:
        pytest.skip(f"the bindings of Flux are not for this Python: {error}")
    finally:
        del sys.path[: len(path.split(":"))]


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
word = text.filter(bool)
table = st.dictionaries(word, text, max_size=3)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    tasks = draw(st.integers(1, 9))
    options = {
        "cores_per_task": st.integers(1, 64),
        "gpus_per_task": st.integers(0, 8),
        "duration": st.one_of(
            st.integers(0, 10**6), st.floats(0, 1e6), st.sampled_from(["90s", "1.5h", "20m", "2d"])
        ),
        "env_expand": table,
        "cwd": word.map("/{}".format),
        "rlimits": st.dictionaries(st.sampled_from(["nofile", "core"]), st.integers(-1, 10**6)),
        "name": word,
        "input": word,
        "output": st.one_of(word, st.sampled_from(["none", "kvs"])),
        "error": st.one_of(word, st.sampled_from(["none", "kvs"])),
        "label_io": st.booleans(),
        "unbuffered": st.booleans(),
        "queue": word,
        "bank": word,
    }
    chosen = draw(st.sets(st.sampled_from(sorted(options))))
    fields: dict[str, Any] = {name: draw(options[name]) for name in sorted(chosen)}
    if draw(st.booleans()):
        fields |= {"num_nodes": draw(st.integers(1, tasks)), "exclusive": draw(st.booleans())}
    return {
        "command": draw(st.lists(word, min_size=1, max_size=4)),
        "num_tasks": tasks,
        "environment": draw(table),
        **fields,
    }


@given(fields=requests())
def test_it_is_what_flux_makes(from_command: Any, fields: dict[str, Any]) -> None:
    assert spec(fields) == from_command(**fields).jobspec


def test_text_is_split_as_a_shell_would() -> None:
    command = spec({"command": "sh -c 'echo \"a b\"' x\\ y"})["tasks"][0]["command"]
    assert command == ["sh", "-c", 'echo "a b"', "x y"]


def test_quotes_that_do_not_close_are_refused() -> None:
    assert refusal(command="echo 'a") == {
        "/command": "cannot be split as a shell would: no closing quotation."
    }


def test_blanks_are_no_command() -> None:
    assert set(refusal(command="  ")) == {"/command"}


def test_numbers_in_a_list_become_text() -> None:
    assert spec({"command": ["sleep", 1]})["tasks"][0]["command"] == ["sleep", "1"]


def test_null_counts_as_not_given() -> None:
    fields = {"command": "true", "num_nodes": None, "cwd": None, "envars": None}
    assert spec(fields) == spec({"command": "true"})


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("workdir", "cwd", "/home"),
        ("envars", "environment", {"A": "1"}),
        ("runtime", "duration", "5m"),
        ("option_flags", "shell_options", {"mpi": "none"}),
    ],
)
def test_names_of_flux_restful_api_are_understood(alias: str, name: str, value: Any) -> None:
    assert system(**{alias: value}) == system(**{name: value})


def test_a_folder_longer_than_a_path_can_be_is_refused() -> None:
    assert "4095 bytes" in refusal(cwd="/" + "ƒ" * 2048)["/cwd"]
    assert system(cwd="/" + "ƒ" * 2047)["cwd"].endswith("ƒ")


@pytest.mark.parametrize("folder", ["~", "$HOME", "rel/dir", "", " /tmp", "{{tmpdir}}"])
def test_a_folder_that_is_absolute_on_no_node_is_refused(folder: str) -> None:
    fields: list[tuple[str, dict[str, Any]]] = [
        ("/cwd", {"cwd": folder}),
        ("/workdir", {"workdir": folder}),
        ("/attributes", {"attributes": {"system": {"cwd": folder}}}),
        ("/attributes", {"attributes": {"system.cwd": folder}}),
    ]
    for pointer, field in fields:
        wrong = refusal(**field)
        assert set(wrong) == {pointer}
        assert "absolute path" in wrong[pointer]
    document = spec({"command": "true"})
    document["attributes"]["system"]["cwd"] = folder
    with pytest.raises(ValidationFailed) as caught:
        build({"jobspec": document}, NOTHING)
    (error,) = caught.value.members["errors"]
    assert error["pointer"] == "/jobspec/attributes/system/cwd"


def test_a_name_and_its_alias_exclude_each_other() -> None:
    assert set(refusal(cwd="/a", workdir="/b")) == {"/workdir"}


def test_all_that_does_not_fit_together_is_named_at_once() -> None:
    wrong = refusal(num_nodes=2, num_tasks=1, stdin="x", input="f", constraints={"x": []})
    assert set(wrong) == {"/num_nodes", "/stdin", "/constraints"}


def test_exclusive_needs_nodes() -> None:
    assert refusal(exclusive=True) == {"/exclusive": "needs num_nodes."}


def test_nodes_alone_run_one_task_each() -> None:
    assert spec({"command": "a", "num_nodes": 3}) == spec(
        {"command": "a", "num_nodes": 3, "num_tasks": 3}
    )


def test_option_flags_as_text() -> None:
    assert system(option_flags="mpi=none,verbose=2,exit-timeout")["shell"]["options"] == {
        "mpi": "none",
        "verbose": 2,
        "exit-timeout": 1,
    }


def test_shell_options_dotted_and_nested_are_one() -> None:
    options = system(shell_options={"output.limit": "1G", "output": {"mode": "append"}})["shell"]
    assert options["options"] == {"output": {"limit": "1G", "mode": "append"}}


def test_a_dot_inside_a_value_is_part_of_its_key() -> None:
    options = system(shell_options={"a.b": {"c.d": {"e.f": 1}}, "g": {"h.i": 2}})["shell"]
    assert options["options"] == {"a": {"b": {"c.d": {"e.f": 1}}}, "g": {"h.i": 2}}
    attributes = {"user": {"a.b": 1}, "user.c": {"d.e": 2}, "system": {"files": {"a.txt": {}}}}
    document = spec({"command": "true", "attributes": attributes})
    assert document["attributes"]["user"] == {"a.b": 1, "c": {"d.e": 2}}
    assert document["attributes"]["system"]["files"] == {"a.txt": {}}


@pytest.mark.parametrize(
    "fields",
    [
        {"shell_options": {"pty.interactive": 1}},
        {"shell_options": {"pty": {"interactive": True, "capture": 1}}},
        {"shell_options": "pty.interactive"},
        {"option_flags": "pty.interactive=1"},
        {"attributes": {"system": {"shell": {"options": {"pty": {"interactive": 1}}}}}},
    ],
    ids=str,
)
def test_a_terminal_that_nobody_can_attach_to_is_refused(fields: dict[str, Any]) -> None:
    wrong = refusal(**fields)
    assert "would wait until a terminal attaches" in wrong["/shell_options"]


def test_a_whole_jobspec_with_such_a_terminal_is_refused() -> None:
    document = json.loads(json.dumps(JOBSPEC))
    document["attributes"]["system"]["shell"] = {"options": {"pty": {"interactive": 1}}}
    with pytest.raises(ValidationFailed) as caught:
        build({"jobspec": document}, Defaults())
    assert (
        caught.value.members["errors"][0]["pointer"] == "/jobspec/attributes/system/shell/options"
    )


def test_a_jobspec_larger_than_flux_takes_never_reaches_it() -> None:
    (detail,) = refusal(environment={"A": "x" * (9 << 20)}).values()
    assert "Refer to large files by their path" in detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dependencies", [5]),
        ("dependencies", ["afterok:f1"]),
        ("dependencies", [[1]]),
        ("dependencies", "x"),
        ("dependencies", {"scheme": "after", "value": "f1"}),
        ("dependencies", [{"scheme": "after"}]),
        ("dependencies", [{"scheme": "after", "value": 1}]),
        ("queue", 5),
        ("queue", []),
        ("queue", {}),
        ("queue", None),
    ],
    ids=str,
)
def test_an_attribute_that_fails_the_jobs_of_others_never_reaches_flux(
    name: str, value: Any
) -> None:
    document = json.loads(json.dumps(JOBSPEC))
    document["attributes"]["system"][name] = value
    for fields, pointer in (
        ({"command": "true", "attributes": {f"system.{name}": value}}, ""),
        ({"jobspec": document}, "/jobspec/attributes/system"),
    ):
        with pytest.raises(ValidationFailed) as caught:
            build(fields, Defaults())
        (error,) = caught.value.members["errors"]
        assert error["pointer"] == f"{pointer}/{name}"


@pytest.mark.parametrize("pty", [1, "", {"capture": 1}, {"interactive": 0}], ids=str)
def test_other_terminals_are_not(pty: Any) -> None:
    assert system(shell_options={"pty": pty})["shell"]["options"] == {"pty": pty}


def test_attributes_of_a_request_leave_its_own_values_as_they_are() -> None:
    given = {"a": {"b.c": 1}}
    merged = system(shell_options={"a": given["a"], "a.d": 2})["shell"]["options"]
    assert (merged, given) == ({"a": {"b.c": 1, "d": 2}}, {"a": {"b.c": 1}})


def test_attributes_go_under_system_unless_they_say() -> None:
    document = spec({"command": "true", "attributes": {"project": "p", "user.x.y": 1}})
    assert document["attributes"]["system"]["project"] == "p"
    assert document["attributes"]["user"] == {"x": {"y": 1}}


@pytest.mark.parametrize(
    "attributes",
    [
        {"user.fluxapi": {"key": "stolen"}},
        {"user": {"fluxapi": {"key": "stolen"}}},
        {"user.fluxapi.key": "stolen"},
        {"duration": "1h"},
        {"system": 3},
    ],
)
def test_attributes_that_would_break_the_jobspec_are_refused(attributes: Any) -> None:
    assert set(refusal(attributes=attributes)) == {"/attributes"}


def test_dependencies_are_uris_or_objects() -> None:
    given_as = ["afterok:f2QK3Zz", {"scheme": "singleton", "value": "x"}, "begin-time:5?a=1&a=b"]
    assert system(dependencies=given_as)["dependencies"] == [
        {"scheme": "afterok", "value": "f2QK3Zz"},
        {"scheme": "begin-time", "value": "5", "a": [1, "b"]},
        {"scheme": "singleton", "value": "x"},
    ]


def test_stdin_rides_in_the_jobspec_and_the_job_keeps_its_name() -> None:
    document = spec({"command": "/usr/bin/sort -r", "stdin": "b\na\n"})
    attributes = document["attributes"]["system"]
    assert attributes["files"]["stdin"]["data"] == "b\na\n"
    assert attributes["job"]["name"] == "sort"
    assert document["tasks"][0]["command"][-2:] == ["/usr/bin/sort", "-r"]


def test_stdin_may_be_base64() -> None:
    data = base64.b64encode(b"\0\xff").decode()
    files = system(stdin={"encoding": "base64", "data": data})["files"]
    assert files["stdin"] == {"mode": 0o100600, "encoding": "base64", "data": data}


def test_stdin_that_only_claims_to_be_base64_is_refused() -> None:
    assert set(refusal(stdin={"encoding": "base64", "data": "%"})) == {"/stdin/data"}


def test_nul_is_found_wherever_it_hides() -> None:
    wrong = refusal(attributes={"user.note": ["a\0b"]})
    assert "in attributes.user.note.0 of the jobspec" in wrong[""]


def test_an_escaped_backslash_is_no_nul() -> None:
    assert spec({"command": ["echo", "\\u0000"]})["tasks"][0]["command"][1] == "\\u0000"


def test_the_request_wins_over_the_environment_of_the_service() -> None:
    defaults = Defaults(environment={"HOME": "/home/a", "USER": "a"})
    document = spec({"command": "true", "environment": {"USER": "b"}}, defaults)
    assert document["attributes"]["system"]["environment"] == {"HOME": "/home/a", "USER": "b"}


@pytest.mark.parametrize(
    ("fields", "cwd"),
    [
        ({}, None),
        ({"output": "/x/y"}, None),
        ({"output": "x"}, "/work"),
        ({"error": "x"}, "/work"),
        ({"output": "x", "cwd": "/data"}, "/data"),
        ({"output": "kvs"}, None),
    ],
)
def test_a_job_with_relative_files_names_its_directory(
    fields: dict[str, Any], cwd: str | None
) -> None:
    document = spec({"command": "true", **fields}, Defaults(cwd="/work"))
    assert document["attributes"]["system"].get("cwd") == cwd


def test_a_script_names_its_directory() -> None:
    document = spec({"script": "#!/bin/sh\n", "num_slots": 1}, Defaults(cwd="/work"))
    assert document["attributes"]["system"]["cwd"] == "/work"


JOBSPEC = {
    "resources": [
        {"type": "slot", "label": "t", "count": 1, "with": [{"type": "core", "count": 1}]}
    ],
    "tasks": [{"command": ["true"], "slot": "t", "count": {"per_slot": 1}}],
    "attributes": {"system": {"duration": 0}},
    "version": 1,
}


def test_a_whole_jobspec_is_taken_as_it_is() -> None:
    assert spec({"jobspec": JOBSPEC}, Defaults(option_flags={"mpi": "none"})) == JOBSPEC


def test_a_whole_jobspec_excludes_the_options_that_shape_one() -> None:
    assert set(refusal(jobspec=JOBSPEC, num_tasks=2)) == {"/command", "/num_tasks"}


def test_a_mark_does_not_touch_the_request() -> None:
    submission = build({"jobspec": JOBSPEC}, NOTHING, mark=KeyMark("k", "d"))
    assert json.loads(submission.jobspec)["attributes"]["user"]["fluxapi"]["key"] == "k"
    assert "user" not in JOBSPEC["attributes"]  # type: ignore[operator]


def test_substitution_reaches_all_texts_and_leaves_the_original() -> None:
    original = {"command": ["echo", "{cc}"], "environment": {"A": "x{cc}"}, "num_tasks": 2}
    changed = substitute(original, "{cc}", "7")
    assert changed == {"command": ["echo", "7"], "environment": {"A": "x7"}, "num_tasks": 2}
    assert original["command"] == ["echo", "{cc}"]
