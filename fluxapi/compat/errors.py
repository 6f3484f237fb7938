"""Errors of the service as the ``OSError`` that Flux's bindings raise."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from fluxapi.client import (
    ClientError,
    Conflict,
    ConnectionFailed,
    Invalid,
    NotFound,
    TooLarge,
    Unauthorized,
    Unavailable,
)

__all__ = ["NOT_THERE", "as_os_errors", "not_there"]

NOT_THERE = "{} is not supported by the flux of fluxapi, see docs/how-to/workflows.md"

_ERRNOS: tuple[tuple[type[ClientError], int], ...] = (
    (NotFound, errno.ENOENT),
    (Unauthorized, errno.EPERM),
    (TooLarge, errno.E2BIG),
    (Conflict, errno.EINVAL),
    (Invalid, errno.EINVAL),
    (Unavailable, errno.EHOSTUNREACH),
    (ConnectionFailed, errno.EHOSTUNREACH),
)


@contextlib.contextmanager
def as_os_errors() -> Iterator[None]:
    """Raise an error of the client as ``OSError``."""
    try:
        yield
    except ClientError as error:
        number = next((number for kind, number in _ERRNOS if isinstance(error, kind)), errno.EIO)
        raise OSError(number, str(error)) from error


def not_there(name: str) -> OSError:
    """Return the error for a part of Flux that the service does not offer."""
    return OSError(errno.ENOSYS, NOT_THERE.format(name))
