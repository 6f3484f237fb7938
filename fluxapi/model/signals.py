"""Signals by name and number."""

from __future__ import annotations

import signal
from typing import Any

from .message import NotReadable
from .times import parse_duration

__all__ = ["early_signal", "number"]

_MAX_SIGNAL = 64
_DEFAULT_SIGNAL, _DEFAULT_TIME_LEFT_S = 10, 60.0
"""SIGUSR1, a minute before the end (flux-submit(1))."""


def number(text: str) -> int:
    """Parse a signal such as ``TERM``, ``SIGUSR1`` or ``15``; raise ``ValueError``."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MAX_SIGNAL:
        return int(text)
    name = text.upper()
    found = getattr(signal, name if name.startswith("SIG") else f"SIG{name}", None)
    if not isinstance(found, signal.Signals):
        raise NotReadable("no_signal", value=repr(text))
    return int(found)


def early_signal(text: str) -> dict[str, Any]:
    """Parse ``[SIG][@TIME]`` of ``--signal`` to the shell option; raise ``ValueError``."""
    name, at, left = text.partition("@")
    return {
        "signum": number(name) if name else _DEFAULT_SIGNAL,
        "timeleft": parse_duration(left) if at else _DEFAULT_TIME_LEFT_S,
    }
