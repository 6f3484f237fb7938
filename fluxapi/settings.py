"""The settings: one table, read from flags and the environment into an immutable object.

Precedence: flag, then environment variable, then default. An invalid value raises a
:class:`~fluxapi.errors.SettingsError` that names the flag, the variable and the valid values.
"""

from __future__ import annotations

import argparse
import dataclasses
import ipaddress
import math
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .process import account

__all__ = ["TABLE", "Setting", "Settings", "add_arguments"]

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})
MAX_PORT = 65535


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("takes true, yes, 1, on or false, no, 0, off")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MAX_PORT:
        raise ValueError("takes a port number, 0 (any free one) to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("takes a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError("takes a number of seconds above 0")
    return value


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"takes {', '.join(words[:-1])} or {words[-1]}")
        return text

    return parse


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _option_flags(text: str) -> Mapping[str, str]:
    """Parse shell options such as ``-ompi=spectrum -ocpu-affinity=off``."""
    options: dict[str, str] = {}
    for word in shlex.split(text):
        name, equals, value = word.removeprefix("-o").partition("=")
        if not equals or not name:
            raise ValueError("takes shell options as '-oNAME=VALUE …', separated by blanks")
        options[name] = value
    return options


def _path(text: str) -> Path | None:
    return account.expand(text) if text else None


@dataclass(frozen=True)
class Setting:
    """One setting: ``name`` in Settings, flag, environment variable, default, help."""

    name: str
    flag: str
    env: str | None
    default: str | None
    help: str
    parse: Callable[[str], Any] = str
    secret: bool = False
    switch: bool = False


TABLE: tuple[Setting, ...] = (
    Setting("host", "--host", "HOST", "127.0.0.1", "address to listen on"),
    Setting("port", "--port", "PORT", "5000", "port to listen on; 0 takes any free one", _port),
    Setting(
        "instance",
        "--instance",
        "FLUXAPI_INSTANCE",
        "auto",
        "flux: the broker at FLUX_URI; embedded: jobs on this machine; auto: flux if there is one",
        _one_of("auto", "flux", "embedded"),
    ),
    Setting("uri", "--uri", "FLUX_URI", None, "the broker to connect to"),
    Setting(
        "statedir",
        "--statedir",
        "FLUXAPI_STATEDIR",
        None,
        "directory for the history of the embedded instance; without one, the history is not kept",
        _path,
    ),
    Setting("user", "--user", "FLUX_USER", None, "user name for HTTP Basic"),
    Setting(
        "token",
        "--token-file",
        "FLUX_TOKEN",
        None,
        "the user's token (flag: a file that contains it)",
        secret=True,
    ),
    Setting(
        "require_auth",
        "--require-auth",
        "FLUX_REQUIRE_AUTH",
        "false",
        "require user and token on every route except /health",
        _boolean,
        switch=True,
    ),
    Setting(
        "secret_key",
        "--secret-key-file",
        "FLUX_SECRET_KEY",
        None,
        "secret that signs bearer tokens, together with the token (flag: a file that contains it); "
        "random when unset",
        secret=True,
    ),
    Setting(
        "access_token_expires_minutes",
        "--access-token-expires-minutes",
        "FLUX_ACCESS_TOKEN_EXPIRES_MINUTES",
        "600",
        "lifetime of a bearer token, minutes",
        _positive,
    ),
    Setting(
        "option_flags",
        "--option-flags",
        "FLUX_OPTION_FLAGS",
        "",
        "shell options for every submitted job, as '-oNAME=VALUE …'",
        _option_flags,
    ),
    Setting(
        "launchers",
        "--launchers",
        "FLUXAPI_LAUNCHERS",
        "nextflow,snakemake",
        "programs allowed with is_launcher",
        _names,
    ),
    Setting(
        "allowed_hosts",
        "--allowed-hosts",
        "FLUXAPI_ALLOWED_HOSTS",
        "",
        "allowed Host names besides the listening address and localhost; * for any",
        _names,
    ),
    Setting(
        "insecure",
        "--insecure",
        "FLUXAPI_INSECURE",
        "false",
        "allow an address other than loopback without authentication",
        _boolean,
        switch=True,
    ),
    Setting(
        "max_body",
        "--max-body",
        "FLUXAPI_MAX_BODY",
        "33554432",
        "limit of the body of a submission, bytes; other bodies have smaller limits",
        _positive,
    ),
    Setting(
        "max_jobs",
        "--max-jobs",
        "FLUXAPI_MAX_JOBS",
        "1000000",
        "limit of inactive jobs in the table; the oldest are dropped first",
        _positive,
    ),
    Setting(
        "max_streams",
        "--max-streams",
        "FLUXAPI_MAX_STREAMS",
        "2000",
        "limit of open sockets and streams",
        _positive,
    ),
    Setting(
        "max_peer_connections",
        "--max-peer-connections",
        "FLUXAPI_MAX_PEER_CONNECTIONS",
        "512",
        "limit of open connections from one address; raise it for a proxy on another host",
        _positive,
    ),
    Setting(
        "buffer_events",
        "--buffer-events",
        "FLUXAPI_BUFFER_EVENTS",
        "65536",
        "events kept for clients that resume from a cursor",
        _positive,
    ),
    Setting(
        "idempotency_keys",
        "--idempotency-keys",
        "FLUXAPI_IDEMPOTENCY_KEYS",
        "100000",
        "limit of stored Idempotency-Keys; the oldest are dropped first",
        _positive,
    ),
    Setting(
        "rpc_timeout",
        "--rpc-timeout",
        "FLUXAPI_RPC_TIMEOUT",
        "10",
        "timeout of one call to Flux, seconds",
        _seconds,
    ),
    Setting(
        "shutdown_timeout",
        "--shutdown-timeout",
        "FLUXAPI_SHUTDOWN_TIMEOUT",
        "5",
        "timeout of the shutdown, with open requests and jobs, seconds",
        _seconds,
    ),
    Setting(
        "log_level",
        "--log-level",
        "FLUXAPI_LOG_LEVEL",
        "info",
        "lowest level logged on standard error",
        _one_of("debug", "info", "warning", "error"),
    ),
    Setting(
        "log_format",
        "--log-format",
        "FLUXAPI_LOG_FORMAT",
        "text",
        "text: readable lines; json: one JSON object per line",
        _one_of("text", "json"),
    ),
)


