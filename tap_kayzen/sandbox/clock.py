"""The sandbox's clock, which tests replace with their own."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """The system clock."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def unix_time(self) -> float:
        """Return the Unix time in seconds, for dates in headers."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        await asyncio.sleep(seconds)


REAL_CLOCK = Clock()
