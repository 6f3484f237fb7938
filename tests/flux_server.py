"""A process that has imported Flux's bindings, and becomes a command of Flux by a fork.

It runs under ``flux python``, for the commands that Flux has in Python; :mod:`tests.programs`
starts it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import sys
from pathlib import Path
from typing import NoReturn

from tests.fork_server import become, run, serve, starts_alike

_IMPORTED = (
    "flux.cli.argparse",
    "flux.cli.base",
    "flux.eventlog",
    "flux.hostlist",
    "flux.idset",
    "flux.job.stats",
    "flux.job.watcher",
    "flux.queue",
    "flux.resource",
    "flux.rpc",
    "flux.uri",
    "flux.util",
)
"""Modules of the bindings that most commands import."""

_SET_BY_FLUX = ("FLUX", "LUA_", "MANPATH")
"""The beginnings of the variables that ``flux`` sets for its commands."""

_READ_WHEN_IMPORTED = frozenset({"FLUX_SSH", "FLUX_SSH_RCMD", "FLUX_URI_RESOLVE_LOCAL"})


_CODE = ["python", "-c"]
"""The words before a text that is run as a program."""


def _evaluate(text: str) -> NoReturn:
    exec(compile(text, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - a test's
    sys.exit()


def _script(command: str) -> Path:
    return Path(os.environ["FLUX_EXEC_PATH"], f"flux-{command}.py")


def _main(path: str) -> None:
    for name in _IMPORTED:
        with contextlib.suppress(ImportError):  # an older release of Flux
            importlib.import_module(name)
    # Flux has set it for this program alone; a command that has one takes a new interpreter.
    os.environ.pop("PYTHONPATH", None)
    set_by_flux = {k: v for k, v in os.environ.items() if k.startswith(_SET_BY_FLUX)}
    programs = os.environ.get("PATH")

    def accepts(words: list[str], environ: dict[str, str]) -> bool:
        return (
            starts_alike(environ)
            and environ.get("PATH") == programs
            and not environ.keys() & (set_by_flux.keys() | _READ_WHEN_IMPORTED)
            and (words[:2] == _CODE or _script(words[0]).exists())
        )

    found = serve(path, accepts)
    if found is None:
        return
    words, folder, environ = found
    before = {sys.stdout: "stdout", sys.stderr: "stderr"}
    become(folder, {**environ, **set_by_flux})
    if (watcher := sys.modules.get("flux.job.watcher")) is not None:
        # The streams of the server are defaults of its arguments.
        watch = watcher.JobWatcher.__init__
        defaults = (getattr(sys, before[it]) if it in before else it for it in watch.__defaults__)
        watch.__defaults__ = tuple(defaults)
    if words[:2] == _CODE:
        sys.path[0] = ""
        sys.argv = words[1:2] + words[3:]
        run(lambda: _evaluate(words[2]))
    script = _script(words[0])
    sys.path[0] = str(script.parent)
    sys.argv = [str(script), *words[1:]]
    run(lambda: runpy.run_path(str(script), run_name="__main__"))


if __name__ == "__main__":
    _main(sys.argv[1])
