"""Bodies of very many values, which are refused before one of them is decoded."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.contracts import structure
from fluxapi.errors import ValidationFailed
from fluxapi.model.jobspec import Defaults, build
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

JSON = {"Content-Type": "application/json"}
MANY = 600_000

LISTS = b"[" + b"[]," * (MANY - 1) + b"[]]"
WORDS = b"[" + b'"a",' * (MANY - 1) + b'"a"]'
NAMES = b"{" + b'"n":1,' * (MANY - 1) + b'"n":1}'


class Refusing:
    """Takes the place of a decoder, which must not see a body."""

    def decode(self, raw: bytes) -> Any:
        raise AssertionError(f"{len(raw)} bytes were decoded")


@pytest.mark.parametrize("body", [LISTS, b'{"command":%b}' % WORDS, NAMES], ids="LWN")
async def test_a_job_of_very_many_values_is_not_decoded(
    service: Service, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.http.body._decoder", Refusing())
    response = await service.client.post("/v1/jobs", data=io.BytesIO(body), headers=JSON)
    assert response.status == 422
    assert "values" in (await response.json())["errors"][0]["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [b'{"jobs":%b}' % LISTS, b'{"jobs":%b}' % WORDS, NAMES, b"[" * MANY, b'{"a":' * MANY],
    ids="LWNDO",
)
async def test_a_bulk_of_very_many_entries_is_not_decoded(
    service: Service, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_members", "_items"):
        monkeypatch.setattr(f"fluxapi.handlers.bulk.{name}", Refusing())
    response = await service.client.post("/v1/jobs/bulk", data=io.BytesIO(body), headers=JSON)
    assert response.status == 422


@pytest.mark.slow
@pytest.mark.parametrize("name", ["job", "copies", "cc"])
async def test_a_member_of_a_bulk_of_very_many_values_is_not_decoded(
    service: Service, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.http.body._decoder", Refusing())
    body = b'{"%b":[[%b]]}' % (name.encode(), LISTS)
    response = await service.client.post("/v1/jobs/bulk", data=io.BytesIO(body), headers=JSON)
    assert response.status == 422


async def test_one_job_of_a_bulk_of_very_many_values_is_not_decoded(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.http.body._decoder", Refusing())
    body = b'{"jobs":[{"command":%b}]}' % WORDS
    response = await service.client.post("/v1/jobs/bulk", data=io.BytesIO(body), headers=JSON)
    assert response.status == 422
    assert (await response.json())["errors"][0]["pointer"].startswith("/jobs/0")


async def test_a_large_script_is_taken(service: Service) -> None:
    """Commas and brackets of a text are no values."""
    for text in ("a, [b], {c}\n" * 100_000, 'say "x, y"\\\\' * 100_000):
        body = json.dumps({"command": ["true", text]}).encode()
        response = await service.client.post("/v1/jobs", data=io.BytesIO(body), headers=JSON)
        assert response.status == 201
        response = await service.client.post(
            "/v1/jobs/bulk", data=io.BytesIO(b'{"jobs":[%b]}' % body), headers=JSON
        )
        assert response.status == 201


def _exhaust(check: Callable[..., Iterator[None]], raw: bytes, limit: int) -> bool:
    try:
        for _ in check(raw, limit):
            pass
    except ValidationFailed:
        return False
    return True


def _count(value: Any) -> int:
    """Return the values of a document as the check counts them."""
    if isinstance(value, dict):
        return max(len(value) - 1, 0) + 1 + sum(map(_count, value.values()))
    if isinstance(value, list):
        return max(len(value) - 1, 0) + 1 + sum(map(_count, value))
    return 0


TEXT = st.text(st.sampled_from('\\",[]{}:a\n'))
DOCUMENTS = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(DOCUMENTS, st.integers(2, 9))
def test_values_are_counted_exactly(document: Any, piece: int) -> None:
    raw = msgspec.json.encode(document)
    count = _count(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structure, "_PIECE_BYTES", piece)
        assert _exhaust(structure.check_values, raw, count) or count == 0
        assert count < 1 or not _exhaust(structure.check_values, raw, count - 1)


@pytest.mark.parametrize(
    "entry", [b"1", b"{}", b'{"a":[1,2,{"b":[]}],"c":"],"}', b'"x"'], ids="nets"
)
def test_entries_are_counted_exactly(entry: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "_ENTRY_TOKENS", 0)
    raw = b'{"cc":"0","jobs":[%b]}' % b",".join([entry] * 2000)
    # The comma between the two members counts, too.
    assert _exhaust(structure.check_entries, raw, 2000)
    assert not _exhaust(structure.check_entries, raw, 1999)


def test_a_command_of_very_many_words_is_refused() -> None:
    with pytest.raises(ValidationFailed) as refused:
        build({"command": "a " * 100_001}, Defaults())
    assert "words" in str(refused.value.members)
