"""The packages of fluxapi and their folders: which one may import which, without a circle."""

from __future__ import annotations

import ast
import functools
import gc
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fluxapi"

KNOWS = {
    "process": set(),
    "errors": {"process"},
    "settings": {"errors", "process"},
    "model": {"errors"},
    "contracts": {"errors", "model"},
    "notices": {"model"},
    "security": {"contracts", "errors", "model", "process", "settings"},
    "instance": {"errors", "model", "process"},
    "table": {"instance", "model", "process"},
    "archive": {"errors", "instance", "model", "process", "table"},
    "events": {"contracts", "errors", "instance", "model", "process", "table"},
    "job_limits": {"errors", "model", "process", "table"},
    "job_templates": {"errors", "model", "process"},
    "exec_hook": {"events", "instance", "model", "notices", "process", "table"},
    "sessions": {
        "archive", "errors", "events", "instance", "job_limits", "model", "process", "security",
        "settings", "table",
    },
    "webhooks": {
        "contracts", "errors", "events", "instance", "model", "notices", "process", "sessions",
        "settings", "table",
    },
    "observability": {
        "archive", "contracts", "errors", "events", "exec_hook", "instance", "model", "process",
        "sessions", "settings", "webhooks",
    },
    "http": {
        "archive", "contracts", "errors", "events", "job_templates", "model", "observability",
        "process", "security", "sessions", "settings", "webhooks",
    },
    "web": {
        "archive", "contracts", "errors", "http", "instance", "model", "process", "security",
        "table",
    },
    "handlers": {
        "archive", "contracts", "errors", "events", "http", "instance", "job_templates", "mcp",
        "model", "process", "security", "sessions", "table", "web",
    },
    "app": {
        "archive", "contracts", "errors", "events", "exec_hook", "handlers", "http", "instance",
        "job_templates", "observability", "process", "security", "sessions", "settings", "table",
        "web", "webhooks",
    },
    "service": {
        "app", "archive", "errors", "http", "instance", "observability", "process", "settings",
    },
    "client": {"model", "process"},
    "mcp": {"contracts", "model", "process"},
    "cli": {
        "client", "contracts", "errors", "mcp", "model", "observability", "process", "security",
        "service", "settings",
    },
    "compat": {"cli", "client", "errors", "model", "security"},
    "jupyter": set(),
    "psij": {"client"},
    "__main__": {"cli"},
}  # fmt: skip
"""The packages that each package imports."""


def modules_below(folder: Path) -> dict[str, Path]:
    """Return the files of all modules below a folder of the repository, by their dotted names."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(folder.rglob("*.py"))
    }


FILES = modules_below(PACKAGE)
ALL_FILES = {
    name: path
    for top in ("fluxapi", "bench", "tests", "tools")
    for name, path in modules_below(ROOT / top).items()
}

FOLDERS = sorted(
    {
        name.rpartition(".")[0]
        for name, path in FILES.items()
        if path.name == "__init__.py" and name.count(".") > 1
    }
)
"""The packages that have folders."""

PURE = {"model", "contracts", "notices", "table"}
"""No sockets, no Flux: what can be tested without either."""


@pytest.fixture(scope="module", autouse=True)
def _uninterrupted() -> Iterator[None]:
    """Parse without garbage collection.

    A finalizer that reports a traceback parses, too, and Python before 3.11.5 then raises
    ``SystemError`` from the parser that it interrupted.
    """
    gc.disable()
    yield
    gc.enable()


def package(module: str) -> str:
    """Return the package of a module, or its own name at the top."""
    return module.split(".")[1] if "." in module else ""


@functools.cache
def imports(module: str) -> frozenset[str]:
    """Return the dotted names that a module imports, relative ones resolved.

    Imports within functions and those for type checkers only count as well, since they may hide a
    circle, and so does ``import_module(f"package.{name}")``.
    """
    path = ALL_FILES[module]
    parent = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: set[str] = set()
    text = path.read_text(encoding="utf-8")
    nodes = ast.walk if "import_module" in text else _statements
    for node in nodes(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{name}.{alias.name}"
                found.add(full if full in ALL_FILES else name)
        elif isinstance(node, ast.Call) and _called(node) == "import_module":
            start = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else None
            if isinstance(start, ast.Constant):
                found.update(name for name in FILES if name.startswith(str(start.value)))
    return frozenset(found)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all statements of a tree: a tenth of its nodes."""
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        below = getattr(node, name, None)
        for child in below if isinstance(below, list) else ():
            yield child
            yield from _statements(child)


def _called(call: ast.Call) -> str | None:
    """Return the last name of what a call calls."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)


def test_each_package_imports_what_it_may() -> None:
    found: dict[str, set[str]] = {name: set() for name in KNOWS}
    for module in FILES:
        if package(module):
            known = {package(name) for name in imports(module) if name in FILES}
            found[package(module)] |= known - {package(module), ""}
    assert found == KNOWS


def test_no_circle_goes_around_packages() -> None:
    assert list(TopologicalSorter(KNOWS).static_order())


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_circle_goes_around_the_folders_of_a_package(folder: str) -> None:
    """A folder counts as one, each module beside it as another."""
    graph: dict[str, set[str]] = {}
    for module in FILES:
        if module.startswith(f"{folder}."):
            part = _part(module, folder)
            below = {name for name in imports(module) if name.startswith(f"{folder}.")}
            graph.setdefault(part, set()).update({_part(name, folder) for name in below} - {part})
    assert list(TopologicalSorter(graph).static_order())


def _part(module: str, folder: str) -> str:
    """Return the folder or module directly below a folder that a module belongs to."""
    return module.removeprefix(f"{folder}.").split(".")[0]


def test_no_circle_goes_around_modules() -> None:
    graph = {
        module: {name for name in imports(module) if name in ALL_FILES and name != module}
        for module in ALL_FILES
    }
    assert list(TopologicalSorter(graph).static_order())


def test_an_import_by_name_counts() -> None:
    assert "fluxapi.cli.commands.jobs" in imports("fluxapi.cli.program")


def test_only_composition_stands_at_the_top() -> None:
    at_top = {path.stem for path in PACKAGE.glob("*.py")}
    assert at_top == {"__init__", "__main__", "app", "jupyter", "service"}


def test_only_the_broker_and_its_bindings_import_flux() -> None:
    importers = {
        module
        for module in FILES
        if any(name.split(".")[0] in {"flux", "_flux"} for name in imports(module))
    }
    assert {name for name in importers if not name.startswith("fluxapi.instance.b")} == set()


def test_the_middle_is_pure() -> None:
    impure = {"flux", "_flux", "socket", "sqlite3", "subprocess"}
    pure = [name for name in FILES if package(name) in PURE]
    assert pure
    for module in pure:
        assert not impure & {name.split(".")[0] for name in imports(module)}, module


_GENERATED = {ROOT / "fluxapi/client/sync.py"}


def test_a_file_is_short() -> None:
    folders = ["fluxapi", "tests", "bench", "tools", "examples", "frontend/src"]
    files = [
        path
        for folder in folders
        for kind in ("py", "js")
        for path in (ROOT / folder).rglob(f"*.{kind}")
        if not {"static", "node_modules"} & set(path.parts) and path not in _GENERATED
    ]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files
        if (lines := path.read_bytes().count(b"\n")) >= 400
    }
    assert files
    assert not long, "400 lines or more: move a part that has a name of its own to a new file"
