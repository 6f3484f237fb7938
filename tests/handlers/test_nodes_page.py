from __future__ import annotations

import re

from fluxapi.model import jobid

from .conftest import Service

PATH = "/ui/nodes"


async def page(service: Service, path: str = PATH) -> str:
    answer = await service.client.get(path)
    assert (answer.status, answer.content_type) == (200, "text/html")
    return await answer.text()


def rows(text: str) -> list[str]:
    return re.findall(r"<tr data-state=.*?</tr>", text, re.DOTALL)


async def test_trouble_comes_first_with_its_reason(service: Service) -> None:
    first, second = rows(await page(service))
    assert ">node1<" in first
    assert ">drained<" in first
    assert "broken fan (since 1970-01-01 00:00 UTC)" in first
    assert ">up<" in second


async def test_resources_in_use_are_shown_as_numbers_too(service: Service) -> None:
    _, up = rows(await page(service))
    assert '<meter min="0" max="4" value="2" aria-label="cores taken"></meter>' in up
    assert "2 taken, 2 free" in up
    assert "1 taken, 0 free" in up


async def test_the_jobs_on_a_node_are_linked(service: Service) -> None:
    for _ in range(5):
        service.instance.begin(jobid.parse(await service.submit()))
    # It is in the table when it is answered, and so is what came before it.
    await service.submit()
    drained, up = rows(await page(service))
    assert "/ui/jobs/" not in drained
    assert up.count('href="../ui/jobs/f') == 2
    assert '<a href="../?state=RUNNING&amp;node=node0">3 more</a>' in up


async def test_the_filters_of_the_address_hold(service: Service) -> None:
    assert len(rows(await page(service, f"{PATH}?state=drained"))) == 1
    assert len(rows(await page(service, f"{PATH}?text=ODE0"))) == 1
    none = await page(service, f"{PATH}?text=%3Cb%3E&state=down")
    assert rows(none) == []
    assert 'value="&lt;b&gt;"' in none
    assert "No nodes match the filters." in none
    assert (await service.client.get(f"{PATH}?state=broken")).status == 422


async def test_an_instance_that_does_not_answer_is_said_so(service: Service) -> None:
    service.instance.gone = True
    text = await page(service)
    assert "The broker does not answer." in text
    assert rows(text) == []
