"""The image as containers that run: the commands of the guide, with podman in place of Docker."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.image import Image, build

# The first test of a machine builds Debian, the dashboard and the image.
pytestmark = pytest.mark.timeout(1800)

READ_ONLY = ("--read-only", "--tmpfs=/tmp:exec,mode=1777", "--tmpfs=/var/tmp:exec,mode=1777")
SECRET = "of-the-container"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(tmp_path_factory.mktemp("image"))


@pytest.fixture
def volume(image: Image) -> Iterator[str]:
    name = image.podman("volume", "create")
    yield name
    image.podman("volume", "rm", "--force", name)


def health_check(image: Image) -> list[str]:
    """Return the command of the health check."""
    text = image.podman("inspect", "--format={{json .HealthCheck.Test}}", image.name)
    command: list[str] = json.loads(text)
    assert command[0] == "CMD"
    return command[1:]


def test_it_runs_on_a_read_only_root_at_the_port_of_a_flag(image: Image) -> None:
    strict = ("--cap-drop=ALL", "--security-opt=no-new-privileges", "--stop-timeout=60")
    with image.run((*strict, *READ_ONLY), ("--port", "8080")) as running:
        assert any("open http://localhost:8080 as user" in line for line in running.log)
        image.podman("exec", running.name, *health_check(image))
        assert running.call("/")["instance"] == "flux"
        assert running.output_of("sh", "-c", "echo ok > /tmp/x; cat /tmp/x") == "ok\n"
        assert running.stop() == 0


def test_a_job_cannot_become_root(image: Image) -> None:
    with image.run() as running:
        assert running.output_of("id", "-u") == "1000\n"
        assert "uid=0" not in running.output_of("sudo", "-n", "id")
        find = ("find", "/", "-xdev", "-type", "f", "-perm", "/6000")
        assert not [line for line in running.output_of(*find).splitlines() if line.startswith("/")]
        # The first process has no secret in its environment either.
        assert running.token not in running.output_of("cat", "/proc/1/environ")


def test_no_job_reads_the_environment_of_the_health_check(image: Image) -> None:
    owner = "import os; print(os.stat('/proc/self/environ').st_uid)"
    with image.run((f"--env=FLUX_TOKEN={SECRET}",)) as running:
        *program, script = health_check(image)
        assert image.podman("exec", running.name, *program, script) == ""
        assert image.podman("exec", running.name, *program, "-c", owner) == "0"


def test_root_reads_a_token_that_no_job_can_read(image: Image, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET, encoding="utf-8")
    file.chmod(0o400)
    options = (
        *("--user=0:0", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *("--cap-add=DAC_READ_SEARCH", "--cap-add=SETGID", "--cap-add=SETUID"),
        *("--env=FLUX_TOKEN_FILE=/run/secrets/token", f"--volume={file}:/run/secrets/token:ro"),
    )
    with image.run((*options, *READ_ONLY)) as running:
        assert running.output_of("id", "-u", token=SECRET) == "1000\n"
        said = running.output_of("cat", "/run/secrets/token", token=SECRET)
        assert SECRET not in said
        assert "Permission denied" in said
        image.podman("exec", running.name, "fluxapi-healthcheck")
        assert running.stop() == 0


def test_it_answers_to_the_names_of_its_network(image: Image) -> None:
    options = ("--hostname=box", "--env=FLUXAPI_ALLOWED_HOSTS=fluxapi", "--env=HOST=::")
    with image.run(options) as running:
        for host in ("box:5000", "fluxapi:5000", "10.1.2.3"):
            assert "jobs" in running.call("/v1/jobs", host=host)
        with pytest.raises(urllib.error.HTTPError) as refused:
            running.call("/v1/jobs", host="evil.example")
        with refused.value as error:
            assert error.code == 403
            assert "FLUXAPI_ALLOWED_HOSTS=evil.example" in json.load(error)["detail"]


def test_the_jobs_are_there_after_a_restart(image: Image, volume: str) -> None:
    options = (
        *("--hostname=fluxapi", f"--volume={volume}:/var/lib/fluxapi"),
        "--env=FLUXAPI_STATEDIR=/var/lib/fluxapi",
    )
    with image.run(options) as running:
        assert running.output_of("echo", "kept") == "kept\n"
        (before,) = running.call("/v1/jobs")["jobs"]
        assert running.stop() == 0
    with image.run(options) as running:
        (after,) = running.call("/v1/jobs")["jobs"]
        assert after["id"] == before["id"]
        assert running.call(f"/v1/jobs/{after['id']}/output") == "kept\n"
        assert running.output_of("echo", "again") == "again\n"


def test_help_needs_no_flux(image: Image) -> None:
    assert "usage: fluxapi serve" in image.podman("run", "--rm", image.name, "--help")


def test_the_user_is_a_number(image: Image) -> None:
    assert image.podman("inspect", "--format", "{{.Config.User}}", image.name) == "1000"
