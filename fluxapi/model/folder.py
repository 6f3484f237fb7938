"""The working directory of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluxapi.errors import ValidationFailed

from .message import field_error, field_message
from .output_files import templates

__all__ = ["check", "set_default"]

_MAX_PATH_BYTES = 4095


def set_default(attributes: dict[str, Any], folder: str | None) -> None:
    """Set the working directory of a job with relative output files, so that they are found."""
    paths = templates({"attributes": attributes}).values()
    if folder and not all(path.startswith("/") for path in paths):
        attributes["system"].setdefault("cwd", folder)


def check(document: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Raise ``ValidationFailed`` for a working directory that cannot exist on any node.

    A trailing space is part of the name. The job shell uses the name unchanged, and runs the job in
    /tmp if the directory does not exist.
    """
    attributes = document.get("attributes")
    system = attributes.get("system") if isinstance(attributes, dict) else None
    folder = system.get("cwd") if isinstance(system, dict) else None
    if not isinstance(folder, str):
        return
    is_long = len(folder.encode("utf-8", "replace")) > _MAX_PATH_BYTES
    if folder.startswith("/") and not is_long:
        return
    names = [name for name in ("cwd", "workdir") if fields.get(name) == folder]
    where = names[0] if names else "attributes"
    if "jobspec" in fields:
        where = "jobspec/attributes/system/cwd"
    sentence = field_message("folder_not_absolute", path=repr(folder[:64]))
    if is_long:
        sentence = field_message("folder_too_long", limit=_MAX_PATH_BYTES)
    raise ValidationFailed([field_error(f"/{where}", sentence)])
