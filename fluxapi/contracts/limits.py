"""How large and deep a request's JSON may be, so that no code behind has to fear it."""

from __future__ import annotations

from typing import Any

from fluxapi.errors import ValidationFailed

__all__ = ["MAX_DEPTH", "MAX_MEMBERS", "check"]

MAX_DEPTH = 48
MAX_MEMBERS = 10_000
"""Members of one object: an environment may be large, but not that large."""

_MAX_VALUES = 200_000
"""Values in all, about 30 ms to walk: a list of a hundred thousand job ids is fine."""


def check(value: Any) -> int:
    """The members of all objects in it, counted.

    Raises ``ValidationFailed`` for JSON that is too deep, too wide or too much.

    Without recursion, and cheap for what is small: some 3 µs for a usual submission.
    """
    level = [value]
    total = members = 0
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                if len(item) > MAX_MEMBERS:
                    raise _refusal(f"has an object of more than {MAX_MEMBERS} members.")
                members += len(item)
                below.extend(part for part in item.values() if isinstance(part, (dict, list)))
            else:
                below.extend(part for part in item if isinstance(part, (dict, list)))
            total += len(item)
            if total > _MAX_VALUES:
                raise _refusal(f"holds more than {_MAX_VALUES} values.")
        if not below:
            return members
        level = below
    raise _refusal(f"is nested deeper than {MAX_DEPTH} levels.")


def _refusal(detail: str) -> ValidationFailed:
    return ValidationFailed([{"pointer": "", "detail": detail}])
