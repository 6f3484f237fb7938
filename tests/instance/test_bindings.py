"""Finding Flux's bindings: each way to have them, and each way not to."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fluxapi.errors import SettingsError
from fluxapi.instance import bindings

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove flux from this process and from PATH before and after the test."""

    def loaded() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in {"flux", "_flux"}]

    kept = {name: sys.modules.pop(name) for name in loaded()}
    others = [folder for folder in sys.path if not (Path(folder) / "flux").is_dir()]
    monkeypatch.setattr(sys, "path", others)
    monkeypatch.setenv("PATH", "")
    yield
    for name in loaded():
        del sys.modules[name]
    sys.modules.update(kept)


def install(folder: Path, *, core: str = "ffi = lib = None\n", flux: str = "") -> Path:
    """Write bindings, which can be imported or not."""
    for package, text in (("flux", flux), ("_flux", "")):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text(text)
    (folder / "_flux" / "_core.py").write_text(core)
    return folder


Answers = dict[str, str]
Program = Callable[[Answers], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return a function that puts a flux on PATH with the given answers to its arguments."""

    def put(answers: Answers) -> None:
        cases = "\n".join(
            f"'{words}'*) printf '%s\\n' '{text}';;" for words, text in answers.items()
        )
        script = f'#!/bin/sh\ncase "$*" in\n{cases}\n*) exit 1;;\nesac\n'
        (tmp_path / "bin").mkdir()
        path = tmp_path / "bin" / "flux"
        path.write_text(script)
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent))

    return put


def test_bindings_that_python_finds_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    assert bindings.load().__file__ == str(tmp_path / "site" / "flux" / "__init__.py")


def test_the_installed_flux_is_asked_for_its_folder(tmp_path: Path, program: Program) -> None:
    folder = install(tmp_path / "lib")
    program({"config builtin python_path": str(folder)})
    assert bindings.load().__file__ == str(folder / "flux" / "__init__.py")


def test_the_folder_comes_last(tmp_path: Path, program: Program) -> None:
    folder = install(tmp_path / "lib")
    program({"config builtin python_path": str(folder)})
    bindings.load()
    assert sys.path[-1] == str(folder)


def test_the_environment_of_flux_is_the_second_way(tmp_path: Path, program: Program) -> None:
    folder = install(tmp_path / "lib")
    program({"env": f"HOME=/root\nPYTHONPATH=/nowhere:{folder}"})
    assert bindings.load().__file__ == str(folder / "flux" / "__init__.py")


def test_no_flux_at_all() -> None:
    with pytest.raises(SettingsError, match=r"no flux on PATH: .*--instance embedded"):
        bindings.load()


def test_a_flux_without_bindings(tmp_path: Path, program: Program) -> None:
    program(
        {
            "config builtin python_path": str(tmp_path / "none"),
            "version": "commands: 0.88.0\nlibflux-core: 0.88.0-12-gabc",
        }
    )
    with pytest.raises(SettingsError, match=r"pip install flux-python==0\.88\.0 ply pyyaml"):
        bindings.load()


def test_a_flux_that_answers_nothing(program: Program) -> None:
    program({})
    with pytest.raises(SettingsError, match="has no Python bindings: pip install flux-python ply"):
        bindings.load()


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Write bindings that were compiled for another Python, as the name of the extension says."""
    folder = install(tmp_path / "lib")
    (folder / "_flux" / "_core.py").rename(folder / "_flux" / "_core.cpython-27-other.so")
    return folder


def test_bindings_for_another_python(foreign: Path, program: Program) -> None:
    program(
        {
            "config builtin python_path": str(foreign),
            "python": "3.6.8 /usr/bin/python3.6",
            "version": "libflux-core: 0.75.0",
        }
    )
    with pytest.raises(SettingsError) as error:
        bindings.load()
    assert error.value.detail == (
        f"The Flux bindings in {foreign} are for Python 3.6 and this is Python {HERE}: run fluxapi "
        "with /usr/bin/python3.6, or pip install flux-python==0.75.0 ply pyyaml."
    )


def test_bindings_whose_folder_names_another_python(tmp_path: Path, program: Program) -> None:
    folder = install(tmp_path / "python3.6")
    (folder / "_flux" / "_core.py").write_text("import os; os.abort()\n")
    program(
        {"config builtin python_path": str(folder), "python": "3.6.8 /usr/bin/python3.6"},
    )
    with pytest.raises(SettingsError, match=r"are for Python 3\.6 .*run fluxapi with /usr/bin/p"):
        bindings.load()


def test_bindings_for_another_python_that_work_all_the_same(
    tmp_path: Path, program: Program
) -> None:
    folder = install(tmp_path / "python3.6")
    program({"config builtin python_path": str(folder)})
    assert bindings.load().__file__ == str(folder / "flux" / "__init__.py")


def test_a_missing_requirement_of_a_trial_is_named(tmp_path: Path, program: Program) -> None:
    core = "raise ModuleNotFoundError(\"No module named '_cffi_backend'\")\n"
    program({"config builtin python_path": str(install(tmp_path / "python3.6", core=core))})
    with pytest.raises(SettingsError, match=r"need cffi: pip install 'fluxapi\[flux\]'"):
        bindings.load()


def test_bindings_that_do_not_load(tmp_path: Path, program: Program) -> None:
    # Such as a compiled part that was built against another libpython.
    folder = install(tmp_path / "lib")
    (folder / "_flux" / "_core.py").unlink()
    (folder / "_flux" / f"_core{SUFFIX}").write_bytes(b"no library")
    program(
        {
            "config builtin python_path": str(folder),
            "python": f"{HERE}.0 /usr/bin/python{HERE}",
            "version": "libflux-core: 0.75.0",
        }
    )
    with pytest.raises(SettingsError, match=r"do not import .*pip install flux-python==0\.75\.0"):
        bindings.load()


def test_a_failed_attempt_leaves_no_trace(foreign: Path, program: Program) -> None:
    program({"config builtin python_path": str(foreign)})
    with pytest.raises(SettingsError):
        bindings.load()
    assert str(foreign) not in sys.path
    assert "flux" not in sys.modules


@pytest.mark.parametrize(
    ("module", "package"), [("_cffi_backend", "cffi"), ("yaml", "PyYAML"), ("ply", "ply")]
)
def test_a_missing_requirement_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, package: str
) -> None:
    core = f"raise ModuleNotFoundError('No module named {module}', name='{module}')\n"
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", core=core)))
    with pytest.raises(SettingsError, match=rf"need {package}: pip install 'fluxapi\[flux\]'"):
        bindings.load()


def test_another_package_that_is_called_flux(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "flux").mkdir(parents=True)
    (tmp_path / "site" / "flux" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(SettingsError, match="is not Flux's"):
        bindings.load()


UNDEFINED = "libflux-core.so.2: undefined symbol: flux_open_ex"


def test_bindings_of_another_release(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = f"raise ImportError({UNDEFINED!r})\n"
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", core=core)))
    program({"version": "libflux-core: 0.61.0"})
    with pytest.raises(SettingsError) as error:
        bindings.load()
    assert error.value.detail == (
        f"Flux's Python bindings in this environment do not import ({UNDEFINED}). They and the "
        f"Flux at {tmp_path}/bin/flux must be of the same release: pip install "
        "flux-python==0.61.0 ply pyyaml."
    )
    assert "flux" not in sys.modules


def test_bindings_without_a_flux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flux = "raise ImportError('libflux-core.so.2: cannot open shared object file')\n"
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", flux=flux)))
    with pytest.raises(SettingsError, match=r"cannot open.*no flux on PATH: install the Flux that"):
        bindings.load()
