"""The words of a page for an error, in the language of its reader."""

from __future__ import annotations

from fluxapi.errors import FluxapiError, ValidationFailed
from fluxapi.model.message import Message, sentence_of, text_of

from .words import Words

__all__ = ["detail_of", "fields_of", "title_of"]


_MAX_ERRORS = 20
"""Invalid fields that are named at most."""

_ON_A_PAGE = "page_problems"
"""The section of the details that pages say in their own way."""


def title_of(words: Words, error: FluxapiError) -> str:
    """Return the title of the type of an error."""
    return words.text(f"problem_types.{error.slug.replace('-', '_')}")


def detail_of(words: Words, error: FluxapiError) -> str:
    """Return what has happened.

    A detail without a code is in English, with the title before it in a page of another language.
    Some say on a page what to do there, in place of a command or a request.
    """
    if isinstance(error.coded, Message):
        code = error.coded.code
        if f"{_ON_A_PAGE}.{code}" in words.source:
            return Message(_ON_A_PAGE, code, error.coded.params).text(words.text)
        return error.coded.text(words.text)
    if isinstance(error, ValidationFailed):
        count = len(error.members["errors"])
        return words.text(
            "errors.invalid" if count < _MAX_ERRORS else "errors.invalid_or_more", count=count
        )
    title = title_of(words, error)
    if title == error.title:
        return error.detail
    return words.text("errors.typed", title=title, detail=error.detail)


def fields_of(words: Words, error: FluxapiError) -> list[dict[str, str]]:
    """Return ``pointer`` and ``detail`` of each invalid field."""
    return [
        {
            "pointer": str(field.get("pointer", "")),
            "detail": text_of(sentence_of("fields", field), words.text),
        }
        for field in error.members.get("errors", ())
    ]
