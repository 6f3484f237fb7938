"""The files that a jobspec names: the templates, as the job shell renders them."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model.eventlog import Event
from fluxapi.model.idset import IdSet
from fluxapi.model.jobid import encode_f58, encode_fancy
from fluxapi.model.output_files import (
    MAX_FILES,
    OutputFile,
    Placement,
    output_files,
    redirected,
    tasks,
    templates,
)
from fluxapi.model.resources import Node

JOB = 0x123456789ABC
F58, FANCY = encode_f58(JOB), encode_fancy(JOB)
ONE = [Node(3, "n3", IdSet.parse("0-1"))]
TWO = [Node(3, "n3", IdSet.parse("0-1"), IdSet.parse("0")), Node(5, "n5", IdSet.parse("2-3"))]


def jobspec(output: Any, cwd: Any = "/home/ada", **system: Any) -> dict[str, Any]:
    system["shell"] = {"options": {"output": output}}
    if cwd is not None:
        system["cwd"] = cwd
    return {"tasks": [{"command": ["/bin/prog", "x"]}], "attributes": {"system": system}}


def find(
    template: str, path: str, *, ranks: str = "[0-3]", placement: Any = None, **system: Any
) -> list[OutputFile] | None:
    entries = [Event(7.0, "redirect", {"stream": "stdout", "rank": ranks, "path": path})]
    return output_files(
        JOB,
        jobspec({"stdout": {"type": "file", "path": template}}, **system),
        redirected(entries),
        placement or Placement(ONE),
    )


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("out", "/home/ada/out"),
        ("/x/out", "/x/out"),
        ("../out", "/home/ada/../out"),
        ("flux-{{id}}.out", f"/home/ada/flux-{F58}.out"),
        ("flux-{{jobid}}.out", f"/home/ada/flux-{F58}.out"),
        ("{{id.f58}}", f"/home/ada/{F58}"),
        ("{{id.f58plain}}", f"/home/ada/{F58}"),
        ("{{id.dec}}", f"/home/ada/{JOB}"),
        ("{{id.hex}}", f"/home/ada/0x{JOB:x}"),
        ("{{id.dothex}}", "/home/ada/0000.1234.5678.9abc"),
        ("{{id.kvs}}", "/home/ada/job.0000.1234.5678.9abc"),
        ("{{size}}-{{ntasks}}-{{nnodes}}", "/home/ada/4-4-1"),
        ("{{name}}", "/home/ada/prog"),
        ("{{unknown}}-{{idx}}", "/home/ada/{{unknown}}-{{idx}}"),
        ("{{id", "/home/ada/{{id"),
        ("{{tmpdir}}/out", "/var/jobtmp-0/out"),
        ("{{tmpdir}}/{{id}}/{{tmpdir}}", f"/var/t/{F58}//var/t"),
    ],
)
def test_a_template_is_rendered_as_flux_does(template: str, path: str) -> None:
    reported = path.removeprefix("/home/ada/") if not template.startswith("/") else path
    (found,) = find(template, reported) or []
    assert not found.problem
    assert found.path == path
    assert (found.rank, found.host, found.ranks, found.timestamp) == (3, "n3", "[0-3]", 7.0)


def test_an_id_may_have_either_prefix() -> None:
    (found,) = find("{{id}}", FANCY) or []
    assert found.path == f"/home/ada/{FANCY}"


def test_the_name_is_that_of_the_job() -> None:
    (found,) = find("{{name}}", "sim", job={"name": "sim"}) or []
    assert found.path == "/home/ada/sim"


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("out", "/etc/passwd"),
        ("out-{{id}}", "out-f1"),
        ("{{tmpdir}}/out", "/etc/passwd"),
        ("{{id}}", "../../etc/passwd"),
        ("", "out"),
        ("{{tmpdir}}" * 400, "/etc/passwd"),
        ("x" * 5000, "x" * 5000),
    ],
)
def test_another_path_than_that_of_the_jobspec_is_not_read(template: str, path: str) -> None:
    (found,) = find(template, path) or []
    assert found.problem.startswith("The path that the job shell reports is not the one")


def test_a_relative_path_needs_a_folder() -> None:
    (found,) = find("out", "out", cwd=None) or []
    assert found.problem.startswith(
        "The path is relative, and the jobspec names no working directory: the file is usually in "
        "the directory in which the broker of its node was started."
    )


@pytest.mark.parametrize("template", ["o-{{taskid}}", "o-{{node.id}}", "o-{{size}}-{{nnodes}}"])
def test_older_releases_leave_tags_in_the_name(template: str) -> None:
    placement = Placement(TWO, own_files=False)
    (found,) = find(f"{template}-{{{{id}}}}", f"{template}-{F58}", placement=placement) or []
    assert (found.path, found.problem) == (f"/home/ada/{template}-{F58}", "")


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ({"stdout": {"type": "file", "path": "a"}}, {"stdout": "a", "stderr": "a"}),
        ({"stderr": {"type": "file", "path": "b"}}, {"stderr": "b"}),
        (
            {"stdout": {"type": "file", "path": "a"}, "stderr": {"type": "kvs"}},
            {"stdout": "a"},
        ),
        ({"stdout": {"path": "a"}, "stderr": {"path": "b"}}, {"stdout": "a", "stderr": "b"}),
        ({"stdout": {"type": "kvs", "path": "a"}}, {}),
        ({"stdout": {"path": 7}, "stderr": []}, {}),
        (None, {}),
        ("x", {}),
    ],
)
def test_the_templates_of_a_jobspec(output: Any, found: dict[str, str]) -> None:
    assert templates(jobspec(output)) == found


def test_streams_in_one_file_are_one_file() -> None:
    entries = [
        Event(7.0, "redirect", {"stream": stream, "rank": "0", "path": "a"})
        for stream in ("stdout", "stderr")
    ]
    spec = jobspec({"stdout": {"type": "file", "path": "a"}})
    (found,) = output_files(JOB, spec, redirected(entries), Placement(ONE)) or []
    assert found.streams == ("stdout", "stderr")


def test_tasks_have_files_of_their_own() -> None:
    found = find("o.{{task.id}}", "o.{{task.id}}", placement=Placement(TWO, [[0, 2], [1, 3]])) or []
    assert [(file.path, file.ranks, file.host) for file in found] == [
        ("/home/ada/o.0", "0", "n3"),
        ("/home/ada/o.2", "2", "n3"),
        ("/home/ada/o.1", "1", "n5"),
        ("/home/ada/o.3", "3", "n5"),
    ]


def test_nodes_have_files_of_their_own() -> None:
    template = "{{node.id}}.{{node.name}}.{{node.ncores}}.{{node.cores}}.{{node.ntasks}}"
    found = find(template, template, placement=Placement(TWO, [[0, 1], [2, 3]])) or []
    assert [(file.path, file.ranks, file.rank) for file in found] == [
        ("/home/ada/0.n3.2.0-1.2", "0-1", 3),
        ("/home/ada/1.n5.2.2-3.2", "2-3", 5),
    ]


def test_tasks_of_one_node_need_no_map() -> None:
    found = find("{{taskid}}", "{{taskid}}", ranks="[0-1]") or []
    assert [file.path for file in found] == ["/home/ada/0", "/home/ada/1"]


def test_tasks_of_many_nodes_must_be_placed_first() -> None:
    assert find("{{taskid}}", "{{taskid}}", placement=Placement(TWO)) is None


def test_the_tasks_of_a_node_are_not_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IdSet, "__iter__", lambda _: pytest.fail("expanded"))
    found = find("out-{{node.id}}", "out-0", ranks="[0-999999]") or []
    assert [(file.path, file.ranks) for file in found] == [("/home/ada/out-0", "0-999999")]


def test_there_are_not_too_many_files() -> None:
    found = find("{{taskid}}", "{{taskid}}", ranks="[0-99999]") or []
    assert len(found) == MAX_FILES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("taskmap", "nodes", "found"),
    [
        ([[0, 2, 2, 1]], 2, [[0, 1], [2, 3]]),
        ([[0, 2, 1, 2]], 2, [[0, 2], [1, 3]]),
        ({"version": 1, "map": [[0, 1, 2, 1], [1, 1, 1, 1]]}, 2, [[0, 1], [2]]),
        ([[0, 3, 1, 1]], 2, None),
        ([[0, 1, 1, 1 << 30]], 1, None),
        ([[0, 1 << 19, 1 << 19, 1 << 19]], 1 << 19, None),
        ([[-1, 1, 1, 1]], 2, None),
        ([[0, 1, True, 1]], 2, None),
        ([0], 2, None),
        ("x", 2, None),
        (None, 2, None),
    ],
)
def test_a_task_map_places_tasks(taskmap: Any, nodes: int, found: Any) -> None:
    assert tasks(taskmap, nodes) == found


def test_odd_entries_are_no_redirects() -> None:
    entries = [
        Event(0.0, "redirect", {"stream": "stdout", "path": 7}),
        Event(0.0, "redirect", {"stream": ["stdout"], "path": "x"}),
        Event(0.0, "redirect", {"stream": "other", "path": "x"}),
        Event(0.0, "redirect", None),
        Event(0.0, "data", {"stream": "stdout", "path": "x"}),
    ]
    assert redirected(entries) == {}
