"""Runs a command of curl that follows a stream, which would go on for good.

Once the stream has caught up (its first bookmark), a job is submitted, so that something happens;
the message after that is the last.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request

ADDRESS = re.compile(r"(https?://)?[^/]+(?=/v1/)")


def submit(command: list[str]) -> None:
    """Have something happen in the service that the command names."""
    (base,) = {match[0] for text in command if (match := ADDRESS.match(text))}
    request = urllib.request.Request(  # noqa: S310 - it is ours
        (base if "://" in base else f"http://{base}") + "/v1/jobs",
        json.dumps({"command": "true"}).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()  # noqa: S310 - it is ours


def main(command: list[str]) -> int:
    has_caught_up = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout is not None
        for line in curl.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if has_caught_up and line.strip():
                curl.terminate()
                return 0
            if '"type":"bookmark"' in line:
                has_caught_up = True
                submit(command)
        return curl.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
