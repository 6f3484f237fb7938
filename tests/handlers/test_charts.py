from __future__ import annotations

import re

import pytest

from fluxapi.http import keys

from .conftest import Service


async def test_the_script_of_the_charts_has_its_own_address(service: Service) -> None:
    app = service.client.app
    assert app is not None
    if not app[keys.ASSETS]:
        pytest.skip("the dashboard was not built")
    text = await (await service.client.get("/", headers={"Accept": "text/html"})).text()
    (path,) = re.findall(r'data-plots="([^"]+)"', text)
    assert f'src="{path}"' not in text
    answer = await service.client.get(path)
    assert (answer.status, answer.content_type) == (200, "text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]
