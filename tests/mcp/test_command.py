"""``fluxapi mcp`` where it cannot serve."""

from __future__ import annotations

import pytest

from tests.cli.conftest import run
from tests.cli.program import Program

__all__ = ["run"]


def test_a_missing_sdk_is_told(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxapi.cli.commands.mcp.find_spec", lambda _name: None)
    done = run("mcp")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "fluxapi: This command needs the MCP SDK, which is not installed: pip install "
        "'fluxapi[mcp]'\n"
    )


def test_a_terminal_is_no_client(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxapi.cli.commands.mcp.find_spec", lambda _name: object())
    monkeypatch.setattr("fluxapi.cli.commands.mcp._is_terminal", lambda: True)
    done = run("mcp")
    assert (done.status, done.out) == (2, "")
    assert "have an MCP client start it" in done.err
