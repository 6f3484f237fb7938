"""A release: a wheel that, installed alone, is a whole service; the sdist builds it.

Nothing comes from an index: the libraries are those that these tests run with.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi import __version__
from tests.running import clean_environment, read_start

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "fluxapi" / "web" / "static" / "dist"

needs_dashboard = pytest.mark.skipif(
    not BUILT.is_dir(), reason="the dashboard is not built here; make test builds it"
)


def build(kind: str, source: Path, target: Path, **environ: str) -> Path:
    """Build the ``wheel`` or ``sdist`` of a source tree."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=source,
        env=clean_environment(**environ),
        check=True,
        capture_output=True,
        timeout=100,
    )
    (made,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the wheel and the libraries of this one."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--python", str(python), "install", "--no-index", "--no-deps", str(wheel)],
        check=True,
        env=clean_environment(),
        timeout=100,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    # As a folder only: an editable install that is in there does not count.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


@pytest.fixture(scope="module")
def url(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the installed service, which runs far from the tree."""
    command: list[str | Path] = [
        bare.with_name("fluxapi"),
        "serve",
        "--instance=embedded",
        "--port=0",
    ]
    with subprocess.Popen(
        command,
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield read_start(process.stdout)[1]
        process.terminate()
        assert process.wait(30) == 0


def fetch(url: str, accept: str = "*/*") -> bytes:
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - it is ours
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body


def test_the_version_is_said_once(wheel: Path, bare: Path) -> None:
    assert wheel.name.startswith(f"fluxapi-{__version__}-py3-none-any")
    said = subprocess.run(
        [bare.with_name("fluxapi"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert said == f"fluxapi {__version__}\n"
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert __version__ not in re.findall(r'^version = "(.*)"', text, re.MULTILINE)


def test_it_is_the_wheel_that_is_imported(bare: Path) -> None:
    code = "import fluxapi; print(fluxapi.__file__)"
    place = subprocess.run(
        [bare, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    ).stdout
    assert not Path(place.strip()).is_relative_to(ROOT)


@pytest.mark.parametrize("folder", ["schemas", "docs"])
def test_schemas_and_guides_are_in_the_wheel(wheel: Path, folder: str) -> None:
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.*")}
    with zipfile.ZipFile(wheel) as file:
        inside = set(file.namelist())
    assert {f"fluxapi/{name}" for name in there} <= inside
    assert "fluxapi/py.typed" in inside


def test_nothing_else_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        tops = {name.split("/")[0] for name in file.namelist()}
    # PSI/J looks for its executors in a top-level folder of this name.
    assert tops == {"fluxapi", "psij-descriptors", f"fluxapi-{__version__}.dist-info"}


def test_it_serves_its_reference(url: str) -> None:
    assert b"/jobs/{id}" in fetch(f"{url}/docs/reference")


@needs_dashboard
def test_it_serves_the_dashboard(url: str) -> None:
    page = fetch(url, "text/html").decode()
    parts = re.findall(r'(?:src|href)="\./(static/[^"]+\.(?:js|css))"', page)
    assert {Path(part).suffix for part in parts} == {".js", ".css"}
    for part in parts:
        assert fetch(f"{url}/{part}")


@needs_dashboard
def test_the_sdist_builds_the_same_wheel_without_node(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as file:
        if sys.version_info >= (3, 12):
            file.extractall(tmp_path, filter="data")
        else:
            file.extractall(tmp_path)  # noqa: S202 - it is ours
    source = tmp_path / f"fluxapi-{__version__}"
    again = build("wheel", source, tmp_path / "again", PATH=str(tmp_path))
    assert members(again) == members(wheel)


def members(wheel: Path) -> dict[str, int]:
    """Return the checksums of a wheel's files by name."""
    with zipfile.ZipFile(wheel) as file:
        return {info.filename: info.CRC for info in file.infolist()}


def test_the_changelog_has_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings
    assert re.fullmatch(r"\[?Unreleased\]?", headings[0])
    versions = [re.fullmatch(r"\[([\d.]+)\] - \d{4}-\d\d-\d\d", line) for line in headings[1:]]
    assert all(versions), headings
    assert f"[{__version__}]" in headings[1]
    groups = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert groups <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
