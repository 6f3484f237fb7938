from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from fluxapi.contracts import schema
from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.protocol import Queue, QueuePolicy

from .conftest import Service, Start

PATH = "/ui/submit"


class Form(HTMLParser):
    """The named inputs of a page, and its ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(given["id"] or "")
        # The menu of the user and of the page have inputs of their own, without a name.
        is_typed = tag in {"input", "textarea"} and given.get("type") not in {"radio", "file"}
        if is_typed and "name" in given:
            self.inputs[given["name"] or ""] = given


async def page(service: Service, path: str = PATH) -> str:
    answer = await service.client.get(path)
    assert (answer.status, answer.content_type) == (200, "text/html")
    return await answer.text()


async def test_every_field_of_the_schema_has_an_input(service: Service) -> None:
    properties = schema.schema("submit")["properties"]
    current = {name for name, rule in properties.items() if not rule.get("deprecated")}
    assert set(Form(await page(service)).inputs) == current | {"copies", "cc"}


async def test_the_help_of_every_input_is_there(service: Service) -> None:
    form = Form(await page(service))
    assert len(set(form.ids)) == len(form.ids)
    for name, given in form.inputs.items():
        assert given["id"] == name
        described = (given["aria-describedby"] or "").split()
        assert described
        assert set(described) <= set(form.ids)


async def test_the_script_gets_the_fields_as_the_form_has_them(service: Service) -> None:
    text = await page(service)
    (embedded,) = re.findall(r'id="facts"[^>]*>(.*?)</script>', text, re.DOTALL)
    fields = {field["name"]: field for field in json.loads(embedded)}
    assert set(fields) == set(Form(text).inputs) - {"copies", "cc"}
    assert fields["num_tasks"]["low"] == 1
    assert fields["environment"]["kind"] == "pairs"
    assert fields["rlimits"]["kind"] == "numbers"
    assert fields["shell_options"]["kind"] == "tree"
    assert fields["constraints"]["kind"] == "query"
    assert fields["duration"]["kind"] == "duration"
    assert fields["duration"]["section"] == "resources"


async def test_the_queues_of_the_instance_are_offered(service: Service) -> None:
    assert '<option value="batch">batch, the default, stopped</option>' in await page(service)


async def test_a_form_without_an_instance_is_still_a_form(service: Service) -> None:
    service.instance.gone = True
    assert (await service.client.get("/v1/queues")).status == InstanceUnavailable.status
    assert "command" in Form(await page(service)).inputs


async def test_the_allowed_launchers_are_named(start: Start) -> None:
    text = await page(await start(launchers=("parsl", "<b>")))
    assert "Allowed: parsl, &lt;b&gt;." in text


async def test_the_address_may_name_a_job_or_a_template(service: Service) -> None:
    await page(service, f"{PATH}?from=f2QK3Zz")
    await page(service, f"{PATH}?template=nightly%20build")
    assert (await service.client.get(f"{PATH}?template=..%2Fx")).status == 422
    assert (await service.client.get(f"{PATH}?job=f2QK3Zz")).status == 422


async def test_it_works_from_a_terminal_without_script(service: Service) -> None:
    (said,) = re.findall(r"<noscript>(.*?)</noscript>", await page(service), re.DOTALL)
    assert f"{service.client.make_url('/v1/jobs')}</code>" in said


async def test_the_form_says_where_output_goes(service: Service) -> None:
    text = await page(service)
    for name in ("script", "output"):
        (help_text,) = re.findall(rf'id="help-{name}">(.*?)</p>', text, re.DOTALL)
        assert "<code>flux-{{id}}.out</code> in the working directory" in help_text


async def test_each_field_is_in_one_section_and_names_of_the_api_wait_to_be_asked_for(
    service: Service,
) -> None:
    text = await page(service)
    sections = re.findall(r'<h2 id="title-(\w+)">|<details class="card" id="(advanced)">', text)
    assert ["".join(it) for it in sections] == ["what", "resources", "output", "advanced"]
    assert text.count('<code class="api-name">') == len(Form(text).inputs)


async def test_the_form_knows_the_default_and_the_longest_time_limit_of_each_queue(
    service: Service,
) -> None:
    policy = QueuePolicy(default_duration=14400.0, max_duration=3600.0)
    service.instance.queue = Queue("debug", enabled=True, started=True, policy=policy)
    given = Form(await page(service)).inputs["duration"]
    assert json.loads(given["data-limits"] or "") == {"debug": 14400}
    assert json.loads(given["data-maxima"] or "") == {"debug": 3600}


async def test_the_name_of_a_queue_shows_its_hidden_characters(service: Service) -> None:
    service.instance.queue = Queue("a\u202eb", enabled=True, started=True)
    text = await page(service)
    assert '<option value="a\u202eb">a⟨U+202E⟩b</option>' in text
