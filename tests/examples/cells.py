"""Runs the code cells of a notebook as Jupyter does: in a running event loop, in one namespace.

Takes the notebook; prints what the cells print, and what each ends with, as HTML where it has that.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import sys
from pathlib import Path
from typing import Any


async def run(source: str, place: str, names: dict[str, Any]) -> None:
    """Run one cell, and show the value of the expression at its end."""
    tree = ast.parse(source)
    if isinstance(tree.body[-1], ast.Expr):
        last = tree.body[-1]
        tree.body[-1] = ast.copy_location(
            ast.Assign([ast.Name("_", ast.Store())], last.value, lineno=last.lineno), last
        )
    ast.fix_missing_locations(tree)
    names["_"] = None
    result = eval(compile(tree, place, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307 - the example's own code
    if inspect.iscoroutine(result):
        await result
    shown = names["_"]
    html = getattr(shown, "_repr_html_", None)
    if shown is not None:
        print(html() if html else repr(shown))  # noqa: T201 - what a notebook shows


async def main(name: str, notebook: dict[str, Any]) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            await run("".join(cell["source"]), f"{name}#{cell['id']}", names)


path = Path(sys.argv[1])
asyncio.run(main(path.name, json.loads(path.read_text(encoding="utf-8"))))
