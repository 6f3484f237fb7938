"""Output formats of ``flux jobs -o``: Python's format syntax with Flux's additions.

They follow ``OutputFormat`` of flux-core (``flux/util.py``): conversions ``!d !D !F !H !P``, the
suffixes ``h`` (a dash for an empty value) and ``+`` (marks truncation), the sentinels ``?:`` (omit
an empty column), ``+:`` (widen a column to its content) and ``?+:``, and the prefix
``sort:KEY,…``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from string import Formatter
from typing import Any

from fluxapi.model.times import fsd

__all__ = ["Format", "FormatError", "clip", "sort_key"]

_SORT = re.compile(r"sort:([^{\s]+)( ?)")
_SENTINELS = ("?+:", "?:", "+:")
"""Longest first, since each is matched at the end of the text before a field."""

_SPEC = re.compile(
    r"(?P<head>(?:[\s\S]?[<>=^])?)(?P<mid>[- +]?z?#?0?)(?P<width>\d*)(?P<group>[_,]?)"
    r"(?:\.(?P<precision>\d+))?(?P<type>[bcdeEfFgGnosxX%]?)(?P<tail>h?\+?)"
)
_DATE_SPEC = "::"

Values = Callable[[str], Any]
"""The value of a field of one row, by its name."""


class FormatError(ValueError):
    """The format is invalid; the message says why."""


class _Moment:
    """A time formatted by ``strftime`` and then, after ``::``, as text."""

    def __init__(self, timestamp: float) -> None:
        self.moment = datetime.fromtimestamp(timestamp)  # noqa: DTZ006 - the local zone is meant

    def __str__(self) -> str:
        return str(self.moment)

    def __format__(self, spec: str) -> str:
        pattern, _, rest = spec.partition(_DATE_SPEC)
        is_set = self.moment != datetime.fromtimestamp(0.0)  # noqa: DTZ006 - as above
        text = self.moment.strftime(pattern or "%FT%T") if is_set else ""
        if rest.endswith("h"):
            text = text or "-"
            rest = f"{rest[:-1]}s"
        return format(text, rest)


@dataclass(frozen=True)
class _Part:
    """Text and the field after it; ``field`` is empty at the end."""

    text: str
    field: str
    spec: str
    conversion: str


class Format:
    """A parsed format for rows whose fields ``heading`` knows."""

    def __init__(self, text: str, heading: Callable[[str], str | None]) -> None:
        """Parse a format; raise :class:`FormatError` for an unknown field or invalid syntax."""
        self.heading = heading
        self.sort: list[tuple[str, bool]] = []
        match = _SORT.match(text)
        if match:
            self.set_sort(match[1])
            text = text[match.end() :]
        try:
            parsed = list(Formatter().parse(text))
        except ValueError as error:
            raise FormatError(f"The format is invalid: {error}.") from None
        self.parts = [_Part(t, f or "", s or "", c or "") for t, f, s, c in parsed]
        for part in self.parts:
            if part.field:
                self._title(part.field)

    def _title(self, field: str) -> str:
        title = self.heading(field)
        if title is None:
            raise FormatError(f"Unknown field {field!r} in the format.")
        return title

    def uses(self, prefix: str) -> bool:
        """Return whether any field, or key to sort by, begins with *prefix*."""
        fields = [*(part.field for part in self.parts), *(key for key, _ in self.sort)]
        return any(field.startswith(prefix) for field in fields)

    def set_sort(self, keys: str) -> None:
        """Set the fields to sort by; a ``-`` prefix reverses the order."""
        self.sort = []
        for key in filter(None, (part.strip() for part in keys.split(","))):
            self._title(key.removeprefix("-"))
            self.sort.append((key.removeprefix("-"), key.startswith("-")))

    def sorted(self, rows: list[Any], values: Callable[[Any], Values]) -> list[Any]:
        """Return the rows sorted by the keys of the format or of :meth:`set_sort`."""
        for key, reverse in reversed(self.sort):
            rows = sorted(rows, key=lambda row: sort_key(values(row)(key)), reverse=reverse)
        return rows

    def fitted(self, rows: Sequence[Values], *, header: bool) -> Format:
        """Return this format with its sentinels resolved for these rows."""
        marks = [_sentinel(part) for part in self.parts]
        if not any(marks):
            return self
        widths = [0] * len(self.parts)
        for values in rows:
            for at, mark in enumerate(marks):
                if mark:
                    text = _convert_and_format(values, replace(self.parts[at], spec=""))
                    widths[at] = max(widths[at], 0 if text in _nothing() else len(text))
        parts = []
        for part, mark, width in zip(self.parts, marks, widths, strict=True):
            if "?" in mark and not width:
                continue
            fitted = replace(part, text=_without_sentinels(part.text))
            if "+" in mark:
                title = len(self._title(part.field)) if header else 0
                fitted = replace(fitted, spec=_widened(part.spec, max(width, title)))
            parts.append(fitted)
        other = Format("", self.heading)
        other.parts, other.sort = parts, self.sort
        return other

    def header(self) -> str:
        """Return the line of headings."""
        return "".join(
            part.text
            + (format(self._title(part.field), _header_spec(part.spec)) if part.field else "")
            for part in self.parts
        )

    def line(self, values: Values) -> str:
        """Return the line of a row; raise :class:`FormatError` if a value does not fit its spec."""
        return "".join(
            part.text + (_convert_and_format(values, part) if part.field else "")
            for part in self.parts
        )


def clip(line: str, width: int) -> str:
    """Truncate a line to ``width`` and mark it with ``+``; 0 or less does not truncate."""
    return f"{line[: width - 1]}+" if 0 < width < len(line) else line


def sort_key(value: Any) -> tuple[int, Any]:
    """Return a sort key: unset values first, then numbers and numeric text, then text."""
    if value is None or str(value) in {"", "-"}:
        return 0, 0
    try:
        return 1, float(value if isinstance(value, (int, float)) else str(value))
    except ValueError:
        return 2, str(value)


def _sentinel(part: _Part) -> str:
    if not part.field:
        return ""
    return next((mark for mark in _SENTINELS if part.text.endswith(mark)), "")


def _without_sentinels(text: str) -> str:
    for mark in _SENTINELS:
        text = text.replace(mark, "")
    return text


def _split_spec(spec: str) -> tuple[str, re.Match[str] | None]:
    """Split a spec into the ``strftime`` part with its colons and a match of the rest."""
    before, colons, after = spec.rpartition(_DATE_SPEC)
    return before + colons, _SPEC.fullmatch(after)


def _header_spec(spec: str) -> str:
    _, match = _split_spec(spec)
    if match is None:
        return ""
    return f"{match['head']}{match['width']}"


def _widened(spec: str, columns: int) -> str:
    """Set the width of a spec to *columns* or more, and the precision of text with it."""
    before, match = _split_spec(spec)
    if match is None:
        return spec
    width = max(int(match["width"] or 0), columns)
    precision = match["precision"]
    if precision and match["type"] in {"", "s"} and int(precision) < width:
        precision = str(width)
    cut = f".{precision}" if precision else ""
    middle = f"{match['mid']}{width or ''}{match['group']}{cut}"
    return f"{before}{match['head']}{middle}{match['type']}{match['tail']}"


def _nothing() -> tuple[str, ...]:
    """Return the texts of unset values."""
    epoch = datetime.fromtimestamp(0.0).strftime("%FT%T")  # noqa: DTZ006 - the local zone is meant
    return ("", "0s", "0.0", "0:00:00", "1970-01-01T00:00:00", epoch)


def _convert_and_format(values: Values, part: _Part) -> str:
    try:
        return _formatted(_converted(values(part.field), part.conversion), part.spec)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        shape = part.conversion or part.spec
        raise FormatError(
            f"The field {part.field!r} cannot be shown as {shape!r}: {error}."
        ) from None


def _formatted(value: Any, spec: str) -> str:
    marks_cut = spec.endswith("+")
    if marks_cut:
        spec = spec[:-1]
    if spec.endswith("h") and not isinstance(value, _Moment):
        text = str(value)
        value = "-" if text in _nothing() else text
        spec = f"{spec[:-1]}s"
    text = format(value, spec)
    return f"{text[:-1]}+" if marks_cut and len(text) < len(str(value)) else text


def _converted(value: Any, conversion: str) -> Any:
    convert = _CONVERSIONS.get(conversion)
    if convert is None:
        raise ValueError(f"there is no conversion !{conversion}")
    if conversion and conversion in _OF_NUMBERS and str(value) == "":
        return _Moment(0.0) if conversion == "d" else ""
    return convert(value)


def _iso(value: float) -> str:
    return datetime.fromtimestamp(value).strftime("%FT%T") if value else ""  # noqa: DTZ006 - local


def _clock(value: float) -> str:
    # Show any nonzero duration as at least one second.
    return str(timedelta(seconds=1 if 0 < value < 1 else round(value)))


def _percent(value: float) -> str:
    percent = value * 100
    return f"{percent:.2f}%" if 0 < percent < 1 else f"{percent:.3g}%"


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "": lambda value: value,
    "s": str,
    "r": repr,
    "a": ascii,
    "d": _Moment,
    "D": _iso,
    "F": lambda value: fsd(float(value)) if math.isfinite(value) else "inf",
    "H": _clock,
    "P": _percent,
}
_OF_NUMBERS = "dDFHP"
