"""Names of users from a name service that does not answer."""

from __future__ import annotations

import pwd
import threading
from collections.abc import Iterator

import pytest

from fluxapi.model import usernames
from fluxapi.model.usernames import is_settled, username
from tests.waiting import block_until


class NameService:
    """A name service that knows users by number, answers only once it is open, and counts."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.open = threading.Event()
        self.asked: list[int] = []

    def look_up(self, userid: int) -> pwd.struct_passwd:
        self.asked.append(userid)
        self.open.wait()
        fields = (self.names[userid], "x", userid, userid, "", "/", "/bin/sh")
        return pwd.struct_passwd(fields)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameService]:
    found = NameService()
    monkeypatch.setattr(pwd, "getpwuid", found.look_up)
    for name in ("_names", "_nameless", "_lookups"):
        monkeypatch.setattr(usernames, name, {})
    monkeypatch.setattr(usernames, "_wait_from", 0.0)
    yield found
    found.open.set()
    block_until(lambda: not usernames._lookups)


def test_a_name_is_looked_up_once(service: NameService) -> None:
    service.names[7] = "ada"
    service.open.set()
    assert [username(7), username(7)] == ["ada", "ada"]
    assert (service.asked, is_settled(7)) == ([7], True)


def test_a_service_that_does_not_answer_is_waited_for_once(
    service: NameService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.names = {userid: f"user{userid}" for userid in range(100)}
    waited: list[float | None] = []

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout)
            return super().wait(timeout)

    monkeypatch.setattr(threading, "Event", Ended)
    monkeypatch.setattr(usernames, "_PAUSES", 1_000_000)
    assert [username(userid) for userid in range(100)] == [str(userid) for userid in range(100)]
    assert waited.count(usernames.PATIENCE_S) == 1
    assert len(service.asked) <= usernames._MAX_LOOKUPS
    assert not is_settled(0)
    service.open.set()
    block_until(lambda: username(0) == "user0")


def test_a_user_without_a_name_is_looked_up_again(
    service: NameService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.open.set()
    assert [username(7), username(7)] == ["7", "7"]
    assert (service.asked, is_settled(7)) == ([7], True)
    service.names[7] = "ada"
    monkeypatch.setitem(usernames._nameless, 7, 0.0)
    assert username(7) == "ada"


def test_few_names_are_kept(service: NameService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usernames, "_MAX_NAMES", 2)
    service.names = {1: "ada", 2: "bob"}
    service.open.set()
    for userid in (1, 2, 3, 4, 5):
        username(userid)
        block_until(lambda: not usernames._lookups)
    service.names[6] = "eve"
    username(6)
    block_until(lambda: not usernames._lookups)
    assert (list(usernames._names), list(usernames._nameless)) == ([2, 6], [4, 5])


def test_a_lack_of_threads_gives_the_number(
    service: NameService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        assert username(7) == "7"
    service.names[7] = "ada"
    service.open.set()
    assert username(7) == "ada"
