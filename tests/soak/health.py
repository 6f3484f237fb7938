"""``python -m tests.soak.health URL``: how long ``/health`` takes, asked again and again.

It is a process of its own, so that it does not wait for those who attack. It prints a line when it
begins, and once it reads a line the milliseconds of all answers as JSON.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import sys
import time
from urllib.parse import urlsplit

_PAUSE_S = 0.01
_TIMEOUT_S = 30.0


def main() -> None:
    """Ask on one connection, or on a new one where that one is lost."""
    address = urlsplit(sys.argv[1])
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=_TIMEOUT_S)
    times: list[float] = []
    print("begun", flush=True)
    while not times or not select.select([sys.stdin], [], [], _PAUSE_S)[0]:
        begun = time.perf_counter()
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            connection.getresponse().read()
            times.append((time.perf_counter() - begun) * 1000)
            continue
        connection.close()
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
