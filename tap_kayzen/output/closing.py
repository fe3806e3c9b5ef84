"""Closing log line of a sync: rows by stream, and the duration."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


class ClosingLine:
    """Counts the rows of all streams of a tap and logs the total."""

    def __init__(self, logger: logging.Logger) -> None:
        """Create an instance without streams."""
        self._logger = logger
        self._rows: dict[str, int] = {}
        self._start = 0.0

    def begin(self, stream: str) -> None:
        """Register a stream before it is read; the first one starts the timer."""
        if not self._rows:
            self._start = time.monotonic()
        self._rows.setdefault(stream, 0)

    def add(self, stream: str, rows: int) -> None:
        """Count rows of a registered stream."""
        self._rows[stream] += rows

    def log(self) -> None:
        """Log and reset the totals, if any stream was registered."""
        if not self._rows:
            return
        self._logger.info(
            "Read %s of %s in %s s: %s",
            _counted(sum(self._rows.values()), "row"),
            _counted(len(self._rows), "stream"),
            f"{time.monotonic() - self._start:,.1f}",
            ", ".join(f"{name} {count:,}" for name, count in self._rows.items()),
        )
        self._rows = {}


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
