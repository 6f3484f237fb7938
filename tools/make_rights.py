"""Generate the routes in the table of scopes in ``docs/security.md`` from the route table.

    python -m tools.make_rights            write the table
    python -m tools.make_rights --check    fail if the table is out of date

The first two columns of the table and the rest of the page are written by hand. A test compares the
committed page with the output of this tool.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fluxapi.contracts.rights import RIGHTS, Right
from fluxapi.handlers.routes import ROUTES
from tools.generated import write_or_check

__all__ = ["TARGET", "made"]

TARGET = Path(__file__).resolve().parents[1] / "docs" / "security.md"

_READS = "every GET that this table does not name"


def made(page: str) -> str:
    """Return *page* with the current routes in the row of each scope."""
    for right in RIGHTS:
        row = re.compile(rf"^(\| `{right}` \| [^|]+ \| ).*$", re.MULTILINE)
        page, rows = row.subn(rf"\g<1>{_routes(right)} |", page)
        if rows != 1:
            raise ValueError(f"{TARGET} has {rows} rows of the scope {right}, not 1.")
    return page


def _routes(right: Right) -> str:
    """Return the routes that need *right*; reads need ``view`` and are not named."""
    named = [
        f"`{route.method} {route.path}`"
        for route in ROUTES
        if route.right == right and (route.method, right) != ("GET", "view")
    ]
    return ", ".join([_READS, *named] if right == "view" else named)


def main() -> int:
    """Write the table, or check it."""
    return write_or_check(TARGET, made(TARGET.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
