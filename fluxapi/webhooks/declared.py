"""The settings file that declares webhooks."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluxapi.contracts import schema
from fluxapi.errors import SettingsError

__all__ = ["read_declared"]

_MAX_FILE_BYTES = 1 << 20


def read_declared(path: Path) -> list[Mapping[str, Any]]:
    """Return the webhooks that a file declares, valid by their schema. This call blocks.

    Raises:
        SettingsError: The file cannot be read, is not valid, or can be read by others, since it
            has the secrets.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"--webhooks-file {path}: {error.strerror or error}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(
            f"--webhooks-file {path}: it has secrets, and others may use it (mode {mode:04o}): "
            "chmod 600 it."
        )
    if len(data) > _MAX_FILE_BYTES:
        raise SettingsError(f"--webhooks-file {path}: it is larger than {_MAX_FILE_BYTES} bytes.")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"--webhooks-file {path}: it is not JSON: {error}.") from None
    wrong = schema.find("webhooks-file", document)
    if wrong:
        first = wrong[0]
        raise SettingsError(
            f"--webhooks-file {path}: {first['pointer'] or 'the document'} {first['detail']}"
        )
    declared: list[Mapping[str, Any]] = document["webhooks"]
    names = [entry["name"] for entry in declared]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"--webhooks-file {path}: two webhooks are named {twice}.")
    return declared
