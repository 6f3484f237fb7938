"""The texts of the pages: one file per language, all of them complete and used."""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2 import nodes
from markupsafe import Markup

import fluxapi.web
from fluxapi.errors import Conflict, JobNotFound, ValidationFailed
from fluxapi.model.message import SECTIONS, field_error, field_message, problem
from fluxapi.web import assets, problems, words
from tools import sort_words

from .conftest import Start

WEB = Path(fluxapi.web.__file__).parent
SCRIPTS = WEB.parents[1] / "frontend" / "src"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
ENGLISH = words.load()["en"]
NO_KEY = re.compile(r"\.(?:css|html|ico|js|json|md|png|svg|txt)\Z")
LOOKED_UP = {*SECTIONS, "code_titles", "page_problems", "problem_types"}
LITERAL = re.compile(r"""["'`]([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)["'`]""")


@functools.cache
def calls(template: Path) -> list[tuple[str, set[str]]]:
    """Return key and names of values of each call of ``t`` in a template."""
    return list(_calls(template))


def _calls(template: Path) -> Iterator[tuple[str, set[str]]]:
    parsed = jinja2.Environment(autoescape=True).parse(template.read_text("utf-8"))
    for call in parsed.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            given = {value.key for value in call.kwargs}
            for literal in call.args[0].find_all(nodes.Const):
                yield literal.value, given
            if isinstance(call.args[0], nodes.Const):
                yield call.args[0].value, given


@functools.cache
def python_keys() -> list[tuple[str, str]]:
    """Return file and key of each literal in the modules of the pages that looks like a key."""
    return list(_python_keys())


