"""Put the texts of the pages in alphabetical order, in the one format of their files.

python tools/sort_words.py [FILE …]    names in fluxapi/web/words/; all of them by default
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

__all__ = ["main"]

_FOLDER = Path(__file__).resolve().parents[1] / "fluxapi" / "web" / "words"


def main(names: list[str]) -> None:
    """Sort the files with these names, or all."""
    for path in [_FOLDER / name for name in names] or sorted(_FOLDER.glob("*.json")):
        sections = json.loads(path.read_text("utf-8"))
        ordered = {name: dict(sorted(sections[name].items())) for name in sorted(sections)}
        text = json.dumps(ordered, indent=2, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
