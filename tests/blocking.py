"""A watch for calls of the service that block its event loop."""

from __future__ import annotations

from blockbuster import BlockBuster

__all__ = ["blocking_watch"]


def blocking_watch() -> BlockBuster:
    """Return a watch that lets the names of users be waited for, which has a short timeout."""
    watch = BlockBuster("fluxapi")
    locks = watch.functions["threading.Lock.acquire"]
    locks.can_block_in("fluxapi/model/usernames.py", {"_look_up", "_begin"})
    return watch
