"""Output that goes to files, on the page of a job."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.running import Service

from .test_job import choose_stream, gates, lines, script, see, status

__all__ = ["gates"]


def test_files_are_shown_live_as_other_output_is(
    site: Service, page: Page, gates: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = gates
    out, err = tmp_path / "out.txt", tmp_path / "err.txt"
    command = 'echo begun; read _ < "$1"; echo more; echo oops >&2; read _ < "$2"; printf "no end"'
    jobid = script(site, command, str(first), str(second), output=str(out), error=str(err))
    see(site, page, jobid)
    expect(lines(page)).to_have_text(["begun"])
    first.write_text("\n")
    # Nothing tells the order of what goes to different files.
    expect(lines(page)).to_have_count(3)
    for text in ("begun", "more", "oops"):
        expect(page.locator("#screen")).to_contain_text(text)
    listed = page.get_by_role("list", name="Files that receive the output").locator("li")
    expect(listed).to_have_count(2)
    expect(listed.nth(0)).to_contain_text(f"stdout: {out} on ")
    expect(listed.nth(1)).to_contain_text(f"stderr: {err} on ")
    second.write_text("\n")
    status(page, "COMPLETED")
    expect(page.locator("#output-said")).to_have_text("End of output")
    expect(lines(page).last).to_have_text("no end")
    with page.expect_download() as download:
        listed.nth(0).get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == out.read_bytes() == b"begun\nmore\nno end"
    choose_stream(page, "stderr")
    expect(lines(page)).to_have_text(["oops"])
    expect(listed).to_have_count(1)


def test_a_file_that_is_gone_is_said(site: Service, page: Page, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    jobid = script(site, 'rm "$1"', str(out), output=str(out))
    # A page that follows the file while it is there reads it to its end.
    site.get(f"/v1/jobs/{jobid}/wait?timeout=30")
    see(site, page, jobid)
    status(page, "COMPLETED")
    expect(lines(page)).to_have_text([f"{out} is not shown. It does not exist."])
    listed = page.get_by_role("list", name="Files that receive the output").locator("li")
    expect(listed).to_contain_text(f"stdout, stderr: {out} on ")
    expect(listed.get_by_role("link")).to_have_count(0)
