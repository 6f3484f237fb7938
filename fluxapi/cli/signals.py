"""Signals by name and number."""

from __future__ import annotations

import signal

__all__ = ["number"]

_MAX_SIGNAL = 64


def number(text: str) -> int:
    """Parse a signal such as ``TERM``, ``SIGUSR1`` or ``15``; raise ``ValueError``."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MAX_SIGNAL:
        return int(text)
    name = text.upper()
    found = getattr(signal, name if name.startswith("SIG") else f"SIG{name}", None)
    if not isinstance(found, signal.Signals):
        raise ValueError(  # noqa: TRY004 - the value is wrong, its type is text
            f"{text!r} is not a signal: give a number or a name such as TERM"
        )
    return int(found)
