"""``fluxapi output --tail`` before a service that searches for long, and in vain."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .program import Program
from .terminal import terminal

_ENTRY = {
    "timestamp": 1.0,
    "name": "data",
    "context": {"stream": "stdout", "rank": "0", "data": "the end\n"},
}


@contextmanager
def searching(found: threading.Event) -> Iterator[str]:
    """Run a service that answers when ``found`` is set, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.wait(60)
            body = json.dumps(_ENTRY).encode() + b"\n"
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Output-Searched-Bytes", "268435456")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            found.set()
            server.shutdown()
            thread.join()


CUT = (
    "fluxapi: only the last 268435456 bytes of the output were searched; "
    "without --tail, all of it is read"
)


def test_a_terminal_shows_that_the_end_is_being_read(tmp_path: Path) -> None:
    found = threading.Event()
    with (
        searching(found) as url,
        terminal(Program(url, tmp_path), "output", "--tail=2", "f1") as seen,
    ):
        seen.until("fluxapi: reading the end of the output")
        found.set()
        seen.until("the end")
        status, _ = seen.end()
    assert status == 0


def test_a_search_that_ended_at_its_bound_is_told(tmp_path: Path) -> None:
    found = threading.Event()
    found.set()
    with searching(found) as url:
        done = Program(url, tmp_path)("output", "--tail=2", "f1")
    assert (done.status, done.out, done.err) == (0, "the end\n", f"{CUT}\n")
