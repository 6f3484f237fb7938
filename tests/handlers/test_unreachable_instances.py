"""Instances that cannot be opened, or are lost: what the tree says of them."""

from __future__ import annotations

import os
from typing import Any

from fluxapi.contracts import schema
from fluxapi.errors import InstanceUnavailable
from fluxapi.http import keys
from fluxapi.model.duration import duration
from fluxapi.model.jobid import encode_f58
from tests.sessions.broker import FakeBroker
from tests.waiting import poll_until

from .tree_site import FIRST, FOURTH, SECOND, THIRD, Site, read_page, targets


async def test_a_request_for_a_child_that_cannot_be_opened_says_why(site: Site) -> None:
    await site.client.app[keys.CHILDREN].aclose()
    async with site.client.get(f"/v1/instances/{site.first}/jobs") as answer:
        assert answer.status == 503
        assert "opens no more" in (await answer.json())["detail"]


async def test_an_instance_below_a_lost_one_stays_as_it_was(site: Site) -> None:
    counters = site.client.app[keys.COUNTERS]
    await site.get(f"/v1/instances/{site.first}/jobs")

    async def tree() -> dict[str, Any]:
        found = await site.get("/v1/instances?counts=true")
        schema.check("instance-list", found)
        return {it["path"]: it for it in found["instances"]}

    await tree()
    await counters.adjust()
    by_job = {
        counter.place.jobid: counter
        for child in (site.broker, *site.broker.children)
        for counter in child.counters
    }
    use = {kind: {"total": 1, "allocated": 1} for kind in ("nodes", "cores", "gpus")}
    by_job[THIRD].utilization = use
    counted = (await tree())[site.third]
    assert (counted["state"], counted["jobs"]["total"]) == ("closed", 1)
    site.broker.children[0].lose()

    async def is_lost() -> bool:
        return "lost_since" in (await tree())[site.first]

    await poll_until(is_lost)
    await counters.adjust()
    assert by_job[THIRD].closed
    by_job[THIRD].counts = {"total": 9, "states": {"RUN": 9}, "results": {}}
    await counters.adjust()
    found = await tree()
    first, third = found[site.first], found[site.third]
    assert (first["state"], third["state"]) == ("unreachable", "unreachable")
    assert third["lost_since"] == first["lost_since"]
    assert {name: third[name] for name in third if name.startswith("reason")} == {
        "reason": f"The instance above it, {site.first}, does not answer.",
        "reason_code": "above_silent",
        "reason_params": {"path": site.first},
    }
    assert (first["remedy_code"], first["remedy_params"]["job"]) == (
        "cancel_job_of_root",
        site.first,
    )
    assert (third["jobs"], third["utilization"]) == (counted["jobs"], use)
    assert await site.get(f"/v1/instances/{site.third}") == third
    seconds = duration(int(third["lost_since"] - third["t_run"]))
    page = await read_page(site, "/ui/instances")
    assert page.count(f'data-label="Runtime">{seconds}</td>') >= 1
    # The pages of the lost one show what was there, and what helps.
    pages = [
        await read_page(site, f"/ui/instances/{site.first}{rest}")
        for rest in ("", "/nodes", f"/jobs/{encode_f58(THIRD)}")
    ]
    for page in pages:
        assert f'data-as-of="{first["lost_since"]}"' in page
        assert 'id="lost" data-icon="warning" role="status">' in page
        assert f"cancel job {site.first} of the root" in page
    assert ">Resubmit</a>" not in pages[2]
    assert f">{seconds}</span> so far" in pages[2]
    root = await read_page(site, "/")
    assert 'id="lost" data-icon="warning" role="status" hidden>' in root
    gone = FakeBroker()
    gone.error = InstanceUnavailable("Nobody answers.")
    site.broker.children[0].next_children.append(gone)
    async with site.client.get(f"/v1/instances/{site.third}/jobs") as answer:
        assert answer.status == 503
        assert f"The parent instance, {site.first}, does" in (await answer.json())["detail"]
    # It is counted no more when its parent has ended, either.
    site.broker.finish(FIRST)

    async def has_ended() -> bool:
        return bool((await tree())[site.third]["state"] == "ended")

    await poll_until(has_ended)
    await counters.adjust()
    ended = (await tree())[site.third]
    assert (ended["jobs"], ended["utilization"]) == (counted["jobs"], use)


