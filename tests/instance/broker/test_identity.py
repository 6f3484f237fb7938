"""The process behind a local URI."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fluxapi.instance.broker.identity import listens
from tests.running import needs_flux


def test_a_process_that_listens_on_the_socket_of_a_uri_is_its_broker(tmp_path: Path) -> None:
    own, path = Path("/proc", str(os.getpid())), tmp_path / "a socket"
    uri = f"local://{str(path).replace(' ', '%20')}"
    assert not listens(own, uri)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert not listens(own, uri)
        server.listen()
        assert listens(own, uri)
        assert not listens(Path("/proc", str(os.getppid())), uri)
        for other in (f"ssh://host{path}", str(path), "", f"{uri}2"):
            assert not listens(own, other)


@pytest.mark.parametrize("name", [b"\xff", b"a\nb", b"a\n0: 2 0 none 1 1 7 %b", b"\xc2\x85x"])
def test_sockets_of_others_may_have_any_name(name: bytes) -> None:
    folder, own = Path("/proc", str(os.getpid())), f"own {os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as other:
        # The names of abstract sockets are in no folder; the system shows them after this sign.
        server.bind(f"\0{own}")
        server.listen()
        other.bind(b"\0" + name.replace(b"%b", f"@{own}".encode()))
        assert listens(folder, f"local://@{own}")


@needs_flux
async def test_a_broker_with_the_name_of_another_host_tells_its_folder(tmp_path: Path) -> None:
    script = (
        "import asyncio, json\n"
        "from fluxapi.instance.broker import BrokerInstance\n"
        "async def main():\n"
        "    instance = BrokerInstance()\n"
        "    info = await instance.start()\n"
        "    await instance.close()\n"
        "    print(info.hostname, info.cwd)\n"
        "asyncio.run(main())\n"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        ["flux", "start", "--test-size=1", "--test-hosts=fake0", sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["fake0", str(tmp_path)]