def _python_keys() -> Iterator[tuple[str, str]]:
    sections = {key.split(".")[0] for key in ENGLISH.source}
    # The model says the phrases of a job, in English.
    for path in sorted((*WEB.glob("*.py"), *(WEB.parent / "model").glob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            key = node.value
            is_key = LITERAL.fullmatch(f'"{key}"') and not NO_KEY.search(key)
            if is_key and key.split(".")[0] in sections:
                yield path.name, key


def test_templates_use_texts_that_exist_with_their_places() -> None:
    found = [(template.name, *call) for template in TEMPLATES for call in calls(template)]
    assert len(found) > 100
    for name, key, given in found:
        assert key in ENGLISH.source, f"{name}: there is no text {key} in en.json"
        expected = set(ENGLISH.forms[key]["other"][1::2])
        if isinstance(ENGLISH.source[key], dict):
            expected |= {"count"}
        assert given == expected, f"{name}: {key} has the places {sorted(expected)}"


def test_no_attribute_has_a_text_with_code() -> None:
    for template in TEMPLATES:
        for key in re.findall(r'="[^"<>]*\{\{ t\("([a-z0-9_.]+)"', template.read_text("utf-8")):
            assert "`" not in json.dumps(ENGLISH.source[key]), f"{template.name}: {key} has code"


def test_a_module_uses_texts_that_exist() -> None:
    for name, key in python_keys():
        assert key in ENGLISH.source, f"{name}: there is no text {key} in en.json"


def test_each_text_is_used() -> None:
    used = {key for template in TEMPLATES for key, _ in calls(template)}
    used |= {key for _, key in python_keys()}
    for script in (*SCRIPTS.rglob("*.js"), WEB / "columns.json"):
        used |= set(LITERAL.findall(script.read_text("utf-8")))
    # The tests of what the service says hold the texts that are looked up by their codes.
    looked_up = {key for key in ENGLISH.source if key.split(".")[0] in LOOKED_UP}
    unused = sorted(ENGLISH.source.keys() - used - looked_up)
    assert unused == [], "remove these texts from en.json, or use them: a key must be a literal"


@pytest.mark.parametrize("path", sorted((WEB / "words").glob("*.json")), ids=lambda path: path.name)
def test_a_file_is_in_alphabetical_order(path: Path) -> None:
    text = path.read_text("utf-8")
    found = json.loads(text)
    ordered = {section: dict(sorted(found[section].items())) for section in sorted(found)}
    expected = json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"
    assert text == expected, f"run: python tools/sort_words.py {path.name}"


def test_the_model_says_the_english_phrases() -> None:
    held = json.loads((WEB.parent / "model" / "phrases.json").read_text("utf-8"))
    english = json.loads((WEB / "words" / "en.json").read_text("utf-8"))
    copied = {name: english[name] for name in ("durations", "outcomes", "waits", *SECTIONS)}
    assert held == copied, "run: python tools/sort_words.py"


def test_a_page_says_what_to_do_there_in_place_of_a_command() -> None:
    english = json.loads((WEB / "words" / "en.json").read_text("utf-8"))
    for code, text in english["page_problems"].items():
        assert re.search(r"fluxapi \w+|POST|GET", english["problems"][code]), code
        assert not re.search(r"fluxapi \w+|POST|GET|/v1", text), code
        places = set(re.findall(r"\{\w+\}", text))
        assert places <= set(re.findall(r"\{\w+\}", english["problems"][code])), code
    found = problems.detail_of(ENGLISH, Conflict(problem("webhook_disabled", name="a", id="w1")))
    assert found == "The webhook a is disabled. Enable it on the page of webhooks first."


def test_an_invalid_field_is_told_in_the_language_of_the_page() -> None:
    error = ValidationFailed([field_error("/x", field_message("required"))])
    assert problems.fields_of(ENGLISH, error) == [{"pointer": "/x", "detail": "is required."}]
    assert problems.detail_of(ENGLISH, error) == "1 field is not valid."
    many = ValidationFailed(20 * error.members["errors"])
    assert problems.detail_of(ENGLISH, many).startswith("20 fields or more are not valid")


def test_a_page_in_english_needs_no_texts_that_the_service_says(tmp_path: Path) -> None:
    english = {"page": {"a": "b"}, "fields": {"line": "x", "needs": "y"}, "problems": {"c": "d"}}
    script = {"a.js": assets._made("a.js", b'say("page.a")')}
    packed = assets.with_words(script, words.load(made(tmp_path, en=english, de=english)))
    texts = {name: file.plain.decode() for name, file in packed.items()}
    assert "fields.needs" in texts["words-de.js"]
    assert "fields.needs" not in texts["words-en.js"]
    assert "fields.line" in texts["words-en.js"]
    assert "problems.c" in texts["words-en.js"]


def test_the_titles_of_errors_are_those_of_the_api() -> None:
    english = json.loads((WEB / "words" / "en.json").read_text("utf-8"))
    assert english["problem_types"] == sort_words.problem_types(), "run: tools/sort_words.py"
    assert english["problem_types"]["job_not_found"] == JobNotFound.title


def made(folder: Path, **languages: Any) -> Path:
    """Write one file per language, and return their folder."""
    for tag, sections in languages.items():
        path = folder / f"{tag.replace('_', '-')}.json"
        path.write_text(json.dumps(sections), encoding="utf-8")
    return folder


HELLO = {"page": {"hello": "Hello {name}", "jobs": {"one": "one job", "other": "{count} jobs"}}}
SEHR = {"page": {"hello": "{name}, hallo", "jobs": {"one": "ein Job", "other": "{count} Jobs"}}}


def test_a_text_has_values_in_its_places(tmp_path: Path) -> None:
    found = words.load(made(tmp_path, en=HELLO, de=SEHR))
    assert found["en"].text("page.hello", name="Ada") == "Hello Ada"
    assert found["de"].text("page.hello", name="Ada") == "Ada, hallo"


@pytest.mark.parametrize(
    ("count", "en", "de"),
    [(0, "0 jobs", "0 Jobs"), (1, "one job", "ein Job"), (12345, "12,345 jobs", "12.345 Jobs")],
)
def test_count_chooses_the_plural_form(tmp_path: Path, count: int, en: str, de: str) -> None:
    found = words.load(made(tmp_path, en=HELLO, de=SEHR))
    assert found["en"].text("page.jobs", count=count) == en
    assert found["de"].text("page.jobs", count=count) == de


def test_a_language_has_its_own_plural_forms(tmp_path: Path) -> None:
    forms = {"one": "{count} a", "few": "{count} b", "many": "{count} c", "other": "{count} d"}
    polish = {"page": {"hello": "{name}", "jobs": forms}}
    found = words.load(made(tmp_path, en=HELLO, pl=polish))["pl"]
    shown = [found.text("page.jobs", count=count) for count in (1, 3, 5, 1.5)]
    assert shown == ["1 a", "3 b", "5 c", "1,5 d"]


def test_values_are_escaped_and_code_is_not(tmp_path: Path) -> None:
    english = {"page": {"run": 'Run `flux {name}` & <see> {link} "now"'}}
    found = words.load(made(tmp_path, en=english))["en"]
    shown = found.html("page.run", name="<b>`x`</b>", link=Markup('<a href="`">it</a>'))
    assert shown == (
        "Run <code>flux &lt;b&gt;`x`&lt;/b&gt;</code> &amp; &lt;see&gt; "
        '<a href="`">it</a> &#34;now&#34;'
    )


@pytest.mark.parametrize(
    ("english", "german", "wrong"),
    [
        (HELLO, {"page": {"hello": "{name}"}}, "de.json lacks the key page.jobs"),
        (HELLO, {"page": {**SEHR["page"], "more": "x"}}, "de.json has the key page.more"),
        (HELLO, {"page": {**SEHR["page"], "hello": "hallo"}}, "page.hello .* other places"),
        (HELLO, {"page": {**SEHR["page"], "hello": "{name} {x}"}}, "page.hello .* other places"),
        (HELLO, {"page": {**SEHR["page"], "jobs": "{count}"}}, "in one language only"),
        ({"page": {"hello": {"other": "{count}"}}}, {}, "needs the plural forms one, other"),
        ({"page": {"hello": " "}}, {}, "is empty"),
        ({"page": {"hello": "{Name}"}}, {}, "a brace that belongs to no place"),
        ({"page": {"hello": "`x"}}, {}, "a backtick without a second one"),
        ({"page": {"Hello": "x"}}, {}, "has other characters"),
    ],
)
def test_an_incomplete_file_is_refused(
    tmp_path: Path, english: Any, german: Any, wrong: str
) -> None:
    made(tmp_path, en=english)
    if german:
        made(tmp_path, de=german)
    with pytest.raises(ValueError, match=wrong):
        words.load(tmp_path)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "en.json").write_text('{"page": {"a": "x", "a": "y"}}', encoding="utf-8")
    with pytest.raises(ValueError, match="the name a stands twice"):
        words.load(tmp_path)


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at, en", "de"),
        ("fr, de;q=0.5", "de"),
        ("en;q=0.3, de;q=0.8", "de"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("de;q=0, en;q=0.1", "en"),
        ("*", "en"),
        ("de;q=nan, pt-br;q=0.1", "pt-BR"),
        ("x" * 8000, "en"),
        (",;,q=;" * 1000, "en"),
    ],
)
def test_the_language_fits_the_header_best(tmp_path: Path, header: str, tag: str) -> None:
    texts = {"page": {"hello": "x"}}
    found = words.load(made(tmp_path, en=texts, de=texts, pt_BR=texts))
    assert words.chosen(found, header).tag == tag


