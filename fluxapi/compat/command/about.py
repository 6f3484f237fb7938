"""``flux version``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluxapi import __version__
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.terminal import put
from fluxapi.cli.text import safe

from .adapter import Parser, talk

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["version"]


def version(arguments: list[str]) -> int:
    """Print the version of the Flux behind the service, in the lines of ``flux version``."""
    return talk(Parser(prog="flux version"), arguments, _version)


async def _version(flux: AsyncClient, _arguments: argparse.Namespace) -> int:
    release = safe(str((await flux.info())["version"]))
    put(f"commands:    \t\t{release}")
    put(f"libflux-core:\t\t{release}")
    put(f"broker:  \t\t{release}")
    put(f"FLUX_URI:\t\t{flux.url}")
    put(f"fluxapi: \t\t{__version__}")
    return OK
