"""``--idempotency-key``: commands that submit can be repeated, and their errors name the option."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Service

from .program import Program

SUBMITTING = [
    ("submit", "true"),
    ("submit", "--cc=1-2", "true"),
    ("batch", "--output=none", "--wrap", "true"),
    ("bulksubmit", "true", "{}", ":::", "a", "b"),
    ("bulk", "--copies=2", "true"),
]


@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[Program]:
    """Return the command in front of a service that closes connections instead of answering."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                connection = server.accept()[0]
                with connection:
                    if not connection.recv(1 << 16):
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        yield Program(f"http://127.0.0.1:{port}", tmp_path)
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()


@pytest.mark.parametrize("words", SUBMITTING)
def test_a_repeated_command_submits_nothing_twice(
    run: Program, on_embedded: Service, words: tuple[str, ...]
) -> None:
    name, *rest = words
    again = [run(name, f"--idempotency-key=again {words}", *rest) for _ in range(2)]
    assert again[0].lines == again[1].lines != []
    assert [done.status for done in again] == [0, 0]
    assert len(set(again[0].lines)) == len(again[0].lines)
    assert on_embedded.get(f"/jobs/{again[0].lines[0]}")["id"] == again[0].lines[0]


@pytest.mark.parametrize("words", SUBMITTING)
def test_an_error_of_an_interrupted_submission_names_the_option(
    cut_off: Program, words: tuple[str, ...]
) -> None:
    name, *rest = words
    done = cut_off(name, "--retries=0", "--idempotency-key=a key", *rest)
    assert done.status == 3
    assert "repeat it with --idempotency-key='a key' to find out" in done.err
    assert "idempotency_key" not in done.err
    done = cut_off(name, "--retries=0", *rest)
    assert re.search("repeat it with --idempotency-key=[0-9a-f]{32} to find out", done.err)


@pytest.mark.parametrize("words", [SUBMITTING[1], *SUBMITTING[3:]])
def test_a_key_of_other_jobs_is_not_recommended(run: Program, words: tuple[str, ...]) -> None:
    key = f"--idempotency-key=other {words}"
    name, *rest = words
    assert run("bulk", key, "--quiet", input="false\ntrue\n").status == 0
    done = run(name, key, *rest)
    assert (done.status, done.out) == (1, "")
    assert "This Idempotency-Key was used for another request" in done.err
    assert "to continue" not in done.err