def test_a_script_holds_the_texts_of_the_scripts_alone(tmp_path: Path) -> None:
    found = words.load(made(tmp_path, en={"page": {"shown": "</script> ä", "hidden": "x"}}))
    script = assets.Asset("text/javascript", "1", b't("page.shown")', None)
    built = assets.with_words({"a.js": script}, found)
    text = built["words-en.js"].plain.decode()
    held = re.fullmatch(r"globalThis\.fluxapiWords=Object\.freeze\((.*)\);\n", text)
    assert held
    assert json.loads(held[1]) == {"lang": "en", "texts": {"page.shown": "</script> ä"}}
    assert assets.with_words({}, found) == {}


def shouted(text: Any) -> Any:
    """Return a text in capitals, with its places and its code unchanged."""
    if isinstance(text, dict):
        return {form: shouted(each) for form, each in text.items()}
    return re.sub(r"[^{}`]+(?![^{]*\})", lambda it: it[0].upper(), text)


async def test_a_second_language_is_a_file(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = json.loads((WEB / "words" / "en.json").read_text("utf-8"))
    dutch = {
        section: {name: shouted(text) for name, text in texts.items()}
        for section, texts in english.items()
    }
    made(tmp_path, en=english, nl=dutch)
    languages = words.load(tmp_path)
    monkeypatch.setattr(words, "load", lambda: languages)
    client = (await start()).client
    for wanted, lang, title in (("nl-BE, en;q=0.5", "nl", "LOG IN"), ("en", "en", "Log in")):
        headers = {"Accept": "text/html", "Accept-Language": wanted}
        response = await client.get("/ui/login", headers=headers)
        text = await response.text()
        assert f'<html lang="{lang}">' in text
        assert f"<h1>{title}</h1>" in text
        assert response.headers["Vary"] == "Accept-Language"
    errors = await client.get("/docs/errors", headers={"Accept-Language": "nl"})
    assert "<h1>ERRORS</h1>" in await errors.text()


def test_no_text_has_a_blank_before_an_ellipsis() -> None:
    spaced = [
        key
        for key, forms in ENGLISH.forms.items()
        if any(" …" in str(part) for form in forms.values() for part in form)
    ]
    assert spaced == []


def test_the_nodes_beside_a_number_of_cores_have_their_unit() -> None:
    said = [words.load()["en"].text("jobs.nodes_down", count=count) for count in (1, 2)]
    assert said == ["1 node down", "2 nodes down"]
