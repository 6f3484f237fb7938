"""Job IDs as words: the mnemonicode encoding, as flux-core prints it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["encode"]

_WORDS_PER_HALF = 3
_HALF_BITS = 32


def encode(jobid: int) -> str:
    """Return a job ID as six words: ``academy-acrobat-active--actor-adam-admiral``."""
    words = _words()
    halves = []
    for half in (jobid & ((1 << _HALF_BITS) - 1), jobid >> _HALF_BITS):
        rest, chosen = half, []
        for _ in range(_WORDS_PER_HALF):
            rest, digit = divmod(rest, len(words))
            chosen.append(words[digit])
        halves.append("-".join(chosen))
    return "--".join(halves)


@cache
def _words() -> tuple[str, ...]:
    """Return the words in the order of their numbers."""
    lines = Path(__file__).with_name("words.txt").read_text(encoding="ascii").splitlines()
    return tuple(word for line in lines if not line.startswith("#") for word in line.split())
