"""Write a generated file, or check that it is current, as the command line of a tool says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["write_or_check"]


def write_or_check(target: Path, text: str, faults: Sequence[str] = ()) -> int:
    """Write *text* to *target*; with ``--check``, print what is wrong, and return 1 if anything is.

    *faults* are sentences about the sources of the text.
    """
    if "--check" not in sys.argv[1:]:
        target.write_text(text, encoding="utf-8")
        return 0
    wrong = list(faults)
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        wrong.append(f"{target} is out of date: run make generate.")
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0
