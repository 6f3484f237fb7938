"""Signatures of webhooks, by the specification of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable

from fluxapi.model.message import NotReadable

__all__ = ["PREFIX", "new_secret", "read_secret", "sign"]

PREFIX = "whsec_"
"""The begin of every secret, so that people and scanners of secrets recognize one."""

_SECRET_BYTES = 32
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64
"""The limits of the specification."""


def new_secret() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def read_secret(text: str) -> bytes:
    """Return the key of a secret; raise ``ValueError`` if it is none."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(PREFIX) or not _MIN_SECRET_BYTES <= len(key) <= _MAX_SECRET_BYTES:
        limits = {"low": _MIN_SECRET_BYTES, "high": _MAX_SECRET_BYTES}
        raise NotReadable("no_secret", prefix=PREFIX, **limits)
    return key


def sign(keys: Iterable[bytes], identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that identify and sign a message.

    Args:
        keys: The current key, and while secrets are exchanged the one before it.
        identity: The ID of the message, the same in each attempt; it has no dots.
        timestamp: When this attempt is made, seconds since the epoch.
        body: The body of the request.
    """
    content = f"{identity}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
