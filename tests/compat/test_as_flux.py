"""``flux`` of fluxapi writes what ``flux`` of Flux does, and has its exit statuses."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

import pytest

from tests.cli.program import Program
from tests.running import flux, needs_flux, run_flux

pytestmark = needs_flux

LOAD = """
set -- --setattr=user.note=well --setattr=user.reals=[0.1,1e30,-2.5e-9]
flux submit --wait -n2 "$@" --output=/dev/null echo ü
flux submit --wait sh -c 'echo out; exit 3' || true
flux submit --wait sh -c 'kill -9 $$' || true
flux submit --wait ./no-such-program || true
job=$(flux submit sleep 600); flux job wait-event -q $job start; echo $job
flux cancel -m 'not wanted' $job; flux job wait-event -q $job clean
"""
SAME = [
    "jobs -n -o '{id.f58} {status_abbrev}' {ids}",
    "jobs -n -o '{id.f58} {status_abbrev}' --since=-15m --user={user} --queue=none",
    "jobs --json {first}",
    "job eventlog {first}",
    "job info {first} eventlog",
    "job info {first} jobspec",
    "job info {first} R",
    "job id --to=kvs {canceled}",
    "job id --to=words 123 acrobat-academy-academy--academy-academy-active",
    "job id --to=emoji {canceled}",
    "job attach {first}",
    "job attach {failed}",
    "job attach {killed}",
    "watch {failed}",
    "cancel {first}",
    "cancel f1",
    "job info {first}",
    "job info {first} no-such-key",
    "job eventlog f1",
    "job attach f1",
    "job wait f1",
    "uri f1",
    "run sh -c 'echo out; exit 5'",
    "run sh -c 'kill -9 $$'",
    "run -n99999 true",
    "run -N2 -l -n2 sh -c 'exit 2'",
    "submit --cc=1-2 --quiet --wait sh -c 'exit {{cc}}'",
    "submit -q no-such-queue true",
    "submit --dry-run --env=-* --env=A=1 --rlimit=-* -N2 -n3 -c2 -t 5m --job-name=x -o a.b=1 true",
    "submit --quiet --wait-event=start sh -c 'exit 3'",
    "submit --quiet --log=/dev/null --log-stderr=/dev/null -q no-such-queue true",
    "submit --dry-run --env=-* --rlimit=-* --setattr=user.x=1 --output=out --error=err a b",
    "submit --dry-run --env=-* --rlimit=-* -n3 --resources-shape=slot=4/core=2 true",
    "bulksubmit --dry-run --progress --cc=1-2 -n{{0}} echo {{1.%}} {{seq1}} ::: 1 2 :::+ a.b c.d",
    "bulksubmit --quiet --wait sh -c 'exit {{}}' ::: 0 3 2",
    "bulksubmit --dry-run echo {{x}} ::: a",
    "job wait-event -q {first} clean",
    "job wait-event {first} no-such-event",
    "job wait-event f1 clean",
    "job timeleft {first}",
    "job raise f1",
    "job urgency f1 3",
    "pgrep -n -a no-such-name",
    "pgrep -n -a -o '{{id.f58}} {{name}}' no-such-program",
    "queue status",
    "resource info",
    "resource list -s bogus",
    "no-such-command",
]
"""Command lines with equal standard output and status; usage texts go to standard error."""
_STATUS = "jobs --suppress-header --format='{id.f58} {status_abbrev}' --since=-15m"
_STEP = "--setattr=cwd=/a --job-name='\"nf-a\"' --output=/a/.command.log"
NEXTFLOW = [
    f"{_STATUS} --user={{user}}",
    f"{_STATUS} --queue=x --user={{user}}",
    f"submit --dry-run {{bare}} {_STEP} --cores-per-task=2 --time-limit=01 /bin/bash .command.run",
    f"submit {_STEP} --queue=delta /bin/bash .command.run",
    f"submit {_STEP} --time-limit=60 --tasks-per-node=4 /bin/bash .command.run",
]
"""The command lines of Nextflow's executor; that of a submission also with ``--dry-run``."""


@dataclass
class Jobs:
    """The jobs that the command lines name."""

    ids: list[str]
    user: str

    def fit(self, line: str) -> str:
        first, failed, killed, _, canceled = self.ids
        for name, text in (
            ("ids", " ".join(self.ids)), ("first", first), ("failed", failed), ("killed", killed),
            ("canceled", canceled), ("user", self.user), ("bare", "--env=-* --rlimit=-*"),
        ):  # fmt: skip
            line = line.replace(f"{{{name}}}", text)
        return line.replace("{{", "{").replace("}}", "}")


@pytest.fixture(scope="module")
def jobs(flux_uri: str) -> Jobs:
    ids = flux(flux_uri, "run", "sh", "-c", LOAD, FLUX_F58_FORCE_ASCII="1").split()
    user = flux(flux_uri, "jobs", "-n", "-o", "{username}", ids[0]).strip()
    return Jobs(ids, user)


@pytest.mark.parametrize("line", SAME + NEXTFLOW)
def test_output_and_status_are_those_of_flux(
    flux_on_flux: Program, flux_uri: str, jobs: Jobs, line: str
) -> None:
    script = jobs.fit(line)
    words = shlex.split(script)
    theirs = run_flux(*words, FLUX_URI=flux_uri, FLUX_F58_FORCE_ASCII="1")
    if line.startswith("jobs --json") and '"jobid"' not in theirs.stdout:
        pytest.skip("this release of Flux writes fewer members of a job")
    if "--resources-shape" in line and "unrecognized arguments" in theirs.stderr:
        pytest.skip("this release of Flux reads no shapes")
    ours = flux_on_flux(*words)
    assert (ours.status, ours.out) == (theirs.returncode, theirs.stdout), (ours.err, theirs.stderr)
    assert ours.err or not theirs.stderr


def test_version_has_the_lines_of_flux(flux_on_flux: Program, flux_uri: str) -> None:
    theirs = flux(flux_uri, "version").splitlines()
    ours = flux_on_flux.ok("version").splitlines()
    assert ours[:3] == theirs[:3]
    assert re.match(r"FLUX_URI:\t\thttp://", ours[3])
