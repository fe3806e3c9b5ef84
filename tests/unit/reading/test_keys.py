from __future__ import annotations

import random
import tracemalloc
from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_kayzen.reading.keys import ColumnKeys, KeySet

if TYPE_CHECKING:
    from tap_kayzen.reading.keys import Key

KEYS = st.one_of(
    st.integers(),
    st.integers(0, 20),
    st.sampled_from([-(2**63), 2**63 - 1, 2**63, 0, -1, 64, 128]),
    st.text(max_size=2),
    st.integers(0, 3),
    st.text(max_size=1),
)


ROWS = st.one_of(
    st.lists(KEYS, max_size=300),
    st.lists(st.integers(0, 200), max_size=300).map(sorted),
    st.lists(st.integers(0, 200), max_size=300).map(lambda row: sorted(row)[::-1]),
)


@given(ROWS)
def test_a_key_set_behaves_like_a_set(keys: list[Key]) -> None:
    ours = KeySet()
    truth: set[Key] = set()
    for key in keys:
        assert ours.add(key) == (key not in truth)
        truth.add(key)
        assert len(ours) == len(truth)


def filled(numbers: array[int]) -> KeySet:
    keys = KeySet()
    for number in numbers:
        keys.add(number)
    return keys


@pytest.mark.parametrize(("order", "most"), [("up", 9), ("down", 90), ("mixed", 90)])
@pytest.mark.parametrize("step", [1, 7, 64])
def test_a_rising_key_takes_8_bytes(order: str, most: int, step: int) -> None:
    numbers = array("q", range(0, 50_000 * step, step))
    if order == "down":
        numbers.reverse()
    elif order == "mixed":
        random.Random(1).shuffle(numbers)
    # What the interpreter, or coverage, needs for code that it sees first.
    filled(numbers)
    tracemalloc.start()
    try:
        keys = filled(numbers)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(keys) == 50_000
    assert size / 50_000 <= most


def ids(keys: ColumnKeys, *numbers: int) -> list[int]:
    return [record["id"] for record in keys.new([{"id": each} for each in numbers])]


def test_a_key_is_sent_once_in_a_run() -> None:
    sent = KeySet()
    first = ColumnKeys(["id"], sent)
    first.begin_pass()
    assert ids(first, 1, 2, 2) == [1, 2]
    assert first.distinct == 2
    # The next pass sends rows that were missed; it counts all keys again.
    first.begin_pass()
    assert ids(first, 1, 2, 3) == [3]
    assert first.distinct == 3
    other = ColumnKeys(["id"], sent)
    other.begin_pass()
    assert ids(other, 3, 4) == [4]
    assert other.distinct == 2


def test_a_key_of_several_columns_is_all_of_them() -> None:
    keys = ColumnKeys(["type", "id"], KeySet())
    keys.begin_pass()
    rows = [{"type": kind, "id": 1} for kind in "aba"]
    assert [*keys.new(rows)] == rows[:2]
