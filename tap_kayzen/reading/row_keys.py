"""Keys of report rows, which have none of their own."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGITS = 32
"""Hexadecimal digits of a key: 128 bits, so that no two rows ever share one."""

SHORT = 15
"""Digits by which the rows of one window are remembered, as numbers of 60 bits."""

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str, order="sorted")


def hashed(values: Mapping[str, Any]) -> str:
    """Make a short text of values of any JSON type, the same for the same values."""
    return sha256(_encoded(values)).hexdigest()[:DIGITS]


def _encoded(values: Mapping[str, Any]) -> bytes:
    try:
        return _ENCODER.encode(values)
    except (UnicodeEncodeError, msgspec.EncodeError):
        # Text that is not Unicode.
        return json.dumps(values, sort_keys=True, default=str).encode()


def _short(key: str) -> int:
    return int(key[:SHORT], 16)


class RowKeys:
    """Hands out the keys of the rows of one window, which may be read several times.

    A row is told from others by what it is about. Where Kayzen holds several rows about
    the same, such as one for each name that a campaign had, they get a key each, by the
    order in which they come. On different pages, the second may also be the first once
    more, moved and restated meanwhile: it counts when the next reading has it too.

    Attributes:
        different: Rows of this reading that are surely different ones.
    """

    def __init__(self) -> None:
        """Start without rows."""
        self._sent: set[int] = set()
        self._first: dict[int, int] = {}
        self._more: dict[int, int] = {}
        self.begin()

    def begin(self) -> None:
        """Begin to read the window, or to read it again."""
        # Put there this late, as most windows are read once.
        self._sent.update(self._first)
        self._first = {}
        self._others: set[int] = set()
        self._before, self._more = self._more, {}
        self.different = 0
        self.turn()

    def turn(self) -> None:
        """Begin a page."""
        self._page: set[int] = set()

    def key(self, about: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
        """Give a row its key.

        Args:
            about: What it is about.
            row: All of it.

        Returns:
            The key; None for a row that has been sent, or that may be no other one.
        """
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
        """Give a key to a row that is not the first one about the same."""
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
