"""Templates of jobs, which the service keeps under names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from fluxapi.client.body import decoded, encoded
from fluxapi.client.limits import Moment
from fluxapi.client.request import Request
from fluxapi.client.results import Template, TemplateEntry

from .base import Methods

__all__ = ["TemplateMethods"]

_MAX_COPIES = 100_000


class TemplateMethods(Methods):
    """The methods that save, list, read and delete templates; they need the scope ``submit``."""

    async def save_template(
        self,
        name: str,
        job: Mapping[str, Any],
        *,
        description: str = "",
        copies: int | None = None,
        cc: str | None = None,
    ) -> TemplateEntry:
        """Save the request for a job under a name, and replace the template of this name.

        Args:
            name: Letters, digits, blanks, dots, dashes and underscores.
            job: The fields of the job, with the names of the arguments of :meth:`submit`.
            description: One line about its purpose.
            copies: How many times the job is submitted.
            cc: Ids such as ``0-9``: the job is submitted once for each. Excludes *copies*.
        """
        given = {"description": description or None, "copies": copies, "cc": cc}
        fields = {key: value for key, value in given.items() if value is not None}
        request = Request(
            "PUT",
            _path(name),
            body=encoded({"job": dict(job), **fields}),
            headers={"Content-Type": "application/json"},
            repeatable=True,
        )
        return _entry(decoded((await self._transport.ask(request)).body, _Entry))

    async def templates(self) -> list[TemplateEntry]:
        """Return all templates by name, without their requests."""
        found = await self._transport.get("/templates", _Entries)
        return [_entry(it) for it in found.templates]

    async def template(self, name: str) -> Template:
        """Return the template with this name; raise ``NotFound``."""
        found = await self._transport.get(_path(name), _Shown)
        return Template(
            found.name,
            found.job,
            found.created,
            found.modified,
            found.description,
            found.copies,
            found.cc,
        )

    async def delete_template(self, name: str) -> TemplateEntry:
        """Delete the template with this name, and return its entry; raise ``NotFound``."""
        response = await self._transport.ask(Request("DELETE", _path(name)))
        return _entry(decoded(response.body, _Entry))


class _Entry(msgspec.Struct):
    name: str
    created: Moment
    modified: Moment
    bytes: int
    description: str = ""


class _Entries(msgspec.Struct):
    templates: list[_Entry]


class _Shown(msgspec.Struct):
    name: str
    created: Moment
    modified: Moment
    job: dict[str, Any]
    description: str = ""
    copies: Annotated[int, msgspec.Meta(ge=1, le=_MAX_COPIES)] | None = None
    cc: str | None = None


def _entry(found: _Entry) -> TemplateEntry:
    return TemplateEntry(found.name, found.created, found.modified, found.bytes, found.description)


def _path(name: str) -> str:
    return f"/templates/{quote(name, safe='')}"
