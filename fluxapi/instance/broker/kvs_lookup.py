"""Looks up the eventlogs of jobs in the KVS, as lists of references to their blobs."""

from __future__ import annotations

import asyncio

import msgspec

from fluxapi.errors import FluxRefused

from .calls import Call
from .references import References, decode_references
from .rpc import RpcThread

__all__ = ["look_up"]

_TREEOBJ = 16

_MAX_LOOKUPS = 20
_LOOKUP_PAUSE_S = 0.05


async def look_up(rpc: RpcThread, jobid: int, name: str) -> References:
    """Return the references of an eventlog in the directory of a job.

    Raises:
        NotFound: There is none.
        Forbidden: This user may not read the KVS.
    """
    body = {"key": _key(jobid, name), "namespace": "primary", "flags": _TREEOBJ}
    payload = msgspec.json.encode(body)
    for attempt in range(_MAX_LOOKUPS):
        call = Call(b"kvs.lookup", payload, jobid=jobid, decode=decode_references)
        try:
            found: References = await rpc.call(call)
        except FluxRefused:
            # The namespace is being moved, and the link to it is broken meanwhile.
            if attempt == _MAX_LOOKUPS - 1:
                raise
            await asyncio.sleep(_LOOKUP_PAUSE_S)
        else:
            return found
    raise AssertionError


def _key(jobid: int, name: str) -> str:
    """Return the name of an eventlog of a job in the primary namespace (RFC 16)."""
    digits = f"{jobid:016x}"
    return ".".join(["job", *(digits[at : at + 4] for at in range(0, 16, 4)), name])
