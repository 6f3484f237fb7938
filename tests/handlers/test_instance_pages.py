"""The pages of the tree of instances."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fluxapi.web.places import place

from .tree_site import Site, read_page, targets

ROOT = Path(__file__).parents[2]
PLACES = json.loads((ROOT / "frontend" / "test" / "places.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "instance", "expected"), PLACES)
def test_pages_and_scripts_agree_where_an_instance_is(
    path: str, instance: str, expected: str
) -> None:
    assert place(path, instance) == expected


async def test_the_page_of_the_tree_leads_to_each_instance(site: Site) -> None:
    text = await read_page(site, "/ui/instances")
    assert {f"/ui/instances/{site.first}", f"/ui/instances/{site.second}"} <= targets(
        text, "/ui/instances"
    )
    assert site.broker.places == [], "reading the tree opens nothing"
    assert 'aria-current="page">Instances' in text


@pytest.mark.parametrize("rest", ["", "/nodes", "/submit"])
async def test_pages_of_an_instance_stay_there(site: Site, rest: str) -> None:
    path = f"/ui/instances/{site.third}{rest}"
    text = await read_page(site, path)
    assert f'data-instance="{site.third}"' in text
    found = targets(text, path)
    below = f"/ui/instances/{site.third}"
    assert {below, f"{below}/nodes", f"{below}/submit", f"/ui/instances/{site.first}", "/"} <= found
    assert not {"/ui/nodes", "/ui/submit"} & found


async def test_the_page_of_a_job_leads_to_its_instance(site: Site) -> None:
    inner = site.third.rpartition("/")[2]
    for path, target in (
        (f"/ui/jobs/{site.second}", f"/ui/instances/{site.second}"),
        (f"/ui/instances/{site.first}/jobs/{inner}", f"/ui/instances/{site.third}"),
    ):
        text = await read_page(site, path)
        assert "Open this instance" in text
        assert target in targets(text, path)


async def test_the_page_of_no_instance_says_why(site: Site) -> None:
    path = "/ui/instances/f9"
    async with site.client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        text = await answer.text()
    assert "There is no job f9." in text
    assert {"/ui/instances", "/docs/nested-instances", "/"} <= targets(text, path)


async def test_a_page_has_one_form_of_a_job_id(site: Site) -> None:
    path = "/ui/instances/f119"
    async with site.client.get(path, headers={"Accept": "text/html"}) as answer:
        text = await answer.text()
    assert "There is no job f9." in text
    assert ">f9</b>" in text
    assert ">f119<" not in text


async def test_the_header_of_the_documentation_leads_to_the_tree(site: Site) -> None:
    for path in ("/docs", "/docs/nested-instances"):
        assert "/ui/instances" in targets(await read_page(site, path), path)
