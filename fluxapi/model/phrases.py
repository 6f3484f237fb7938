"""The phrases that both the service and the scripts of its pages say of a job.

``phrases.json`` holds each of them once; the bundler puts the same file into the scripts. Which
phrase fits is decided in Python and in JavaScript, and shared cases in ``frontend/test`` test both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

__all__ = ["EXIT_CODES", "FAILURES", "SIGNALS", "WAITS"]

_PHRASES = msgspec.json.decode(
    Path(__file__).with_name("phrases.json").read_bytes(), type=dict[str, dict[str, str]]
)

WAITS: Mapping[str, str] = _PHRASES["waits"]
"""Why a job waits."""

FAILURES: Mapping[str, str] = _PHRASES["failures"]
"""How a job failed."""

EXIT_CODES: Mapping[str, str] = _PHRASES["exit codes"]
"""The exit codes that have a meaning in shells."""

SIGNALS: Mapping[str, str] = _PHRASES["signals"]
"""The usual reasons of signals that end a program."""
