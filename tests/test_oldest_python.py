"""Code that newer releases of Python accept, and the oldest one does not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import fluxapi

NEWER = {"LoggerAdapter", "StreamHandler"}
"""Classes of the standard library that have had a parameter at run time since 3.11 only."""

MODULES = sorted(Path(fluxapi.__file__).parent.rglob("*.py"))


def subscripted_bases(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the classes from which others are derived with a parameter."""
    for node in ast.walk(tree):
        for base in node.bases if isinstance(node, ast.ClassDef) else ():
            if isinstance(base, ast.Subscript):
                yield ast.unparse(base.value).rpartition(".")[2]


def test_no_class_has_a_base_that_the_oldest_python_refuses() -> None:
    found = {
        (path.name, name)
        for path in MODULES
        for name in subscripted_bases(ast.parse(path.read_bytes()))
        if name in NEWER
    }
    assert not found
