"""The texts of the pages: one file per language in ``words/``, of which the reader gets the best.

A text has places for values, such as ``{name}``, and code between backticks. A text that depends on
a number has one form for each plural form of its language; the value ``count`` chooses.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import hdrs, web
from babel import Locale
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from fluxapi.http import keys
from fluxapi.model.duration import duration

__all__ = ["ENGLISH", "Words", "chosen", "load", "words_of"]

ENGLISH = "en"
"""The complete language, which everybody gets whose languages have no file."""

_FOLDER = Path(__file__).parent / "words"
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}", re.ASCII)
_COUNT = "count"
_OTHER = "other"
_MAX_RANGES = 20
"""Languages of a request that are looked at."""

_MAX_RANGE_CHARS = 64
"""Characters of a language that is looked at; RFC 5646 expects tags of up to 35.

Each shorter form of a language is looked for, so that one that fills a header would take seconds.
"""

_Pieces = tuple[str, ...]
"""A text in pieces: text, name of a place, text, name, …, text."""

_Forms = Mapping[str, _Pieces]
"""The plural forms of a text; a text without them has only ``other``."""


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language."""

    tag: str
    locale: Locale
    source: Mapping[str, str | Mapping[str, str]]
    """The texts and their plural forms by key, as their file has them."""
    forms: Mapping[str, _Forms]

    def text(self, key: str, /, **values: object) -> str:
        """Return the text of *key* with *values* in its places, for a place that escapes it."""
        return "".join(
            self._shown(values[piece]) if index % 2 else piece
            for index, piece in enumerate(self._pieces(key, values))
        )

    def html(self, key: str, /, **values: object) -> Markup:
        """Return the text of *key* as HTML; values are escaped unless they are HTML."""
        pieces: list[str] = []
        tags = itertools.cycle(("<code>", "</code>"))
        for index, piece in enumerate(self._pieces(key, values)):
            if index % 2:
                value = values[piece]
                pieces.append(value if isinstance(value, Markup) else escape(self._shown(value)))
            else:
                first, *rest = piece.split("`")
                pieces.append(escape(first))
                for part in rest:
                    pieces += [next(tags), escape(part)]
        return Markup("".join(pieces))  # noqa: S704 - escaped

    def number(self, value: float) -> str:
        """Return a number with the separators of the language."""
        return format_decimal(value, locale=self.locale)

    def duration(self, seconds: float) -> str:
        """Return a duration with the units of the language."""
        return duration(seconds, self.text)

    def script(self, shown: Container[str]) -> bytes:
        """Return a script that gives the texts with the keys in *shown* to ``ui/words.js``."""
        texts = {key: text for key, text in self.source.items() if key in shown}
        literal = msgspec.json.encode({"lang": self.tag, "texts": texts}).decode()
        return f"globalThis.fluxapiWords=Object.freeze({literal});\n".encode()

    def _pieces(self, key: str, values: Mapping[str, object]) -> _Pieces:
        forms = self.forms[key]
        if len(forms) == 1:
            return forms[_OTHER]
        count = values[_COUNT]
        if not isinstance(count, int | float):
            raise TypeError(f"{key}: count is not a number")
        return forms.get(self.locale.plural_form(count), forms[_OTHER])

    def _shown(self, value: object) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.number(value)
        return str(value)


@functools.cache
def load(folder: Path = _FOLDER) -> Mapping[str, Words]:
    """Return the languages by their tags; raises ``ValueError`` for a file that is not complete."""
    found = {path.stem: _read(path) for path in sorted(folder.glob("*.json"))}
    english = found[ENGLISH]
    for words in found.values():
        _compare(words, english)
    return found


