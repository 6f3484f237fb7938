"""A translation is one file: no page shows a text that it does not have."""

from __future__ import annotations

import getpass
import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import fluxapi.web
from fluxapi.model.job import GROUPS, RESULTS, STATES
from tests.running import Service, service

from .test_jobs import line, live, submit

ENGLISH = Path(fluxapi.web.__file__).parent / "words" / "en.json"
LANGUAGE = "nl"
"""A language with the plural forms of English, so that its texts can be made from English ones."""

_WORDS = "|".join((*STATES, *RESULTS, *GROUPS))

DATA = {
    r"[\W\d]*|(?:state|since):zz": "no word",
    r"f[0-9A-Za-z]{3,}|g[0-9a-f]{16}": "an ID",
    r"zq(?:-[-a-z]+)?": "the name of a job of this test",
    r"sh -c .*|sleep 600|true|zq out|zq err": "a command, or what it wrote",
    f"{re.escape(getpass.getuser())}|{re.escape(platform.node())}": "the user, or the host",
    r"fluxapi|embedded [0-9.]+|CSV|JSON|nextflow|snakemake|curl|stdout|stderr|hostname": "a name",
    r"(?:/[-\w.]+)+": "a path",
    r"(?:[\d.]+s? )?en(?: \d+)?": "the word “and” of the language, between the parts of a list",
    r"\d+ (?:mrt|[a-z]{3,4})\b.*|[a-z]+dag .*|UTC": "a time in the format of the language",
    r"(?:\d+(?:\.\d+)?(?:ms|[dhms]) ?)+": "a duration",
    rf"(?:\d+ )?(?:{_WORDS})(?: ·)?": "the state or result of a job as Flux names it",
    _WORDS.lower(): "the same as it is written in a filter",
    r"SIG[A-Z0-9]+|ABRT": "a signal",
    r"Alt|Ctrl(?: K)?|End|Esc|Home|Page [↑↓]|Shift|Space|Tab": "a key",
    r"\(?(?:Shift\+)?Enter\)?": "the same",
}  # fmt: skip
"""The texts outside of the words that pages show, as patterns, and what they are."""

PARTS = {
    "eventlog": "#eventlog table, #eventlog pre",
    "a document": "pre, textarea, input",
    "a name of the API": ".api-name, code",
}
"""Parts of pages that show data as Flux has it, which is no text in any language."""

RAW = """(parts) => {
  const raw = new Set();
  let depth = 0;
  const take = (text) => {
    let outside = '';
    for (const letter of text) {
      if (letter === '⟦') { depth++; outside += '\\u0000'; }
      else if (letter === '⟧') depth--;
      else if (!depth) outside += letter;
    }
    const words = outside.split('\\u0000').filter((piece) => /[A-Za-z]{2,}/.test(piece));
    for (const word of words) raw.add(word.trim());
  };
  const NAMES = ['title', 'aria-label', 'aria-description', 'placeholder', 'alt', 'data-label'];
  const shown = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT;
  const all = document.createTreeWalker(document.documentElement, shown);
  for (let node = all.nextNode(); node; node = all.nextNode()) {
    if (node instanceof Text) {
      if (!node.parentElement.closest(`script, style, noscript, ${parts}`)) take(node.data);
    } else for (const name of NAMES) take(node.getAttribute(name) ?? '');
  }
  return [...raw];
}"""
"""The pieces of text with a word outside of the marks, also of what is hidden now."""


WITHOUT_STATE = {"/ui/history/jobs", "/ui/tokens", "/ui/webhooks"}
"""Pages that are not followed live."""


