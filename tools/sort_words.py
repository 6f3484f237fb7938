"""Put the texts of the pages in alphabetical order, in the one format of their files.

The English phrases of a job, and the sentences with a code, are copied to the model, which says
them to programs. The titles of errors come from their classes.

python tools/sort_words.py [FILE …]    names in fluxapi/web/words/; all of them by default
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluxapi import errors
from fluxapi.model.message import SECTIONS as CODED

__all__ = ["SECTIONS", "main", "phrases", "problem_types"]

_PACKAGE = Path(__file__).resolve().parents[1] / "fluxapi"
_FOLDER = _PACKAGE / "web" / "words"
_PHRASES = _PACKAGE / "model" / "phrases.json"
SECTIONS = ("durations", "outcomes", "waits", *CODED)
"""The sections that the model has, too."""

_TYPES = "problem_types"
"""The section of the titles of errors."""


def main(names: list[str]) -> None:
    """Sort the files with these names, or all, and copy the phrases."""
    for path in [_FOLDER / name for name in names] or sorted(_FOLDER.glob("*.json")):
        sections = json.loads(path.read_text("utf-8"))
        if path.name == "en.json":
            sections[_TYPES] = problem_types()
        ordered = {name: dict(sorted(sections[name].items())) for name in sorted(sections)}
        _write(path, ordered)
    _write(_PHRASES, phrases(json.loads((_FOLDER / "en.json").read_text("utf-8"))))


def phrases(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the texts that the model has, too."""
    return {name: sections[name] for name in SECTIONS}


def problem_types() -> dict[str, str]:
    """Return the titles of the errors of the API, by the types of their documents."""
    classes = (getattr(errors, name) for name in errors.__all__)
    return {
        kind.slug.replace("-", "_"): kind.title
        for kind in classes
        if isinstance(kind, type) and issubclass(kind, errors.FluxapiError)
    }


def _write(path: Path, sections: Mapping[str, Any]) -> None:
    text = json.dumps(sections, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
