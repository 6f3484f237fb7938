"""Clients that generators make of the document: each submits, lists and cancels.

The versions are pinned in ``requirements.txt`` and ``package.json`` beside this file.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.running import Service

from .conftest import PATH

HERE = Path(__file__).parent
TIMEOUT_S = 150

JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Options by which a program of a few seconds takes half of the CPU time."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(
    folder: Path, *command: str | Path, programs: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Return what the command printed, run in *folder* with *programs* in front of PATH."""
    path = f"{programs}{os.pathsep}{PATH}" if programs else PATH
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(folder), "JAVA_TOOL_OPTIONS": JAVA},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def judge(driver: subprocess.CompletedProcess[str]) -> None:
    """Hold what a driver saw, which it prints as its last line, to what it asked for."""
    seen: dict[str, Any] = json.loads(driver.stdout.splitlines()[-1])
    assert seen["listed"] == [seen["id"]]
    assert seen["result"] == "CANCELED"
    assert seen["refused"] == ["/num_tasks", 422]
    assert seen["unknown"] == 404


def driven(running: Service, folder: Path, bin_folder: Path, driver: str) -> None:
    url = running.url.rstrip("/") + "/v1"
    judge(run(folder, bin_folder / "python", HERE / driver, url))


def test_openapi_python_client(
    running: Service, document: Path, bin_folder: Path, tmp_path: Path
) -> None:
    done = run(
        tmp_path,
        bin_folder / "openapi-python-client",
        *("generate", "--path", document, "--meta", "none", "--output-path", "generated_client"),
        programs=bin_folder,
    )
    said = done.stdout + done.stderr
    # It has no words for a picture, for an answer that is lines of JSON and nothing else, and for a
    # body that is a script beside one that is JSON.
    left_out = [line for line in said.splitlines() if line.startswith(("WARNING", "Unable"))]
    wordless = (
        *("GET /docs/images/", "POST /events ", "POST /jobs ", "POST /jobs/submit "),
        *("POST /scripts/check ", "GET /jobs/{id}/output/lines ", "GET /jobs/{id}/output/search "),
    )
    assert all(any(route in line for route in wordless) for line in left_out), said
    driven(running, tmp_path, bin_folder, "drive_openapi_python_client.py")


def test_datamodel_code_generator(
    running: Service, document: Path, bin_folder: Path, tmp_path: Path
) -> None:
    run(
        tmp_path,
        bin_folder / "datamodel-codegen",
        *("--input", document, "--input-file-type", "openapi", "--output", "generated_models.py"),
        *("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin"),
    )
    driven(running, tmp_path, bin_folder, "drive_datamodel_code_generator.py")


def test_openapi_generator(
    running: Service, document: Path, bin_folder: Path, tmp_path: Path
) -> None:
    done = run(
        tmp_path,
        bin_folder / "openapi-generator-cli",
        *("generate", "-g", "python", "-i", document, "-o", tmp_path),
        programs=bin_folder,
    )
    assert "[main] ERROR" not in done.stdout + done.stderr
    driven(running, tmp_path, bin_folder, "drive_openapi_generator.py")


def typescript(running: Service, folder: Path, node_folder: Path, driver: str) -> None:
    """Check the types of a driver and of the client that it uses, then run it."""
    (folder / "node_modules").symlink_to(node_folder / "node_modules")
    (folder / "drive.ts").write_bytes((HERE / driver).read_bytes())
    programs = node_folder / "node_modules" / ".bin"
    flags = ("--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler")
    run(folder, programs / "tsc", "--noEmit", "--strict", "--skipLibCheck", *flags, "drive.ts")
    bundle = ("--bundle", "--platform=node", "--format=esm", "--log-level=error")
    run(folder, programs / "esbuild", "drive.ts", *bundle, "--outfile=drive.mjs")
    judge(run(folder, "node", "drive.mjs", running.url.rstrip("/") + "/v1"))


def test_openapi_typescript(
    running: Service, document: Path, node_folder: Path, tmp_path: Path
) -> None:
    program = node_folder / "node_modules" / ".bin" / "openapi-typescript"
    run(tmp_path, program, document, "-o", "schema.d.ts")
    typescript(running, tmp_path, node_folder, "drive_openapi_typescript.ts")


def test_hey_api(running: Service, document: Path, node_folder: Path, tmp_path: Path) -> None:
    program = node_folder / "node_modules" / ".bin" / "openapi-ts"
    run(tmp_path, program, "-i", document, "-o", "generated", "-c", "@hey-api/client-fetch")
    typescript(running, tmp_path, node_folder, "drive_hey_api.ts")
