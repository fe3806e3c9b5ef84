"""The classes of messages; the other modules of this folder hold their texts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from string import Formatter

ELLIPSIS = "…"
"""Stands for a placeholder in documentation."""


@dataclass(frozen=True)
class Text:
    """A text with ``{named}`` placeholders; a call fills them in.

    On its own, it is part of a message, such as a hint that several messages share.
    """

    text: str

    def __call__(self, **values: object) -> str:
        """Return the text with these values."""
        return self.text.format(**values)

    @property
    def pattern(self) -> str:
        """The text for documentation, such as ``HTTP …: Kayzen denied access``."""
        parts = (
            literal + ("" if name is None else ELLIPSIS)
            for literal, name, _, _ in Formatter().parse(self.text)
        )
        return "".join(parts).replace(2 * ELLIPSIS, ELLIPSIS)


@dataclass(frozen=True, kw_only=True)
class Message(Text):
    """A message, or the part of one that users search for.

    `make docs-pages` writes a row of docs/troubleshooting.md for each.

    Attributes:
        cause: Why it appears.
        action: What the user can do.
        level: Level at which it is logged.
    """

    cause: str
    action: str
    level: int = logging.ERROR
