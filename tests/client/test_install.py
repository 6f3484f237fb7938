"""A client without the service: what it needs, what it loads, and what it says of the rest."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import Service, clean_environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

LATER = {
    "aiohttp", "email.utils", "fluxapi.client.executor", "fluxapi.client.sync", "getpass",
    "hashlib", "html", "http", "json", "random", "tomli", "tomllib", "urllib.request", "yarl",
}  # fmt: skip
"""Modules that the client loads when it needs them, since they take long."""

OURS = {"client", "model", "process"}

BLOCKED = """
import sys
for name in {names!r}:
    sys.modules[name] = None
"""


def name_of(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=; ]", requirement)[0]).lower()


def modules_in(distribution: importlib.metadata.Distribution) -> set[str]:
    """Return the modules of a package: packages_distributions of Python 3.10 lacks most of them."""
    if declared := (distribution.read_text("top_level.txt") or "").split():
        return set(declared)
    files = [file for file in distribution.files or () if file.suffix == ".py"]
    names = {file.parts[0] if len(file.parts) > 1 else file.stem for file in files}
    return {name for name in names if name.isidentifier()}


def modules_of(*extras: str) -> set[str]:
    """Return the modules of what extras need and the client does not."""
    needed = {name_of(it) for extra in extras for it in PROJECT["optional-dependencies"][extra]}
    needed -= {"fluxapi", *map(name_of, PROJECT["dependencies"])}
    modules = {
        module
        for distribution in importlib.metadata.distributions()
        if name_of(distribution.metadata["Name"]) in needed
        for module in modules_in(distribution)
    }
    # rich brings it.
    return modules - {"markdown_it"}


def python(code: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env=clean_environment(**environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def blocked() -> str:
    """Return code that makes the packages of the service impossible to import."""
    names = sorted(modules_of("server", "flux", "mcp"))
    assert {"jsonschema", "jwt", "uvloop", "sortedcontainers", "mcp"} <= {*names, "mcp"}
    return BLOCKED.format(names=names)


def test_a_wheel_has_the_extras(tmp_path: Path) -> None:
    code = (
        "import hatchling.build as b, sys; print(b.prepare_metadata_for_build_wheel(sys.argv[1]))"
    )
    built = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    meta = importlib.metadata.PathDistribution(tmp_path / built.stdout.strip()).metadata
    extras = set(meta.get_all("Provides-Extra") or ())
    assert extras == set(PROJECT["optional-dependencies"])
    assert {"server", "mcp", "flux", "jupyter", "otel"} <= extras
    required = [it for it in meta.get_all("Requires-Dist") or () if "extra ==" not in it]
    assert {name_of(it) for it in required} == set(map(name_of, PROJECT["dependencies"]))
    for extra in ("flux", "jupyter", "otel"):
        assert "fluxapi[server]" in PROJECT["optional-dependencies"][extra], extra


@pytest.mark.slow
def test_the_import_of_the_client_is_small() -> None:
    done = python("import fluxapi.client, sys; print(*sys.modules)")
    loaded = set(done.stdout.split())
    assert "fluxapi.client" in loaded
    assert sorted(loaded & LATER) == []
    assert not {name.partition(".")[0] for name in loaded} & modules_of("server", "mcp", "flux")
    assert not loaded & {"argcomplete", "rich"}
    done = python("from fluxapi.client import *; print(Client, FluxExecutor, SyncJobsWatch)")
    assert (done.stdout.count("class"), done.stderr) == (3, "")
    ours = {name.split(".")[1] for name in loaded if name.startswith("fluxapi.")}
    assert ours == OURS


@pytest.mark.slow
def test_the_client_works_without_the_packages_of_the_service(
    on_embedded: Service, blocked: str
) -> None:
    code = (
        "from fluxapi.client import Client\n"
        "with Client() as flux:\n"
        "    job = flux.wait(flux.submit('echo hello'))\n"
        "    print(job.status, flux.output(job.id).stdout, end='')\n"
    )
    done = python(blocked + code, FLUXAPI_URL=on_embedded.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "COMPLETED hello\n"


@pytest.mark.slow
def test_the_command_line_works_without_them(on_embedded: Service, blocked: str) -> None:
    code = blocked + "from fluxapi.cli import main; sys.exit(main())"
    done = python(code, "submit", "--watch", "echo", "hello", FLUXAPI_URL=on_embedded.url)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["hello"]), done.stderr
    assert python(code, "jobs", "-a", FLUXAPI_URL=on_embedded.url).returncode == 0
    shown = python(code, "serve", "--help")
    assert shown.returncode == 0
    assert "--listen" in shown.stdout


def test_serve_without_them_says_what_to_install(blocked: str) -> None:
    code = blocked + "from fluxapi.cli import main; sys.exit(main())"
    done = python(code, "serve", "--instance=embedded", "--port=0")
    assert done.returncode == 2
    assert "This installation is a client only" in done.stderr
    assert done.stderr.endswith("pip install 'fluxapi[server]'\n")
