"""Keys: which records have been sent, and how rows without a key get one."""

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
"""A primary key: the value itself where it is one column, else a tuple of them."""

KEY = "_key"
"""The column with the key of report rows."""

KEY_DIGITS = 32
"""Hexadecimal digits of a report row's key: 128 bits, so that no two rows share one."""

SHORT_DIGITS = 15
"""Digits by which the rows of one window are remembered, as integers of 60 bits."""

MAX_INT = 2**63 - 1


class KeySet:
    """A set of primary keys in little memory.

    Integers that come in rising order, as almost all IDs do, take 8 bytes each; every
    other key about 60.
    """

    def __init__(self) -> None:
        """Start without keys."""
        self._rising = array("q")
        self._highest = -MAX_INT - 2
        self._others: set[Key] = set()

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._rising) + len(self._others)

    def add(self, key: Key) -> bool:
        """Add a key; return whether it is new."""
        if type(key) is int:
            if self._highest < key <= MAX_INT:
                self._rising.append(key)
                self._highest = key
                return True
            place = bisect_left(self._rising, key)
            if place < len(self._rising) and self._rising[place] == key:
                return False
        if key in self._others:
            return False
        self._others.add(key)
        return True


class ColumnKeys:
    """Keys made of columns of the record; each goes out once in a run.

    Attributes:
        different: Number of different keys in this pass.
    """

    def __init__(self, columns: Sequence[str], sent: KeySet) -> None:
        """Start a slice; new keys are added to those sent in this run."""
        self._key_of = itemgetter(*columns)
        self._sent = sent

    def begin_pass(self) -> None:
        """Begin to read the slice, or to read it again."""
        # The first pass of a run needs no second set: what is new to it is new to the
        # run.
        self._of_pass = KeySet() if self._sent else self._sent
        self.different = 0

    def new(self, records: list[Record]) -> Iterator[Record]:
        """Yield the records of the next page that have not been sent."""
        is_new_now = self._of_pass.add
        is_new = self._sent.add if self._of_pass is not self._sent else None
        for key, record in zip(map(self._key_of, records), records, strict=True):
            if is_new_now(key):
                self.different += 1
                if is_new is None or is_new(key):
                    yield record


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str, order="sorted")


def hashed(values: Mapping[str, Any]) -> str:
    """Return a hash of values of any JSON type, the same for the same values."""
    return sha256(_encoded(values)).hexdigest()[:KEY_DIGITS]


def _encoded(values: Mapping[str, Any]) -> bytes:
    try:
        return _ENCODER.encode(values)
    except (UnicodeEncodeError, msgspec.EncodeError):
        # Text that is not Unicode.
        return json.dumps(values, sort_keys=True, default=str).encode()


def _short(key: str) -> int:
    return int(key[:SHORT_DIGITS], 16)


class RowKeys:
    """Gives keys to the rows of one window, which have none of their own.

    The key is a hash of what a row is about. Where Kayzen holds several rows about the
    same, such as one for each name that a campaign had, they get a key each, by the
    order in which they come. On different pages, the second may also be the first once
    more, moved and restated in between: it counts when the next pass has it too.
    """

    def __init__(self, about: Callable[[Record], Mapping[str, Any]]) -> None:
        """Start a window; `about` returns what tells a row from others, by column."""
        self._about = about
        self._sent: set[int] = set()
        self._first: dict[int, int] = {}
        self._more: dict[int, int] = {}

    def begin_pass(self) -> None:
        """Begin to read the window, or to read it again."""
        # Here and not in `new`, as most windows are read once.
        self._sent.update(self._first)
        self._first = {}
        self._others: set[int] = set()
        self._before, self._more = self._more, {}
        self.different = 0

    def new(self, records: list[Record]) -> Iterator[Record]:
        """Yield the records of the next page that have not been sent, with a key."""
        self._page: set[int] = set()
        for record in records:
            key = self._key(self._about(record), record)
            if key is not None:
                keyed = {KEY: key, **record}
                # Even if Kayzen has a column of this name.
                keyed[KEY] = key
                yield keyed

    def _key(self, about: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
        """Return the key of a row; None if it was sent, or may be no other row."""
        key = hashed(about)
        name = _short(key)
        # Python's own hash will do, as it never leaves this process.
        whole = hash(_encoded(row))
        first = self._first.get(name)
        if first is None:
            self._first[name] = whole
            self._page.add(name)
            self.different += 1
            return key if name not in self._sent else None
        return self._further(about, name, whole) if whole != first else None

    def _further(self, about: Mapping[str, Any], name: int, whole: int) -> str | None:
        """Return the key of a row that is not the first one about the same."""
        if whole in self._others:
            return None
        self._others.add(whole)
        number = self._more[name] = self._more.get(name, 1) + 1
        if name not in self._page and self._before.get(name, 1) < number:
            return None
        self._page.add(name)
        self.different += 1
        key = hashed({"about": about, "number": number})
        is_new = _short(key) not in self._sent
        self._sent.add(_short(key))
        return key if is_new else None


Keys: TypeAlias = ColumnKeys | RowKeys
"""Lets each key of a slice go out once, however often the slice is read."""
