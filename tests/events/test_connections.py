from __future__ import annotations

import pytest

from fluxapi.errors import TooManyStreams
from fluxapi.events.transport.connections import Connections


def nothing() -> None:
    pass


def test_there_are_at_most_as_many_as_the_limit() -> None:
    connections = Connections(1)
    with connections.hold(nothing):
        with pytest.raises(TooManyStreams, match="1 streams are open"):
            connections.check()
        with pytest.raises(TooManyStreams), connections.hold(lambda: None):
            pass
        assert len(connections) == 1
    connections.check()


def test_a_connection_that_fails_is_removed() -> None:
    connections = Connections(1)
    with pytest.raises(ZeroDivisionError), connections.hold(nothing):
        raise ZeroDivisionError
    assert len(connections) == 0


def test_all_end_with_the_service_though_they_go_within_the_call() -> None:
    connections = Connections(10)
    ended: list[int] = []
    holds = [connections.hold(lambda number=number: end(number)) for number in range(3)]  # type: ignore[misc]

    def end(number: int) -> None:
        ended.append(number)
        holds[number].__exit__(None, None, None)

    for hold in holds:
        hold.__enter__()
    connections.close()
    assert (ended, len(connections)) == ([0, 1, 2], 0)


def test_a_connection_during_the_shutdown_ends_at_once() -> None:
    connections = Connections(1)
    connections.close()
    ended: list[bool] = []
    with connections.hold(lambda: ended.append(True)):
        assert ended == [True]
