from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.hostlist import decode_hostlist, encode_hostlist, holds_host
from fluxapi.model.idset import IdSet, encode_idset
from fluxapi.model.resources import Node, allocation, nodes

R = {
    "version": 1,
    "execution": {
        "R_lite": [
            {"rank": "0-1", "children": {"core": "0-3", "gpu": "0"}},
            {"rank": "3", "children": {"core": "2"}},
        ],
        "nodelist": ["node[0-1]", "login"],
        "starttime": 0.0,
        "expiration": 0.0,
    },
}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", []),
        ("foox,fooy,fooz", ["foox", "fooy", "fooz"]),
        ("[1-3,5-6]", ["1", "2", "3", "5", "6"]),
        ("foo[1-3]", ["foo1", "foo2", "foo3"]),
        ("foo[0-1]-eth2", ["foo0-eth2", "foo1-eth2"]),
        ("foo1,foo1,foo1", ["foo1", "foo1", "foo1"]),
        ("[00-2]", ["00", "01", "02"]),
        ("foo[1,1,2,1]", ["foo1", "foo1", "foo2", "foo1"]),
        ("a[1-2],b,a3", ["a1", "a2", "b", "a3"]),
    ],
)
def test_hostlists_of_rfc_29_expand(text: str, hosts: list[str]) -> None:
    assert decode_hostlist(text) == hosts


@pytest.mark.parametrize("text", ["a[", "a]", "a[x]", "a[3-1]", "a[1-99999999]", "a[1][2]", ",,"])
def test_an_invalid_hostlist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        decode_hostlist(text)


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        (["node0", "node1", "node2", "node5"], "node[0-2,5]"),
        (["vm", "vm"], "vm,vm"),
        (["a9", "a10"], "a[9-10]"),
        (["a09", "a10", "a11"], "a[09-11]"),
        (["a1", "b1", "b2", "a2"], "a1,b[1-2],a2"),
    ],
)
def test_hostlists_encode_as_flux_does(hosts: list[str], text: str) -> None:
    assert encode_hostlist(hosts) == text


@given(st.lists(st.from_regex(r"[a-c]{0,2}[0-9]{1,3}|[a-c]{1,2}", fullmatch=True), max_size=12))
def test_hostlists_read_back(hosts: list[str]) -> None:
    assert decode_hostlist(encode_hostlist(hosts)) == hosts


@given(
    st.lists(st.from_regex(r"[a-c]{0,2}[0-9]{1,3}|[a-c]{1,2}", fullmatch=True), max_size=12),
    st.from_regex(r"[a-c]{0,2}[0-9]{1,3}", fullmatch=True),
)
def test_a_host_is_found_without_expanding(hosts: list[str], host: str) -> None:
    text = encode_hostlist(hosts)
    assert holds_host(text, host) == (host in hosts)
    assert all(holds_host(text, held) for held in hosts)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_idsets_are_sets(one: set[int], other: set[int]) -> None:
    first, second = IdSet.parse(encode_idset(one)), IdSet.parse(encode_idset(other))
    assert set(IdSet.union((first, second))) == one | other
    assert first.isdisjoint(second) == one.isdisjoint(other)
    assert {number for number in range(62) if number in first} == one


@pytest.mark.parametrize(
    "text", ["0-4294967294", ",".join(["0-4194303"] * 1000), "[7,5,0-4194303]"]
)
def test_a_large_idset_is_not_expanded(text: str) -> None:
    ids = IdSet.parse(text)
    assert (len(ids) >= 4194304, 5 in ids, -1 in ids) == (True, True, False)


@pytest.mark.parametrize("text", ["0-4294967295", "x", "3-1", "1,,2", ",".join("9" * 70_000)])
def test_an_invalid_idset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ID"):
        IdSet.parse(text)


def test_digits_without_end_are_a_host_name() -> None:
    name = "1" * 50_000 + "x"
    assert encode_hostlist([name, name[:-1]]) == f"{name},{name[:-1]}"


@pytest.mark.parametrize(
    "change",
    [
        {"R_lite": [{"rank": "0-4194303", "children": {"core": "0-4194303"}}]},
        {"nodelist": ["n[0-4194303]"]},
        {"R_lite": [{"rank": ["0"], "children": {}}]},
        {"R_lite": [{"rank": "0", "children": {"core": "0," * 200_000 + "0"}}]},
    ],
)
def test_an_r_of_impossible_size_is_refused(change: dict[str, Any]) -> None:
    hostile = {"execution": {**R["execution"], **change}}  # type: ignore[dict-item]
    with pytest.raises((ValueError, TypeError)):
        allocation(hostile)
    with pytest.raises(ValueError, match=r"R|hostlist|ID"):
        nodes(hostile)


@given(st.sets(st.integers(0, 200)))
def test_idsets_read_back(ids: set[int]) -> None:
    assert list(IdSet.parse(encode_idset(ids))) == sorted(ids)


def test_brackets_stand_around_several_ids_only() -> None:
    assert [encode_idset(ids, brackets=True) for ids in ([3], [0, 1, 4])] == ["3", "[0-1,4]"]


def test_nodes_of_r() -> None:
    assert nodes(R) == [
        Node(0, "node0", IdSet.parse("0-3"), IdSet.parse("0")),
        Node(1, "node1", IdSet.parse("0-3"), IdSet.parse("0")),
        Node(3, "login", IdSet.parse("2"), IdSet()),
    ]


def test_allocation_of_r_is_shared() -> None:
    given_ = allocation(R)
    assert (given_.ranks, given_.nodelist, given_.nnodes, given_.ncores) == (
        "[0-1,3]",
        "node[0-1],login",
        3,
        9,
    )
    assert allocation(dict(R)) is given_


def test_an_invalid_r_is_refused() -> None:
    with pytest.raises(ValueError, match="not an R object"):
        nodes({"execution": {"R_lite": [{}]}})


def test_a_nodelist_is_an_array_of_texts() -> None:
    execution = {"R_lite": [{"rank": "0", "children": {"core": "0"}}], "nodelist": "x" * 70_000}
    with pytest.raises(ValueError, match="nodelist must be an array"):
        allocation({"version": 1, "execution": execution})


def kept_by(reads: Iterable[object]) -> int:
    """Return the memory that stays after results that nobody keeps were made."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in reads:
            pass
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def r_of(ranks: str, hosts: str, cores: str = "0-3") -> dict[str, Any]:
    entry = {"rank": ranks, "children": {"core": cores}}
    return {"version": 1, "execution": {"R_lite": [entry], "nodelist": [hosts]}}


def test_short_texts_of_many_nodes_are_not_kept() -> None:
    reads = (nodes(r_of("0-1999", "n[0-1999]", f"0-{number}")) for number in range(30))
    assert kept_by(reads) < 4_000_000


def test_short_texts_of_hosts_that_are_written_out_are_not_kept() -> None:
    reads = (allocation(r_of("0-999", f"n[0-999]-{number}")) for number in range(1000, 1080))
    assert kept_by(reads) < 600_000
