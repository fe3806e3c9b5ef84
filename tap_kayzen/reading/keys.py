"""Remembering which keys have been seen, in little memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Any, TypeAlias

Key: TypeAlias = "int | str | tuple[Any, ...]"
"""A primary key: the value itself where it is one column, else a tuple of them."""

SHARDS = 64
"""Tables, so that growing one needs little room for old and new side by side."""

FULL = 3 / 4
"""Part of a table from which on it grows."""

GROWTH = 3 / 2

EMPTY = -(2**63)
"""Marks a free place; as a key it is kept elsewhere."""


class KeySet:
    """A set of primary keys.

    A 64-bit integer, which almost all keys are, takes 8 to 16 bytes; in a Python set
    it takes about 60. Integers that come in order, up or down, are just put in a
    row; others go into hash tables with open addressing. All other keys go into a
    set.
    """

    def __init__(self) -> None:
        """Start without keys."""
        self._rising = array("q")
        self._falling = array("q")  # negated, so that it rises too
        self._highest = EMPTY
        self._tables = [array("q", [EMPTY]) * 8 for _ in range(SHARDS)]
        self._used = [0] * SHARDS
        self._others: set[Key] = set()

    def __len__(self) -> int:
        """Count the keys."""
        rows = len(self._rising) + len(self._falling)
        return rows + sum(self._used) + len(self._others)

    def add(self, key: Key) -> bool:
        """Add a key.

        Returns:
            Whether it is new.
        """
        if type(key) is not int or not EMPTY < key < -EMPTY:
            known = key in self._others
            self._others.add(key)
            return not known
        if key > self._highest:
            self._rising.append(key)
            self._highest = key
            return True
        return self._add_out_of_order(key)

    def _add_out_of_order(self, key: int) -> bool:
        if key < (-self._falling[-1] if self._falling else self._rising[0]):
            self._falling.append(-key)
            return True
        if _is_in(self._rising, key) or _is_in(self._falling, -key):
            return False
        # Mixed, for ids that are all even, or multiples of more.
        shard = (key ^ key >> 6 ^ key >> 12) % SHARDS
        table = self._tables[shard]
        place = _place(table, key)
        if table[place] == key:
            return False
        table[place] = key
        self._used[shard] += 1
        if self._used[shard] > len(table) * FULL:
            self._tables[shard] = _grown(table)
        return True


def _is_in(row: array[int], number: int) -> bool:
    place = bisect_left(row, number)
    return place < len(row) and row[place] == number


def _place(table: array[int], number: int) -> int:
    """Find where a number is, or would be."""
    size = len(table)
    # Kayzen counts its ids upwards: they then fall into places side by side.
    place = number // SHARDS % size
    while (found := table[place]) != EMPTY and found != number:
        place = place + 1 if place + 1 < size else 0
    return place


def _grown(old: array[int]) -> array[int]:
    table = array("q", [EMPTY]) * int(len(old) * GROWTH)
    for number in old:
        if number != EMPTY:
            table[_place(table, number)] = number
    return table
