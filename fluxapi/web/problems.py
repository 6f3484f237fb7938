"""The words of a page for an error, in the language of its reader."""

from __future__ import annotations

from fluxapi.errors import FluxapiError
from fluxapi.model.message import Message

from .words import Words

__all__ = ["detail_of", "title_of"]


def title_of(words: Words, error: FluxapiError) -> str:
    """Return the title of the type of an error."""
    return words.text(f"problem_types.{error.slug.replace('-', '_')}")


def detail_of(words: Words, error: FluxapiError) -> str:
    """Return what has happened.

    A detail without a code is in English, with the title before it in a page of another language.
    """
    if isinstance(error.coded, Message):
        return error.coded.text(words.text)
    title = title_of(words, error)
    if title == error.title:
        return error.detail
    return words.text("errors.typed", title=title, detail=error.detail)
