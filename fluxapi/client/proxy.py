"""The HTTP proxy of the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""

from __future__ import annotations

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

from .config import is_host
from .errors import ConfigError

__all__ = ["proxy_of"]


def proxy_of(url: str) -> str | None:
    """Return the proxy through which to connect to the service at *url*; ``None``: directly.

    A loopback address needs no proxy, which would connect to itself. Raises ``ConfigError``.
    """
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - takes long

    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or _is_loopback(host):
        return None
    if proxy_bypass(f"{host}:{parts.port}" if parts.port else host):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_address(proxy):
        # Do not show the address, which may contain a password.
        raise ConfigError(
            f"The proxy for {parts.scheme} in the environment must be an address that begins with "
            f"http:// or https://; to connect to {host} without it, add {host} to NO_PROXY."
        )
    return proxy


def _is_address(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in {"http", "https"} and is_host(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
