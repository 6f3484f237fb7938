"""The tokens and the file that keeps them."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxapi.errors import Conflict, NotFound, NotStored, SettingsError
from fluxapi.security import tokens as module
from fluxapi.security.token_file import TokenFile
from fluxapi.security.tokens import PREFIX, TokenStore

DAY = 86_400


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def open_up(path: Path) -> None:
    path.chmod(0o644)
    path.parent.chmod(0o755)


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tokens.json"


async def opened(path: Path) -> TokenStore:
    store = TokenStore(path)
    await store.open()
    return store


async def test_a_token_is_found_by_its_secret_only() -> None:
    store = TokenStore()
    token, secret = await store.create("laptop", "view", None)
    assert secret.startswith(PREFIX)
    assert len(secret) >= len(PREFIX) + 43  # 256 bits in base64
    assert store.find(secret) is token
    for other in (token.id, token.name, token.hash, "", PREFIX, secret[:-1], "\ud800"):
        assert store.find(other) is None


async def test_the_file_is_private_and_holds_no_secret(path: Path) -> None:
    before = os.umask(0)
    try:
        store = await opened(path)
        _, secret = await store.create("laptop", "view", None)
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert {mode(it) for it in path.parent.iterdir()} == {0o600}
    assert secret.removeprefix(PREFIX).encode() not in read(path)
    await store.close()


async def test_a_file_that_others_could_read_becomes_private(path: Path) -> None:
    store = await opened(path)
    await store.create("laptop", "view", None)
    await store.close()
    open_up(path)
    await (await opened(path)).close()
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


async def test_tokens_outlive_a_restart(path: Path) -> None:
    store = await opened(path)
    _, secret = await store.create("laptop", "operate", time.time() + DAY)
    assert store.find(secret)
    await store.close()
    again = await opened(path)
    token = again.find(secret)
    assert token is not None
    assert (token.name, token.scope) == ("laptop", "operate")
    assert token.last_used is not None
    assert again.all() == [token]
    await again.close()


async def test_a_revoked_token_stays_revoked(path: Path) -> None:
    store = await opened(path)
    _, secret = await store.create("laptop", "view", None)
    ended: list[str] = []
    store.on_revoke = ended.append
    token = await store.revoke("laptop")
    assert (ended, store.find(secret), store.all()) == ([token.id], None, [])
    await store.close()
    again = await opened(path)
    assert again.find(secret) is None
    await again.close()


async def test_revoking_a_token_revokes_what_it_created() -> None:
    store = TokenStore()
    first, _ = await store.create("first", "admin", None)
    second, _ = await store.create("second", "admin", None, [first.id])
    third, secret = await store.create("third", "view", None, [second.id, "sign-in:1"])
    other, kept = await store.create("other", "view", None, ["sign-in:1"])
    ended: list[str] = []
    store.on_revoke = ended.append
    await store.revoke(first.id)
    assert ended == [first.id, second.id, third.id]
    assert store.find(secret) is None
    assert store.find(kept) is other


async def test_an_unknown_token_is_not_revoked() -> None:
    with pytest.raises(NotFound, match="no token 'laptop'"):
        await TokenStore().revoke("laptop")


async def test_a_name_is_free_again_once_its_token_has_ended() -> None:
    store = TokenStore()
    await store.create("a", "view", time.time() - 1)
    await store.create("a", "view", None)
    with pytest.raises(Conflict, match="a token named a"):
        await store.create("a", "view", None)
    assert len(store.all()) == 1


async def test_their_number_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOKENS", 2)
    store = TokenStore()
    await store.create("a", "view", None)
    await store.create("b", "view", time.time() - 8 * DAY)
    await store.create("c", "view", None)
    with pytest.raises(Conflict, match="2 tokens"):
        await store.create("d", "view", None)


class Clocks:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = 1e9, 500.0
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.steady)


async def test_a_token_ends_though_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(monkeypatch)
    store = TokenStore()
    token, secret = await store.create("a", "view", clocks.wall + 60)
    clocks.wall -= 3600
    clocks.steady += 59
    assert store.find(secret) is token
    clocks.steady += 1
    assert store.find(secret) is None
    assert not store.are_alive([token.id])


async def test_a_token_ends_when_the_clock_is_set_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(monkeypatch)
    store = TokenStore()
    _, secret = await store.create("a", "view", clocks.wall + 60)
    clocks.wall += 61
    assert store.find(secret) is None


HOSTILE_FIELDS: list[dict[str, object]] = [
    {"created": 1e300},
    {"created": -1},
    {"created": float("nan")},
    {"expires": 1e12},
    {"expires": float("-inf")},
    {"last_used": 1e300},
    {"id": "\x1b]0;title\x07"},
    {"name": "a" * 1_000_000},
    {"name": "a\n"},
    {"hash": "0"},
]
"""Values of a token that Python cannot show as a date, or a terminal must not show."""


def changed(**fields: object) -> bytes:
    """Return a token file with one token that has these fields."""
    token = {"id": "0" * 10, "name": "a", "scope": "view", "hash": "0" * 64, "created": 0}
    return json.dumps({"format": 1, "tokens": [token | fields]}).encode()


def doubled(same: str) -> bytes:
    """Return a token file with two tokens that are equal in one member."""
    one = {"id": "0" * 10, "name": "a", "scope": "view", "hash": "0" * 64, "created": 0}
    two = {"id": "1" * 10, "name": "b", "scope": "view", "hash": "1" * 64, "created": 0}
    return json.dumps({"format": 1, "tokens": [one, two | {same: one[same]}]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"format":2,"tokens":[]}',
        b'{"format":1,"tokens":[{"id":"a"}]}',
        b'{"format":1,"tokens":[{"id":"a","name":"a","scope":"root","hash":"","created":0}]}',
        b"[" * 100_000,
        pytest.param(b" " * (5 << 20), id="large"),
        *(changed(**fields) for fields in HOSTILE_FIELDS),
        *map(doubled, ("id", "name", "hash")),
    ],
)
async def test_a_damaged_file_is_set_aside_and_opens_nothing(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, content)
    store = await opened(path)
    assert store.all() == []
    assert "no token in it is valid" in caplog.text
    assert read(path.with_suffix(".broken.json")) == content
    _, secret = await store.create("laptop", "view", None)
    await store.close()
    again = await opened(path)
    assert again.find(secret)
    await again.close()


async def test_a_link_to_another_file_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    target = tmp_path / "target"
    target.write_text('{"format":1,"tokens":[]}', encoding="utf-8")
    link(path, target)
    with pytest.raises(SettingsError, match=r"tokens\.json cannot be used"):
        await opened(path)
    assert mode(target) != 0o600


async def test_something_else_than_a_file_is_refused(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="not a file of this user"):
        await opened(path)


async def test_two_services_do_not_share_a_file(path: Path) -> None:
    store = await opened(path)
    with pytest.raises(SettingsError, match="Another service uses the state directory"):
        await opened(path)
    await store.close()
    await (await opened(path)).close()


Fail = Callable[[], None]


@pytest.fixture
def fill_disk(monkeypatch: pytest.MonkeyPatch) -> Fail:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(os, "fsync", fail)


async def test_on_a_full_disk_none_is_created(path: Path, fill_disk: Fail) -> None:
    store = await opened(path)
    await store.create("first", "view", None)
    before = read(path)
    fill_disk()
    with pytest.raises(NotStored, match=r"was not created, since .*No space left on device\."):
        await store.create("second", "view", None)
    assert [token.name for token in store.all()] == ["first"]
    assert read(path) == before
    assert sorted(it.name for it in path.parent.iterdir()) == ["tokens.json", "tokens.lock"]
    await store.close()


async def test_on_a_full_disk_a_token_is_revoked_and_the_rest_is_told(
    path: Path, fill_disk: Fail
) -> None:
    store = await opened(path)
    _, secret = await store.create("laptop", "view", None)
    ended: list[str] = []
    store.on_revoke = ended.append
    fill_disk()
    with pytest.raises(NotStored, match="revoked until the service restarts"):
        await store.revoke("laptop")
    assert store.find(secret) is None
    assert len(ended) == 1
    await store.close()


async def test_a_full_disk_does_not_refuse_a_token(
    path: Path, fill_disk: Fail, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(path)
    _, secret = await store.create("laptop", "view", None)
    fill_disk()
    assert store.find(secret)
    await store.close()
    assert "tokens were last used are not stored" in caplog.text


async def test_uses_are_written_once_for_many(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await opened(path)
    _, secret = await store.create("laptop", "view", None)
    writes: list[int] = []
    written = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = TokenFile.write

    def write(self: TokenFile, tokens: list[object]) -> None:
        writes.append(len(tokens))
        real(self, tokens)
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(TokenFile, "write", write)
    monkeypatch.setattr(module, "_SAVE_INTERVAL_S", 0.0)
    for _ in range(100):
        store.find(secret)
    await written.wait()
    assert writes == [1]
    assert json.loads(read(path))["tokens"][0]["last_used"] > time.time() - 60
    await store.close()
