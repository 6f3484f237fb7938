"""Job IDs in every RFC 19 encoding.

A FLUID is a 64-bit unsigned integer: 40 bits of milliseconds since the instance began, 14 bits of
generator ID, 10 bits of sequence. In Python a job ID is an ``int``; on the wire it is the plain
F58 string, since JSON numbers above 2^53 are not safe in browsers.
"""

from __future__ import annotations

import re
from operator import mul

from . import basemoji, mnemonic
from .phrases import english

__all__ = ["FANCY_PREFIX", "JOBID_ANY", "MAX", "encode_f58", "encode_fancy", "parse"]

FANCY_PREFIX = "ƒ"
MAX = 2**64 - 1
JOBID_ANY = -1
"""FLUX_JOBID_ANY in the journal: the sentinel that ends the backlog."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_BASE = 58
_MAX_WORDS_LENGTH = 64
"""Characters of six words; the longest word has seven."""
_POWERS = [_BASE**place for place in range(11)]
_NO_DIGIT = 255
_DIGITS = bytes(_ALPHABET.find(chr(code)) % 256 for code in range(256))
"""The value of each character; -1, for no digit, is 255."""

_F58_PREFIXES = {"f", FANCY_PREFIX}

_DECIMAL = re.compile(r"[0-9]{1,20}\Z", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}\Z", re.ASCII)
_DOTHEX = re.compile(r"[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){3}\Z", re.ASCII)
_KVS = re.compile(r"job\.([0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){3})\Z", re.ASCII)

_MAX_SAID_CHARS = 64
"""Characters of a text in the message that it is no job ID."""


def encode_f58(jobid: int) -> str:
    """Return the plain F58 form, ``f`` and base-58 digits, which fluxapi uses on the wire."""
    if not 0 <= jobid <= MAX:
        msg = f"A job ID is an unsigned 64-bit integer, not {jobid}."
        raise ValueError(msg)
    # Two digits per step: this runs once for every encoded row.
    tail = ""
    while jobid >= _BASE:
        jobid, pair = divmod(jobid, _BASE * _BASE)
        tail = _PAIRS[pair] + tail
        if jobid == 0:
            return "f" + (tail[1:] if pair < _BASE else tail)
    return "f" + _ALPHABET[jobid] + tail


def encode_fancy(jobid: int) -> str:
    """Return the F58 form with the ``ƒ`` prefix, as the flux commands print it in UTF-8."""
    return FANCY_PREFIX + encode_f58(jobid)[1:]


def parse(text: str) -> int:
    """Parse a job ID in any RFC 19 form: F58 (``f…`` or ``ƒ…``), decimal, hex, dothex, KVS.

    Words and emoji, which flux-core also reads, are job IDs, too.

    Raises:
        ValueError: *text* is not a job ID; the message names the accepted forms.
    """
    jobid: int | None = None
    # Without a loop in Python: a list may have ten thousand IDs.
    digits = text[1:].encode("ascii", "replace").translate(_DIGITS)
    if text[:1] in _F58_PREFIXES and 0 < len(digits) <= len(_POWERS) and _NO_DIGIT not in digits:
        jobid = sum(map(mul, reversed(digits), _POWERS))
    elif _DECIMAL.match(text):
        jobid = int(text)
    elif _HEX.match(text):
        jobid = int(text, 16)
    elif _DOTHEX.match(text):
        jobid = int(text.replace(".", ""), 16)
    elif match := _KVS.match(text):
        jobid = int(match[1].replace(".", ""), 16)
    elif len(text) <= _MAX_WORDS_LENGTH:
        jobid = mnemonic.decode(text) if "-" in text else basemoji.decode(text)
    if jobid is None or jobid > MAX:
        raise ValueError(english("problems.not_a_job_id", id=text[:_MAX_SAID_CHARS]))
    return jobid
