"""Generate the table in ``docs/settings.md`` from ``fluxapi/settings/table.py``.

    python tools/make_settings.py            write the table
    python tools/make_settings.py --check    fail if the table is out of date

The rest of the page is written by hand. A test compares the committed page with the output of this
tool.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fluxapi.settings import TABLE, Setting

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
    return f"| `{setting.flag}` | `{setting.env}` | {default} | {setting.help} |\n"


def main() -> int:
    """Write the table, or check it."""
    page = TARGET.read_text(encoding="utf-8")
    text = made(page)
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if page != text:
        print(f"{TARGET} is out of date: run tools/make_settings.py.", file=sys.stderr)  # noqa: T201 - it is a command
    return int(page != text)


if __name__ == "__main__":
    sys.exit(main())
