#!/usr/bin/env python3
"""Exit 0 when the service of this container answers, else 1: for HEALTHCHECK and probes."""

from __future__ import annotations

import os
import sys
import tempfile
import urllib.request
from pathlib import Path

TIMEOUT_S = 4.0
"""The check of the image is given 5."""

WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - a look-up
"""Addresses to listen on that no request can be sent to, and one that answers instead."""


def address() -> tuple[str, str]:
    """Return the host and port that the entrypoint noted, else those of the environment."""
    files = list(Path(tempfile.gettempdir()).glob("fluxapi.*/address"))
    if files:
        newest = max(files, key=lambda path: path.stat().st_mtime)
        host, port = newest.read_text(encoding="utf-8").split("\n")[:2]
        return host, port
    return os.environ.get("HOST", ""), os.environ.get("PORT") or "5000"


def main() -> int:
    """Ask for /health, which needs no credentials."""
    host, port = address()
    host = WILDCARDS.get(host, f"[{host.strip('[]')}]" if ":" in host else host)
    # Never by a proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{port}/health", timeout=TIMEOUT_S):
            return 0
    except (OSError, ValueError) as error:
        print(f"fluxapi does not answer: {error}", file=sys.stderr)  # noqa: T201 - shown by docker
        return 1


if __name__ == "__main__":
    sys.exit(main())
