from __future__ import annotations

import re

from fluxapi.instance.protocol import Resources
from fluxapi.model import jobid
from fluxapi.model.eventlog import Event

from .conftest import Service, Start
from .fake import r_object

PATH = "/ui/nodes"


async def page(service: Service, path: str = PATH) -> str:
    answer = await service.client.get(path)
    assert (answer.status, answer.content_type) == (200, "text/html")
    return await answer.text()


def rows(text: str) -> list[str]:
    return re.findall(r"<tr data-state=.*?</tr>", text, re.DOTALL)


async def test_trouble_comes_first_with_its_reason(service: Service) -> None:
    first, second = rows(await page(service))
    assert ">node1</a>" in first
    assert ">Drained</span>" in first
    assert '<span class="said">broken fan</span>' in first
    # Scripts write it in the zone of the reader.
    assert 'since <time data-at="5.0">1970-01-01 00:00:05 UTC</time></span>' in first
    assert ">Up</span>" in second


async def test_resources_in_use_are_shown_as_numbers_too(service: Service) -> None:
    _, up = rows(await page(service))
    assert '<meter min="0" max="4" value="2" aria-label="Cores in use"></meter> 2 of 4' in up
    assert "1 of 1" in up


async def test_the_jobs_on_a_node_are_linked(service: Service) -> None:
    for _ in range(5):
        service.instance.begin(jobid.parse(await service.submit()))
    # It is in the table when it is answered, and so is what came before it.
    await service.submit()
    drained, up = rows(await page(service))
    assert "/ui/jobs/" not in drained
    assert up.count('href="../ui/jobs/f') == 2
    assert '<a class="more" href="../?state=RUNNING&amp;node=node0">3 more</a>' in up


async def test_the_filters_of_the_address_hold(service: Service) -> None:
    assert len(rows(await page(service, f"{PATH}?state=drained"))) == 1
    assert len(rows(await page(service, f"{PATH}?text=ODE0"))) == 1
    none = await page(service, f"{PATH}?text=%3Cb%3E&state=down")
    assert rows(none) == []
    assert 'value="&lt;b&gt;"' in none
    assert "No nodes match." in none
    assert (await service.client.get(f"{PATH}?state=broken")).status == 422


async def test_an_instance_that_does_not_answer_is_said_so(service: Service) -> None:
    service.instance.gone = True
    text = await page(service)
    assert "The broker does not answer." in text
    assert rows(text) == []


async def test_rows_are_sorted_by_the_column_of_the_address(service: Service) -> None:
    def names(text: str) -> list[str]:
        return re.findall(r">(node[0-9])</a>", text)

    assert names(await page(service)) == ["node1", "node0"]
    assert names(await page(service, f"{PATH}?sort=name")) == ["node0", "node1"]
    assert names(await page(service, f"{PATH}?sort=-rank")) == ["node1", "node0"]
    assert (await service.client.get(f"{PATH}?sort=color")).status == 422


async def test_nodes_are_found_by_queue(service: Service) -> None:
    everything = await page(service, f"{PATH}?queue=batch")
    assert '<option value="batch" selected>' in everything
    assert len(rows(everything)) == 2
    assert rows(await page(service, f"{PATH}?queue=other")) == []


async def test_a_node_links_to_its_page_which_tells_its_state(service: Service) -> None:
    assert 'href="../ui/nodes/node1?rank=1"' in await page(service)
    text = await page(service, f"{PATH}/node1?rank=1")
    assert "It gets no new jobs, and none runs on it." in text
    assert "broken fan" in text
    assert "No job runs on this node." in text
    assert 'data-at="5.0"' in text


async def test_the_page_of_a_node_lists_its_jobs_present_and_past(service: Service) -> None:
    running, ended, elsewhere = [await service.submit() for _ in range(3)]
    service.instance.begin(jobid.parse(running))
    service.instance.finish(jobid.parse(ended), status=256)
    # It is in the table when it is answered, and so is what came before it.
    await service.submit()
    text = await page(service, f"{PATH}/node0")
    present, past = text.split('id="ended-title"')
    assert (running in present, running in past) == (True, False)
    assert (ended in past, "Exit code 1" in past) == (True, True)
    assert elsewhere not in text
    # The frame of the page is that of an instance that goes on.
    assert "Submit job" in text