@dataclass(frozen=True)
class Settings:
    """The settings of one service, validated. Fields are documented by :data:`TABLE`."""

    host: str = "127.0.0.1"
    port: int = 5000
    instance: str = "auto"
    uri: str | None = None
    statedir: Path | None = None
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    require_auth: bool = False
    secret_key: str | None = field(default=None, repr=False)
    access_token_expires_minutes: int = 600
    option_flags: Mapping[str, str] = field(default_factory=dict)
    launchers: tuple[str, ...] = ("nextflow", "snakemake")
    allowed_hosts: tuple[str, ...] = ()
    insecure: bool = False
    max_body: int = 33554432
    max_jobs: int = 1_000_000
    max_streams: int = 2000
    max_peer_connections: int = 512
    buffer_events: int = 65_536
    idempotency_keys: int = 100_000
    rpc_timeout: float = 10.0
    shutdown_timeout: float = 5.0
    log_level: str = "info"
    log_format: str = "text"

    def __post_init__(self) -> None:
        """Refuse invalid and insecure combinations."""
        if self.require_auth and not (self.user and self.token):
            raise SettingsError(
                "Authentication is on (FLUX_REQUIRE_AUTH) but user or token is missing: "
                "set FLUX_USER and FLUX_TOKEN."
            )
        if self.user and ":" in self.user:
            raise SettingsError("FLUX_USER must not contain a colon: HTTP Basic does not allow it.")
        if not self.require_auth and not self.insecure and not is_loopback(self.host):
            raise SettingsError(
                f"On {self.host} without authentication, anybody could run jobs as you: set "
                "FLUX_USER, FLUX_TOKEN and FLUX_REQUIRE_AUTH=true, or allow it with --insecure."
            )

    @classmethod
    def read(
        cls, arguments: argparse.Namespace | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Read the settings from parsed flags and the environment; raise ``SettingsError``."""
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for setting in TABLE:
            origin, text = _lookup(setting, arguments, environ)
            if text is None:
                continue
            try:
                values[setting.name] = setting.parse(text)
            except ValueError as error:
                shown = "" if setting.secret else f", not {text!r}"
                raise SettingsError(f"{origin} {error}{shown}.") from None
        return cls(**values)

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with other values; raise ``SettingsError`` like the constructor."""
        return dataclasses.replace(self, **changes)


def _lookup(
    setting: Setting, arguments: argparse.Namespace | None, environ: Mapping[str, str]
) -> tuple[str, str | None]:
    given = getattr(arguments, setting.name, None)
    if given is not None:
        return setting.flag, _read_secret(setting, given) if setting.secret else given
    if setting.env is not None and setting.env in environ:
        return setting.env, environ[setting.env]
    if setting.name == "require_auth" and "FLUX_USER_AUTH" in environ:
        return "FLUX_USER_AUTH", environ["FLUX_USER_AUTH"]
    return setting.flag, setting.default


def _read_secret(setting: Setting, path: str) -> str:
    """Read a secret from a file; on the command line, every user could see it."""
    try:
        return account.expand(path).read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise SettingsError(f"{setting.flag} {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{setting.flag} {path}: it is not UTF-8.") from None
    except ValueError as error:
        raise SettingsError(f"{setting.flag} {path}: {error}.") from None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of :data:`TABLE` to a parser; unset flags are ``None``."""
    for setting in TABLE:
        default = f"; default {setting.default}" if setting.default else ""
        variable = f" [{setting.env}]" if setting.env else ""
        options: dict[str, Any] = {
            "dest": setting.name,
            "help": f"{setting.help}{default}{variable}".replace("%", "%%"),
        }
        if setting.switch:
            options |= {"action": "store_const", "const": "true"}
        else:
            options["metavar"] = (
                "FILE" if setting.secret else setting.flag[2:].upper().replace("-", "_")
            )
        parser.add_argument(setting.flag, **options)
