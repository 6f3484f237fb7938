"""``fluxapi pstree`` and ``jobs -R`` beside those of Flux on a tree of instances."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.flux.tree import child_uri, launch, submit
from tests.running import empty, flux, needs_flux, service

from .program import Program

pytestmark = [needs_flux, pytest.mark.slow, pytest.mark.timeout(240)]

COLUMNS = "100"

FIGURES = "-o{id.f58:>12} {instance.stats} {instance.progress!P:>5} {instance.resources.up.ncores}"


@dataclass
class Tree:
    """A program, and the same of Flux: the instance has a child, which has a child."""

    program: Program
    uri: str
    path: str
    """The path of the innermost instance."""

    def theirs(self, *words: str) -> str:
        return flux(self.uri, *words, TZ="UTC", COLUMNS=COLUMNS, FLUX_URI_RESOLVE_LOCAL="t")


@pytest.fixture(scope="module")
def family(flux_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """Run two levels of instances below a Flux, with jobs that stay as they are."""
    empty(flux_uri)
    submit(flux_uri, "--job-name=sleeper", "--cc=1-2", "sleep", "inf")
    uri, path = flux_uri, []
    for _ in range(2):
        # An instance below takes the one core of the one above it.
        path.append(launch(uri))
        submit(uri, "--urgency=hold", "--job-name=held", "--cc=1-2", "true")
        uri = child_uri(uri, path[-1])
    submit(uri, "--job-name=innermost", "sleep", "inf")
    with service(FLUX_URI=flux_uri) as running:
        running.wait_until_ready()
        program = Program(running.url, tmp_path_factory.mktemp("home"), plain_ids=False)
        yield Tree(program, flux_uri, "/".join(path))
    empty(flux_uri)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-a"],
        ["-p"],
        ["-X"],
        ["-C"],
        ["--ascii", "-a", "-p"],
        ["-L", "0"],
        ["-L1", "-X"],
        ["--filter=pending,running"],
        ["--label={name}:{ntasks}", "--parent-label={name}"],
        ["--label={name}", "--parent-label={id.f58plain}"],
        ["--skip-root=yes"],
        ["--detail-format={id.f58:>12} {ntasks:>3}"],
        ["--detail-format={ntasks:>3}", "-n"],
        ["-l"],
        ["-x"],
        ["--extended", "--skip-root=no", "--no-header"],
        ["-d", "default", "-a"],
        ["-d", "resources"],
        ["--details=resources", "--skip-root=no", "-L0"],
        ["--details=progress", "--skip-root=no"],
        ["-d", "stats", "-X"],
        ["--details=stats", "--detail-format={id.f58:>12} {instance.stats.total}"],
        ["-x", "-p", "-C"],
        ["--label={id.f58} {instance.utilization!P}"],
        ["--all", "--level=1", "--long", "--no-combine", "--parent-ids"],
    ],
    ids=" ".join,
)
def test_the_tree_is_drawn_as_flux_draws_it(family: Tree, words: list[str]) -> None:
    ours, theirs = family.program.ok("pstree", *words), family.theirs("pstree", *words)
    assert without_times(ours) == without_times(theirs)


def test_options_that_exclude_one_another(family: Tree) -> None:
    refused = family.program("pstree", "--ascii", "--compact")
    assert (refused.status, refused.out) == (2, "")
    unknown = family.program("pstree", "-d", "nothing")
    assert (unknown.status, "invalid choice" in unknown.err) == (2, True)
    done = family.program("pstree", "-a", family.path.split("/")[0])
    assert (done.status, done.err) == (0, "fluxapi: filtering options are ignored with job IDs\n")


def test_the_number_of_jobs_is_limited_at_each_level(family: Tree) -> None:
    # The option of flux pstree has no effect.
    lines = family.program.ok("pstree", "--count=1", "-aX").splitlines()
    assert len(lines) == 2


def without_times(text: str) -> str:
    """Return the lines of a tree with each run time replaced, which grows between two of them."""
    return re.sub(r" +(?:\d+:\d\d:\d\d|[\d.]+[smhd])(?= )", " TIME", text)


def test_the_tree_of_one_job(family: Tree) -> None:
    first = family.path.split("/")[0]
    assert family.program.ok("pstree", first) == family.theirs("pstree", first)
    assert "innermost" in family.program.ok("pstree", "-x", first)


@pytest.mark.parametrize(
    "words",
    [["-R"], ["-R", "-a"], ["-R", "-L1"], ["-R", "--stats"], ["-Rn"], ["-R", FIGURES]],
    ids=" ".join,
)
def test_jobs_of_all_levels(family: Tree, words: list[str]) -> None:
    words = ["jobs", "-o", "{id.f58:>12} {name} {status}", *words]
    # The service does not know how many jobs Flux has purged.
    expected = re.sub(r", \d+ inactive purged", "", family.theirs(*words))
    assert family.program.ok(*words) == expected


def test_jobs_of_all_levels_as_json(family: Tree) -> None:
    found, expected = (
        {
            job["id"]: [below["id"] for below in job.get("jobs", [])]
            for job in json.loads(text)["jobs"]
        }
        for text in (
            family.program.ok("jobs", "-R", "--json"),
            family.theirs("jobs", "-R", "--json"),
        )
    )
    assert found == expected


def test_every_command_works_in_an_instance_below(family: Tree) -> None:
    within = ["--instance", family.path]
    uri = family.uri
    for jobid in family.path.split("/"):
        uri = child_uri(uri, jobid)
    listed = flux(uri, "jobs", "-no", "{id.f58}", TZ="UTC")
    assert family.program.ok("jobs", "-no", "{id.f58}", *within) == listed
    jobid = family.program.ok("submit", "--urgency=hold", *within, "hostname").strip()
    assert jobid in flux(uri, "jobs", "-no", "{id.f58}")
    family.program.ok("cancel", *within, jobid)
    assert family.program("wait", *within, jobid).status == 1
    assert jobid in flux(uri, "jobs", "-f", "canceled", "-no", "{id.f58}")
    assert family.program.ok("pstree", *within).startswith("flux\n")
    done = family.program("jobs", "--instance", "x y")
    assert (done.status, done.out) == (2, "")
    assert "not the path of an instance" in done.err


def test_an_instance_that_cannot_be_read_is_told(family: Tree) -> None:
    jobid = family.program.ok(
        "submit", "sh", "-c", "flux job memo $FLUX_JOB_ID uri=local:///nowhere; sleep inf"
    ).strip()
    flux(family.uri, "job", "wait-event", "-q", jobid, "memo")
    done = family.program("pstree", jobid)
    assert "cannot be reached" in done.err or "cannot be opened" in done.err
    flux(family.uri, "cancel", jobid)
