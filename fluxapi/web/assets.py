"""The files that pages load, built from ``frontend/`` and read once by each process.

The path of a file contains a hash of its content, so a browser may cache it forever.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from fluxapi.errors import NotFound
from fluxapi.model.message import SECTIONS

from . import words
from .words import Words

__all__ = ["Asset", "address", "asset", "load", "with_words", "words_name"]

_BUILT = Path(__file__).parent / "static" / "dist"
_KEY = re.compile(rb"""["'`]([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)["'`]""")
"""A text in a script that may be the key of a text of the page."""

_BY_CODE = frozenset({*SECTIONS, "page_problems", "problem_types"})
"""The sections of the texts that scripts look up by what the service answers."""

_IN_ENGLISH = frozenset({"fields", "forms", "warnings"})
"""The sections of which a page in English shows what the service says."""

_SAID_ANEW = frozenset({"fields.line", "fields.script_no_program"})
"""Texts of these sections that the form says with a part in its own words."""

_MIN_GZIP_BYTES = 1024
"""Size from which a file is compressed."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its media type, and its bytes, plain and compressed."""

    kind: str
    version: str
    plain: bytes
    packed: bytes | None


@functools.cache
def load() -> Mapping[str, Asset]:
    """Return the built files and the texts by name; empty if the dashboard was not built."""
    built = {path.name: _read(path) for path in sorted(_BUILT.glob("*.*"))}
    return with_words(built, words.load())


def _read(path: Path) -> Asset:
    return _made(path.name, path.read_bytes())


def _made(name: str, plain: bytes) -> Asset:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = gzip.compress(plain, mtime=0) if len(plain) >= _MIN_GZIP_BYTES else None
    return Asset(kind, hashlib.sha256(plain).hexdigest()[:12], plain, packed)


def with_words(built: Mapping[str, Asset], languages: Mapping[str, Words]) -> Mapping[str, Asset]:
    """Return the built files and, for each language, a script with the texts that they show."""
    scripts = [file.plain for name, file in built.items() if name.endswith(".js")]
    if not scripts:
        return built
    shown = {key.decode() for script in scripts for key in _KEY.findall(script)}
    # Scripts look up what the service says by its code.
    shown |= {key for it in languages.values() for key in it.source if _section(key) in _BY_CODE}
    made = dict(built)
    for language in languages.values():
        name = words_name(language)
        needed = shown
        if language.tag == words.ENGLISH:
            needed = {it for it in shown if _section(it) not in _IN_ENGLISH or it in _SAID_ANEW}
        made[name] = _made(name, language.script(needed))
    return made


def _section(key: str) -> str:
    return key.partition(".")[0]


def words_name(language: Words) -> str:
    """Return the name of the script with the texts of a language."""
    return f"words-{language.tag}.js"


def address(assets: Mapping[str, Asset], name: str) -> str:
    """Return the path of a file."""
    found = assets.get(name)
    return f"/static/{found.version if found else 'none'}/{name}"


def asset(request: web.Request, assets: Mapping[str, Asset]) -> web.Response:
    """Return the file of the request's path; raises ``NotFound``.

    Nobody may keep a file of another version: while a release replaces another, a page of the new
    one may ask the old one.
    """
    name, version = request.match_info["name"], request.match_info["version"]
    found = assets.get(name)
    if found is None:
        raise NotFound(f"There is no file {name[:64]!r}; in a checkout, build it with make.")
    body = found.plain
    is_same = version == found.version
    headers = {
        hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable" if is_same else "no-store",
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    if found.packed is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = found.packed
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, content_type=found.kind, charset="utf-8", headers=headers)
