"""How far the reading is, said now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

INTERVAL = 10.0
"""Seconds between two reports, at least."""


class Progress:
    """Reports, in the log, how much of a list has been read."""

    def __init__(self, total: int | None, logger: logging.Logger) -> None:
        """Start the clock.

        Args:
            total: How much there is to read, None if not known.
            logger: Gets a line at INFO now and then.
        """
        self._total = total
        self._logger = logger
        self._start = self._last = time.monotonic()

    def report(self, done: int) -> None:
        """Report, if it is time.

        Args:
            done: How much has been read.
        """
        now = time.monotonic()
        if now - self._last < INTERVAL:
            return
        self._last = now
        part = f" of {self._total:,} ({done / self._total:.0%})" if self._total else ""
        rate = done / (now - self._start)
        self._logger.info("%s%s read, %s/s", f"{done:,}", part, f"{rate:,.0f}")
