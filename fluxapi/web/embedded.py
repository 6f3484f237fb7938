"""Data in a page for its script."""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup

__all__ = ["embedded"]


def embedded(value: Any) -> Markup:
    """Encode a value as JSON that cannot end the script element around it."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))  # noqa: S704 - escaped
