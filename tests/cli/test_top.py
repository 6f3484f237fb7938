"""``fluxapi top`` at a terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fluxapi.cli.top_lines import TopView, screen_lines
from fluxapi.client import BadAnswer, Stats
from tests.flux.tree import child_uri, launch, submit
from tests.running import empty, flux, flux_instance, needs_flux, service

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
def test_keys_go_from_queue_to_queue(tmp_path: Path) -> None:
    queues = "[queues.batch]\n[queues.debug]\n"
    with flux_instance(1, queues, tmp_path) as uri, service(FLUX_URI=uri) as running:
        running.wait_until_ready()
        run = Program(running.url, tmp_path)
        for queue in ("batch", "debug"):
            run.ok("submit", "--urgency=hold", f"--queue={queue}", f"--job-name=in-{queue}", "true")
        listed = run.ok("top", "--once", "--queue=debug")
        assert ("in-debug" in listed, "in-batch" in listed) == (True, False)
        assert "jobs   queue debug · 1 pending · 0 running\n" in listed
        refused = run("top", "--once", "-q", "none")
        assert (refused.status, "There is no queue 'none'" in refused.err) == (1, True)
        with terminal(run, "top", columns=140, NO_COLOR="1") as shown:
            shown.until("2 active jobs")
            shown.until("0 canceled")
            for key, queue in (("l", "batch"), ("\x1b[C", "debug"), ("h", "batch")):
                shown.press(key)
                shown.until(f"jobs   queue {queue} · 1 pending")
                shown.until(f"in-{queue}")
            shown.press("\x1b[D")
            shown.until("2 active jobs")
            shown.press("d")
            shown.until("2 pending · 0 running ")
            shown.press("q")
            assert shown.end()[0] == 0


def test_the_nodes_of_a_queue_are_those_that_it_requires() -> None:
    def node(name: str, *properties: str) -> dict[str, Any]:
        use = {"total": 4, "allocated": 1}
        return {"name": name, "state": "up", "cores": use, "gpus": use, "properties": properties}

    view = TopView("", nodes=[node("a", "fat"), node("b")], queues={"big": ["fat"], "any": []})
    counts = []
    for _ in range(3):
        view.turn(1)
        counts.append((view.queue, len(view.shown_nodes)))
    assert counts == [("big", 1), ("any", 2), ("", 2)]
    view.turn(-2)
    assert (view.queue, [it["name"] for it in view.shown_nodes]) == ("big", ["a"])


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


def test_the_first_view_of_a_service_has_the_nodes(run: Program) -> None:
    lines = run.ok("top", "--once").splitlines()
    (nodes,) = (line for line in lines if line.startswith("nodes "))
    assert re.match(r"nodes  [01]/1 in use \(1 up\) · cores [█░]{20} \d+/\d+$", nodes)


def test_figures_of_nodes_are_those_of_the_list() -> None:
    use = {"total": 4, "allocated": 3}
    nodes = [
        {"rank": 0, "name": "a", "state": "up", "allocated": True, "cores": use, "gpus": use},
        {"rank": 1, "name": "b", "state": "down", "cores": {**use, "allocated": 0}, "gpus": use},
    ]
    stats = Stats(1, {}, {}, 0.0, 0.0, None)
    view = TopView("", {}, nodes=nodes, stats=stats)
    found = [line.text for line in screen_lines(view, None, 0.0, 1)]
    assert "nodes  1/2 in use (1 up, 1 down) · cores ████████░░░░░░░░░░░░ 3/8 · gpus 6/8" in found


@pytest.mark.parametrize("queue", [{"name": "a"}, {"name": "a", "started": True, "requires": 5}])
def test_queues_without_a_member_are_an_error(queue: dict[str, Any]) -> None:
    view = TopView("", {}, stats=Stats(1, {}, {}, 0.0, 0.0, None, queues=[queue]))
    with pytest.raises(BadAnswer, match="queues"):
        screen_lines(view, None, 0.0, 1)