def marked(text: Any) -> Any:
    """Return a text with marks around all that is no place for a value."""
    if isinstance(text, dict):
        return {form: marked(each) for form, each in text.items()}
    pieces = re.split(r"(\{[a-z][a-z0-9_]*\})", text)
    return "".join(
        piece if at % 2 or not piece.strip() else f"⟦{piece}⟧" for at, piece in enumerate(pieces)
    )


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service with a language whose texts are all marked, and jobs of each kind."""
    folder = tmp_path_factory.mktemp("words")
    english = json.loads(ENGLISH.read_text("utf-8"))
    (folder / "en.json").write_text(json.dumps(english), encoding="utf-8")
    marks = {
        section: {name: marked(text) for name, text in texts.items()}
        for section, texts in english.items()
    }
    (folder / f"{LANGUAGE}.json").write_text(json.dumps(marks), encoding="utf-8")
    program = ("tests.browser.translated", str(folder))
    state = tmp_path_factory.mktemp("state")
    with service("--instance=embedded", f"--statedir={state}", program=program) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale=LANGUAGE)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def raw_texts(page: Page) -> list[str]:
    """Return the texts of the page that are neither in the words nor data."""
    data = re.compile("|".join(f"(?:{pattern})" for pattern in DATA))
    found: list[str] = page.evaluate(RAW, ", ".join(PARTS.values()))
    return [
        text
        for text in found
        if not data.fullmatch(text)
        and not all(data.fullmatch(part.strip()) for part in re.split("[·,]| en ", text))
    ]


@pytest.fixture(scope="module")
def jobs(translated: Service) -> dict[str, str]:
    """Return the IDs of jobs by what becomes of them."""
    running = submit(translated, name="zq-runs", command=["sleep", "600"], duration="10m")
    words = ["sh", "-c", "echo zq out; echo zq err >&2; exit 3"]
    return {
        "runs": running,
        "fails": submit(translated, name="zq-fails", command=words),
        "is held": submit(translated, name="zq-held", urgency=0),
        "waits": submit(translated, name="zq-waits", dependencies=[f"afterok:{running}"]),
        "is killed": submit(translated, name="zq-dies", command=["sh", "-c", "kill -9 $$"]),
        "is in a group": submit(translated, name="zq-part", group="zq-group"),
    }


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    "path",
    [
        "/ui/nodes",
        "/ui/queues",
        "/ui/history",
        "/ui/history/jobs",
        "/ui/instances",
        "/ui/tokens",
        "/ui/webhooks",
        "/ui/groups/zq-group",
        "/ui/submit",
        "/?state=zz&since=zz",
    ],
)
def test_a_page_is_translated(translated: Service, page: Page, path: str) -> None:
    page.goto(f"{translated.url.rstrip('/')}{path}")
    if path not in WITHOUT_STATE:
        live(page)
    expect(page.locator("html")).to_have_attribute("lang", LANGUAGE)
    assert raw_texts(page) == []


def test_the_table_of_jobs_is_translated(
    translated: Service, jobs: dict[str, str], page: Page
) -> None:
    page.goto(translated.url)
    live(page)
    notes = page.locator("tbody td[data-key=note]")
    expect(notes.filter(has_text="⟦held until it is released⟧")).to_have_count(1)
    expect(notes.filter(has_text="⟦Exit code ⟧3")).to_have_count(1)
    page.locator("thead input").check()
    page.locator(".figure-card").first.click()
    expect(page.locator("#chart .uplot")).to_be_visible()
    assert raw_texts(page) == []
    for button in page.locator("#actions button.danger, #actions button:not(.quiet)").all():
        if button.is_visible() and button.is_enabled():
            button.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            assert raw_texts(page) == []
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("thead input").uncheck()
    expect(page.locator("tbody input:checked")).to_have_count(0)
    for kind in ("runs", "fails"):
        line(page, jobs[kind]).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert raw_texts(page) == []


@pytest.mark.parametrize("kind", ["runs", "fails", "is held", "waits", "is killed"])
def test_the_page_of_a_job_is_translated(
    translated: Service, jobs: dict[str, str], page: Page, kind: str
) -> None:
    page.goto(f"{translated.url.rstrip('/')}/ui/jobs/{jobs[kind]}")
    live(page)
    expect(page.locator("#outcome")).to_contain_text("⟦")
    assert raw_texts(page) == []


def open_form(translated: Service, page: Page) -> None:
    """Open the form with all of its sections."""
    page.goto(f"{translated.url.rstrip('/')}/ui/submit")
    live(page)
    page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")


def test_texts_about_a_form_are_translated(translated: Service, page: Page) -> None:
    open_form(translated, page)
    for name, text, said in (
        ("command", "zq | zq", "No shell runs this command"),
        ("num_tasks", "0", "Must be a whole number"),
        ("urgency", "99", "Must be a whole number"),
        ("duration", "zq", "Not a time limit"),
        ("cwd", "zq", "Must be an absolute path"),
        ("environment", "zq", "Needs = and a value"),
    ):
        page.locator(f"[name={name}]").fill(text)
        expect(page.locator(f"#field-{name}")).to_contain_text(f"⟦{said}")
    assert raw_texts(page) == []


def test_the_errors_of_fields_are_translated(translated: Service, page: Page) -> None:
    open_form(translated, page)
    page.locator("[name=command]").fill("true")
    page.locator("[name=num_tasks]").fill("2")
    page.locator("[name=num_nodes]").fill("3")
    said = "⟦must not be above"
    expect(page.locator("#wrong-num_nodes")).to_contain_text(said)
    page.locator("[name=shell_options]").fill("-o=1")
    expect(page.locator("#wrong-shell_options")).to_contain_text(
        "⟦is not an accepted name: it ⟧⟦must be ⟧⟦a name"
    )
    page.locator("#go").click()
    expect(page.locator("#wrong-shell_options")).to_contain_text("⟦a name that does not begin")
    assert raw_texts(page) == []


def test_the_errors_of_a_dialog_name_its_fields(translated: Service, page: Page) -> None:
    page.goto(f"{translated.url.rstrip('/')}/ui/webhooks")
    page.locator("#create").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=url]").fill("https://127.0.0.1/")
    dialog.locator("button[type=submit]").click()
    said = dialog.get_by_role("status")
    expect(said).to_contain_text("⟦resolves to ⟧127.0.0.1⟦, which is not a public address.")
    page.goto(f"{translated.url.rstrip('/')}/ui/tokens")
    said_of = {"code": "lasts_longer", "params": {"seconds": 90}}
    error = {"pointer": "/expires_in", "detail": "x", **said_of}
    page.route("**/v1/tokens", lambda route: route.fulfill(status=422, json={"errors": [error]}))
    page.locator("#create").click()
    dialog.locator("[name=name]").fill("zq")
    dialog.locator("button[type=submit]").click()
    expect(said).to_contain_text("⟦Expires after⟧ ⟦is longer than the credentials")
    assert raw_texts(page) == []


def test_texts_about_a_script_are_translated(translated: Service, page: Page) -> None:
    open_form(translated, page)
    page.get_by_text("⟦A batch script⟧").click()
    page.locator("#script").fill("#!/bin/sh\n#flux: --zq=1\n#SBATCH -n1\ntrue\n")
    notes = page.locator("#script-notes")
    expect(notes).to_contain_text("⟦ is not an option of flux batch⟧")
    expect(notes).to_contain_text("⟦: Flux ignores ⟧#SBATCH")
    page.locator("#script").fill("echo zq\n")
    expect(notes).to_contain_text("⟦must name the program")
    expect(notes).to_contain_text("⟦check “Run by /bin/sh”")


def test_the_findings_of_the_check_are_translated(translated: Service, page: Page) -> None:
    open_form(translated, page)
    for name, text, said in (
        ("command", "true", ""),
        ("num_tasks", "5000", "⟦The instance has ⟧"),
        ("cwd", "/zq", "⟦There is no directory ⟧/zq⟦ on this machine, so the job runs in /tmp.⟧"),
    ):
        page.locator(f"[name={name}]").fill(text)
        if said:
            expect(page.locator(f"#wrong-{name}")).to_contain_text(said)
            expect(page.locator("#findings")).to_contain_text(said)
        assert raw_texts(page) == []


@pytest.mark.parametrize(
    ("path", "title", "detail"),
    [
        ("/ui/jobs/fAbc1", "⟦Job not found⟧", "⟦There is no job ⟧fAbc1⟦.⟧"),
        ("/ui/jobs/zq", "⟦Job not found⟧", "⟦'⟧zq⟦' is not a job ID. Enter one such as"),
        ("/ui/groups/zq", "⟦Group not found⟧", "⟦No job of a group '⟧zq⟦' is known;"),
        ("/ui/nodes/zq", "⟦Not found⟧", "⟦There is no node '⟧zq⟦'.⟧"),
        ("/docs/zq", "⟦Not found⟧", "⟦There is no guide '⟧zq⟦'; /docs lists the guides.⟧"),
        ("/ui/instances/fAbc1", "⟦Instance not found⟧", "⟦The service has no instance at '⟧fAbc1⟦"),
    ],
)
def test_an_error_is_translated(
    translated: Service, page: Page, path: str, title: str, detail: str
) -> None:
    page.goto(f"{translated.url.rstrip('/')}{path}")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator("main p").first).to_contain_text(detail)
    assert raw_texts(page) == []


@pytest.mark.usefixtures("jobs")
def test_shortcuts_and_search_are_translated(translated: Service, page: Page) -> None:
    page.goto(translated.url)
    live(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert raw_texts(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("zq")
    expect(page.get_by_role("option").first).to_be_visible()
    assert raw_texts(page) == []


@pytest.mark.parametrize("text", ["All jobs", "⟦a⟧ job", "zq-x, All jobs"])
def test_a_raw_text_is_found(page: Page, text: str) -> None:
    page.set_content(f"<p title='⟦a⟧'>{text} <b>RUN · zq-x</b> <code>flux run</code></p>")
    assert len(raw_texts(page)) == 1
