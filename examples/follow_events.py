"""Print every event of every job, until Ctrl-C.

A cut connection comes back by itself, and nothing is missed or comes twice. If events
are lost for good, ``on_reset`` prints a line; without it, the iteration raises an exception.
"""

import asyncio
import contextlib
import sys

from fluxapi.client import AsyncClient, Reset


async def main(since: str | None) -> None:
    async with AsyncClient() as flux, flux.events(since=since, on_reset="continue") as events:
        print("following", flush=True)
        async for event in events:
            if isinstance(event, Reset):
                print("there may be a gap:", event.detail, flush=True)
            else:
                print(f"{event.timestamp:.3f} {event.id} {event.name}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        # A cursor, to go on from there; "0" is all that the service has kept.
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
