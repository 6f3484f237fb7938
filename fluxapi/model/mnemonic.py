"""Job IDs as words: the mnemonicode encoding, as flux-core prints it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["decode", "encode"]

_WORD = re.compile("[a-z]+", re.ASCII | re.IGNORECASE)
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


def decode(text: str) -> int | None:
    """Return the job ID that six words stand for, ``None`` for other text.

    Letters may be capital, and any other characters separate the words, as in flux-core.
    """
    words = _WORD.findall(text)
    if len(words) != 2 * _WORDS_PER_HALF or not text.isascii():
        return None
    numbers = _numbers()
    if not all(word.lower() in numbers for word in words):
        return None
    jobid = 0
    for half in (words[_WORDS_PER_HALF:], words[:_WORDS_PER_HALF]):
        value = 0
        for word in reversed(half):
            value = value * len(numbers) + numbers[word.lower()]
        if value >> _HALF_BITS:
            return None
        jobid = jobid << _HALF_BITS | value
    return jobid


@cache
def _numbers() -> dict[str, int]:
    """Return the number of each word."""
    return {word: number for number, word in enumerate(_words())}


@cache
def _words() -> tuple[str, ...]:
    """Return the words in the order of their numbers."""
    lines = Path(__file__).with_name("words.txt").read_text(encoding="ascii").splitlines()
    return tuple(word for line in lines if not line.startswith("#") for word in line.split())
