"""``/v1/templates``: save, list, read and delete templates of jobs."""

from __future__ import annotations

import asyncio
import io
import json
import stat
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fluxapi.handlers import templates
from fluxapi.job_templates.store import TemplateStore
from fluxapi.job_templates.template import Template
from tests.attack.passes import Passes
from tests.security.test_credentials import AUTH, basic, bearer

from .conftest import Service, Start

JOB = {"command": ["python", "train.py"], "duration": "2h", "environment": {"A": "1"}}


@pytest.fixture
async def kept(start: Start, tmp_path: Path) -> Service:
    return await start(statedir=tmp_path)


async def test_the_life_of_a_template(kept: Service, tmp_path: Path) -> None:
    body = {"description": "on one node", "job": JOB, "cc": "0-3"}
    made = await kept.client.put("/v1/templates/train%20it", json=body)
    assert made.status == 201
    assert made.headers["Location"] == "../../v1/templates/train%20it"
    listed = await (await kept.client.get("/v1/templates")).json()
    assert listed["kept"] is True
    assert [it["name"] for it in listed["templates"]] == ["train it"]
    assert "job" not in listed["templates"][0]
    found = await (await kept.client.get("/v1/templates/train%20it")).json()
    assert {key: found[key] for key in body} == body
    replaced = await kept.client.put("/v1/templates/train%20it", json={"job": {}})
    assert replaced.status == 200
    assert "cc" not in await (await kept.client.get("/v1/templates/train%20it")).json()
    file = tmp_path / "templates" / "train it.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await kept.client.delete("/v1/templates/train%20it")).status == 200
    assert (await kept.client.get("/v1/templates/train%20it")).status == 404
    assert not file.exists()


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        (".hidden", {"job": JOB}, "/name"),
        ("a%2Fb", {"job": JOB}, "/name"),
        ("x" * 65, {"job": JOB}, "/name"),
        ("a", {"job": {"num_tasks": 0}}, "/job/num_tasks"),
        ("a", {"job": {"tasks": 1}}, "/job/tasks"),
        ("a", {"job": JOB, "copies": 2, "cc": "0-1"}, "/cc"),
        ("a", {"job": JOB, "description": "two\nlines"}, "/description"),
        ("a", {}, "/job"),
    ],
)
async def test_an_invalid_template_is_refused(
    kept: Service, name: str, body: object, pointer: str
) -> None:
    answer = await kept.client.put(f"/v1/templates/{name}", json=body)
    assert answer.status == 422
    assert pointer in {it["pointer"] for it in (await answer.json())["errors"]}
    assert (await (await kept.client.get("/v1/templates")).json())["templates"] == []


async def test_a_body_that_is_too_large_is_refused(kept: Service) -> None:
    job = {"script": "#!/bin/sh\n" + "x" * (1 << 20)}
    body = io.BytesIO(json.dumps({"job": job}).encode())
    kind = {"Content-Type": "application/json"}
    assert (await kept.client.put("/v1/templates/a", data=body, headers=kind)).status == 413


async def test_without_a_state_directory_the_reason_is_told(service: Service) -> None:
    listed = await (await service.client.get("/v1/templates")).json()
    assert listed == {"templates": [], "kept": False}
    answer = await service.client.put("/v1/templates/a", json={"job": JOB})
    assert answer.status == 501
    assert "--statedir" in (await answer.json())["detail"]


async def test_a_file_of_somebody_else_is_no_job(kept: Service, tmp_path: Path) -> None:
    await kept.client.put("/v1/templates/a", json={"job": JOB})
    file = tmp_path / "templates" / "a.json"
    changed = json.loads(file.read_bytes())
    changed["request"]["job"]["num_tasks"] = "many"
    file.write_text(json.dumps(changed), encoding="utf-8")
    answer = await kept.client.get("/v1/templates/a")
    assert answer.status == 507
    assert "damaged" in (await answer.json())["detail"]


async def test_a_file_of_very_many_values_is_not_decoded(kept: Service, tmp_path: Path) -> None:
    await kept.client.put("/v1/templates/a", json={"job": JOB})
    file = tmp_path / "templates" / "a.json"
    changed = json.loads(file.read_bytes())
    changed["request"]["job"]["attributes"] = {"user": {"a": [[]] * 300_000}}
    file.write_text(json.dumps(changed), encoding="utf-8")
    answer = await kept.client.get("/v1/templates/a")
    assert answer.status == 507
    assert "damaged" in (await answer.json())["detail"]


async def test_templates_that_were_read_are_decoded_one_in_each_pass(
    kept: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept.client.put("/v1/templates/a", json={"job": JOB})
    passes, get = Passes(), TemplateStore.get
    numbers, have_read = count(1), asyncio.Event()

    async def get_together(store: TemplateStore, name: str) -> Template:
        found = await get(store, name)
        if next(numbers) == 4:
            have_read.set()
        await have_read.wait()
        return found

    async def decode(raw: bytes) -> Any:
        passes.note()
        return json.loads(raw)

    monkeypatch.setattr(TemplateStore, "get", get_together)
    monkeypatch.setattr(templates, "decode_large", decode)
    await asyncio.gather(*(kept.client.get("/v1/templates/a") for _ in range(4)))
    assert passes.most == 1


async def test_a_viewer_reads_no_template(start: Start, tmp_path: Path) -> None:
    service = await start(**AUTH, statedir=tmp_path)
    made = await service.client.post(
        "/v1/tokens", json={"name": "viewer", "scope": "operate"}, headers=basic()
    )
    viewer = bearer((await made.json())["token"])
    await service.client.put("/v1/templates/a", json={"job": JOB}, headers=basic())
    for path in ("/v1/templates", "/v1/templates/a"):
        assert (await service.client.get(path, headers=viewer)).status == 403
        assert (await service.client.get(path, headers=basic())).status == 200
