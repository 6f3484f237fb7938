"""Below a prefix: what the pages, redirects and answers refer to, and which prefixes count."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from fluxapi.app import create_app
from fluxapi.http.base import kept_prefix
from fluxapi.http.server import Runner
from fluxapi.settings import Settings
from tests.handlers.conftest import Service, service, start
from tests.handlers.fake import FakeInstance

__all__ = ["service", "start"]

HTML = {"Accept": "text/html"}
JOB = {"command": "true"}

Site = tuple[aiohttp.ClientSession, URL]
Serve = Callable[..., Awaitable[Site]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve the application as the service does; returns a session and the address."""
    runners: list[Runner] = []
    sessions: list[aiohttp.ClientSession] = []

    async def _serve(**settings: Any) -> Site:
        known = Settings(**settings)
        app = create_app(known, FakeInstance(), stop=lambda: None)
        runner = Runner(app, base_path=known.base_path, access_log=None, handle_signals=False)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        session = aiohttp.ClientSession()
        sessions.append(session)
        return session, URL(f"http://127.0.0.1:{runner.addresses[0][1]}")

    yield _serve
    for session in sessions:
        await session.close()
    for runner in runners:
        await runner.cleanup()


@pytest.fixture(params=["/flux", "/node/n1.example.org/5000", "/a/b-c/d.e"])
async def kept(request: pytest.FixtureRequest, serve: Serve) -> tuple[aiohttp.ClientSession, URL]:
    """Return a service whose proxy keeps the prefix of the path, at an address with the prefix."""
    prefix = request.param
    setting = "" if prefix.startswith("/node/") else prefix
    session, url = await serve(base_path=setting)
    return session, url.with_path(prefix)


REFERENCE = re.compile(r'(?:href|src|action|data-[a-z]+)="([^"#]*)')


async def test_every_reference_of_every_page_stays_below_the_prefix(kept: Site) -> None:
    session, url = kept
    async with session.post(url / "v1/jobs", json=JOB) as answer:
        jobid = (await answer.json())["id"]
    for path in (
        "", "ui/nodes", "ui/submit", f"ui/jobs/{jobid}", "ui/jobs/none", "none/at/all", "docs",
        "docs/nginx", "docs/reference", "docs/errors", "v1/docs/tutorial",
    ):  # fmt: skip
        place = url / path if path else URL(f"{url}/")
        async with session.get(place, headers=HTML) as page:
            text = await page.text()
        found = [it for it in REFERENCE.findall(text) if ":" not in it and it]
        linked = [it for it in found if it.startswith(".")]
        assert linked, path
        for reference in linked:
            target = place.join(URL(reference.replace("&amp;", "&")))
            assert str(target).startswith(f"{url}/"), (path, reference)
        assert not [it for it in found if it.startswith("/")], path


async def test_the_files_of_a_page_and_its_links_answer(kept: Site) -> None:
    session, url = kept
    place = URL(f"{url}/")
    async with session.get(place, headers=HTML) as page:
        text = await page.text()
    for reference in REFERENCE.findall(text):
        if reference.startswith("."):
            async with session.get(place.join(URL(reference)), headers=HTML) as answer:
                assert answer.status == 200, reference


async def test_redirects_stay_below_the_prefix(kept: Site) -> None:
    session, url = kept
    for path, target in (("jobs?state=RUN", "/?state=RUN"), ("ui/", "/"), ("submit", "/ui/submit")):
        async with session.get(URL(f"{url}/{path}"), headers=HTML, allow_redirects=False) as answer:
            assert answer.status == 303
            assert str(answer.url.join(URL(answer.headers["Location"]))) == f"{url}{target}"


async def test_the_prefix_without_its_slash_leads_to_the_one_with_it(kept: Site) -> None:
    session, url = kept
    for query in ("", "?a=1"):
        async with session.get(URL(f"{url}{query}"), allow_redirects=False) as answer:
            assert answer.status == 303
            assert str(answer.url.join(URL(answer.headers["Location"]))) == f"{url}/{query}"


async def test_answers_hold_the_prefix(kept: Site) -> None:
    session, url = kept
    async with session.post(url / "v1/jobs", json=JOB) as answer:
        assert answer.status == 201
        place = answer.url.join(URL(answer.headers["Location"]))
    assert str(place).startswith(f"{url}/v1/jobs/")
    async with session.get(place) as answer:
        assert answer.status == 200
    async with session.get(URL(f"{url}/v1/")) as answer:
        links = (await answer.json())["links"]
    assert {link.startswith(f"{url.path}/") for link in links.values()} == {True}
    async with session.get(url / "v1/jobs/none") as answer:
        assert (await answer.json())["type"] == f"{url.path}/docs/errors#job-not-found"
    async with session.get(url / "openapi.json") as answer:
        assert (await answer.json())["servers"][0]["url"] == f"{url.path}/v1"
    async with session.get(url / "asyncapi.json") as answer:
        servers = (await answer.json())["servers"]
        assert {server["pathname"] for server in servers.values()} == {url.path}


