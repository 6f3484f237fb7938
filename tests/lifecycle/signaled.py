"""The ``fluxapi`` command, which gets a signal at one step of its life, and another at its end.

``python -m tests.lifecycle.signaled STEP SIGNUM ARGUMENT …`` where STEP is ``import:MODULE`` (while
the module is being imported), ``before:MODULE:NAME`` or ``after:MODULE:NAME`` (a function, or a
method as CLASS.NAME), or ``during:MODULE:NAME`` (a coroutine function, which then never returns).
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import importlib
import importlib.abc
import importlib.machinery
import inspect
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


class OnImport(importlib.abc.MetaPathFinder):
    """Sends a signal while one module is looked for."""

    def __init__(self, name: str, signum: int) -> None:
        self.name = name
        self.signum = signum

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname == self.name:
            send(self.signum)
        return None


def wrapped(when: str, original: Callable[..., Any], signum: int) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            send(signum)
        result = original(*args, **kwargs)
        if when == "after":
            send(signum)
        return result

    @functools.wraps(original)
    async def wait(*args: Any, **kwargs: Any) -> Any:
        if when != "after":
            send(signum)
        if when == "during":
            await asyncio.Event().wait()
        result = await original(*args, **kwargs)
        if when == "after":
            send(signum)
        return result

    return wait if inspect.iscoroutinefunction(original) else call


def prepare(step: str, signum: int) -> None:
    when, module, *names = step.split(":")
    if when == "import":
        sys.meta_path.insert(0, OnImport(module, signum))
        return
    *holders, name = names[0].split(".")
    holder: Any = importlib.import_module(module)
    for part in holders:
        holder = getattr(holder, part)
    setattr(holder, name, wrapped(when, getattr(holder, name), signum))


if __name__ == "__main__":
    step, number, *arguments = sys.argv[1:]
    prepare(step, int(number))
    # The last of what a program does.
    atexit.register(send, int(number))
    from fluxapi.cli import main

    sys.exit(main(arguments))
