"""A piece of a file: what is read, and from which kinds of files nothing is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fluxapi.process import file_piece
from fluxapi.process.file_piece import (
    MAX_PIECE_BYTES,
    Piece,
    Wanted,
    decode_piece,
    encode_piece,
    read_piece,
)


def read(path: Path | str, offset: int = 0, length: int = 100, identity: str = "") -> Piece:
    return read_piece(Wanted(str(path), os.geteuid(), offset, length, identity))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize(
    ("offset", "length", "data"),
    [(0, 100, b"0123456789"), (3, 2, b"34"), (9, 5, b"9"), (10, 5, b""), (0, 0, b"")],
)
def test_a_piece_is_what_the_file_holds_there(
    path: Path, offset: int, length: int, data: bytes
) -> None:
    piece = read(path, offset, length)
    assert (piece.problem, piece.data, piece.size) == ("", data, 10)
    assert piece.mtime == path.stat().st_mtime_ns


def test_a_piece_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(10 << 30)
    piece = read(path, 5 << 30, 1 << 40)
    assert len(piece.data) == MAX_PIECE_BYTES
    assert piece.size == 10 << 30


def test_a_file_that_became_shorter_says_so(path: Path) -> None:
    identity = read(path).identity
    path.write_bytes(b"01")
    piece = read(path, 10, 5, identity)
    assert (piece.kind, piece.data) == ("changed", b"")
    assert "10 bytes were read, and it has 2" in piece.problem


def test_a_file_that_was_replaced_says_so(path: Path, tmp_path: Path) -> None:
    identity = read(path).identity
    other = tmp_path / "other"
    other.write_bytes(b"9876543210")
    other.rename(path)
    assert read(path, 0, 5, identity).kind == "changed"


def test_a_new_file_of_the_same_number_is_another_file(path: Path) -> None:
    identity = read(path).identity
    # Most file systems give the number of a file that was deleted to the next one.
    path.unlink()
    path.write_bytes(b"0123456789 and more")
    assert read(path, 0, 5, identity).kind == "changed"


def test_a_missing_file_says_so(path: Path, tmp_path: Path) -> None:
    assert read(tmp_path / "none").kind == "missing"
    assert read(path / "none").kind == "missing"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x" * 300, "refused"),
        ("x/" * 3000, "refused"),
        ("a\0b", "refused"),
        ("\ud800", "refused"),
        ("loop/x", "refused"),
        ("\udcff" * 3, "missing"),
    ],
)
def test_an_odd_path_is_not_asked_for_again(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    piece = read(f"{tmp_path}/{name}")
    assert piece.problem
    # A file that is "failed" may be read later.
    assert piece.kind == kind


def test_a_file_that_may_not_be_read(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read any file")
    path.chmod(0)
    assert read(path).kind == "refused"


def test_a_file_of_another_user_is_not_read(path: Path) -> None:
    piece = read_piece(Wanted(str(path), os.geteuid() + 1, 0, 5, ""))
    assert (piece.kind, piece.problem, piece.data) == (
        "refused",
        "It belongs to another user.",
        b"",
    )


def test_an_encoded_piece_is_the_same_piece(path: Path) -> None:
    path.write_bytes(b"a\tb\nc\n")
    piece = read(path)
    assert decode_piece(encode_piece(piece)) == piece
    missing = Piece("missing", "It\tis\nnot there")
    assert decode_piece(encode_piece(missing)).problem == "It is not there"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"x",
        b"\n",
        b"a\tb\n",
        b"\t\t\t\tx\ty\n",
        b"\xff" * 9,
        b"odd\t\t1:2:\text4\t0\t0\n",
        b"\t\t1:2:\rX-Y: z\text4\t0\t0\n",
        b'\t\t1:2:", "x\text4\t0\t0\n',
    ],
)
def test_an_answer_that_is_no_piece_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"piece|int"):
        decode_piece(answer)


def test_the_source_runs_by_itself(path: Path) -> None:
    # As NodeFiles sends it to a node: without the import that Python 3.6 lacks.
    source = Path(file_piece.__file__).read_text("utf-8")
    source = source.replace("from __future__ import annotations\n", "", 1)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", source, str(path), str(os.geteuid()), "2", "3", ""],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert decode_piece(done.stdout).data == b"234"
    assert not done.stderr


def test_a_fifo_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "named pipe" in read(pipe).problem
    # Nobody reads: a writer that does not wait is refused.
    with pytest.raises(OSError, match="No such device"):
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)


def test_a_path_without_a_file_is_not_read(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    assert "symbolic link" in read(link).problem
    assert "directory" in read(tmp_path).problem
    assert "device" in read("/dev/zero").problem
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert "socket" in read(tmp_path / "s").problem


@pytest.mark.parametrize(
    "name", ["/proc/self/environ", "/proc/self/mem", "/proc/self/maps", "/proc/1/cmdline"]
)
def test_files_of_the_kernel_are_not_read(name: str) -> None:
    piece = read(name)
    assert piece.problem
    assert not piece.data


def test_files_of_the_kernel_are_known_by_their_file_system() -> None:
    assert read("/proc/self/environ").problem == "It is on a file system of the kernel (proc)."
