"""Every block of bash and Python in README.md and docs/ runs; all others are parsed."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import programs
from tests.running import Service, clean_environment, own_environment, service
from tests.waiting import TIMEOUT_S

from .blocks import BLOCKS, DOCUMENTS, Block, blocks_of, name_of
from .grammar import PROSE, check
from .session import HERE, Session, busy, open_session

if TYPE_CHECKING:
    from typing_extensions import Self

RUN = ("bash", "python")
USER, TOKEN = "alice", "pancakes"
STOPS = re.compile(r"^fluxapi stop\b|/service/stop\b", re.MULTILINE)
"""A command after which the service ends, a moment later."""

FLUX = shutil.which("flux") is not None

RULES: list[tuple[str, Callable[[Place], str]]] = [
    (r"f2QK3Zz", lambda place: place.job),
    (r"(?:localhost|127\.0\.0\.1):5000", lambda place: place.address),
    (r"0\.0\.0\.0", lambda _place: "127.0.0.1"),
    (r"FLUX_TOKEN=…", lambda _place: f"FLUX_TOKEN={TOKEN}"),
]
"""Texts of a document, and their replacements here."""


@dataclass
class Place:
    """A service to run blocks in front of, and a job that has ended there."""

    service: Service
    job: str
    headers: dict[str, str]

    @property
    def address(self) -> str:
        return self.service.url.rstrip("/").removeprefix("http://")

    @property
    def is_there(self) -> bool:
        return self.service.process.poll() is None

    def fit(self, text: str) -> str:
        """Return the text with the names of this machine filled in."""
        for pattern, stand_in in RULES:
            text = re.sub(pattern, lambda _match, to=stand_in: to(self), text)  # type: ignore[misc] # a default binds it
        return text


@contextlib.contextmanager
def place(kind: str, uri: Callable[[], str]) -> Iterator[Place]:
    """Run a service of the kind that a comment names, with one job that wrote ``hello``."""
    headers: dict[str, str] = {}
    # The lines of its requests would hide the output of a block that fails.
    flags, environ = ["--log-level=warning", "--instance=embedded"], {}
    if kind == "flux":
        flags, environ = ["--log-level=warning"], {"FLUX_URI": uri()}
    if kind == "auth":
        environ = {"FLUX_USER": USER, "FLUX_TOKEN": TOKEN, "FLUX_REQUIRE_AUTH": "true"}
        word = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        headers = {"Authorization": f"Basic {word}"}
    with service(*flags, **environ) as running:
        body = json.dumps({"command": ["sh", "-c", "echo hello; echo oh >&2"]}).encode()
        kinds = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{running.url}/v1/jobs", body, {**headers, **kinds})  # noqa: S310 - it is ours
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - it is ours
            jobid = json.load(answer)["id"]
        wait = urllib.request.Request(f"{running.url}/v1/jobs/{jobid}/wait", headers=headers)  # noqa: S310 - it is ours
        urllib.request.urlopen(wait, timeout=60).close()  # noqa: S310 - it is ours
        yield Place(running, jobid, headers)


def environment(where: Place, kind: str, folder: Path) -> dict[str, str]:
    """Return the environment of a reader's shell: its programs, and the address of the service."""
    path = [str(HERE / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    secrets = {"FLUX_USER": USER, "FLUX_TOKEN": TOKEN} if kind == "auth" else {}
    return own_environment(
        PATH=os.pathsep.join(path),
        HOME=str(folder),
        FLUXAPI_URL=where.service.url.rstrip("/"),
        FORK_SERVER=programs.server_path(),
        **secrets,
    )


class Reader:
    """Does what a document says: a service and a session for each kind of block."""

    def __init__(self, folder: Path, uri: Callable[[], str]) -> None:
        self._folder = folder
        self._uri = uri
        self._stack = contextlib.ExitStack()
        self._places: dict[str, Place] = {}
        self._sessions: dict[tuple[str, str], Session] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def do(self, block: Block) -> str:
        """Run a block; returns what it wrote."""
        where = self._places.get(block.kind)
        if where is None or not where.is_there:
            where = self._stack.enter_context(place(block.kind, self._uri))
            self._places[block.kind] = where
            # A document that stopped the service goes on in front of another.
            here = [key for key in self._sessions if key[1] == block.kind]
            for key in here:
                del self._sessions[key]
        session = self._session(block, where)
        text = where.fit(block.text)
        if block.until is None:
            wrote = session.run(block, text)
            if STOPS.search(block.text):
                where.service.process.wait(TIMEOUT_S)
            return wrote
        with busy(where.service.url.rstrip("/"), where.headers):
            return session.run(block, text)

    def _session(self, block: Block, where: Place) -> Session:
        key = block.language, block.kind
        if key not in self._sessions:
            environ = environment(where, block.kind, self._folder)
            made = open_session(block.language, self._folder, environ)
            self._sessions[key] = self._stack.enter_context(made)
        return self._sessions[key]


def runnable(path: Path) -> list[Block]:
    return [block for block in blocks_of(path) if block.language in RUN and block.not_run is None]


def needs_a_flux(block: Block) -> bool:
    """Return whether Flux itself is called: ``flux`` in a line of Python is a client."""
    if block.kind == "flux":
        return True
    return block.language == "bash" and re.search(r"^flux ", block.text, re.MULTILINE) is not None


def document(path: Path) -> Any:
    """Return the parameter of a document, in the lanes of what its blocks run."""
    marks = []
    if any(block.language == "bash" for block in runnable(path)):
        marks.append(pytest.mark.slow)
    if FLUX and any(map(needs_a_flux, runnable(path))):
        marks.append(pytest.mark.flux)
    return pytest.param(path, id=name_of(path), marks=marks)


def needs(blocks: list[Block]) -> set[str]:
    """Return the programs that blocks call and that some machines do not have."""
    words = {word for block in blocks for word in re.findall(r"[a-z]+", block.text)}
    return words & {"curl", "jq"}


@pytest.mark.slow
@pytest.mark.timeout(400)  # a whole document, of which each block has its own limit
@pytest.mark.parametrize("path", [document(path) for path in DOCUMENTS if runnable(path)])
def test_the_blocks_of_a_document_run(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    blocks = runnable(path)
    missing = sorted(name for name in needs(blocks) if shutil.which(name) is None)
    if missing:
        pytest.skip(f"there is no {', '.join(missing)} on PATH")
    with Reader(tmp_path, lambda: str(request.getfixturevalue("flux_uri"))) as reader:
        left_out = [block for block in blocks if needs_a_flux(block) and not FLUX]
        for block in blocks:
            if block not in left_out:
                compare(block, reader.do(block))
    if left_out:
        lines = ", ".join(str(block.line) for block in left_out)
        pytest.skip(f"there is no flux on PATH: done but for the blocks at lines {lines}")


def compare(block: Block, wrote: str) -> None:
    """Check that the document's lines were printed, in order; IDs, ports and users may differ."""
    lines = iter(wrote.splitlines())
    for line in (block.shows or "").splitlines():
        pattern = re.sub("[fƒ]2QK3Zz", r"[fƒ]\\w+", re.escape(line)).replace("5000", r"\d+")
        pattern = re.sub(r"(?<=[:,])\\ ", " ?", pattern)
        pattern = re.sub(r"\bada\b", r"\\w+", pattern)
        # In a container there is no folder that is kept.
        pattern = re.sub(r"^History:.*", "History: ", pattern)
        assert any(re.search(pattern, said) for said in lines), (block.place, line, wrote)


def test_a_client_named_flux_needs_no_flux() -> None:
    assert not [block for block in BLOCKS if block.language == "python" and needs_a_flux(block)]


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_each_block_is_in_its_language(path: Path, tmp_path: Path) -> None:
    for block in blocks_of(path):
        if block.language not in PROSE:
            check(block.language, block.text, tmp_path)


def test_each_block_runs_or_has_a_reason_not_to() -> None:
    typed = [block for block in BLOCKS if block.language == "console"]
    assert [block.place for block in typed if block.not_run is None] == []


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = [block.not_run for block in BLOCKS if block.not_run is not None]
    assert reasons
    assert all(len(reason.split()) > 1 for reason in reasons)


def test_the_runner_sees_a_failure(tmp_path: Path) -> None:
    bad = Block("none.md", 1, "bash", "false\necho on\n", None, "embedded", None)
    with (
        open_session("bash", tmp_path, clean_environment()) as session,
        pytest.raises(pytest.fail.Exception, match=r"none\.md:1 failed"),
    ):
        session.run(bad, bad.text)
