"""The phrases that describe a job, and the sentences that the service says, in English.

``phrases.json`` is a copy of some sections of the texts of the pages
(``fluxapi/web/words/en.json``), made by ``tools/sort_words.py``. The API and the command
line say them in English; a page passes the texts of its reader's language in place of
:func:`english`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

__all__ = ["Say", "codes_of", "english"]

_PHRASES = {
    f"{section}.{name}": phrase
    for section, phrases in msgspec.json.decode(
        Path(__file__).with_name("phrases.json").read_bytes(),
        type=dict[str, dict[str, str | dict[str, str]]],
    ).items()
    for name, phrase in phrases.items()
}


class Say(Protocol):
    """A function that returns the phrase with a key in one language."""

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the phrase with *values* in its places; ``count`` chooses the plural form."""


def english(key: str, /, **values: object) -> str:
    """Return the phrase with this key in English, with *values* in its places."""
    phrase = _PHRASES[key]
    if not isinstance(phrase, str):
        phrase = phrase["one" if values["count"] == 1 else "other"]
    return phrase.format(**values)


@functools.cache
def codes_of(section: str) -> Mapping[str, str]:
    """Return the names of the phrases of a section by their English, without plural forms."""
    start = f"{section}."
    return {
        phrase: key.removeprefix(start)
        for key, phrase in _PHRASES.items()
        if key.startswith(start) and isinstance(phrase, str)
    }
