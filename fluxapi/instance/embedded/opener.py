"""A process that opens the files of a job, so that the service itself does not open them.

``/proc/self`` in a path then refers to this process, which has no secrets, and not to the service.
It runs with ``python -I -S`` in a separate session and uses only the standard library. Its
arguments are pairs of flags for open(2) and a path; it sends the descriptors to the socket on its
standard output, with the position and the error number of the first file that cannot be opened.
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
    # Fail instead of waiting if no other process has opened a named pipe.
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
