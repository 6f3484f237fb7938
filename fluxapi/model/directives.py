"""Parses the submission directives of a batch script (RFC 36).

A line such as ``#flux: -N4 --time-limit=1h`` carries options of ``flux batch``. The rules are those
of flux-core's ``flux.job.directives``: one sentinel for the whole script, shell quoting, texts in
triple quotes that may span lines, and no directive after the first line of the script itself.

Scripts come from strangers. Lines without a directive are skipped by regular expressions that take
linear time, and the text of all directives is limited.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from .message import Message, Sentence, Value, field_message, text_of
from .quotes import unsplit

__all__ = ["Directive", "Script", "Wrong", "mend", "parse"]

MAX_DIRECTIVE_LINES = 2000
MAX_DIRECTIVE_LENGTH = 16_384
"""Characters of one directive; shlex takes quadratic time: about 5 ms for this length."""

MAX_DIRECTIVES_LENGTH = 65_536
"""Characters of all directives together."""

_MAX_SHOWN_LENGTH = 80

_BOM = "\ufeff"
_SENTINEL = re.compile(r"^([^\w\n]*)((?:flux|FLUX):)(.*)$", re.MULTILINE)
"""Matches in linear time: each character before the tag is examined once for each line."""

_TRIPLE = ('"""', "'''")
_INLINE = re.compile(r"""((?:["']){3})(.*)\1""")
_UNCLOSED = re.compile(r"""(?:["']){3}.""")


