"""The targets that webhooks may reach: a check of the URL, and of each address that is connected.

A URL comes from a user, and the service sits in a network that the user may not reach. So without
a setting, webhooks reach only public addresses, over https. The name of a host can be resolved to
another address at any time, so addresses are checked when a connection is made.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from fluxapi.model.message import Message, NotReadable, field_message
from fluxapi.settings.parse import network_or_host

__all__ = ["Address", "BlockedTarget", "Targets", "is_public", "shown_url"]

MAX_URL_LENGTH = 2048
_MAX_HOST_LENGTH, _MAX_LABEL_LENGTH = 253, 63

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
)  # fmt: skip
"""Networks of the IANA special-purpose registries; the release of Python changes none of them."""

_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
"""The only part of IPv6 that is routed between sites."""

_NEVER_PUBLIC_IPV6 = tuple(
    ipaddress.ip_network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
)
"""Teredo and 6to4 lead to an IPv4 address that the address contains."""

_EMBEDDING = ((ipaddress.ip_network("64:ff9b::/96"), 32), (ipaddress.ip_network("::/96"), 32))
"""Networks whose addresses end with the bits of an IPv4 address: NAT64, and compatible ones."""

_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "fd20:ce::/32", "100.100.100.200/32",
        "168.63.129.16/32", "192.0.0.192/32",
    )
)  # fmt: skip
"""Addresses at which clouds serve the credentials of a machine: link-local ones, and those of
Amazon and Google (IPv6), Alibaba, Azure and Oracle."""


class BlockedTarget(OSError):
    """The settings do not allow the service to send to this target."""


class Targets:
    """A policy: which URLs and addresses webhooks may use.

    Args:
        allowed: Host names, addresses and networks that may be reached although they are not
            public; ``http`` is allowed only for these.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for text in allowed:
            found = network_or_host(text)
            if isinstance(found, str):
                self._hosts.add(found)
            else:
                self._networks.append(found)

    def check_url(self, url: str) -> None:
        """Raise ``ValueError``, with a sentence, for a URL that can never be a target."""
        parts = _split(url)
        host = parts.hostname or ""
        address = _literal(host)
        if parts.scheme == "http" and not self._may_be_allowed(host, address):
            raise NotReadable("url_http")
        if address is not None:
            reason = self.refusal(host, address)
            if reason is not None:
                raise NotReadable("url_leads_to", reason=reason)

    def refusal(self, host: str, address: Address, *, is_encrypted: bool = True) -> Message | None:
        """Return why a connection to *address* for *host* is not allowed, or ``None``.

        Args:
            host: The host of the URL.
            address: One of its addresses.
            is_encrypted: True if the URL begins with ``https``.
        """
        if self._is_in_networks(address):
            return None
        if host.lower().rstrip(".") in self._hosts and not _is_metadata(address):
            return None
        if not is_public(address) or _is_metadata(address):
            return field_message("address_not_public", address=str(address))
        if not is_encrypted:
            return field_message("address_unencrypted", address=str(address))
        return None

    def _may_be_allowed(self, host: str, address: Address | None) -> bool:
        """Return whether an allowed host or network may have this host."""
        if host.lower().rstrip(".") in self._hosts:
            return True
        return bool(self._networks) if address is None else self._is_in_networks(address)

    def _is_in_networks(self, address: Address) -> bool:
        address = _unmapped(address)
        return any(address in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Return whether an address, and any IPv4 address in it, belongs to the public internet."""
    address = _unmapped(address)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NEVER_PUBLIC)
    for network, bits in _EMBEDDING:
        if address in network:
            return is_public(ipaddress.IPv4Address(int(address) & ((1 << bits) - 1)))
    if address not in _PUBLIC_IPV6:
        return False
    return not any(address in network for network in _NEVER_PUBLIC_IPV6)


def _is_metadata(address: Address) -> bool:
    """Return whether a service of metadata answers there, which only an address opens."""
    address = _unmapped(address)
    for network, bits in _EMBEDDING:
        if address in network:
            return _is_metadata(ipaddress.IPv4Address(int(address) & ((1 << bits) - 1)))
    return any(address in network for network in _METADATA)


def _unmapped(address: Address) -> Address:
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH:
        raise NotReadable("url_too_long", limit=MAX_URL_LENGTH)
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise NotReadable("url_not_ascii")
    if "\\" in url:
        raise NotReadable("url_backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotReadable("url_unreadable", why=str(error)) from None
    if parts.scheme not in {"http", "https"} or not _is_host(parts.hostname or ""):
        raise NotReadable("url_no_host")
    if port == 0:
        raise NotReadable("url_port")
    if "@" in parts.netloc:
        raise NotReadable("url_password")
    if parts.fragment:
        raise NotReadable("url_fragment")
    return parts


def _is_host(name: str) -> bool:
    """Return whether a resolver can be asked for a host, or it is an address (RFC 1035, 2.3.4)."""
    labels = name.removesuffix(".").split(".")
    is_short = len(name) <= _MAX_HOST_LENGTH
    return is_short and all(0 < len(label) <= _MAX_LABEL_LENGTH for label in labels)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def shown_url(url: str) -> str:
    """Return a URL without the values of its query, which may be secrets."""
    base, mark, _ = url.partition("?")
    return f"{base}?…" if mark else base
