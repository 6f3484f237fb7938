"""The wheel, installed outside the tree, is a whole service: schemas, templates, styles."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.running import clean_environment

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*pip, *build], check=True, env=clean_environment())
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(target), str(wheel)],
        check=True,
        env=clean_environment(),
    )
    return target


def test_every_schema_is_in_the_wheel(site: Path) -> None:
    inside = {path.name for path in (site / "fluxapi" / "schemas").iterdir()}
    assert inside == {path.name for path in (ROOT / "schemas").glob("*.json")}


def test_it_serves_from_outside_the_tree(site: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fluxapi", "serve", "--instance=embedded", "--port=0"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(site)),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split(" answers at ")[1].strip()
        with urllib.request.urlopen(f"{url}/docs/reference", timeout=30) as page:  # noqa: S310 - it is ours
            assert b"/jobs/{id}" in page.read()
        process.terminate()
        assert process.wait(30) == 0
