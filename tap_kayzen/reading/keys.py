"""Primary keys: deduplicates records, and generates keys for report rows."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from hashlib import sha256
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Record = dict[str, Any]

Key: TypeAlias = "int | str | tuple[Any, ...]"
"""A primary key: the value of one column, or a tuple of several values."""

KEY = "_key"
"""Name of the generated key column of report rows."""

KEY_HEX_DIGITS = 32
"""Length of a report row's key: 128 bits, to rule out collisions."""

SHORT_HEX_DIGITS = 15
"""Length of the key prefix kept per row of a window: 60 bits, to save memory."""

MAX_INT = 2**63 - 1


class KeySet:
    """A compact set of primary keys.

    Integers added in ascending order, as almost all IDs are, take 8 bytes each. All
    other keys take about 60 bytes.
    """

    def __init__(self) -> None:
        """Initialize an empty set."""
        self._ascending = array("q")
        self._highest = -MAX_INT - 2
        self._others: set[Key] = set()

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._ascending) + len(self._others)

    def add(self, key: Key) -> bool:
        """Add a key; return whether it is new."""
        if type(key) is int:
            if self._highest < key <= MAX_INT:
                self._ascending.append(key)
                self._highest = key
                return True
            place = bisect_left(self._ascending, key)
            if place < len(self._ascending) and self._ascending[place] == key:
                return False
        if key in self._others:
            return False
        self._others.add(key)
        return True


class ColumnKeys:
    """Deduplicates records by key columns, over all slices of a sync.

    Attributes:
        distinct: Number of distinct keys in the current pass.
    """

    def __init__(self, columns: Sequence[str], sent: KeySet) -> None:
        """Initialize the keys of a slice.

        Args:
            columns: Key columns.
            sent: Keys sent in this sync; new keys are added.
        """
        self._key_of = itemgetter(*columns)
        self._sent = sent

    def begin_pass(self) -> None:
        """Start a pass over the slice."""
        # The first pass of a sync needs no second set: its keys are those of the sync.
        self._of_pass = KeySet() if self._sent else self._sent
        self.distinct = 0

    def new(self, records: list[Record]) -> Iterator[Record]:
        """Yield the records of the next page that have not been sent yet."""
        is_new_now = self._of_pass.add
        is_new = self._sent.add if self._of_pass is not self._sent else None
        for key, record in zip(map(self._key_of, records), records, strict=True):
            if is_new_now(key):
                self.distinct += 1
                if is_new is None or is_new(key):
                    yield record


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str, order="sorted")


def hash_values(values: Mapping[str, Any]) -> str:
    """Return a stable hash of named values, which can be of any JSON type."""
    return sha256(_encoded(values)).hexdigest()[:KEY_HEX_DIGITS]


def _encoded(values: Mapping[str, Any]) -> bytes:
    try:
        return _ENCODER.encode(values)
    except (UnicodeEncodeError, msgspec.EncodeError):
        # A string with lone surrogates.
        return json.dumps(values, sort_keys=True, default=str).encode()


def _short(key: str) -> int:
    return int(key[:SHORT_HEX_DIGITS], 16)


class RowKeys:
    """Generates keys for the rows of one report window, and deduplicates the rows.

    A key is a hash of the dimensions of a row. Several rows can have the same
    dimensions, for example one for each former name of a campaign. They get separate
    keys, numbered in the order of the rows.

    If the second of such rows is on a later page, it can also be the first row again:
    moved to another page, with restated metrics. It is sent only if the next pass
    returns it as well.

    Attributes:
        distinct: Number of distinct rows in the current pass.
    """

    def __init__(self, dimensions: Callable[[Record], Mapping[str, Any]]) -> None:
        """Initialize the keys of a window.

        Args:
            dimensions: Returns the values that identify a row, by column.
        """
        self._dimensions = dimensions
        self._sent: set[int] = set()
        self._first: dict[int, int] = {}
        self._counts: dict[int, int] = {}

    def begin_pass(self) -> None:
        """Start a pass over the window."""
        # Here rather than in `new`, because most windows need only one pass.
        self._sent.update(self._first)
        self._first = {}
        self._others: set[int] = set()
        self._previous_counts, self._counts = self._counts, {}
        self.distinct = 0

    def new(self, records: list[Record]) -> Iterator[Record]:
        """Yield the records of the next page that are new, with their keys."""
        self._page: set[int] = set()
        for record in records:
            key = self._key(self._dimensions(record), record)
            if key is not None:
                keyed = {KEY: key, **record}
                # Even if Kayzen sends a column of this name.
                keyed[KEY] = key
                yield keyed

    def _key(self, dimensions: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
        """Return the key of a row; None to skip the row."""
        key = hash_values(dimensions)
        short = _short(key)
        # Used only within this process, so Python's hash is enough.
        row_hash = hash(_encoded(row))
        first = self._first.get(short)
        if first is None:
            self._first[short] = row_hash
            self._page.add(short)
            self.distinct += 1
            return key if short not in self._sent else None
        if row_hash == first:
            return None
        return self._numbered_key(dimensions, short, row_hash)

    def _numbered_key(
        self, dimensions: Mapping[str, Any], short: int, row_hash: int
    ) -> str | None:
        """Return the key of a row with the dimensions of another; None to skip it."""
        if row_hash in self._others:
            return None
        self._others.add(row_hash)
        number = self._counts[short] = self._counts.get(short, 1) + 1
        if short not in self._page and self._previous_counts.get(short, 1) < number:
            return None
        self._page.add(short)
        self.distinct += 1
        # These names are part of the hash: changing them would change the keys.
        key = hash_values({"about": dimensions, "number": number})
        is_new = _short(key) not in self._sent
        self._sent.add(_short(key))
        return key if is_new else None


Keys: TypeAlias = ColumnKeys | RowKeys
"""Deduplicates the records of a slice over all passes."""