def _read(path: Path) -> Words:
    """Return the words of a file, whose name is a language tag."""
    sections = json.loads(path.read_text("utf-8"), object_pairs_hook=_unique)
    locale = Locale.parse(path.stem, sep="-")
    source = {
        f"{section}.{name}": text
        for section, texts in sections.items()
        for name, text in texts.items()
    }
    forms: dict[str, _Forms] = {}
    for key, text in source.items():
        if not all(_NAME.fullmatch(part) for part in key.split(".", 1)):
            raise ValueError(f"{path.name}: the key {key} has other characters than a-z, 0-9 and _")
        texts = text if isinstance(text, dict) else {_OTHER: text}
        forms[key] = {form: tuple(_PLACE.split(each)) for form, each in texts.items()}
        _check(f"{path.name}: {key}", text, forms[key], locale)
    return Words(path.stem, locale, source, forms)


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"the name {name} stands twice")
        made[name] = value
    return made


def _check(where: str, text: str | Mapping[str, str], forms: _Forms, locale: Locale) -> None:
    """Raise ``ValueError`` for a text that is empty, has broken places, or lacks a plural form."""
    for pieces in forms.values():
        if not "".join(pieces).strip():
            raise ValueError(f"{where} is empty")
        if any(set(piece) & {"{", "}"} for piece in pieces[::2]):
            raise ValueError(f"{where} has a brace that belongs to no place such as {{name}}")
        if "".join(pieces).count("`") % 2:
            raise ValueError(f"{where} has a backtick without a second one")
    if isinstance(text, dict):
        needed = {*locale.plural_form.tags, _OTHER}
        if set(text) != needed:
            raise ValueError(f"{where} needs the plural forms {', '.join(sorted(needed))}")


def _places(pieces: _Pieces) -> set[str]:
    return set(pieces[1::2])


def _compare(words: Words, english: Words) -> None:
    """Raise ``ValueError`` unless a language has the keys and the places of English."""
    for keys_, verb in (
        (english.forms.keys() - words.forms, "lacks"),
        (words.forms.keys() - english.forms, "has"),
    ):
        if keys_:
            raise ValueError(f"{words.tag}.json {verb} the key {min(keys_)}, unlike {ENGLISH}.json")
    for key, forms in words.forms.items():
        has_forms = isinstance(words.source[key], dict)
        if has_forms is not isinstance(english.source[key], dict):
            raise ValueError(f"{words.tag}.json: {key} has plural forms in one language only")
        expected = _places(english.forms[key][_OTHER])
        for form, pieces in forms.items():
            # A form for few numbers may tell them in words.
            may_lack = {_COUNT} if has_forms and form != _OTHER else set()
            if not expected - may_lack <= _places(pieces) <= expected:
                raise ValueError(f"{words.tag}.json: {key} ({form}) has other places than English")


def chosen(languages: Mapping[str, Words], header: str) -> Words:
    """Return the language that fits an Accept-Language header best (RFC 4647, lookup)."""
    tags = {tag.lower(): tag for tag in languages}
    for wanted in _wanted(header):
        parts = wanted.split("-")
        for count in range(len(parts), 0, -1):
            start = "-".join(parts[:count])
            if start in tags:
                return languages[tags[start]]
        for tag in tags:
            if tag.split("-")[0] == parts[0]:
                return languages[tags[tag]]
    return languages[ENGLISH]


def _wanted(header: str) -> list[str]:
    """Return the language ranges of a header in lower case, the best first."""
    ranges: list[tuple[float, str]] = []
    for part in header.lower().split(",", _MAX_RANGES)[:_MAX_RANGES]:
        name, _, quality = part.partition(";")
        found = re.fullmatch(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", quality.strip() or "q=1")
        weight = float(found[1]) if found else 0.0
        name = name.strip()
        if weight and len(name) <= _MAX_RANGE_CHARS:
            ranges.append((-weight, name))
    return [name for _, name in sorted(ranges, key=lambda it: it[0])]


def words_of(request: web.Request) -> Words:
    """Return the language of a request."""
    header = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    return chosen(request.app[keys.WORDS], header)
