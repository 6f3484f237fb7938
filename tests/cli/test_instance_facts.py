"""``fluxapi queue`` and ``fluxapi resource`` in front of the embedded instance; wrong use."""

from __future__ import annotations

import pytest

from .program import Program


def test_the_embedded_instance_has_one_queue_and_one_node(run: Program) -> None:
    assert run.ok("queue", "status").splitlines() == [
        "Job submission is enabled",
        "Scheduling is started",
    ]
    assert run.ok("queue", "list").split()[:4] == ["EN", "ST", "TDEFAULT", "TLIMIT"]
    assert run.ok("resource", "info").startswith("1 Nodes, ")
    assert run.ok("resource", "list", "-n", "-s", "all", "-o", "{state} {nnodes}") == "all 1\n"
    assert run.ok("resource", "status", "-n", "-o", "{state} {up.ascii}") == "avail y\n"
    assert "policy" in run.ok("queue", "list", "-o", "help")
    heading, load = run.ok("queue", "load").splitlines()
    assert heading.split()[:6] == ["QUEUE", "STATE", "RUN", "PEND", "WAIT", "MINE"]
    assert load.split()[:2] == ["-", "open"]
    assert run.ok("queue", "load", "-n").split() == load.split()
    heading, *steps = run.ok("resource", "use", "--since=-1h", "--steps", "6").splitlines()
    assert heading.split() == ["FROM", "CORES", "USED"]
    assert 0 < len(steps) <= 6
    # Jobs of other tests may have run on the same instance.
    total = float(run.ok("resource", "list", "-n", "-s", "all", "-o", "{ncores}"))
    cores, share = steps[-1].split()[-2:]
    rounding = 0.5 + 100 * 0.05 / total
    assert float(share.removesuffix("%")) == pytest.approx(100 * float(cores) / total, abs=rounding)
    assert "[status.formats.long]" in run.ok("resource", "status", "-o", "get-config=long")
    assert "drain" in run.ok("resource", "status", "-s", "help")


@pytest.mark.parametrize(
    ("line", "status", "sentence"),
    [
        ("queue", 2, "required"),
        ("queue list -o {nothing}", 2, "Unknown field"),
        ("queue list -q nope", 1, "no queue"),
        ("queue status nope", 1, "no queue"),
        ("queue load -q nope", 1, "no queue"),
        ("resource list -s bad", 1, "not a state"),
        ("resource list -i [", 1, "--include"),
        ("resource status -s bad", 1, "not a state"),
        ("resource info -q nope", 1, "no queue"),
    ],
)
def test_wrong_use_is_said(run: Program, line: str, status: int, sentence: str) -> None:
    done = run(*line.split())
    assert (done.status, sentence in done.err) == (status, True), done.err
