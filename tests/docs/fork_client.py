"""``fluxapi`` as documents call it: a program that the server in :mod:`tests.fork_server` forks.

It needs a fifth of the time of a new interpreter that imports fluxapi. Without such a server, it
becomes that interpreter.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from types import FrameType


def become(words: list[str]) -> None:
    """Become a new interpreter."""
    os.execvp("python3", ["python3", "-m", "fluxapi", *words])  # noqa: S606 - no shell is wanted


def main(words: list[str]) -> int:
    """Run the command; its exit status."""
    path = os.environ.pop("FORK_SERVER", "")
    if not path:
        become(words)
    folder = os.getcwd()  # noqa: PTH109 - pathlib takes time to import
    request = ["watched", folder, str(len(words) + 1), "fluxapi", *words]
    request += (f"{name}={value}" for name, value in os.environ.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(path)
        socket.send_fds(connection, [b"\0".join(map(os.fsencode, request))], [0, 1, 2])
        pid = int(connection.recv(64))
        if not pid:
            become(words)

        def forward(signum: int, _frame: FrameType | None) -> None:
            os.kill(pid, signum)

        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, forward)
        return int(connection.recv(64))


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.exit(status if status >= 0 else 128 - status)
