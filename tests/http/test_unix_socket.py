"""Unix sockets: whom they admit from the first moment, and what they replace."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from pathlib import Path

import pytest

from fluxapi.errors import SettingsError
from fluxapi.http.unix_socket import bind


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def test_it_admits_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    sock, remove = bind(path, 0o600, None)
    assert permissions(path) == 0o600
    assert connects(path)
    sock.close()
    remove()
    assert not path.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_it_is_never_open_to_more_users_than_in_the_end(
    tmp_path: Path, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    seen: list[tuple[int, bool]] = []
    chown = os.chown

    def look(*args: object, **options: object) -> None:
        seen.append((permissions(path), connects(path)))
        chown(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("fluxapi.http.unix_socket.os.chown", look)
    before = os.umask(umask)
    try:
        sock, _ = bind(path, 0o660, str(os.getgid()))
    finally:
        os.umask(before)
    assert seen == [(0o600, False)]
    assert permissions(path) == 0o660
    assert path.lstat().st_gid == os.getgid()
    sock.close()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
        old.listen()
    assert not connects(path)
    sock, remove = bind(path, 0o600, None)
    assert connects(path)
    sock.close()
    remove()


def test_a_live_socket_is_refused_even_with_a_full_backlog(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as old, socket.socket(socket.AF_UNIX) as waiting:
        old.bind(str(path))
        old.listen(0)
        with pytest.raises(SettingsError, match="Another service listens"):
            bind(path, 0o600, None)
        waiting.setblocking(False)
        waiting.connect_ex(str(path))
        with pytest.raises(SettingsError, match="Another service listens"):
            bind(path, 0o600, None)
    assert path.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link", "link-to-socket", "pipe"])
def test_anything_else_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "s", tmp_path / "other"
    other.write_text("mine", encoding="utf-8")
    if kind == "file":
        path.write_text("data", encoding="utf-8")
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(tmp_path / "stale"))
        path.symlink_to(tmp_path / "stale")
    before = path.lstat()
    with pytest.raises(SettingsError, match="is not a socket"):
        bind(path, 0o600, None)
    assert path.lstat().st_ino == before.st_ino
    assert other.read_text(encoding="utf-8") == "mine"


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(SettingsError, match="Other users could replace"):
        bind(tmp_path / "s", 0o600, None)
    tmp_path.chmod(0o1777)  # as /tmp
    sock, remove = bind(tmp_path / "s", 0o600, None)
    sock.close()
    remove()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make files of another user")
def test_a_socket_of_another_user_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "s"))
    os.chown(tmp_path / "s", 12345, 12345)
    with pytest.raises(SettingsError, match="belongs to another user"):
        bind(tmp_path / "s", 0o600, None)
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(SettingsError, match="Other users could replace"):
        bind(tmp_path / "t", 0o600, None)


def test_a_folder_that_another_process_has_locked_is_used_all_the_same(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    sock, remove = bind(tmp_path / "s", 0o600, None)
    sock.close()
    remove()
    os.close(descriptor)


def test_the_end_leaves_the_socket_of_a_successor(tmp_path: Path) -> None:
    path = tmp_path / "s"
    first, remove = bind(path, 0o600, None)
    first.close()
    # The number of a file that is gone may be used again, so the old one is kept.
    path.rename(tmp_path / "old")
    second, _ = bind(path, 0o600, None)
    remove()
    assert connects(path)
    second.close()


@pytest.mark.parametrize(
    ("name", "group", "words"),
    [
        ("x" * 200, None, "too long"),
        ("none/s", None, "No such file"),
        ("s", "no-such-group", "no group 'no-such-group'"),
    ],
)
def test_a_bad_setting_is_one_sentence(
    tmp_path: Path, name: str, group: str | None, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        bind(tmp_path / name, 0o600, group)
    assert list(tmp_path.iterdir()) == []
