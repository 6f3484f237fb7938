from __future__ import annotations

from fluxapi.table.recent_changes import RecentChanges


def test_changes_since_a_version() -> None:
    recent = RecentChanges(limit=2)
    recent.add(7)
    version = recent.version
    assert recent.since(version) == []
    recent.add(8)
    recent.add(7)
    assert recent.since(version) == [7, 8]


def test_too_many_changes_are_not_told() -> None:
    recent = RecentChanges(limit=2)
    for jobid in range(3):
        recent.add(jobid)
    assert recent.since(0) is None
    assert recent.since(1) == [2, 1]
