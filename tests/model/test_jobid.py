from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model import basemoji, mnemonic
from fluxapi.model.jobid import MAX, encode_f58, encode_fancy, parse

# 6731191091817518 is RFC 19's example; the others are what `flux job id --to=f58plain` gives.
VECTORS = {
    0: "f1",
    57: "fz",
    58: "f21",
    3363: "fzz",
    3364: "f211",
    1048575: "f6Nht",
    33554431: "f3xyZg",
    6731191091817518: "fuZZybuNNy",
    18446744073709551615: "fjpXCZedGfVQ",
}


@pytest.mark.parametrize(("jobid", "text"), VECTORS.items())
def test_f58_is_that_of_rfc_19(jobid: int, text: str) -> None:
    assert encode_f58(jobid) == text


@given(st.integers(0, MAX))
def test_every_form_reads_back(jobid: int) -> None:
    dothex = ".".join(f"{jobid:016x}"[at : at + 4] for at in range(0, 16, 4))
    forms = [encode_f58(jobid), encode_fancy(jobid), str(jobid), hex(jobid), dothex]
    forms += [f"job.{dothex}", mnemonic.encode(jobid), basemoji.encode(jobid)]
    assert [parse(form) for form in forms] == [jobid] * 8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f",
        "ƒ",
        "f0",
        "fO",
        "-1",
        "1.5",
        "0x",
        "job.",
        "12 ",
        "fjpXCZedGfVR",
        str(MAX + 1),
        "٣",
        "academy-academy",
        "natural-analyze-verbal--natural-analyze-vermont",
        "a-b-c-d-e-f",
        "academy-academy-academy--academy-academy-academy-academy",
        "🎌" * 7,
        "😃" * 8,
        "🤖",
    ],
)
def test_an_invalid_id_is_refused_with_the_valid_forms(text: str) -> None:
    with pytest.raises(ValueError, match="F58"):
        parse(text)


@pytest.mark.parametrize("jobid", [-1, MAX + 1])
def test_ids_outside_64_bits_have_no_f58(jobid: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        encode_f58(jobid)
