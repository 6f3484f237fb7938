"""The job of each Idempotency-Key, as the journal shows it."""

from __future__ import annotations

__all__ = ["KnownKeys"]


class KnownKeys:
    """The newest keys, *max_keys* at most, each with its job and the digest of its request.

    The key of a job that has ended and is purged is kept: a client that repeats its request would
    run the job twice.
    """

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._keys: dict[str, tuple[int, str]] = {}
        self._holders: set[int] = set()
        """The jobs whose keys cannot be used again."""
        self._heirs: dict[str, tuple[int, str]] = {}
        """The jobs that get keys at the end of a listing if those that hold them are lost."""

    def learn(self, key: str, jobid: int, digest: str, *, is_listed: bool = False) -> None:
        """Note the key of a job that is in the table, unless an earlier one holds it.

        A program of Flux may submit the jobspec of a job again, as it is. Or another service has
        submitted it for a job that Flux has lost, as the end of a listing tells (:meth:`settle`).
        """
        held = self.find(key)
        if held is not None and held[0] != jobid:
            if held[0] < jobid:
                if is_listed:
                    self._heirs[key] = min((jobid, digest), self._heirs.get(key, (jobid, digest)))
                return
            self._holders.discard(held[0])
        self._keys[key] = (jobid, digest)
        self._holders.add(jobid)
        if len(self._keys) > self._max_keys:
            oldest, _ = self._keys.pop(next(iter(self._keys)))
            self._holders.discard(oldest)

    def settle(self) -> None:
        """Note the end of a listing: jobs of it get the keys of those that were freed."""
        heirs, self._heirs = self._heirs, {}
        for key, (jobid, digest) in heirs.items():
            if self.find(key) is None:
                self.learn(key, jobid, digest)

    def find(self, key: str) -> tuple[int, str] | None:
        """Return the job that holds a key, and the digest of its request."""
        known = self._keys.get(key)
        return known if known is not None and known[0] in self._holders else None

    def has_shown(self, key: str, jobid: int) -> bool:
        """Return whether this job with this key was in the table, also if its key is free now."""
        known = self._keys.get(key)
        return known is not None and known[0] == jobid

    def is_holder(self, jobid: int) -> bool:
        """Return whether a job that is or was in the table holds a key."""
        return jobid in self._holders

    def free(self, jobid: int) -> None:
        """Free the key of a job that Flux has refused or lost."""
        self._holders.discard(jobid)
