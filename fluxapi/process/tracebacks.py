"""Drop the tracebacks of errors that were handled.

Their frames refer to what was read or was to be sent, and often to the error itself. Such a cycle
stays in memory until the garbage collector runs, which an idle service rarely does.
"""

from __future__ import annotations

__all__ = ["drop_tracebacks"]


def drop_tracebacks(error: BaseException | None) -> None:
    """Drop the tracebacks of *error* and of the errors that led to it."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
