"""Patterns of job names, in which ``*`` stands for any characters, or none."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["ANY", "is_pattern", "prefix", "test_of"]

ANY = "*"


def is_pattern(text: str) -> bool:
    """Return whether *text* is a pattern; any other text is a whole name."""
    return ANY in text


def prefix(pattern: str) -> str:
    """Return the text that every match of *pattern* begins with."""
    return pattern.split(ANY, 1)[0]


def test_of(pattern: str) -> Callable[[str], bool]:
    """Return the test of a name by *pattern*.

    Its time is linear in the length of the name: each part is looked for once, from the left.
    """
    first, *middle, last = pattern.split(ANY)
    parts = [part for part in middle if part]
    least = len(first) + len(last)

    def test(name: str) -> bool:
        if len(name) < least or not name.startswith(first) or not name.endswith(last):
            return False
        place, end = len(first), len(name) - len(last)
        for part in parts:
            found = name.find(part, place, end)
            if found < 0:
                return False
            place = found + len(part)
        return True

    return test
