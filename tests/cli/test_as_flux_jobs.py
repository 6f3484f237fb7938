"""``fluxapi jobs`` and ``flux jobs`` print the same bytes about the same jobs of a real Flux."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from fluxapi.cli.fields import HEADINGS, OWN
from fluxapi.cli.formats import BUILTIN
from tests.running import clean_environment, empty, flux, needs_flux, run_flux, service

from .program import Program

pytestmark = needs_flux

CUSTOM = [
    "{id} {id:>22} {id!s:>14} {id.dec} {id.hex:>20} {id.dothex} {id.kvs} {id.f58plain:<15}|",
    "{id.emoji}|{id.words}|{state_emoji}|{result_emoji:>3}|{status_emoji:>5.5}|",
    "{userid:>8} {username:<8.8} {urgency:03d} {state_single} {state:<5.5+} {status:^12}",
    "{name:<4.4+} {name:>10.10h} {name!r} {cwd:.3h} {queue:>6h} {bank:h} {project:h}|",
    "{ntasks:>6h} {ncores:>6h} {nnodes:>6h} {ranks:>8h} {nodelist:>12h} {priority:>8h}",
    "{t_submit:.3f} {t_submit!D:>20} {t_submit!d} {t_submit!d:%b%d %R::>16} {t_run!d:%H:%M::<8h}|",
    "{t_run:>16.1f} {t_inactive!D:>20h} {t_cleanup!d:%Y-%m-%d} {t_inactive!d:%T::>10h}",
    "{t_depend:.2f} {t_priority:.2f} {t_sched:.2f} {expiration:.1f} {duration!F:>8h} {duration!H}",
    "{success} {result:h} {result_abbrev:>2.2} {returncode:>4} {waitstatus:>6h} {inactive_reason}",
    "{exception.occurred} {exception.severity} {exception.type:>9.9h} {exception.note:<6.6+}|",
    "{annotations}|{sched}|{sched.resource_summary:>20.20h}|{user}|{user.note:>5h}|",
    "{annotations.sched.resource_summary} {annotations.user.note:.2h} {user.nothing.at.all:>4d}|",
    "?:{queue:>9} ?:{bank:<3} +:{name:>2.2} ?+:{exception.note:<3.3} +:{nodelist:>3}|",
    "?:{dependencies} {contextual_info:>10.10+} {dependencies:>3h}|",
    "sort:-id {id.f58} {name}",
    "sort:name,-id {id.f58:<14} {name}",
    "sort:ntasks,t_submit {ntasks}",
    "sort:returncode,-exception.type,id {id.f58}",
    "text only, and {name!a} at the end",
]

LOAD = """
flux submit --wait -n2 --setattr=user.note=well sh -c 'exit 0'
flux submit --wait -N2 --job-name=a-rather-long-name -t 5m true
flux submit --wait false || true
flux submit --wait sh -c 'exit 127' || true
flux submit --wait sh -c 'kill -9 $$' || true
flux submit --wait sh -c 'exit 130' || true
flux submit --wait -t 0.2s sleep 60 || true
flux submit --wait ./no-such-program || true
job=$(flux submit sleep 1000); flux job wait-event -q $job start
flux cancel -m 'not wanted' $job; flux job wait-event -q $job clean
job=$(flux submit --urgency=hold true); flux cancel $job; flux job wait-event -q $job clean
"""

PENDING = """
flux submit --urgency=hold --job-name=held true
flux submit --dependency=begin-time:$(($(date +%s) + 100000)) --job-name=later true
flux submit --urgency=hold --job-name=much -n4 -N4 -c2 true
"""


@pytest.fixture(scope="module")
def uri(flux_uri: str) -> Iterator[str]:
    """Run a Flux with jobs of every result, some that wait, and no others."""
    empty(flux_uri)
    for load in (LOAD, PENDING):
        subprocess.run(
            ["sh", "-ec", load],
            env=clean_environment(FLUX_URI=flux_uri),
            check=True,
            capture_output=True,
            timeout=100,
        )
    yield flux_uri
    empty(flux_uri)


@pytest.fixture(scope="module")
def program(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with service(FLUX_URI=uri) as running:
        running.wait_until_ready()
        yield Program(running.url, tmp_path_factory.mktemp("home"), plain_ids=False)


def theirs(uri: str, *words: str, **environ: str) -> str:
    return flux(uri, "jobs", *words, **{"TZ": "UTC", **environ})


@pytest.mark.parametrize("header", [(), ("-n",)], ids=["header", "bare"])
@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_built_in_formats(uri: str, program: Program, name: str, header: tuple[str, ...]) -> None:
    words = ["-a", *header, "-o", name]
    assert program.ok("jobs", *words) == theirs(uri, *words)


@pytest.mark.parametrize("header", [(), ("-n",)], ids=["header", "bare"])
@pytest.mark.parametrize("format", CUSTOM)
def test_custom_formats(uri: str, program: Program, format: str, header: tuple[str, ...]) -> None:
    words = ["-a", *header, "-o", format]
    assert program.ok("jobs", *words) == theirs(uri, *words)


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"LC_ALL": "no-such-locale"},
        {"LC_ALL": "", "LC_CTYPE": "C"},
        {"LC_ALL": "C.UTF-8", "FLUX_F58_FORCE_ASCII": ""},
    ],
    ids=lambda environ: " ".join(f"{name}={value}" for name, value in environ.items()),
)
def test_the_form_of_ids(uri: str, program: Program, environ: dict[str, str]) -> None:
    words = ["-a", "-n", "-o", "{id}|{id.f58}|{id.f58plain}|{id.emoji}|{id.words}"]
    assert program.ok("jobs", *words, **environ) == theirs(uri, *words, **environ)


def test_the_built_in_formats_are_those_of_flux(uri: str, program: Program) -> None:
    for name, (_, text) in BUILTIN.items():
        said = theirs(uri, "-o", f"get-config={name}")
        assert f'format = "{text}"' in said
        assert f'format = "{text}"' in program.ok("jobs", "-o", f"get-config={name}")
    listed = [line for line in theirs(uri, "-o", "help").splitlines() if line.startswith("  ")]
    assert {line.split()[0] for line in listed} == set(BUILTIN)


def test_every_field_has_the_heading_of_flux(uri: str, program: Program) -> None:
    fields = [name for name in HEADINGS if not name.startswith("instance.") and name not in OWN]
    format = "|".join(f"{{{name}}}" for name in fields)
    # Flux cannot show all of them of a job that has not got them, so none is listed.
    words = ["-f", "running", "-o", format]
    ours = program.ok("jobs", *words)
    assert ours == theirs(uri, *words)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-A",),
        ("-f", "failed"),
        ("-f", "pending"),
        ("-f", "canceled,timeout"),
        ("-f", "completed,sched"),
        ("-f", "inactive", "--name=false"),
        ("-a", "--name=held"),
        ("-a", "-c", "0"),
        ("-a", "--sort=-name,id"),
        ("-a", "-w", "40"),
        ("-a", "-w40", "-n"),
        ("-a", "-u", "all"),
        ("-a", "--color=always"),
        ("-a", "-i", "1-3"),
        ("--since=-1h",),
        ("--since=-1h", "-f", "failed"),
        ("-f", "running"),
    ],
    ids=" ".join,
)
def test_options(uri: str, program: Program, words: tuple[str, ...]) -> None:
    assert program.ok("jobs", *words) == theirs(uri, *words)


def test_single_jobs_in_the_order_given(uri: str, program: Program) -> None:
    ids = theirs(uri, "-a", "-n", "-o", "{id.f58}").split()
    words = [ids[3], ids[0], ids[-1]]
    assert program.ok("jobs", *words) == theirs(uri, *words)


@pytest.mark.parametrize(
    "line",
    [
        "-a sh",
        "-a ^s.*p$",
        "held",
        "name:held",
        "-a -c2 .",
        "-a -o full true",
        "-an -o long .",
        "-a -o deps .",
        "-a -f failed .",
        "-f failed,canceled .",
        "-a --max-entries=2 .",
        "-A -a -u all sleep",
        "-a f1..f2",
        "-a f1..fzzzzzzzz sleep",
        "-a -o '{name} {id.dec}' sleep",
        "nothing",
        "[",
        "two patterns",
        "-a a..b",
    ],
)
def test_pgrep(uri: str, program: Program, line: str) -> None:
    words = ["pgrep", *shlex.split(line)]
    done = run_flux(*words, FLUX_URI=uri, TZ="UTC")
    ours = program(*words)
    assert (ours.status, ours.out) == (done.returncode, done.stdout)


def test_json(uri: str, program: Program) -> None:
    assert program.ok("jobs", "-a", "--json") == theirs(uri, "-a", "--json")
    jobid = theirs(uri, "-a", "-n", "-o", "{id.dec}").split()[-1]
    assert program.ok("jobs", "--json", jobid) == theirs(uri, "--json", jobid)


def test_the_default_format_can_be_set(program: Program) -> None:
    environ = {"FLUX_JOBS_FORMAT_DEFAULT": "{name} {id.dec}"}
    ours = program("jobs", "-a", **environ)
    assert ours.out.splitlines()[0] == "NAME JOBID"


def test_formats_of_the_config_file_of_flux(uri: str, program: Program) -> None:
    folder = program.home / "flux"
    folder.mkdir()
    text = '[formats.mine]\ndescription = "mine"\nformat = "{id.f58plain} ?:{queue} {name}"\n'
    (folder / "flux-jobs.toml").write_text(text, encoding="utf-8")
    said = flux(uri, "jobs", "-a", "-o", "mine", XDG_CONFIG_HOME=str(program.home))
    assert program.ok("jobs", "-a", "-o", "mine") == said


def test_running_jobs_have_what_does_not_tick(uri: str, program: Program) -> None:
    job = flux(uri, "submit", "-N2", "-t", "1h", "sleep", "1000").strip()
    flux(uri, "job", "wait-event", "-q", job, "start")
    try:
        words = ["-n", "-o", "{id.f58} {status} {t_run} {expiration} {nodelist} {ranks} {ncores}"]
        assert program.ok("jobs", *words) == theirs(uri, *words)
        record = json.loads(program.ok("jobs", "--json", job))
        expected = json.loads(theirs(uri, "--json", job))
        for name in ("runtime", "t_remaining"):
            assert (name in record) is (name in expected)
            record.pop(name, None)
            expected.pop(name, None)
        assert record == expected
    finally:
        flux(uri, "cancel", job)
        flux(uri, "job", "wait-event", "-q", job, "clean")