@dataclass(frozen=True, slots=True)
class Directive:
    """The words of one directive, and the number of its first line, from 1."""

    line: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A directive that cannot be used: the number of its line, and why."""

    line: int
    why: Sentence

    @property
    def detail(self) -> str:
        """Return why, in English."""
        return text_of(self.why)

    @property
    def sentence(self) -> Message:
        """Return the sentence with the number of the line."""
        return field_message("line", line=str(self.line), why=self.why)


@dataclass(slots=True)
class Script:
    """The directives of a script, and those that are wrong."""

    directives: list[Directive] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)


def mend(text: str) -> tuple[str, list[Message]]:
    """Return a script without a byte order mark and Windows line ends, and what was changed."""
    notes: list[Message] = []
    if text.startswith(_BOM):
        text = text.removeprefix(_BOM)
        notes.append(Message("warnings", "byte_order_mark"))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        notes.append(Message("warnings", "windows_line_ends"))
    return text, notes


def parse(text: str) -> Script:
    """Parse the directives of a script, mended by :func:`mend`."""
    return _Parser(text).parse()


class _Parser:
    """The state of one pass over a script."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found = Script()
        self._line = 1
        """The number of the line that begins at ``_at``."""
        self._at = 0
        self._prefix = self._sentinel = ""
        self._disabling: re.Pattern[str] | None = None
        self._block: _Block | None = None
        self._length = 0

    def parse(self) -> Script:
        for count, match in enumerate(_SENTINEL.finditer(self._text), 1):
            self._length += len(match[0])
            if count > MAX_DIRECTIVE_LINES or self._length > MAX_DIRECTIVES_LENGTH:
                self._advance(match.start())
                limits = {"lines": MAX_DIRECTIVE_LINES, "characters": MAX_DIRECTIVES_LENGTH}
                self._refuse("too_many_directives", **limits)
                return self._found
            if not self._take(match):
                return self._found
        self._end_block()
        return self._found

    def _advance(self, place: int) -> None:
        """Set the current line to that which begins at *place*."""
        self._line += self._text.count("\n", self._at, place)
        self._at = place

    def _refuse(self, code: str, at_line: int | None = None, /, **params: Value) -> None:
        line = self._line if at_line is None else at_line
        self._found.wrong.append(Wrong(line, field_message(code, **params)))

    def _take(self, match: re.Match[str]) -> bool:
        """Process one line with a sentinel; return whether to go on."""
        before, prefix, tag = self._at, match[1], match[2]
        gap = self._text[before : match.start()]
        # The rest of the line of the last directive is not a line of its own.
        if self._sentinel:
            gap = gap.partition("\n")[2]
        if self._sentinel and gap:
            self._end_block()
            disabling = self._disabling.search(gap) if self._disabling else None
            if disabling is not None:
                last = self._line + 1 + gap.count("\n", 0, disabling.start())
                self._advance(match.start())
                self._refuse("directive_late", tag=tag, line=str(last))
                return False
        self._advance(match.start())
        if not self._sentinel:
            self._prefix, self._sentinel = prefix, prefix + tag
            start = re.escape(prefix.rstrip())
            # Without a prefix, no line disables directives.
            if start:
                self._disabling = re.compile(rf"^(?!{start})[^\S\n]*\S", re.MULTILINE)
        elif prefix + tag != self._sentinel:
            self._refuse(
                "sentinel_changed",
                before=_shown(self._sentinel),
                now=_shown(prefix + tag),
                example=_shown(self._sentinel + " # …"),
            )
            return False
        self._process(match[3])
        return True

    def _process(self, value: str) -> None:
        if _UNCLOSED.search(value) and not _is_paired(value):
            self._refuse("triple_quote_open", text=_shown(value.strip()))
            return
        if _is_paired(value):
            value = _INLINE.sub(lambda match: shlex.quote(match[2]), value)
        if value.endswith(_TRIPLE):
            self._quote(value)
        elif self._block is not None:
            self._block.append(value)
        elif value:
            self._lex(value, self._line)

    def _quote(self, value: str) -> None:
        """Begin, continue or end a text in triple quotes that spans lines."""
        quotes = value[-3:]
        if self._block is None:
            indent = value[: len(value) - len(value.lstrip())]
            self._block = _Block(self._line, quotes, value.strip(), indent)
            self._block.append(value[:-3])
        elif quotes != self._block.quotes:
            self._block.append(value)
        else:
            block, self._block = self._block, None
            block.append(value[:-3])
            whole = block.whole()
            if quotes in whole:
                self._refuse("triple_quote_wrong", block.line)
            else:
                self._lex(whole, block.line)

    def _end_block(self) -> None:
        """Refuse a text in triple quotes that is not closed yet."""
        if self._block is not None:
            self._refuse(
                "triple_quote_open_lines",
                self._block.line,
                text=_shown(self._block.start),
                sentinel=_shown(self._sentinel),
            )
            self._block = None

    def _lex(self, value: str, line: int) -> None:
        if len(value) > MAX_DIRECTIVE_LENGTH:
            self._refuse("directive_too_long", line, limit=MAX_DIRECTIVE_LENGTH)
            return
        lexer = shlex.shlex(value, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.escapedquotes = "\"'"  # as Flux, so that \' is possible between single quotes
        try:
            words = tuple(lexer)
        except ValueError as error:
            self._refuse("unsplit_directive", line, why=unsplit(error), text=_shown(value.strip()))
            return
        if words and not words[0].startswith("-"):
            self._refuse("unknown_directive", line, text=_shown(value.strip()))
        elif words:
            self._found.directives.append(Directive(line, words))


@dataclass(slots=True)
class _Block:
    """A text in triple quotes that spans lines: its first line, quotes, start and indentation."""

    line: int
    quotes: str
    start: str
    indent: str
    lines: list[str] = field(default_factory=list)

    def append(self, value: str) -> None:
        """Append a line without the common indentation."""
        self.lines.append(value.removeprefix(self.indent))

    def whole(self) -> str:
        """Return the directive with the text as one word in shell quotes."""
        return self.lines[0] + shlex.quote("\n".join(self.lines[1:]))


def _is_paired(value: str) -> bool:
    """Return whether the text has triple quotes that are closed in the same line."""
    return any(count and not count % 2 for count in map(value.count, _TRIPLE))


def _shown(text: str) -> str:
    """Return a text of the script for a message."""
    return repr(text if len(text) <= _MAX_SHOWN_LENGTH else f"{text[:_MAX_SHOWN_LENGTH]}…")
