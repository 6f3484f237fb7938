"""docs/security.md: every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from .blocks import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and "---" not in line]


@cache
def named_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_is_there(path: str, name: str) -> None:
    assert name in named_in(path)


def test_every_answer_names_a_test() -> None:
    answers = [
        row
        for row in ROWS
        if row.count(" | ") == 2 and not row.startswith(("| threat", "| scope", "| `"))
    ]
    assert len(answers) > 20
    assert [row for row in answers if "`tests/" not in row] == []
