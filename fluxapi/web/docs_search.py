"""Full-text search in the documentation: the guides, the reference, the errors.

A page is split into sections at its headings. The index is a list of their words, which is walked
for each query: all of the documentation has about a megabyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

__all__ = ["Hit", "Index", "Section", "sections"]

MAX_HITS = 30
"""Sections of an answer."""

_MAX_WORDS = 8
"""Words of a query that are looked for."""

_SNIPPET_CHARS = 220
_LEAD_CHARS = 60
"""Characters of a snippet, and of it before the first match."""

_WORD = re.compile(r"[^\W_]+")
_HEADINGS = frozenset({"h1", "h2", "h3"})
_BLOCKS = frozenset({"p", "li", "pre", "dt", "dd", "td", "th", "div", "h4"})


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page below a heading.

    ``address`` is its path on the server, with an anchor. ``_title``, ``_page`` and ``_text`` hold
    the words in lower case, each after a blank, so that a search finds beginnings of words.
    """

    page: str
    title: str
    address: str
    text: str
    _title: str
    _page: str
    _text: str

    @classmethod
    def of(cls, page: str, title: str, address: str, text: str) -> Section:
        """Return a section with its words."""
        return cls(page, title, address, text, _joined(title), _joined(page), _joined(text))

    def score(self, words: Sequence[str]) -> int:
        """Return how well the section matches; 0 if it lacks one of *words*."""
        total = 0
        for word in words:
            beginning = f" {word}"
            value = 12 * (beginning in self._title) + 6 * (beginning in self._page)
            value += 6 * (f"{beginning} " in self._title)
            value += min(self._text.count(beginning), 5)
            if not value:
                return 0
            total += value
        if len(words) > 1 and f" {' '.join(words)}" in self._title + self._text:
            total += 10
        return total


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that matches, and an excerpt in pieces, some of which are what was looked for."""

    section: Section
    pieces: Sequence[tuple[str, bool]]

    @property
    def text(self) -> str:
        """Return the excerpt."""
        return "".join(text for text, _ in self.pieces)


class Index:
    """The sections of all pages."""

    def __init__(self, all_sections: Iterable[Section]) -> None:
        self._sections = tuple(all_sections)

    def __len__(self) -> int:
        return len(self._sections)

    def search(self, query: str) -> tuple[int, list[Hit]]:
        """Return the number of sections that match, and the best of them."""
        words = _words(query)[:_MAX_WORDS]
        if not words:
            return 0, []
        scored = [(section.score(words), section) for section in self._sections]
        found = [pair for pair in scored if pair[0]]
        found.sort(key=lambda pair: -pair[0])
        return len(found), [Hit(it, tuple(_pieces(it.text, words))) for _, it in found[:MAX_HITS]]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _joined(text: str) -> str:
    return f" {' '.join(_words(text))} "


def _pieces(text: str, words: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield an excerpt around the first match, cut at the matches."""
    pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, words))})", re.IGNORECASE)
    match = pattern.search(text)
    begin = max(match.start() - _LEAD_CHARS, 0) if match else 0
    if begin:
        begin = text.find(" ", begin) + 1
        yield "… ", False
    end = begin + _SNIPPET_CHARS
    is_cut = end < len(text)
    if is_cut:
        end = max(text.rfind(" ", begin, end), begin + 1)
    place = begin
    for each in pattern.finditer(text, begin, end):
        if each.start() > place:
            yield text[place : each.start()], False
        yield each[0], True
        place = each.end()
    if place < end:
        yield text[place:end], False
    if is_cut:
        yield " …", False


def sections(page: str, address: str, html: str) -> list[Section]:
    """Return the sections of a page from the HTML below its title."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [
        Section.of(page, _plain(title) or page, f"{address}#{anchor}" if anchor else address, text)
        for anchor, title, parts in reader.found
        if (text := _plain(parts)) or _plain(title)
    ]


def _plain(parts: Iterable[str]) -> str:
    return " ".join("".join(parts).split())


class _Reader(HTMLParser):
    """Collects the text of a page by section: anchor, heading, text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str], list[str]]] = [("", [], [])]
        self._is_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        anchor = dict(attrs).get("id")
        if anchor and (tag in _HEADINGS or tag == "article"):
            self.found.append((anchor, [], []))
        # A heading without an anchor is a part of the text, such as one of a list of contents.
        if tag in _HEADINGS and self.found[-1][0] and not self.found[-1][1]:
            self._is_heading = True
        elif tag in _HEADINGS or tag in _BLOCKS:
            self.found[-1][2].append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HEADINGS:
            self._is_heading = False

    def handle_data(self, data: str) -> None:
        _, title, text = self.found[-1]
        (title if self._is_heading else text).append(data)
