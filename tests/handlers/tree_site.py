"""A service in front of a broker with two instances, the first of which has one, too."""

from __future__ import annotations

import re
from typing import Any

from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from yarl import URL

from fluxapi.app import create_app
from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58
from fluxapi.settings import Settings
from tests.sessions.broker import FakeBroker

FIRST, SECOND, THIRD, FOURTH = (number << 24 for number in (1, 2, 3, 4))


class Site:
    """A service in front of a broker with two instances, the first of which has one, too."""

    def __init__(self, client: TestClient[Any, Any], broker: FakeBroker) -> None:
        self.client = client
        self.broker = broker
        self.first, self.second = encode_f58(FIRST), encode_f58(SECOND)
        self.third = f"{self.first}/{encode_f58(THIRD)}"

    async def get(self, path: str) -> Any:
        async with self.client.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


async def tree_site(aiohttp_client: AiohttpClient) -> Site:
    broker, child = FakeBroker(), FakeBroker()
    broker.next_children.append(child)
    # The service opens nothing by itself.
    settings = Settings(follow_children=0)
    client = await aiohttp_client(create_app(settings, broker, stop=lambda: None))
    broker.launch(FIRST)
    broker.launch(SECOND)
    child.launch(THIRD)
    journal = client.app[keys.SESSIONS].root.journal
    await journal.waiters.wait(SECOND, lambda job: job is not None and bool(job.annotations), 30)
    return Site(client, broker)


async def read_page(site: Site, path: str) -> str:
    async with site.client.get(path, headers={"Accept": "text/html"}) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        return text


def targets(page: str, path: str) -> set[str]:
    """Return the paths that the links of a page lead to."""
    found = re.findall(r'href="([^"#]*)"', page)
    return {URL(f"http://host{path}").join(URL(href)).path for href in found}
