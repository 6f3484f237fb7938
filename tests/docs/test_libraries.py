"""docs/libraries.md: it gives the reason for each dependency."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

from .blocks import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = (ROOT / "docs" / "libraries.md").read_text(encoding="utf-8").lower()


def dependencies() -> Iterator[str]:
    """Yield the names of all dependencies, of Python and of scripts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    for group in groups:
        yield from (re.split(r"[\[<>=~; ]", it)[0] for it in group if isinstance(it, str))
    package = json.loads((ROOT / "frontend" / "package.json").read_text(encoding="utf-8"))
    yield from package.get("dependencies", {})
    yield from package.get("devDependencies", {})


def test_each_dependency_has_a_reason() -> None:
    names = {name.lower() for name in dependencies()} - {"fluxapi"}
    assert len(names) > 40
    words = set(re.findall(r"[@\w./-]+", TEXT))
    assert sorted(names - words) == []
