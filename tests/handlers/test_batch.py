"""Batch scripts over REST: as a field, as the body, and how they are refused."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from fluxapi.contracts import schema

from .conftest import Service

SCRIPT = "#!/bin/sh\n#flux: -n2 --job-name=mine --env=A=$HOME\nflux run hostname\n"
AS_SCRIPT = {"Content-Type": "text/x-shellscript"}


def jobspec(service: Service) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(service.instance.submitted[-1].jobspec)
    return document


async def refused(service: Service, status: int = 422, **request: Any) -> dict[str, str]:
    response = await service.client.post("/v1/jobs", **request)
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    assert service.instance.submitted == []
    errors = (await response.json()).get("errors", [])
    return {error["pointer"]: error["detail"] for error in errors}


async def test_a_script_is_a_field(service: Service) -> None:
    body = {"script": SCRIPT, "script_args": ["a", "b c"], "num_slots": 3}
    response = await service.client.post("/v1/jobs", json=body)
    assert response.status == 201
    assert "warnings" not in await response.json()
    document = jobspec(service)
    command = ["flux", "broker", "{{tmpdir}}/script", "a", "b c"]
    assert document["tasks"][0]["command"] == command
    assert document["resources"][0]["count"] == 3
    system = document["attributes"]["system"]
    assert system["files"]["script"]["data"] == SCRIPT
    assert system["job"]["name"] == "mine"
    assert system["environment"]["A"] == system["environment"]["HOME"]


async def test_the_page_names_the_script_and_not_the_broker(service: Service) -> None:
    body = {"script": SCRIPT, "script_args": ["a", "b c"]}
    async with service.client.post("/v1/jobs", json=body) as response:
        jobid = (await response.json())["id"]
    async with service.client.get(f"/ui/jobs/{jobid}", headers={"Accept": "text/html"}) as answer:
        page = await answer.text()
    assert '<a class="soft" href="#script">Script</a> <code id="command">mine a' in page
    assert "flux broker" not in page.partition('id="jobspec"')[0]


async def test_a_script_is_the_body_and_the_query_wins(service: Service) -> None:
    response = await service.client.post(
        "/v1/jobs?num_nodes=4&num_slots=8&script_args=x,y", data=SCRIPT.encode(), headers=AS_SCRIPT
    )
    assert response.status == 201
    document = jobspec(service)
    assert document["resources"][0]["count"] == 4
    assert document["tasks"][0]["command"][-2:] == ["x", "y"]


async def test_a_script_with_a_key_is_submitted_once(service: Service) -> None:
    headers = {**AS_SCRIPT, "Idempotency-Key": "k"}
    first = await service.client.post("/v1/jobs", data=SCRIPT.encode(), headers=headers)
    again = await service.client.post(
        "/v1/jobs", json={"script": SCRIPT}, headers={"Idempotency-Key": "k"}
    )
    assert (await first.json())["id"] == (await again.json())["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await service.client.post("/v1/jobs", data=b"#!/bin/sh\n", headers=headers)
    assert other.status == 422
    assert len(service.instance.submitted) == 1


async def test_corrections_are_reported(service: Service) -> None:
    raw = b"\xef\xbb\xbf" + SCRIPT.replace("\n", "\r\n").encode()
    response = await service.client.post("/v1/jobs", data=raw, headers=AS_SCRIPT)
    warnings = (await response.json())["warnings"]
    assert ["byte order mark" in warnings[0], "Windows line ends" in warnings[1]] == [True] * 2
    assert jobspec(service)["attributes"]["system"]["files"]["script"]["data"] == SCRIPT


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"echo hi\n", "line 1: must name the program that runs the script, such as #!/bin/sh"),
        (b"#!\necho\n", "line 1: must name the program"),
        (b"#!/bin/sh\n\xff\n", "line 2: must be UTF-8 text; it has the byte 0xff."),
        (b"#!/bin/sh\n\0\n", "must be the text of a script"),
        (b"#!/bin/sh\n#flux: -N0\n", "line 2: num_nodes must be a whole number"),
    ],
)
async def test_an_unusable_script_is_refused(service: Service, raw: bytes, detail: str) -> None:
    errors = await refused(service, data=raw, headers=AS_SCRIPT)
    assert errors["/script"].startswith(detail)


async def test_a_script_that_is_too_long_is_refused(service: Service) -> None:
    body = io.BytesIO(b"#!/bin/sh\n" + b"a" * (1 << 20))
    errors = await refused(service, data=body, headers=AS_SCRIPT)
    assert errors["/script"].startswith("must be the text of a script, at most 1048576 characters")


async def test_wrap_makes_lines_a_script(service: Service) -> None:
    response = await service.client.post("/v1/jobs", json={"script": "echo\n", "wrap": True})
    assert response.status == 201
    data = jobspec(service)["attributes"]["system"]["files"]["script"]["data"]
    assert data == "#!/bin/sh\necho\n"


async def test_fields_that_do_not_go_together_are_refused(service: Service) -> None:
    errors = await refused(
        service, json={"script": SCRIPT, "command": "true", "num_tasks": 2, "stdin": "x"}
    )
    assert set(errors) == {"/command", "/num_tasks", "/stdin"}
    errors = await refused(service, json={"command": "true", "num_slots": 2, "wrap": True})
    assert errors == {"/num_slots": "needs script.", "/wrap": "needs script."}
    errors = await refused(service, json={"script": SCRIPT, "num_nodes": 3})
    assert errors == {"/num_nodes": "must not be above num_slots, which is 2."}
    jobspec = schema.schema("jobspec")["examples"][0]
    errors = await refused(service, json={"script": SCRIPT, "jobspec": jobspec})
    assert errors == {"/script": "cannot go with jobspec."}
    errors = await refused(service, data=b"x", params={"script": "y"}, headers=AS_SCRIPT)
    assert errors == {"/script": "is the body; leave it out of the query."}


async def test_another_type_is_told_which_ones_there_are(service: Service) -> None:
    response = await service.client.post(
        "/v1/jobs", data=SCRIPT.encode(), headers={"Content-Type": "text/plain"}
    )
    assert response.status == 415
    assert "text/x-shellscript" in (await response.json())["detail"]
    response = await service.client.post("/v1/jobs/bulk", data=SCRIPT.encode(), headers=AS_SCRIPT)
    assert response.status == 415


async def test_a_directive_cannot_set_what_is_reserved(service: Service) -> None:
    script = "#!/bin/sh\n#flux: --setattr=user.fluxapi=1\n"
    assert "/attributes" in await refused(service, json={"script": script})


async def test_scripts_are_jobs_of_a_bulk(service: Service) -> None:
    body = {"jobs": [{"script": SCRIPT}, {"command": "true"}]}
    response = await service.client.post("/v1/jobs/bulk", json=body)
    assert response.status == 201
    specs = [json.loads(given.jobspec) for given in service.instance.submitted]
    assert [spec["tasks"][0]["command"][0] for spec in specs] == ["flux", "true"]
    bad = {"jobs": [{"command": "true"}, {"script": "echo"}]}
    response = await service.client.post("/v1/jobs/bulk", json=bad)
    assert [error["pointer"] for error in (await response.json())["errors"]] == ["/jobs/1/script"]


async def test_a_script_is_checked_without_being_submitted(service: Service) -> None:
    script = "#!/bin/sh\r\n#flux: -N2 -t5\r\n#flux: --nodse\r\n#flux: -c0\r\n#flux: --conf=a=1\r\n"
    response = await service.client.post("/v1/scripts/check", json={"script": script})
    assert response.status == 200
    answer = await response.json()
    assert answer["fields"] == {"num_nodes": 2, "duration": 300.0, "conf": {"a": 1}}
    assert answer["lines"] == {"num_nodes": 2, "duration": 2, "conf": 5}
    assert [error["line"] for error in answer["errors"]] == [3, 4]
    assert len(answer["warnings"]) == 1
    assert service.instance.submitted == []


async def test_a_script_to_check_is_the_body(service: Service) -> None:
    raw = b"echo\n#SBATCH -N1\n#flux: -N2\n#flux -n2\n"
    response = await service.client.post("/v1/scripts/check?wrap=true", data=raw, headers=AS_SCRIPT)
    assert response.status == 200, await response.text()
    answer = await response.json()
    assert (answer["fields"], answer["errors"]) == ({"num_nodes": 2}, [])
    (warning,) = answer["warnings"]
    assert warning.startswith("Line 4: Flux ignores this as a comment")
    document = await (await service.client.get("/v1/openapi.json")).json()
    content = document["paths"]["/scripts/check"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "text/x-shellscript"}


async def test_a_submitted_script_has_the_same_warnings(service: Service) -> None:
    script = "#!/bin/sh\n#SBATCH -N2\ntrue\n"
    response = await service.client.post("/v1/jobs", data=script.encode(), headers=AS_SCRIPT)
    (warning,) = (await response.json())["warnings"]
    assert warning.startswith("Line 2: Flux ignores #SBATCH")


async def test_advice_stands_behind_the_value(service: Service) -> None:
    errors = await refused(service, json={"script": SCRIPT, "cwd": "sub"})
    assert errors["/cwd"] == (
        'must be an absolute path on the nodes, such as /home/me/run, not "sub"; '
        "~ and variables such as $HOME are not replaced."
    )


@pytest.mark.parametrize("part", ["a|-b ", "a|b c "])
async def test_a_constraint_that_nests_without_brackets_is_an_error_of_its_line(
    service: Service, part: str
) -> None:
    body = {"script": f'#!/bin/sh\n#flux: --requires="{part * 600}a"\ntrue\n'}
    response = await service.client.post("/v1/scripts/check", json=body)
    assert response.status == 200, await response.text()
    (error,) = (await response.json())["errors"]
    assert error["line"] == 2
    assert "nested too deeply" in error["detail"]


async def test_a_check_wants_a_program_unless_it_is_wrapped(service: Service) -> None:
    response = await service.client.post("/v1/scripts/check", json={"script": "echo\n"})
    (error,) = (await response.json())["errors"]
    assert error["line"] == 1
    assert error["detail"].startswith("must name the program that runs the script")
    body = {"script": "echo\n", "wrap": True}
    response = await service.client.post("/v1/scripts/check", json=body)
    assert (await response.json())["errors"] == []


async def test_a_long_script_is_read_in_a_thread(service: Service) -> None:
    script = SCRIPT + "# more\n" * 9000
    response = await service.client.post("/v1/jobs", json={"script": script})
    assert response.status == 201
    assert jobspec(service)["attributes"]["system"]["files"]["script"]["data"] == script
