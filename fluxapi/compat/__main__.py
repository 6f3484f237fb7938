"""The command ``flux``, which ``path/bin/flux`` starts."""

from __future__ import annotations

import sys

from .command.program import main

if __name__ == "__main__":
    sys.exit(main())
