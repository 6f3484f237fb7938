"""A job that says that it is an instance, and is none: ``liar.py HOW`` with no broker behind it.

It offers a socket, posts its address, and is ``mute``, or greets and is ``silent``, or sends
``garbage`` or a ``flood`` of it. ``once`` greets every other client only.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading

GARBAGE = b"\xff\xee\x00\x12" + b"\x00\x00\x00\x20" + bytes(range(256))


def serve(client: socket.socket, how: str, number: int) -> None:
    """Treat one client badly."""
    with client, contextlib.suppress(OSError):
        if how != "mute" and not (how == "once" and number % 2):
            client.sendall(b"\0")
        if how == "garbage":
            client.recv(1)
            client.sendall(GARBAGE)
        while how == "flood":
            client.sendall(GARBAGE * 64)
        while client.recv(4096):
            pass


def main(how: str) -> None:
    path = os.path.join(tempfile.mkdtemp(), "local-0")  # noqa: PTH118 - a text for Flux
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        memo = f"uri=local://{path}"
        subprocess.run(["flux", "job", "memo", os.environ["FLUX_JOB_ID"], memo], check=True)
        for number in itertools.count():
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, how, number), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
