"""The certificate of the service, which can be replaced while it runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from fluxapi.errors import SettingsError
from fluxapi.process.background import Worker
from fluxapi.process.daemon_threads import DaemonThreads
from fluxapi.settings import Settings

__all__ = ["Certificate", "Renewal"]

_log = logging.getLogger(__name__)

_READ_TIMEOUT_S = 30.0
"""Time that reading the files may take; a file server may not answer."""


class Certificate:
    """A certificate chain and its key; :meth:`reload` replaces them for new connections.

    The servers keep ``context`` for as long as they run. Each connection takes the newest one by
    the callback for server names, so that a broken file leaves the old certificate untouched.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.context = self._newest = self._read()
        self.context.sni_callback = self._choose

    @classmethod
    def of(cls, settings: Settings) -> Certificate | None:
        """Return the certificate of the settings, if they name one; raise ``SettingsError``."""
        if settings.tls_cert is None or settings.tls_key is None:
            return None
        return cls(settings.tls_cert, settings.tls_key)

    def reload(self) -> None:
        """Read the files again; raise ``SettingsError`` and keep the old ones if they are broken.

        It blocks, so do not call it on the event loop.
        """
        self._newest = self._read()

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self._cert, self._key, _no_password)
        except ssl.SSLError as error:
            reason = (error.reason or "").lower().replace("_", " ")
            raise SettingsError(
                f"--tls-cert {self._cert} and --tls-key {self._key} are not a certificate and its "
                f"unencrypted key in PEM{reason and f': {reason}'}. Check that each file is PEM "
                f"and that the key is the one of the certificate; openssl pkey -in {self._key} "
                "-out FILE decrypts a key."
            ) from None
        except OSError as error:
            raise SettingsError(
                f"Cannot read --tls-cert {self._cert} and --tls-key {self._key}: {error.strerror}."
            ) from None
        return context

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _: ssl.SSLContext
    ) -> None:
        if self._newest is not self.context:
            connection.context = self._newest


class Renewal:
    """Reads a certificate again when it is requested, once for all requests meanwhile.

    It has a thread of its own, so that files that cannot be read hold up nothing else.
    """

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate
        self._threads = DaemonThreads("certificate", 1)
        self._worker = Worker("certificate", self._read)
        self._is_requested = False

    def request(self) -> None:
        """Read the files soon; broken ones are logged and change nothing."""
        self._is_requested = True
        self._worker.start()

    async def close(self) -> None:
        """Read nothing more."""
        await self._worker.aclose()

    async def _read(self) -> None:
        while self._is_requested:
            self._is_requested = False
            try:
                await self._threads.run(_READ_TIMEOUT_S, self._certificate.reload)
            except SettingsError as error:
                _log.error("the old certificate stays in use: %s", error.detail)
            except asyncio.TimeoutError:
                _log.error(
                    "the old certificate stays in use: its files were not read within %g s",
                    _READ_TIMEOUT_S,
                )
            else:
                _log.info("new connections get the reloaded certificate")


def _no_password() -> str:
    """Return no password, since nobody is there to type the one of an encrypted key."""
    return ""
