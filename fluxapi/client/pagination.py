"""Iteration over items that arrive in pages."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from .errors import BadAnswer

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Paged", "next_page"]

T = TypeVar("T")


def next_page(this: str | None, following: str | None) -> str | None:
    """Return the page to ask for after *this*; raise ``BadAnswer`` for one that repeats it."""
    if following is not None and following == this:
        raise BadAnswer("The response repeats the page before it.")
    return following


class Paged(Generic[T]):
    """An asynchronous iterator over items; it fetches the next page when needed."""

    def __init__(self, pages: AsyncGenerator[Iterable[T], None]) -> None:
        self._pages = pages
        self._buffered: deque[T] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._buffered:
            self._buffered.extend(await self._pages.__anext__())
        return self._buffered.popleft()

    async def page(self) -> list[T]:
        """Return all items received, at least one; raise ``StopAsyncIteration`` at the end."""
        found = [await self.__anext__(), *self._buffered]
        self._buffered.clear()
        return found

    async def aclose(self) -> None:
        """Discard the remaining items."""
        self._buffered.clear()
        await self._pages.aclose()
