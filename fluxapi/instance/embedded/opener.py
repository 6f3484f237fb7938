"""A process that opens the files that a job names, so that the service itself never does.

``/proc/self`` in a path then means this process, which knows nothing, and not the service. It is
started with ``python -I -S`` in a session of its own and uses nothing but the standard library. Its
arguments are pairs of flags for open(2) and a path; the descriptors go through the socket that is
its standard output, with the place and the error number of the first file that cannot be opened.
"""

from __future__ import annotations

import os
import socket
import sys

__all__ = ["NO_ERROR", "OUTPUT_MODE"]

NO_ERROR = 0
OUTPUT_MODE = 0o644


def main(arguments: list[str]) -> None:
    """Open the files and send them."""
    descriptors: list[int] = []
    failure = NO_ERROR
    # A named pipe that nobody has open is an error and no reason to wait.
    always = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        for flags, path in zip(arguments[::2], arguments[1::2], strict=True):
            descriptors.append(os.open(path, int(flags) | always, OUTPUT_MODE))
    except OSError as error:
        failure = error.errno or 1
    answer = b"%d %d" % (len(descriptors), failure)
    with socket.socket(fileno=1) as there:
        socket.send_fds(there, [answer], descriptors)


if __name__ == "__main__":
    main(sys.argv[1:])
