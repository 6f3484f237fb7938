"""Supported releases: every form of a version, and an instance that is too old or too new."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fluxapi.errors import SettingsError
from fluxapi.instance import release
from fluxapi.instance.release import Release


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.61.0", Release(0, 61)),
        ("0.61.2", Release(0, 61, 2)),
        ("0.61.0-12-gabcdef", Release(0, 61)),
        ("0.90.0-dirty", Release(0, 90)),
        ("0.90.1-rc1", Release(0, 90, 1)),
        ("0.90.0rc1", Release(0, 90)),
        ("v0.83.1", Release(0, 83, 1)),
        ("0.88", Release(0, 88)),
        ("1.0.0", Release(1, 0)),
        ("0.9.0", Release(0, 9)),
        ("", None),
        ("unknown", None),
        ("gabcdef", None),
        ("4a5e79f56", None),
        ("61", None),
        ("9" * 9999 + ".1.1", None),
    ],
)
def test_a_version_names_its_release(version: str, expected: Release | None) -> None:
    assert release.parse(version) == expected


def test_releases_are_ordered_by_their_numbers() -> None:
    assert Release(0, 9, 9) < Release(0, 61) < Release(0, 61, 2) < Release(1, 0)


@pytest.mark.parametrize("version", ["0.60.0", "0.60.0-40-gabc", "0.9.0", "0.49.0-dirty"])
def test_an_older_release_is_refused_by_name(version: str) -> None:
    with pytest.raises(SettingsError) as error:
        release.check(version)
    named = release.parse(version)
    assert error.value.detail.startswith(
        f"Flux {named} is too old: fluxapi needs {release.OLDEST} or newer."
    )
    assert "journal" in error.value.detail  # the missing feature


@pytest.mark.parametrize("version", [str(release.OLDEST), "0.61.0-12-gabc", "0.88.0"])
def test_a_supported_release_is_taken_without_a_word(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        release.check(version)
    assert not caplog.records


@pytest.mark.parametrize("version", ["unknown", "0.999.0"])
def test_a_release_that_no_test_has_seen_is_logged(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        release.check(version)
    assert version in caplog.text


GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "flux-releases.md"


def test_the_guide_names_the_releases_and_shows_the_error() -> None:
    oldest, newest = release.OLDEST, release.NEWEST_TESTED
    text = " ".join(GUIDE.read_text(encoding="utf-8").split())
    assert f"**Flux {oldest.major}.{oldest.minor} and later**" in text
    assert f"{newest.major}.{newest.minor}, the oldest supported and the newest" in text
    with pytest.raises(SettingsError) as error:
        release.check("0.60.0")
    assert error.value.detail in text
