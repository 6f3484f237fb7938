"""JSON of a job that makes very many objects, or a very long text, of few bytes."""

from __future__ import annotations

import json
import sys
import time

import msgspec
import pytest

from fluxapi.model import eventlog, shallow
from fluxapi.model.eventlog import decode_eventlog, decode_journal, decode_told
from fluxapi.model.output import decode_entry
from fluxapi.model.shallow import decode, decode_around, is_wide
from fluxapi.web import job_detail
from fluxapi.web.granted_nodes import granted
from fluxapi.web.words import load

ENGLISH = load()["en"]

LISTS = "[" + ",".join(["[]"] * 400_000) + "]"
NAMES = "{" + ",".join(['"n":1'] * 400_000) + "}"
TEXT = json.dumps("[], {}: \\" * 100_000)


@pytest.mark.parametrize("value", [LISTS, NAMES, '"' * 2_000_000], ids=["lists", "names", "quotes"])
def test_a_wide_document_is_known_before_it_is_decoded(value: str) -> None:
    assert is_wide(value.encode())
    assert not is_wide(b"[]")


def test_long_strings_are_not_wide() -> None:
    assert not is_wide(b"[%b]" % TEXT.encode())


@pytest.mark.parametrize("value", [LISTS, NAMES], ids=["lists", "names"])
def test_an_entry_of_output_is_text(value: str) -> None:
    line = f'{{"timestamp":1,"name":"data","context":{{"stream":"stdout","data":{value}}}}}'
    assert decode_entry(line.encode()).name == "invalid"
    line = f'{{"timestamp":1,"name":"data","context":{{"stream":"stdout","data":{TEXT}}}}}'
    assert decode_entry(line.encode()).context == {"stream": "stdout", "data": json.loads(TEXT)}


@pytest.mark.parametrize("value", [LISTS, NAMES], ids=["lists", "names"])
def test_a_wide_jobspec_or_r_is_not_decoded(value: str) -> None:
    event = '{"timestamp":1.0,"name":"submit","context":{"userid":1}}'
    found = decode_journal(f'{{"id":1,"events":[{event}],"jobspec":{{"a":{value}}},"R":{value}}}')
    assert (found.jobspec, found.R) == (None, {})
    assert [event.name for event in found.events] == ["submit"]
    assert job_detail._decoded(value) is None


@pytest.mark.parametrize("value", [LISTS, NAMES], ids=["lists", "names"])
def test_a_wide_jobspec_has_its_mark_and_its_name(value: str) -> None:
    user = '{"fluxapi":{"key":"k"},"wide":' + value + "}"
    system = '{"job":{"name":"n"},"shell":' + value + "}"
    spec = f'{{"attributes":{{"system":{system},"user":{user}}},"tasks":{value}}}'
    event = '{"timestamp":1.0,"name":"submit","context":{"userid":1}}'
    found = decode_journal(f'{{"id":1,"events":[{event}],"jobspec":{spec}}}')
    assert found.jobspec == {
        "attributes": {"system": {"job": {"name": "n"}}, "user": {"fluxapi": {"key": "k"}}}
    }


@pytest.mark.parametrize("levels", [900, 2040])
@pytest.mark.parametrize("value", [LISTS, NAMES], ids=["lists", "names"])
def test_a_deep_and_wide_memo_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, value: str, levels: int
) -> None:
    monkeypatch.setattr(shallow, "shallow", None)
    deep = "[" * levels + "]" * levels
    # It looks as if another event followed.
    context = f'{{"next":[{{}},{{"timestamp":1}}],"deep":{deep},"wide":{value}}}'
    line = f'{{"timestamp":1.0,"name":"memo","context":{context}}}'
    other = '{"timestamp":1.5,"name":"clean"}'
    limit = sys.getrecursionlimit()
    (found,) = decode_journal(f'{{"id":1,"events":[{line}]}}').events
    assert (found.name, found.context, found.truncated) == ("memo", None, True)
    told = decode_journal(f'{{"id":1,"events":[{line},{other}]}}').events
    assert [event.name for event in told] == ["memo", "clean"]
    told = decode_eventlog(f"{line}\n{other}\n")
    assert [event.name for event in told] == ["memo", "clean"]
    told = decode_told(f'{{"id":1,"eventlog":[{line},{other}]}}'.encode())
    assert [event.name for event in told] == ["memo", "clean"]
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize("value", [LISTS, NAMES], ids=["lists", "names"])
def test_a_wide_memo_is_no_answer_of_the_job_manager(value: str) -> None:
    line = f'{{"timestamp":1.0,"name":"memo","context":{{"wide":{value}}}}}'
    note = "n" * 200_000
    other = f'{{"timestamp":1.5,"name":"exception","context":{{"severity":0,"note":"{note}"}}}}'
    told = decode_told(f'{{"id":1,"eventlog":[{line},{other}]}}'.encode())
    assert [(event.name, event.truncated) for event in told] == [
        ("memo", True),
        ("exception", False),
    ]
    assert told[0].context is None
    assert told[1].context == {"severity": 0, "note": note}


def test_the_values_of_the_lines_of_an_eventlog_are_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = ",".join(f'"{number}":0' for number in range(1000))
    line = f'{{"timestamp":1.0,"name":"memo","context":{{{keys}}}}}'.encode()
    contexts: list[object] = []
    decoder = eventlog._line_decoder

    class Noted:
        def decode(self, raw: bytes) -> eventlog._Line:
            found = decoder.decode(raw)
            contexts.append(found.context)
            return found

    monkeypatch.setattr(eventlog, "_line_decoder", Noted())
    lines = [line, line.replace(b'{"0":', b'["0":'), b'{"timestamp":1.0,"name":"clean"}']
    assert list(eventlog.valid_lines(lines)) == [line, b"", lines[2]]
    assert all(isinstance(context, msgspec.Raw) for context in contexts)


@pytest.mark.parametrize("context", ["[]", "3", '"text"', "true"])
def test_a_line_with_a_context_of_another_type_is_none(context: str) -> None:
    line = f'{{"timestamp":1.0,"name":"memo","context":{context}}}'.encode()
    assert list(eventlog.valid_lines([line])) == [b""]


def test_a_wide_document_of_more_levels_than_flux_allows_is_invalid() -> None:
    text = b"[%b%b,%b]" % (b"[" * 500_000, b"]" * 500_000, LISTS.encode())
    with pytest.raises(msgspec.MsgspecError):
        decode(msgspec.json.decode, text)
    with pytest.raises(msgspec.MsgspecError):
        decode_around(msgspec.json.Decoder(list[msgspec.Raw]).decode, text)


def test_a_deep_document_stays_as_short_as_it_is() -> None:
    text = "[" * 900 + ",".join(["1"] * 20_000) + "]" * 900
    assert len(str(job_detail._pretty(text))) <= job_detail._MAX_PRETTY_CHARS
    assert job_detail._pretty("[1]") == str(msgspec.json.format("[1]", indent=2))


@pytest.mark.slow
def test_a_resource_set_of_any_length_is_read_soon() -> None:
    entry = {"rank": "0-99", "children": {"core": ",".join(["0-1"] * 1_000_000)}}
    R = {"execution": {"R_lite": [entry], "nodelist": ["node[0-99]"]}}
    began = time.thread_time()
    assert granted(R, ENGLISH)["granted"] == []
    cores = ",".join(str(2 * core) for core in range(30_000))
    entry["children"] = {"core": cores}
    found = granted(R, ENGLISH)["granted"]
    assert time.thread_time() - began < 1
    assert found[0]["cores"].startswith("30,000 (IDs 0,2,4")
    assert len(str(found)) < 100 * 400
