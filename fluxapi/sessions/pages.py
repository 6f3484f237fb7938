"""Pages of the table as JSON, which many clients share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from fluxapi.model.jobid import MAX
from fluxapi.table.query import JobQuery, Page, matcher, page
from fluxapi.table.table import Table

from .gzip_text import GzipText
from .row_text import RowText, text_of
from .situation import SituationMonitor

__all__ = ["Listing", "Pages"]

_MAX_PAGES = 128
_MAX_TEXT_BYTES = 128 << 10
"""Size of the largest text that is kept; all of them have at most 16 MiB, and no more when
compressed."""


class Listing(NamedTuple):
    """A page that is asked for: filters, jobs, and the ID below which it begins, if not the newest.

    A page does not hold its listing, which may have thousands of IDs.
    """

    query: JobQuery
    limit: int
    after: int | None


@dataclass(slots=True)
class _HeldPage:
    """A page below the ID *after*, and the version of the table at which it is known to be valid.

    ``text`` is kept once the page is read again, and holds as long as the page does, if no job of
    it is pending. The reason why a job waits depends on more than the job, so otherwise the text
    holds at ``text_versions`` only, those of the table and of the situation. It ends with ``end``.
    ``compressed`` is made of it, without this end, once it is asked for.
    """

    found: Page
    after: int | None
    version: int
    text: bytes | None = None
    text_versions: tuple[int, int] | None = None
    end: bytes = b""
    compressed: GzipText | None = None

    def keep(self, text: bytes, end: bytes, versions: tuple[int, int] | None) -> None:
        self.text, self.end, self.text_versions, self.compressed = text, end, versions, None

    def with_end(self, end: bytes) -> bytes:
        """Return the kept text with this end from now on."""
        assert self.text is not None  # noqa: S101 - for mypy: only a kept page is asked
        if self.end != end:
            rows = memoryview(self.text)[: -len(self.end)]
            self.text, self.end = b"".join((rows, end)), end
        return self.text

    def gzip(self, end: bytes) -> bytes | None:
        """Return the same compressed, unless that would save less than half of it."""
        assert self.text is not None  # noqa: S101 - for mypy: only a kept page is asked
        if self.compressed is None:
            self.compressed = GzipText(memoryview(self.text)[: -len(self.end)])
        is_short = len(self.compressed) <= len(self.text) // 2
        return self.compressed.with_end(end) if is_short else None


class Pages:
    """The pages that were read last.

    A change of the table invalidates the pages that contain the job, or would contain it now. The
    others need neither a search nor encoding.
    """

    def __init__(self, table: Table, observer: SituationMonitor) -> None:
        self._table = table
        self._observer = observer
        self._held: OrderedDict[str, _HeldPage] = OrderedDict()

    async def read(
        self,
        key: str,
        listing: Callable[[], Listing],
        end: bytes,
        *,
        takes_gzip: bool = False,
    ) -> tuple[RowText, bool]:
        """Return a page as a JSON object with the members ``jobs`` and ``next``.

        The page is a gzip stream, and the second value true, if the client takes it and the page is
        kept: compressing each page anew would cost as much as finding it.

        Args:
            key: A text that stands for the listing.
            listing: Returns the page that is asked for; one that is kept may need none.
            end: The rest of the object, which is not empty.
            takes_gzip: True if the client takes a gzip stream.
        """
        held = self._held.get(key)
        if held is None or not self._holds(held, listing):
            query, limit, after = listing()
            # A change during the search may concern the page.
            version = self._table.recent.version
            found = await page(self._table, query, limit=limit, after=after)
            self._keep(key, _HeldPage(found, after, version))
            return await self._encode(found, end), False
        self._held.move_to_end(key)
        if held.text is not None and held.text_versions in {None, self._versions}:
            compressed = held.gzip(end) if takes_gzip else None
            if compressed is not None:
                return RowText(compressed), True
            return RowText(held.with_end(end)), False
        versions = self._versions
        page_text = await self._encode(held.found, end)
        if page_text.rest is None and len(page_text.text) <= _MAX_TEXT_BYTES:
            is_settled = all(self._table.settled_rows(held.found.ids))
            held.keep(page_text.text, end, None if is_settled else versions)
        return page_text, False

    @property
    def _versions(self) -> tuple[int, int]:
        return self._table.recent.version, self._observer.version

    def _holds(self, held: _HeldPage, listing: Callable[[], Listing]) -> bool:
        """Return whether no change since its version concerns a page."""
        recent = self._table.recent
        if held.version == recent.version:
            return True
        changes = recent.since(held.version)
        if changes is None:
            return False
        changed = set(changes)
        if not changed.isdisjoint(held.found.ids):
            return False
        lowest = -1 if held.found.next is None else held.found.next
        highest = MAX if held.after is None else held.after - 1
        inside = [jobid for jobid in changed if lowest <= jobid <= highest]
        test = matcher(listing().query, self._table.index) if inside else None
        if inside and self._table.select(inside, test):
            return False
        held.version = recent.version
        return True

    async def _encode(self, found: Page, end: bytes) -> RowText:
        following = b"null" if found.next is None else b'"%x"' % found.next
        end = b'],"next":%b%b' % (following, end)
        return await text_of(b'{"jobs":[', self._observer.lists(found.ids), lambda: end)

    def _keep(self, key: str, held: _HeldPage) -> None:
        self._held[key] = held
        self._held.move_to_end(key)
        if len(self._held) > _MAX_PAGES:
            self._held.popitem(last=False)
