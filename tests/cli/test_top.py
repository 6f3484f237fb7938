"""``fluxapi top`` at a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flux.tree import child_uri, launch, submit
from tests.running import empty, flux, needs_flux, service

from .program import Program
from .terminal import terminal


def test_keys_select_and_scroll(run: Program) -> None:
    held = run.ok("submit", "--urgency=hold", "--job-name=on-top", "--bcc=1-40", "true").split()
    with terminal(run, "top", NO_COLOR="1") as shown:
        shown.until("fluxapi top")
        shown.until("of 40")
        shown.press("\x1b[F")
        shown.until("–40 of 40")
        # One step past the last job leads to the first one.
        shown.press("\x1b[B")
        shown.until("1–")
        shown.press("k")
        shown.until("–40 of 40")
        shown.press("\x1b[5~\x1b[H")
        shown.until("1–")
        shown.press("\x1b[6~\x1b[6~\x1b[6~")
        shown.until("of 40")
        shown.resize(60, 12)
        shown.until("of 40")
        # No job here is an instance, so this key does nothing.
        shown.press("\r")
        shown.press("q")
        status, seen = shown.end()
    assert status == 0
    assert seen.endswith("\x1b[?1049l")
    run.ok("cancel", *held)


@needs_flux
@pytest.mark.slow
def test_enter_opens_an_instance_and_q_goes_back(flux_uri: str, tmp_path: Path) -> None:
    empty(flux_uri)
    child = launch(flux_uri)
    uri = child_uri(flux_uri, child)
    grandchild = launch(uri)
    innermost = child_uri(uri, grandchild)
    submit(innermost, "--urgency=hold", "--job-name=innermost", "true")
    launch(innermost)
    with service("--max-child-depth=2", FLUX_URI=flux_uri) as running:
        running.wait_until_ready()
        run = Program(running.url, tmp_path)
        assert "innermost" in run.ok("top", "--once", f"{child}/{grandchild}")
        assert "innermost" in run.ok("top", "--once", f"--instance={child}", grandchild)
        with terminal(run, "top", columns=140, NO_COLOR="1") as shown:
            shown.until(child)
            shown.press("j\r")
            shown.until(f"top · {child} · ")
            shown.until(grandchild)
            shown.press("j\r")
            shown.until(f"top · {child}/{grandchild} · ")
            shown.until("innermost")
            shown.press("j\r")
            shown.until("levels deep")
            shown.press("q")
            shown.until(f"top · {child} · ")
            shown.until(grandchild)
            flux(flux_uri, "cancel", child)
            shown.until("ENDED")
            shown.press("q")
            shown.until("top · flux")
            shown.press("q")
            status, _ = shown.end()
        assert status == 0
    empty(flux_uri)
