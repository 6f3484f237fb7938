"""``fluxapi submit`` makes the jobspec of ``flux submit``, option by option."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import ValidationFailed
from fluxapi.model.jobspec import Defaults, build
from tests.running import clean_environment, needs_flux

from .program import Program

pytestmark = needs_flux

CASES: list[list[str]] = [
    [],
    ["-n4", "-c2", "-g1"],
    ["-N2"],
    ["-N2", "-n3"],
    ["-N2", "-n2", "-x"],
    ["--cores=4"],
    ["-N2", "--cores=4"],
    ["-N2", "--cores=4", "-x", "--gpus-per-node=2"],
    ["-N2", "--tasks-per-node=3"],
    ["-N2", "--tasks-per-core=2"],
    ["-N2", "--gpus-per-node=1"],
    ["-N2", "--gpus-per-node=0"],
    ["--cores=4", "--tasks-per-node=2"],
    ["--cores=4", "--tasks-per-core=2", "-o", "per-resource.more=1"],
    ["-N1", "--tasks-per-node=2", "-g0"],
    ["-t5"],
    ["-t", "1.5h"],
    ["--env=A=$HOME/x", "--env=B=${A}:$$", "--env=A=2"],
    ["--env=A=1", "--env=A=$A$A", "--env=B=x", "--env-remove=[B]"],
    ["--env=HOME", "--env=HO*", "--env=/LA/"],
    ["--env=A=1", "--env=AB=2", "--env-remove=/A$/"],
    ["--env=RANK={{rank}}"],
    ["--env-file=rules", "--env=C=$D"],
    ["--rlimit=core=16,nofile=unlimited", "--rlimit=stack=inf"],
    ["--rlimit=*", "--rlimit=-mem*,-n*"],
    ["--rlimit=NOFILE,cpu"],
    ["--add-file=x=one\\ntwo\n"],
    ["--add-file=x.sh:755=#!/bin/sh\necho\n"],
    ["--add-file=rules", "--add-file=other=rules"],
    ["--job-name=it", "--queue=q", "--bank=b", "--cwd=/a"],
    ["--input=i", "--output=o", "--error=e", "-l", "-u"],
    ["--output=none", "--error=kvs"],
    ["-o", "a.b=[1]", "-oc", "-o", 'd={"e.f":1}'],
    ["-S", "user.x=1", "-Sfoo", "--setattr=.user.y=z", "--setattr=^system.z=value.json"],
    ["--dependency=afterok:f1", "--dependency=x:y?z=1&z=2"],
    ["--begin-time=2030-01-02 03:04:05"],
    ["--requires=host:a", "--requires=b|-c"],
    ["--signal=TERM@2m"],
    ["--signal=12"],
    ["--taskmap=cyclic:2"],
]  # fmt: skip

REFUSED: list[list[str]] = [
    ["--tasks-per-node=2"],
    ["--tasks-per-core=2"],
    ["-N2", "--tasks-per-node=2", "--tasks-per-core=2"],
    ["-N2", "-n2", "--tasks-per-node=2"],
    ["-c2", "--cores=2"],
    ["-g1", "--cores=2"],
    ["--cores=2", "--gpus-per-node=1"],
    ["-N3", "--cores=4"],
    ["-N3", "--cores=2"],
    ["-x", "--cores=2"],
    ["--tasks-per-node=0", "-N1"],
    ["--env=A=$NONE_OF_OURS"],
    ["--env=A=5$"],
    ["--env-file=missing"],
    ["--rlimit=nothing"],
    ["--rlimit=core=big"],
    ["--add-file=a\nb"],
    ["--add-file=missing"],
]

RUNS = """
import json, os, sys
from flux.cli.submit import SubmitCmd

base = dict(os.environ)
made = []
for words in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(base)
    command = SubmitCmd("flux submit")
    try:
        given = command.parser.parse_args([*words, "prog"])
        made.append(json.loads(command.jobspec_create(given).dumps()))
    except (ValueError, OSError, SystemExit) as error:
        made.append(str(error))
print(json.dumps(made))
"""
"""A program that makes the jobspecs of many command lines by the code of ``flux submit``."""

NOTHING = ["--env=-*", "--rlimit=-*"]
"""Options by which ``flux submit`` begins, as ours does, without variables and limits."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the files that the cases name."""
    path = tmp_path_factory.mktemp("submit")
    (path / "rules").write_text("D=$HOME\n\n  E=1  \n-X*\n", encoding="utf-8")
    (path / "rules").chmod(0o640)
    (path / "value.json").write_text('{"a": [1]}', encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def of_flux(folder: Path) -> dict[str, Any]:
    """Return the jobspec that ``flux submit`` makes of each case, or its error."""
    cases = [*CASES, *REFUSED]
    done = subprocess.run(
        ["flux", "python", "-c", RUNS],
        env=variables(), cwd=folder, input=json.dumps([[*NOTHING, *words] for words in cases]),
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return dict(zip(map(key, cases), json.loads(done.stdout), strict=True))


def variables() -> dict[str, str]:
    """Return the environment of both programs."""
    return clean_environment(HOME="/home/me", LANG="C.UTF-8", LAST="x", TZ="UTC")


def key(words: list[str]) -> str:
    """Return a case as a text."""
    return " ".join(words)


def build_ours(
    run: Program, folder: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Return the jobspec of what ``fluxapi submit`` sends; raise ``ValueError`` if it refuses."""
    monkeypatch.chdir(folder)
    done = run("submit", "--dry-run", *words, "prog", HOME="/home/me", LANG="C.UTF-8", LAST="x")
    if done.status:
        raise ValueError(done.err)
    found: dict[str, Any] = json.loads(build(json.loads(done.out), Defaults()).jobspec)
    return found


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """Return a jobspec without the working directory, and empty objects of either program."""
    system = document["attributes"]["system"]
    system["cwd"] = system.get("cwd") if system.get("cwd") == "/a" else None
    options = system.setdefault("shell", {}).setdefault("options", {})
    for name in ("rlimit", "env-expand"):
        options.setdefault(name, {})
    return document


@pytest.mark.parametrize("words", CASES, ids=key)
def test_the_jobspec_is_that_of_flux(
    run: Program,
    folder: Path,
    of_flux: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    theirs = of_flux[key(words)]
    if isinstance(theirs, str):
        pytest.skip(f"this release of flux submit does not accept the options: {theirs}")
    assert plain(build_ours(run, folder, words, monkeypatch)) == plain(theirs)


@pytest.mark.parametrize("words", REFUSED, ids=key)
def test_options_that_flux_refuses_are_refused(
    run: Program,
    folder: Path,
    of_flux: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    assert isinstance(of_flux[key(words)], str)
    with pytest.raises((ValueError, ValidationFailed)):
        build_ours(run, folder, words, monkeypatch)
