"""Sentences that the service says, of which programs and pages read the code and the values.

The English of a code is in ``phrases.json``, as that of the pages is, and nowhere else. A page that
knows the code in the language of its reader says the sentence itself, with the same values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .duration import duration
from .phrases import Say, english

__all__ = ["SECTIONS", "Message", "Value"]

Value = str | int | float | Sequence[str]
"""A value in a sentence; several texts are listed."""

SECTIONS = ("findings",)
"""The sections of the texts whose names are codes; pages look them up by the code."""

_SECONDS = "_seconds"
"""The end of the name of a value that is a number of seconds, and is said as a duration."""


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence.

    Attributes:
        section: The section of its text, one of :data:`SECTIONS`.
        code: The name of its text there, which is stable.
        params: The values in it, by the names of their places.
    """

    section: str
    code: str
    params: Mapping[str, Value] = field(default_factory=dict)

    def text(self, say: Say = english) -> str:
        """Return the sentence, in English unless *say* has another language."""
        values = {name: _said(name, value, say) for name, value in self.params.items()}
        return say(f"{self.section}.{self.code}", **values)


def _said(name: str, value: Value, say: Say) -> str | int | float:
    if isinstance(value, int | float):
        return duration(value, say) if name.endswith(_SECONDS) else value
    return value if isinstance(value, str) else ", ".join(value)
