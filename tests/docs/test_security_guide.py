"""docs/security.md: each threat has tests, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache

from .blocks import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
ROWS = re.findall(r"^\| (T\d+) \| (.+) \|$", TEXT, re.MULTILINE)


@cache
def names_of_tests(path: str) -> set[str]:
    """Return the names of the tests of a file, also of those in its classes."""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [*body, *(child for node in classes for child in node.body)]
    return {node.name for node in nodes if isinstance(node, functions)}


def test_each_named_test_is_there() -> None:
    assert len(NAMED) > 100
    assert [f"{path}::{name}" for path, name in NAMED if name not in names_of_tests(path)] == []


def test_every_threat_has_tests() -> None:
    threats = [number for number, row in ROWS if "`tests/" not in row]
    tested = [number for number, row in ROWS if "`tests/" in row]
    assert len(threats) > 100
    assert len(threats) == len(set(threats))
    assert sorted(threats) == sorted(tested)