async def test_the_instance_of_another_user_is_unreachable(site: Site) -> None:
    foreign = encode_f58(FOURTH)
    site.broker.launch(FOURTH, userid=os.getuid() + 1)
    journal = site.client.app[keys.SESSIONS].root.journal
    await journal.waiters.wait(FOURTH, lambda job: job is not None and bool(job.annotations), 30)
    found = await site.get(f"/v1/instances/{foreign}")
    schema.check("instance", found)
    assert found["state"] == "unreachable"
    assert "only that user can open its instance" in found["reason"]
    assert "owner" in found["remedy"]
    assert found["remedy_code"] == "ask_owner"
    assert found["reason_code"] == "other_user"
    assert found["reason_params"] == {"job": foreign, "userid": str(os.getuid() + 1)}
    text = await read_page(site, "/ui/instances")
    assert found["reason"] in text
    assert found["remedy"] in text


async def test_an_instance_that_cannot_be_opened_tells_what_helps(site: Site) -> None:
    broken = FakeBroker()
    broken.error = InstanceUnavailable("It <hangs>.")
    site.broker.next_children.insert(0, broken)
    path = f"/ui/instances/{site.second}"
    async with site.client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 503
        text = await answer.text()
    assert "It &lt;hangs&gt;." in text
    assert "Try again" in text
    assert {path, "/ui/instances", "/docs/nested-instances"} <= targets(text, path)
    found = await site.get(f"/v1/instances/{site.second}")
    schema.check("instance", found)
    assert (found["state"], found["reason"]) == ("unreachable", "It <hangs>.")
    assert "try again" in found["remedy"]
    assert found["remedy_code"] == "open_again"
    # The words are those of the instance, which have no code.
    assert "reason_code" not in found
    tree = await read_page(site, "/ui/instances")
    assert "It &lt;hangs&gt;." in tree
    assert found["remedy"] in tree
    # Once its job has ended, nothing can be tried again.
    site.broker.finish(SECOND)
    journal = site.client.app[keys.SESSIONS].root.journal
    await journal.waiters.wait(SECOND, lambda job: job is not None and job.is_inactive, 30)
    ended = await site.get(f"/v1/instances/{site.second}")
    schema.check("instance", ended)
    assert (ended["state"], ended["reason_code"]) == ("ended", "job_ended")
    assert "remedy" not in ended
    assert found["remedy"] not in await read_page(site, "/ui/instances")
    # A request does not get the old reason until the next attempt is due.
    async with site.client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        assert "has ended</h1>" in await answer.text()


async def test_the_page_of_an_instance_that_cannot_be_opened_leads_to_its_job(site: Site) -> None:
    gone = FakeBroker()
    gone.error = InstanceUnavailable("Nobody answers.")
    site.broker.next_children[:] = [gone]
    path = f"/ui/instances/{site.second}/jobs/{site.third.rpartition('/')[2]}"
    async with site.client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 503
        page = await answer.text()
    assert "cannot be opened</h1>" in page
    assert "Nobody answers." in page
    assert ">Try again</a>" in page
    assert f"/ui/jobs/{site.second}" in targets(page, path)
    site.broker.finish(FIRST)
    await site.get(f"/v1/jobs/{site.first}/wait")
    path = f"/ui/instances/{site.first}"
    async with site.client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        page = await answer.text()
    assert "has ended</h1>" in page
    assert f"/ui/jobs/{site.first}" in targets(page, path)
