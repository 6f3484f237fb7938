"""The replacement fields of ``fluxapi bulksubmit``: ``{}``, ``{1}``, ``{0.%}``, ``{seq}``.

They have the syntax of Python's ``str.format`` and the names of flux-core
(``flux/cli/bulksubmit.py``), but no attribute of an object can be named: only the four parts of an
input, and the methods of ``--define``. Text in two braces (``{{id}}``) is left to the job shell.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from string import Formatter
from types import CodeType

from .exit_codes import USAGE, Failure
from .text import safe

__all__ = ["LIST", "Template", "compile_methods"]

LIST = "::list::"
"""Text between the items of a list that a method returns, as in flux-core."""

_OPEN, _CLOSE = "\0<", "\0>"
"""Two braces while fields are replaced; no argument of a program has a null character."""

_MAX_WIDTH = 4096
_MAX_DEPTH = 2
"""Levels of fields: a field may be in the format of another, as in ``str.format``."""

_PARTS: dict[str, Callable[[str], str]] = {
    "%": lambda text: os.path.splitext(text)[0],  # noqa: PTH122 - exactly as flux-core
    "/": os.path.basename,
    "//": os.path.dirname,
    "/%": lambda text: os.path.basename(os.path.splitext(text)[0]),  # noqa: PTH119, PTH122
}
_CONVERSIONS: dict[str | None, Callable[[object], object]] = {
    None: lambda value: value,
    "": lambda value: value,
    "s": str,
    "r": repr,
    "a": ascii,
}


def compile_methods(definitions: Iterable[str]) -> dict[str, CodeType]:
    """Return the code of each ``--define=NAME=CODE``."""
    methods = {}
    for text in definitions:
        name, equals, code = text.partition("=")
        if not (name and equals):
            raise Failure(f"--define={safe(text)}: give NAME=CODE.", USAGE)
        try:
            methods[name] = compile(code, name, "eval")
        except (SyntaxError, ValueError) as error:
            raise Failure(f"--define={safe(text)}: {safe(str(error))}.", USAGE) from None
    return methods


class Template:
    """The inputs of one command, which fields are replaced by."""

    def __init__(
        self,
        inputs: Sequence[str],
        names: Mapping[str, int | str],
        methods: Mapping[str, CodeType],
    ) -> None:
        self._inputs = inputs
        self._names = names
        self._methods = methods

    def expand(self, text: str, where: str) -> str:
        """Replace the fields of a text; raise :class:`Failure` that names it, and *where* it is."""
        if "{" not in text and "}" not in text:
            return text
        hidden = text.replace("{{", _OPEN).replace("}}", _CLOSE)
        try:
            shown = _Expansion(self._value).expand(hidden)
        except Failure as failure:
            raise Failure(f"{where}{safe(text)}: {failure.sentence}", USAGE) from None
        except (ValueError, TypeError, OverflowError) as error:
            raise Failure(f"{where}{safe(text)}: {safe(str(error))}.", USAGE) from None
        return shown.replace(_OPEN, "{{").replace(_CLOSE, "}}")

    def _value(self, name: str) -> object:
        """Return the value of a field: ``0``, ``0.PART`` or a name."""
        first, dot, part = name.partition(".")
        if first.isascii() and first.isdigit():
            if int(first) >= len(self._inputs):
                raise Failure(f"there is no input {first}; there are {len(self._inputs)}.")
            text = self._inputs[int(first)]
            return self._part(text, part) if dot else text
        if name not in self._names:
            known = ", ".join(["numbers", *self._names])
            raise Failure(f"there is no {safe(name)!r} to replace; there are {known}.")
        return self._names[name]

    def _part(self, text: str, part: str) -> object:
        if part in _PARTS:
            return _PARTS[part](text)
        if part not in self._methods:
            raise Failure(f"Unknown input string method '.{safe(part)}'.")
        try:
            # The code is from the command line of the user who runs this program.
            result = eval(self._methods[part], {"os": os, "re": re, "sys": sys}, {"x": text})  # noqa: S307
        except Exception as error:  # noqa: BLE001 - the code may do anything
            raise Failure(f"the method .{safe(part)} failed: {safe(str(error))}.") from None
        return LIST.join(map(str, result)) if isinstance(result, list) else result


class _Expansion:
    """The replacement of the fields of one text, of which ``{}`` are numbered."""

    def __init__(self, value: Callable[[str], object]) -> None:
        self._value = value
        self._next = 0
        self._numbered: bool | None = None
        """True if the fields of the text have numbers; ``None`` before the first field."""

    def expand(self, text: str, depth: int = _MAX_DEPTH) -> str:
        """Return the text with its fields replaced."""
        if not depth:
            raise ValueError("fields are nested too deeply")
        shown = ""
        for before, field, spec, conversion in Formatter().parse(text):
            shown += before
            if field is None:
                continue
            if conversion not in _CONVERSIONS:
                raise ValueError(f"there is no conversion !{conversion}")
            value = _CONVERSIONS[conversion](self._value(self._named(field)))
            layout = self.expand(spec, depth - 1) if spec else ""
            if any(int(number) > _MAX_WIDTH for number in re.findall("[0-9]+", layout)):
                raise ValueError(f"a field is at most {_MAX_WIDTH} wide")
            shown += format(value, layout)
        return shown

    def _named(self, field: str) -> str:
        """Return a field with its number, which ``{}`` has by its position."""
        first = field.partition(".")[0]
        if first and not first.isdigit():
            return field
        if self._numbered is not None and self._numbered != bool(first):
            raise ValueError("fields with and without a number cannot be mixed")
        self._numbered = bool(first)
        if first:
            return field
        self._next += 1
        return f"{self._next - 1}{field}"
