"""Credentials: the value of the Authorization header, and how to renew it."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Awaitable, Callable

from fluxapi.process import account

from .config import Config, read_token_file
from .errors import ConfigError

__all__ = ["AccessTokenSource", "Credentials"]

AccessTokenSource = Callable[[], str | Awaitable[str]]
"""Returns an access token; called again when the token has expired."""

Exchange = Callable[[str], Awaitable[str]]
"""Exchanges the value of a Basic Authorization header for an access token."""


class Credentials:
    """User and token, an access token, or nothing. The repr omits secrets."""

    def __init__(self, config: Config, source: AccessTokenSource | None = None) -> None:
        self._user = config.user
        self._token = config.token
        self._file = config.token_file
        self._access = config.access_token
        self._source = source
        self.belongs_to = config.belongs_to if source is None else None
        """The other address that the configured token belongs to, if it is not sent."""
        self._check()

    def __repr__(self) -> str:
        kind = "bearer" if self._access or self._source else "basic" if self._token else "none"
        return f"<Credentials {kind}>"

    @property
    def basic(self) -> str | None:
        """The Authorization header for user and token, if any."""
        if self._token is None:
            return None
        user = account.user_name() if self._user is None else self._user
        return "Basic " + base64.b64encode(f"{user}:{self._token}".encode()).decode("ascii")

    async def header(self) -> str | None:
        """Return the Authorization header, if any."""
        if self._source is not None and self._access is None:
            await self._ask()
        return self.basic if self._access is None else f"Bearer {self._access}"

    async def renew(self, refused: str | None, exchange: Exchange) -> bool:
        """Renew the credentials; return whether they differ from the rejected ones."""
        if await self.header() != refused:
            return True
        if self._source is not None:
            await self._ask()
        elif self._file is not None and self._access is None:
            self._token = read_token_file(self._file)
        elif self._access is not None and self.basic is not None:
            self._access = await exchange(self.basic)
        return await self.header() != refused

    async def _ask(self) -> None:
        if self._source is None:
            return
        given = self._source()
        self._access = await given if inspect.isawaitable(given) else given
        self._check()

    def _check(self) -> None:
        if self._user is not None and (":" in self._user or not self._user.isprintable()):
            raise ConfigError("A user name must not contain a colon or control characters.")
        if not all(text is None or text.isprintable() for text in (self._token, self._access)):
            raise ConfigError("A token must not contain control characters or a newline.")
