"""The templates of the pages, compiled."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
from pathlib import Path
from typing import Any
from weakref import WeakSet

import jinja2
from jinja2.bccache import Bucket
from jinja2.runtime import Context

from .reference import ticked
from .visible import unbroken, visible

__all__ = ["CONTEXTS", "templates"]

CONTEXTS = "_contexts"
"""Name of the contexts of a page, a :class:`weakref.WeakSet`, among what it is made of."""

_FOLDER = Path(__file__).parent / "templates"
_SUFFIX = ".html"


class _Bytecode(jinja2.FileSystemBytecodeCache):
    """The code of the templates, kept where Python keeps that of the modules beside them.

    Each start compiles them anew if Python keeps no code, or if the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        kept = Path(importlib.util.cache_from_source(str(folder / "template.py")))
        super().__init__(str(kept.parent), f"%s.{sys.implementation.cache_tag}.template")

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        with contextlib.suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


class _Context(Context):
    """The names of one template while a page is made.

    A macro refers to the context that holds it, so both would stay in memory, with all that the
    page is made of, until the garbage collector runs. So each context is noted with its page.
    """

    def __init__(
        self, environment: jinja2.Environment, parent: dict[str, Any], *rest: Any, **more: Any
    ) -> None:
        super().__init__(environment, parent, *rest, **more)
        contexts: WeakSet[Context] | None = parent.get(CONTEXTS)
        if contexts is not None:
            contexts.add(self)


@functools.cache
def templates() -> jinja2.Environment:
    """Return the templates, all of them loaded, since the event loop must not read files."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        enable_async=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_Bytecode(_FOLDER),
    )
    environment.context_class = _Context
    environment.filters["visible"] = visible
    environment.filters["ticked"] = ticked
    environment.filters["unbroken"] = unbroken
    for name in environment.list_templates(extensions=[_SUFFIX.removeprefix(".")]):
        environment.get_template(name)
    return environment
