"""One client follows instances of jobs, as many as are open at once: others still open some."""

from __future__ import annotations

from base64 import b64encode

from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.model.jobid import encode_f58
from fluxapi.settings import Settings
from tests.sessions.broker import FakeBroker
from tests.waiting import poll_until

USER, TOKEN = "ada", "not-so-secret"
OWNER = {"Authorization": f"Basic {b64encode(f'{USER}:{TOKEN}'.encode()).decode()}"}
IDS = [number << 24 for number in range(1, 6)]


async def test_a_viewer_with_streams_leaves_instances_to_the_owner(
    aiohttp_client: AiohttpClient,
) -> None:
    broker = FakeBroker()
    settings = Settings(
        user=USER, token=TOKEN, require_auth=True, max_children=4, follow_children=0
    )
    client = await aiohttp_client(create_app(settings, broker, stop=lambda: None))
    new = {"name": "guest", "scope": "view"}
    async with client.post("/v1/tokens", json=new, headers=OWNER) as made:
        guest = {"Authorization": f"Bearer {(await made.json())['token']}"}
    for jobid in IDS:
        broker.launch(jobid)
    paths = [encode_f58(jobid) for jobid in IDS]

    async def are_known() -> bool:
        async with client.get("/v1/instances", headers=OWNER) as answer:
            return len((await answer.json())["instances"]) == len(IDS) + 1

    await poll_until(are_known)
    streams = [
        await client.get(f"/v1/instances/{path}/events", headers=guest) for path in paths[:4]
    ]
    assert [it.status for it in streams] == [200, 200, 200, 503]
    assert "its share of --max-children" in (await streams[3].json())["detail"]
    async with client.get(f"/v1/instances/{paths[4]}/jobs", headers=OWNER) as answer:
        assert answer.status == 200
    for one in streams:
        one.close()
