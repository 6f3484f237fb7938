"""docs/security.md: each threat has tests, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from .blocks import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
ROWS = re.findall(r"^\| (T\d+) \| (.+) \|$", TEXT, re.MULTILINE)


@cache
def named_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_is_there(path: str, name: str) -> None:
    assert name in named_in(path)


def test_every_threat_has_tests() -> None:
    threats = [number for number, row in ROWS if "`tests/" not in row]
    tested = [number for number, row in ROWS if "`tests/" in row]
    assert len(threats) > 100
    assert len(threats) == len(set(threats))
    assert sorted(threats) == sorted(tested)
