"""The entry point by which jupyter-server-proxy starts the service: a tile in JupyterLab."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

__all__ = ["setup"]

_START_TIMEOUT_S = 90
"""Time that a start may take: the service reads all jobs of the instance before it answers."""

_ICON = Path(__file__).parent / "web" / "static" / "dist" / "icon.svg"


def setup() -> dict[str, Any]:
    """Return the declaration of the server for jupyter-server-proxy 4 or later.

    The service listens on a Unix socket in a folder of the user's own. Jupyter has authenticated
    each request, under a host name that only Jupyter knows. Its pages may show the dashboard.
    """
    serve = [sys.executable, "-m", "fluxapi", "serve", "--listen", "unix:{unix_socket}"]
    return {
        "command": [*serve, "--allowed-hosts", "*", "--allow-frame-ancestors", "self"],
        "unix_socket": True,
        "timeout": _START_TIMEOUT_S,
        "launcher_entry": {
            "title": "Flux",
            **({"icon_path": str(_ICON)} if _ICON.is_file() else {}),
        },
    }
