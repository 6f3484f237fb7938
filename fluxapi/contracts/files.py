"""The files of the contract: one JSON Schema each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["folder", "read"]


def folder() -> Path:
    """Return the folder of the schemas: in a wheel inside the package, in a checkout beside it."""
    inside = Path(__file__).parents[1] / "schemas"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "schemas"


def read(name: str) -> dict[str, Any]:
    """Return the schema with this name, as written."""
    text = (folder() / f"{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document
