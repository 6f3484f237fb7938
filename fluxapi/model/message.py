"""Sentences that the service says, of which programs and pages read the code and the values.

The English of a code is in ``phrases.json``, as that of the pages is, and nowhere else. A page that
knows the code in the language of its reader says the sentence itself, with the same values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from .duration import duration
from .phrases import Say, english

__all__ = [
    "SECTIONS",
    "FieldErrors",
    "Message",
    "NotReadable",
    "Sentence",
    "Value",
    "coded",
    "field_error",
    "field_message",
    "problem",
    "said_in",
    "sentence_of",
    "text_of",
    "told",
    "warned",
]

Value = Union[str, int, float, Sequence[str], "Message"]
"""A value in a sentence; several texts are listed. It may be a sentence itself."""

SECTIONS = (
    "ends", "fields", "findings", "forms", "problems", "reasons", "remedies", "warnings",
)  # fmt: skip
"""The sections of the texts whose names are codes; pages look them up by the code."""

FieldErrors = list[dict[str, Any]]
"""``pointer`` and ``detail`` of each invalid field, with ``code`` and ``params`` if it has them."""

_SECONDS = "_seconds"
"""The end of the name of a value that is a number of seconds, and is said as a duration."""

_OPTIONS = "options"
"""The name of a value that lists what one may choose from."""


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


def field_message(code: str, /, **params: Value) -> Message:
    """Return the sentence about an invalid field with this code."""
    return Message("fields", code, params)


class NotReadable(ValueError):
    """A value cannot be read; the message says why."""

    def __init__(self, code: str, /, **params: Value) -> None:
        self.message = field_message(code, **params)
        super().__init__(self.message.text())


def said_in(error: ValueError) -> Sentence:
    """Return what an error says, with its code if it has one."""
    return error.message if isinstance(error, NotReadable) else str(error)


def _said(name: str, value: Value, say: Say) -> str | int | float:
    if isinstance(value, Message):
        return value.text(say)
    if isinstance(value, int | float):
        return duration(value, say) if name.endswith(_SECONDS) else value
    if isinstance(value, str):
        return value
    if name == _OPTIONS and len(value) > 1:
        return say("forms.either", all=", ".join(value[:-1]), last=value[-1])
    return ", ".join(value)


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
        members[f"{name}_params"] = _plain(sentence.params)
    return members


def told(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence as ``detail``, with ``code`` and ``params`` if it has a code."""
    members: dict[str, Any] = {"detail": text_of(sentence)}
    if isinstance(sentence, Message):
        members |= {"code": sentence.code, "params": _plain(sentence.params)}
    return members


def field_error(pointer: str, sentence: Sentence) -> dict[str, Any]:
    """Return the entry of an invalid field in ``errors`` of a problem document."""
    return {"pointer": pointer, **told(sentence)}


def warned(warnings: Sequence[Message]) -> dict[str, Any]:
    """Return the members that tell warnings: their texts, and their codes and values."""
    return {
        "warnings": [warning.text() for warning in warnings],
        "warning_codes": [
            {"code": warning.code, "params": _plain(warning.params)} for warning in warnings
        ],
    }


def sentence_of(section: str, members: Mapping[str, Any]) -> Sentence:
    """Return the sentence that :func:`told` has told."""
    code = members.get("code")
    if code is None:
        return str(members["detail"])
    params = {
        name: sentence_of(value["section"], value) if isinstance(value, dict) else value
        for name, value in members["params"].items()
    }
    return Message(section, code, params)


def _plain(params: Mapping[str, Value]) -> dict[str, Any]:
    """Return the values as JSON; a sentence among them tells its section, too."""
    return {
        name: {"section": value.section, **told(value)} if isinstance(value, Message) else value
        for name, value in params.items()
    }
