"""``flux job wait`` of fluxapi hands out the ends of waitable jobs as Flux does, each once."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.program import Program
from tests.running import needs_flux, run_flux

Run = Callable[..., tuple[int, str, str]]

ENDS = {
    "good": ["true"],
    "bad": ["sh", "-c", "exit 3"],
    "killed": ["sh", "-c", "kill -9 $$"],
    "missing": ["./no-such-program"],
}


def told(run: Run) -> list[object]:
    """Return the outcomes of command lines on new jobs, with the names of the jobs as IDs."""
    # Other tests on the same instance may have left jobs whose ends nobody has collected.
    run("job", "wait", "--all")
    ids = {
        name: run("submit", "--flags=waitable", *words)[1].strip() for name, words in ENDS.items()
    }
    plain = run("submit", "--urgency=hold", "true")[1].strip()
    held = run("submit", "--urgency=hold", "--flags=waitable", "true")[1].strip()
    found: list[object] = [run("job", "wait", ids[name]) for name in ids]
    found += [run("job", "wait", jobid) for jobid in (ids["good"], plain, "f1")]
    run("cancel", "-m", "not wanted", held, plain)
    next_one = run("job", "wait")
    found += [next_one, run("job", "wait"), run("job", "wait", "--all")]
    again = {
        name: run("submit", "--flags=waitable", *words)[1].strip() for name, words in ENDS.items()
    }
    status, out, err = run("job", "wait", "-v", "--all")
    found += [status, out, *sorted(name_jobs(err, again).splitlines())]
    found += [run("job", "wait", "-a")]
    status, out, err = run("job", "wait", "--all", "f1")
    found += [status, out, bool(err)]
    return [str(one).replace(held, "held") for one in found]


def name_jobs(text: str, ids: dict[str, str]) -> str:
    """Return *text* with the names of jobs in place of their IDs."""
    for name, jobid in ids.items():
        text = text.replace(f"{jobid}:", f"{name}:")
    return text


def of(flux: Program) -> Run:
    """Return a function that runs a command line."""

    def run(*words: str) -> tuple[int, str, str]:
        done = flux(*words, FLUX_F58_FORCE_ASCII="1")
        return done.status, done.out, done.err

    return run


def test_each_end_is_handed_out_once(flux: Program) -> None:
    found = told(of(flux))
    assert found[:3] == [
        "(0, '', '')",
        "(1, '', 'flux-job: task(s) exited with exit code 3\\n')",
        "(1, '', 'flux-job: task(s) Killed\\n')",
    ]
    assert found[4:9] == [
        "(2, '', 'flux-job: invalid job id, or job may be inactive and not waitable\\n')",
        "(2, '', 'flux-job: job was not submitted with FLUX_JOB_WAITABLE\\n')",
        "(2, '', 'flux-job: invalid job id, or job may be inactive and not waitable\\n')",
        "(1, 'held\\n', 'flux-job: Fatal exception type=cancel not wanted\\n')",
        "(2, '', 'flux-job: there are no more waitable jobs\\n')",
    ]
    assert found[9:15] == [
        "(0, '', '')",
        "1",
        "",
        "bad: task(s) exited with exit code 3",
        "good: job completed successfully",
        "killed: task(s) Killed",
    ]


@needs_flux
def test_flux_says_the_same(flux_on_flux: Program, flux_uri: str) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        done = run_flux(*words, FLUX_URI=flux_uri, FLUX_F58_FORCE_ASCII="1")
        return done.returncode, done.stdout, done.stderr

    assert told(of(flux_on_flux)) == told(run)
