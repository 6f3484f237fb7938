"""Behind nginx as Debian ships it, with its default buffering: nothing is held back."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.running import Service, service
from tests.waiting import block_until

from .conftest import EMBEDDED
from .reader import Events, Jobs
from .site import Site
from .wires import WIRES

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(NGINX is None, reason="there is no nginx here")]

CONFIG = """
daemon off;
{user}
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    # Shorter than by default, that no test has to wait for a minute.
    proxy_read_timeout 18s;
    server {{
        listen unix:{folder}/socket;
        location / {{
            proxy_pass {upstream};
        }}
        location /v1/events/ws {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }}
    }}
}}
"""


def answers(path: Path) -> bool:
    """Return whether a server listens there."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture(scope="module")
def behind() -> Iterator[Service]:
    with service(EMBEDDED) as running:
        yield running


@pytest.fixture(scope="module")
def place(behind: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run nginx in front of the service, and return its socket, which accepts connections."""
    assert NGINX is not None
    folder = tmp_path_factory.mktemp("nginx")
    config = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    text = CONFIG.format(folder=folder, upstream=behind.url, user=user)
    config.write_text(text, encoding="utf-8")
    with subprocess.Popen(
        [NGINX, "-p", str(folder), "-e", "stderr", "-c", str(config)], stdin=subprocess.DEVNULL
    ) as process:
        try:
            block_until(lambda: process.poll() is not None or answers(folder / "socket"))
            assert process.poll() is None, "nginx did not start"
            yield folder / "socket"
        finally:
            process.terminate()


@pytest.fixture
async def site(behind: Service, place: Path) -> AsyncIterator[Site]:
    """Return the service behind nginx."""
    connector = aiohttp.UnixConnector(path=str(place))
    async with aiohttp.ClientSession(connector=connector) as session:
        through = Service(behind.process, "http://localhost", behind.lines)
        yield Site(through, session, None)


async def test_each_event_comes_at_once(site: Site, wire: str) -> None:
    events, rows = Events(), Jobs()
    async with site.read(wire, events) as first, site.read(wire, rows) as second:
        await first.until_mark()
        await second.until_mark()
        # The next job is submitted only when all of the one before was told.
        for _ in range(3):
            (jobid,) = await site.submit()
            await first.until(lambda held, jobid=jobid: jobid in held.clean)  # type: ignore[misc]
            await second.until(lambda held, jobid=jobid: jobid in held.inactive)  # type: ignore[misc]
    assert events.eventlogs(events.clean) == await site.eventlogs(sorted(events.clean))


async def test_a_client_resumes_through_nginx(site: Site, wire: str) -> None:
    events = Events()
    ids: set[str] = set()
    async with site.read(wire, events) as reader:
        await reader.until_mark()
        ids |= set(await site.submit(5))
        await reader.until(lambda held: len(held.clean) == 2)
    async with site.read(wire, events) as reader:
        await reader.until(lambda held: ids <= held.clean)
    assert events.repeats == 0
    assert events.eventlogs(ids) == await site.eventlogs(sorted(ids))


@pytest.mark.timeout(300)  # it waits for half a minute, and so starts before the others
async def test_idle_streams_survive(site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(site.read(wire, Jobs())) for wire in WIRES]
        for reader in readers:
            await reader.until_mark()
        # Two more of them come later than the patience of nginx allows.
        for reader in readers * 2:
            await reader.until_mark()
        ids = set(await site.submit(3))
        for reader in readers:
            await reader.until(lambda held: ids <= held.inactive)


async def test_a_job_is_followed_to_its_end(site: Site) -> None:
    (jobid,) = await site.submit()
    async with site.session.get(f"{site.url}/v1/jobs/{jobid}/events") as answer:
        lines = (await answer.text()).splitlines()
    assert '"reason":"clean"' in lines[-1]
