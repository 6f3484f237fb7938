"""One template: a request for jobs, under a name."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["NAME", "Entry", "Template"]

NAME = r"\A[A-Za-z0-9][A-Za-z0-9._ -]{0,63}\Z"
"""The names of templates, which are names of files, too; schemas/template-entry.json has them."""

_MAX_DESCRIPTION_LENGTH = 500

_Moment = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
_Name = Annotated[str, msgspec.Meta(pattern=NAME)]
_Description = Annotated[str, msgspec.Meta(max_length=_MAX_DESCRIPTION_LENGTH)]


class Template(msgspec.Struct, omit_defaults=True):
    """A template as it is stored. A job can write the file, so each value has limits.

    Attributes:
        request: The fields ``job`` and ``copies`` or ``cc`` of ``POST /v1/jobs/bulk``.
        format: A release that changes the format counts up.
    """

    name: _Name
    created: _Moment
    modified: _Moment
    request: dict[str, msgspec.Raw]
    description: _Description = ""
    format: int = 1


class Entry(msgspec.Struct, frozen=True):
    """A template without its request, as in a list; ``bytes`` is its size in the store."""

    name: str
    created: float
    modified: float
    description: str
    bytes: int
