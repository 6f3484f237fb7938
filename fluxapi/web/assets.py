"""What pages load besides themselves: built from ``frontend/``, read once, named by its content.

The name changes with the content, so a browser may keep what it has for good.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from fluxapi.errors import NotFound

__all__ = ["Asset", "address", "asset", "load"]

_BUILT = Path(__file__).parent / "static" / "dist"
_WORTH = 1024
"""Bytes from which compressing pays."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its media type, and its bytes as they are and compressed."""

    kind: str
    version: str
    plain: bytes
    packed: bytes | None


def load() -> Mapping[str, Asset]:
    """The built files by name; empty in a checkout that was not built."""
    return {path.name: _read(path) for path in sorted(_BUILT.glob("*.*"))}


def _read(path: Path) -> Asset:
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(plain, mtime=0) if len(plain) >= _WORTH else None
    return Asset(kind, hashlib.sha256(plain).hexdigest()[:12], plain, packed)


def address(assets: Mapping[str, Asset], name: str) -> str:
    """Where a file is to be had."""
    found = assets.get(name)
    return f"/static/{found.version if found else 'none'}/{name}"


def asset(request: web.Request, assets: Mapping[str, Asset]) -> web.Response:
    """The file that the path names."""
    name = request.match_info["name"]
    found = assets.get(name)
    if found is None:
        raise NotFound(f"There is no file {name[:64]!r}; in a checkout, make builds the dashboard.")
    body = found.plain
    headers = {
        hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    if found.packed is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = found.packed
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, content_type=found.kind, charset="utf-8", headers=headers)
