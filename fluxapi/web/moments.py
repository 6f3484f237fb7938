"""Moments in pages."""

from __future__ import annotations

from datetime import datetime, timezone

from markupsafe import Markup

__all__ = ["moment"]


def moment(timestamp: float) -> Markup:
    """Return a moment in UTC, which the script of the page shows in the time of its reader."""
    found = datetime.fromtimestamp(timestamp, timezone.utc)
    return Markup('<time datetime="{}">{}</time>').format(
        f"{found:%Y-%m-%dT%H:%M:%SZ}", f"{found:%Y-%m-%d %H:%M} UTC"
    )
