"""The inputs of ``fluxapi bulksubmit``: behind ``:::`` and ``::::``, or from standard input."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .exit_codes import USAGE, Failure
from .text import safe

__all__ = ["combined", "separator", "split"]

_VALUES, _FILE = ":::", "::::"
_LINKED = (":::+", "::::+")
"""As in flux-core, ``::::+`` is the same as ``:::+``: its words are inputs, not files."""


def separator(text: str) -> str | None:
    """Return the separator of inputs that ``--sep`` means; ``None`` is any whitespace."""
    try:
        meant = text.encode().decode("unicode_escape")
    except UnicodeDecodeError:
        raise Failure(f"--sep={safe(text)}: the escape sequence is invalid.", USAGE) from None
    if not meant:
        raise Failure("--sep: give a separator, or none for whitespace.", USAGE)
    return None if meant.lower() == "none" else meant


def split(words: Sequence[str]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return the words before the first separator, and the separators with the words after each."""
    command: list[str] = []
    lists: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith(_VALUES):
            if word not in {_VALUES, _FILE, *_LINKED}:
                raise Failure(f"{safe(word)}: use :::, ::::, or :::+.", USAGE)
            lists.append((word, []))
        else:
            (lists[-1][1] if lists else command).append(word)
    return command, lists


def combined(lists: Sequence[tuple[str, list[str]]], sep: str | None) -> Iterator[list[str]]:
    """Yield the inputs of each command: all combinations, with linked inputs added in turn."""
    links: list[tuple[int, Iterator[str]]] = []
    plain: list[list[str]] = []
    for place, (mark, words) in enumerate(lists):
        if mark in _LINKED:
            if not words:
                raise Failure(f"{mark} needs inputs.", USAGE)
            links.append((place, itertools.cycle(words)))
            continue
        if mark == _FILE and len(words) != 1:
            raise Failure(":::: needs one file, or - for standard input.", USAGE)
        plain.append(_read(words[0], sep) if mark == _FILE else words)
    plain = [words for words in plain if words] or [_read("-", sep)]
    for found in itertools.product(*plain):
        inputs = list(found)
        for place, cycle in links:
            inputs.insert(place, next(cycle))
        yield inputs


def _read(place: str, sep: str | None) -> list[str]:
    """Return the inputs in a file, or on standard input for ``-``; empty ones are left out."""
    try:
        raw = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
        return list(filter(None, raw.decode("utf-8").split(sep)))
    except OSError as error:
        raise Failure(f"{safe(place)} cannot be read: {error.strerror}.", USAGE) from None
    except UnicodeDecodeError:
        raise Failure(f"{safe(place)} is not UTF-8 text.", USAGE) from None
