"""Job IDs as the flux commands print them: with ``ƒ`` where the locale can show it, else ``f``."""

from __future__ import annotations

import locale
import os

from fluxapi.model.jobid import FANCY_PREFIX, encode_f58, encode_fancy

__all__ = ["encode_id", "shown_id"]

_FORCE_ASCII = "FLUX_F58_FORCE_ASCII"


def encode_id(jobid: int) -> str:
    """Return the F58 form for this terminal."""
    return encode_f58(jobid) if _is_ascii() else encode_fancy(jobid)


def shown_id(jobid: str) -> str:
    """Return a plain F58 ID, as the service gives it, in the form for this terminal."""
    return jobid if _is_ascii() else FANCY_PREFIX + jobid[1:]


def _is_ascii() -> bool:
    """Return whether IDs are plain, as in flux-core's ``src/common/libutil/fluid.c``.

    The variable counts if it is set, even if empty.
    """
    return _FORCE_ASCII in os.environ or locale.nl_langinfo(locale.CODESET) != "UTF-8"
