"""Text for terminals: control characters escaped, counts with their noun."""

from __future__ import annotations

from typing import Any

from fluxapi.process.text import safe

__all__ = ["plural", "safe", "safe_tree"]


def safe_tree(value: Any) -> Any:
    """Return a JSON value with control characters escaped in all texts and names."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, dict):
        return {safe(str(key)): safe_tree(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [safe_tree(item) for item in value]
    return value


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 job``, ``2 jobs``, ``1,000 jobs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
