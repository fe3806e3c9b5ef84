from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_kayzen.keys import KeySet

KEYS = st.one_of(
    st.tuples(st.integers()),
    st.tuples(st.integers(0, 20)),
    st.tuples(st.sampled_from([-(2**63), 2**63 - 1, 2**63, 0, -1, 64, 128])),
    st.tuples(st.text(max_size=2)),
    st.tuples(st.integers(0, 3), st.text(max_size=1)),
)


@given(st.lists(KEYS, max_size=300), st.integers(0, 1000))
def test_it_is_a_set(keys: list[tuple[Any, ...]], expected: int) -> None:
    ours, truth = KeySet(expected), set()
    for key in keys:
        assert ours.add(key) == (key not in truth)
        truth.add(key)
        assert len(ours) == len(truth)


@pytest.mark.parametrize("expected", [0, 50_000])
@pytest.mark.parametrize("step", [1, 7, 64])
def test_a_key_takes_16_bytes_at_most(expected: int, step: int) -> None:
    tracemalloc.start()
    try:
        keys = KeySet(expected)
        for number in range(0, 50_000 * step, step):
            keys.add((number,))
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(keys) == 50_000
    assert size / 50_000 <= 16
    assert peak / 50_000 <= 17
