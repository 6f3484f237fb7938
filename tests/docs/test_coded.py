"""The page of errors lists the sentences that have a code."""

from __future__ import annotations

from fluxapi.model.message import SECTIONS
from fluxapi.web.words import load
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]


async def test_the_page_of_errors_lists_every_code(service: Service) -> None:
    text = await (await service.client.get("/docs/errors")).text()
    for section in SECTIONS:
        part = text.partition(f'<h3 id="{section}">')[2].partition("</dl>")[0]
        names = [key.partition(".")[2] for key in load()["en"].source if key.startswith(section)]
        assert names
        for name in names:
            assert f"<dt><code>{name}</code></dt>" in part
