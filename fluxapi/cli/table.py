"""Tables by a format of ``-o``."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from . import formats
from .exit_codes import USAGE, Failure
from .format import Format, FormatError, Values
from .terminal import put
from .text import safe

__all__ = ["chosen_format", "described", "print_table", "without"]


def chosen_format(text: str, heading: Callable[[str], str | None], of: formats.FormatSet) -> Format:
    """Return the format of ``-o``; raise :class:`~fluxapi.cli.exit_codes.Failure`."""
    try:
        return Format(formats.find(text, os.environ, of), heading)
    except FormatError as error:
        raise Failure(str(error), USAGE) from None


def described(text: str, of: formats.FormatSet) -> bool:
    """Print the list of formats, or one, if the value of ``-o`` asks for it."""
    if text == "help":
        put(formats.describe(os.environ, of))
        return True
    if text.startswith("get-config="):
        try:
            put(formats.snippet(text.partition("=")[2], os.environ, of))
        except FormatError as error:
            raise Failure(str(error), USAGE) from None
        return True
    return False


def without(chosen: Format, fields: Collection[str], *, keep_text: bool = False) -> Format:
    """Return the format without some fields and, as in Flux, without the text before them."""
    other = Format("", chosen.heading)
    other.sort = chosen.sort
    text = ""
    for part in chosen.parts:
        if part.field in fields:
            text += part.text if keep_text else ""
        else:
            other.parts.append(replace(part, text=text + part.text))
            text = ""
    return other


def _shown(row: Values) -> Values:
    """Return the values of a row with control characters escaped, but for the colors of ours."""

    def get(name: str) -> Any:
        value = row(name)
        is_text = isinstance(value, str) and not name.startswith("color_")
        return safe(value) if is_text else value

    return get


def print_table(chosen: Format, rows: Sequence[Values], *, header: bool) -> None:
    """Print rows, sorted by the keys of the format; raise :class:`Failure` if one does not fit."""
    try:
        ordered = chosen.sorted([_shown(row) for row in rows], lambda row: row)
        fitted = chosen.fitted(ordered, header=header)
        if header:
            put(fitted.header())
        for row in ordered:
            line = fitted.line(row)
            if line and not line.isspace():
                put(line)
    except FormatError as error:
        raise Failure(str(error), USAGE) from None
