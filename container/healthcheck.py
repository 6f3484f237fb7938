#!/usr/bin/env python3
"""Exit 0 when the service answers at HOST and PORT, else 1: for HEALTHCHECK and probes."""

from __future__ import annotations

import os
import sys
import urllib.request

TIMEOUT = 4.0
"""Seconds; the check of the image is given 5."""

EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - a look-up
"""Addresses to listen on that are none to ask at."""


def main() -> int:
    """Ask for /health, which needs no credentials."""
    host = os.environ.get("HOST", "")
    port = os.environ.get("PORT") or "5000"
    host = EVERYWHERE.get(host, f"[{host.strip(chr(91) + chr(93))}]" if ":" in host else host)
    # Never by a proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{port}/health", timeout=TIMEOUT):
            return 0
    except (OSError, ValueError) as error:
        print(f"fluxapi does not answer: {error}", file=sys.stderr)  # noqa: T201 - shown by docker
        return 1


if __name__ == "__main__":
    sys.exit(main())
