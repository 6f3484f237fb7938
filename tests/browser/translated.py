"""Run fluxapi with the languages of another folder: ``translated FOLDER COMMAND …``."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest import mock

from fluxapi.cli import main
from fluxapi.web import words

if __name__ == "__main__":
    languages = words.load(Path(sys.argv.pop(1)))
    with mock.patch.object(words, "load", return_value=languages):
        sys.exit(main())