async def test_running_jobs_tell_when_they_end_at_the_latest(service: Service) -> None:
    for hours in (1, 2):
        job = jobid.parse(await service.submit(duration=hours * 3600))
        service.instance.begin(job)
    await service.submit()
    text = await page(service, f"{PATH}/node0")
    ends = [float(it) for it in re.findall(r'data-label="Ends by"><time data-at="([\d.]+)"', text)]
    assert len(ends) == 2
    assert f'All of them end by <time data-at="{max(ends)}">' in text


async def test_a_running_job_without_a_time_limit_has_no_latest_end(service: Service) -> None:
    for duration in (3600, 0):
        service.instance.begin(jobid.parse(await service.submit(duration=duration)))
    await service.submit()
    text = await page(service, f"{PATH}/node0")
    assert text.count('data-label="Ends by"><time data-at="') == 1
    assert "All of them end by" not in text


async def test_the_job_that_ended_last_comes_first(service: Service) -> None:
    early, late = [jobid.parse(await service.submit()) for _ in range(2)]
    for job in (early, late):
        service.instance.begin(job)
    for job in (late, early):
        service.instance.finish(job)
    await service.submit()
    text = (await page(service, f"{PATH}/node0")).split('id="ended-title"')[1]
    assert re.findall(r"/ui/jobs/(f\w+)\"", text) == [jobid.encode_f58(it) for it in (early, late)]


async def test_the_figures_tell_that_they_count_what_is_in_use(service: Service) -> None:
    text = await page(service)
    assert re.findall("<dt>(.*?)</dt>", text)[:2] == ["Nodes in use", "Cores in use"]
    text = await page(service, f"{PATH}/node0")
    assert re.findall("<dt>(.*?)</dt>", text)[:2] == ["Cores in use", "GPUs in use"]


async def test_an_ended_job_ran_for_as_long_as_the_table_of_jobs_says(service: Service) -> None:
    job = jobid.parse(await service.submit())
    begin = 1_700_000_000.0
    service.instance.post(job, Event(begin, "alloc"), R=r_object("0-1", "0", "node[0-1]"))
    service.instance.post(job, Event(begin + 0.561, "finish", {"status": 0}))
    service.instance.post(job, Event(begin + 0.6, "clean"))
    await service.submit()
    text = await page(service, f"{PATH}/node0")
    assert ">0.561s</td>" in text
    assert '>2 <span class="soft">on 2 nodes</span>' in text


async def test_a_broker_that_is_on_another_host_is_not_found(service: Service) -> None:
    answer = await service.client.get(f"{PATH}/node0?rank=1", headers={"Accept": "text/html"})
    assert (answer.status, "no broker of this rank" in await answer.text()) == (404, True)


async def test_brokers_on_one_host_are_told_apart(start: Start) -> None:
    service = await start()
    R = r_object("0-2", "0-3", "here,here,here")
    nodes = Resources(R, None, None, {"1": {"timestamp": 5.0, "reason": "fan"}}, "0-2", "", "", "")
    service.instance.describe = nodes
    names = re.findall(r'rank=[0-2]">([^<]*)</a>', await page(service))
    assert names == ["here, rank 1", "here, rank 0", "here, rank 2"]
    text = await page(service, f"{PATH}/here")
    assert "3 brokers of this instance run on this host." in text
    assert 'href="../../ui/nodes/here?rank=2"' in text
    one = await page(service, f"{PATH}/here?rank=1")
    assert "<h1>here, rank 1</h1>" in one
    assert "fan" in one
    assert "brokers of this instance" not in one


async def test_a_part_of_the_page_of_a_node_has_no_frame(service: Service) -> None:
    text = await page(service, f"{PATH}/node1?part=node")
    assert text.lstrip().startswith('<div id="node"')
    assert "<header" not in text


async def test_hostile_names_of_nodes_are_text(service: Service) -> None:
    answer = await service.client.get(
        f"{PATH}/%3Cimg%20src=x%3E%2F..", headers={"Accept": "text/html"}
    )
    assert answer.status == 404
    text = await answer.text()
    assert "<img src=x" not in text
    assert "There is no node" in text
