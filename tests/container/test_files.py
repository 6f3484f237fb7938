"""The names, paths, ports and defaults in the files of ``container/`` are true."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluxapi.settings import TABLE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "container"
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
SCRIPTS = sorted(CONTAINER.glob("*.sh"))
_MAKE_CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=flux.example.org"

VARIABLES = {setting.env for setting in TABLE} | {
    "FLUX_TOKEN_FILE",
    "FLUX_SECRET_KEY_FILE",
    "FLUXAPI_RUN_AS",
    "PATH",
}
"""The variables that the entrypoint and the service read."""


def read(name: str) -> str:
    return (CONTAINER / name).read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions: the word and its arguments, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", read("Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    words = [line.partition(" ") for line in text.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in words]


def stage(name: str) -> list[tuple[str, str]]:
    """Return the instructions of one stage."""
    found: list[tuple[str, str]] = []
    inside = False
    for word, rest in instructions():
        if word == "FROM":
            inside = rest.endswith(f" AS {name}")
        elif inside:
            found.append((word, rest))
    return found


def arguments() -> dict[str, str]:
    """Return the build arguments and their defaults."""
    pairs = (rest.partition("=") for word, rest in stage("fluxapi") if word == "ARG")
    return {name: default for name, _, default in pairs}


def of(word: str, name: str = "fluxapi") -> list[str]:
    return [rest for kind, rest in stage(name) if kind == word]


def health_port() -> str:
    """Return the port that the health check uses when none is set."""
    found = re.search(r'environ\.get\("PORT"\) or "(\d+)"', read("healthcheck.py"))
    assert found is not None
    return found[1]


def test_the_build_arguments_are_those_of_flux_restful_api() -> None:
    assert arguments() == {
        "uid": "1000",
        "user": "fluxuser",
        "token": "",
        "use_auth": "true",
        "port": "5000",
        "host": "0.0.0.0",
    }


def test_each_build_argument_becomes_a_setting_of_the_same_meaning() -> None:
    (text,) = [rest for rest in of("ENV") if "FLUX_USER" in rest]
    set_to = dict(re.findall(r"(\w+)=(\S+)", text))
    assert set_to.pop("PATH").endswith(":$PATH")
    assert set_to.pop("FLUXAPI_RUN_AS") == "fluxuser"
    assert set_to == {
        "FLUX_USER": "${user}",
        "FLUX_TOKEN": "${token}",
        "FLUX_REQUIRE_AUTH": "${use_auth}",
        "PORT": "${port}",
        "HOST": "${host}",
    }
    assert set(set_to) <= VARIABLES
    assert "FLUXAPI_RUN_AS" in read("entrypoint.sh")


def test_the_entrypoint_has_the_same_defaults() -> None:
    text = read("entrypoint.sh")
    for name, argument in (("HOST", "host"), ("PORT", "port"), ("FLUX_USER", "user")):
        assert f"{name}=${{{name}:-{arguments()[argument]}}}" in text
    assert f":-{arguments()['use_auth']}}}}}" in text


def test_ports_agree() -> None:
    default = next(setting.default for setting in TABLE if setting.name == "port")
    assert of("EXPOSE") == ["${port}"]
    assert arguments()["port"] == health_port() == default
    (published,) = compose()["ports"]
    assert published == f"127.0.0.1:{default}:{default}"
    cluster = next(yaml.safe_load_all(read("minicluster.yaml")))["spec"]
    assert cluster["containers"][0]["ports"] == [int(str(default))]


def test_the_image_has_a_user_a_health_check_and_a_stop_signal() -> None:
    # A number, which Kubernetes can tell from that of root.
    assert of("USER") == ["${uid}"]
    assert of("STOPSIGNAL") == ["SIGTERM"]
    (check,) = of("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[-1] == "/usr/local/bin/fluxapi-healthcheck"
    # Jobs see nothing of a process whose program its account cannot read.
    assert [run for run in of("RUN") if run.startswith("install -m 0711 ") and command[0] in run]
    assert of("ENTRYPOINT") == ['["fluxapi-entrypoint"]']
    places = [rest.split()[-1] for rest in of("COPY")]
    for program in ("entrypoint", "prestop", "healthcheck"):
        assert f"/usr/local/bin/fluxapi-{program}" in places


def test_the_healthcheck_gives_up_before_docker_does() -> None:
    found = re.search(r"TIMEOUT_S = ([\d.]+)", read("healthcheck.py"))
    assert found is not None
    assert float(found[1]) < 5
    assert "--timeout=5s" in of("HEALTHCHECK")[0]


def test_the_image_is_one_that_flux_publishes() -> None:
    found = dict(rest.split("=", 1) for word, rest in instructions()[:6] if word == "ARG")
    assert found["flux_image"] == "fluxrm/flux-sched"
    assert found["flux_tag"] in {"noble", "bookworm", "jammy", "el9", "el10", "fedora40"}
    # Wheels are made for every Python; that of the stage need only be one that is supported.
    minor = int(found["python_tag"].split(".")[1].partition("-")[0])
    assert minor in {10, 11, 12, 13}


def test_copied_files_exist_and_are_not_ignored() -> None:
    ignored = read("Dockerfile.dockerignore").splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    for word, rest in instructions():
        if word != "COPY" or "--from=" in rest:
            continue
        *sources, _ = [part for part in rest.split() if not part.startswith("--")]
        for source in sources:
            path = source.rstrip("/")
            assert (ROOT / path).exists(), source
            assert any(path == k or path.startswith(f"{k}/") for k in kept), source
    for path in kept:
        assert (ROOT / path).exists(), path


def test_the_built_dashboard_is_copied_from_where_it_is_built() -> None:
    built = re.search(r'outdir: "\.\./(.+)"', (ROOT / "frontend/build.js").read_text("utf-8"))
    assert built is not None
    copies = [rest for rest in of("COPY", "wheel") if "--from=front" in rest]
    assert copies == [f"--from=front /src/{built[1]}/ {built[1]}/"]


def test_the_wheel_stage_has_all_that_the_build_includes() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    needed = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    needed |= {*project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    needed |= {project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"}
    copied = {part.rstrip("/") for rest in of("COPY", "wheel") for part in rest.split()[:-1]}
    assert needed <= copied


def locked(path: str) -> dict[str, set[str]]:
    """Return the versions that a lock file pins, by package; each has hashes."""
    text = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", " ")
    pins: dict[str, set[str]] = {}
    for line in text.splitlines():
        found = re.match(r"([\w.-]+)==(\S+).* --hash=sha256:[0-9a-f]{64}", line)
        assert found is not None, line
        pins.setdefault(found[1], set()).add(found[2])
    return pins


def test_the_libraries_are_locked_in_a_layer_of_their_own() -> None:
    image, build = locked("container/requirements.txt"), locked("container/requirements-build.txt")
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"]]
    wanted += [line for extra in ("server", "flux", "otel") for line in extras[extra]]
    names = {re.split(r"[>;\[ ]", line)[0].lower() for line in wanted} - {"fluxapi"}
    assert names <= set(image)
    assert {re.split(r"[>;]", line)[0] for line in project["dependency-groups"]["build"]} <= {
        *build
    }
    # The versions that are tested are those of the image.
    tested = locked("requirements.txt")
    for pins in (image, build):
        assert all(pins[name] == tested[name] for name in pins.keys() & tested.keys())
    steps = [rest for word, rest in stage("fluxapi") if word in {"RUN", "COPY"}]
    (libraries,) = [index for index, rest in enumerate(steps) if "--require-hashes" in rest]
    (wheel,) = [index for index, rest in enumerate(steps) if rest.endswith("fluxapi-*.whl")]
    assert libraries < wheel
    assert "--no-deps" in steps[wheel]
    assert any("--require-hashes" in rest for rest in of("RUN", "wheel"))


def test_versions_are_said_once() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    assert project["project"]["dynamic"] == ["version"]
    for path in CONTAINER.iterdir():
        assert not re.search(r"fluxapi[:=]+\d", path.read_text(encoding="utf-8")), path.name


def test_a_token_given_to_the_build_is_warned_of() -> None:
    (run,) = [rest for rest in of("RUN") if 'if [ -n "${token}" ]' in rest]
    assert "history" in run


def compose() -> dict[str, Any]:
    return yaml.safe_load(read("compose.yaml"))["services"]["fluxapi"]  # type: ignore[no-any-return]


def test_compose_builds_this_image_and_keeps_the_token_out_of_the_environment() -> None:
    service = compose()
    build = service["build"]
    assert (CONTAINER / build["context"] / build["dockerfile"]).exists()
    assert set(service["environment"]) <= VARIABLES
    secrets = yaml.safe_load(read("compose.yaml"))["secrets"]
    assert service["secrets"] == list(secrets)
    assert service["environment"]["FLUX_TOKEN_FILE"] == f"/run/secrets/{service['secrets'][0]}"
    assert "FLUX_TOKEN" not in service["environment"]
    (secret,) = secrets.values()
    kept = (CONTAINER / secret["file"]).relative_to(ROOT)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"{kept.parent}/" in ignored


def test_compose_gives_the_token_to_root_and_nothing_to_jobs() -> None:
    service = compose()
    # Root reads the token and then becomes the user of the image, whose jobs cannot.
    assert service["user"] == "0:0"
    assert service["cap_drop"] == ["ALL"]
    assert set(service["cap_add"]) == {"DAC_READ_SEARCH", "SETGID", "SETUID"}
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_compose_is_called_by_its_name_and_keeps_its_jobs() -> None:
    service = compose()
    (name,) = yaml.safe_load(read("compose.yaml"))["services"]
    assert service["hostname"] == name
    assert name in service["environment"]["FLUXAPI_ALLOWED_HOSTS"].split(",")
    (volume,) = service["volumes"]
    assert volume.split(":")[1] == service["environment"]["FLUXAPI_STATEDIR"]
    assert service["read_only"] is True
    assert {Path(entry.split(":")[0]).name for entry in service["tmpfs"]} == {"tmp"}
    assert len(service["tmpfs"]) == 2
    # Docker would forbid to run what jobs write there.
    assert all("exec" in entry for entry in service["tmpfs"])


def test_the_guide_shows_the_minicluster_as_it_is() -> None:
    guide = (ROOT / "docs" / "how-to" / "flux-operator.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    manifest = list(yaml.safe_load_all(read("minicluster.yaml")))
    assert list(yaml.safe_load_all(shown)) == manifest


def test_the_devcontainer_is_made_of_a_stage_that_exists() -> None:
    folder = ROOT / ".devcontainer"
    document = json.loads((folder / "devcontainer.json").read_text(encoding="utf-8"))
    assert (folder / document["build"]["dockerfile"]).resolve() == CONTAINER / "Dockerfile"
    stages = {rest.rpartition(" AS ")[2] for word, rest in instructions() if word == "FROM"}
    assert document["build"]["target"] in stages
    assert document["postCreateCommand"] == "make .venv/.installed"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound(path: Path) -> None:
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True)
    if shutil.which("shellcheck"):
        done = subprocess.run(
            ["shellcheck", path], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout == ""


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="there is no hadolint here")
def test_the_dockerfile_is_sound() -> None:
    # DL3008: the distribution's own security updates are wanted.
    subprocess.run(
        ["hadolint", "--ignore", "DL3008", CONTAINER / "Dockerfile"], check=True, timeout=60
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_the_unit_is_sound(tmp_path: Path) -> None:
    text = read("fluxapi.service")
    assert "ExecStart=/opt/fluxapi/bin/fluxapi-entrypoint\n" in text
    assert "LoadCredential=token:" in text
    path = tmp_path / "fluxapi.service"
    # systemd looks whether the program exists.
    path.write_text(text.replace("/opt/fluxapi/bin/fluxapi-entrypoint", "/bin/true"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", path], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in done.stderr.splitlines() if "fluxapi" in line] == []
    assert done.returncode == 0
    names = set(re.findall(r"^Environment=(\w+)=", text, re.MULTILINE))
    assert names <= VARIABLES


@pytest.mark.skipif(NGINX is None, reason="there is no nginx here")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_the_site_of_nginx_is_sound(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [*_MAKE_CERTIFICATE.split(), "-keyout", key, "-out", certificate],
        capture_output=True,
        check=True,
        timeout=60,
    )
    site = read("nginx.conf")
    site = site.replace("/etc/ssl/certs/fluxapi.pem", str(certificate))
    site = site.replace("/etc/ssl/private/fluxapi.key", str(key))
    (tmp_path / "site.conf").write_text(site, encoding="utf-8")
    config = tmp_path / "nginx.conf"
    paths = "".join(
        f"{name}_temp_path {tmp_path}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths} include {tmp_path}/site.conf; }}",
        encoding="utf-8",
    )
    assert NGINX is not None
    done = subprocess.run(
        [NGINX, "-t", "-e", "stderr", "-p", tmp_path, "-c", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_the_site_of_nginx_lets_sockets_and_streams_through() -> None:
    site = read("nginx.conf")
    for words in (
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Host $http_host;",
        "proxy_buffering off;",
        "ssl_certificate ",
    ):
        assert words in site
    guide = (ROOT / "docs" / "how-to" / "nginx.md").read_text(encoding="utf-8")
    (patience,) = re.findall(r"proxy_read_timeout \w+;", site)
    assert patience in guide
    limit = next(setting.default for setting in TABLE if setting.name == "max_body")
    assert f"client_max_body_size {int(str(limit)) >> 20}m;" in site
