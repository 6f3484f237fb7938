from __future__ import annotations

import json
import re
from typing import Any

import pytest
from yarl import URL

from fluxapi.web import assets

from .conftest import Service, Start

HTML = {"Accept": "text/html,application/xhtml+xml"}
HOSTILE = "</script><img src=x onerror=alert(1)>\u2028&"


async def test_a_browser_gets_the_dashboard_and_a_program_the_facts(service: Service) -> None:
    page = await service.client.get("/", headers=HTML)
    assert (page.status, page.content_type) == (200, "text/html")
    facts = await service.client.get("/")
    assert facts.content_type == "application/json"


@pytest.mark.parametrize(
    ("guess", "page"),
    [
        ("/jobs?state=RUNNING", "/?state=RUNNING"),
        ("/jobs/ƒ1", "/ui/jobs/%C6%921"),
        ("/nodes", "/ui/nodes"),
        ("/submit", "/ui/submit"),
        ("/ui", "/"),
        ("/ui/", "/"),
        ("/ui/jobs", "/"),
    ],
)
async def test_an_address_that_people_guess_leads_to_the_page(
    service: Service, guess: str, page: str
) -> None:
    answer = await service.client.get(guess, headers=HTML, allow_redirects=False)
    assert answer.status == 303
    assert answer.url.join(URL(answer.headers["Location"])).raw_path_qs == page


@pytest.mark.parametrize(
    "path",
    [
        "/ui/nodes",
        "/ui/jobs/%C6%921?x=1",
        "/ui/instances",
        "/ui/instances/f1/f2",
        "/ui/instances/f1/nodes",
        "/docs",
        "/docs/events",
    ],
)
async def test_a_slash_at_the_end_of_a_page_is_dropped(service: Service, path: str) -> None:
    place, mark, query = path.partition("?")
    guess = URL(f"{place}/{mark}{query}", encoded=True)
    answer = await service.client.get(guess, headers=HTML, allow_redirects=False)
    assert answer.status == 308
    assert answer.url.join(URL(answer.headers["Location"], encoded=True)).raw_path_qs == path


@pytest.mark.parametrize("headers", [HTML, {}], ids=["page", "json"])
@pytest.mark.parametrize("path", ["/?token=x", "/jobs?access_token=x", "/v1/jobs?token=x&limit=1"])
async def test_a_token_in_an_address_is_told_how_to_log_in(
    service: Service, path: str, headers: dict[str, str]
) -> None:
    answer = await service.client.get(path, headers=headers)
    assert answer.status == 422
    assert "Log in at /ui/login" in await answer.text()


@pytest.mark.parametrize("path", ["/", "/ui/nodes", "/ui/queues", "/ui/submit", "/docs/security"])
async def test_a_page_describes_itself_without_data_of_jobs(service: Service, path: str) -> None:
    await service.client.post("/v1/jobs", json={"command": "true", "name": HOSTILE})
    text = await (await service.client.get(path, headers=HTML)).text()
    [description] = re.findall('<meta name="description" content="([^"]+)">', text)
    assert "Flux" in description
    assert "alert" not in description


async def test_an_unknown_guide_leads_to_all_guides(service: Service) -> None:
    response = await service.client.get("/docs/no-such-guide", headers=HTML)
    text = await response.text()
    assert response.status == 404
    assert '<a class="button" href="../docs">All guides</a>' in text


async def test_a_history_without_jobs_says_so(service: Service) -> None:
    response = await service.client.get("/ui/history/jobs", headers=HTML)
    text = await response.text()
    assert response.status == 200
    assert 'id="empty"' in text


async def test_programs_get_json_there(service: Service) -> None:
    jobid = await service.submit()
    for path in ("/jobs", f"/jobs/{jobid}", "/nodes"):
        answer = await service.client.get(path, allow_redirects=False)
        assert (answer.status, answer.content_type) == (200, "application/json")
    prefixed = await service.client.get("/v1/nodes", headers=HTML, allow_redirects=False)
    assert (prefixed.status, prefixed.content_type) == (200, "application/json")


@pytest.mark.parametrize("path", ["/", "/ui/nodes", "/ui/submit"])
async def test_a_page_says_that_the_dashboard_is_not_installed(
    start: Start, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    said = "scripts and styles of the dashboard are missing"
    script = assets.Asset("text/javascript", "1", b"", None)
    for built in (False, True):
        found = {"jobs.js": script} if built else {}
        monkeypatch.setattr(assets, "load", lambda found=found: found)
        service = await start()
        text = await (await service.client.get(path, headers=HTML)).text()
        assert (said in text) != built


async def test_the_first_jobs_are_in_the_page(service: Service) -> None:
    jobid = await service.submit(name="simulation")
    text = await (await service.client.get("/", headers=HTML)).text()
    assert f'href="./ui/jobs/{jobid}"' in text
    assert "simulation" in text


async def test_the_page_holds_the_filters_of_its_address(service: Service) -> None:
    await service.submit(name="here")
    await service.submit(name="there")
    text = await (await service.client.get("/?name=there", headers=HTML)).text()
    assert 'value="there"' in text
    assert ">here<" not in text


async def test_a_filter_that_makes_no_sense_is_refused_visibly(service: Service) -> None:
    jobid = await service.submit(name="a-b")
    other = await service.submit(name="c")
    answer = await service.client.get("/?state=NO%3CSUCH&name=A-", headers=HTML)
    text = await answer.text()
    assert answer.status == 422
    assert "<p>state:NO&lt;SUCH is not a state. The filter is ignored.</p>" in text
    # Valid filters apply.
    assert jobid in text
    assert other not in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("name=*ain*big", {"train-big"}),
        ("name=train", {"train-big", "train-small"}),
        ("name=train*&state=pending,failed", {"train-big", "train-small"}),
        ("since=1h", {"train-big", "train-small", "other"}),
        ("until=1h", set()),
        ("since=today&name=*-small", {"train-small"}),
        ("until=today", {"train-big", "train-small", "other"}),
    ],
)
async def test_a_view_takes_patterns_states_and_times(
    service: Service, query: str, shown: set[str]
) -> None:
    for name in ("train-big", "train-small", "other"):
        await service.submit(name=name, urgency=0)
    answer = await service.client.get(f"/?{query}", headers=HTML)
    assert answer.status == 200
    assert {job["name"] for job in embedded(await answer.text())["jobs"]} == shown


