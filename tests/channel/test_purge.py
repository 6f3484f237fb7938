"""Jobs that the instance forgets: readers hear of each, also those who were away meanwhile."""

from __future__ import annotations

from tests.running import needs_flux

from .reader import Events, Jobs
from .site import Site

pytestmark = needs_flux

JOBS = 20
PURGE = ("job", "purge", "--force", "--num-limit=0")


async def test_a_purge_while_rows_and_events_are_followed(flux_site: Site, wire: str) -> None:
    rows, events = Jobs(), Events()
    async with flux_site.read(wire, rows) as first, flux_site.read(wire, events) as second:
        await first.until_mark()
        await second.until_mark()
        ids = set(await flux_site.submit(JOBS))
        (kept,) = await flux_site.submit(urgency=0)
        await first.until(lambda held: ids <= held.inactive and kept in held.rows)
        before = set(rows.rows)
        await flux_site.flux(*PURGE)
        await first.until(lambda held: ids <= held.gone)
        await second.until(lambda held: ids <= held.gone)
        # The mark after it is held against the rows.
        async with flux_site.read(wire, rows) as again:
            await again.until_mark()
        assert set(rows.rows) == before - rows.gone == set(await flux_site.flux_jobs())
    assert kept in rows.rows
    assert events.gone == rows.gone
    await flux_site.post(f"/v1/jobs/{kept}/cancel", {})


async def test_a_purge_while_the_reader_is_away(flux_site: Site, wire: str) -> None:
    away, here = Jobs(), Jobs()
    ids = set(await flux_site.submit(JOBS))
    async with flux_site.read(wire, away) as reader:
        await reader.until(lambda held: ids <= held.inactive)
        await reader.until(lambda held: held.cursor)
    async with flux_site.read(wire, here) as witness:
        await witness.until_mark()
        await flux_site.flux(*PURGE)
        await witness.until(lambda held: ids <= held.gone)
        later = set(await flux_site.submit(3))
        await witness.until(lambda held: later <= held.inactive)
    async with flux_site.read(wire, away) as reader:
        await reader.until_mark()
    assert away.resets == []
    assert ids <= away.gone
    assert {
        jobid: (row["state"], row.get("result")) for jobid, row in away.rows.items()
    } == await flux_site.flux_jobs()
