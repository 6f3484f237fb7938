"""How long tools for Flux wait for a service that has not answered yet."""

from __future__ import annotations

import errno
import math
import os

from fluxapi.model.times import parse_duration

__all__ = ["VARIABLE", "connect_timeout"]

VARIABLE = "FLUXAPI_CONNECT_TIMEOUT"
"""The variable that changes the timeout: a Flux Standard Duration, 0 is forever."""

_CONNECT_TIMEOUT_S = 1.0
"""Flux fails at once where no broker is; a service may have just been started."""


def connect_timeout() -> float:
    """Return the seconds for which requests are retried that find no service.

    Raises:
        OSError: The variable holds no duration.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return _CONNECT_TIMEOUT_S
    try:
        return parse_duration(text) or math.inf
    except ValueError as error:
        raise OSError(errno.EINVAL, f"{VARIABLE}: {error}") from None
