"""A signal at any step of the start or of the end: the service ends, with status 0."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import programs
from tests.running import needs_flux, own_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 110
"""Below that of the tests: several instances at once start slowly on a small machine."""

EMBEDDED = "--instance=embedded"

IMPORTS = [
    "import:fluxapi.cli.program",
    "import:fluxapi.cli.commands.serve",
    "import:uvloop",
    "import:aiohttp",
    "import:fluxapi.service",
]
STEPS = [
    "after:uvloop:new_event_loop",
    "before:fluxapi.service:create_app",
    "after:fluxapi.service:create_app",
    "before:fluxapi.http.server:Runner.setup",
    "during:fluxapi.events.consumer:JournalConsumer.run",
    "during:fluxapi.events.consumer:JournalConsumer.caught_up",
    "before:fluxapi.service:open_all",
    "after:fluxapi.http.site:Site.start",
    "before:fluxapi.observability.announcement:text",
]
ENDS = [
    "before:fluxapi.http.server:Runner.cleanup",
    "after:fluxapi.http.server:Runner.cleanup",
    "before:fluxapi.process.stop_signals:ignore",
    "after:fluxapi.process.stop_signals:ignore",
]
INSTANCES = {
    EMBEDDED: "fluxapi.instance.embedded.instance:EmbeddedInstance",
    "--instance=flux": "fluxapi.instance.broker.instance:BrokerInstance",
}


def forked_status(step: str, signum: int, *flags: str, **environ: str) -> int:
    """Return the exit status of a program that gets a signal after its imports."""
    with programs.start(
        "tests.lifecycle.signaled",
        *(step, str(int(signum)), "serve", "--port=0"),
        *flags,
        env=own_environment(**environ),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _, error = process.communicate(timeout=TIMEOUT_S)
        except BaseException:
            process.kill()
            raise
    assert "Traceback" not in error
    return process.returncode


def command(step: str, signum: int, *flags: str) -> list[str]:
    program = [sys.executable, "-m", "tests.lifecycle.signaled"]
    return [*program, step, str(int(signum)), "serve", "--port=0", *flags]


def status(*words: str, **environ: str) -> int:
    done = subprocess.run(
        words, env=own_environment(**environ), cwd=ROOT, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode


def test_the_handlers_are_installed_before_other_imports() -> None:
    program = "import sys; from fluxapi.cli import main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = set(done.stdout.split())
    assert {name for name in names if name.startswith("fluxapi.")} == {
        "fluxapi.cli",
        "fluxapi.cli.command_name",
        "fluxapi.cli.entry",
        "fluxapi.cli.standard_streams",
        "fluxapi.process",
        "fluxapi.process.stop_signals",
    }
    assert not names & {"argparse", "asyncio", "logging", "pathlib", "subprocess", "typing"}


@pytest.mark.parametrize("step", IMPORTS)
def test_at_each_import(step: str) -> None:
    assert status(*command(step, signal.SIGTERM, EMBEDDED)) == 0


@pytest.mark.parametrize("step", STEPS)
def test_at_each_step_of_the_start(step: str) -> None:
    assert forked_status(step, signal.SIGTERM, EMBEDDED) == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(
    "step", [IMPORTS[0], "during:fluxapi.events.consumer:JournalConsumer.caught_up"]
)
def test_each_signal(step: str, signum: signal.Signals) -> None:
    assert status(*command(step, signum, EMBEDDED)) == 0


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_while_the_embedded_instance_starts(when: str, tmp_path: Path) -> None:
    step = f"{when}:{INSTANCES[EMBEDDED]}.start"
    assert forked_status(step, signal.SIGTERM, EMBEDDED, TMPDIR=str(tmp_path)) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ENDS)
def test_a_second_signal_at_the_end(step: str) -> None:
    # The first comes once it answers, since this is what is done then.
    first = "after:fluxapi.observability.announcement:text"
    code = (
        "import sys; from tests.lifecycle import signaled; "
        "signaled.prepare(sys.argv[1], 15); signaled.prepare(sys.argv[2], 15); "
        "from fluxapi.cli import main; sys.exit(main(sys.argv[3:]))"
    )
    words = [sys.executable, "-c", code, first, step, "serve", "--port=0", EMBEDDED]
    assert status(*words) == 0


@pytest.mark.parametrize("step", ["before:fluxapi.security.secrets:_start_anew", *IMPORTS])
def test_during_the_restart_that_hides_secrets(step: str) -> None:
    words = command(step, signal.SIGTERM, EMBEDDED)
    assert status(*words, FLUX_USER="u", FLUX_TOKEN="t") == 0


def test_one_that_comes_while_it_starts_anew_is_not_lost() -> None:
    step = "after:fluxapi.process.stop_signals:hold"
    words = command(step, signal.SIGTERM, EMBEDDED)
    assert status(*words, FLUX_USER="u", FLUX_TOKEN="t") == 0


def test_nohup_means_what_it_says() -> None:
    # SIGHUP at the listening is ignored, SIGTERM at the end of the start is not.
    code = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "from tests.lifecycle import signaled; "
        "signaled.prepare('import:aiohttp', 1); "
        "signaled.prepare('before:fluxapi.service:open_all', 1); "
        "signaled.prepare('after:fluxapi.observability.announcement:text', 15); "
        "from fluxapi.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "--port=0", EMBEDDED], env=own_environment(),
        cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=True,
    )  # fmt: skip
    assert " answers at " in done.stdout


@needs_flux
@pytest.mark.parametrize(
    "step",
    [
        IMPORTS[0],
        *(f"{when}:{INSTANCES['--instance=flux']}.start" for when in ("before", "during", "after")),
        *STEPS[4:],
        ENDS[0],
    ],
)
def test_as_the_initial_program_of_flux(step: str) -> None:
    words = command(step, signal.SIGTERM, "--instance=flux")
    if step == ENDS[0]:
        words[words.index(step)] = "after:fluxapi.observability.announcement:text"
    # Flux takes 0.4 s of a processor to cancel jobs, of which there are none.
    assert status("flux", "start", *words, FLUX_DISABLE_JOB_CLEANUP="1") == 0
