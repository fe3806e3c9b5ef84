"""Remembering which keys have been seen, in little memory."""

from __future__ import annotations

from array import array
from typing import Any

SHARDS = 64
"""Tables, so that growing one needs little room for old and new side by side."""

FULL = 3 / 4
"""Part of a table from which on it grows."""

GROWTH = 3 / 2

MOST_EXPECTED = 2_000_000
"""Keys that room is made for beforehand at most: a server may announce anything."""

EMPTY = -(2**63)
"""Marks a free place; as a key it is kept elsewhere."""


class KeySet:
    """A set of primary keys.

    A single 64-bit integer, which almost all keys are, takes 11 to 16 bytes: open
    addressing in arrays. A Python set takes about 60. Other keys go into one.
    """

    def __init__(self, expected: int = 0) -> None:
        """Make room.

        Args:
            expected: About how many keys will come; only makes it quicker.
        """
        places = int(min(expected, MOST_EXPECTED) / SHARDS / FULL * 1.05) + 8
        self._tables = [array("q", [EMPTY]) * places for _ in range(SHARDS)]
        self._used = [0] * SHARDS
        self._others: set[tuple[Any, ...]] = set()

    def __len__(self) -> int:
        """Count the keys."""
        return sum(self._used) + len(self._others)

    def add(self, key: tuple[Any, ...]) -> bool:
        """Add a key.

        Returns:
            Whether it is new.
        """
        number = key[0]
        if len(key) > 1 or type(number) is not int or not EMPTY < number < -EMPTY:
            known = key in self._others
            self._others.add(key)
            return not known
        # Mixed, for ids that are all even, or multiples of more.
        shard = (number ^ number >> 6 ^ number >> 12) % SHARDS
        table = self._tables[shard]
        place = _place(table, number)
        if table[place] == number:
            return False
        table[place] = number
        self._used[shard] += 1
        if self._used[shard] > len(table) * FULL:
            self._tables[shard] = _grown(table)
        return True


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
