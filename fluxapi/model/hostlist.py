"""Hostlists (RFC 29), bounded before they are expanded.

This parser does not use ClusterShell: its NodeSet is a *set*, so it merges the equal host names of
several brokers on one machine and loses the order, and RFC 29 keeps both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from .idset import Range, read_ranges

__all__ = [
    "MAX_HOSTS",
    "count_host",
    "decode_hostlist",
    "encode_hostlist",
    "holds_host",
    "other_host",
]

MAX_HOSTS = 1 << 17
"""Hosts that one hostlist may expand to; the largest systems have about ten thousand nodes."""

MAX_NAME_LENGTH = 255
"""Characters of a host name, the limit of DNS; each host of a range repeats its prefix."""

_DIGITS = "0123456789"
_MAX_CACHED_LENGTH = 256
_MAX_DIGITS = 18


class _Part(NamedTuple):
    """Hosts with one *prefix* and *suffix*; without *ranges*, the one host *prefix*."""

    prefix: str
    ranges: list[Range] | None
    suffix: str

    def __len__(self) -> int:
        return 1 if self.ranges is None else sum(map(len, self.ranges))

    def hosts(self) -> Iterator[str]:
        if self.ranges is None:
            yield self.prefix
            return
        for first, last, width in self.ranges:
            for number in range(first, last + 1):
                yield f"{self.prefix}{str(number).zfill(width)}{self.suffix}"

    def count(self, host: str) -> int:
        if self.ranges is None:
            return int(host == self.prefix)
        digits = host.removeprefix(self.prefix).removesuffix(self.suffix)
        if not (
            host == f"{self.prefix}{digits}{self.suffix}"
            and digits.isascii()
            and digits.isdigit()
            and len(digits) <= _MAX_DIGITS
        ):
            return 0
        return sum(
            first <= int(digits) <= last and digits == str(int(digits)).zfill(width)
            for first, last, width in self.ranges
        )


def decode_hostlist(text: str, max_hosts: int = MAX_HOSTS) -> list[str]:
    """Return the hosts of an RFC 29 hostlist, in order, repeats kept.

    Raises:
        ValueError: *text* is not a hostlist, or contains more than *max_hosts* hosts or names of
            more than 255 characters.
    """
    parts = list(_parts(text))
    if any(len(part.prefix) + len(part.suffix) > MAX_NAME_LENGTH for part in parts):
        raise ValueError("is not a usable hostlist: it holds names that are too long")
    if sum(map(len, parts)) > max_hosts:
        raise ValueError(f"is not a usable hostlist: it holds more than {max_hosts} hosts")
    return [host for part in parts for host in part.hosts()]


def holds_host(text: str, host: str) -> bool:
    """Return whether *host* is in a hostlist, without expanding it; raise ``ValueError``."""
    return any(part.count(host) for part in _parts_to_search(text))


def count_host(text: str, host: str) -> int:
    """Return how often *host* is in a hostlist, once for each broker; raise ``ValueError``."""
    return sum(part.count(host) for part in _parts_to_search(text))


def other_host(text: str, host: str) -> str | None:
    """Return the first host of a hostlist that is not *host*; raise ``ValueError``."""
    return next(
        (found for part in list(_parts(text)) for found in part.hosts() if found != host), None
    )


def encode_hostlist(hosts: Sequence[str]) -> str:
    """Return the RFC 29 hostlist as Flux writes it: brackets join adjacent hosts of a prefix."""
    parts: list[str] = []
    prefix: str | None = None
    digits: list[str] = []
    for host in hosts:
        stem = host.rstrip(_DIGITS)
        number = host[len(stem) :]
        if not number or len(number) > _MAX_DIGITS:
            _flush(parts, prefix, digits)
            prefix, digits = None, []
            parts.append(host)
            continue
        if stem != prefix or not _joins(digits[0], number):
            _flush(parts, prefix, digits)
            prefix, digits = stem, []
        digits.append(number)
    _flush(parts, prefix, digits)
    return ",".join(parts)


def _parts_to_search(text: str) -> Iterable[_Part]:
    return _short_parts(text) if len(text) <= _MAX_CACHED_LENGTH else _parts(text)


@lru_cache(maxsize=8192)
def _short_parts(text: str) -> tuple[_Part, ...]:
    """Return the parts of a short hostlist; a search for a host asks many for each host."""
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[_Part]:
    position = 0
    while position < len(text):
        part, position = _part(text, position)
        yield part
        if position < len(text):
            if text[position] != ",":
                raise _not_one(text)
            position += 1


def _part(text: str, start: int) -> tuple[_Part, int]:
    comma = text.find(",", start)
    end = len(text) if comma < 0 else comma
    opening = text.find("[", start, end)
    if opening < 0:
        if end == start or "]" in text[start:end]:
            raise _not_one(text)
        return _Part(text[start:end], None, ""), end
    closing = text.find("]", opening)
    prefix, ids = text[start:opening], text[opening + 1 : closing]
    if closing < 0 or "[" in ids or "]" in prefix:
        raise _not_one(text)
    comma = text.find(",", closing)
    end = len(text) if comma < 0 else comma
    suffix = text[closing + 1 : end]
    if "[" in suffix or "]" in suffix:
        raise _not_one(text)
    return _Part(prefix, read_ranges(ids), suffix), end


def _not_one(text: str) -> ValueError:
    return ValueError(f"is not a hostlist: {text[:80]!r}")


def _flush(parts: list[str], prefix: str | None, digits: list[str]) -> None:
    if prefix is None or not digits:
        return
    if len(digits) == 1:
        parts.append(prefix + digits[0])
    else:
        parts.append(f"{prefix}[{','.join(_runs(digits))}]")


def _joins(first: str, digits: str) -> bool:
    """Return whether an ID may follow *first* in brackets; leading zeros must agree."""
    width = len(first) if first.startswith("0") else 0
    return digits == str(int(digits)).zfill(width)


def _runs(digits: Sequence[str]) -> Iterator[str]:
    start = 0
    for index in range(1, len(digits) + 1):
        if index < len(digits) and int(digits[index]) == int(digits[index - 1]) + 1:
            continue
        first, last = digits[start], digits[index - 1]
        yield first if first == last else f"{first}-{last}"
        start = index
