"""The line that the dashboard's page shows: the parser takes it, and it makes the same job."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fluxapi.cli.program import build_parser
from fluxapi.model import batch
from fluxapi.model.jobspec import Defaults, build

from .program import Program

SHELL = Path(__file__).parents[2] / "frontend" / "src" / "submit" / "shell.js"


def table(name: str) -> tuple[list[str], set[str]]:
    """Return the fields of a table of the page, and its flags."""
    found = re.search(rf"const {name} = \{{(.*?)\n\}};", SHELL.read_text("utf-8"), re.DOTALL)
    assert found is not None
    pairs = re.findall(r'(?:short|long|bare|pairs|tree)\("(-[^"]+)"\)|`(--[a-z-]+)=', found[1])
    fields = re.findall(r"^  (\w+):", found[1], re.MULTILINE)
    return fields, {flag for pair in pairs for flag in pair if flag}


FIELDS, FLAGS = table("FLAGS")

BODY: dict[str, Any] = {
    "command": "prog -x 'two words' --flag=$HOME",
    "num_tasks": 4,
    "cores_per_task": 2,
    "gpus_per_task": 1,
    "num_nodes": 2,
    "exclusive": True,
    "duration": 90,
    "name": "it's a 'name'",
    "queue": "batch",
    "bank": "physics",
    "group": "study",
    "cwd": "/home/a b",
    "urgency": "expedite",
    "environment": {"A": "x=y $HOME", "B": "", "LINE": "two\nlines\t\x1b[31m", "$": "$$ ${HOME}"},
    "env_expand": {"RANK": "{{rank}}"},
    "rlimits": {"core": 0, "nofile": -1},
    "input": "/dev/null",
    "output": "out-{{id}}",
    "error": "err",
    "label_io": True,
    "unbuffered": True,
    "shell_options": {
        "verbose": 2,
        "a.b": "1",
        "pty": {"capture": True},
        "text": "words here",
        "c": {"d.e": 1},
        "a": {"f.g": 2},
    },
    "attributes": {
        "user.note": "hi",
        "system": {"project": "x"},
        "user": {"n": [1, "2"], "o": {"p.q": 1}},
    },
    "dependencies": ["afterok:f2QK3Zz", {"scheme": "string", "value": "a b", "n": 1}],
    "constraints": {"and": [{"hostlist": ["a[0-3]"]}, {"not": [{"properties": ["slow"]}]}]},
}
"""Every field that the page has a flag for, except those of :data:`PER_RESOURCE`."""

PER_RESOURCE: dict[str, Any] = {
    "num_cores": 4,
    "num_nodes": 2,
    "tasks_per_node": 3,
    "tasks_per_core": 2,
    "gpus_per_node": 1,
}
"""Tasks per resource, which exclude a number of tasks."""

CORES = {name: PER_RESOURCE[name] for name in ("num_cores", "num_nodes", "tasks_per_core")}
NODES = {name: PER_RESOURCE[name] for name in ("num_nodes", "tasks_per_node", "gpus_per_node")}


def one_field(name: str) -> dict[str, Any]:
    """Return a body with one field, and with those that it needs."""
    body = {"command": "prog", name: BODY[name]}
    if name in {"exclusive", "num_nodes"}:
        body |= {"num_nodes": 2, "num_tasks": 2}
    return body


NAMES = [name for name in BODY if name != "command"]
ALL_FIELDS = {**BODY, "waitable": True, "debug": True}
NODES_ALONE = {"command": "prog", "num_nodes": 2}
MANY: list[tuple[dict[str, Any], int]] = [({"copies": 3}, 3), ({"cc": "0-1,7"}, 3)]
FORMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *((one_field(name), {}) for name in NAMES),
    (ALL_FIELDS, {}),
    (NODES_ALONE, {}),
    *(({"command": "prog", **shape}, {}) for shape in (CORES, NODES)),
    *(({"command": "echo {cc}"}, many) for many, _ in MANY),
]
"""Fields of the form, each with those for many jobs."""


def line(body: dict[str, Any], many: dict[str, Any]) -> dict[str, Any]:
    """Return the command line that the page makes of the fields."""
    return lines()[FORMS.index((body, many))]


@functools.cache
def lines() -> list[dict[str, Any]]:
    """Return the command lines of all forms, made by one process."""
    script = (
        f"import {{ line }} from {json.dumps(SHELL.as_uri())};"
        f"console.log(JSON.stringify({json.dumps(FORMS)}.map((form) => line(...form))));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def words(text: str) -> list[str]:
    """Return the arguments that a shell passes to the program."""
    script = f"fluxapi() {{ printf '%s\\0' \"$@\"; }}; {text}"
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, timeout=60)
    return done.stdout.decode().split("\0")[:-1]


needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="there is no node on PATH: the page cannot make its line"
)


def test_the_parser_has_each_flag_of_the_page() -> None:
    assert len(FLAGS) > 15
    text = help_of("submit")
    for flag in FLAGS | {"--flags", "--cc", "--bcc"}:
        assert re.search(rf"(^|[\s,]){re.escape(flag)}\b", text), flag


def test_the_parser_has_each_flag_of_batch_scripts() -> None:
    fields, flags = table("BATCH_FLAGS")
    assert set(fields) == batch.FIELDS - {"script", "script_args", "script_name"}
    text = help_of("batch")
    for flag in flags:
        assert re.search(rf"(^|[\s,]){re.escape(flag)}\b", text), flag


def help_of(command: str) -> str:
    """Return the help of a command."""
    parser: Any = build_parser(command)
    commands = next(action for action in parser._actions if action.dest == "command")
    text: str = commands.choices[command].format_help()
    return text


def test_the_body_has_each_field_of_the_page() -> None:
    assert set(FIELDS) <= set(BODY) | set(PER_RESOURCE)


@needs_node
@pytest.mark.parametrize("name", NAMES)
def test_each_field(run: Program, name: str) -> None:
    check(run, one_field(name))


@needs_node
def test_all_fields_at_once(run: Program) -> None:
    check(run, ALL_FIELDS)


@needs_node
@pytest.mark.parametrize("shape", [CORES, NODES], ids=["cores", "nodes"])
def test_tasks_per_resource(run: Program, shape: dict[str, Any]) -> None:
    check(run, {"command": "prog", **shape})


@needs_node
def test_one_node_and_nothing_else(run: Program) -> None:
    check(run, NODES_ALONE)


def check(run: Program, body: dict[str, Any]) -> None:
    made = line(body, {})
    assert made["unsaid"] == []
    program, *rest = words(made["line"])
    assert program == "submit"
    ours = json.loads(run.ok("submit", "--dry-run", *rest))
    defaults = Defaults()
    theirs, mine = build(body, defaults), build(ours, defaults)
    assert json.loads(mine.jobspec) == json.loads(theirs.jobspec)
    assert (mine.urgency, mine.waitable, mine.debug) == (
        theirs.urgency,
        theirs.waitable,
        theirs.debug,
    )


@needs_node
@pytest.mark.parametrize(("many", "count"), MANY)
def test_many(run: Program, many: dict[str, Any], count: int) -> None:
    _, *rest = words(line({"command": "echo {cc}"}, many)["line"])
    assert len(run.ok("submit", "--dry-run", *rest).splitlines()) == count
