"""The settings of one service, read from flags and the environment into an immutable object."""

from __future__ import annotations

import argparse
import dataclasses
import ipaddress
import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluxapi.errors import SettingsError
from fluxapi.process import account

from . import parse
from .address import Address, is_loopback
from .parse import Peer
from .setting import Setting
from .table import TABLE

__all__ = ["Settings", "add_arguments"]

_OTHERS = 0o022
"""The permission to write a socket, which is that to connect, of anyone but the owner."""

_OWN = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
"""The addresses by which programs of this machine connect to each other."""

_METAVARS: Mapping[Callable[[str], Any], str] = {
    parse.count: "N",
    parse.mode: "MODE",
    parse.path: "PATH",
    parse.port: "PORT",
    parse.positive: "N",
    parse.prefix: "PATH",
    parse.seconds: "SECONDS",
}

_ALLOW = (
    "pass --user, --token-file and --require-auth (or set FLUX_USER, FLUX_TOKEN and "
    "FLUX_REQUIRE_AUTH=true), or allow it with --insecure"
)


@dataclass(frozen=True)
class Settings:
    """The settings of one service, validated. Fields are documented by :data:`TABLE`."""

    host: str = "127.0.0.1"
    port: int = 5000
    listen: tuple[Address, ...] = ()
    socket_mode: int = 0o600
    socket_group: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    base_path: str = ""
    trust_from: tuple[Peer, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    instance: str = "auto"
    archive_instance: str | None = None
    uri: str | None = None
    statedir: Path | None = None
    no_history: bool = False
    history_max_age: int = 90
    history_max_jobs: int = 2_000_000
    history_max_bytes: int = 4 << 30
    history_max_job_output: int = 1 << 20
    history_max_output: int = 1 << 30
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    require_auth: bool = False
    secret_key: str | None = field(default=None, repr=False)
    access_token_expires_minutes: int = 600
    login_code: str = "auto"
    trust_user_header: str = ""
    trust_user_right: str = "none"
    option_flags: Mapping[str, str] = field(default_factory=dict)
    launchers: tuple[str, ...] = ("nextflow", "snakemake")
    allowed_hosts: tuple[str, ...] = ()
    insecure: bool = False
    max_body: int = 33554432
    max_jobs: int = 1_000_000
    max_streams: int = 2000
    max_peer_connections: int = 512
    max_client_streams: int = 2000
    max_client_requests: int = 10_000
    max_client_bytes: int = 1 << 30
    buffer_events: int = 65_536
    idempotency_keys: int = 100_000
    rpc_timeout: float = 10.0
    shutdown_timeout: float = 5.0
    max_children: int = 8
    follow_children: int = 4
    max_child_depth: int = 4
    max_child_jobs: int = 100_000
    child_idle_timeout: float = 300.0
    child_open_timeout: float = 15.0
    child_transports: tuple[str, ...] = ("local", "parent", "ssh")
    exec_command: tuple[str, ...] = ()
    exec_filter: str = "event=clean"
    exec_timeout: float = 30.0
    exec_processes: int = 4
    webhook_allow: tuple[str, ...] = ()
    webhooks_file: Path | None = None
    log_level: str = "info"
    log_format: str = "text"

    def __post_init__(self) -> None:
        """Refuse invalid and insecure combinations."""
        others = self.has_login_code or self.trust_user_header
        if self.require_auth and not (self.user and self.token) and not others:
            raise SettingsError(f"Authentication is on (--require-auth): {self._missing}.")
        if self.trust_user_header and not (self.require_auth and self.trust_from):
            raise SettingsError(
                "--trust-user-header needs --require-auth, and in --trust-from the addresses of "
                "the proxies that authenticate."
            )
        if self.instance == "archive" and self.statedir is None:
            raise SettingsError(
                "--instance archive needs --statedir: the directory with the history to show."
            )
        if self.user and ":" in self.user:
            raise SettingsError("FLUX_USER must not contain a colon: HTTP Basic does not allow it.")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsError("--tls-cert and --tls-key belong together: give both.")
        if self.tls_cert and all(address.path is not None for address in self.addresses):
            raise SettingsError(
                "--tls-cert is of no use on Unix sockets: remove it, or --listen on a port, too."
            )
        for address in self.addresses:
            self.check_exposure(address, self.socket_mode)

    @property
    def _missing(self) -> str:
        """Return what to pass for authentication by user and token."""
        user = "pass --user or set FLUX_USER"
        token = "pass --token-file or set FLUX_TOKEN, and do not leave it empty"  # noqa: S105
        return ", and ".join([*([] if self.user else [user]), *([] if self.token else [token])])

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Return the addresses to listen on."""
        return self.listen or (Address(self.host.strip("[]"), self.port),)

    def check_exposure(self, address: Address, mode: int) -> None:
        """Refuse an address at which others could act as the owner.

        *mode* has the permissions of a Unix socket.
        """
        if self.insecure:
            return
        names_users = self.trust_user_header and "unix" in self.trust_from
        if address.path is not None and mode & stat.S_IWOTH and names_users:
            raise SettingsError(
                f"On {address} with the permissions {mode:04o}, every user of this machine could "
                f"name you in {self.trust_user_header}: use --socket-mode 0660 and --socket-group "
                "with the group of the proxy."
            )
        if self.require_auth:
            return
        if address.path is not None:
            if mode & _OTHERS:
                raise SettingsError(
                    f"On {address} with the permissions {mode:04o} and without authentication, "
                    f"other users could run jobs as you: {_ALLOW}."
                )
        elif not is_loopback(address.host):
            raise SettingsError(
                f"On {address.host} without authentication, anybody could run jobs as you: "
                f"{_ALLOW}."
            )

    @property
    def trusts_this_machine(self) -> bool:
        """Return whether programs of this machine can name users over TCP."""
        return bool(self.trust_user_header) and any(
            peer != "unix" and any(peer.version == it.version and peer.overlaps(it) for it in _OWN)
            for peer in self.trust_from
        )

    @property
    def has_login_code(self) -> bool:
        """Return whether the start prints a one-time code for the login page."""
        if not self.require_auth or self.login_code == "never":
            return False
        return self.login_code == "always" or (sys.stdout is not None and sys.stdout.isatty())

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
    if isinstance(given, list):
        return setting.flag, ",".join(given)
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


def exposed_files(arguments: argparse.Namespace) -> list[str]:
    """Return a sentence for each file with a secret, given by a flag, that others may read."""
    found = []
    for setting in TABLE:
        given = getattr(arguments, setting.name, None) if setting.secret else None
        if given is None:
            continue
        path = account.expand(given)
        mode = stat.S_IMODE(path.stat().st_mode)
        if stat.S_ISREG(path.stat().st_mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
            found.append(
                f"{setting.flag} {path} is readable by others (mode {mode:04o}): chmod 600 it"
            )
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of :data:`TABLE` to a parser; unset flags are ``None``."""
    for setting in TABLE:
        default = f"; default {setting.default}" if setting.default else ""
        variable = f" [{setting.env}]" if setting.env else ""
        options: dict[str, Any] = {
            "dest": setting.name,
            "help": f"{setting.meaning}{default}{variable}".replace("%", "%%"),
        }
        if setting.switch:
            options |= {"action": "store_const", "const": "true"}
        else:
            options |= {"action": "append"} if setting.many else {}
            options["metavar"] = "FILE" if setting.secret else _METAVARS.get(setting.parse, "VALUE")
        parser.add_argument(setting.flag, **options)
