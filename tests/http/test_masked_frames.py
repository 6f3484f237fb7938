"""Frames of a WebSocket client are masked, wherever their bytes are cut."""

from __future__ import annotations

import pytest

from fluxapi.http import masked_frames
from fluxapi.http.masked_frames import MaskedFrames

MASK = b"\x01\x02\x03\x04"


def frame(size: int) -> bytes:
    if size < 126:
        head = bytes([0x81, 0x80 | size])
    elif size < 65536:
        head = b"\x81\xfe" + size.to_bytes(2, "big")
    else:
        head = b"\x81\xff" + size.to_bytes(8, "big")
    # A payload that looks like frames without a mask.
    return head + MASK + bytes([0x81, 0x00])[:size] + bytes(max(size - 2, 0))


GOOD = b"".join(map(frame, [0, 1, 125, 126, 300, 65535, 65536, 0, 2]))


class Parser:
    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        self.data += b"eof"


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 70_000, len(GOOD)])
def test_masked_frames_are_passed_on(step: int) -> None:
    parser = Parser()
    frames = MaskedFrames(parser)
    for at in range(0, len(GOOD), step):
        assert frames.feed_data(GOOD[at : at + step]) == (False, b"")
    frames.feed_eof()
    assert parser.data == GOOD + b"eof"


@pytest.mark.slow
@pytest.mark.parametrize("bad", [b"\x81\x00", b"\x81\x7e\x01\x00", b"\x89\x05hello"])
@pytest.mark.parametrize("step", [1, 2, 5, len(GOOD) + 9])
def test_a_frame_without_a_mask_is_passed_on_as_an_invalid_one(bad: bytes, step: int) -> None:
    parser = Parser()
    frames = MaskedFrames(parser)
    data = GOOD + bad + frame(4)
    for at in range(0, len(data), step):
        if frames.feed_data(data[at : at + step])[0]:
            break
    assert parser.data == GOOD + b"\xff\xff"
    assert frames.feed_data(frame(1)) == (True, b"")


PART = bytes([0x00, 0x80]) + MASK


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_few_frames_may_leave_their_message_open(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masked_frames, "_PARTS", (20, 0.0))
    parser = Parser()
    frames = MaskedFrames(parser)
    data = GOOD + PART * 30
    for at in range(0, len(data), step):
        if frames.feed_data(data[at : at + step])[0]:
            break
    assert parser.data == GOOD + PART * 20 + b"\xff\xff"


def test_frames_that_end_their_message_leave_the_limit_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(masked_frames, "_PARTS", (1, 0.0))
    parser = Parser()
    assert MaskedFrames(parser).feed_data(GOOD * 5 + PART) == (False, b"")
    assert parser.data == GOOD * 5 + PART
