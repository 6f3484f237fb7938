"""Reads a piece of a regular file of one user, without a wait for other kinds of files.

A job names the path, so it may lead anywhere. The file is found without being opened, checked, and
only then opened: so no device is touched, and no writer of a named pipe is woken.

The service runs this module in a thread, or sends its source to the node of a job. So it imports
the standard library only, and its source without the ``__future__`` import runs on Python 3.6.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
from typing import NamedTuple

__all__ = [
    "MAX_PIECE_BYTES",
    "SHARED_TYPES",
    "Piece",
    "Wanted",
    "decode_piece",
    "encode_piece",
    "read_piece",
]

MAX_PIECE_BYTES = 1 << 20
"""Bytes that are read at once."""

_MAX_HEAD_BYTES = 4096

_KINDS = frozenset({"", "missing", "refused", "changed", "failed"})

_MAX_SIZE_BYTES = 1 << 63

_MOUNTS = "/proc/self/mountinfo"

_AT_EMPTY_PATH, _STATX_BTIME, _STATX_BYTES, _BTIME_OFFSET = 0x1000, 0x800, 256, 80
"""Constants of statx(2), which Python does not offer."""

_KERNEL_TYPES = frozenset({
    "autofs", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts",
    "devtmpfs", "efivarfs", "functionfs", "fusectl", "mqueue", "nsfs", "proc", "pstore",
    "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs",
})  # fmt: skip
"""Types of file systems whose files are not data on a disk or in memory."""

SHARED_TYPES = frozenset({
    "afs", "beegfs", "ceph", "cifs", "fuse.beegfs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs",
    "gfs2", "gpfs", "lustre", "nfs", "nfs4", "ocfs2", "panfs", "pvfs2", "smb3", "wekafs",
})  # fmt: skip
"""Types of file systems that several hosts share."""

_MAX_TIME_NS = 10**20
"""The latest time of a file that is told: the year 5138."""

_LASTING = frozenset({
    errno.EACCES, errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EOPNOTSUPP,
    errno.EPERM,
})  # fmt: skip
"""Errors of a path that another attempt does not mend."""


class Wanted(NamedTuple):
    """A request for at most ``length`` bytes of a file, at most ``MAX_PIECE_BYTES``.

    Attributes:
        path: An absolute path. Its last component must not be a symbolic link.
        owner: The user ID that the file must belong to.
        offset: The offset of the first byte.
        length: The most bytes to read; 0 only looks at the file.
        identity: The identity of the file that was read before, or ``""``.
    """

    path: str
    owner: int
    offset: int
    length: int
    identity: str


class Piece(NamedTuple):
    """A piece of a file, or the reason why there is none.

    Attributes:
        kind: A word for the problem: ``missing``, ``refused``, ``changed`` or ``failed``.
        problem: A sentence that says why the file cannot be read; empty if it was read.
        identity: A text that differs between two files of one host.
        system: The type of the file system; empty if it is unknown.
        size: The size of the file in bytes.
        mtime: The time of the last change, in nanoseconds since the epoch.
        data: The bytes.
    """

    kind: str = ""
    problem: str = ""
    identity: str = ""
    system: str = ""
    size: int = 0
    mtime: int = 0
    data: bytes = b""

    @property
    def changed(self) -> float:
        """Return the time of the last change in seconds since the epoch, as dates permit.

        The owner of a file may give it any time.
        """
        return min(max(self.mtime, 0), _MAX_TIME_NS) / 1e9


def read_piece(wanted: Wanted) -> Piece:
    """Read a piece of a file; never raise ``OSError``."""
    try:
        found = os.open(os.fsencode(wanted.path), os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        return _failure(error)
    try:
        return _read(found, wanted)
    except OSError as error:
        return _failure(error)
    finally:
        os.close(found)


def _read(found: int, wanted: Wanted) -> Piece:
    status = os.fstat(found)
    size, offset = status.st_size, wanted.offset
    system = _system_of(status.st_dev)
    refusal = _refusal(status, system, wanted.owner)
    if refusal:
        return Piece("refused", refusal, system=system)
    identity = f"{status.st_dev}:{status.st_ino}:{_birth_of(found)}"
    if wanted.identity not in {"", identity}:
        return Piece("changed", "Another file has replaced it.", identity, system)
    if offset > size:
        words = f"It has become shorter: {offset} bytes were read, and it has {size}."
        return Piece("changed", words, identity, system, size)
    # Files of the kernel tell no size, so nothing of them would be read.
    length = min(wanted.length, MAX_PIECE_BYTES, size - offset)
    data = b""
    if length > 0:
        opened = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = os.pread(opened, length, offset)
        finally:
            os.close(opened)
    return Piece("", "", identity, system, size, status.st_mtime_ns, data)


def _refusal(status: os.stat_result, system: str, owner: int) -> str:
    """Return why a file is not read; empty if it may be."""
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return "It is a symbolic link, which is not followed."
    if stat.S_ISDIR(mode):
        return "It is a directory."
    if not stat.S_ISREG(mode):
        return "It is a device, a named pipe or a socket, not a file."
    if system in _KERNEL_TYPES:
        return f"It is on a file system of the kernel ({system})."
    if status.st_uid != owner:
        return "It belongs to another user."
    return ""


def _birth_of(found: int) -> str:
    """Return the time at which a file was created; empty if the system does not tell.

    A new file may get the number of one that was deleted.
    """
    about = ctypes.create_string_buffer(_STATX_BYTES)
    try:
        failed = ctypes.CDLL(None).statx(found, b"", _AT_EMPTY_PATH, _STATX_BTIME, about)
    except (AttributeError, OSError):
        return ""
    (mask,) = struct.unpack_from("=I", about)
    if failed or not mask & _STATX_BTIME:
        return ""
    return "{}.{}".format(*struct.unpack_from("=qI", about, _BTIME_OFFSET))


def _system_of(device: int) -> str:
    """Return the type of the file system with a device number; empty if it is unknown."""
    number = b"%d:%d" % (os.major(device), os.minor(device))
    try:
        with open(_MOUNTS, "rb") as mounts:  # noqa: PTH123 - runs on its own
            for line in mounts:
                head, _, tail = line.partition(b" - ")
                if head.split(b" ", 3)[2:3] == [number]:
                    return tail.split(b" ", 1)[0].decode("ascii", "replace")
    except OSError:
        return ""
    return ""


def _failure(error: Exception) -> Piece:
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return Piece("missing", "It does not exist.")
    reason = (error.strerror if isinstance(error, OSError) else "") or "The path is not valid"
    # A path with a null byte, or that cannot be encoded, is a ValueError.
    is_lasting = not isinstance(error, OSError) or error.errno in _LASTING
    return Piece("refused" if is_lasting else "failed", reason + ".")


def encode_piece(piece: Piece) -> bytes:
    """Return a piece as a line of fields that tabs separate, and the data."""
    fields = (piece.kind, piece.problem, piece.identity, piece.system, piece.size, piece.mtime)
    head = "\t".join(str(field).replace("\t", " ").replace("\n", " ") for field in fields)
    return head.encode("utf-8", "replace") + b"\n" + piece.data


def decode_piece(answer: bytes) -> Piece:
    """Return the piece that :func:`encode_piece` has encoded; raise ``ValueError`` if invalid."""
    head, end, data = answer.partition(b"\n")
    fields = head.decode("utf-8", "replace").split("\t")
    if not end or len(fields) != 6 or len(head) > _MAX_HEAD_BYTES:  # noqa: PLR2004 - see above
        raise ValueError("is not a piece of a file")
    kind, problem, identity, system, size, mtime = fields
    if kind not in _KINDS or not identity.isprintable() or '"' in identity:
        raise ValueError("is not a piece of a file")
    if not 0 <= int(size) < _MAX_SIZE_BYTES:
        raise ValueError("is not the size of a file")
    return Piece(kind, problem, identity, system, int(size), int(mtime), data)


def main() -> None:
    """Write the piece that the arguments ask for to standard output."""
    path, owner, offset, length, identity = sys.argv[1:]
    piece = read_piece(Wanted(path, int(owner), int(offset), int(length), identity))
    sys.stdout.buffer.write(encode_piece(piece))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
