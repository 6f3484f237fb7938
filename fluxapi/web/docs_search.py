"""Full-text search in the documentation: the guides, the reference, the errors.

A page is split into sections at its headings. The index is a list of their words, which is walked
for each query: all of the documentation has about a megabyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from html.parser import HTMLParser

from fluxapi.process.timeslice import TimeSlice

__all__ = ["Hit", "Index", "Kind", "Section", "sections"]

MAX_HITS = 30
"""Sections of an answer."""

_MAX_WORDS = 8
"""Words of a query that are looked for."""

_SNIPPET_CHARS = 220
_LEAD_CHARS = 60
"""Characters of a snippet, and of it before the first match."""

_STOP_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "has",
    "have", "how", "i", "in", "is", "it", "its", "me", "my", "of", "on", "or", "should", "that",
    "the", "there", "this", "to", "was", "what", "when", "where", "which", "who", "why", "will",
    "with", "you", "your",
})  # fmt: skip
"""Words that say nothing of the subject; they count only if a query has no other."""

_QUESTIONS = frozenset({"how", "when", "where", "why"})
_NEAR_CHARS = 60
"""Characters after the word of a question in which an answer has the other words."""
_ANSWER_SCORE = 60

_KIND_PENALTY = 20

_DURATION = re.compile(r"(?:\d+(?:d|h|m|s|ms))+\Z")
_DURATION_PHRASES = (("duration",), ("time", "limit"))
"""Phrases to look for instead of a duration such as ``2h30m``."""

_TEST = re.compile(r"\btests/[\w./-]+(?:::\w+)?")
"""Tests that a table of the guides names; nobody looks for them."""

_WORD = re.compile(r"[^\W_]+")
_HEADINGS = frozenset({"h1", "h2", "h3"})
_BLOCKS = frozenset({"p", "li", "pre", "dt", "dd", "td", "th", "div", "h4"})
_REMARK = "untested"
"""Class of a remark about an example, which is no part of the text."""


class Kind(IntEnum):
    """The kind of a page; of sections that match equally well, those of the first kind lead."""

    GUIDE = 0
    REFERENCE = 1
    BACKGROUND = 2


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
    kind: Kind
    _title: str
    _page: str
    _text: str

    @classmethod
    def of(cls, page: str, title: str, address: str, text: str, kind: Kind = Kind.GUIDE) -> Section:
        """Return a section with its words."""
        text = " ".join(_TEST.sub("", text).split())
        return cls(page, title, address, text, kind, _joined(title), _joined(page), _joined(text))

    def score(self, words: Sequence[str]) -> tuple[int, int]:
        """Return how many of *words* the section has, and how well it matches."""
        count = total = 0
        for word in words:
            beginning = f" {word}"
            value = 12 * (beginning in self._title) + 6 * (beginning in self._page)
            value += 6 * (f"{beginning} " in self._title)
            value += min(self._text.count(beginning), 5)
            count += value > 0
            total += value
        if len(words) > 1:
            phrase = f" {' '.join(words)}"
            total += 30 * (phrase in self._title) + 20 * (phrase in self._text)
        return count, total - _KIND_PENALTY * self.kind

    def answers(self, question: str, words: Sequence[str]) -> bool:
        """Return whether the section has all *words* soon after the word *question*."""
        for text in (self._title, self._text):
            place = text.find(f" {question} ")
            while place >= 0:
                near = text[place : place + _NEAR_CHARS]
                if all(f" {word}" in near for word in words):
                    return True
                place = text.find(f" {question} ", place + 1)
        return False


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

    async def search(self, query: str) -> tuple[int, list[Hit]]:
        """Return the number of sections that match, and the best of them.

        This takes up to a tenth of a second, so other tasks run in between.
        """
        turn = TimeSlice()
        questions = [word for word in _words(query)[:_MAX_WORDS] if word in _QUESTIONS]
        for words in _forms(query):
            found = await self._found(words, questions, turn)
            if found:
                hits = await _unlike(found, words, turn)
                return len(hits), hits[:MAX_HITS]
        return 0, []

    async def _found(
        self, words: Sequence[str], questions: Sequence[str], turn: TimeSlice
    ) -> list[Section]:
        """Return the sections with all of *words*, or with most of them if there are none."""
        scored: list[tuple[int, int, Section]] = []
        for section in self._sections:
            await turn.share()
            scored.append((*section.score(words), section))
        for least in (len(words), len(words) // 2 + 1):
            found: list[tuple[int, int, Section]] = []
            for count, value, section in scored:
                if count >= least:
                    await turn.share()
                    is_answer = any(section.answers(one, words) for one in questions)
                    found.append((count, value + _ANSWER_SCORE * is_answer, section))
            if found:
                found.sort(key=lambda it: (-it[0], -it[1]))
                return [section for _, _, section in found]
        return []


def _forms(query: str) -> Iterator[list[str]]:
    """Yield the words to look for, and then those that stand for them."""
    every = _words(query)[:_MAX_WORDS]
    words = [word for word in every if word not in _STOP_WORDS] or every
    if words:
        yield words
        if any(map(_DURATION.match, words)):
            for phrase in _DURATION_PHRASES:
                yield list(phrase)


async def _unlike(found: Iterable[Section], words: Sequence[str], turn: TimeSlice) -> list[Hit]:
    """Return the hits without those that show the same as one of the same page before."""
    hits: list[Hit] = []
    seen: set[tuple[str, str]] = set()
    for section in found:
        await turn.share()
        hit = Hit(section, tuple(_pieces(section.text, words)))
        key = section.page, hit.text
        if not hit.pieces or key not in seen:
            seen.add(key)
            hits.append(hit)
    return hits


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _joined(text: str) -> str:
    return f" {' '.join(_words(text))} "


def _pieces(text: str, words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield an excerpt around the phrase or the first match, cut at the matches."""
    pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, words))})", re.IGNORECASE)
    together = r"[\W_]+".join(map(re.escape, words))
    phrase = re.compile(rf"(?<![^\W_]){together}", re.IGNORECASE)
    match = phrase.search(text) or pattern.search(text)
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


def sections(page: str, address: str, html: str, kind: Kind = Kind.GUIDE) -> list[Section]:
    """Return the sections of a page from the HTML below its title."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [
        Section.of(
            page, _plain(title) or page, f"{address}#{anchor}" if anchor else address, text, kind
        )
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
        self._is_remark = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        anchor = dict(attrs).get("id")
        self._is_remark |= dict(attrs).get("class") == _REMARK
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
        self._is_remark &= tag != "p"

    def handle_data(self, data: str) -> None:
        if self._is_remark:
            return
        _, title, text = self.found[-1]
        (title if self._is_heading else text).append(data)
