from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from fluxapi.contracts import schema
from fluxapi.errors import ValidationFailed
from fluxapi.http import querystring
from fluxapi.mcp.tools import TOOLS
from fluxapi.model.message import Message, field_message, sentence_of
from fluxapi.model.phrases import codes_of
from tools import prose


def found(name: str, instance: Any) -> dict[str, str]:
    return {field["pointer"]: field["detail"] for field in schema.errors(name, instance)}


def test_every_schema_says_what_it_is() -> None:
    for name in schema.names():
        text = schema.schema(name).get("description", "")
        assert text.endswith("."), f"schemas/{name}.json needs a description: a sentence"


def test_every_example_is_valid() -> None:
    for name in schema.names():
        examples = schema.schema(name).get("examples")
        assert examples, f"schemas/{name}.json needs an example in examples"
        found = [schema.errors(name, example) for example in examples]
        assert found == [[] for _ in examples], f"schemas/{name}.json: an example is not valid"


def fields(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the schema of each property that is allowed, without conditions."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            named = node["properties"].items()
            yield from ((name, rule) for name, rule in named if rule is not False)
        for keyword, value in node.items():
            if keyword == "properties":
                for rule in value.values():
                    yield from fields(rule)
            elif keyword not in {"allOf", "if", "then", "else", "not", "examples"}:
                yield from fields(value)
    elif isinstance(node, list):
        for value in node:
            yield from fields(value)


def test_every_field_is_described() -> None:
    for name in schema.names():
        for field, rule in fields(schema.schema(name)):
            described = "description" in rule or "$ref" in rule
            assert described, f"schemas/{name}.json: {field} needs a description"


def test_every_description_is_plain() -> None:
    for name in schema.names():
        document = schema.schema(name)
        named = [("the schema", document), *document.get("$defs", {}).items(), *fields(document)]
        for field, rule in named:
            text = rule.get("description", ".")
            place = f"schemas/{name}.json: {field}: {text}"
            assert text.endswith("."), place
            assert not list(prose.sentences(text)), f"{place} begins with a clause"


@pytest.mark.parametrize(
    ("name", "hint"), [("urgancy", "; did you mean urgency?"), ("zzzz", "")], ids=["near", "far"]
)
def test_a_name_without_a_schema_names_the_missing_file(name: str, hint: str) -> None:
    with pytest.raises(LookupError, match=rf"^there is no schemas/{name}\.json{re.escape(hint)}$"):
        schema.schema(name)


def test_a_schema_without_a_title_names_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_document", lambda: {"$defs": {"queue": {"type": "object"}}})
    with pytest.raises(LookupError, match=r"^schemas/queue\.json needs a title$"):
        schema.schema("queue")


def test_a_check_is_compiled_with_the_schemas_that_it_refers_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[Any] = []
    monkeypatch.setattr(jsonschema_rs, "Draft202012Validator", compiled.append)
    schema._compile_part({"$ref": "#/$defs/webhook-list"})
    schema._compile_part({"type": "object", "properties": {"$ref": {"type": "string"}}})
    assert [set(document["$defs"]) for document in compiled] == [
        {"webhook-list", "webhook", "stream-filter"},
        set(),
    ]


def test_a_misspelt_field_gets_the_nearest_name() -> None:
    assert found("submit", {"command": "x", "num_taks": 1}) == {
        "/num_taks": "is not a known field; did you mean num_tasks?"
    }


def test_a_number_out_of_range_gets_the_range() -> None:
    assert found("submit", {"command": "x", "num_tasks": 0}) == {
        "/num_tasks": "must be a whole number from 1 to 2147483647, not 0."
    }


def test_a_form_is_said_in_words() -> None:
    sentence = found("submit", {"command": "x", "duration": "soon"})["/duration"]
    assert sentence.startswith("must be a number of seconds or a duration such as")
    sentence = found("submit", {"command": "x", "duration": 3185136000.0})["/duration"]
    assert sentence.endswith(", of at most a hundred years, not 3185136000.0.")


def test_a_time_is_in_seconds() -> None:
    for query in ("jobs-query", "export-query", "figures-query", "use-query", "node-use-query"):
        for time in ("-1h", -1, 1_767_225_600_000):
            said = found(query, {"since": time})["/since"]
            assert said.startswith("must be a time in seconds since 1970, from 0 to"), query


def test_a_missing_field_is_named() -> None:
    assert found("signal", {}) == {"/signal": "is required."}


def test_a_choice_gets_its_options_and_the_nearest() -> None:
    sentence = found("output-query", {"stream": "stdot"})["/stream"]
    assert sentence == 'must be stdout or stderr, not "stdot". Did you mean stdout?'


def test_pointers_are_escaped() -> None:
    assert list(found("submit", {"command": "x", "a/b~c": 1})) == ["/a~1b~0c"]


def test_places_in_lists_are_numbers() -> None:
    assert list(found("submit", {"command": ["x", {}]})) == ["/command/1"]


def test_a_bad_name_is_named() -> None:
    assert list(found("submit", {"command": "x", "environment": {"A=B": "x"}})) == [
        "/environment/A=B"
    ]


def test_alternatives_are_explained() -> None:
    assert found("cancel-many", {}) == {"": "must give either ids or filter, and only one of them."}


def test_errors_are_bounded() -> None:
    assert len(schema.errors("submit", {f"x{number}": 1 for number in range(10_000)})) == 20


def test_long_values_are_cut_in_errors() -> None:
    sentence = found("submit", {"command": "x", "duration": "y" * 5000})["/duration"]
    assert len(sentence) < 300


def test_references_are_made_absolute() -> None:
    bundle = schema.bundle("#/components/schemas/")
    assert bundle["bulk"]["properties"]["job"]["$ref"] == "#/components/schemas/submit"
    assert (
        bundle["submit"]["properties"]["cwd"]["$ref"] == "#/components/schemas/submit/$defs/folder"
    )


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        ("", {}),
        ("limit=5", {"limit": 5}),
        ("state=run,pending&state=INACTIVE", {"state": ["RUN", "PENDING", "INACTIVE"]}),
        ("since=1.5e9&until=17", {"since": 1.5e9, "until": 17}),
        ("name=a%20b&user=", {"name": "a b"}),
    ],
)
def test_queries_are_coerced(raw: str, fields: dict[str, Any]) -> None:
    assert querystring.cached("jobs-query", raw) == fields


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        ("limit=many", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("limt=1", "/limt"),
        ("state=rnu", "/state/0"),
        ("since=nan", "/since"),
        ("page=%ff", "/page"),
        ("&".join(f"a{number}=1" for number in range(300)), ""),
    ],
)
def test_bad_queries_are_refused_by_name(raw: str, pointer: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        querystring.cached("jobs-query", raw)
    assert caught.value.members["errors"][0]["pointer"] == pointer


def test_objects_in_a_query_are_json_or_python() -> None:
    fields = querystring.parse("submit", "command=x&envars={'A':'b'}&environment={\"C\":\"d\"}")
    assert fields["envars"] == {"A": "b"}
    assert fields["environment"] == {"C": "d"}


def test_an_object_in_a_query_has_the_limits_of_a_body() -> None:
    deep = '{"a":' * 60 + "1" + "}" * 60
    with pytest.raises(ValidationFailed) as caught:
        querystring.parse("submit", f"command=x&envars={deep}")
    assert "nested deeper" in caught.value.members["errors"][0]["detail"]


def test_text_that_looks_like_an_object_stays_text_where_text_comes_first() -> None:
    assert querystring.parse("submit", "command=x&stdin={}")["stdin"] == "{}"


@pytest.mark.parametrize(
    ("name", "fields"),
    [("signal", {"signal": "TERM\n"}), ("new-token", {"name": "laptop\n"})],
)
def test_a_newline_after_the_end_of_a_pattern_is_refused(name: str, fields: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed):
        schema.check(name, fields)


def rules(node: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema in a document."""
    if isinstance(node, dict):
        yield node
        for name, value in node.items():
            if name != "examples":
                yield from rules(value)
    elif isinstance(node, list):
        for value in node:
            yield from rules(value)


DOCUMENTS = {name: schema.schema(name) for name in schema.names()}


def test_each_form_of_a_schema_has_a_code() -> None:
    for name, document in DOCUMENTS.items():
        forms = [rule["x-form"] for rule in rules(document) if isinstance(rule.get("x-form"), str)]
        parts = [part.strip() for form in forms for part in form.split(";")]
        missing = [part for part in parts if part not in codes_of("forms")]
        assert missing == [], f"{name}: add it to the section forms of en.json"


def test_each_type_of_a_schema_can_be_said() -> None:
    for document in (*DOCUMENTS.values(), *(tool.arguments for tool in TOOLS)):
        for rule in rules(document):
            if isinstance(rule.get("type"), str | list) and "x-form" not in rule:
                assert schema._of_type(rule).text()


def test_an_invalid_field_has_a_code_and_values() -> None:
    (error,) = schema.errors("submit", {"command": "x", "gpus_per_task": -1})
    form = Message("forms", "integer_within", {"low": 0, "high": 2147483647})
    assert sentence_of("fields", error) == field_message("must_be", form=form, value="-1")


def test_a_form_of_no_file_is_said_in_its_words() -> None:
    own = schema.OwnSchema({"type": "string", "x-form": "a word of its own"})
    (error,) = own.find(5, noun="argument")
    assert error["detail"] == "must be a word of its own, not 5."
