"""Sentences that the service says, of which programs and pages read the code and the values.

The English of a code is in ``phrases.json``, as that of the pages is, and nowhere else. A page that
knows the code in the language of its reader says the sentence itself, with the same values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .duration import duration
from .phrases import Say, english

__all__ = ["SECTIONS", "Message", "Sentence", "Value", "coded", "problem", "text_of"]

Value = str | int | float | Sequence[str]
"""A value in a sentence; several texts are listed."""

SECTIONS = ("ends", "findings", "problems", "reasons", "remedies")
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


def problem(code: str, **params: Value) -> Message:
    """Return the detail of an error with this code."""
    return Message("problems", code, params)


def _said(name: str, value: Value, say: Say) -> str | int | float:
    if isinstance(value, int | float):
        return duration(value, say) if name.endswith(_SECONDS) else value
    return value if isinstance(value, str) else ", ".join(value)


Sentence = str | Message
"""A sentence; one without a code is in the words of Flux, or of the system."""


def text_of(sentence: Sentence, say: Say = english) -> str:
    """Return a sentence, in English unless *say* has another language."""
    return sentence.text(say) if isinstance(sentence, Message) else sentence


def coded(name: str, sentence: Sentence) -> dict[str, Any]:
    """Return the members that tell a sentence: its text as *name*, its code and its values."""
    members: dict[str, Any] = {name: text_of(sentence)}
    if isinstance(sentence, Message):
        members[f"{name}_code"] = sentence.code
        members[f"{name}_params"] = dict(sentence.params)
    return members
