"""Address and credentials: from arguments, then the environment, then the config file.

The config file (``~/.config/fluxapi/config.toml``) has one table per profile::

    [default]
    url = "https://cluster.example.org"
    user = "alice"
    token_file = "~/.config/fluxapi/token"

Credentials belong to one service: those configured with an address are sent to no other.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fluxapi.process import account

from .errors import ConfigError

__all__ = [
    "DEFAULT_URL",
    "Config",
    "config_path",
    "is_host",
    "origin",
    "read_config",
    "read_token_file",
]

DEFAULT_URL = "http://127.0.0.1:5000"

_KEYS = frozenset({"url", "user", "token", "token_file", "ca_file"})
_UNIX = "unix:"
_MAX_TOKEN_CHARS = 16384
"""Characters in the longest token."""


@dataclass(frozen=True)
class Config:
    """An address without a trailing slash, and credentials; the repr omits secrets."""

    url: str
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    """The source of the token, read again when the token is rejected."""
    ca_file: Path | None = None
    """The certificate authorities (PEM) that are trusted instead of those of the system."""
    belongs_to: str | None = None
    """The other address that the configured token belongs to, if there is none for this one."""

    @property
    def socket(self) -> str | None:
        """Return the path of the Unix socket that the address names, if it does."""
        return self.url.removeprefix(_UNIX) if self.url.startswith(_UNIX) else None


def read_config(
    url: str | None = None,
    *,
    user: str | None = None,
    token: str | None = None,
    access_token: str | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Return the configuration; raise ``ConfigError`` with a sentence that says what to fix."""
    environ = os.environ if environ is None else environ
    name = profile or environ.get("FLUXAPI_PROFILE") or None
    saved = _profile(config_path(environ), name)
    # A profile that is selected by name overrides the environment.
    address = (
        url or (profile and saved.get("url")) or environ.get("FLUXAPI_URL") or saved.get("url")
    )
    address = _address(address or DEFAULT_URL)
    config = _credentials(
        address,
        saved,
        environ,
        user=user,
        token=token,
        access_token=access_token,
        is_named=bool(profile),
    )
    return dataclasses.replace(config, ca_file=_ca_file(address, saved, environ, ca_file))


def _credentials(
    address: str,
    saved: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    user: str | None,
    token: str | None,
    access_token: str | None,
    is_named: bool,
) -> Config:
    """Return the address with its credentials; *is_named*: a profile was selected by name."""
    if user is not None and token is not None:
        return Config(address, user, token, access_token)
    if access_token is not None and token is None:
        # Use only the given token; user and token would serve to renew it.
        return Config(address, access_token=access_token)
    sources = [_of_environment(environ, address), _of_profile(saved, address)]
    for source in reversed(sources) if is_named else sources:
        if source.token is not None:
            return Config(
                address,
                user if user is not None else source.user,
                token if token is not None else source.token,
                access_token,
                source.token_file if token is None else None,
            )
    known = user or next((source.user for source in sources if source.user), None)
    other = next((source.belongs_to for source in sources if source.belongs_to), None)
    return Config(address, known, token, access_token, belongs_to=None if token else other)


def _ca_file(
    address: str,
    saved: Mapping[str, str],
    environ: Mapping[str, str],
    given: str | os.PathLike[str] | None,
) -> Path | None:
    if given is not None:
        return _expand("ca_file", os.fspath(given))
    if environ.get("FLUXAPI_CA_FILE"):
        return _expand("FLUXAPI_CA_FILE", environ["FLUXAPI_CA_FILE"])
    if "ca_file" in saved and _is_for(saved.get("url"), address):
        return _expand("ca_file", saved["ca_file"])
    return None


