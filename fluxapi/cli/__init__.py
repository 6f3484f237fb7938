"""The ``fluxapi`` command."""

from __future__ import annotations

from .program import run as main

__all__ = ["main"]
