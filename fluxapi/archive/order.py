"""The keys of stored jobs: integers in the order in which jobs were submitted.

A job ID of Flux (RFC 19) consists of 40 bits of milliseconds since the start of the instance, 14
bits for the rank that has given it, and 10 bits of sequence. A key begins with the milliseconds
since 1970. So the keys of one instance are in the order of its IDs, those of several instances in
the order of time, and a range of times is a range of keys.
"""

from __future__ import annotations

__all__ = ["MAX_KEY", "MAX_SAME_KEYS", "epoch_of", "first_key", "key_of"]

_ID_TIME_BITS, _KEY_TIME_BITS = 24, 21
"""The bits of an ID and of a key below the milliseconds."""

_SEQUENCE_BITS = 10
MAX_SAME_KEYS = 64
"""Keys that are tried for a job; another instance may have given an ID at the same time."""

MAX_KEY = (1 << 63) - 1
_MAX_MS = MAX_KEY >> _KEY_TIME_BITS


def epoch_of(jobid: int, t_submit: float) -> int:
    """Return the time from which the IDs of an instance count, in milliseconds since 1970."""
    return min(max(int(t_submit * 1000) - (jobid >> _ID_TIME_BITS), 0), _MAX_MS)


def key_of(epoch: int, jobid: int) -> int:
    """Return the key of a job, unless another job has it; then it is one of the next ones."""
    ms = min(epoch + (jobid >> _ID_TIME_BITS), _MAX_MS)
    rank = (jobid >> _SEQUENCE_BITS) % (1 << (_KEY_TIME_BITS - _SEQUENCE_BITS))
    sequence = jobid % (1 << _SEQUENCE_BITS)
    return (ms << _KEY_TIME_BITS) | (rank << _SEQUENCE_BITS) | sequence


def first_key(time: float) -> int:
    """Return the lowest key of a job that was submitted at *time*, in seconds since 1970."""
    return min(max(int(time * 1000), 0), _MAX_MS) << _KEY_TIME_BITS
