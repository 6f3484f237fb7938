"""The child instances that each client uses; no client may use all of them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from fluxapi.errors import TooManyInstances
from fluxapi.model.message import problem

__all__ = ["ChildShares"]

_RESERVED_PART = 4
"""The divisor of the limit for the child instances that are reserved for clients with few of
them."""


class ChildShares:
    """Counts the instances that requests and streams of each client use.

    An instance counts with those above it, which are open for it. A client may use three quarters
    of *limit*, and always one instance of any depth. A limit below four has no shares.
    """

    def __init__(self, limit: int) -> None:
        self._most = limit - limit // _RESERVED_PART
        self._by_client: dict[str, Counter[str]] = {}

    @contextlib.contextmanager
    def using(self, client: str, path: str) -> Iterator[None]:
        """Count one use of the instance at *path* within the context.

        Raises:
            TooManyInstances: The client uses its share of other instances already.
        """
        parts = path.split("/")
        chain = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
        used = self._by_client.setdefault(client, Counter())
        if used and path not in used and len(used.keys() | chain) > self._most:
            raise TooManyInstances(problem("too_many_own_instances", count=len(used)))
        used.update(chain)
        try:
            yield
        finally:
            for one in chain:
                used[one] -= 1
                if not used[one]:
                    del used[one]
            if not used:
                self._by_client.pop(client, None)
