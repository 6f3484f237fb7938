"""The check of the sender of a request after a wait, where the request is not known.

A token may be revoked while a request waits: what it asks for must not be done then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

__all__ = ["check_sender", "check_sender_by"]


def _nothing() -> None:
    """Do nothing: the service itself is the sender."""


_check: ContextVar[Callable[[], None]] = ContextVar("check", default=_nothing)


def check_sender_by(check: Callable[[], None]) -> None:
    """Let *check* check the sender for whom this task works, and the tasks that it starts.

    It must not refer to the request, which would stay in memory with the context of a task.
    """
    _check.set(check)


def check_sender() -> None:
    """Raise ``Unauthorized`` if the credentials of the sender have ended: after a wait."""
    _check.get()()
