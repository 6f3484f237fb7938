"""docs/contributing/adding-a-route.md: the files that it names are there, its code is theirs."""

from __future__ import annotations

import ast
import re

import pytest

from .blocks import ROOT, Block, blocks_of

PAGE = ROOT / "docs" / "contributing" / "adding-a-route.md"
TEXT = PAGE.read_text(encoding="utf-8")
MAX_FILES = 8
PATHS = sorted(set(re.findall(r"`((?:fluxapi|frontend|schemas|tests|docs)/[\w/.-]+)`", TEXT)))
CODE = [block for block in blocks_of(PAGE) if block.language == "python"]


def test_each_named_file_is_there() -> None:
    assert len(PATHS) > 20
    assert [path for path in PATHS if not (ROOT / path).exists()] == []


def test_a_route_touches_few_files() -> None:
    steps = re.findall(r"^\| *\d* *\| `([^`]+)` \|", TEXT, re.MULTILINE)
    assert 1 < len(steps) <= MAX_FILES


@pytest.mark.parametrize(
    ("block", "path"),
    [
        (CODE[0], "fluxapi/handlers/control.py"),
        (CODE[1], "fluxapi/handlers/routes.py"),
        (CODE[2], "fluxapi/client/methods/control.py"),
        (CODE[3], "fluxapi/cli/commands/urgency.py"),
        (CODE[5], "fluxapi/settings/table.py"),
    ],
    ids=["handler", "route", "client", "command", "setting"],
)
def test_the_example_is_the_code(block: Block, path: str) -> None:
    (example,) = ast.parse(block.text).body
    wanted = ast.dump(example.value if isinstance(example, (ast.Expr, ast.Assign)) else example)
    source = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert wanted in {
        ast.dump(node)
        for node in ast.walk(source)
        if isinstance(node, (ast.Call, ast.AsyncFunctionDef))
    }
