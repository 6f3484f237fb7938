"""Local files that are sent with a job: ``--add-file`` and ``--stdin``."""

from __future__ import annotations

import base64
import stat
import sys
from pathlib import Path
from typing import Any

__all__ = ["encoded", "file_entry", "input_data"]

_INLINE_MODE = 0o600


def file_entry(text: str) -> tuple[str, dict[str, Any]]:
    r"""Return the name and the RFC 37 object of a file from ``[NAME[:MODE]=]FILE``.

    As for ``flux submit``, a FILE with a newline (or ``\n``) is the content itself.
    """
    name, _, source = text.replace("\\n", "\n").partition("=")
    if not source:
        name, source = Path(name).name, name
        mode = None
    else:
        name, mode = _mode(name)
    if not name or "\n" in name:
        raise ValueError(f"--add-file={text}: the file needs a name.")
    if "\n" in source:
        content = source.encode(errors="surrogateescape")
        return name, {
            "mode": stat.S_IFREG | (_INLINE_MODE if mode is None else mode),
            **encoded(content),
        }
    data, permissions = Path(source).read_bytes(), stat.S_IMODE(Path(source).stat().st_mode)
    permissions = permissions if mode is None else mode
    return name, {"mode": stat.S_IFREG | permissions, "size": len(data), **encoded(data)}


def _mode(name: str) -> tuple[str, int | None]:
    """Return the name and the mode of ``NAME:MODE``; without an octal MODE, all is the name."""
    before, _, mode = name.partition(":")
    try:
        return before, int(mode, 8)
    except ValueError:
        return name, None


def encoded(data: bytes) -> dict[str, str]:
    """Return the data as text, or in base64 if it is not text that Flux can keep."""
    try:
        if b"\0" not in data:  # Flux keeps texts as C strings
            return {"encoding": "utf-8", "data": data.decode("utf-8")}
    except UnicodeDecodeError:
        pass
    return {"encoding": "base64", "data": base64.b64encode(data).decode("ascii")}


def input_data(place: str) -> dict[str, str]:
    """Return the content of a file, or of standard input for ``-``."""
    return encoded(sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes())
