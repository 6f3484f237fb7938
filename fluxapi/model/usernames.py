"""The names of users, from a name service that may not answer.

getpwuid(3) may ask another machine, such as an LDAP server. While that is away, the function does
not return for seconds or minutes, so it is called in threads, for which callers wait only briefly.
"""

from __future__ import annotations

import pwd
import threading
import time

__all__ = ["is_settled", "username"]

PATIENCE_S = 0.1
"""Time for which a caller waits for a name."""

_SLOW_S = 0.005
_PAUSES = 10
"""Nobody waits for the next name for this many times as long as a slow one has taken."""

RETRY_S = 60.0
"""Time after which a user without a name is looked up again."""

_MAX_NAMES = 4096
_MAX_LOOKUPS = 8
"""Names that are looked up concurrently; more are looked up when they are wanted again."""

_lock = threading.Lock()
_names: dict[int, str] = {}
_nameless: dict[int, float] = {}
"""Users without a name, and when to look them up again, by the monotonic clock."""

_lookups: dict[int, threading.Event] = {}
_wait_from = 0.0
"""When callers may wait again, by the monotonic clock."""


def username(userid: int) -> str:
    """Return the name of a user ID, or the ID as text if it has no name, or none yet."""
    return _names.get(userid) or _look_up(userid)


def is_settled(userid: int) -> bool:
    """Return whether the name of a user ID, or that it has none, is known."""
    return userid in _names or userid in _nameless


def _look_up(userid: int) -> str:
    global _wait_from  # noqa: PLW0603 - like the caches, it belongs to the process
    now = time.monotonic()
    if now >= _nameless.get(userid, 0.0) and (found := _begin(userid)) and now >= _wait_from:
        found.wait(PATIENCE_S)
        taken = time.monotonic() - now
        if taken > _SLOW_S:
            _wait_from = now + _PAUSES * taken
    return _names.get(userid) or str(userid)


def _begin(userid: int) -> threading.Event | None:
    """Start a look-up and return an event for its end; ``None`` if there are too many."""
    with _lock:
        if userid in _lookups or len(_lookups) >= _MAX_LOOKUPS:
            return _lookups.get(userid)
        ended = _lookups[userid] = threading.Event()
    # Never waited for at the end of the process.
    thread = threading.Thread(target=_run, args=(userid,), name="fluxapi-names", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        # Jobs have all threads that the user may have.
        with _lock:
            del _lookups[userid]
        return None
    return ended


def _run(userid: int) -> None:
    try:
        name = pwd.getpwuid(userid).pw_name
    except (KeyError, OverflowError):
        name = ""
    with _lock:
        if name:
            _nameless.pop(userid, None)
            _names[userid] = name
        else:
            _nameless[userid] = time.monotonic() + RETRY_S
        for known in (_names, _nameless):
            if len(known) > _MAX_NAMES:
                del known[next(iter(known))]
        _lookups.pop(userid).set()
