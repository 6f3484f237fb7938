"""``fluxapi bulksubmit`` makes the jobs of ``flux bulksubmit``, and its lines."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fluxapi.cli import terminal
from fluxapi.compat.command.program import main as compat
from fluxapi.model.jobspec import Defaults, build
from tests.running import clean_environment, needs_flux

from .program import Program

pytestmark = needs_flux


class Case(NamedTuple):
    """A command line, and its standard input."""

    line: str
    stdin: str = ""

    @property
    def words(self) -> list[str]:
        return self.line.split(" ") if self.line else []


CASES = [
    Case("echo {} ::: a b c"),
    Case("echo {}", "one\ntwo words\n\nthree"),
    Case("", "hostname\n/bin/true\n"),
    Case("::: a b"),
    Case("--sep=none echo {}", "a b\tc\n d"),
    Case("--sep=, echo {}", "a,,b,c"),
    Case("--sep=\\t echo {}", "a b\tc"),
    Case("--sep=a\\x2cb echo {}", "1a,b2"),
    Case("echo {0} {1} ::: a b ::: 1 2"),
    Case("echo {} {} ::: a b ::: 1 2"),
    Case("echo {1} {0} ::: a b c :::+ 1 2"),
    Case("echo {0} {1} {2} ::: a b :::+ 1 2 3 ::: x y"),
    Case("echo {0} {1} ::: a b ::::+ lines"),
    Case("echo {} :::: lines"),
    Case("echo {0}:{1} :::: lines ::: x y"),
    Case("echo {} :::: -", "p\nq\n"),
    Case("echo {seq} {seq1} {seq:03d} {} ::: a b c"),
    Case("echo {0.%} {0./} {0.//} {0./%} {.%} ::: /a/b.c/d.tar.gz e f."),
    Case("echo {} {{id}} {{tmpdir}}/{} ::: a"),
    Case("echo {} ::: {{id}}.out {x} {"),
    Case("--cc=1-3 echo {} {cc} ::: a b"),
    Case("--bcc=1,3 --job-name={}-{cc} echo {cc} ::: a b"),
    Case("--cc={} echo {cc} ::: 1-2 5"),
    Case("--define=p2=2**int(x) -n {.p2} hostname ::: 0 1 3"),
    Case("--define=up=x.upper() --define=parts=x.split('-') echo {0.up} {0.parts} ::: a-b c"),
    Case("--define=d=os.path.basename(x) echo {.d} ::: /a/b"),
    Case("-n{0} -c{1} -N1 -t{1}m ./x ::: 1 2 ::: 3"),
    Case("--job-name={./%} --env=A={} --env=B=$A --output={seq}.out ./x {} ::: d/in.txt"),
    Case("--env=A=1 --queue={} --bank=b{seq} --urgency=hold --cwd=/a/{} true ::: q r"),
    Case("-o a.{}=1 --setattr=user.x={} --dependency=afterok:{1} true ::: y z ::: f1"),
    Case("--cores={} --tasks-per-core=2 --signal=TERM@{}m --taskmap=cyclic:{} true ::: 1 2"),
    Case("--requires=host:{} --flags=waitable true ::: a b"),
    Case("echo {0:>5}x{0.%!s:_<4} {seq!r:>3} ::: ab.c".replace("{0:>5}x", "x")),
    Case("echo plain ::: a b"),
    Case("-n2 echo -n {} ::: --a -b"),
]

REFUSED = [
    Case("echo {1} ::: a"),
    Case("echo {x} ::: a"),
    Case("echo {0}{} ::: a"),
    Case("echo {0.nothing} ::: a"),
    Case("echo {0[0]} ::: a"),
    Case("echo { ::: a"),
    Case("echo {!q} ::: a"),
    Case("--env=A=${HOME} true ::: a"),
    Case("--job-name={x} true ::: a"),
    Case("-n{} true ::: many"),
    Case("--define=bad=1+ echo {0.bad} ::: a"),
    Case("--define=bad=1/0 echo {0.bad} ::: a"),
    Case("echo {} :::: missing"),
    Case("echo {} :::: lines lines"),
    Case("echo {1} ::: a :::+"),
    Case("echo {} ::: a ::::"),
    Case("echo {}"),
    Case("--cc=1-2 --bcc=3 true ::: a"),
]

ONLY_OURS = [
    Case("echo {0.__class__} ::: a"),
    Case("echo {seq.__class__} ::: a"),
    Case("echo {seq:5000d} ::: a"),
]
"""Command lines that name parts of Python's objects, or would take memory."""