async def test_a_time_that_makes_no_sense_is_refused_with_its_forms(service: Service) -> None:
    answer = await service.client.get("/?since=soon", headers=HTML)
    assert answer.status == 422
    assert "since:soon is not a time" in await answer.text()


@pytest.mark.parametrize("path", ["/ui/nosuch", "/ui/nodes?state=nosuch", "/v1/jobs/nosuch"])
async def test_an_error_is_a_page_for_a_browser(service: Service, path: str) -> None:
    page = await service.client.get(path, headers=HTML)
    program = await service.client.get(path)
    assert page.content_type == "text/html"
    assert program.content_type == "application/problem+json"
    assert page.status == program.status
    body = await program.json()
    text = await page.text()
    assert f"<h1>{body['title']}</h1>" in text
    assert page.headers["X-Request-ID"] in text


async def test_a_find_takes_words_ids_as_flux_shows_them_and_exceptions(service: Service) -> None:
    jobid = await service.submit(name="train big")
    await service.submit(name="train small")
    for text in (f" {jobid} ", jobid.replace("f", "ƒ", 1), "big train", "BIG  train"):
        found = await (await service.client.get("/v1/jobs", params={"text": text})).json()
        assert [job["id"] for job in found["jobs"]] == [jobid]
    found = await (await service.client.get("/v1/jobs", params={"text": "big small"})).json()
    assert found["jobs"] == []


async def test_the_name_of_a_job_is_only_text(service: Service) -> None:
    await service.submit(name=HOSTILE)
    text = await (await service.client.get("/", headers=HTML)).text()
    assert "<img src=x" not in text
    (embedded,) = re.findall(
        r'<script type="application/json" id="first">(.*?)</script>', text, re.DOTALL
    )
    assert json.loads(embedded)["jobs"][0]["name"] == HOSTILE


async def test_every_asset_of_the_page_is_served_for_good(service: Service) -> None:
    text = await (await service.client.get("/", headers=HTML)).text()
    found = set(re.findall(r'(?:src|href)="\.(/static/[^"]+)"', text))
    assert len(found) == 6
    for path in found:
        answer = await service.client.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        if len(await answer.read()) >= 1024:
            assert answer.headers["Content-Encoding"] == "gzip"


async def test_an_asset_of_another_release_is_not_kept(service: Service) -> None:
    text = await (await service.client.get("/", headers=HTML)).text()
    path = next(iter(re.findall(r'"\.(/static/[^"]+)"', text)))
    answer = await service.client.get(re.sub("/static/[^/]+/", "/static/0123456789ab/", path))
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("name", ["none.js", "..%2f..%2fviews.py", ".built"])
async def test_nothing_else_is_served(service: Service, name: str) -> None:
    assert (await service.client.get(f"/static/none/{name}")).status == 404


def embedded(text: str) -> dict[str, Any]:
    """Return the data that the page passes to its script."""
    (found,) = re.findall(
        r'<script type="application/json" id="first">(.*?)</script>', text, re.DOTALL
    )
    first: dict[str, Any] = json.loads(found)
    return first


async def test_the_page_says_where_its_script_joins(service: Service) -> None:
    jobid = await service.submit(name="one")
    first = embedded(await (await service.client.get("/", headers=HTML)).text())
    assert [job["id"] for job in first["jobs"]] == [jobid]
    assert (first["whole"], first["total"]) == (True, 1)
    assert first["cursor"] == (await (await service.client.get("/v1/jobs")).json())["cursor"]


async def test_a_page_of_some_jobs_does_not_pass_for_all(service: Service) -> None:
    await service.submit(name="one")
    first = embedded(await (await service.client.get("/?name=two", headers=HTML)).text())
    assert (first["jobs"], first["whole"], first["total"]) == ([], False, 1)


async def test_a_bug_is_a_page_for_a_browser_and_a_problem_for_a_program(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("hush-hush")

    monkeypatch.setattr("fluxapi.web.columns.first_columns", fail)
    response = await service.client.get("/", headers={"Accept": "text/html"})
    text = await response.text()
    assert (response.status, response.content_type) == (500, "text/html")
    assert "Internal error of the service" in text
    assert response.headers.get("X-Request-ID", "") in text
    assert "hush-hush" not in text
    # The page of the error may have the same bug.
    monkeypatch.setattr("fluxapi.web.views.render", fail)
    response = await service.client.get("/", headers={"Accept": "text/html"})
    assert (response.status, response.content_type) == (500, "application/problem+json")
