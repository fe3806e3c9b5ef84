"""The sandbox's time, which a test may replace by its own."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """The real time."""

    def now(self) -> float:
        """Return the seconds since some fixed moment; they never go back."""
        return time.monotonic()

    def unix_time(self) -> float:
        """Return the seconds since the start of 1970, for dates in headers."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: How much.
        """
        await asyncio.sleep(seconds)


REAL_CLOCK = Clock()
