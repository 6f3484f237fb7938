from __future__ import annotations

from fluxapi.sessions.response_cache import ResponseCache


def test_a_page_is_good_for_its_cursor_only() -> None:
    pages = ResponseCache()
    pages.put("limit=1", "a.1", b"x")
    assert pages.get("limit=1", "a.1") == b"x"
    assert pages.get("limit=1", "a.2") is None
    assert pages.get("limit=2", "a.1") is None


def test_the_least_recently_used_goes_first() -> None:
    pages = ResponseCache()
    for number in range(200):
        pages.put(str(number), "a.1", b"x")
        assert pages.get("0", "a.1") == b"x"
    assert pages.get("1", "a.1") is None
    assert pages.get("199", "a.1") == b"x"


def test_large_pages_are_not_kept() -> None:
    pages = ResponseCache()
    pages.put("", "a.1", b"x" * (1 << 20))
    assert pages.get("", "a.1") is None
