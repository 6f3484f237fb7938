"""Results of requests: futures as Flux's bindings return them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .errors import as_os_errors

__all__ = ["Future"]

T = TypeVar("T")


class Future(Generic[T]):
    """The result of a request that was made at once.

    Args:
        call: The request. An ``OSError`` that it raises is raised by ``get``.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._error: OSError | None = None
        self._value: T | None = None
        try:
            with as_os_errors():
                self._value = call()
        except OSError as error:
            self._error = error

    def get(self) -> T:
        """Return the result, or raise ``OSError``."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # None only if T is None

    def wait_for(self, timeout: float = -1.0) -> Future[T]:  # noqa: ARG002 - it has its result
        """Return this future, which has its result."""
        return self

    def is_ready(self) -> bool:
        """Return true: the future has its result."""
        return True

    def then(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call ``callback(future, …)``, at once."""
        callback(self, *args, **kwargs)
