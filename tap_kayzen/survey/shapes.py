"""Describes names and strings of responses without revealing values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

HIDDEN = "(name not shown)"
"""Replaces a name that may be a value, such as an ID or an email address."""

MAX_SHAPE_CHARS = 40
"""Maximum length of a shape."""

MIN_HEX_CHARS = 16
"""Minimum length of a hexadecimal name that is considered a hash."""

MIN_TOKEN_CHARS = 20
"""Minimum length of a mixed-case name with digits that is considered a token."""

MIN_PRIVATE_CHARS = 4
"""Minimum length of private strings to search for in names."""

PLACEHOLDERS = frozenset(
    (
        *("", "-", "--", "N/A", "n/a", "NA", "null", "NULL", "None", "none", "nil"),
        *("NaN", "nan", "unknown", "Unknown", "UNKNOWN", "(none)", "(not set)"),
        *("undefined", "Total", "total", "TOTAL", "All", "all"),
    )
)
"""Strings for missing values and totals, the only strings that are shown."""

WORDS = frozenset(
    (
        *("T", "Z", "t", "z", "UTC", "GMT", "AM", "PM", "am", "pm"),
        *("true", "false", "True", "False", "TRUE", "FALSE", "yes", "no"),
    )
)
"""Words that are kept in shapes, because they are part of a format."""

PUNCTUATION = frozenset("$€£¥%.,:;/+-()'_ ")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_NESTED = re.compile(r"[a-z][a-z0-9_]*|[a-z][A-Za-z0-9]*", re.ASCII)
_HEX = re.compile(rf"[0-9A-Fa-f-]{{{MIN_HEX_CHARS},}}", re.ASCII)
_PIECE = re.compile(r"(\d+)|([^\W\d_]+)|(.)", re.DOTALL)

_GROUPED = re.compile(
    r"(?<![9.,])9{1,3}(?:(?P<mark>[,' ])999(?:(?P=mark)999)*(?!9)|(?:\.999)+(?=,9))"
)
KEPT = "\1"
"""Marks a digit that must not be merged with adjacent ones."""

_FRACTION = re.compile(r"([.,])9+")


class NameGuard:
    """Decides which names can be shown.

    Names in responses can be values: the keys of an object can be IDs, email addresses,
    or tokens.
    """

    def __init__(
        self, redact: Callable[[str], str] = str, private: Collection[str] = ()
    ) -> None:
        """Initialize the guard.

        Args:
            redact: Masks secrets in a string.
            private: Other strings that must not be shown.
        """
        self._redact = redact
        self._private = [text for text in private if len(text) >= MIN_PRIVATE_CHARS]

    def __call__(self, name: str) -> str:
        """Return the name if it can be shown, or `HIDDEN`."""
        is_name = _NAME.fullmatch(name) is not None and not _is_key(name)
        return name if is_name and not self.is_private(name) else HIDDEN

    def is_private(self, text: str) -> bool:
        """Return whether a string contains a secret or private string."""
        is_secret = self._redact(text) != text
        return is_secret or any(each in text for each in self._private)


def is_field_name(name: str) -> bool:
    """Return whether a name looks like a field: snake_case or camelCase.

    The keys of nested objects can be data, such as the names of campaigns.
    """
    return _NESTED.fullmatch(name) is not None


def _is_key(name: str) -> bool:
    """Return whether a name looks like an ID, a hash, or a token."""
    digits = sum(character.isdigit() for character in name)
    is_mixed = name.lower() != name and name.upper() != name
    return (
        2 * digits > len(name)
        or _HEX.fullmatch(name) is not None
        or (digits > 0 and is_mixed and len(name) >= MIN_TOKEN_CHARS)
    )


def text_shape(text: str, *, is_number: bool) -> str:
    """Return the format of a string, such as ``$9,999.99`` or ``9999-99-99``.

    Digits become 9 and words become ``a``, except for `PLACEHOLDERS` and `WORDS`. The
    shape of a number does not reveal its magnitude: ``$1,234,567.8`` and ``$1,000.00``
    both become ``$9,999.99``.
    """
    if text.strip() in PLACEHOLDERS:
        return text.strip()
    shape = "".join(map(_piece, _PIECE.findall(text[: 2 * MAX_SHAPE_CHARS])))
    if is_number:
        shape = _GROUPED.sub(lambda match: f"9{match['mark'] or '.'}{3 * KEPT}", shape)
        shape = _FRACTION.sub(rf"\g<1>{2 * KEPT}", shape)
        shape = re.sub("9+", "9", shape).replace(KEPT, "9")
    else:
        shape = re.sub(r"(?<=:99)\.9+", ".999", shape)
    return shape[:MAX_SHAPE_CHARS]


def _piece(piece: tuple[str, str, str]) -> str:
    digits, letters, other = piece
    if digits:
        return "9" * len(digits)
    if letters:
        return letters if letters in WORDS else "a"
    return other if other in PUNCTUATION else "?"
