"""The page of one job as it comes from the service, before any script has run."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from fluxapi.http import keys
from fluxapi.instance.protocol import Capabilities
from fluxapi.model import jobid as jobids
from fluxapi.model.eventlog import Event
from fluxapi.sessions.situation import SituationMonitor
from fluxapi.web import job_detail, words
from fluxapi.web.job_detail import PARTS

from .conftest import Service
from .fake import r_object

HTML = {"Accept": "text/html,application/xhtml+xml"}
HOSTILE = "</script><img src=x onerror=alert(1)>\u2028&\x1b[31m"


ENGLISH = words.load()["en"]


async def page(service: Service, jobid: str, status: int = 200) -> str:
    response = await service.client.get(f"/ui/jobs/{jobid}", headers=HTML)
    assert (response.status, response.content_type) == (status, "text/html")
    return await response.text()


def embedded(text: str) -> Any:
    (found,) = re.findall(
        r'<script type="application/json" id="start">(.*?)</script>', text, re.DOTALL
    )
    return json.loads(found)


async def test_it_shows_the_record_the_states_and_the_events(service: Service) -> None:
    jobid = await service.submit(name="simulation")
    text = await page(service, jobid)
    assert ">simulation<" in text
    assert "Waits for resources" in text
    assert re.search('<li data-key="SCHED" data-status="SCHED"[^>]* aria-current="step">', text)
    assert "<b>priority</b>" in text
    assert "priority=16" in text
    # The heading stands over its numbers.
    assert 'class="numeric">After</th>' in text


@pytest.mark.parametrize(
    "form", [str, hex, jobids.encode_f58, jobids.encode_fancy], ids=["decimal", "hex", "f58", "ƒ"]
)
async def test_it_takes_an_id_in_every_form(service: Service, form: Any) -> None:
    jobid = await service.submit()
    assert f'data-id="{jobid}"' in await page(service, form(jobids.parse(jobid)))


async def test_the_script_begins_where_the_page_ends(service: Service) -> None:
    jobid = await service.submit()
    text = await page(service, jobid)
    assert 'id="eventlog" data-next="4"' in text
    start = embedded(text)
    assert (start["id"], start["state"], start["urgency"]) == (jobid, "SCHED", 16)
    assert start["cursor"].count(".") == 2


async def test_a_failure_is_described_in_words(service: Service) -> None:
    jobid = await service.submit()
    service.instance.finish(jobids.parse(jobid), status=256)
    await service.client.get(f"/v1/jobs/{jobid}/wait")
    text = await page(service, jobid)
    assert "Exit code 1<" in text
    assert '<li data-key="INACTIVE" data-status="INACTIVE"' in text


async def test_resources_that_it_got_are_listed(service: Service) -> None:
    jobid = await service.submit()
    service.instance.finish(jobids.parse(jobid))
    await service.client.get(f"/v1/jobs/{jobid}/wait")
    text = await page(service, jobid)
    for rank, name in enumerate(("node0", "node1")):
        link = f'/ui/nodes/{name}?rank={rank}">{name}</a>'
        assert f"{link}</td><td>4 (IDs 0-3)</td><td>1 (ID 0)</td></tr>" in text


async def test_texts_of_a_job_are_only_text(service: Service) -> None:
    jobid = await service.submit(name=HOSTILE)
    number = jobids.parse(jobid)
    service.instance.post(
        number, Event(5.0, "exception", {"type": HOSTILE, "severity": 0, "note": HOSTILE})
    )
    service.instance.post(number, Event(6.0, "clean"))
    await service.client.get(f"/v1/jobs/{jobid}/wait")
    text = await page(service, jobid)
    assert "<img src=x" not in text
    assert html.escape("<img src=x onerror=alert(1)>") in text
    for part in PARTS:
        answer = await service.client.get(f"/ui/jobs/{jobid}?part={part}", headers=HTML)
        assert "<img src=x" not in await answer.text()


async def test_texts_of_a_plugin_are_only_text(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobid = await service.submit()
    fields = ("username", "queue", "bank", "project", "nodelist", "uri", "ranks", "cwd")
    record = {
        **dict.fromkeys(fields, HOSTILE),
        "id": jobid,
        "state": "SCHED",
        "status": "SCHED",
        "name": HOSTILE,
        "urgency": 16,
        "reason": HOSTILE,
        "dependencies": [HOSTILE],
        "t_submit": 1.0,
        "exception": {"occurred": True, "type": HOSTILE, "note": HOSTILE, "severity": 0},
    }
    monkeypatch.setattr(SituationMonitor, "record", lambda *_: record)
    for query in ("", *(f"?part={part}" for part in PARTS)):
        answer = await service.client.get(f"/ui/jobs/{jobid}{query}", headers=HTML)
        text = await answer.text()
        assert "<img src=x" not in text
        assert "\u2028" not in text
        assert "\x1b" not in text


async def test_an_unknown_job_is_said_in_a_page(service: Service) -> None:
    text = await page(service, "f7777", status=404)
    assert "There is no job f7777." in text


async def test_an_invalid_job_id_is_only_text_too(service: Service) -> None:
    assert "<img src=x" not in await page(service, "%3Cimg%20src=x%3E", status=404)


async def test_a_job_may_only_not_be_known_yet(service: Service) -> None:
    app = service.client.app
    assert app is not None
    app[keys.SESSIONS].root.journal.ready = False
    text = await page(service, "f7777", status=503)
    assert "still reading the jobs" in text


async def test_a_program_is_written_as_on_other_pages(service: Service) -> None:
    response = await service.client.get("/ui/jobs/f7777")
    assert (response.status, response.content_type) == (404, "application/problem+json")


async def test_it_shows_what_it_has_while_the_instance_is_silent(service: Service) -> None:
    jobid = await service.submit(name="known")
    service.instance.gone = True
    text = await page(service, jobid)
    assert ">known<" in text
    assert "The eventlog could not be read." in text


async def test_of_a_long_eventlog_the_end_is_shown(service: Service) -> None:
    jobid = await service.submit()
    number = jobids.parse(jobid)
    events = [Event(1.0, "memo", {"n": n}) for n in range(1500)]
    service.instance.eventlogs[number].extend(events)
    text = await page(service, jobid)
    assert "The 504 events before these are left out." in text
    assert text.count("<b>memo</b>") == 1000
    assert 'data-next="4"' in text


@pytest.mark.parametrize(
    "context",
    [
        {"text": "x" * 100_000},
        {str(number): "y" * 100 for number in range(1000)},
        {"list": ["z" * 10_000] * 10},
        {"deep": [[[["w" * 100_000]]]]},
    ],
)
async def test_a_page_is_bounded_whatever_the_events_hold(
    service: Service, context: dict[str, Any]
) -> None:
    jobid = await service.submit()
    events = [Event(1.0, "memo" * 100, context) for _ in range(500)]
    service.instance.eventlogs[jobids.parse(jobid)].extend(events)
    text = await page(service, jobid)
    assert len(text) < 2_000_000
    (skipped,) = re.findall(r"The (\d+) events before these", text)
    assert int(skipped) + text.count('<td class="details"') == 504


async def test_ids_in_events_have_the_form_of_all_others(service: Service) -> None:
    jobid = await service.submit()
    context = {"description": "after-success=ƒ2QK3Zz", "to": "ƒolder 0ƒ"}
    service.instance.eventlogs[jobids.parse(jobid)].append(Event(1.0, "dependency-add", context))
    text = html.unescape(await page(service, jobid))
    assert 'description="after-success=f2QK3Zz" to="ƒolder 0ƒ"' in text


async def test_only_the_words_of_a_command_that_are_shown_are_quoted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobid = await service.submit(command=["'" * 5000, *["'"] * 5000])
    quoted: list[str] = []

    def quote(word: str) -> str:
        quoted.append(word)
        return f"<{word}>"

    monkeypatch.setattr("fluxapi.web.job_detail.shlex.quote", quote)
    await page(service, jobid)
    assert len(quoted) < 100
    assert sum(map(len, quoted)) < 10_000


@pytest.mark.parametrize("command", [[[]], [["a"], "b"], ["a", {}], [7], {"a": 1}, 7, None])
async def test_a_command_that_is_none_is_not_shown(service: Service, command: Any) -> None:
    # The owner may submit a jobspec that Flux does not validate.
    jobid = await service.submit()
    jobspec = {"tasks": [{"command": command}]}
    service.instance.jobspecs[jobids.parse(jobid)] = json.dumps(jobspec).encode()
    await page(service, jobid)


async def test_a_job_of_several_tells_its_number(service: Service) -> None:
    body = {"job": {"command": "./case {cc}"}, "cc": "6-7"}
    response = await service.client.post("/v1/jobs/bulk", json=body)
    _, last = [it["id"] for it in (await response.json())["jobs"]]
    # Flux keeps no environment in the jobspec.
    jobspec = json.loads(service.instance.jobspecs[jobids.parse(last)])
    del jobspec["attributes"]["system"]["environment"]
    service.instance.jobspecs[jobids.parse(last)] = json.dumps(jobspec).encode()
    assert '<code id="cc-number">FLUX_JOB_CC=7</code>' in await page(service, last)


@pytest.mark.parametrize("mark", [{"group": "g"}, {"cc": ["7"]}, {"cc": 7}, ["cc"], None])
async def test_a_job_without_a_number_tells_none(service: Service, mark: Any) -> None:
    # Every user may write anything there.
    jobid = await service.submit()
    jobspec = {"attributes": {"user": {"fluxapi": mark}}}
    service.instance.jobspecs[jobids.parse(jobid)] = json.dumps(jobspec).encode()
    assert "cc-number" not in await page(service, jobid)


async def test_a_page_is_bounded_whatever_the_record_holds(service: Service) -> None:
    jobid = await service.submit()
    memo = Event(1.0, "annotations", {"annotations": {"user": {"x": ["v" * 1_000_000] * 9}}})
    service.instance.post(jobids.parse(jobid), memo)
    await service.client.get(f"/v1/jobs/{jobid}/eventlog")
    assert len(await page(service, jobid)) < 500_000


async def test_jobs_that_wait_for_each_other_are_a_graph(service: Service) -> None:
    first = await service.submit(name="first")
    middle = await service.submit(name="<middle>", dependencies=[f"afterok:{first}"])
    last = await service.submit(
        name="last", dependencies=[f"afterany:{middle}", f"afternotok:{first}", "begin-time:99"]
    )
    other = await service.submit(name="other")
    for jobid in (first, middle, last):
        response = await service.client.get(f"/ui/jobs/{jobid}", params={"part": "links"})
        text = await response.text()
        keys = re.findall(r'<li data-key="([^"]+)"( aria-current="true")?', text)
        assert keys == [
            (it, ' aria-current="true"' * (it == jobid)) for it in (first, middle, last)
        ]
        assert text.count("<path ") == 3
        assert "&lt;middle&gt;" in text
        conditions = re.findall(r'<span class="condition soft" title="([^"]+)">\1</span>', text)
        assert sorted(conditions) == [
            "after &lt;middle&gt; ends", "after first fails", "after first succeeds"
        ]  # fmt: skip
        assert other not in text
    response = await service.client.get(f"/v1/jobs/{middle}/dependencies")
    assert await response.json() == {
        "id": middle,
        "jobs": [
            {"id": first, "name": "first", "status": "SCHED"},
            {"id": middle, "name": "<middle>", "status": "SCHED"},
            {"id": last, "name": "last", "status": "SCHED"},
        ],
        "links": [
            {"job": middle, "after": first, "scheme": "afterok"},
            {"job": last, "after": middle, "scheme": "afterany"},
            {"job": last, "after": first, "scheme": "afternotok"},
        ],
        "more": False,
    }
    response = await service.client.get(f"/v1/jobs/{first}/dependencies", params={"limit": 2})
    found = await response.json()
    assert (len(found["jobs"]), found["more"]) == (2, True)
    assert (await service.client.get("/v1/jobs/f99/dependencies")).status == 404
    assert '<section class="panel links" id="links" aria-labelledby="links-title" hidden>' in (
        await page(service, other)
    )


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_is_what_the_page_has_of_it(service: Service, part: str) -> None:
    jobid = await service.submit(name="parts")
    service.instance.finish(jobids.parse(jobid), status=256)
    await service.client.get(f"/v1/jobs/{jobid}/wait")
    whole = await page(service, jobid)
    answer = await service.client.get(f"/ui/jobs/{jobid}?part={part}", headers=HTML)
    text = await answer.text()
    head, body = text.split("</title>")
    assert head == "<!doctype html>\n<title>FAILED · parts · fluxapi"
    pieces = re.findall(r'id="([^"]+)"', body)
    assert pieces
    assert "<main" not in body
    for line in body.strip().splitlines():
        assert line in whole


async def test_the_record_of_a_job_needs_no_request_to_flux(service: Service) -> None:
    jobid = await service.submit()
    service.instance.gone = True
    answer = await service.client.get(f"/ui/jobs/{jobid}?part=record", headers=HTML)
    assert answer.status == 200
    assert "Waits for resources" in await answer.text()


async def test_an_unknown_part_is_refused(service: Service) -> None:
    jobid = await service.submit()
    answer = await service.client.get(f"/ui/jobs/{jobid}?part=nosuch")
    assert answer.status == 422


async def test_a_resource_set_that_is_too_long_is_not_said_to_be_missing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_detail, "_MAX_TEXT_CHARS", 10)
    jobid = await service.submit()
    service.instance.begin(jobids.parse(jobid))
    text = await page(service, jobid)
    assert "R is too long for this page." in text
    assert "The jobspec is too long for this page." in text


async def test_a_granted_node_leads_to_the_page_of_its_rank(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    R = r_object("0-1", "0-3", "vm,vm")

    async def lookup(*_: object) -> str:
        return json.dumps(R)

    monkeypatch.setattr(service.instance, "lookup", lookup)
    job = await service.submit()
    service.instance.post(jobids.parse(job), Event(1.0, "alloc"), R=R)
    await service.submit()
    text = await page(service, job)
    assert '/ui/nodes/vm?rank=1">vm, rank 1</a>' in text
    assert "vm (2 ranks)" in text


async def test_the_group_leads_to_its_page(service: Service) -> None:
    name = await service.submit(group="<sweep>")
    page = await (await service.client.get(f"/ui/jobs/{name}", headers=HTML)).text()
    record = await (await service.client.get(f"/jobs/{name}")).json()
    link = rf'<dt>Group</dt><dd><a href="[./]*ui/groups/{record["group"]}">&lt;sweep&gt;</a></dd>'
    assert re.search(link, page)
    # The head of the page has it, too.
    head = rf'<a id="group" href="[./]*ui/groups/{record["group"]}">Group &lt;sweep&gt;</a>'
    assert re.search(head, page)


async def test_the_script_of_a_batch_job_is_shown(service: Service) -> None:
    script = f"#!/bin/sh\n#flux: --output=kvs\necho '{HOSTILE}'\n"
    jobid = await service.submit(script=script)
    text = await page(service, jobid)
    (shown,) = re.findall(r'<pre id="script-text"[^>]*>(.*?)</pre>', text, re.DOTALL)
    assert html.unescape(shown).startswith("#!/bin/sh\n#flux: --output=kvs\necho '</script>")
    assert "<img" not in shown
    assert "3 lines<" in text
    assert "has no brokers" not in text
    assert 'id="script"' not in await page(service, await service.submit())


async def test_an_instance_without_brokers_says_so_beside_the_script(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = service.client.app
    assert app is not None
    session = app[keys.SESSIONS].root
    monkeypatch.setattr(type(session), "capabilities", Capabilities(scripts="task"))
    jobid = await service.submit(script="#!/bin/sh\n")
    assert "This instance has no brokers." in await page(service, jobid)


async def test_a_long_script_is_cut(service: Service) -> None:
    jobid = await service.submit(script="#!/bin/sh\n" + "# x\n" * 40_000)
    text = await page(service, jobid)
    assert "40,001 lines; this page shows the first part" in text
    assert len(text) < 500_000
