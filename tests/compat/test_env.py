"""``fluxapi env``: the variables, in a shell, and where a real Flux would be hidden."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.running import clean_environment

from .conftest import FOLDER

SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def run(tmp_path: Path) -> Program:
    return Program("http://127.0.0.1:1", tmp_path)


def shell(script: str, **environ: str) -> list[str]:
    """Run a script in which ``fluxapi`` is the command; what it wrote, by line."""
    ours = clean_environment(**{"PATH": SYSTEM, **environ})
    ours.pop("PYTHONPATH", None) if "PYTHONPATH" not in environ else None
    script = f'fluxapi() {{ "{sys.executable}" -m fluxapi "$@"; }}\n{script}'
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        env=ours,
        cwd=FOLDER.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def real_flux(folder: Path) -> Path:
    """Make a program ``flux`` and return its folder."""
    folder.mkdir()
    program = folder / "flux"
    program.write_text('#!/bin/sh\necho "real $*"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


def test_a_shell_gets_the_command_and_the_package_once(tmp_path: Path) -> None:
    odd = tmp_path / "it's $HOME"
    odd.mkdir()
    lines = shell(
        'eval "$(fluxapi env)"; eval "$(fluxapi env --url http://h:1)"\n'
        'command -v flux; echo "$PATH"; echo "$PYTHONPATH"; echo "$FLUXAPI_PYTHON"; env\n',
        PATH=f"{odd}:{SYSTEM}",
        PYTHONPATH=str(odd),
    )
    assert lines[:4] == [
        str(FOLDER / "bin" / "flux"),
        f"{FOLDER / 'bin'}:{odd}:{SYSTEM}",
        f"{FOLDER / 'python'}:{odd}",
        sys.executable,
    ]
    assert "FLUXAPI_URL=http://h:1" in lines


def test_unset_leaves_the_shell_as_it_was() -> None:
    script = """
        env | grep -v ^_= | sort; echo --
        eval "$(fluxapi env --url http://h:1)"; eval "$(fluxapi env --unset)"
        env | grep -v ^_= | sort
    """
    lines = shell(script, FLUX_USER="alice")
    middle = lines.index("--")
    assert lines[:middle] == lines[middle + 1 :]


def test_a_real_flux_is_hidden_by_force_only(run: Program, tmp_path: Path) -> None:
    path = f"{real_flux(tmp_path / 'real')}:{SYSTEM}"
    for environ, word in (
        ({"PATH": path}, f"{tmp_path}/real/flux is a real Flux"),
        ({"PATH": SYSTEM, "FLUX_URI": "local:///x"}, "FLUX_URI is set"),
    ):
        refused = run("env", **environ)
        assert (refused.status, refused.out) == (1, "")
        assert word in refused.err
        assert run("env", "--force", **environ).status == 0
    forced = run.ok("env", "--force", PATH=path, FLUX_URI="local:///x")
    assert forced.splitlines()[0] == "unset FLUX_URI"


@pytest.mark.parametrize("form", ["command", "package"])
def test_a_job_of_a_real_flux_gets_that_one(form: str, tmp_path: Path) -> None:
    path = f"{FOLDER / 'bin'}:{real_flux(tmp_path / 'real')}:{SYSTEM}"
    package = tmp_path / "bindings" / "flux"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("words = 'real jobs -a'\n", encoding="utf-8")
    command = {
        "command": [str(FOLDER / "bin" / "flux"), "jobs", "-a"],
        "package": [sys.executable, "-c", "import flux; print(flux.words)"],
    }
    done = subprocess.run(
        command[form],
        env=clean_environment(
            PATH=path,
            PYTHONPATH=os.pathsep.join([str(FOLDER / "python"), str(package.parent)]),
            FLUXAPI_PYTHON=sys.executable,
            FLUX_URI="local:///x",
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "real jobs -a\n"


def test_the_package_is_on_no_path_by_itself() -> None:
    python = [sys.executable, "-c", "import flux.job; print(flux.job.JobspecV1)"]
    done = subprocess.run(
        python, env=clean_environment(PATH=SYSTEM), cwd="/", check=False, capture_output=True
    )
    assert done.returncode == 1
    assert b"No module named 'flux'" in done.stderr


def test_the_package_says_what_its_python_lacks(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "python", tmp_path / "path")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path[0:0] = sys.argv[1:]; import flux",
         str(tmp_path / "path")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1].endswith("does not have: install fluxapi there.")


def test_the_service_looks_past_the_package(tmp_path: Path) -> None:
    # A shell that speaks to a service may start another one.
    script = """
        eval "$(fluxapi env)"
        python() { "$FLUXAPI_PYTHON" "$@"; }
        python - <<'END'
import os, sys
from fluxapi.cli import compat_paths
compat_paths.leave(os.environ, sys.path)
print(os.environ["PATH"], [entry for entry in sys.path if "compat/path" in entry])
END
    """
    assert shell(script, PATH=f"{tmp_path}:{SYSTEM}") == [f"{tmp_path}:{SYSTEM} []"]
