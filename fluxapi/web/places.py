"""The paths of the pages and routes of one instance in the tree.

``frontend/src/ui/root.js`` has the same rules; ``frontend/test/places.json`` holds both.
"""

from __future__ import annotations

import re

__all__ = ["place"]

_OF_SERVICE = re.compile(
    r"/v1/(?:health|instances|metrics|ready|service|templates|tokens?)(?:[/?]|\Z)"
)
"""Routes that exist once per service."""

_PAGE = re.compile(r"/ui/(?:groups|history|jobs|nodes|queues|submit)(?:[/?]|\Z)")
"""Pages of an instance."""


def place(path: str, instance: str) -> str:
    """Return where *path*, a path of the root instance, is for the instance at another path.

    ``/`` and ``/ui/nodes`` are below ``/ui/instances/PATH``, routes below ``/v1/instances/PATH``;
    pages and routes of the service stay where they are.
    """
    if not instance or _OF_SERVICE.match(path):
        return path
    if path.startswith("/v1/"):
        return f"/v1/instances/{instance}{path[3:]}"
    if path == "/" or path.startswith("/?"):
        return f"/ui/instances/{instance}{path[1:]}"
    return f"/ui/instances/{instance}{path[3:]}" if _PAGE.match(path) else path
