"""The reference of the API is large, so it is compressed for readers who accept that."""

from __future__ import annotations

import gzip

import pytest

from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

PAGE = {"Accept": "text/html"}


async def read(service: Service, path: str, encoding: str) -> tuple[bytes, str, str]:
    """Return the bytes of a page as they are sent, their encoding, and what they depend on."""
    headers = {**PAGE, "Accept-Encoding": encoding}
    async with service.client.session.get(
        service.client.make_url(path), headers=headers, auto_decompress=False
    ) as answer:
        assert answer.status == 200
        kind, depends = answer.headers.get("Content-Encoding", ""), answer.headers["Vary"]
        body = await answer.read()
        assert int(answer.headers["Content-Length"]) == len(body)
        return body, kind, depends


async def test_the_reference_is_compressed_without_loss(service: Service) -> None:
    plain, kind, depends = await read(service, "/docs/reference", "identity")
    assert (kind, depends) == ("", "Accept-Language, Accept-Encoding")
    packed, kind, depends = await read(service, "/docs/reference", "gzip, br")
    assert (kind, depends) == ("gzip", "Accept-Language, Accept-Encoding")
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 5


@pytest.mark.slow
async def test_only_the_reference_is_compressed(service: Service) -> None:
    for path in ("/", "/docs/errors", "/ui/submit", "/ui/history/jobs", "/docs/search?q=gzip"):
        _, kind, _ = await read(service, path, "gzip")
        assert kind == "", path
