"""Keys of report rows, which have none of their own."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from tap_kayzen.keys import KeySet

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGITS = 32
"""Hexadecimal digits of a key: 128 bits, so that no two rows ever share one."""

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str, order="sorted")


def hashed(values: Sequence[Any]) -> str:
    """Make a short text of values of any JSON type, the same for the same values."""
    try:
        text = _ENCODER.encode(values)
    except (UnicodeEncodeError, msgspec.EncodeError):
        # Text that is not Unicode.
        text = json.dumps(values, sort_keys=True, default=str).encode()
    return sha256(text).hexdigest()[:DIGITS]


class RowKeys:
    """Hands out the keys of the rows of one window.

    A row is told from others by its parts, the numbers and texts that say what it is
    about. Kayzen may hold several rows of the same parts, such as one for each name
    that a campaign had: they get a key each, by the order in which they come.
    """

    def __init__(self) -> None:
        """Start without rows."""
        self._whole = KeySet()
        self._parts = KeySet()
        self._more: dict[str, int] = {}

    def key(self, parts: Sequence[Any], whole: str) -> str | None:
        """Give a row its key.

        Args:
            parts: What the row is about.
            whole: The same for the same row only.

        Returns:
            The key; None for a row that had one before.
        """
        if not self._whole.add(whole):
            return None
        key = hashed(parts)
        if self._parts.add(key):
            return key
        number = self._more[key] = self._more.get(key, 1) + 1
        return hashed([*parts, number])
