"""The secret that the services of one broker share, stored in the KVS of the instance.

The primary namespace belongs to the instance owner (flux-core, src/modules/kvs/kvsroot.c), so a
guest cannot read it.
"""

from __future__ import annotations

import base64
import errno
import secrets
from typing import Any, Protocol

from fluxapi.errors import FluxRefused

__all__ = ["shared_secret"]

_KEY = "fluxapi.secret"
_SECRET_BYTES = 32
_APPEND = 32
"""FLUX_KVS_APPEND (src/common/libkvs/kvs.h)."""


class _Ask(Protocol):
    async def __call__(self, topic: str, body: dict[str, Any]) -> Any: ...


async def shared_secret(ask: _Ask) -> bytes:
    """Return the secret; the first service creates it.

    It is appended, never replaced, so two services that create one at the same time both use the
    first. Raises ``FluxRefused`` if the KVS contains something else.
    """
    found = await _lookup(ask)
    if found is None:
        value = {"ver": 1, "type": "val", "data": _encoded(secrets.token_bytes(_SECRET_BYTES))}
        operation = {"key": _KEY, "flags": _APPEND, "dirent": value}
        await ask("kvs.commit", {"namespace": "primary", "flags": 0, "ops": [operation]})
        found = await _lookup(ask)
    if found is None or len(found) < _SECRET_BYTES:
        raise FluxRefused(f"The KVS key {_KEY} does not hold a secret.")
    return found[:_SECRET_BYTES]


async def _lookup(ask: _Ask) -> bytes | None:
    try:
        answer = await ask("kvs.lookup", {"key": _KEY, "namespace": "primary", "flags": 0})
    except FluxRefused as refused:
        if refused.members.get("errno") == errno.ENOENT:
            return None
        raise
    try:
        return base64.b64decode(answer["val"]["data"], validate=True)
    except (KeyError, TypeError, ValueError):
        return b""


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
