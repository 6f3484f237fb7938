"""Runs blocks of Python one after the other in one namespace, as a notebook does.

Reads one JSON object a line: ``place``, ``text``; writes the marker after each.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import linecache
import sys
import traceback
import types
from typing import Any

MARKER = sys.argv[1]


def run(place: str, text: str, names: dict[str, Any]) -> None:
    """Run one block; ``await`` may stand at its top."""
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    code = compile(text, place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    # As Python's own asynchronous prompt does: the assignments of a coroutine are kept in *names*.
    result = types.FunctionType(code, names)()
    if inspect.iscoroutine(result):
        asyncio.run(result)


names: dict[str, Any] = {"__name__": "__main__"}
for line in sys.stdin:
    block = json.loads(line)
    try:
        run(block["place"], block["text"], names)
    except KeyboardInterrupt:
        pass  # it goes on for good, and has shown what it was to show
    except BaseException:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc(file=sys.stdout)
        sys.exit(1)
    print(f"\n{MARKER}", flush=True)  # noqa: T201 - the answer
