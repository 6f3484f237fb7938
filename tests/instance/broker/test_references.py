"""Lists of the blobs of an output, as the KVS of an instance tells them."""

from __future__ import annotations

import json

import pytest

from fluxapi.instance.broker.references import decode_references


def test_references_of_two_lengths() -> None:
    data = ["sha1-" + "a" * 40, "sha256-" + "b" * 64]
    found = decode_references(json.dumps({"val": {"type": "valref", "data": data}}).encode())
    assert [found[index].decode().strip() for index in range(len(found))] == data


def test_references_of_very_different_lengths_are_refused() -> None:
    # Those of a program that poses as an instance; padded, they would take gigabytes.
    for data in (["x" * (1 << 20), *[""] * 5000], ["x" * 200, *[""] * 5000]):
        answer = json.dumps({"val": {"type": "valref", "data": data}}).encode()
        with pytest.raises(ValueError, match="length"):
            decode_references(answer)


def test_no_references() -> None:
    assert len(decode_references(b'{"val":{"type":"valref","data":[]}}')) == 0


def test_a_value_that_is_not_coded_as_flux_does_it_is_an_invalid_entry() -> None:
    for data in ("!!!", 5, None):
        answer = json.dumps({"val": {"type": "val", "data": data}}).encode()
        assert decode_references(answer).inline == b"val"