async def test_problems_in_lists_and_streams_hold_the_prefix(kept: Site) -> None:
    session, url = kept
    async with session.post(url / "v1/jobs/cancel", json={"ids": ["none"]}) as answer:
        (wrong,) = (await answer.json())["errors"]
        assert wrong["error"]["type"].startswith(f"{url.path}/docs/errors#")
    async with session.ws_connect(url / "v1/events/ws", protocols=["flux-events.v1"]) as socket:
        await socket.send_json({"type": "subscribe", "sub": "a", "stream": "nothing"})
        assert (await socket.receive_json())["type"] == "error"


async def test_the_service_answers_without_its_prefix_too(serve: Serve) -> None:
    session, url = await serve(base_path="/flux")
    async with session.get(url / "v1/") as answer:
        assert (await answer.json())["links"]["jobs"] == "/v1/jobs"
    async with session.get(url / "fluxes/v1") as answer:
        assert answer.status == 404


async def test_a_trusted_proxy_sends_the_prefix_that_it_strips(service: Service) -> None:
    headers = {"X-Forwarded-Prefix": "/user/ada/fluxapi/"}
    answer = await service.client.get("/v1/", headers=headers)
    assert (await answer.json())["links"]["documentation"] == "/user/ada/fluxapi/docs"


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.example", "/", "flux", "/a/../b", "/..", "/.", "/./a", "/..%2f", "/a%2fb", "/a\\b",
        "\\\\evil", "/a b", "/a//b", "/é", "https://evil.example", "/a,/b", "/a?b", "/a#b", "/<a>",
        '/a"b', "/" + "a" * 255, "javascript:alert(1)",
    ],
)  # fmt: skip
async def test_a_prefix_of_another_form_is_ignored(service: Service, prefix: str) -> None:
    answer = await service.client.get("/v1/", headers={"X-Forwarded-Prefix": prefix})
    assert (await answer.json())["links"]["jobs"] == "/v1/jobs"


async def test_a_prefix_from_an_untrusted_peer_is_ignored(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"X-Forwarded-Prefix": "/elsewhere", "X-Forwarded-Proto": "https"}
    monkeypatch.setattr("fluxapi.http.peer.peer_of", lambda _: "192.0.2.1")
    answer = await service.client.get("/v1/", headers=headers)
    assert (await answer.json())["links"]["jobs"] == "/v1/jobs"
    page = await service.client.get("/ui/submit", headers=headers)
    assert " https://" not in await page.text()


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/flux/v1", "/flux"),
        ("/flux/", "/flux"),
        ("/flux", ""),
        ("/fluxes/v1", ""),
        ("//flux/v1", ""),
        ("/%66lux/v1", ""),
        ("/node/n1/80/v1", "/node/n1/80"),
        ("/node/n1/80", ""),
        ("/node/../80/v1", ""),
        ("/node/./80/v1", ""),
        ("/node//80/v1", ""),
        ("/node/a%2f/80/v1", ""),
        ("/node/n1/x/v1", ""),
        ("/node/n1/800000/v1", ""),
    ],
)
def test_a_kept_prefix(path: str, prefix: str) -> None:
    assert kept_prefix(path, "/flux") == prefix


@pytest.mark.parametrize("rest", ["//evil.example", "//evil.example/ui", "/\\evil", "/..%2fx"])
async def test_a_path_after_the_prefix_cannot_leave_it(kept: Site, rest: str) -> None:
    session, url = kept
    place = URL(f"{url}{rest}", encoded=True)
    async with session.get(place, headers=HTML, allow_redirects=False) as answer:
        assert answer.status == 404
        for reference in REFERENCE.findall(await answer.text()):
            assert not reference.startswith(("/", "\\", "http")), reference


async def test_origins_of_a_proxy_that_replaces_the_host(serve: Serve) -> None:
    session, url = await serve(allowed_hosts=("portal.example.org",))
    origin = {"Origin": "https://portal.example.org"}
    other = {"Origin": "https://evil.example"}
    for headers, status in (
        (origin, 403),
        (origin | {"X-Forwarded-Host": "portal.example.org"}, 201),
        (origin | {"X-Forwarded-Host": "portal.example.org, inner.example.org"}, 201),
        (origin | {"Sec-Fetch-Site": "same-origin"}, 201),
        (other | {"X-Forwarded-Host": "portal.example.org"}, 403),
        (other | {"X-Forwarded-Host": "evil.example"}, 403),
        (other | {"Host": "evil.example", "X-Forwarded-Host": "localhost"}, 403),
    ):
        async with session.post(url / "v1/jobs", json=JOB, headers=headers) as answer:
            assert answer.status == status, headers


async def test_a_page_can_be_framed_only_if_it_is_allowed(serve: Serve) -> None:
    for allowed, policy, resource in (
        ((), "frame-ancestors 'none'", "same-origin"),
        (("self",), "frame-ancestors 'self'", "same-origin"),
        (("self", "https://lab.example.org"), "'self' https://lab.example.org", "cross-origin"),
    ):
        session, url = await serve(frame_ancestors=allowed)
        async with session.get(url, headers=HTML) as page:
            assert page.headers["Content-Security-Policy"].endswith(policy)
            assert page.headers["Cross-Origin-Resource-Policy"] == resource
        async with session.get(url / "v1/jobs") as answer:
            assert answer.headers["Content-Security-Policy"].endswith(policy)
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
