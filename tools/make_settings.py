"""Generate the table in ``docs/settings.md`` from ``fluxapi/settings/table.py``.

    python -m tools.make_settings            write the table
    python -m tools.make_settings --check    fail if the table is out of date

The rest of the page is written by hand. A test compares the committed page with the output of this
tool.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fluxapi.settings import TABLE, Setting
from tools.generated import write_or_check

__all__ = ["HEADER", "TARGET", "made"]

TARGET = Path(__file__).resolve().parents[1] / "docs" / "settings.md"

HEADER = "| flag | variable | default | meaning |\n|---|---|---|---|\n"


def made(page: str) -> str:
    """Return *page* with the current table in the place of the old one."""
    before, header, table = page.partition(HEADER)
    if not header:
        raise ValueError(f"{TARGET} has no table of settings: add its header, {HEADER!r}.")
    lines = table.splitlines(keepends=True)
    rest = next((at for at, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return before + HEADER + "".join(map(_row, TABLE)) + "".join(lines[rest:])


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    return f"| `{setting.flag}` | `{setting.env}` | {default} | {setting.meaning} |\n"


def main() -> int:
    """Write the table, or check it."""
    return write_or_check(TARGET, made(TARGET.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
