"""Keys of report rows, which have none of their own."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from tap_kayzen.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGITS = 32
"""Hexadecimal digits of a key: 128 bits, so that no two rows ever share one."""

SHORT = 15
"""Digits by which the rows of one window are remembered, as numbers of 60 bits."""

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str, order="sorted")


def hashed(values: Mapping[str, Any]) -> str:
    """Make a short text of values of any JSON type, the same for the same values."""
    try:
        text = _ENCODER.encode(values)
    except (UnicodeEncodeError, msgspec.EncodeError):
        # Text that is not Unicode.
        text = json.dumps(values, sort_keys=True, default=str).encode()
    return sha256(text).hexdigest()[:DIGITS]


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
        self._sent = KeySet()
        self._more: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """Begin to read the window, or to read it again."""
        self._before, self._more = self._more, {}
        self._rows = KeySet()
        self._first = KeySet()
        self.different = 0
        self.turn()

    def turn(self) -> None:
        """Begin a page."""
        self._page: set[str] = set()

    def key(self, about: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
        """Give a row its key.

        Args:
            about: What it is about.
            row: All of it.

        Returns:
            The key; None for a row that has been sent, or that may be no other one.
        """
        if not self._rows.add(_short(hashed(row))):
            return None
        name = key = hashed(about)
        if not self._first.add(_short(name)):
            number = self._more[name] = self._more.get(name, 1) + 1
            if name not in self._page and self._before.get(name, 1) < number:
                return None
            key = hashed({"about": about, "number": number})
        self._page.add(name)
        self.different += 1
        return key if self._sent.add(_short(key)) else None
