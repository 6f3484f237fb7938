"""The house has one direction: imports point to lower layers only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fluxapi"

LAYERS = [
    [
        "account",
        "descriptors",
        "errors",
        "environment",
        "logs",
        "parent_broker",
        "stop_signals",
        "text",
        "timeslice",
        "__init__",
    ],
    ["settings", "judge", "schema", "querystring", "bounds"],
    ["model"],
    ["client"],
    ["instance"],
    ["events"],
    ["negotiation", "route", "tickets"],
    ["sessions"],
    ["keys", "metrics", "state_metrics", "auth", "origins", "shutdown", "turns"],
    ["body", "middleware", "telemetry"],
    ["endpoints"],
    ["handlers", "web"],
    ["components"],
    ["routes", "openapi", "asyncapi"],
    ["app"],
    ["announcement", "connection_limit", "server"],
    ["service"],
    ["cli"],
    ["__main__"],
]
"""From the ground up; a module may import its own layer and those before it."""

HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}

FILES = sorted(path for path in PACKAGE.rglob("*.py"))

PURE = ("model", "schema")
"""No sockets, no Flux: what can be tested without either."""


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> set[str]:
    """The dotted names that a module imports, relative ones resolved."""
    package = ["fluxapi", *path.relative_to(PACKAGE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found.add(name)
            found.update(f"{name}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    height = HEIGHT[room(path)]
    upward = {
        name
        for name in imports(path)
        if name.startswith("fluxapi.") and HEIGHT.get(name.split(".")[1], 0) > height
    }
    assert not upward


def test_the_client_knows_nothing_of_the_service() -> None:
    found = {
        name.split(".")[1]
        for path in FILES
        if room(path) == "client"
        for name in imports(path)
        if name.startswith("fluxapi.")
    }
    assert found <= {"account", "client", "errors", "model", "text", "__version__"}


def test_the_service_knows_nothing_of_the_client() -> None:
    importers = {
        room(path)
        for path in FILES
        if any(name.startswith("fluxapi.client") for name in imports(path))
    }
    assert importers <= {"client", "cli"}


def test_only_the_broker_and_its_bindings_import_flux() -> None:
    importers = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if any(name.split(".")[0] in {"flux", "_flux"} for name in imports(path))
    }
    assert {name for name in importers if not name.startswith("instance/b")} == set()


@pytest.mark.parametrize(
    "path", [path for path in FILES if room(path) in PURE], ids=lambda path: path.name
)
def test_the_middle_is_pure(path: Path) -> None:
    impure = {"aiohttp", "asyncio", "flux", "_flux", "socket", "sqlite3", "subprocess"}
    assert not impure & {name.split(".")[0] for name in imports(path)}