RUNS = """
import io, json, logging, os, sys
from flux.cli import base
from flux.cli.bulksubmit import BulkSubmitCmd

logging.disable(logging.CRITICAL)
made = []
for words, given in json.load(sys.stdin):
    sys.stdin = io.StringIO(given)
    command = BulkSubmitCmd("flux bulksubmit")
    try:
        args = command.parser.parse_args(words)
        found = command.create_commands(args)
        if not found:
            raise ValueError("no jobs")
        specs = []
        for one in found:
            for cc in command.cc_list(one):
                spec = command.jobspec_create(base.Xcmd(one, cc=cc) if isinstance(cc, int) else one)
                if one.cc:
                    spec.environment["FLUX_JOB_CC"] = str(cc)
                specs.append(json.loads(spec.dumps()))
        made.append({"lines": [str(one) for one in found], "specs": specs})
    except (Exception, SystemExit) as error:
        made.append(repr(error))
print(json.dumps(made))
"""
"""A program that makes the jobs of many command lines by the code of ``flux bulksubmit``."""

NOTHING = ["--env=-*", "--rlimit=-*"]
"""Options by which ``flux bulksubmit`` begins, as ours does, without variables and limits."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the file that the cases name."""
    path = tmp_path_factory.mktemp("bulksubmit")
    (path / "lines").write_text("l1\nl 2\n\nl3", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def of_flux(folder: Path) -> dict[Case, Any]:
    """Return what ``flux bulksubmit`` makes of each case, or its error."""
    cases = [*CASES, *REFUSED]
    done = subprocess.run(
        ["flux", "python", "-c", RUNS],
        env=clean_environment(LANG="C.UTF-8", TZ="UTC"), cwd=folder,
        input=json.dumps([[[*NOTHING, *case.words], case.stdin] for case in cases]),
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return dict(zip(cases, json.loads(done.stdout), strict=True))


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """Return a jobspec without the working directory, empty objects and resource limits.

    ``flux bulksubmit`` of 0.88 sends all limits, whatever ``--rlimit`` says.
    """
    system = document["attributes"]["system"]
    system["cwd"] = system.get("cwd") if system.get("cwd", "").startswith("/a") else None
    options = system.setdefault("shell", {}).setdefault("options", {})
    options.setdefault("env-expand", {})
    options.pop("rlimit", None)
    return document


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_jobs_and_lines_are_those_of_flux(
    run: Program,
    folder: Path,
    of_flux: dict[Case, Any],
    monkeypatch: pytest.MonkeyPatch,
    case: Case,
) -> None:
    monkeypatch.chdir(folder)
    theirs = of_flux[case]
    if isinstance(theirs, str):
        pytest.skip(f"this release of flux bulksubmit does not accept the options: {theirs}")
    requests = run.ok("bulksubmit", "--dry-run", *case.words, input=case.stdin).splitlines()
    ours = [json.loads(build(json.loads(request), Defaults()).jobspec) for request in requests]
    assert list(map(plain, ours)) == list(map(plain, theirs["specs"]))
    monkeypatch.setattr(terminal, "_program", ["fluxapi"])
    flux = Program(run.url, run.home, module="fluxapi.compat", main=compat)
    words = ["bulksubmit", "--dry-run", *NOTHING, *case.words]
    lines = flux.ok(*words, input=case.stdin).splitlines()
    assert lines == [f"bulksubmit: submit {line}" for line in theirs["lines"]]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.line)
def test_options_that_flux_refuses_are_refused(
    run: Program,
    folder: Path,
    of_flux: dict[Case, Any],
    monkeypatch: pytest.MonkeyPatch,
    case: Case,
) -> None:
    monkeypatch.chdir(folder)
    assert isinstance(of_flux[case], str)
    done = run("bulksubmit", "--dry-run", *case.words, input=case.stdin)
    assert (done.status, done.out) == (2, "")
    assert done.err


@pytest.mark.parametrize("case", ONLY_OURS, ids=lambda case: case.line)
def test_a_field_names_no_part_of_an_object(run: Program, case: Case) -> None:
    done = run("bulksubmit", "--dry-run", *case.words)
    assert (done.status, done.out) == (2, "")
