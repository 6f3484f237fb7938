"""Asynchronous client. ``tools/make_sync.py`` generates ``sync.py`` from it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING

from .config import read_config
from .credentials import AccessTokenSource, Credentials
from .methods.control import ControlMethods
from .methods.groups import GroupMethods
from .methods.history import HistoryMethods
from .methods.output import OutputMethods
from .methods.service import ServiceMethods
from .methods.submission import SubmissionMethods
from .methods.templates import TemplateMethods
from .methods.tokens import TokenMethods
from .methods.waiting import WaitMethods
from .methods.webhooks import WebhookMethods
from .retry import DEFAULT_TIMEOUT_S, OnWait, RetryPolicy
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AsyncClient"]


class AsyncClient(
    SubmissionMethods,
    WaitMethods,
    GroupMethods,
    HistoryMethods,
    OutputMethods,
    ControlMethods,
    ServiceMethods,
    TemplateMethods,
    TokenMethods,
    WebhookMethods,
):
    """A client of one fluxapi service.

    Use it as ``async with AsyncClient() as flux``. Methods raise ``ClientError`` or a subclass.
    They accept job IDs in every form of RFC 19 and return F58.

    Args:
        url: The address of the service, or ``unix:`` and the path of its socket. Default:
            FLUXAPI_URL, the config file, or http://127.0.0.1:5000.
        user: Default: FLUX_USER, or the config file.
        token: Default: FLUX_TOKEN, the file that FLUXAPI_TOKEN_FILE names, or the config file.
        access_token: A bearer token, or a function that returns one and is called again when the
            token has expired. With *user* and *token*, the client fetches a new one itself.
        ca_file: The certificate authorities (PEM) to trust instead of those of the system. Default:
            FLUXAPI_CA_FILE, or the config file.
        profile: A table of the config file. Default: FLUXAPI_PROFILE.
        instance: The path of an instance in the tree, such as ``f2QK3Zz/fA1b``: jobs, nodes and
            queues are then those of this instance. Default: the instance of the service.
        timeout: Seconds for which requests, waits and streams are retried while the service is
            unreachable, restarting or busy. ``None`` retries forever.
        retries: Number of retries within *timeout*. ``None`` is unlimited, 0 disables retries.
        on_wait: Called with a sentence when a request starts to wait for the service, and when the
            service answers again. Default: the logger ``fluxapi.client``.
        connect_timeout: Seconds for which requests are retried that find no service at the address,
            until it has answered once. Default: *timeout*.
        heartbeat: Seconds of silence after which a stream reconnects. The service sends a message
            every 15 seconds.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        user: str | None = None,
        token: str | None = None,
        access_token: str | AccessTokenSource | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        profile: str | None = None,
        instance: str = "",
        timeout: float | None = DEFAULT_TIMEOUT_S,
        retries: int | None = None,
        on_wait: OnWait | None = None,
        connect_timeout: float | None = None,
        heartbeat: float = 40.0,
    ) -> None:
        source = access_token if callable(access_token) else None
        config = read_config(
            url,
            user=user,
            token=token,
            access_token=None if callable(access_token) else access_token,
            ca_file=ca_file,
            profile=profile,
        )
        self.url = config.url
        """The address of the service."""
        self._heartbeat = heartbeat
        credentials = Credentials(config, source)
        policy = RetryPolicy(timeout, retries, on_wait, connect_timeout)
        self._transport = Transport(config, credentials, policy, instance)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections and end all streams."""
        await self._transport.close()

    async def aclose(self) -> None:
        """Do what ``close`` does, for ``contextlib.aclosing``."""
        await self.close()
