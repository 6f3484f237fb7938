"""The address of a child: only ever a socket on a node of its job."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi.instance.broker.child_uri import Address, local_problem, read_address
from fluxapi.instance.broker.ssh_relay import ssh_command
from fluxapi.instance.protocol import ChildPlace


def place(uri: str, ranks: str = "[3,7]", nodelist: str = "node[3,7]") -> ChildPlace:
    return ChildPlace(1 << 24, uri, ranks, nodelist)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("ssh://node3/run/flux-a9QyYf/local-0", "/run/flux-a9QyYf/local-0"),
        ("ssh://node3.example.org/run/flux/local", "/run/flux/local"),
        ("local:///run/user/1000/flux-1/local-0", "/run/user/1000/flux-1/local-0"),
    ],
)
def test_an_address_is_a_path_on_the_first_node_of_the_job(uri: str, path: str) -> None:
    assert read_address(place(uri)) == Address("node3", 3, path)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/run/flux/local",
        "ssh://node3",
        "ssh://node3/",
        "ssh://-oProxyCommand=id/tmp/x",
        "ssh://root@node3/tmp/x",
        "ssh://node3:22/tmp/x",
        "ssh://node7/tmp/x",
        "ssh://evil.example.org/tmp/x",
        "ssh://node3/tmp/x?a=b",
        "ssh://node3/tmp/x#y",
        "ssh://node3/tmp/../etc/x",
        "ssh://node3/tmp/./x",
        "ssh://node3/tmp//x",
        "ssh://node3/tmp/$(id)",
        "ssh://node3/tmp/a b",
        "ssh://node3/tmp/a;b",
        "ssh://node3/tmp/a%20b",
        "ssh://node3/tmp/a\nb",
        "ssh://node3/tmp/a\n",
        "ssh://node3/tmp/a\0b",
        "ssh://node3/tmp/é",
        f"ssh://node3/{'x' * 107}",
        "local://tmp/x",
        "shmem:///tmp/x",
        "fd:///3",
        "jobid:f1",
    ],
)
def test_no_other_text_is_an_address(uri: str) -> None:
    with pytest.raises(ValueError, match="address"):
        read_address(place(uri))


@pytest.mark.parametrize(("ranks", "nodelist"), [("", ""), ("0", ""), ("", "node3")])
def test_a_job_without_nodes_has_no_address(ranks: str, nodelist: str) -> None:
    with pytest.raises(ValueError, match="nodes of the job"):
        read_address(place("local:///tmp/x", ranks, nodelist))


@pytest.mark.parametrize(
    "name", ["-oProxyCommand=id", "-F/tmp/x", "root@node3", "node3 -v", "node3;id", "node3\n", "é"]
)
def test_a_node_with_a_name_of_no_host_has_no_address(name: str) -> None:
    # The parent may be an instance of a job, too, which says where its own jobs run.
    with pytest.raises(ValueError, match="name of a host"):
        read_address(place("local:///tmp/x", "0", name))


@pytest.fixture
def offered(tmp_path: Path) -> Iterator[Path]:
    """Return the path of a socket in a directory of its own."""
    folder = tmp_path / "d"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(folder / "s"))
        yield folder / "s"


def test_an_own_socket_in_an_own_directory_is_accepted(offered: Path) -> None:
    assert local_problem(os.fspath(offered)) is None


def test_a_socket_that_others_could_have_made_is_refused(
    offered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.fspath(offered)
    offered.parent.chmod(0o770)
    assert "others may write" in (local_problem(path) or "")
    offered.parent.chmod(0o700)
    (offered.parent / "file").touch()
    assert "not a socket" in (local_problem(f"{offered.parent}/file") or "")
    (offered.parent / "link").symlink_to(offered)
    assert "not a socket" in (local_problem(f"{offered.parent}/link") or "")
    assert "No such file" in (local_problem(f"{offered.parent}/none") or "")
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    assert "another user" in (local_problem(path) or "")


def test_ssh_gets_a_host_and_a_quoted_command() -> None:
    address = Address("node3", 3, "/run/a=b,c")
    command = ssh_command(address, {"PATH": "/nowhere", "LD_LIBRARY_PATH": "/a b"}, 7.5)
    assert command == [
        "ssh",
        *("-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=7"),
        "node3",
        "env PATH=/usr/bin:/bin 'LD_LIBRARY_PATH=/a b' flux relay /run/a=b,c",
    ]
    chosen = {"FLUX_SSH": "/opt/rsh", "FLUX_SSH_RCMD": "/opt/flux"}
    assert ssh_command(address, chosen, 1) == [
        "/opt/rsh",
        "node3",
        "env /opt/flux relay /run/a=b,c",
    ]
