"""A check of the blocks of each language by its own parser."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["NGINX", "PROSE", "check"]

PROSE = frozenset({"text", "groovy"})
"""Languages of blocks that are only read by people."""

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
_OPENSSL = shutil.which("openssl")
_SYSTEMD = shutil.which("systemd-analyze")


def check(language: str, text: str, folder: Path) -> None:
    """Raise or fail unless the text is in the language; ``folder`` is for files."""
    _CHECKS[language](text, folder)


def _run(*command: str | Path, input: str | None = None) -> None:
    done = subprocess.run(
        command, input=input, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _bash(text: str, _folder: Path) -> None:
    _run("bash", "-n", input=text)


def _python(text: str, _folder: Path) -> None:
    compile(text, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def _js(text: str, folder: Path) -> None:
    if shutil.which("node") is not None:
        (folder / "block.mjs").write_text(text, encoding="utf-8")
        _run("node", "--check", folder / "block.mjs")


def _json(text: str, _folder: Path) -> None:
    assert json.loads(text)


def _toml(text: str, _folder: Path) -> None:
    assert tomllib.loads(text)


def _yaml(text: str, _folder: Path) -> None:
    assert list(yaml.safe_load_all(text))


def _unit(text: str, folder: Path) -> None:
    """Check the sections and keys of a systemd unit, and check it by systemd itself."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(text)
    kind = "Socket" if "Socket" in parser.sections() else "Service"
    assert {"Unit", kind, "Install"} <= set(parser.sections())
    if _SYSTEMD is None:
        return
    unit = folder / f"fluxapi.{kind.lower()}"
    if kind == "Socket":
        service = "[Service]\nExecStart=/bin/true\n"
        (folder / "fluxapi.service").write_text(service, encoding="utf-8")
    # Replace the parts that are not on this machine: the program, other units, files.
    here = re.sub(r"^(Requires|After|LoadCredential)=.*\n", "", text, flags=re.MULTILINE)
    here = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", here, flags=re.MULTILINE)
    here = re.sub(r"^Also=.*\n", "", here, flags=re.MULTILINE)
    unit.write_text(re.sub(r"^User=.*", "User=root", here, flags=re.MULTILINE), encoding="utf-8")
    done = subprocess.run(
        [_SYSTEMD, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, said) == (0, []), done.stderr


def _nginx(text: str, folder: Path) -> None:
    """Check the content of ``http``, with a certificate made for the test."""
    if NGINX is None or _OPENSSL is None:
        assert text.count("{") == text.count("}")
        return
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-newkey", "ec"]
    curve = ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = ["-keyout", str(key), "-out", str(certificate)]
    _run(_OPENSSL, "req", "-x509", *subject, *curve, *made)
    text = re.sub(r"(ssl_certificate_key\s+)\S+;", rf"\g<1>{key};", text)
    text = re.sub(r"(ssl_certificate\s+)\S+;", rf"\g<1>{certificate};", text)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{text} }}",
        encoding="utf-8",
    )
    _run(NGINX, "-t", "-q", "-p", folder, "-c", config)


def _console(text: str, folder: Path) -> None:
    """Return the typed lines, without the output."""
    typed = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    assert typed
    _bash("\n".join(typed), folder)


_CHECKS: Mapping[str, Callable[[str, Path], None]] = {
    "bash": _bash,
    "console": _console,
    "python": _python,
    "js": _js,
    "json": _json,
    "toml": _toml,
    "yaml": _yaml,
    "ini": _unit,
    "nginx": _nginx,
}
