"""The forms of a job ID (RFC 19), by the names that they have in formats and templates."""

from __future__ import annotations

from . import basemoji, mnemonic
from .jobid import encode_f58

__all__ = ["FORMS", "encode_as", "id_tags"]

FORMS = ("f58", "f58plain", "dec", "hex", "dothex", "kvs", "words", "emoji")


def encode_as(jobid: int, form: str, f58: str) -> str:
    """Return a job ID in one of :data:`FORMS`; *f58* is the F58 form for its reader."""
    digits = f"{jobid:016x}"
    dothex = ".".join(digits[place : place + 4] for place in range(0, 16, 4))
    if form == "words":
        return mnemonic.encode(jobid)
    if form == "emoji":
        return basemoji.encode(jobid)
    return {
        "f58": f58,
        "f58plain": encode_f58(jobid),
        "dec": f"{jobid:d}",
        "hex": f"0x{jobid:x}",
        "dothex": dothex,
        "kvs": f"job.{dothex}",
    }[form]


def id_tags(jobid: int, f58: str) -> dict[str, str]:
    """Return the values of the tags of a job ID: ``id``, ``id.dec``, ``jobid``, ``jobid.dec``, …"""
    forms = {form: encode_as(jobid, form, f58) for form in FORMS}
    return {
        name: value
        for tag in ("id", "jobid")
        for name, value in ((tag, f58), *((f"{tag}.{form}", forms[form]) for form in FORMS))
    }
