"""The throttle: how many requests at once, how many a second, and when none."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_kayzen.api.errors import StoppedError
from tap_kayzen.api.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass
class Read:
    """A read whose requests can be stopped, while those of others go on."""

    is_stopped: bool = False


class Throttle:
    """The gate that every request of a tap passes, whatever its thread.

    Three limits hold: the user's ceiling of requests a second; a number of requests
    at once, which starts at `concurrency`, is halved by a refusal and grows back by
    about one a round (additive increase, multiplicative decrease); and, from the
    first refusal on, a learned `Pace`. A refusal (HTTP 429 or 503) also holds all
    requests back for a while.
    """

    def __init__(
        self, *, concurrency: int, requests_per_second: float | None = None
    ) -> None:
        """Start without having seen a refusal; a ceiling of None is none."""
        self._concurrency = concurrency
        self._ceiling = requests_per_second
        self._changed = threading.Condition()
        self._thread = threading.local()
        self._active = 0
        self._limit = float(concurrency)
        self._pace = Pace(self.now())
        self._was_paced = False
        self._next_start = 0.0
        self._held_until = 0.0
        self._refused_at = float("-inf")

    def now(self) -> float:
        """Return the time in seconds, from any start."""
        return time.monotonic()

    def wait(self, seconds: float | None) -> None:
        """Wait with the lock released, until the time is over or something changed."""
        self._changed.wait(seconds)

    @property
    def at_once(self) -> int:
        """Maximum number of requests at once now."""
        return int(self._limit)

    @property
    def pace(self) -> float | None:
        """Requests a second that Kayzen is believed to accept, None if unknown."""
        return self._pace.per_second

    @property
    def interval(self) -> float:
        """Seconds between the starts of two requests now, 0 without a limit."""
        limits = [limit for limit in (self._ceiling, self.pace) if limit]
        return 1 / min(limits) if limits else 0.0

    @contextmanager
    def request(self) -> Generator[float]:
        """Wait for the turn of a request and count it as running until the end.

        Yields:
            The time at which it started, for `refused`.

        Raises:
            StoppedError: The read that it belongs to was stopped.
        """
        with self._changed:
            self._pace.begin(self.now())
            try:
                yield from self._turn()
            finally:
                self._pace.end(self.now())

    def _turn(self) -> Generator[float]:
        self._await_turn()
        now = self.now()
        if interval := self.interval:
            self._next_start = max(self._next_start, now) + interval
        self._active += 1
        # Others may look while this one is on its way.
        self._changed.release()
        try:
            yield now
        finally:
            self._changed.acquire()
            self._active -= 1
            self._changed.notify_all()

    def _await_turn(self) -> None:
        while True:
            self.check()
            now = self.now()
            start = max(self._next_start, self._held_until)
            if self._active >= self.at_once:
                self.wait(None)
            elif start > now:
                self._was_paced = self._was_paced or self._next_start > now
                self.wait(min(start - now, threading.TIMEOUT_MAX))
            else:
                return

    def accepted(self) -> None:
        """Count an answered request: the limits may grow."""
        with self._changed:
            self._limit = min(self._limit + 1 / self._limit, self._concurrency)
            self._pace.accepted(self.now(), was_paced=self._was_paced)
            if self.pace:
                self._was_paced = False

    def refused(self, started: float, seconds: float) -> None:
        """Hold all requests back after a refusal and lower the limits.

        Requests that were on their way when an earlier refusal came are part of the
        same jam, and lower nothing further.

        Args:
            started: Time at which the refused request started.
            seconds: How long to hold requests back.
        """
        with self._changed:
            now = self.now()
            self._held_until = max(self._held_until, now + seconds)
            if started <= self._refused_at:
                return
            self._refused_at = now
            self._limit = max(1.0, self._limit / 2)
            self._pace.refused(now, self._held_until)

    def sleep(self, seconds: float) -> None:
        """Wait, for one request's own reasons; `stop` ends it as it ends `request`."""
        with self._changed:
            end = self.now() + seconds
            while (left := end - self.now()) > 0:
                self.check()
                self.wait(left)
            self.check()

    @contextmanager
    def of_read(self, read: Read) -> Generator[None]:
        """Count what this thread requests within as part of a read."""
        before = getattr(self._thread, "read", None)
        self._thread.read = read
        try:
            yield
        finally:
            self._thread.read = before

    def stop(self, read: Read) -> None:
        """End all waiting of a read, for good."""
        with self._changed:
            read.is_stopped = True
            self._changed.notify_all()

    def check(self) -> None:
        """Raise StoppedError if the read of this thread was stopped."""
        read: Read | None = getattr(self._thread, "read", None)
        if read is not None and read.is_stopped:
            raise StoppedError
