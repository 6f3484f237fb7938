"""The limit of open connections, in total and per peer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

__all__ = ["EXTRA_CONNECTIONS", "ConnectionLimit"]

_log = logging.getLogger(__name__)

EXTRA_CONNECTIONS = 512
"""Connections in addition to those of streams: requests, and idle keep-alive connections."""

_MIN_UNREAD_S = 1.0
"""Time without a reader after which a connection may be closed for a new one: the client of a long
response is often behind for a moment."""

_REPORT_INTERVAL_S = 60.0


def _ignore() -> None:
    """Do nothing."""


class Connection(Protocol):
    """A connection that counts toward the limits."""

    @property
    def is_idle(self) -> bool:
        """Return whether the service waits for the client: for a request, or the rest of one."""

    @property
    def unread_since(self) -> float | None:
        """Return since when the client has not read what is sent, by the monotonic clock."""

    def drop(self) -> None:
        """Close the connection at once."""


class ConnectionLimit:
    """The open connections: at most *total*, and *per_peer* from one address.

    At a limit, the oldest idle connection is closed for a new one, or else that of the client that
    has not read for longest: what it was sent may need no credentials. Connections from this
    machine count only in total, since all of its users, and proxies, share one address.
    """

    def __init__(self, total: int, per_peer: int) -> None:
        self._total = total
        self._per_peer = per_peer
        self._open: dict[Connection, str | None] = {}
        self._by_peer: dict[str, dict[Connection, None]] = {}
        self._reported = -_REPORT_INTERVAL_S
        self.on_leave: Callable[[], object] = _ignore
        """Called when a connection has ended, also one without a request."""

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection, peer: str | None) -> bool:
        """Count a connection; return ``False`` when a limit is reached."""
        of_peer = self._by_peer.get(peer, {}) if peer is not None else {}
        if len(of_peer) >= self._per_peer and not self._close_one(of_peer):
            self._report(f"{self._per_peer} of one peer are open (--max-peer-connections)")
            return False
        if len(self._open) >= self._total and not self._close_one(self._open):
            self._report(f"{self._total} are open (--max-streams)")
            return False
        self._open[connection] = peer
        if peer is not None:
            self._by_peer.setdefault(peer, {})[connection] = None
        return True

    def leave(self, connection: Connection) -> None:
        """Stop counting a connection; has no effect on one that is not counted."""
        if connection not in self._open:
            return
        self.on_leave()
        peer = self._open.pop(connection)
        if peer is not None:
            of_peer = self._by_peer[peer]
            del of_peer[connection]
            if not of_peer:
                del self._by_peer[peer]

    def _close_one(
        self, connections: dict[Connection, str | None] | dict[Connection, None]
    ) -> bool:
        """Close the connection that makes room; return whether there is one."""
        one = next((it for it in connections if it.is_idle), None) or _unread_longest(connections)
        if one is None:
            return False
        self.leave(one)
        one.drop()
        return True

    def _report(self, reason: str) -> None:
        now = time.monotonic()
        if now - self._reported >= _REPORT_INTERVAL_S:
            self._reported = now
            _log.warning("connections are refused: %s, each with a request under way", reason)


def _unread_longest(connections: Iterable[Connection]) -> Connection | None:
    """Return the connection whose client has not read for longest, if that is long."""
    found, latest = None, time.monotonic() - _MIN_UNREAD_S
    for connection in connections:
        since = connection.unread_since
        if since is not None and since < latest:
            found, latest = connection, since
    return found