def config_path(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the config file: ``FLUXAPI_CONFIG``, else ``fluxapi/config.toml`` of the user.

    Returns ``None`` without a home directory, unless the environment names a path.
    """
    environ = os.environ if environ is None else environ
    if environ.get("FLUXAPI_CONFIG"):
        return _expand("FLUXAPI_CONFIG", environ["FLUXAPI_CONFIG"])
    home = account.home()
    if environ.get("XDG_CONFIG_HOME"):
        base = _expand("XDG_CONFIG_HOME", environ["XDG_CONFIG_HOME"])
    elif home is not None:
        base = home / ".config"
    else:
        return None
    return base / "fluxapi" / "config.toml"


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address, which identify the receiver of credentials.

    For a Unix socket, the path takes the place of the host.
    """
    if url.startswith(_UNIX):
        return "unix", url.removeprefix(_UNIX), None
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def is_host(name: str | None) -> bool:
    """Return whether a host can have this name; the system raises ``UnicodeError`` for others."""
    try:
        (name or "").encode("idna")
    except UnicodeError:
        return False
    return bool(name) and "\\" not in (name or "")


def read_token_file(path: Path) -> str:
    """Return the token in a private file; raise ``ConfigError`` if others can read it."""
    text = _read(path, "token file").strip()
    if not text or len(text) > _MAX_TOKEN_CHARS or not text.isprintable():
        raise ConfigError(f"The token file {path} must contain one line, the token.")
    _check_private(path, "The token file")
    return text


def _of_environment(environ: Mapping[str, str], address: str) -> Config:
    user, token = environ.get("FLUX_USER"), environ.get("FLUX_TOKEN") or None
    place = environ.get("FLUXAPI_TOKEN_FILE")
    url = environ.get("FLUXAPI_URL")
    if url and not _is_for(url, address):
        return Config(address, belongs_to=_address(url) if token or place else None)
    if token is None and place:
        path = _expand("FLUXAPI_TOKEN_FILE", place)
        return Config(address, user, read_token_file(path), token_file=path)
    return Config(address, user, token)


def _of_profile(saved: Mapping[str, str], address: str) -> Config:
    url = saved.get("url")
    if url and not _is_for(url, address):
        has_token = saved.keys() & {"token", "token_file"}
        return Config(address, belongs_to=_address(url) if has_token else None)
    if "token_file" in saved and "token" not in saved:
        path = _expand("token_file", saved["token_file"])
        return Config(address, saved.get("user"), read_token_file(path), token_file=path)
    return Config(address, saved.get("user"), saved.get("token"))


def _is_for(url: str | None, address: str) -> bool:
    """Return whether credentials configured with ``url`` may be sent to ``address``."""
    return not url or origin(_address(url)) == origin(address)


def _expand(origin: str, text: str) -> Path:
    try:
        return account.expand(text)
    except ValueError as error:
        raise ConfigError(f"{origin} {error}.") from None


def _profile(path: Path | None, name: str | None) -> dict[str, str]:
    if path is None:
        if name:
            raise ConfigError(
                f"There is no profile {name!r}: no home directory is known. Set "
                "FLUXAPI_CONFIG to the config file."
            )
        return {}
    if not path.is_file():
        if name:
            raise ConfigError(
                f"There is no profile {name!r}: the config file {path} does not exist."
            )
        return {}
    tables = _tables(path)
    if any(isinstance(table, dict) and "token" in table for table in tables.values()):
        _check_private(path, "The config file contains a token and")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        # A user who can change the address can also obtain the token in the token file.
        raise ConfigError(
            f"The config file {path} is writable by others (mode {mode:04o}): run chmod go-w {path}"
        )
    table = tables.get(name or "default")
    if table is None and name is None:
        return {}
    if not isinstance(table, dict):
        raise ConfigError(f"The config file {path} has no profile {name!r}: [{name or 'default'}].")
    return _checked(table, path, name or "default")


def _tables(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - takes long, and is needed for a config file only
    else:
        import tomli as tomllib  # noqa: PLC0415 - as above

    try:
        tables: dict[str, Any] = tomllib.loads(_read(path, "config file"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The config file {path} is not valid TOML: {error}.") from None
    return tables


def _checked(table: dict[str, Any], path: Path, name: str) -> dict[str, str]:
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise ConfigError(
            f"The profile {name!r} of {path} has unknown keys "
            f"{', '.join(map(repr, unknown))}; known: "
            f"{', '.join(sorted(_KEYS))}."
        )
    for key, value in table.items():
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{key} in the profile {name!r} of {path} must be text.")
    return table


def _address(url: str) -> str:
    if url.startswith(_UNIX):
        return _socket_address(url.removeprefix(_UNIX))
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and is_host(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        # Do not show the address, which may contain a password.
        raise ConfigError(
            "The address of the service must look like http://127.0.0.1:5000, "
            "https://cluster.example.org or unix:/path/of/a/socket."
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "The address of the service contains credentials, which are easily exposed there: pass "
            "user and token separately."
        )
    if parts.query or parts.fragment:
        raise ConfigError("The address of the service must not contain ? or #.")
    return url.rstrip("/").removesuffix("/v1")


def _socket_address(place: str) -> str:
    """Return the address of a Unix socket; ``unix:///path`` is ``unix:/path``."""
    if place.startswith("//"):
        place = place.removeprefix("//")
    path = _expand("The address of the service", place)
    if not path.is_absolute() or "\0" in place:
        raise ConfigError(
            "The address of a Unix socket must have an absolute path: unix:/path/of/a/socket."
        )
    return f"{_UNIX}{path}"


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"The {what} {path} cannot be read: {reason}.") from None


def _check_private(path: Path, what: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{what} is readable by others (mode {mode:04o}): run chmod 600 {path}")
