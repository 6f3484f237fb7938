"""``fluxapi serve`` as documents call it: it takes a free port, and is stopped once it answers."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path


def check(url: str) -> None:
    """Raise if the service is not healthy."""
    if not url.startswith("unix:"):
        urllib.request.urlopen(f"{url}/health").close()  # noqa: S310 - it is ours
        return
    with contextlib.closing(http.client.HTTPConnection("localhost")) as connection:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(url.removeprefix("unix:"))
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


def serve(command: list[str]) -> int:
    """Run the service until it is healthy; its exit status."""
    for name in ("FLUXAPI_URL", "PORT"):
        os.environ.pop(name, None)
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        for line in service.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if " answers at " in line:
                url = line.split(" answers at ")[1].strip()
                check(url)
                service.send_signal(signal.SIGTERM)
        return service.wait()


if __name__ == "__main__":
    client = Path(__file__).with_name("fork_client.py")
    sys.exit(serve([sys.executable, "-IS", str(client), *sys.argv[1:]]))
