"""The package ``flux`` for tools that know only Flux: it speaks to a fluxapi service.

In a job of a real Flux, the bindings of that Flux are loaded instead, if they are on ``sys.path``.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
from pathlib import Path
from typing import Any

try:
    import fluxapi as _fluxapi  # noqa: F401 - to tell at once that it is missing
except ImportError:
    raise ImportError(
        f"this flux connects to fluxapi, which {sys.executable} does not have: "
        "install fluxapi there."
    ) from None

_HERE = Path(__file__).resolve().parents[1]
_HOMES = {"Flux": "fluxapi.compat.handle", "constants": "flux.constants", "job": "flux.job"}

__all__ = ["Flux", "constants", "job"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"flux.{name} is not supported by the flux of fluxapi")
    module = importlib.import_module(home)
    return module if home.startswith("flux.") else getattr(module, name)


def _give_way() -> None:
    """Load the bindings of the Flux around this job, if they are on ``sys.path``."""
    others = [path for path in sys.path if Path(path).resolve() != _HERE]
    if os.environ.get("FLUX_URI") and importlib.machinery.PathFinder.find_spec("flux", others):
        sys.path[:] = others
        del sys.modules["flux"]
        importlib.import_module("flux")


_give_way()
