"""The sockets of a service: which ones it opens, which it takes over, and which it refuses."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi.errors import SettingsError
from fluxapi.http import listen
from fluxapi.http.listen import Listener, open_all
from fluxapi.settings import Address, Settings

LOOPBACK = Address("127.0.0.1", 0)


@contextlib.contextmanager
def opened(settings: Settings, environ: dict[str, str] | None = None) -> Iterator[list[Listener]]:
    listeners = open_all(settings, {} if environ is None else environ)
    yield listeners
    for listener in listeners:
        listener.socket.close()
        listener.remove()


@contextlib.contextmanager
def passed(sock: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Pass a socket as systemd does, but under another number than 3, which is in use here."""
    descriptor = os.dup(sock.fileno())
    monkeypatch.setattr(listen, "_FIRST_INHERITED", descriptor)
    yield {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}


def test_several_addresses_are_opened_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with opened(Settings(listen=(LOOPBACK, Address(path=path), LOOPBACK))) as listeners:
        urls = [listener.url for listener in listeners]
        assert urls[0].startswith("http://127.0.0.1:")
        assert urls[1] == f"unix:{path}"
        assert urls[0] != urls[2]
    assert not path.exists()


def test_without_one_it_is_host_and_port() -> None:
    with opened(Settings(port=0)) as (listener,):
        assert listener.url.startswith("http://127.0.0.1:")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_the_ipv6_wildcard_answers_on_both_families() -> None:
    with opened(Settings(listen=(Address("::", 0),), insecure=True)) as (listener,):
        port = listener.socket.getsockname()[1]
        assert listener.url == f"http://[::]:{port}"
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=10).close()


def test_open_sockets_are_closed_if_another_address_fails(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(listen=(Address(path=path), Address("127.0.0.1", port)))
        with pytest.raises(SettingsError, match="Address already in use"):
            open_all(settings, {})
    assert not path.exists()


def test_a_socket_of_systemd_replaces_the_default_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock, passed(sock, monkeypatch) as environ:
        with opened(Settings(port=0), environ) as (listener,):
            assert listener.url == f"http://127.0.0.1:{sock.getsockname()[1]}"
            assert not listener.socket.get_inheritable()
        assert environ == {}


def test_a_unix_socket_of_systemd_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock, passed(sock, monkeypatch) as environ:
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen()
        with opened(Settings(listen=(LOOPBACK,)), environ) as listeners:
            assert [listener.url.partition(":")[0] for listener in listeners] == ["unix", "http"]
    assert path.exists()


def test_sockets_for_another_process_are_left_alone() -> None:
    environ = {"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1"}
    with opened(Settings(port=0), environ) as (listener,):
        assert listener.url.startswith("http://127.0.0.1:")
    assert environ == {}


def test_a_unix_socket_of_systemd_that_admits_others_needs_authentication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock, passed(sock, monkeypatch) as environ:
        sock.bind(str(path))
        path.chmod(0o666)
        sock.listen()
        with pytest.raises(SettingsError, match="other users could run jobs as you"):
            open_all(Settings(), environ)


def test_an_abstract_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as sock, passed(sock, monkeypatch) as environ:
        sock.bind(f"\0fluxapi-test-{os.getpid()}")
        sock.listen()
        with pytest.raises(SettingsError, match="abstract"):
            open_all(Settings(), environ)


def test_a_socket_that_does_not_listen_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.socket() as sock,
        passed(sock, monkeypatch) as environ,
        pytest.raises(SettingsError, match="does not listen"),
    ):
        open_all(Settings(), environ)


def test_a_descriptor_that_is_no_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    monkeypatch.setattr(listen, "_FIRST_INHERITED", read)
    with pytest.raises(SettingsError, match="not a socket"):
        open_all(Settings(), {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
    os.close(read)
    os.close(write)
