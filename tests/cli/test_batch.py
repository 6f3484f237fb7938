"""``fluxapi batch``: the request that it sends, and scripts that run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.running import Service, needs_flux

from .program import Program

SCRIPT = "#!/bin/sh\n#flux: --job-name=mine\necho $# $1; {}\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Return the path of a script that exits with the status in its second argument."""
    path = tmp_path / "job.sh"
    path.write_text(SCRIPT.format("exit $2"), encoding="utf-8")
    return path


def request(run: Program, *words: str, input: str = "") -> dict[str, Any]:
    """Return the body that would be sent."""
    found: dict[str, Any] = json.loads(run.ok("batch", "--dry-run", *words, input=input))
    return found


def test_a_script_is_sent_with_its_options(run: Program, script: Path) -> None:
    words = ["-N2", "-n4", "-c2", "-g1", "-t5", "--output=o", "--broker-opts=-v,-Sa=1", "--dump"]
    body = request(run, *words, "--conf=a.b=1", str(script), "-n", "3")
    assert body == {
        "script": script.read_text(encoding="utf-8"),
        "script_args": ["-n", "3"],
        "script_name": str(script),
        "num_nodes": 2,
        "num_slots": 4,
        "cores_per_slot": 2,
        "gpus_per_slot": 1,
        "duration": "300s",
        "output": "o",
        "broker_opts": ["-v", "-Sa=1"],
        "dump": "flux-{{jobid}}-dump.tgz",
        "conf": {"a": {"b": 1}},
    }


def test_nodes_alone_are_left_to_the_service(run: Program, script: Path) -> None:
    body = request(run, "-N2", str(script))
    assert {name for name in body if name.startswith("num")} == {"num_nodes"}


def test_a_script_is_read_from_standard_input(run: Program) -> None:
    done = run("batch", "--dry-run", input="#!/bin/sh\r\n")
    assert json.loads(done.out) == {"script": "#!/bin/sh\r\n"}
    assert request(run, "--wrap", input="true\n") == {"script": "true\n", "wrap": True}


def test_words_are_wrapped(run: Program) -> None:
    body = request(run, "--wrap", "flux", "run", "-n2", "hostname")
    assert body["script"] == "flux run -n2 hostname\n"
    assert (body["wrap"], body["script_name"]) == (True, "flux")


def test_a_configuration_file_is_read_here(run: Program, script: Path, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[resource]\nnoverify = true\n", encoding="utf-8")
    body = request(run, f"--conf={path}", "--conf=resource.exclude=0", str(script))
    assert body["conf"] == {"resource": {"noverify": True, "exclude": 0}}
    done = run("batch", "--conf=site", str(script))
    assert (done.status, "names a file" in done.err) == (2, True)


def test_a_file_without_a_valid_script_is_refused(run: Program, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x7fELF\xff")
    done = run("batch", str(tmp_path / "binary"))
    assert (done.status, "is not UTF-8 text" in done.err) == (2, True)
    done = run("batch", str(tmp_path / "missing"))
    assert (done.status, "cannot be read" in done.err) == (2, True)
    done = run("batch", input="#!/bin/sh\n#flux: --nodse=1\n")
    assert done.status != 0
    assert "line 2: '--nodse' is not an option of flux batch; did you mean --nodes?" in done.err


WRONG = [
    "#!/bin/sh\n#flux: --nodes=four\n",
    "#!/bin/sh\n#flux: --job-name='open\n#flux: --ndoes=1 -n2\n",
    '#!/bin/sh\n#flux: --conf="""\n#flux: a = 1 2\n#flux: """\n',
    "#!/bin/sh\n#flux: -N0 --cwd=sub\n",
    "#!/bin/sh\n#flux: -N4 -n2\n",
    "true\n",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_dry_run_refuses_what_the_service_refuses(run: Program, text: str) -> None:
    dry, sent = run("batch", "--dry-run", input=text), run("batch", input=text)
    assert (dry.status, dry.out) == (1, "")
    assert (dry.status, dry.err) == (sent.status, sent.err)


def test_a_dry_run_warns_as_the_service_does(run: Program) -> None:
    script = "#!/bin/sh\r\n#SBATCH -N2\r\n#flux -N2\r\n"
    done = run("batch", "--dry-run", input=script)
    assert (done.status, json.loads(done.out)) == (0, {"script": script})
    for words in "Windows line ends", "Line 2: Flux ignores #SBATCH", "Line 3: Flux ignores this":
        assert words in done.err


def test_the_advice_for_lines_without_a_program_works(run: Program, tmp_path: Path) -> None:
    place = tmp_path / "no s.sh"
    place.write_text("true\n", encoding="utf-8")
    for words in ["--dry-run"], []:
        done = run("batch", *words, str(place))
        assert f"; fluxapi batch --wrap < '{place}' puts #!/bin/sh in front." in done.err
        assert "wrap=true" not in done.err
    assert request(run, "--wrap", input=place.read_text(encoding="utf-8"))["wrap"] is True


def test_the_embedded_instance_runs_a_script_as_one_task(
    run: Program, on_embedded: Service, script: Path
) -> None:
    done = run("batch", "--wait", "-n2", "--output=kvs", str(script), "a b", "3")
    assert done.status == 3
    assert "runs the script as one task" in done.err
    jobid = done.lines[0]
    job = on_embedded.get(f"/v1/jobs/{jobid}")
    assert (job["name"], job["result"], job["ntasks"]) == ("mine", "FAILED", 1)
    assert run.ok("output", jobid).endswith("2 a b\n")


def test_the_output_goes_to_a_file_with_the_id(run: Program, tmp_path: Path) -> None:
    place = tmp_path / "out-{{id}}.txt"
    script = "#!/bin/sh\necho hi\n"
    (jobid,) = run("batch", "--wait", f"--output={place}", input=script).lines
    assert (tmp_path / f"out-{jobid}.txt").read_text(encoding="utf-8") == "hi\n"
    (jobid,) = run("batch", "--wait", f"--cwd={tmp_path}", input=script).lines
    assert (tmp_path / f"flux-{jobid}.out").read_text(encoding="utf-8") == "hi\n"


def test_corrections_of_the_service_are_reported(run: Program, tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_bytes(b"#!/bin/sh\r\n#flux: --output=kvs\r\nexit 0\r\n")
    done = run("batch", "--wait", str(tmp_path / "job.sh"))
    assert (done.status, "Windows line ends" in done.err) == (0, True)


@needs_flux
def test_a_script_has_an_instance_of_its_own(run_on_flux: Program) -> None:
    script = "#!/bin/bash\n#flux: -N4 --output=kvs\nflux getattr size\nflux run -N4 echo in\n"
    done = run_on_flux("batch", "--wait", input=script)
    assert (done.status, done.err) == (0, "")
    assert run_on_flux.ok("output", done.lines[0]) == "4\n" + "in\n" * 4


@needs_flux
def test_a_script_gets_its_configuration_and_exit_status(run_on_flux: Program) -> None:
    script = "flux config get tbon.topo; exit 7\n"
    done = run_on_flux(
        "batch", "--wait", "--wrap", "--conf=tbon.topo=kary:3", "--output=kvs", input=script
    )
    assert done.status == 7
    assert run_on_flux("output", done.lines[0]).out == "kary:3\n"
